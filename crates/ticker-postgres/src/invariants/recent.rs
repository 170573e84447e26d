//! The check that goes along with the ledger: what has moved since the last time, and what was broken then.
//!
//! It reads movements in the order of `(xid, id)` below the oldest transaction that still runs, so that
//! none can appear behind it; of each level that moved it proves what follows the last movement proven.
//! What is broken is written down and checked again each time, from the same movement, until it is sound.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, FromRow};

use super::{INVARIANTS, Invariants, Violation, rules};
use crate::DatabaseError;

/// How far a step of the recent check has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecentProgress {
    /// More has moved than a step reads: take another.
    More {
        /// Movements that this step has read.
        movements: i64,
    },
    /// Everything is proven, or written down as broken.
    Done {
        /// Movements that this step has read.
        movements: i64,
    },
    /// More is broken than is kept. The step has gone no further.
    TooMuchBroken,
}

/// What the recent check found when it was last done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerCheck {
    /// When it last reached the end of the ledger, if it ever has.
    pub checked_at: Option<Timestamp>,
    /// In how many places each invariant is broken, by its name, in the order of [`INVARIANTS`].
    pub violations: Vec<(&'static str, i64)>,
}

/// Movements that a step reads at most: tenths of a second, and as long a snapshot.
const MOVEMENTS: i64 = 10_000;
/// Broken places that are kept; beyond, the whole check is what helps.
const VIOLATIONS_MAX: usize = 10_000;

/// The items `$1` and the levels `($2, $3)`, of which only what follows the proven movement is read.
const STORED: &str = "
    with stored as (
        select * from levels where item_id = any($1)
    ), places as (
        select item_id, location_id, coalesce(number, 0) as number, coalesce(after, 0) as after, hash
        from (
            select item_id, location_id from stored
            union select * from unnest($2::bigint[], $3::bigint[])
        ) place left join proven_levels using (item_id, location_id)
    )";
const MOVED: &str = "
    , moved as (
        select item_id, location_id, p.number + m.moves as moves, p.after + m.moved as moved,
               coalesce(m.last, p.number) as last
        from places p cross join lateral (
            select count(*) as moves, coalesce(sum(delta), 0) as moved, max(number) as last from movements
            where item_id = p.item_id and location_id = p.location_id and number > p.number offset 0
        ) m
    )";
const LINKS: &str = "
    , links as (
        select m.*, coalesce(lag(m.number) over level, nullif(p.number, 0)) as previous_number,
               coalesce(lag(m.after) over level, p.after) as previous_after,
               coalesce(lag(m.hash) over level, p.hash) as previous_hash
        from places p cross join lateral (
            select * from movements
            where item_id = p.item_id and location_id = p.location_id and number > p.number offset 0
        ) m
        window level as (partition by m.item_id, m.location_id order by m.number)
    )";

/// What a step looks at: the movements it reads, and what was broken before.
#[derive(FromRow)]
struct Step {
    xid: Option<String>,
    movement_id: Option<i64>,
    movements: i64,
    items: Vec<i64>,
    postings: Vec<i64>,
    level_items: Vec<i64>,
    level_locations: Vec<i64>,
}

