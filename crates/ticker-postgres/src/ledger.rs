//! Postings: reading and locking what a decision rests on, and writing down what was decided.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sqlx::PgConnection;
use ticker_domain::id::PostingId;
use ticker_domain::ledger::{Answer, Outcome, Posting, decide};

use crate::DatabaseError;

mod ground;
mod write;

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
    /// Another transaction used one of the keys first, or took back the same posting: run the transaction
    /// again, what became of that is there.
    #[error("a key was used, or a posting taken back, at the same moment")]
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
            Some("posting_keys_pkey" | "undos_pkey") => Self::KeyRace,
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
    #[tracing::instrument(name = "db.ledger.post", skip_all, fields(postings = postings.len()))]
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
            Receipt {
                outcome,
                posting: number,
            }
        });
        Ok(receipts.collect())
    }

    /// What [`Ledger::post`] would answer now under keys that nobody has used. Nothing is locked, and nothing
    /// written.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.ledger.foresee", skip_all, fields(postings = postings.len()))]
    pub async fn foresee(
        &mut self,
        postings: &[Posting],
        at: Timestamp,
    ) -> Result<Vec<Outcome>, DatabaseError> {
        let mut ground = self.look_at_ground(postings).await?;
        Ok(decide(&mut ground, postings, at))
    }
}
