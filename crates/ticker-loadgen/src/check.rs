//! `ticker-loadgen check`: proves from the history's export that every answer in the logs is true.
//!
//! - What was answered as posted stands there exactly once, with the posting, item, location, change and
//!   quantity that the answer gave.
//! - What was answered as refused does not stand there.
//! - What was not answered stands there at most once, and as it was meant.
//!
//! Movements under keys that no log knows are somebody else's, and no matter. An export that breaks off is
//! no proof of anything, and an error.

mod expected;
mod history;

use std::fmt;
use std::path::PathBuf;

use anyhow::Context as _;
use serde::Serialize;

use self::expected::Expected;
use crate::account;
use crate::cli::{CheckArguments, Target};
use crate::journal;

/// Checks and says what was found; whether it is sound.
///
/// # Errors
/// When a file or the history cannot be read to its end.
pub(crate) async fn check(arguments: &CheckArguments) -> anyhow::Result<bool> {
    let findings = prove(&arguments.target, &arguments.logs).await?;
    print!("{findings}");
    Ok(findings.is_sound())
}

/// Compares the logs with the history.
///
/// # Errors
/// When a file or the history cannot be read to its end.
pub(crate) async fn prove(target: &Target, logs: &[PathBuf]) -> anyhow::Result<Findings> {
    let accounts = account::read(&target.accounts)?;
    let mut expected = Expected::default();
    for log in logs {
        journal::read(log, |event| expected.learn(&event))?;
    }
    let expected = history::stream(target, &accounts[0], expected)
        .await
        .context("the history could not be read to its end, so nothing is proven")?;
    Ok(expected.conclude())
}

/// How many violations are told.
const TOLD_MAX: usize = 100;

/// What the checker found.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Findings {
    /// Keys in the logs.
    pub(crate) keys: u64,
    /// Those answered as posted.
    pub(crate) posted: u64,
    /// Those answered as refused.
    pub(crate) refused: u64,
    /// Those without an answer that settles them.
    pub(crate) open: u64,
    /// Of the open ones, those that the history has.
    pub(crate) open_found: u64,
    /// Movements in the history, others' included.
    pub(crate) movements: u64,
    /// How many rules are broken.
    pub(crate) violations: u64,
    /// The first of them, in words.
    pub(crate) told: Vec<String>,
}

impl Findings {
    /// Whether every answer is true.
    pub(crate) fn is_sound(&self) -> bool {
        self.violations == 0
    }

    fn violate(&mut self, words: impl FnOnce() -> String) {
        self.violations += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(words());
        }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.told {
            writeln!(f, "VIOLATED  {violation}")?;
        }
        let verdict = match self.violations {
            0 => "sound".to_owned(),
            count => format!("NOT SOUND, {count} violations"),
        };
        writeln!(
            f,
            "check: {verdict}: {} keys: {} posted, {} refused, {} without an answer ({} of them \
             posted); {} movements in the history",
            self.keys, self.posted, self.refused, self.open, self.open_found, self.movements
        )
    }
}
