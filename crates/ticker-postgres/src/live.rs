//! The ledger read forward, for screens that follow it.
//!
//! A reader keeps a [`Position`]: what it had seen of the database at one moment. The next reading finds
//! the movements of the transactions that had not ended then and have ended now. Nobody has to wait for
//! the oldest transaction that still runs, and nothing is read twice.
//!
//! What moved is told by the item, with how it stands at the moment of the reading: however many movements
//! of an item are read at once, they are one event.

mod position;

use jiff::Timestamp;
use serde::Deserialize;
use sqlx::PgConnection;
use sqlx::types::Json;
use ticker_domain::id::{ItemId, LocationId, PostingId, UserId};
use ticker_domain::stock::{StockStatus, Thresholds};

use crate::DatabaseError;

pub use self::position::{BadPosition, Position};

/// Statements that read the ledger forward.
#[derive(Debug)]
pub struct Live<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// What was read of the ledger.
#[derive(Clone, Debug)]
pub struct LiveReading {
    /// How far it goes: where the next one begins.
    pub position: Position,
    /// What has happened.
    pub news: LiveNews,
}

/// What has happened between two readings.
#[derive(Clone, Debug)]
pub enum LiveNews {
    /// This, and nothing else.
    Told {
        /// What moved: an entry an item, in the order of their last movements.
        moved: Vec<ItemMoved>,
        /// Items that changed in other ways: how they are called, whether they are archived.
        changed: Vec<ItemId>,
    },
    /// More than is told in detail, or nobody knows how much: whoever follows has to look again at
    /// everything.
    TooMuch,
}

/// What has moved of an item, and how it stands now.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ItemMoved {
    /// The item.
    pub item: ItemId,
    /// How many movements of it there are: the sum of its levels' versions.
    pub version: i64,
    /// On hand over all locations.
    pub on_hand: i64,
    /// What that means.
    pub status: StockStatus,
    /// Beside which thresholds it means that.
    pub thresholds: Thresholds,
    /// By how much all of it changed.
    pub delta: i64,
    /// The levels that moved, by location.
    pub levels: Vec<LevelMoved>,
    /// Who moved it last.
    pub by: UserId,
    /// The display name of who.
    pub by_name: String,
    /// How many others moved it, too.
    pub others: i64,
    /// The last posting about it.
    pub posting: PostingId,
    /// When the first of the movements was made.
    pub since: Timestamp,
    /// When the last was.
    pub at: Timestamp,
}

impl ItemMoved {
    /// What was on hand before, beside the thresholds of now.
    #[must_use]
    pub fn status_before(&self) -> StockStatus {
        StockStatus::of(self.on_hand - self.delta, &self.thresholds)
    }
}

/// A level that moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct LevelMoved {
    /// Where.
    pub location: LocationId,
    /// On hand there now.
    pub on_hand: i64,
    /// By how much it changed.
    pub delta: i64,
}

/// The most movements that a reading looks at. A busy process posts as many in a second.
const MOVEMENTS_MAX: i64 = 20_000;
/// The most items that a reading tells of: a few hundred kilobytes for each screen.
const ITEMS_MAX: i64 = 1_000;

impl LiveNews {
    /// Nothing.
    pub const NONE: Self = Self::Told {
        moved: Vec::new(),
        changed: Vec::new(),
    };
}

