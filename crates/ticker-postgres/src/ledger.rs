//! Postings: reading and locking what a decision rests on, and writing down what was decided.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use sqlx::types::Json;
use ticker_domain::id::{ItemId, LocationId, PostingId, UserId};
use ticker_domain::ledger::{
    self, Answer, Fingerprint, Ground, Hash, IdempotencyKey, Level, LevelId, Movement, Note,
    Outcome, Posting, Recorded, Refusal, Shelf, decide,
};
use uuid::Uuid;

use crate::DatabaseError;

/// Statements about postings. They belong into one transaction: what is locked for the decision must
/// stay so until the decision is committed.
#[derive(Debug)]
pub struct Ledger<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// What became of a posting, and the number that it was recorded under if it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// What became of it.
    pub outcome: Outcome,
    /// The posting's number, of the first time if it was replayed.
    pub posting: Option<PostingId>,
}

/// Why a batch was not written. None of it was.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// Another transaction used one of the keys first: run the transaction again, its answer is there.
    #[error("a key was used at the same moment")]
    KeyRace,
    /// The database fails.
    #[error(transparent)]
    Database(DatabaseError),
}

impl From<sqlx::Error> for PostError {
    fn from(error: sqlx::Error) -> Self {
        Self::from(DatabaseError::from(error))
    }
}

impl From<DatabaseError> for PostError {
    fn from(error: DatabaseError) -> Self {
        match error.constraint() {
            Some("posting_keys_pkey") => Self::KeyRace,
            _ => Self::Database(error),
        }
    }
}

