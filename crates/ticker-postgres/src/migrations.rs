//! The schema: bringing it up to date, and telling whether it is.

use sqlx::migrate::Migrator;

use crate::{Database, DatabaseError};

/// Where the schema stands against what this release needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaState {
    /// Every migration of this release has run; a newer release's may have, too.
    Ready,
    /// The schema is at `found`, and this release needs `needed`.
    Behind {
        /// The newest migration that ran, 0 for none.
        found: i64,
        /// The newest that this release brings.
        needed: i64,
    },
}

/// The migrations of this release. Those of a newer release that ran already are not missed: during a
/// deploy, and after its rollback, this release runs on a newer schema.
fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!("../../migrations");
    migrator.set_ignore_missing(true);
    migrator
}

/// Runs the migrations that have not run yet, and returns how many these were. Several processes may
/// do so at once: they take turns.
///
/// # Errors
/// [`DatabaseError`] if the database is out of reach or a migration fails.
pub async fn migrate(database: &Database) -> Result<usize, DatabaseError> {
    let before = applied(database).await?.len();
    migrator().run(database.pool()).await?;
    Ok(applied(database).await?.len() - before)
}

/// Where the schema stands.
///
/// # Errors
/// [`DatabaseError`] if the database is out of reach.
pub async fn schema_state(database: &Database) -> Result<SchemaState, DatabaseError> {
    let needed = migrator()
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
    let found = applied(database).await?.into_iter().max().unwrap_or(0);
    Ok(if found >= needed {
        SchemaState::Ready
    } else {
        SchemaState::Behind { found, needed }
    })
}

/// The versions of the migrations that have run. Not a checked query: on an empty database the
/// migrator's table is not there yet.
async fn applied(database: &Database) -> Result<Vec<i64>, DatabaseError> {
    const UNDEFINED_TABLE: &str = "42P01";

    let versions = sqlx::query_scalar("select version from _sqlx_migrations where success")
        .fetch_all(database.pool())
        .await;
    match versions {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(UNDEFINED_TABLE) => {
            Ok(Vec::new())
        }
        versions => Ok(versions?),
    }
}
