//! Jobs that are done now and then by exactly one replica, whichever comes first by the database's clock.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::DatabaseError;

/// Statements about jobs.
#[derive(Debug)]
pub struct Jobs<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// A job that is this process's until its lease ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    name: &'static str,
    run: i64,
}

/// How long a claim holds without being renewed. Whoever dies with a job leaves it to the others then.
const LEASE_S: f64 = 120.0;

impl Jobs<'_> {
    /// Claims a job if it is due, or if whoever had it let its lease run out; due again `interval` from
    /// now. `None` if there is nothing to do.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn claim(
        &mut self,
        name: &'static str,
        interval: Duration,
    ) -> Result<Option<Claim>, DatabaseError> {
        let run = sqlx::query_scalar!(
            r#"insert into jobs (name, run, due_at, lease_until)
               values ($1, 1, now() + make_interval(secs => $2), now() + make_interval(secs => $3))
               on conflict (name) do update
               set run = jobs.run + 1, due_at = excluded.due_at, lease_until = excluded.lease_until
               where coalesce(jobs.lease_until, jobs.due_at) <= now()
               returning run"#,
            name,
            interval.as_secs_f64(),
            LEASE_S
        )
        .fetch_optional(&mut *self.connection)
        .await?;
        Ok(run.map(|run| Claim { name, run }))
    }

    /// Prolongs a claim, and tells whether it still held. A long job asks between its steps.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn renew(&mut self, claim: Claim) -> Result<bool, DatabaseError> {
        let done = sqlx::query!(
            r#"update jobs set lease_until = now() + make_interval(secs => $3)
               where name = $1 and run = $2 and lease_until is not null"#,
            claim.name,
            claim.run,
            LEASE_S
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Gives a job back that was done.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn finish(&mut self, claim: Claim) -> Result<(), DatabaseError> {
        sqlx::query!(
            r#"update jobs set lease_until = null, succeeded_at = now()
               where name = $1 and run = $2"#,
            claim.name,
            claim.run
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// Gives a job back that was not done, or not to its end: it is due again after `pause`, or earlier.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn give_back(&mut self, claim: Claim, pause: Duration) -> Result<(), DatabaseError> {
        sqlx::query!(
            r#"update jobs set lease_until = null,
                      due_at = least(due_at, now() + make_interval(secs => $3))
               where name = $1 and run = $2"#,
            claim.name,
            claim.run,
            pause.as_secs_f64()
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(())
    }

    /// When each job was last done, by its name, of those that ever were.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn successes(&mut self) -> Result<Vec<(String, Timestamp)>, DatabaseError> {
        let rows = sqlx::query!(
            r#"select name, succeeded_at as "succeeded_at!: jiff_sqlx::Timestamp" from jobs
               where succeeded_at is not null"#
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| (row.name, row.succeeded_at.to_jiff()))
            .collect())
    }
}
