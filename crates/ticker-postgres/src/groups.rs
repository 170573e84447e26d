//! Locations and categories as what is managed: both are tables of the same shape, which one statement with
//! the table's name in its place reads and writes.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use ticker_domain::group::{GroupId, GroupKind, GroupName};
use ticker_domain::id::UserId;

use crate::DatabaseError;

/// Pages show a number up to this, and beyond it that there are more: nothing is counted to its end for a view.
pub const COUNTED_MAX: i64 = 1_000;

/// Statements about locations and categories.
#[derive(Debug)]
pub struct Groups<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// A location or a category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its identifier.
    pub id: GroupId,
    /// Its name as shown.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was archived, if it is.
    pub archived_at: Option<Timestamp>,
    /// What it was merged into when it was archived.
    pub merged_into: Option<GroupId>,
}

/// What is in a group, counted up to a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupUsage {
    /// Items at home there or belonging to it, archived ones among them.
    pub items: i64,
    /// How many of these are archived.
    pub archived_items: i64,
    /// Items of which something is on hand there; none for a category.
    pub stocked_items: i64,
    /// How much that is, each in its item's unit; of a category, over all locations.
    pub on_hand: i64,
    /// Whether there is more in it than was counted.
    pub more: bool,
}

/// A group with what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupRow {
    /// The group.
    pub group: Group,
    /// What is in it.
    pub usage: GroupUsage,
}

/// What a form names: a group that was there, or that was made for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldGroup {
    /// The group.
    pub id: GroupId,
    /// Whether it is archived, and nothing should be put into it.
    pub archived: bool,
    /// Whether it was made just now.
    pub made: bool,
}

/// What was done to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupAction {
    /// It was added.
    Added,
    /// It got another name.
    Renamed,
    /// It was taken out of use.
    Archived,
    /// It was put back into use.
    Restored,
    /// Everything in it was moved into another one, and it was archived.
    Merged,
}

impl GroupAction {
    /// The word that is stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Renamed => "renamed",
            Self::Archived => "archived",
            Self::Restored => "restored",
            Self::Merged => "merged",
        }
    }
}

/// Why a name was not given to a group.
#[derive(Debug, thiserror::Error)]
pub enum StoreGroupError {
    /// Another group of the kind, archived or not, has the name.
    #[error("another group has this name")]
    NameTaken,
    /// The database fails.
    #[error(transparent)]
    Database(DatabaseError),
}

impl From<sqlx::Error> for StoreGroupError {
    fn from(error: sqlx::Error) -> Self {
        let error = DatabaseError::from(error);
        match error.constraint() {
            Some("locations_name_key_key" | "categories_name_key_key") => Self::NameTaken,
            _ => Self::Database(error),
        }
    }
}

