//! Operation: whether the service is ready, whether the ledger is sound, and tidying up.

use ticker_auth::{Anyone, Operator};
use ticker_postgres::Access as _;
use ticker_postgres::invariants::INVARIANTS;
use ticker_postgres::migrations::{self, SchemaState};
use ticker_postgres::sessions::SessionLifetime;

pub use ticker_postgres::invariants::Invariant;

use crate::App;
use crate::error::Failure;

/// Why requests should go to another replica.
#[derive(Debug, thiserror::Error)]
pub enum NotReady {
    /// The database is out of reach.
    #[error("the database is out of reach")]
    Database(#[source] Failure),
    /// Migrations of this release have not run yet.
    #[error("the schema is at version {found}, this release needs {needed}: run `ticker migrate`")]
    SchemaBehind {
        /// The newest migration that ran, 0 for none.
        found: i64,
        /// The newest that this release brings.
        needed: i64,
    },
}

/// An invariant, and where it is broken.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was checked.
    pub invariant: Invariant,
    /// Where it does not hold; empty when it does.
    pub violations: Vec<String>,
}

/// How many places of one invariant a check names at most.
pub const VIOLATIONS_MAX: u32 = 100;

impl App {
    /// Whether requests can be served: the database answers, and its schema is the one needed.
    ///
    /// # Errors
    /// [`NotReady`] says what is missing.
    pub async fn check_ready(&self, _by: Anyone) -> Result<(), NotReady> {
        match migrations::schema_state(&self.database).await {
            Ok(SchemaState::Ready) => Ok(()),
            Ok(SchemaState::Behind { found, needed }) => {
                Err(NotReady::SchemaBehind { found, needed })
            }
            Err(error) => Err(NotReady::Database(error.into())),
        }
    }

    /// Checks every invariant of the ledger on one snapshot of it.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    pub async fn verify_ledger(&self, _by: Operator) -> Result<Vec<Finding>, Failure> {
        let mut tx = self.database.begin().await?;
        tx.invariants().allow_long_statements().await?;
        let mut findings = Vec::with_capacity(INVARIANTS.len());
        for invariant in INVARIANTS {
            let violations = tx
                .invariants()
                .violations(&invariant, VIOLATIONS_MAX)
                .await?;
            findings.push(Finding {
                invariant,
                violations,
            });
        }
        Ok(findings)
    }

    /// Forgets sessions past their lifetime, and returns how many these were.
    ///
    /// # Errors
    /// [`Failure`] if the database fails.
    pub async fn forget_expired_sessions(
        &self,
        _by: Anyone,
        lifetime: SessionLifetime,
    ) -> Result<u64, Failure> {
        Ok(self
            .database
            .connect()
            .await?
            .sessions()
            .delete_expired(lifetime)
            .await?)
    }
}