impl Live<'_> {
    /// Forgets at most `limit` changes of items of more than a day ago, the oldest first, and returns how many
    /// these were: fewer than `limit` when no more are left. How far that went is kept, so that whoever comes
    /// back from before is told to look at everything.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn delete_old_changes(&mut self, limit: u32) -> Result<u64, DatabaseError> {
        // Changes that were restored from another cluster may bear numbers that are still to come here: nobody
        // has a place among them.
        let deleted = sqlx::query_scalar!(
            r#"with gone as (
                   delete from item_changes where id in (
                       select id from item_changes where changed_at < now() - interval '1 day' order by id limit $1
                   )
                   returning xid
               ), newest as (
                   select xid from gone where xid < pg_snapshot_xmax(pg_current_snapshot()) order by xid desc limit 1
               ), kept as (
                   update item_changes_forgotten forgotten set xid = newest.xid from newest
                   where forgotten.xid < newest.xid or forgotten.xid >= pg_snapshot_xmax(pg_current_snapshot())
               )
               select count(*) as "deleted!" from gone"#,
            i64::from(limit)
        )
        .fetch_one(&mut *self.connection)
        .await?;
        Ok(deleted.unsigned_abs())
    }

    /// Where the ledger ends now.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn position(&mut self) -> Result<Position, DatabaseError> {
        let snapshot = sqlx::query_scalar!(r#"select pg_current_snapshot()::text as "snapshot!""#)
            .fetch_one(&mut *self.connection)
            .await?;
        read_position(&snapshot)
    }

    /// Reads what has happened since `position`, and up to `until` if that is given. It takes about as long for
    /// ten million movements as for ten, and stops at a bound however many are new.
    ///
    /// Whatever many items show, such as the name of a category, is too much as well when it changes; and so is
    /// what has been forgotten.
    ///
    /// A position that the database has not reached yet comes from another one, or from a time that it
    /// was set back before.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.live.read", skip_all)]
    pub async fn read(
        &mut self,
        position: &Position,
        until: Option<&Position>,
    ) -> Result<LiveReading, DatabaseError> {
        // Movements that were restored from another cluster may bear numbers that are still to come here:
        // what is not below the snapshot's end is none of its transactions'.
        //
        // `offset 0` has each looked up by its key, whatever the planner guesses about their number.
        let row = sqlx::query!(
            r#"with view as materialized (
                   select coalesce($5::text::pg_snapshot, pg_current_snapshot()) as snapshot
               ), moved as materialized (
                   (select id, posting_id, item_id, location_id, delta, moved_at from movements
                    where xid >= $1::text::xid8 and xid < pg_snapshot_xmax((select snapshot from view))
                      and pg_visible_in_snapshot(xid, (select snapshot from view))
                    order by xid, id limit $3::bigint + 1)
                   union all
                   (select id, posting_id, item_id, location_id, delta, moved_at from movements
                    where xid = any($2::text[]::xid8[])
                      and pg_visible_in_snapshot(xid, (select snapshot from view))
                    order by xid, id limit $3::bigint + 1)
               ), changed as materialized (
                   (select item_id from item_changes
                    where xid >= $1::text::xid8 and xid < pg_snapshot_xmax((select snapshot from view))
                      and pg_visible_in_snapshot(xid, (select snapshot from view))
                    order by xid, id limit $4::bigint + 1)
                   union all
                   (select item_id from item_changes
                    where xid = any($2::text[]::xid8[])
                      and pg_visible_in_snapshot(xid, (select snapshot from view))
                    order by xid, id limit $4::bigint + 1)
               ), extent as materialized (
                   select count(*) as movements, count(distinct item_id) as items,
                          (select count(*) > $4 or count(*) > count(item_id) from changed) as is_wide
                   from moved
               ), acted as (
                   select m.*, p.actor_id
                   from moved m cross join lateral (
                       select actor_id from postings where id = m.posting_id offset 0
                   ) p
                   where (select movements <= $3 and items <= $4::bigint from extent)
               ), level as (
                   select item_id, location_id, sum(delta)::bigint as delta from acted group by 1, 2
               ), item as (
                   select item_id, sum(delta)::bigint as delta, max(id) as last, min(moved_at) as since, max(moved_at) as at,
                          count(distinct actor_id) - 1 as others,
                          (array_agg(actor_id order by id desc))[1] as actor_id,
                          (array_agg(posting_id order by id desc))[1] as posting_id
                   from acted group by 1
               ), told as (
                   select item.item_id as item, v.version, i.total as on_hand, i.status, i.thresholds, item.delta,
                          l.levels, item.actor_id as by, u.display_name as by_name, item.others,
                          item.posting_id as posting, item.since, item.at
                   from item
                   cross join lateral (
                       select total, status, json_build_array(minimum, target, reorder_multiple) as thresholds
                       from items where id = item.item_id offset 0
                   ) i
                   cross join lateral (
                       select sum(version)::bigint as version from levels where item_id = item.item_id offset 0
                   ) v
                   cross join lateral (select display_name from users where id = item.actor_id offset 0) u
                   cross join lateral (
                       select json_agg(json_build_object('location', level.location_id,
                                                         'on_hand', here.on_hand, 'delta', level.delta)
                                       order by level.location_id) as levels
                       from level cross join lateral (
                           select on_hand from levels
                           where item_id = level.item_id and location_id = level.location_id offset 0
                       ) here
                       where level.item_id = item.item_id
                   ) l
                   order by item.last
               )
               select view.snapshot::text as "snapshot!",
                      extent.movements > $3 or extent.items > $4 or extent.is_wide
                      or $1::text::xid8 > pg_snapshot_xmax(view.snapshot)
                      or exists (
                          select from item_changes_forgotten forgotten
                          where forgotten.xid < pg_snapshot_xmax(view.snapshot)
                            and forgotten.xid >= any($1::text::xid8 || $2::text[]::xid8[])
                      ) as "is_too_much!",
                      (select coalesce(json_agg(told), '[]') from told) as "moved!: Json<Vec<ItemMoved>>",
                      array(select distinct item_id from changed where item_id is not null order by 1) as "changed!: Vec<i64>"
               from view cross join extent"#,
            position.next(),
            &position.running(),
            MOVEMENTS_MAX,
            ITEMS_MAX,
            until.map(Position::snapshot),
        )
        .fetch_one(&mut *self.connection)
        .await?;
        Ok(LiveReading {
            position: read_position(&row.snapshot)?,
            news: if row.is_too_much {
                LiveNews::TooMuch
            } else {
                LiveNews::Told {
                    moved: row.moved.0,
                    changed: row.changed.into_iter().map(ItemId).collect(),
                }
            },
        })
    }
}

fn read_position(snapshot: &str) -> Result<Position, DatabaseError> {
    Position::from_snapshot(snapshot).map_err(|_| DatabaseError::UnknownValue {
        column: "pg_current_snapshot()",
        value: snapshot.to_owned(),
    })
}
