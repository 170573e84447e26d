//! What happened to an item, and what is on hand where.

mod day_ends;
mod export;
mod posting;
mod search;

use jiff::Timestamp;
use sqlx::PgConnection;
use ticker_domain::history::HistoryFilter;
use ticker_domain::id::{ItemId, LocationId, MovementId, PostingId, UserId};
use ticker_domain::ledger::{Kind, Reason, Source};
use ticker_domain::page::{Edge, Page};

use crate::DatabaseError;
use crate::error::parse_stored;

pub use self::export::{ExportChunk, ExportExtent, ExportFilter, ExportRow};
pub use self::posting::{PostingRow, UndoneBy};
pub use self::search::{HistorySearch, Stop};

/// Statements about movements and levels, read only: writing them is the ledger's.
#[derive(Debug)]
pub struct Movements<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// A movement with everything that a history shows beside it.
#[derive(Clone, Debug)]
pub struct MovementRow {
    /// Its identifier; histories are sorted by it.
    pub id: MovementId,
    /// The posting that it is a line of.
    pub posting: PostingId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: UserId,
    /// The display name of who.
    pub actor_name: String,
    /// Where.
    pub location: LocationId,
    /// The name of where.
    pub location_name: String,
    /// By how much, in the item's unit.
    pub delta: i64,
    /// On hand at the location before.
    pub before: i64,
    /// On hand at the location after.
    pub after: i64,
    /// Why.
    pub reason: Reason,
    /// Through which door.
    pub source: Source,
    /// What was written beside it.
    pub note: Option<String>,
    /// What its posting is, beside the reason.
    pub kind: Kind,
    /// Whether its posting moved other items, too.
    pub spans_items: bool,
    /// The bulk change that it belongs to.
    pub bulk: Option<i64>,
    /// Of a transfer, the name of the location at its other end.
    pub other_end: Option<String>,
    /// Of what takes another posting back, the movement that it takes back here.
    pub undoes: Option<MovementId>,
    /// What took its posting back, and with which movement.
    pub undone_by: Option<(UndoneBy, MovementId)>,
}

/// What is on hand of an item at a location.
#[derive(Clone, Debug)]
pub struct LevelRow {
    /// Where.
    pub location: LocationId,
    /// The name of where.
    pub location_name: String,
    /// How much, in the item's unit.
    pub on_hand: i64,
    /// How many movements led here: what a count must name.
    pub version: i64,
}

impl Movements<'_> {
    /// What is on hand of an item at every location in use and every other that it lies at, by name.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn levels(&mut self, item: ItemId) -> Result<Vec<LevelRow>, DatabaseError> {
        let rows = sqlx::query!(
            r#"select o.id, o.name, coalesce(l.on_hand, 0) as "on_hand!", coalesce(l.version, 0) as "version!"
               from locations o
               left join levels l on l.location_id = o.id and l.item_id = $1
               where o.archived_at is null or l.on_hand > 0
               order by o.name, o.id"#,
            item.0
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| LevelRow {
                location: LocationId(row.id),
                location_name: row.name,
                on_hand: row.on_hand,
                version: row.version,
            })
            .collect())
    }

    /// How many movements an item has had, at all its locations. It only grows, and is what screens tell
    /// older from newer by.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn stock_version(&mut self, item: ItemId) -> Result<i64, DatabaseError> {
        Ok(sqlx::query_scalar!(
            r#"select coalesce(sum(version), 0)::bigint as "version!" from levels where item_id = $1"#,
            item.0
        )
        .fetch_one(&mut *self.connection)
        .await?)
    }

    /// A page of an item's movements, the newest first.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn history(
        &mut self,
        item: ItemId,
        edge: &Edge<MovementId>,
        size: u16,
    ) -> Result<Page<MovementRow>, DatabaseError> {
        let filter = HistoryFilter::default();
        Ok(self.search(item, &filter, edge, size).await?.page)
    }

    /// Movements with everything that a history shows beside them, the newest first.
    async fn rows(&mut self, ids: &[i64]) -> Result<Vec<MovementRow>, DatabaseError> {
        let rows = sqlx::query!(
            r#"select m.id, m.posting_id, m.moved_at as "moved_at: jiff_sqlx::Timestamp", p.actor_id,
                      u.display_name as actor_name, m.location_id, l.name as location_name,
                      m.delta, m.before, m.after, p.reason, p.source, p.note, p.kind,
                      p.line_count > 1 and exists (
                          select from movements where posting_id = p.id and item_id <> m.item_id
                      ) as "spans_items!",
                      bulk.bulk_change_id as "bulk_change_id?",
                      undoes.undoes_id as "undoes_id?", undone.id as "undone_movement?", e.name as "other_end?",
                      t.posting_id as "undone_id?", t.movement_id as "undone_by_movement?",
                      t.posted_at as "undone_at?: jiff_sqlx::Timestamp", t.display_name as "undone_name?"
               from movements m
               join postings p on p.id = m.posting_id
               join users u on u.id = p.actor_id
               join locations l on l.id = m.location_id
               left join bulk_postings bulk on bulk.posting_id = p.id
               left join undos undoes on undoes.posting_id = p.id
               left join lateral (
                   select id from movements
                   where posting_id = undoes.undoes_id and item_id = m.item_id and location_id = m.location_id
                   order by line_no limit 1
               ) undone on true
               left join movements o on p.kind = 'transfer' and o.posting_id = p.id
                    and o.item_id = m.item_id and o.line_no <> m.line_no
               left join locations e on e.id = o.location_id
               left join lateral (
                   select b.posting_id, bm.id as movement_id, bp.posted_at, bu.display_name
                   from undos b
                   join postings bp on bp.id = b.posting_id
                   join users bu on bu.id = bp.actor_id
                   join movements bm on bm.posting_id = b.posting_id and bm.item_id = m.item_id
                   where b.undoes_id = p.id order by bm.line_no limit 1
               ) t on true
               where m.id = any($1)
               order by m.id desc"#,
            ids
        )
        .fetch_all(&mut *self.connection)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(MovementRow {
                    id: MovementId(row.id),
                    posting: PostingId(row.posting_id),
                    at: row.moved_at.to_jiff(),
                    actor: UserId(row.actor_id),
                    actor_name: row.actor_name,
                    location: LocationId(row.location_id),
                    location_name: row.location_name,
                    delta: row.delta,
                    before: row.before,
                    after: row.after,
                    reason: parse_stored("postings.reason", &row.reason)?,
                    source: parse_stored("postings.source", &row.source)?,
                    note: row.note,
                    kind: Kind::stored(row.kind.as_deref(), row.undoes_id.map(PostingId)),
                    spans_items: row.spans_items,
                    bulk: row.bulk_change_id,
                    other_end: row.other_end,
                    undoes: row.undone_movement.map(MovementId),
                    undone_by: UndoneBy::read(row.undone_id, row.undone_at, row.undone_name)
                        .zip(row.undone_by_movement.map(MovementId)),
                })
            })
            .collect()
    }
}
