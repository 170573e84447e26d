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
    /// Locks what the postings rest on, and reads it.
    pub(super) async fn lock_ground(
        &mut self,
        postings: &[Posting],
        numbers: &mut BTreeMap<IdempotencyKey, PostingId>,
    ) -> Result<Ground, DatabaseError> {
        let levels = levels_of(postings);
        let locked = self.lock(postings, &levels).await?;
        // All is read once everything is locked: whoever moved these levels, used the same keys on them, or
        // took the same postings back, which touches the same items, has committed by now.
        let recorded = self.recorded(postings, numbers).await?;
        self.read_ground(postings, levels, locked, recorded).await
    }

    /// The same without a lock: it may have moved on before anything is decided by it. Keys say nothing here.
    pub(super) async fn look_at_ground(
        &mut self,
        postings: &[Posting],
    ) -> Result<Ground, DatabaseError> {
        let levels = levels_of(postings);
        let seen = self.look(postings, &levels).await?;
        self.read_ground(postings, levels, seen, BTreeMap::new())
            .await
    }

    async fn read_ground(
        &mut self,
        postings: &[Posting],
        levels: BTreeSet<LevelId>,
        seen: Seen,
        recorded: BTreeMap<IdempotencyKey, Recorded>,
    ) -> Result<Ground, DatabaseError> {
        let stored = self.levels(&levels).await?;
        let undone = self.undone(postings).await?;
        let shelves = levels
            .into_iter()
            .filter_map(|id| Some((id, seen.shelf(id, &stored)?)))
            .collect();
        Ok(Ground {
            epochs: seen.epochs,
            shelves,
            recorded,
            undone,
        })
    }

    /// Locks the rows that the decision rests on until the transaction ends: first actors, then items,
    /// then locations, each in the order of their ids.
    ///
    /// FOR KEY SHARE holds off the FOR UPDATE with which rights are changed and locations archived, and
    /// nothing else.
    async fn lock(
        &mut self,
        postings: &[Posting],
        levels: &BTreeSet<LevelId>,
    ) -> Result<Seen, DatabaseError> {
        let actors = postings.iter().map(|posting| posting.actor().user.0);
        let rows = sqlx::query_as!(
            GroundRow,
            r#"with actors as materialized (
                   select id, auth_epoch from users
                   where id = any($1) and disabled_at is null order by id for key share
               ), stocked as materialized (
                   select id, archived_at is not null as archived from items
                   where id = any($2) order by id for no key update
               ), places as materialized (
                   select id from locations
                   where id = any($3) and archived_at is null order by id for key share
               )
               select 'actor' as "kind!", id as "id!", auth_epoch, null::bool as archived from actors
               union all select 'item', id, null, archived from stocked
               union all select 'location', id, null, null from places"#,
            &distinct(actors),
            &distinct(levels.iter().map(|level| level.item.0)),
            &distinct(levels.iter().map(|level| level.location.0)),
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(Seen::of(rows))
    }

    /// The rows that [`Ledger::lock`] locks, unlocked.
    async fn look(
        &mut self,
        postings: &[Posting],
        levels: &BTreeSet<LevelId>,
    ) -> Result<Seen, DatabaseError> {
        let actors = postings.iter().map(|posting| posting.actor().user.0);
        let rows = sqlx::query_as!(
            GroundRow,
            r#"select 'actor' as "kind!", id as "id!", auth_epoch, null::bool as archived
               from users where id = any($1) and disabled_at is null
               union all
               select 'item', id, null, archived_at is not null from items where id = any($2)
               union all
               select 'location', id, null, null from locations where id = any($3) and archived_at is null"#,
            &distinct(actors),
            &distinct(levels.iter().map(|level| level.item.0)),
            &distinct(levels.iter().map(|level| level.location.0)),
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(Seen::of(rows))
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
        let posted: Vec<i64> = rows.iter().filter_map(|row| row.posting_id).collect();
        let mut movements = self.movements(&posted).await?;
        let mut recorded = BTreeMap::new();
        for row in rows {
            let key = IdempotencyKey(row.key);
            let answer = match (row.posting_id.map(PostingId), row.refusal) {
                (_, Some(Json(refusal))) => Answer::Refused(refusal),
                (Some(id), None) => {
                    numbers.insert(key, id);
                    Answer::Posted(movements.remove(&id).unwrap_or_default())
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

    /// Of the postings that are to be taken back, those that have been already.
    async fn undone(&mut self, postings: &[Posting]) -> Result<BTreeSet<PostingId>, DatabaseError> {
        let undoes = postings
            .iter()
            .filter_map(|posting| posting.kind().undoes());
        let undoes: Vec<i64> = undoes.map(|posting| posting.0).collect();
        // Few batches take anything back, and the others do not pay for it.
        if undoes.is_empty() {
            return Ok(BTreeSet::new());
        }
        let undone = sqlx::query_scalar!(
            "select undoes_id from undos where undoes_id = any($1)",
            &undoes
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(undone.into_iter().map(PostingId).collect())
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

    /// The movements of postings, in the order of their lines.
    async fn movements(
        &mut self,
        postings: &[i64],
    ) -> Result<BTreeMap<PostingId, Vec<Movement>>, DatabaseError> {
        let mut movements: BTreeMap<PostingId, Vec<Movement>> = BTreeMap::new();
        if postings.is_empty() {
            return Ok(movements);
        }
        let rows = sqlx::query!(
            r#"select posting_id, item_id, location_id, number, delta, before, after, hash from movements
               where posting_id = any($1) order by posting_id, line_no"#,
            postings
        )
        .fetch_all(&mut *self.connection)
        .await?;
        for row in rows {
            let movement = Movement {
                level: level_id(row.item_id, row.location_id),
                number: row.number,
                delta: row.delta,
                before: row.before,
                after: row.after,
                hash: stored_hash("movements.hash", &row.hash)?,
            };
            let posting = PostingId(row.posting_id);
            movements.entry(posting).or_default().push(movement);
        }
        Ok(movements)
    }
}

/// Who and what there is.
#[derive(Default)]
struct Seen {
    /// The current epochs of the actors who may act.
    epochs: BTreeMap<UserId, i64>,
    /// The items that exist, each with whether it is archived.
    items: BTreeMap<ItemId, bool>,
    /// The locations in use.
    locations: BTreeSet<LocationId>,
}

/// A row of what a decision rests on.
struct GroundRow {
    kind: String,
    id: i64,
    auth_epoch: Option<i64>,
    archived: Option<bool>,
}

impl Seen {
    fn of(rows: Vec<GroundRow>) -> Self {
        let mut seen = Self::default();
        for row in rows {
            match (row.kind.as_str(), row.auth_epoch, row.archived) {
                ("actor", Some(epoch), _) => {
                    seen.epochs.insert(UserId(row.id), epoch);
                }
                ("item", _, Some(archived)) => {
                    seen.items.insert(ItemId(row.id), archived);
                }
                _ => {
                    seen.locations.insert(LocationId(row.id));
                }
            }
        }
        seen
    }

    /// What stands at a level; `None` if there is no such item.
    fn shelf(&self, id: LevelId, stored: &BTreeMap<LevelId, Level>) -> Option<Shelf> {
        let archived = self.items.get(&id.item)?;
        Some(if *archived {
            Shelf::ItemArchived
        } else if self.locations.contains(&id.location) {
            Shelf::Open(stored.get(&id).copied().unwrap_or(Level::EMPTY))
        } else {
            Shelf::LocationUnknown
        })
    }
}

fn levels_of(postings: &[Posting]) -> BTreeSet<LevelId> {
    let lines = postings.iter().flat_map(Posting::lines);
    lines.map(Line::level).collect()
}

fn distinct(ids: impl Iterator<Item = i64>) -> Vec<i64> {
    let distinct: BTreeSet<i64> = ids.collect();
    distinct.into_iter().collect()
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
