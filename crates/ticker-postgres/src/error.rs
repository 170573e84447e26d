//! What can go wrong with a database, as far as callers can tell the cases apart.

use sqlx::migrate::MigrateError;
use sqlx::postgres::PgDatabaseError;

/// The database did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// sqlx or Postgres says why.
    #[error("database: {0}")]
    Sqlx(#[from] sqlx::Error),
    /// A stored value is none that this release knows.
    #[error("database: {column} holds {value:?}, which this release does not know")]
    UnknownValue {
        /// The column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
    /// Nothing was heard for longer than the caller waits.
    #[error("database: no answer in time")]
    NoAnswer,
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migrate(#[from] MigrateError),
}

/// What a caller can do about a [`DatabaseError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseErrorKind {
    /// The database is out of reach, starting, stopping or out of connections: try again later.
    Unavailable,
    /// Somebody else holds a row for longer than is waited for: try again later.
    Locked,
    /// The transaction lost against another one: run it again from its start.
    Retry,
    /// A defect: trying again will not help.
    Defect,
}

impl DatabaseError {
    /// What a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> DatabaseErrorKind {
        match self {
            Self::Sqlx(error)
            | Self::Migrate(
                MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _),
            ) => kind_of(error),
            Self::NoAnswer => DatabaseErrorKind::Unavailable,
            _ => DatabaseErrorKind::Defect,
        }
    }

    /// The name of the constraint that was violated, if that is what happened.
    #[must_use]
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Sqlx(sqlx::Error::Database(error)) => error.constraint(),
            _ => None,
        }
    }
}

/// SQLSTATE classes are listed in the `PostgreSQL` documentation, appendix A.
fn kind_of(error: &sqlx::Error) -> DatabaseErrorKind {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => DatabaseErrorKind::Unavailable,
        sqlx::Error::Database(error) => {
            let code = error
                .try_downcast_ref::<PgDatabaseError>()
                .map_or("", |e| e.code());
            match code {
                "40001" | "40P01" => DatabaseErrorKind::Retry,
                // 53: out of memory, disk or connections. 57P: shutting down or starting. 08: connection.
                // 28: no such login, or not with this password; 3D000: no such database: both are made, and
                // changed, beside replicas that run. 25006: a standby or a read-only primary. 55P03: a lock
                // took longer than its limit; 57014: a statement did.
                "55P03" => DatabaseErrorKind::Locked,
                "25006" | "3D000" | "57014" => DatabaseErrorKind::Unavailable,
                _ if ["53", "57P", "08", "28"]
                    .iter()
                    .any(|class| code.starts_with(class)) =>
                {
                    DatabaseErrorKind::Unavailable
                }
                _ => DatabaseErrorKind::Defect,
            }
        }
        _ => DatabaseErrorKind::Defect,
    }
}

/// Reads a stored word back into the domain's type.
pub(crate) fn parse_stored<T: std::str::FromStr>(
    column: &'static str,
    value: &str,
) -> Result<T, DatabaseError> {
    value.parse().map_err(|_| DatabaseError::UnknownValue {
        column,
        value: value.to_owned(),
    })
}
