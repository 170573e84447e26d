//! Bulk changes: reading the items that they are about, changing them, and how far it has come.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use sqlx::PgConnection;
use ticker_domain::bulk::BulkItem;
use ticker_domain::id::{CategoryId, ItemId, LocationId, UserId};
use ticker_domain::stock::Thresholds;
use uuid::Uuid;

use crate::DatabaseError;

mod postings;

pub use self::postings::{BulkLine, BulkPosting, BulkUndo};

/// Statements about bulk changes.
#[derive(Debug)]
pub struct BulkChanges<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// A bulk change that was begun, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkRun {
    /// Its number.
    pub id: i64,
    /// Of the form that asked for it.
    pub key: Uuid,
    /// The display name of who asked for it.
    pub actor_name: String,
    /// When.
    pub begun_at: Timestamp,
    /// The one whose postings it takes back, if that is what it does.
    pub undoes: Option<i64>,
    /// What was asked for, as the form that was sent; empty once it is forgotten.
    pub form: String,
    /// When it last got further.
    pub stepped_at: Timestamp,
    /// When it was through, if it is.
    pub ended_at: Option<Timestamp>,
    /// Why nobody is at it any more, if that is known.
    pub rests_because: Option<String>,
    /// How many items were changed.
    pub changed: i64,
    /// How many were left out.
    pub skipped: i64,
    /// The first of these, each with its name and its reason.
    pub skips: Vec<(ItemId, String, String)>,
    /// Up to which item it has come.
    pub after_item: ItemId,
}

/// An item with what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedBulkItem {
    /// What the change asks about.
    pub item: BulkItem,
    /// Its name.
    pub name: String,
    /// Its stock keeping unit.
    pub sku: String,
    /// What one of it is called.
    pub unit: String,
    /// The name of the location that it would be changed at.
    pub location_name: String,
}

/// What one chunk of a bulk change did.
#[derive(Clone, Debug)]
pub struct BulkStep {
    /// How many items were changed.
    pub changed: usize,
    /// Those that were left out, each with its name and its reason.
    pub skips: Vec<(ItemId, String, String)>,
    /// Up to which item it has come.
    pub after_item: ItemId,
}

