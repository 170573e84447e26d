//! Operation: whether the service is ready, whether the ledger is sound, and what is done now and then.

use ticker_auth::Anyone;
use ticker_postgres::migrations::{self, SchemaState};

use crate::App;
use crate::error::Failure;

mod jobs;
pub(crate) mod metrics;
mod verify;

pub use self::jobs::{Job, JobOutcome, JobSettings};
pub use self::verify::{Finding, VIOLATIONS_MAX, VerifyProgress};
pub use ticker_postgres::invariants::Invariant;

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
}
