//! Merging one location or category into another, a chunk a transaction.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row as _};
use ticker_domain::group::{GroupId, GroupKind};
use ticker_domain::id::{ItemId, LocationId, UserId};
use ticker_domain::stock_list::ItemCount;
use uuid::Uuid;

use crate::DatabaseError;
use crate::error::parse_stored;
use crate::groups::{COUNTED_MAX, item_column};

/// Statements about merges.
#[derive(Debug)]
pub struct GroupMerges<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// A merge that was begun, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupMerge {
    /// Its number.
    pub id: i64,
    /// Of the form that began it.
    pub key: Uuid,
    /// What is emptied, and archived in the end.
    pub source: GroupId,
    /// What receives it all.
    pub target: GroupId,
    /// How many items it was about when it began; `None` if these were too many to count.
    pub items_total: Option<i64>,
    /// How many it has been through. Others may put more into the source meanwhile.
    pub items_moved: i64,
    /// How many postings it has made.
    pub chunks: i64,
    /// Up to which item it has looked for stock.
    pub after_item: ItemId,
    /// When it last got further.
    pub stepped_at: Timestamp,
    /// When it was through, if it is.
    pub ended_at: Option<Timestamp>,
}

/// What a merge would move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergeExtent {
    /// Items in the group or in stock there, archived ones among them.
    pub items: ItemCount,
    /// Items of which something is on hand there.
    pub stocked_items: ItemCount,
    /// How much that is, each in its item's unit, of as many of them as were counted.
    pub on_hand: i64,
}

/// An item that is locked so that its stock can be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockedItem {
    /// The item.
    pub item: ItemId,
    /// On hand at the location asked for, at least 1.
    pub on_hand: i64,
    /// When the item was archived, if it is.
    pub archived_at: Option<Timestamp>,
}

const COLUMNS: &str = "id, key, kind, source_id, target_id, items_total, items_moved, chunks, after_item_id, \
                       stepped_at, ended_at";