impl Invariants<'_> {
    /// Takes a step of the recent check, which belongs into a transaction of its own. Several at once take
    /// turns: one of them has to run its transaction again.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails; then nothing of the step is remembered.
    #[tracing::instrument(name = "db.invariants.check_recent", skip(self))]
    pub async fn check_recent(&mut self) -> Result<RecentProgress, DatabaseError> {
        self.begin_recent().await?;
        // The first statement: who waits here and then sees another's step behind it is run again.
        sqlx::query("select from ledger_checks for update")
            .execute(&mut *self.connection)
            .await?;
        let step = self.next_step().await?;
        let violations = self.violations_of(&step).await?;
        if violations.len() > VIOLATIONS_MAX {
            self.keep(&violations[..VIOLATIONS_MAX]).await?;
            return Ok(RecentProgress::TooMuchBroken);
        }
        self.keep(&violations).await?;
        self.prove(&step).await?;
        let movements = step.movements;
        let is_done = movements < MOVEMENTS;
        self.advance(&step, is_done).await?;
        Ok(if is_done {
            RecentProgress::Done { movements }
        } else {
            RecentProgress::More { movements }
        })
    }

    /// What the recent check found when it was last done.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn last_check(&mut self) -> Result<LedgerCheck, DatabaseError> {
        let checked_at = sqlx::query_scalar!(
            r#"select checked_at as "checked_at: jiff_sqlx::Timestamp" from ledger_checks"#
        )
        .fetch_one(&mut *self.connection)
        .await?;
        let counted = sqlx::query!(
            r#"select invariant, count(*) as "count!" from ledger_violations group by 1"#
        )
        .fetch_all(&mut *self.connection)
        .await?;
        let count = |name| {
            let found = counted.iter().find(|row| row.invariant == name);
            (name, found.map_or(0, |row| row.count))
        };
        Ok(LedgerCheck {
            checked_at: checked_at.map(jiff_sqlx::Timestamp::to_jiff),
            violations: INVARIANTS.iter().map(|one| count(one.name)).collect(),
        })
    }

    /// What is written down as broken.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn kept_violations(&mut self) -> Result<Vec<Violation>, DatabaseError> {
        Ok(sqlx::query_as(
            "select invariant, item_id, posting_id, place from ledger_violations order by id",
        )
        .fetch_all(&mut *self.connection)
        .await?)
    }

    /// A cursor that is ahead of every transaction comes from another cluster, whose data were restored
    /// into this one: it begins anew, since numbers begin anew.
    async fn next_step(&mut self) -> Result<Step, DatabaseError> {
        let sql = "
            with here as (
                select case when is_ahead then '0' else xid end as xid,
                       case when is_ahead then 0 else movement_id end as movement_id
                from (select *, xid >= pg_snapshot_xmin(pg_current_snapshot()) as is_ahead from ledger_checks) c
            ), read as (
                select m.xid, m.id, m.item_id, m.location_id, m.posting_id
                from here c cross join lateral (
                    select * from movements
                    where (xid, id) > (c.xid, c.movement_id) and xid < pg_snapshot_xmin(pg_current_snapshot())
                    order by xid, id limit $1
                ) m
            ), end_of_step as (
                select xid::text, id from read order by read.xid desc, id desc limit 1
            ), items as (
                select item_id from read
                union select item_id from ledger_violations where item_id is not null
            ), level as (
                select item_id, location_id from read
                union select m.item_id, m.location_id from movements m
                      where m.item_id in (select item_id from ledger_violations)
            )
            select (select xid from end_of_step) as xid, (select id from end_of_step) as movement_id,
                   (select count(*) from read) as movements,
                   array(select item_id from items) as items,
                   array(select posting_id from read
                         union select posting_id from ledger_violations where posting_id is not null) as postings,
                   array(select item_id from level order by item_id, location_id) as level_items,
                   array(select location_id from level order by item_id, location_id) as level_locations";
        Ok(sqlx::query_as(sql)
            .bind(MOVEMENTS)
            .fetch_one(&mut *self.connection)
            .await?)
    }

    async fn violations_of(&mut self, step: &Step) -> Result<Vec<Violation>, DatabaseError> {
        let mut violations = Vec::new();
        for sql in [
            [STORED, LINKS, rules::CHAINS].concat(),
            [STORED, MOVED, rules::LEVELS].concat(),
        ] {
            let found: Vec<Violation> = sqlx::query_as(AssertSqlSafe(sql))
                .bind(&step.items)
                .bind(&step.level_items)
                .bind(&step.level_locations)
                .fetch_all(&mut *self.connection)
                .await?;
            violations.extend(found);
        }
        violations.extend(self.ask(rules::POSTINGS, &step.postings).await?);
        violations.extend(self.check_users().await?);
        Ok(violations)
    }

    /// Replaces what is written down: all of it was checked again.
    async fn keep(&mut self, violations: &[Violation]) -> Result<(), DatabaseError> {
        let invariants: Vec<&str> = violations
            .iter()
            .map(|one| one.invariant.as_str())
            .collect();
        let places: Vec<&str> = violations.iter().map(|one| one.place.as_str()).collect();
        let items: Vec<Option<i64>> = violations.iter().map(|one| one.item_id).collect();
        let postings: Vec<Option<i64>> = violations.iter().map(|one| one.posting_id).collect();
        sqlx::query!("delete from ledger_violations")
            .execute(&mut *self.connection)
            .await?;
        sqlx::query!(
            r#"insert into ledger_violations (invariant, item_id, posting_id, place)
               select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[])"#,
            &invariants as &[&str],
            &items as &[Option<i64>],
            &postings as &[Option<i64>],
            &places as &[&str]
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Remembers how the levels end that are sound: as their last movements do.
    async fn prove(&mut self, step: &Step) -> Result<(), DatabaseError> {
        sqlx::query!(
            r#"insert into proven_levels (item_id, location_id, number, after, hash)
               select item_id, location_id, version, on_hand, hash
               from levels join unnest($1::bigint[], $2::bigint[]) as read (item_id, location_id)
                    using (item_id, location_id)
               where item_id not in (select item_id from ledger_violations where item_id is not null)
               on conflict (item_id, location_id)
               do update set number = excluded.number, after = excluded.after, hash = excluded.hash"#,
            &step.level_items,
            &step.level_locations
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    async fn advance(&mut self, step: &Step, is_done: bool) -> Result<(), DatabaseError> {
        sqlx::query!(
            r#"update ledger_checks set xid = coalesce($1::text::xid8, xid),
                      movement_id = coalesce($2, movement_id),
                      checked_at = case when $3 then now() else checked_at end"#,
            step.xid,
            step.movement_id,
            is_done
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }
}
