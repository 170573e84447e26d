//! Writing down what was decided: one statement a table, however many postings there are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::types::Json;
use ticker_domain::id::{ItemId, PostingId};
use ticker_domain::ledger::{
    Answer, IdempotencyKey, LevelId, Movement, Note, Outcome, Posting, Refusal,
};

use super::Ledger;
use crate::DatabaseError;

impl Ledger<'_> {
    pub(super) async fn write(
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
        numbers.extend(
            rows.into_iter()
                .map(|row| (IdempotencyKey(row.key), PostingId(row.id))),
        );
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
        let (items, deltas): (Vec<i64>, Vec<i64>) = deltas
            .into_iter()
            .map(|(item, delta)| (item.0, delta))
            .unzip();
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
                    as answered (key, fingerprint, posting_id, refusal)
               order by key"#,
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

/// A number of lines; `LINES_MAX` keeps it far below the type's end.
fn count(lines: usize) -> i32 {
    i32::try_from(lines).unwrap_or(i32::MAX)
}