impl Groups<'_> {
    /// Up to `size` groups that are archived or not, by name, after the one named.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.groups.list", skip_all)]
    pub async fn list(
        &mut self,
        kind: GroupKind,
        archived: bool,
        after: Option<GroupId>,
        size: u16,
    ) -> Result<Vec<GroupRow>, DatabaseError> {
        let table = table(kind);
        let condition = format!(
            "(archived_at is not null) = $1 and ($2::bigint is null
              or (name, id) > (select name, id from {table} where id = $2))
             order by name, id limit $3"
        );
        let rows = sqlx::query(AssertSqlSafe(select_rows(kind, &condition)))
            .bind(archived)
            .bind(after.map(GroupId::number))
            .bind(i64::from(size))
            .fetch_all(&mut *self.connection)
            .await?;
        rows.iter().map(|row| read_row(kind, row)).collect()
    }

    /// A group with what is in it.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn find(&mut self, id: GroupId) -> Result<Option<GroupRow>, DatabaseError> {
        let row = sqlx::query(AssertSqlSafe(select_rows(id.kind(), "id = $1")))
            .bind(id.number())
            .fetch_optional(&mut *self.connection)
            .await?;
        row.as_ref().map(|row| read_row(id.kind(), row)).transpose()
    }

    /// Whether any item is in the group, archived or not, or anything on hand there.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn is_in_use(&mut self, id: GroupId) -> Result<bool, DatabaseError> {
        let number = id.number();
        let sql = match id.kind() {
            GroupKind::Location => {
                "select exists (select from items where home_location_id = $1)
                     or exists (select from levels where location_id = $1 and on_hand > 0)"
            }
            GroupKind::Category => "select exists (select from items where category_id = $1)",
        };
        Ok(sqlx::query_scalar(sql)
            .bind(number)
            .fetch_one(&mut *self.connection)
            .await?)
    }

    /// The group with this name.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn find_by_name(
        &mut self,
        kind: GroupKind,
        name: &GroupName,
    ) -> Result<Option<Group>, DatabaseError> {
        let row = sqlx::query(AssertSqlSafe(select_groups(kind, "name_key = $1")))
            .bind(name.key())
            .fetch_optional(&mut *self.connection)
            .await?;
        row.as_ref().map(|row| read_group(kind, row)).transpose()
    }

    /// Whether no more than one location is in use, so that nobody need be told of locations.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn is_one_location(&mut self) -> Result<bool, DatabaseError> {
        Ok(sqlx::query_scalar!(
            r#"select count(*) <= 1 as "one!"
               from (select from locations where archived_at is null limit 2) as in_use"#
        )
        .fetch_one(&mut *self.connection)
        .await?)
    }

    /// Locks groups of one kind in the order of their numbers, against whoever would move stock there,
    /// put an item into them or change them, until the transaction ends; returns those that there are.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn lock(&mut self, ids: &[GroupId]) -> Result<Vec<Group>, DatabaseError> {
        let Some(kind) = ids.first().map(|id| id.kind()) else {
            return Ok(Vec::new());
        };
        let numbers: Vec<i64> = ids.iter().map(|id| id.number()).collect();
        let condition = "id = any($1) order by id for update";
        let rows = sqlx::query(AssertSqlSafe(select_groups(kind, condition)))
            .bind(numbers)
            .fetch_all(&mut *self.connection)
            .await?;
        rows.iter().map(|row| read_group(kind, row)).collect()
    }

    /// The group with this name, made if there is none, and kept from being archived until the
    /// transaction ends.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn hold_or_insert(
        &mut self,
        kind: GroupKind,
        name: &GroupName,
    ) -> Result<HeldGroup, DatabaseError> {
        let table = table(kind);
        loop {
            let made = sqlx::query(AssertSqlSafe(format!(
                "insert into {table} (name, name_key) values ($1, $2)
                 on conflict (name_key) do nothing"
            )))
            .bind(name.as_str())
            .bind(name.key())
            .execute(&mut *self.connection)
            .await?;
            let row = sqlx::query(AssertSqlSafe(format!(
                "select id, archived_at is not null as archived from {table}
                 where name_key = $1 for key share"
            )))
            .bind(name.key())
            .fetch_optional(&mut *self.connection)
            .await?;
            // Renamed between the two statements, it leaves the name free.
            if let Some(row) = row {
                return Ok(HeldGroup {
                    id: GroupId::new(kind, row.try_get("id")?),
                    archived: row.try_get("archived")?,
                    made: made.rows_affected() == 1,
                });
            }
        }
    }

    /// Adds a group.
    ///
    /// # Errors
    /// [`StoreGroupError`] if the name is taken.
    pub async fn insert(
        &mut self,
        kind: GroupKind,
        name: &GroupName,
    ) -> Result<GroupId, StoreGroupError> {
        let sql = format!(
            "insert into {} (name, name_key) values ($1, $2) returning id",
            table(kind)
        );
        let number = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(name.as_str())
            .bind(name.key())
            .fetch_one(&mut *self.connection)
            .await?;
        Ok(GroupId::new(kind, number))
    }

    /// Gives a group another name.
    ///
    /// # Errors
    /// [`StoreGroupError`] if the name is taken.
    pub async fn rename(&mut self, id: GroupId, name: &GroupName) -> Result<(), StoreGroupError> {
        let sql = format!(
            "update {} set name = $2, name_key = $3 where id = $1",
            table(id.kind())
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(id.number())
            .bind(name.as_str())
            .bind(name.key())
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }

    /// Takes a group out of use, saying what it was merged into if it was; or, with `None`, puts it back.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn set_archived(
        &mut self,
        id: GroupId,
        archived_at: Option<Timestamp>,
        merged_into: Option<GroupId>,
    ) -> Result<(), DatabaseError> {
        let sql = format!(
            "update {} set archived_at = $2, merged_into_id = $3 where id = $1",
            table(id.kind())
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(id.number())
            .bind(archived_at.map(jiff_sqlx::ToSqlx::to_sqlx))
            .bind(merged_into.map(GroupId::number))
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }

    /// Writes down what somebody did to a group, which is called as it is now.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn insert_event(
        &mut self,
        actor: UserId,
        action: GroupAction,
        group: GroupId,
        name_before: Option<&str>,
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        let sql = format!(
            "insert into group_events (at, actor_id, action, kind, group_id, name_before, name_after,
                                       merged_into_id)
             select $1, $2, $3, $4, id, $6, name, merged_into_id from {} where id = $5",
            table(group.kind())
        );
        sqlx::query(AssertSqlSafe(sql))
            .bind(at.to_sqlx())
            .bind(actor.0)
            .bind(action.as_str())
            .bind(group.kind().as_str())
            .bind(group.number())
            .bind(name_before)
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }
}

