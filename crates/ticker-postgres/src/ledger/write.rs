//! Writing down what was decided: one statement a table, however many postings there are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::types::Json;
use ticker_domain::id::PostingId;
use ticker_domain::ledger::{
    Answer, IdempotencyKey, LevelId, Movement, Note, Outcome, Posting, Refusal,
};
use uuid::Uuid;

use super::Ledger;
use crate::DatabaseError;

impl Ledger<'_> {
    /// Writes down what happened and what was answered, each table once, and fills in the numbers of the
    /// postings that happened.
    pub(super) async fn write(
        &mut self,
        postings: &[Posting],
        outcomes: &[Outcome],
        numbers: &mut BTreeMap<IdempotencyKey, PostingId>,
        at: Timestamp,
    ) -> Result<(), DatabaseError> {
        let rows = Rows::of(postings, outcomes);
        if rows.answers.keys.is_empty() {
            return Ok(());
        }
        let Rows {
            postings,
            movements,
            levels,
            totals,
            answers,
            undos,
        } = rows;
        let levels = MovementColumns::of(levels.into_values());
        let (items, deltas): (Vec<i64>, Vec<i64>) = totals.into_iter().unzip();
        let posted = sqlx::query!(
            r#"with posted as (
                   insert into postings (key, actor_id, reason, source, note, line_count, kind, posted_at)
                   select key, actor_id, reason, source, note, line_count, kind, $1
                   from unnest($2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::int[],
                               $27::text[])
                        with ordinality
                        as rows (key, actor_id, reason, source, note, line_count, kind, place)
                   order by place
                   returning id, key
               ), moved as (
                   insert into movements (posting_id, line_no, item_id, location_id, number, delta,
                                          before, after, hash, moved_at)
                   select posted.id, line_no, item_id, location_id, number, delta, before, after, hash, $1
                   from unnest($8::uuid[], $9::int[], $10::bigint[], $11::bigint[], $12::bigint[],
                               $13::bigint[], $14::bigint[], $15::bigint[], $16::bytea[])
                        with ordinality
                        as rows (key, line_no, item_id, location_id, number, delta, before, after, hash,
                                 place)
                   join posted using (key)
                   order by place
               ), stocked as (
                   insert into levels (item_id, location_id, on_hand, version, hash)
                   select * from unnest($17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[],
                                        $21::bytea[])
                   on conflict (item_id, location_id) do update
                   set on_hand = excluded.on_hand, version = excluded.version, hash = excluded.hash
               ), totalled as (
                   update items set total = total + delta, changed_at = $1
                   from unnest($22::bigint[], $23::bigint[]) as rows (item_id, delta)
                   where id = item_id
               ), answered as (
                   insert into posting_keys (key, fingerprint, posting_id, refusal, answered_at)
                   select key, fingerprint, posted.id, refusal, $1
                   from unnest($24::uuid[], $25::bytea[], $26::jsonb[])
                        as rows (key, fingerprint, refusal)
                   left join posted using (key)
                   order by key
               ), undone as (
                   insert into undos (undoes_id, posting_id)
                   select undoes_id, posted.id
                   from unnest($28::uuid[], $29::bigint[]) as rows (key, undoes_id)
                   join posted using (key)
                   order by undoes_id
               )
               select id, key from posted"#,
            at.to_sqlx() as _,
            &postings.keys,
            &postings.actors,
            &postings.reasons as &[&str],
            &postings.sources as &[&str],
            &postings.notes as &[Option<&str>],
            &postings.line_counts,
            &movements.keys,
            &movements.line_nos,
            &movements.items,
            &movements.locations,
            &movements.numbers,
            &movements.deltas,
            &movements.befores,
            &movements.afters,
            &movements.hashes as &[&[u8]],
            &levels.items,
            &levels.locations,
            &levels.afters,
            &levels.numbers,
            &levels.hashes as &[&[u8]],
            &items,
            &deltas,
            &answers.keys,
            &answers.fingerprints,
            &answers.refusals as &[Option<Json<&Refusal>>],
            &postings.kinds as &[Option<&str>],
            &undos.keys,
            &undos.undone,
        )
        .fetch_all(&mut *self.connection)
        .await?;
        numbers.extend(
            posted
                .into_iter()
                .map(|row| (IdempotencyKey(row.key), PostingId(row.id))),
        );
        Ok(())
    }
}

