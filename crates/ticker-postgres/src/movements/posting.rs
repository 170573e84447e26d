//! One posting, as far as it takes to take it back and to tell of it.

use jiff::Timestamp;
use ticker_domain::id::{ItemId, LocationId, PostingId, UserId};
use ticker_domain::ledger::{LevelId, Posted};

use super::Movements;
use crate::DatabaseError;
use crate::error::parse_stored;

/// A posting with what became of it.
#[derive(Clone, Debug)]
pub struct PostingRow {
    /// What it changed, and why.
    pub posted: Posted,
    /// Who posted it.
    pub actor: UserId,
    /// What took it back.
    pub undone_by: Option<UndoneBy>,
}

/// Who took a posting back, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UndoneBy {
    /// With which posting.
    pub posting: PostingId,
    /// The display name of who.
    pub actor_name: String,
    /// When.
    pub at: Timestamp,
}

impl UndoneBy {
    /// From the columns of an outer join.
    pub(super) fn read(
        posting: Option<i64>,
        at: Option<jiff_sqlx::Timestamp>,
        actor_name: Option<String>,
    ) -> Option<Self> {
        Some(Self {
            posting: PostingId(posting?),
            actor_name: actor_name?,
            at: at?.to_jiff(),
        })
    }
}

impl Movements<'_> {
    /// The posting; `None` if there is no such.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.movements.posting", skip(self))]
    pub async fn posting(&mut self, id: PostingId) -> Result<Option<PostingRow>, DatabaseError> {
        let rows = sqlx::query!(
            r#"select p.actor_id, p.reason, m.item_id, m.location_id, m.delta,
                      t.posting_id as "undone_id?", t.posted_at as "undone_at?: jiff_sqlx::Timestamp",
                      t.display_name as "undone_name?"
               from postings p
               join movements m on m.posting_id = p.id
               left join (
                   select b.undoes_id, b.posting_id, bp.posted_at, bu.display_name
                   from undos b
                   join postings bp on bp.id = b.posting_id
                   join users bu on bu.id = bp.actor_id
               ) t on t.undoes_id = p.id
               where p.id = $1
               order by m.line_no"#,
            id.0
        )
        .fetch_all(&mut *self.connection)
        .await?;
        let deltas = rows
            .iter()
            .map(|row| {
                let level = LevelId {
                    item: ItemId(row.item_id),
                    location: LocationId(row.location_id),
                };
                (level, row.delta)
            })
            .collect();
        let Some(row) = rows.into_iter().next() else {
            return Ok(None);
        };
        Ok(Some(PostingRow {
            posted: Posted {
                id,
                reason: parse_stored("postings.reason", &row.reason)?,
                deltas,
            },
            actor: UserId(row.actor_id),
            undone_by: UndoneBy::read(row.undone_id, row.undone_at, row.undone_name),
        }))
    }
}
