//! Scans: which item carries a code, and what became of somebody's scans.

use jiff::Timestamp;
use sqlx::PgConnection;
use ticker_domain::id::{ItemId, LocationId, PostingId, UserId};
use ticker_domain::ledger::IdempotencyKey;

use crate::DatabaseError;

/// Statements about scans, read only: what a scan changes is the ledger's.
#[derive(Debug)]
pub struct Scans<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// A scan that changed something, as the ledger has it.
#[derive(Clone, Debug)]
pub struct ScanRow {
    /// The posting.
    pub posting: PostingId,
    /// When.
    pub at: Timestamp,
    /// What moved.
    pub item: ItemId,
    /// The item's name now.
    pub item_name: String,
    /// Where.
    pub location: LocationId,
    /// The name of where.
    pub location_name: String,
    /// By how much, in the item's unit.
    pub delta: i64,
    /// On hand at the location afterwards.
    pub after: i64,
    /// Whether it was taken back.
    pub undone: bool,
    /// Whether that was taken back as well.
    pub redone: bool,
}

impl Scans<'_> {
    /// The items whose barcode or SKU has this key, the barcode first: two at most.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.scans.find_items", skip_all)]
    pub async fn find_items(&mut self, key: &str) -> Result<Vec<ItemId>, DatabaseError> {
        let ids = sqlx::query_scalar!(
            r#"select id from items where barcode_key = $1 or sku_key = $1
               order by barcode_key is not distinct from $1 desc, id"#,
            key
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(ids.into_iter().map(ItemId).collect())
    }

    /// Those of these postings that are somebody's own and changed one level, in the order asked for.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.scans.list", skip_all)]
    pub async fn list(
        &mut self,
        actor: UserId,
        postings: &[PostingId],
    ) -> Result<Vec<ScanRow>, DatabaseError> {
        let postings: Vec<i64> = postings.iter().map(|posting| posting.0).collect();
        let rows = sqlx::query!(
            r#"select p.id, p.posted_at as "posted_at: jiff_sqlx::Timestamp", m.item_id,
                      i.name as item_name, m.location_id, l.name as location_name, m.delta, m.after,
                      b.posting_id is not null as "undone!",
                      exists (select from undos where undoes_id = b.posting_id) as "redone!"
               from postings p
               join movements m on m.posting_id = p.id
               join items i on i.id = m.item_id
               join locations l on l.id = m.location_id
               left join undos b on b.undoes_id = p.id
               where p.id = any($1) and p.actor_id = $2 and p.line_count = 1
               order by array_position($1, p.id)"#,
            &postings,
            actor.0
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| ScanRow {
                posting: PostingId(row.id),
                at: row.posted_at.to_jiff(),
                item: ItemId(row.item_id),
                item_name: row.item_name,
                location: LocationId(row.location_id),
                location_name: row.location_name,
                delta: row.delta,
                after: row.after,
                undone: row.undone,
                redone: row.redone,
            })
            .collect())
    }

    /// What somebody posted under a key, while it is remembered.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn posting_under_key(
        &mut self,
        actor: UserId,
        key: IdempotencyKey,
    ) -> Result<Option<PostingId>, DatabaseError> {
        let id = sqlx::query_scalar!(
            r#"select p.id from posting_keys k join postings p on p.id = k.posting_id
               where k.key = $1 and p.actor_id = $2"#,
            key.0,
            actor.0
        )
        .fetch_optional(&mut *self.connection)
        .await?;
        Ok(id.map(PostingId))
    }
}