impl BulkChanges<'_> {
    /// Begins a bulk change, or finds the one that was begun under the same key: somebody is at it again.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn begin(
        &mut self,
        key: Uuid,
        actor: UserId,
        form: &str,
        undoes: Option<i64>,
        at: Timestamp,
    ) -> Result<BulkRun, DatabaseError> {
        sqlx::query!(
            "insert into bulk_changes (key, actor_id, form, undoes_id, begun_at, stepped_at)
             values ($1, $2, $3, $4, $5, $5) on conflict (key) do nothing",
            key,
            actor.0,
            form,
            undoes,
            at.to_sqlx() as _
        )
        .execute(&mut *self.connection)
        .await?;
        // Where somebody is at it, nothing is to be changed, and nobody is waited for.
        sqlx::query!(
            "update bulk_changes set rests_because = null, stepped_at = $2
             where key = $1 and rests_because is not null",
            key,
            at.to_sqlx() as _
        )
        .execute(&mut *self.connection)
        .await?;
        let id = sqlx::query_scalar!("select id from bulk_changes where key = $1", key)
            .fetch_one(&mut *self.connection)
            .await?;
        self.existing(id).await
    }

    /// A bulk change, and how far it has come.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn find(&mut self, id: i64) -> Result<Option<BulkRun>, DatabaseError> {
        let row = sqlx::query!(
            r#"select c.id, c.key, u.display_name, c.undoes_id, c.form, c.begun_at as "begun_at: jiff_sqlx::Timestamp",
                      c.stepped_at as "stepped_at: jiff_sqlx::Timestamp",
                      c.ended_at as "ended_at: jiff_sqlx::Timestamp", c.rests_because, c.changed, c.skipped, c.skips,
                      c.after_item_id
               from bulk_changes c join users u on u.id = c.actor_id where c.id = $1"#,
            id
        )
        .fetch_optional(&mut *self.connection)
        .await?;
        Ok(row.map(|row| BulkRun {
            id: row.id,
            key: row.key,
            actor_name: row.display_name,
            begun_at: row.begun_at.to_jiff(),
            undoes: row.undoes_id,
            form: row.form,
            stepped_at: row.stepped_at.to_jiff(),
            ended_at: row.ended_at.map(jiff_sqlx::Timestamp::to_jiff),
            rests_because: row.rests_because,
            changed: row.changed,
            skipped: row.skipped,
            skips: read_skips(&row.skips),
            after_item: ItemId(row.after_item_id),
        }))
    }

    async fn existing(&mut self, id: i64) -> Result<BulkRun, DatabaseError> {
        Ok(self.find(id).await?.ok_or(sqlx::Error::RowNotFound)?)
    }

    /// Locks a bulk change, so that two who continue it take turns.
    ///
    /// # Errors
    /// [`DatabaseError`] if there is no such bulk change or the database fails.
    pub async fn lock(&mut self, id: i64) -> Result<BulkRun, DatabaseError> {
        sqlx::query!(
            "select from bulk_changes where id = $1 for no key update",
            id
        )
        .fetch_one(&mut *self.connection)
        .await?;
        self.existing(id).await
    }

    /// Writes down that nobody is at it any more, and why, unless it is through.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn rest(&mut self, id: i64, why: &str) -> Result<(), DatabaseError> {
        sqlx::query!(
            "update bulk_changes set rests_because = $2 where id = $1 and ended_at is null",
            id,
            why
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Writes down what a chunk did. Of the items left out, no more than `skips_max` are kept in all.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn step(
        &mut self,
        run: &BulkRun,
        step: &BulkStep,
        skips_max: usize,
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        let room = skips_max.saturating_sub(run.skips.len());
        let kept = step.skips.iter().take(room);
        let kept = kept.map(|(item, name, why)| serde_json::json!([item, name, why]));
        sqlx::query!(
            "update bulk_changes set changed = changed + $2, skipped = skipped + $3, skips = skips || $4,
                                     after_item_id = $5, stepped_at = $6, rests_because = null
             where id = $1",
            run.id,
            count(step.changed),
            count(step.skips.len()),
            Value::Array(kept.collect()),
            step.after_item.0,
            at.to_sqlx() as _
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Writes down that a bulk change is through.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn end(&mut self, id: i64, at: Timestamp) -> Result<(), DatabaseError> {
        sqlx::query!(
            "update bulk_changes set stepped_at = $2, ended_at = $2, rests_because = null where id = $1",
            id,
            at.to_sqlx() as _
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Forgets the forms and the items left out of at most `limit` bulk changes that were through more than 30
    /// days ago, by the database's clock, and returns how many these were: fewer than `limit` when no more are
    /// left. How many items were changed is kept.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn forget_details(&mut self, limit: u32) -> Result<u64, DatabaseError> {
        let done = sqlx::query!(
            "update bulk_changes set form = '', skips = '[]' where id in (
                 select id from bulk_changes
                 where ended_at < now() - interval '30 days' and form <> '' order by id limit $1
             )",
            i64::from(limit)
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(done.rows_affected())
    }

    /// Locks items, in the order of their ids, against every other change until the transaction ends.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn lock_items(&mut self, items: &[ItemId]) -> Result<(), DatabaseError> {
        sqlx::query!(
            "select from items where id = any($1) order by id for no key update",
            &numbers(items)
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Those of the items that exist, by their ids, each at the location given or at its home.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn items(
        &mut self,
        items: &[ItemId],
        location: Option<LocationId>,
    ) -> Result<Vec<NamedBulkItem>, DatabaseError> {
        let rows = sqlx::query!(
            r#"select i.id, i.name, i.sku, i.unit, i.category_id, i.minimum, i.target, i.reorder_multiple,
                      i.archived_at is not null as "archived!", o.id as location_id,
                      o.name as location_name, coalesce(l.on_hand, 0) as "on_hand!"
               from items i
               join locations o on o.id = coalesce($2, i.home_location_id)
               left join levels l on l.item_id = i.id and l.location_id = o.id
               where i.id = any($1) order by i.id"#,
            &numbers(items),
            location.map(|location| location.0)
        )
        .fetch_all(&mut *self.connection)
        .await?;
        rows.into_iter()
            .map(|row| {
                let thresholds = Thresholds::new(row.minimum, row.target, row.reorder_multiple);
                let thresholds = thresholds.map_err(|_| DatabaseError::UnknownValue {
                    column: "items.minimum",
                    value: row.id.to_string(),
                })?;
                Ok(NamedBulkItem {
                    item: BulkItem {
                        item: ItemId(row.id),
                        location: LocationId(row.location_id),
                        on_hand: row.on_hand,
                        category: CategoryId(row.category_id),
                        thresholds,
                        archived: row.archived,
                    },
                    name: row.name,
                    sku: row.sku,
                    unit: row.unit,
                    location_name: row.location_name,
                })
            })
            .collect()
    }

    /// Gives items other thresholds: an edit of each.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn set_thresholds(
        &mut self,
        items: &[ItemId],
        thresholds: &Thresholds,
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        sqlx::query!(
            "update items set minimum = $2, target = $3, reorder_multiple = $4, version = version + 1,
                              changed_at = $5
             where id = any($1)",
            &numbers(items),
            thresholds.minimum(),
            thresholds.target(),
            thresholds.reorder_multiple(),
            at.to_sqlx() as _
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Puts items into another category, an edit of each; `false`, and nothing happens, if that is not in
    /// use. It stays so until the transaction ends.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn set_category(
        &mut self,
        items: &[ItemId],
        category: CategoryId,
        at: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let in_use = sqlx::query!(
            "select from categories where id = $1 and archived_at is null for key share",
            category.0
        )
        .fetch_optional(&mut *self.connection)
        .await?;
        if in_use.is_none() {
            return Ok(false);
        }
        sqlx::query!(
            "update items set category_id = $2, version = version + 1, changed_at = $3
             where id = any($1)",
            &numbers(items),
            category.0,
            at.to_sqlx() as _
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(true)
    }

    /// Archives items.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn archive(&mut self, items: &[ItemId], at: Timestamp) -> Result<(), DatabaseError> {
        sqlx::query!(
            "update items set archived_at = $2, changed_at = $2
             where id = any($1) and archived_at is null",
            &numbers(items),
            at.to_sqlx() as _
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }
}

fn numbers(items: &[ItemId]) -> Vec<i64> {
    items.iter().map(|item| item.0).collect()
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// What [`BulkChanges::step`] has written.
fn read_skips(skips: &Value) -> Vec<(ItemId, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let read = |skip: &Value| {
        let number = skip[0].as_i64().unwrap_or_default();
        (ItemId(number), text(&skip[1]), text(&skip[2]))
    };
    skips.as_array().into_iter().flatten().map(read).collect()
}