impl GroupMerges<'_> {
    /// What a merge of the group would move, of a location counted up to [`COUNTED_MAX`]; of a category the
    /// number is kept.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.group_merges.extent", skip_all)]
    pub async fn extent(&mut self, source: GroupId) -> Result<MergeExtent, DatabaseError> {
        match source {
            GroupId::Location(location) => self.extent_of_location(location).await,
            GroupId::Category(category) => {
                let items = sqlx::query_scalar!(
                    r#"select coalesce(sum(items), 0)::bigint as "items!" from stock_counts
                       where category_id = $1"#,
                    category.0
                )
                .fetch_one(&mut *self.connection)
                .await?;
                Ok(MergeExtent {
                    items: ItemCount::Exactly(items),
                    stocked_items: ItemCount::Exactly(0),
                    on_hand: 0,
                })
            }
        }
    }

    async fn extent_of_location(
        &mut self,
        location: LocationId,
    ) -> Result<MergeExtent, DatabaseError> {
        let row = sqlx::query!(
            r#"with stocked as materialized (
                   select item_id, on_hand from levels where location_id = $1 and on_hand > 0 limit $2::bigint + 1
               )
               select (select count(*) from (
                           select item_id from stocked
                           union
                           (select id from items where home_location_id = $1 limit $2::bigint + 1)
                       ) either) as "items!",
                      (select count(*) from stocked) as "stocked_items!",
                      (select coalesce(sum(on_hand), 0)::bigint
                       from (select on_hand from stocked limit $2) counted) as "on_hand!""#,
            location.0,
            COUNTED_MAX
        )
        .fetch_one(&mut *self.connection)
        .await?;
        let counted = |items: i64| match items {
            0..=COUNTED_MAX => ItemCount::Exactly(items),
            _ => ItemCount::MoreThan(COUNTED_MAX),
        };
        Ok(MergeExtent {
            items: counted(row.items),
            stocked_items: counted(row.stocked_items),
            on_hand: row.on_hand,
        })
    }

    /// Begins a merge, or finds the one that was begun under the same key.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn insert(
        &mut self,
        key: Uuid,
        (source, target): (GroupId, GroupId),
        actor: UserId,
        items_total: Option<i64>,
        at: Timestamp,
    ) -> Result<GroupMerge, DatabaseError> {
        let sql = format!(
            "insert into group_merges (key, kind, source_id, target_id, actor_id, items_total, begun_at,
                                       stepped_at)
             values ($1, $2, $3, $4, $5, $6, $7, $7) returning {COLUMNS}"
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(key)
            .bind(source.kind().as_str())
            .bind(source.number())
            .bind(target.number())
            .bind(actor.0)
            .bind(items_total)
            .bind(at.to_sqlx())
            .fetch_one(&mut *self.connection)
            .await?;
        read_merge(&row)
    }

    /// The merge that was begun under a key.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn find_by_key(&mut self, key: Uuid) -> Result<Option<GroupMerge>, DatabaseError> {
        let sql = format!("select {COLUMNS} from group_merges where key = $1");
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(key)
            .fetch_optional(&mut *self.connection)
            .await?;
        row.as_ref().map(read_merge).transpose()
    }

    /// The last merge that was begun to empty a group.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn last_of(&mut self, source: GroupId) -> Result<Option<GroupMerge>, DatabaseError> {
        let sql = format!(
            "select {COLUMNS} from group_merges where kind = $1 and source_id = $2 order by id desc limit 1"
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(source.kind().as_str())
            .bind(source.number())
            .fetch_optional(&mut *self.connection)
            .await?;
        row.as_ref().map(read_merge).transpose()
    }

    /// A merge that has not ended yet and that empties or fills one of these groups, all of one kind.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn unended_about(
        &mut self,
        groups: &[GroupId],
    ) -> Result<Option<GroupMerge>, DatabaseError> {
        let Some(kind) = groups.first().map(|group| group.kind()) else {
            return Ok(None);
        };
        let numbers: Vec<i64> = groups.iter().map(|group| group.number()).collect();
        let sql = format!(
            "select {COLUMNS} from group_merges
             where ended_at is null and kind = $1 and (source_id = any($2) or target_id = any($2))
             order by id limit 1"
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(kind.as_str())
            .bind(numbers)
            .fetch_optional(&mut *self.connection)
            .await?;
        row.as_ref().map(read_merge).transpose()
    }

    /// Locks a merge, so that two who continue it take turns.
    ///
    /// # Errors
    /// [`DatabaseError`] if there is no such merge or the database fails.
    pub async fn lock(&mut self, id: i64) -> Result<GroupMerge, DatabaseError> {
        let sql = format!("select {COLUMNS} from group_merges where id = $1 for update");
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(id)
            .fetch_one(&mut *self.connection)
            .await?;
        read_merge(&row)
    }

    /// Locks the next `limit` items, in the order of their numbers, of which something is on hand at the
    /// location, and tells how much. Stock that is gone by the time of the lock is left out.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn lock_stocked(
        &mut self,
        location: LocationId,
        after: ItemId,
        limit: usize,
    ) -> Result<Vec<StockedItem>, DatabaseError> {
        let next: Vec<i64> = sqlx::query_scalar!(
            "select item_id from levels where location_id = $1 and item_id > $2 and on_hand > 0
             order by item_id limit $3",
            location.0,
            after.0,
            i64::try_from(limit).unwrap_or(i64::MAX)
        )
        .fetch_all(&mut *self.connection)
        .await?;
        sqlx::query!(
            "select from items where id = any($1) order by id for no key update",
            &next
        )
        .fetch_all(&mut *self.connection)
        .await?;
        // Read once they are locked: whoever moved this stock before has committed by now.
        let rows = sqlx::query!(
            r#"select i.id, l.on_hand, i.archived_at as "archived_at: jiff_sqlx::Timestamp"
               from items i join levels l on l.item_id = i.id and l.location_id = $2
               where i.id = any($1) and l.on_hand > 0 order by i.id"#,
            &next,
            location.0
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| StockedItem {
                item: ItemId(row.id),
                on_hand: row.on_hand,
                archived_at: row.archived_at.map(jiff_sqlx::Timestamp::to_jiff),
            })
            .collect())
    }

    /// Sets when items were archived, without a trace: what they are is not changed by where their stock
    /// is kept.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn set_items_archived(
        &mut self,
        items: &[(ItemId, Option<Timestamp>)],
    ) -> Result<(), DatabaseError> {
        if items.is_empty() {
            return Ok(());
        }
        let ids: Vec<i64> = items.iter().map(|(item, _)| item.0).collect();
        let times: Vec<Option<jiff_sqlx::Timestamp>> = items
            .iter()
            .map(|(_, archived_at)| archived_at.map(jiff_sqlx::ToSqlx::to_sqlx))
            .collect();
        sqlx::query(
            "update items set archived_at = given.archived_at
             from unnest($1::bigint[], $2::timestamptz[]) as given (id, archived_at)
             where items.id = given.id",
        )
        .bind(ids)
        .bind(times)
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Moves those of these items that are in the source into the target: an edit of each.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn regroup(
        &mut self,
        (source, target): (GroupId, GroupId),
        items: &[ItemId],
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        let column = item_column(source.kind());
        let ids: Vec<i64> = items.iter().map(|item| item.0).collect();
        sqlx::query(AssertSqlSafe(format!(
            "update items set {column} = $3, version = version + 1, changed_at = $4
             where id = any($1) and {column} = $2"
        )))
        .bind(ids)
        .bind(source.number())
        .bind(target.number())
        .bind(at.to_sqlx())
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Locks `limit` of the items in a group, in the order of their numbers.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn lock_members(
        &mut self,
        source: GroupId,
        limit: usize,
    ) -> Result<Vec<ItemId>, DatabaseError> {
        let column = item_column(source.kind());
        let ids: Vec<i64> = sqlx::query_scalar(AssertSqlSafe(format!(
            "select id from items
             where id = any(array(select id from items where {column} = $1 limit $2))
             order by id for no key update"
        )))
        .bind(source.number())
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(ids.into_iter().map(ItemId).collect())
    }

    /// Writes down that a merge got further: by how many items, with how many postings, and up to which
    /// item it has looked for stock now.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn step(
        &mut self,
        id: i64,
        (items, chunks): (usize, i64),
        after: ItemId,
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        sqlx::query!(
            "update group_merges set items_moved = items_moved + $2, chunks = chunks + $3,
                                     after_item_id = $4, stepped_at = $5
             where id = $1",
            id,
            i64::try_from(items).unwrap_or(i64::MAX),
            chunks,
            after.0,
            at.to_sqlx() as _
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Writes down that a merge is through.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn end(&mut self, id: i64, at: Timestamp) -> Result<(), DatabaseError> {
        sqlx::query!(
            "update group_merges set stepped_at = $2, ended_at = $2 where id = $1",
            id,
            at.to_sqlx() as _
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }
}

fn read_merge(row: &PgRow) -> Result<GroupMerge, DatabaseError> {
    let kind: GroupKind = parse_stored("group_merges.kind", row.try_get("kind")?)?;
    let stepped_at: jiff_sqlx::Timestamp = row.try_get("stepped_at")?;
    let ended_at: Option<jiff_sqlx::Timestamp> = row.try_get("ended_at")?;
    Ok(GroupMerge {
        id: row.try_get("id")?,
        key: row.try_get("key")?,
        source: GroupId::new(kind, row.try_get("source_id")?),
        target: GroupId::new(kind, row.try_get("target_id")?),
        items_total: row.try_get("items_total")?,
        items_moved: row.try_get("items_moved")?,
        chunks: row.try_get("chunks")?,
        after_item: ItemId(row.try_get("after_item_id")?),
        stepped_at: stepped_at.to_jiff(),
        ended_at: ended_at.map(jiff_sqlx::Timestamp::to_jiff),
    })
}