impl Ledger<'_> {
    /// Decides a batch of postings one after the other and writes what happens, all at the time `at`.
    /// The receipts stand in the order of the postings.
    ///
    /// Whatever is locked is locked in the order of its id (actors, then items), so that batches of
    /// several replicas cannot deadlock. An item's row stands for all its levels: whoever changes one
    /// changes the item's total, too.
    ///
    /// # Errors
    /// [`PostError`] if the batch cannot be written; the transaction is of no further use then.
    pub async fn post(
        &mut self,
        postings: &[Posting],
        at: Timestamp,
    ) -> Result<Vec<Receipt>, PostError> {
        let mut numbers = BTreeMap::new();
        let mut ground = self.lock_ground(postings, &mut numbers).await?;
        let outcomes = decide(&mut ground, postings, at);
        self.write(postings, &outcomes, &mut numbers, at).await?;
        let receipts = postings.iter().zip(outcomes).map(|(posting, outcome)| {
            let number = match &outcome {
                Outcome::Answered(Answer::Posted(_)) | Outcome::Replayed(Answer::Posted(_)) => {
                    numbers.get(&posting.key()).copied()
                }
                _ => None,
            };
            Receipt { outcome, posting: number }
        });
        Ok(receipts.collect())
    }

    async fn lock_ground(
        &mut self,
        postings: &[Posting],
        numbers: &mut BTreeMap<IdempotencyKey, PostingId>,
    ) -> Result<Ground, DatabaseError> {
        let levels: BTreeSet<LevelId> = postings
            .iter()
            .flat_map(|posting| posting.lines().iter().map(ledger::Line::level))
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
        let actors: BTreeSet<i64> = postings.iter().map(|posting| posting.actor().user.0).collect();
        let actors: Vec<i64> = actors.into_iter().collect();
        let rows = sqlx::query!(
            r#"select id, auth_epoch from users
               where id = any($1) and disabled_at is null
               order by id for key share"#,
            &actors
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(rows.into_iter().map(|row| (UserId(row.id), row.auth_epoch)).collect())
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
        Ok(levels.iter().filter_map(|id| Some((*id, found(id)?))).collect())
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
        Ok(rows.into_iter().map(|row| (ItemId(row.id), row.archived)).collect())
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
        let (items, locations): (Vec<i64>, Vec<i64>) =
            levels.iter().map(|level| (level.item.0, level.location.0)).unzip();
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
                Ok((id, Level { on_hand: row.on_hand, version: row.version, hash }))
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
                    return Err(DatabaseError::UnknownValue { column: "posting_keys.key", value });
                }
            };
            let fingerprint = stored_digest("posting_keys.fingerprint", &row.fingerprint)?;
            recorded.insert(key, Recorded { fingerprint: Fingerprint(fingerprint), answer });
        }
        Ok(recorded)
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

    async fn write(
        &mut self,
        postings: &[Posting],
        outcomes: &[Outcome],
        numbers: &mut BTreeMap<IdempotencyKey, PostingId>,
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        let mut posted = Vec::new();
        let mut refused = Vec::new();
        for (posting, outcome) in postings.iter().zip(outcomes) {
            match outcome {
                Outcome::Answered(Answer::Posted(movements)) => {
                    posted.push((posting, movements.as_slice()));
                }
                Outcome::Answered(Answer::Refused(refusal)) => refused.push((posting, refusal)),
                Outcome::Replayed(_) | Outcome::KeyReused | Outcome::RightsChanged => {}
            }
        }
        if !posted.is_empty() {
            self.insert_postings(&posted, numbers, at).await?;
            self.insert_movements(&posted, numbers, at).await?;
            self.store_levels(&posted).await?;
            self.store_totals(&posted, at).await?;
        }
        self.insert_keys(&posted, &refused, numbers, at).await
    }

    async fn insert_postings(
        &mut self,
        posted: &[Posted<'_>],
        numbers: &mut BTreeMap<IdempotencyKey, PostingId>,
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        let mut keys = Vec::with_capacity(posted.len());
        let mut actors = Vec::with_capacity(posted.len());
        let mut reasons = Vec::with_capacity(posted.len());
        let mut sources = Vec::with_capacity(posted.len());
        let mut notes: Vec<Option<String>> = Vec::with_capacity(posted.len());
        let mut line_counts = Vec::with_capacity(posted.len());
        for (posting, movements) in posted {
            keys.push(posting.key().0);
            actors.push(posting.actor().user.0);
            reasons.push(posting.reason().as_str().to_owned());
            sources.push(posting.source().as_str().to_owned());
            notes.push(posting.note().map(|note| Note::as_str(note).to_owned()));
            line_counts.push(count(movements.len()));
        }
        let rows = sqlx::query!(
            r#"insert into postings (key, actor_id, reason, source, note, line_count, posted_at)
               select key, actor_id, reason, source, note, line_count, $7
               from unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::int[])
                    with ordinality
                    as posted (key, actor_id, reason, source, note, line_count, place)
               order by place
               returning id, key"#,
            &keys,
            &actors,
            &reasons,
            &sources,
            &notes as &[Option<String>],
            &line_counts,
            at.to_sqlx() as _,
        )
        .fetch_all(&mut *self.connection)
        .await?;
        numbers.extend(rows.into_iter().map(|row| (IdempotencyKey(row.key), PostingId(row.id))));
        Ok(())
    }

    async fn insert_movements(
        &mut self,
        posted: &[Posted<'_>],
        numbers: &BTreeMap<IdempotencyKey, PostingId>,
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        let mut columns = MovementColumns::default();
        for (posting, movements) in posted {
            for (place, movement) in movements.iter().enumerate() {
                columns.push(numbers[&posting.key()], place, movement);
            }
        }
        sqlx::query!(
            r#"insert into movements (posting_id, line_no, item_id, location_id, number, delta, before,
                                      after, hash, moved_at)
               select posting_id, line_no, item_id, location_id, number, delta, before, after, hash, $10
               from unnest($1::bigint[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[],
                           $6::bigint[], $7::bigint[], $8::bigint[], $9::bytea[])
                    with ordinality
                    as moved (posting_id, line_no, item_id, location_id, number, delta, before, after,
                              hash, place)
               order by place"#,
            &columns.posting_ids,
            &columns.line_nos,
            &columns.item_ids,
            &columns.location_ids,
            &columns.numbers,
            &columns.deltas,
            &columns.befores,
            &columns.afters,
            &columns.hashes,
            at.to_sqlx() as _,
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Each level as its last movement left it.
    async fn store_levels(&mut self, posted: &[Posted<'_>]) -> Result<(), DatabaseError> {
        let last: BTreeMap<LevelId, &Movement> = posted
            .iter()
            .flat_map(|(_, movements)| movements.iter().map(|movement| (movement.level, movement)))
            .collect();
        let mut columns = MovementColumns::default();
        for movement in last.into_values() {
            columns.push(PostingId(0), 0, movement);
        }
        sqlx::query!(
            r#"insert into levels (item_id, location_id, on_hand, version, hash)
               select * from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[])
               on conflict (item_id, location_id) do update
               set on_hand = excluded.on_hand, version = excluded.version, hash = excluded.hash"#,
            &columns.item_ids,
            &columns.location_ids,
            &columns.afters,
            &columns.numbers,
            &columns.hashes,
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    async fn store_totals(
        &mut self,
        posted: &[Posted<'_>],
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        let mut deltas: BTreeMap<ItemId, i64> = BTreeMap::new();
        for movement in posted.iter().flat_map(|(_, movements)| movements.iter()) {
            *deltas.entry(movement.level.item).or_default() += movement.delta;
        }
        let (items, deltas): (Vec<i64>, Vec<i64>) =
            deltas.into_iter().map(|(item, delta)| (item.0, delta)).unzip();
        sqlx::query!(
            r#"update items set total = total + delta, changed_at = $3
               from unnest($1::bigint[], $2::bigint[]) as moved (item_id, delta)
               where id = item_id"#,
            &items,
            &deltas,
            at.to_sqlx() as _,
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    async fn insert_keys(
        &mut self,
        posted: &[Posted<'_>],
        refused: &[(&Posting, &Refusal)],
        numbers: &BTreeMap<IdempotencyKey, PostingId>,
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        let mut keys = Vec::new();
        let mut fingerprints = Vec::new();
        let mut posting_ids: Vec<Option<i64>> = Vec::new();
        let mut refusals: Vec<Option<Json<&Refusal>>> = Vec::new();
        for (posting, _) in posted {
            keys.push(posting.key().0);
            fingerprints.push(posting.fingerprint().0.to_vec());
            posting_ids.push(numbers.get(&posting.key()).map(|id| id.0));
            refusals.push(None);
        }
        for (posting, refusal) in refused {
            keys.push(posting.key().0);
            fingerprints.push(posting.fingerprint().0.to_vec());
            posting_ids.push(None);
            refusals.push(Some(Json(*refusal)));
        }
        if keys.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            r#"insert into posting_keys (key, fingerprint, posting_id, refusal, answered_at)
               select key, fingerprint, posting_id, refusal, $5
               from unnest($1::uuid[], $2::bytea[], $3::bigint[], $4::jsonb[])
                    as answered (key, fingerprint, posting_id, refusal)"#,
            &keys,
            &fingerprints,
            &posting_ids as &[Option<i64>],
            &refusals as &[Option<Json<&Refusal>>],
            at.to_sqlx() as _,
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }
}

/// A posting that happens, with its movements in the order of its lines.
type Posted<'a> = (&'a Posting, &'a [Movement]);

/// Movements turned on their side: one array a column, for statements that write many at once.
#[derive(Default)]
struct MovementColumns {
    posting_ids: Vec<i64>,
    line_nos: Vec<i32>,
    item_ids: Vec<i64>,
    location_ids: Vec<i64>,
    numbers: Vec<i64>,
    deltas: Vec<i64>,
    befores: Vec<i64>,
    afters: Vec<i64>,
    hashes: Vec<Vec<u8>>,
}

impl MovementColumns {
    fn push(&mut self, posting: PostingId, place: usize, movement: &Movement) {
        self.posting_ids.push(posting.0);
        self.line_nos.push(count(place + 1));
        self.item_ids.push(movement.level.item.0);
        self.location_ids.push(movement.level.location.0);
        self.numbers.push(movement.number);
        self.deltas.push(movement.delta);
        self.befores.push(movement.before);
        self.afters.push(movement.after);
        self.hashes.push(movement.hash.0.to_vec());
    }
}

/// A number of lines; [`ledger::LINES_MAX`] keeps it far below the type's end.
fn count(lines: usize) -> i32 {
    i32::try_from(lines).unwrap_or(i32::MAX)
}

fn level_id(item: i64, location: i64) -> LevelId {
    LevelId { item: ItemId(item), location: LocationId(location) }
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
