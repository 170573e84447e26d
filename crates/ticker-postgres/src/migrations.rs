//! The schema: bringing it up to date, and telling whether it is.

use std::time::Duration;

use sqlx::migrate::{Migrate as _, Migrator};
use sqlx::{AssertSqlSafe, PgConnection, PgExecutor};

use crate::database::LOCK_TIMEOUT_MS;
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
    let mut connection = database.pool().acquire().await?;
    // Whatever happens, the migrator's lock ends with the connection.
    connection.close_on_drop();
    let connection = &mut *connection;
    take_turn(connection).await?;
    // The migrator's own lock, taken before it does: waiting for one's turn has no limit, while waiting
    // for a table that others use must not hold up the service.
    set_lock_timeout(connection, "0").await?;
    connection.lock().await?;
    let (migrator, applied) = (migrator(), applied(&mut *connection).await?);
    let mut ran = 0;
    for migration in migrator.iter() {
        if applied.contains(&migration.version) {
            continue;
        }
        if migration.no_tx {
            // Beside others that go on: `concurrently` waits, by locks, for every transaction that is older,
            // and nobody waits for it.
            set_lock_timeout(connection, "0").await?;
            drop_unfinished(connection, migration.sql.as_str()).await?;
        } else {
            set_lock_timeout(connection, LOCK_TIMEOUT_MS).await?;
        }
        migrator.run_to(migration.version, &mut *connection).await?;
        ran += 1;
    }
    // What has run must be what it was.
    migrator.run(connection).await?;
    Ok(ran)
}

/// Drops the index that a migration is about to make, if a try before was interrupted: it is there then, and
/// perhaps of no use, while nothing says that the migration has run.
async fn drop_unfinished(connection: &mut PgConnection, sql: &str) -> Result<(), DatabaseError> {
    if let Some(index) = index_made_by(sql) {
        let drop = format!("drop index concurrently if exists {index}");
        sqlx::raw_sql(AssertSqlSafe(drop))
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// The name of the index that a migration makes beside others who go on.
fn index_made_by(sql: &str) -> Option<&str> {
    let statement = sql.lines().find(|line| line.starts_with("create "))?;
    let (_, named) = statement.split_once("index concurrently ")?;
    named.split(' ').next()
}

/// Waits until no other process migrates. It asks again and again, since `create index concurrently` waits
/// until every statement has ended that began before it: one that waited for the migrator's lock would wait
/// for ever.
async fn take_turn(connection: &mut PgConnection) -> Result<(), DatabaseError> {
    const ASK_AGAIN: Duration = Duration::from_millis(100);

    let ask = "select pg_try_advisory_lock(hashtext('ticker migrate'))";
    while !sqlx::query_scalar(ask).fetch_one(&mut *connection).await? {
        tokio::time::sleep(ASK_AGAIN).await;
    }
    Ok(())
}

async fn set_lock_timeout(connection: &mut PgConnection, ms: &str) -> Result<(), DatabaseError> {
    sqlx::query("select set_config('lock_timeout', $1, false)")
        .bind(ms)
        .execute(connection)
        .await?;
    Ok(())
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
    let found = applied(database.pool())
        .await?
        .into_iter()
        .max()
        .unwrap_or(0);
    Ok(if found >= needed {
        SchemaState::Ready
    } else {
        SchemaState::Behind { found, needed }
    })
}

/// The versions of the migrations that have run. Not a checked query: on an empty database the
/// migrator's table is not there yet.
async fn applied(connection: impl PgExecutor<'_>) -> Result<Vec<i64>, DatabaseError> {
    const UNDEFINED_TABLE: &str = "42P01";

    let versions = sqlx::query_scalar("select version from _sqlx_migrations where success")
        .fetch_all(connection)
        .await;
    match versions {
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(UNDEFINED_TABLE) => {
            Ok(Vec::new())
        }
        versions => Ok(versions?),
    }
}
