//! What a decision rests on: read, and locked until the transaction ends.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::types::Json;
use ticker_domain::id::{ItemId, LocationId, PostingId, UserId};
use ticker_domain::ledger::{
    Answer, Fingerprint, Ground, Hash, IdempotencyKey, Level, LevelId, Line, Movement, Posting,
    Recorded, Refusal, Shelf,
};
use uuid::Uuid;

use super::Ledger;
use crate::DatabaseError;

impl Ledger<'_> {
    pub(super) async fn lock_ground(
        &mut self,
        postings: &[Posting],
        numbers: &mut BTreeMap<IdempotencyKey, PostingId>,
    ) -> Result<Ground, DatabaseError> {
        let levels: BTreeSet<LevelId> = postings
            .iter()
            .flat_map(|posting| posting.lines().iter().map(Line::level))
            .collect();
        Ok(Ground {
            epochs: self.lock_epochs(postings).await?,
            shelves: self.lock_shelves(&levels).await?,
            // Read once the items are locked: whoever used the same key on them has committed by now.
            recorded: self.recorded(postings, numbers).await?,
        })
    }

    /// The current epochs of the actors who may act. FOR KEY SHARE holds off the FOR UPDATE with which
    /// rights are changed, and nothing else.
    async fn lock_epochs(
        &mut self,
        postings: &[Posting],
    ) -> Result<BTreeMap<UserId, i64>, DatabaseError> {
        let actors: BTreeSet<i64> = postings
            .iter()
            .map(|posting| posting.actor().user.0)
            .collect();
        let actors: Vec<i64> = actors.into_iter().collect();
        let rows = sqlx::query!(
            r#"select id, auth_epoch from users
               where id = any($1) and disabled_at is null
               order by id for key share"#,
            &actors
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (UserId(row.id), row.auth_epoch))
            .collect())
    }

    async fn lock_shelves(
        &mut self,
        levels: &BTreeSet<LevelId>,
    ) -> Result<BTreeMap<LevelId, Shelf>, DatabaseError> {
        let items = self.lock_items(levels).await?;
        let locations = self.lock_locations(levels).await?;
        let stored = self.levels(levels).await?;
        let found = |id: &LevelId| {
            let archived = items.get(&id.item)?;
            Some(if *archived {
                Shelf::ItemArchived
            } else if locations.contains(&id.location) {
                Shelf::Open(stored.get(id).copied().unwrap_or(Level::EMPTY))
            } else {
                Shelf::LocationUnknown
            })
        };
        Ok(levels
            .iter()
            .filter_map(|id| Some((*id, found(id)?)))
            .collect())
    }

    /// The items that exist, each with whether it is archived, locked until the transaction ends.
    async fn lock_items(
        &mut self,
        levels: &BTreeSet<LevelId>,
    ) -> Result<BTreeMap<ItemId, bool>, DatabaseError> {
        let items: BTreeSet<i64> = levels.iter().map(|level| level.item.0).collect();
        let items: Vec<i64> = items.into_iter().collect();
        let rows = sqlx::query!(
            r#"select id, archived_at is not null as "archived!" from items
               where id = any($1)
               order by id for no key update"#,
            &items
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (ItemId(row.id), row.archived))
            .collect())
    }

    /// The locations in use. Whoever archives a location takes its row FOR UPDATE, as with users.
    async fn lock_locations(
        &mut self,
        levels: &BTreeSet<LevelId>,
    ) -> Result<BTreeSet<LocationId>, DatabaseError> {
        let locations: BTreeSet<i64> = levels.iter().map(|level| level.location.0).collect();
        let locations: Vec<i64> = locations.into_iter().collect();
        let ids = sqlx::query_scalar!(
            r#"select id from locations
               where id = any($1) and archived_at is null
               order by id for key share"#,
            &locations
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(ids.into_iter().map(LocationId).collect())
    }

    /// The levels that something has moved on.
    async fn levels(
        &mut self,
        levels: &BTreeSet<LevelId>,
    ) -> Result<BTreeMap<LevelId, Level>, DatabaseError> {
        let (items, locations): (Vec<i64>, Vec<i64>) = levels
            .iter()
            .map(|level| (level.item.0, level.location.0))
            .unzip();
        let rows = sqlx::query!(
            r#"select item_id, location_id, on_hand, version, hash from levels
               join unnest($1::bigint[], $2::bigint[]) as named (item_id, location_id)
                 using (item_id, location_id)"#,
            &items,
            &locations
        )
        .fetch_all(&mut *self.connection)
        .await?;
        rows.into_iter()
            .map(|row| {
                let id = level_id(row.item_id, row.location_id);
                let hash = stored_hash("levels.hash", &row.hash)?;
                Ok((
                    id,
                    Level {
                        on_hand: row.on_hand,
                        version: row.version,
                        hash,
                    },
                ))
            })
            .collect()
    }

    /// What was answered under the postings' keys before; fills in the numbers of those that happened.
    async fn recorded(
        &mut self,
        postings: &[Posting],
        numbers: &mut BTreeMap<IdempotencyKey, PostingId>,
    ) -> Result<BTreeMap<IdempotencyKey, Recorded>, DatabaseError> {
        let keys: Vec<Uuid> = postings.iter().map(|posting| posting.key().0).collect();
        let rows = sqlx::query!(
            r#"select key, fingerprint, posting_id, refusal as "refusal: Json<Refusal>"
               from posting_keys where key = any($1)"#,
            &keys
        )
        .fetch_all(&mut *self.connection)
        .await?;
        let mut recorded = BTreeMap::new();
        for row in rows {
            let key = IdempotencyKey(row.key);
            let answer = match (row.posting_id, row.refusal) {
                (_, Some(Json(refusal))) => Answer::Refused(refusal),
                (Some(id), None) => {
                    numbers.insert(key, PostingId(id));
                    Answer::Posted(self.movements(PostingId(id)).await?)
                }
                (None, None) => {
                    let value = key.to_string();
                    return Err(DatabaseError::UnknownValue {
                        column: "posting_keys.key",
                        value,
                    });
                }
            };
            let fingerprint = stored_digest("posting_keys.fingerprint", &row.fingerprint)?;
            recorded.insert(
                key,
                Recorded {
                    fingerprint: Fingerprint(fingerprint),
                    answer,
                },
            );
        }
        Ok(recorded)
    }

    /// By how much the posting under this key changed stock in all, if there is one and its key is still
    /// known.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn quantity_under_key(
        &mut self,
        key: IdempotencyKey,
    ) -> Result<Option<i64>, DatabaseError> {
        Ok(sqlx::query_scalar!(
            r#"select sum(m.delta)::bigint from posting_keys k
               join movements m on m.posting_id = k.posting_id
               where k.key = $1"#,
            key.0
        )
        .fetch_one(&mut *self.connection)
        .await?)
    }

    async fn movements(&mut self, posting: PostingId) -> Result<Vec<Movement>, DatabaseError> {
        let rows = sqlx::query!(
            r#"select item_id, location_id, number, delta, before, after, hash from movements
               where posting_id = $1 order by line_no"#,
            posting.0
        )
        .fetch_all(&mut *self.connection)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(Movement {
                    level: level_id(row.item_id, row.location_id),
                    number: row.number,
                    delta: row.delta,
                    before: row.before,
                    after: row.after,
                    hash: stored_hash("movements.hash", &row.hash)?,
                })
            })
            .collect()
    }
}

fn level_id(item: i64, location: i64) -> LevelId {
    LevelId {
        item: ItemId(item),
        location: LocationId(location),
    }
}

fn stored_hash(column: &'static str, bytes: &[u8]) -> Result<Hash, DatabaseError> {
    stored_digest(column, bytes).map(Hash)
}

fn stored_digest(column: &'static str, bytes: &[u8]) -> Result<[u8; 32], DatabaseError> {
    bytes.try_into().map_err(|_| DatabaseError::UnknownValue {
        column,
        value: format!("{} bytes", bytes.len()),
    })
}