/// What is to be written, turned on its side: an array a column, so that a statement writes many rows.
#[derive(Default)]
struct Rows<'a> {
    postings: PostingColumns<'a>,
    movements: MovementColumns<'a>,
    /// The last movement of each level.
    levels: BTreeMap<LevelId, (Uuid, i32, &'a Movement)>,
    /// By how much each item's total changes.
    totals: BTreeMap<i64, i64>,
    answers: AnswerColumns<'a>,
    undos: UndoColumns,
}

impl<'a> Rows<'a> {
    fn of(postings: &'a [Posting], outcomes: &'a [Outcome]) -> Self {
        let mut rows = Self::default();
        for (posting, outcome) in postings.iter().zip(outcomes) {
            match outcome {
                Outcome::Answered(Answer::Posted(movements)) => rows.posted(posting, movements),
                Outcome::Answered(Answer::Refused(refusal)) => rows.refused(posting, refusal),
                Outcome::Replayed(_) | Outcome::KeyReused | Outcome::RightsChanged => {}
            }
        }
        rows
    }

    fn posted(&mut self, posting: &'a Posting, movements: &'a [Movement]) {
        self.postings.push(posting, movements.len());
        for (line_no, movement) in (1..).zip(movements) {
            let row = (posting.key().0, line_no, movement);
            self.movements.push(row);
            self.levels.insert(movement.level, row);
            *self.totals.entry(movement.level.item.0).or_default() += movement.delta;
        }
        self.answers.push(posting, None);
        if let Some(undone) = posting.kind().undoes() {
            self.undos.keys.push(posting.key().0);
            self.undos.undone.push(undone.0);
        }
    }

    fn refused(&mut self, posting: &Posting, refusal: &'a Refusal) {
        self.answers.push(posting, Some(refusal));
    }
}

#[derive(Default)]
struct PostingColumns<'a> {
    keys: Vec<Uuid>,
    actors: Vec<i64>,
    reasons: Vec<&'a str>,
    sources: Vec<&'a str>,
    notes: Vec<Option<&'a str>>,
    line_counts: Vec<i32>,
    kinds: Vec<Option<&'static str>>,
}

impl<'a> PostingColumns<'a> {
    fn push(&mut self, posting: &'a Posting, lines: usize) {
        self.keys.push(posting.key().0);
        self.actors.push(posting.actor().user.0);
        self.reasons.push(posting.reason().as_str());
        self.sources.push(posting.source().as_str());
        self.notes.push(posting.note().map(Note::as_str));
        // `LINES_MAX` keeps it far below the type's end.
        self.line_counts
            .push(i32::try_from(lines).unwrap_or(i32::MAX));
        self.kinds.push(posting.kind().word());
    }
}

#[derive(Default)]
struct MovementColumns<'a> {
    /// Of the postings.
    keys: Vec<Uuid>,
    line_nos: Vec<i32>,
    items: Vec<i64>,
    locations: Vec<i64>,
    numbers: Vec<i64>,
    deltas: Vec<i64>,
    befores: Vec<i64>,
    afters: Vec<i64>,
    hashes: Vec<&'a [u8]>,
}

impl<'a> MovementColumns<'a> {
    fn of(rows: impl Iterator<Item = (Uuid, i32, &'a Movement)>) -> Self {
        let mut columns = Self::default();
        rows.for_each(|row| columns.push(row));
        columns
    }

    fn push(&mut self, (key, line_no, movement): (Uuid, i32, &'a Movement)) {
        self.keys.push(key);
        self.line_nos.push(line_no);
        self.items.push(movement.level.item.0);
        self.locations.push(movement.level.location.0);
        self.numbers.push(movement.number);
        self.deltas.push(movement.delta);
        self.befores.push(movement.before);
        self.afters.push(movement.after);
        self.hashes.push(&movement.hash.0);
    }
}

#[derive(Default)]
struct UndoColumns {
    /// Of the postings that take others back.
    keys: Vec<Uuid>,
    /// Those others.
    undone: Vec<i64>,
}

#[derive(Default)]
struct AnswerColumns<'a> {
    keys: Vec<Uuid>,
    fingerprints: Vec<Vec<u8>>,
    refusals: Vec<Option<Json<&'a Refusal>>>,
}

impl<'a> AnswerColumns<'a> {
    fn push(&mut self, posting: &Posting, refusal: Option<&'a Refusal>) {
        self.keys.push(posting.key().0);
        self.fingerprints.push(posting.fingerprint().0.to_vec());
        self.refusals.push(refusal.map(Json));
    }
}
