//! `ticker migrate`: brings the schema up to date.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use ticker_postgres::{Database, DatabaseErrorKind, migrations};

/// A database that starts beside us is waited for as long as this, and so is whoever holds a table.
const WAIT_MAX: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(500);
/// Waiting is said at once, and again after each such time.
const REMINDER: Duration = Duration::from_secs(10);

/// Runs what has not run yet, and prints how many migrations these were.
///
/// # Errors
/// When the database stays out of reach, or a migration fails.
pub(crate) async fn run(database: &Database) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let mut said: Option<Instant> = None;
    let ran = loop {
        let error = match migrations::migrate(database).await {
            Ok(ran) => break ran,
            Err(error) => error,
        };
        let why = match error.kind() {
            DatabaseErrorKind::Unavailable => "the database is out of reach",
            DatabaseErrorKind::Locked => "somebody holds a table that is to change",
            _ => return Err(error).context("the schema was not brought up to date"),
        };
        if begun.elapsed() >= WAIT_MAX {
            return Err(error).context(format!("{why} for {} s", WAIT_MAX.as_secs()));
        }
        if said.is_none_or(|said| said.elapsed() >= REMINDER) {
            tracing::warn!(%error, "{why}: waiting for it");
            said = Some(Instant::now());
        }
        tokio::time::sleep(PAUSE).await;
    };
    match ran {
        0 => println!("The schema is up to date: nothing to run."),
        1 => println!("The schema is up to date: 1 migration ran."),
        _ => println!("The schema is up to date: {ran} migrations ran."),
    }
    database.close().await;
    Ok(ExitCode::SUCCESS)
}
