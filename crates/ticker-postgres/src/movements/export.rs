//! The ledger read from its beginning, a chunk at a time, as it stood when the reading began.
//!
//! Nothing is held between two chunks: no transaction, no cursor, no connection. What keeps them together
//! is the snapshot of the beginning, which is a short text. A movement's number is given before its
//! transaction commits, so that a smaller number may turn up after a greater one was read. Each chunk asks
//! the snapshot whether the movement's transaction had committed when the reading began: all that had are
//! read, whatever was under way beside them, and nothing that committed later is.
//!
//! Readers that *follow* the ledger must wait below `pg_snapshot_xmin` instead, since they go on from where
//! they stopped. A reading that ends need not, and so one long transaction elsewhere does not hide what has
//! been answered long ago.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use ticker_domain::history::{Flow, HistoryFilter, What};
use ticker_domain::id::{ItemId, LocationId, MovementId, PostingId};
use ticker_domain::ledger::{Kind, Reason, Source};
use uuid::Uuid;

use super::Movements;
use crate::DatabaseError;
use crate::error::parse_stored;

/// Which movements are wanted; by default all.
#[derive(Clone, Debug, Default)]
pub struct ExportFilter {
    /// Only those of this item.
    pub item: Option<ItemId>,
    /// And only those of them.
    pub of: HistoryFilter,
}

/// The movements that there are when a reading begins.
#[derive(Clone, Debug)]
pub struct ExportExtent {
    /// The newest that is seen; 0 when there is none.
    newest: MovementId,
    /// A `pg_snapshot`, as text.
    snapshot: String,
}

/// A part of a reading.
#[derive(Clone, Debug)]
pub struct ExportChunk {
    /// What is wanted of it, oldest first; possibly nothing.
    pub rows: Vec<ExportRow>,
    /// The last movement that was looked at: the next chunk begins after it. `None` at the end.
    pub last: Option<MovementId>,
}

/// A movement with everything that is told of it outside.
#[derive(Clone, Debug)]
pub struct ExportRow {
    /// Its identifier.
    pub id: MovementId,
    /// The posting that it is a line of.
    pub posting: PostingId,
    /// The posting's idempotency key.
    pub key: Uuid,
    /// Which line of the posting, from 1.
    pub line: i32,
    /// When.
    pub at: Timestamp,
    /// The username of who.
    pub actor: String,
    /// What.
    pub item: ItemId,
    /// The item's SKU, as it is now.
    pub sku: String,
    /// The item's name, as it is now.
    pub item_name: String,
    /// Where.
    pub location: LocationId,
    /// The name of where, as it is now.
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
}

impl Movements<'_> {
    /// The movements that there are now.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn begin_export(&mut self) -> Result<ExportExtent, DatabaseError> {
        let row = sqlx::query!(
            r#"select coalesce(max(id), 0) as "newest!", pg_current_snapshot()::text as "snapshot!"
               from movements"#
        )
        .fetch_one(&mut *self.connection)
        .await?;
        Ok(ExportExtent {
            newest: MovementId(row.newest),
            snapshot: row.snapshot,
        })
    }

    /// Looks at up to `size` movements of the extent that follow `after`, and returns the wanted ones.
    ///
    /// It is movements looked at that are counted, not wanted ones, so that a chunk costs the same wherever
    /// the wanted ones lie.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.movements.export", skip_all, fields(%after))]
    pub async fn export(
        &mut self,
        extent: &ExportExtent,
        filter: &ExportFilter,
        after: MovementId,
        size: u16,
    ) -> Result<ExportChunk, DatabaseError> {
        let of = &filter.of;
        let (reason, kind) = of.what.map_or((None, None), What::stored);
        let rows = sqlx::query!(
            r#"select m.id, m.posting_id, p.key, m.line_no, m.moved_at as "moved_at: jiff_sqlx::Timestamp",
                      u.username, m.item_id, i.sku, i.name as item_name, m.location_id,
                      l.name as location_name, m.delta, m.before, m.after, p.reason, p.source, p.note,
                      p.kind, undoes.undoes_id as "undoes_id?",
                      pg_visible_in_snapshot(m.xid, (select $5::text::pg_snapshot))
                      and m.moved_at >= coalesce($6, '-infinity'::timestamptz)
                      and m.moved_at < coalesce($7, 'infinity'::timestamptz)
                      and p.actor_id = coalesce($8, p.actor_id)
                      and m.location_id = coalesce($9, m.location_id)
                      and sign(m.delta) = coalesce($10::bigint, sign(m.delta))
                      and ($11::text is null or p.reason = $11 and p.kind is null and undoes.undoes_id is null)
                      and ($12::text is null
                           or $12 is not distinct from case when undoes.undoes_id is null then p.kind else 'undo' end)
                      as "is_wanted!"
               from (
                   (select id from movements
                    where $3::bigint is null and id > $1 and id <= $2 order by id limit $4)
                   union all
                   (select id from movements
                    where item_id = $3 and id > $1 and id <= $2 order by id limit $4)
               ) read
               join movements m on m.id = read.id
               join postings p on p.id = m.posting_id
               join users u on u.id = p.actor_id
               join items i on i.id = m.item_id
               join locations l on l.id = m.location_id
               left join undos undoes on undoes.posting_id = p.id
               order by m.id"#,
            after.0,
            extent.newest.0,
            filter.item.map(|item| item.0),
            i64::from(size),
            extent.snapshot,
            of.from.map(ToSqlx::to_sqlx) as _,
            of.until.map(ToSqlx::to_sqlx) as _,
            of.actor.map(|actor| actor.0),
            of.location.map(|location| location.0),
            of.flow.map(Flow::sign),
            reason,
            kind,
        )
        .fetch_all(&mut *self.connection)
        .await?;
        let last = rows.last().map(|row| MovementId(row.id));
        let rows = rows
            .into_iter()
            .filter(|row| row.is_wanted)
            .map(|row| {
                Ok(ExportRow {
                    id: MovementId(row.id),
                    posting: PostingId(row.posting_id),
                    key: row.key,
                    line: row.line_no,
                    at: row.moved_at.to_jiff(),
                    actor: row.username,
                    item: ItemId(row.item_id),
                    sku: row.sku,
                    item_name: row.item_name,
                    location: LocationId(row.location_id),
                    location_name: row.location_name,
                    delta: row.delta,
                    before: row.before,
                    after: row.after,
                    reason: parse_stored("postings.reason", &row.reason)?,
                    source: parse_stored("postings.source", &row.source)?,
                    note: row.note,
                    kind: Kind::stored(row.kind.as_deref(), row.undoes_id.map(PostingId)),
                })
            })
            .collect::<Result<_, DatabaseError>>()?;
        Ok(ExportChunk { rows, last })
    }
}