/// The table that groups of a kind are rows of.
pub(crate) fn table(kind: GroupKind) -> &'static str {
    kind.plural()
}

/// The column of items that says which group of a kind they are in.
pub(crate) fn item_column(kind: GroupKind) -> &'static str {
    match kind {
        GroupKind::Location => "home_location_id",
        GroupKind::Category => "category_id",
    }
}

fn select_groups(kind: GroupKind, condition: &str) -> String {
    format!(
        "select id, name, created_at, archived_at, merged_into_id from {} where {condition}",
        table(kind)
    )
}

/// Groups with what is in them. However much that is, no more than [`COUNTED_MAX`] rows and one are looked
/// at for each figure.
fn select_rows(kind: GroupKind, condition: &str) -> String {
    let (groups, column) = (select_groups(kind, condition), item_column(kind));
    let limit = COUNTED_MAX + 1;
    let stock = match kind {
        GroupKind::Location => format!(
            "select count(*) as looked_at, count(*) filter (where on_hand > 0) as stocked,
                    coalesce(sum(on_hand), 0)::bigint as on_hand
             from (select on_hand from levels where location_id = g.id limit {limit}) as levels"
        ),
        GroupKind::Category => format!(
            "select 0::bigint as looked_at, 0::bigint as stocked,
                    coalesce(sum(total), 0)::bigint as on_hand
             from (select total from items where category_id = g.id limit {limit}) as items"
        ),
    };
    format!(
        "select g.*, i.items, i.archived_items, s.stocked, s.on_hand,
                greatest(i.items, s.looked_at) >= {limit} as more
         from ({groups}) as g
         cross join lateral (
             select count(*) as items, count(archived_at) as archived_items
             from (select archived_at from items where {column} = g.id limit {limit}) as items) as i
         cross join lateral ({stock}) as s
         order by g.name, g.id"
    )
}

fn read_group(kind: GroupKind, row: &PgRow) -> Result<Group, DatabaseError> {
    let created_at: jiff_sqlx::Timestamp = row.try_get("created_at")?;
    let archived_at: Option<jiff_sqlx::Timestamp> = row.try_get("archived_at")?;
    let merged_into: Option<i64> = row.try_get("merged_into_id")?;
    Ok(Group {
        id: GroupId::new(kind, row.try_get("id")?),
        name: row.try_get("name")?,
        created_at: created_at.to_jiff(),
        archived_at: archived_at.map(jiff_sqlx::Timestamp::to_jiff),
        merged_into: merged_into.map(|number| GroupId::new(kind, number)),
    })
}

fn read_row(kind: GroupKind, row: &PgRow) -> Result<GroupRow, DatabaseError> {
    Ok(GroupRow {
        group: read_group(kind, row)?,
        usage: GroupUsage {
            items: row.try_get("items")?,
            archived_items: row.try_get("archived_items")?,
            stocked_items: row.try_get("stocked")?,
            on_hand: row.try_get("on_hand")?,
            more: row.try_get("more")?,
        },
    })
}
