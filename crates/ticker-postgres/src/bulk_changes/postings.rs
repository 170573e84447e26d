//! What bulk changes posted, and what became of it.

use jiff::Timestamp;
use ticker_domain::id::{ItemId, LocationId, PostingId};
use ticker_domain::ledger::{LevelId, Posted, Reason};

use super::{BulkChanges, numbers};
use crate::DatabaseError;
use crate::error::parse_stored;

/// What a bulk change did to an item.
#[derive(Clone, Debug)]
pub struct BulkPosting {
    /// The item.
    pub item: ItemId,
    /// Its name.
    pub name: String,
    /// Its stock keeping unit.
    pub sku: String,
    /// The posting.
    pub posting: PostingId,
    /// Why it was made.
    pub reason: Reason,
    /// What it changed, in the order of its lines.
    pub lines: Vec<BulkLine>,
}

/// A line of such a posting.
#[derive(Clone, Debug)]
pub struct BulkLine {
    /// Where.
    pub location: LocationId,
    /// The name of where.
    pub location_name: String,
    /// By how much.
    pub delta: i64,
    /// On hand there now.
    pub on_hand: i64,
}

impl BulkPosting {
    /// As far as it takes to take it back.
    #[must_use]
    pub fn posted(&self) -> Posted {
        let deltas = self.lines.iter().map(|line| {
            let level = LevelId {
                item: self.item,
                location: line.location,
            };
            (level, line.delta)
        });
        Posted {
            id: self.posting,
            reason: self.reason,
            deltas: deltas.collect(),
        }
    }
}

/// A bulk change that takes another one back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkUndo {
    /// Its number.
    pub id: i64,
    /// The display name of who asked for it.
    pub actor_name: String,
    /// When it last got further.
    pub stepped_at: Timestamp,
    /// How many items were changed.
    pub changed: i64,
    /// Whether any of it was taken back itself.
    pub is_undone: bool,
}

impl BulkChanges<'_> {
    /// Writes down which posting a bulk change made for which item.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn add_postings(
        &mut self,
        id: i64,
        postings: &[(ItemId, PostingId)],
    ) -> Result<(), DatabaseError> {
        let (items, postings): (Vec<ItemId>, Vec<i64>) = postings
            .iter()
            .map(|(item, posting)| (*item, posting.0))
            .unzip();
        sqlx::query!(
            "insert into bulk_postings (bulk_change_id, item_id, posting_id)
             select $1, item_id, posting_id from unnest($2::bigint[], $3::bigint[]) as rows (item_id, posting_id)",
            id,
            &numbers(&items),
            &postings
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// What a bulk change did to the next `limit` items that follow `after`, by their ids, and nobody has taken
    /// back.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.bulk_changes.postings", skip_all, fields(id, %after))]
    pub async fn postings(
        &mut self,
        id: i64,
        after: ItemId,
        limit: usize,
    ) -> Result<Vec<BulkPosting>, DatabaseError> {
        let rows = sqlx::query!(
            r#"select b.item_id, b.posting_id, i.name, i.sku, p.reason, m.location_id,
                      o.name as location_name, m.delta, coalesce(l.on_hand, 0) as "on_hand!"
               from (
                   select item_id, posting_id from bulk_postings
                   where bulk_change_id = $1 and item_id > $2
                     and not exists (select from undos where undoes_id = bulk_postings.posting_id)
                   order by item_id limit $3
               ) b
               join items i on i.id = b.item_id
               join postings p on p.id = b.posting_id
               join movements m on m.posting_id = b.posting_id
               join locations o on o.id = m.location_id
               left join levels l on l.item_id = m.item_id and l.location_id = m.location_id
               order by b.item_id, m.line_no"#,
            id,
            after.0,
            i64::try_from(limit).unwrap_or(i64::MAX)
        )
        .fetch_all(&mut *self.connection)
        .await?;
        let mut postings: Vec<BulkPosting> = Vec::new();
        for row in rows {
            let line = BulkLine {
                location: LocationId(row.location_id),
                location_name: row.location_name,
                delta: row.delta,
                on_hand: row.on_hand,
            };
            match postings.last_mut() {
                Some(last) if last.posting.0 == row.posting_id => last.lines.push(line),
                _ => postings.push(BulkPosting {
                    item: ItemId(row.item_id),
                    name: row.name,
                    sku: row.sku,
                    posting: PostingId(row.posting_id),
                    reason: parse_stored("postings.reason", &row.reason)?,
                    lines: vec![line],
                }),
            }
        }
        Ok(postings)
    }

    /// For how many items a bulk change posted anything that has not been taken back, and for how many what has.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn left_and_undone(&mut self, id: i64) -> Result<(i64, i64), DatabaseError> {
        let counted = sqlx::query!(
            r#"select count(*) filter (where u.undoes_id is null) as "left!", count(u.undoes_id) as "undone!"
               from bulk_postings b left join undos u on u.undoes_id = b.posting_id
               where b.bulk_change_id = $1"#,
            id
        )
        .fetch_one(&mut *self.connection)
        .await?;
        Ok((counted.left, counted.undone))
    }

    /// What took a bulk change back, or some of it, the oldest first.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn undone_by(&mut self, id: i64) -> Result<Vec<BulkUndo>, DatabaseError> {
        let rows = sqlx::query!(
            r#"select c.id, u.display_name, c.stepped_at as "stepped_at: jiff_sqlx::Timestamp", c.changed,
                      exists (
                          select from bulk_postings b join undos on undos.undoes_id = b.posting_id
                          where b.bulk_change_id = c.id
                      ) as "is_undone!"
               from bulk_changes c join users u on u.id = c.actor_id
               where c.undoes_id = $1 and c.changed > 0 order by c.id"#,
            id
        )
        .fetch_all(&mut *self.connection)
        .await?;
        let undos = rows.into_iter().map(|row| BulkUndo {
            id: row.id,
            actor_name: row.display_name,
            stepped_at: row.stepped_at.to_jiff(),
            changed: row.changed,
            is_undone: row.is_undone,
        });
        Ok(undos.collect())
    }
}
