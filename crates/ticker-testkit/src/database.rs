//! A database of a test's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use ticker_app::{App, AppSettings};
use ticker_domain::ledger::Posting;
use ticker_domain::password::PASSWORD_CHARS_MIN_DEFAULT;
use ticker_postgres::invariants::INVARIANTS;
use ticker_postgres::ledger::Receipt;
use ticker_postgres::{Access as _, Connection, Database, DatabaseSettings};
use tokio::sync::OnceCell;

use crate::clock::FrozenClock;
use crate::template::{APP_LOGIN, Cluster, OWNER_LOGIN, run};
use crate::users::TestUser;

/// Enough for a test that lets a handful of transactions wait for one another.
const CONNECTIONS_MAX: u32 = 10;

/// A migrated database that belongs to one test, empty until the test puts something in.
pub struct TestDatabase {
    cluster: Cluster,
    name: String,
    database: Database,
    clock: FrozenClock,
    pub(crate) made: AtomicU32,
    pub(crate) storekeeper: OnceCell<TestUser>,
}

impl TestDatabase {
    /// Copies the template.
    ///
    /// # Panics
    /// If there is no PostgreSQL to test on; the message says how to have one.
    pub async fn new() -> Self {
        let cluster = Cluster::from_environment();
        let template = cluster.template().await;
        let name = format!("ticker_test_{}", uuid::Uuid::new_v4().simple());
        let mut connection = cluster.superuser("postgres").await;
        run(
            &mut connection,
            &format!("create database {name} template {template} owner ticker_owner"),
        )
        .await;
        connection.close().await.expect("the connection ends");
        let database = Database::lazy(&cluster.settings(APP_LOGIN, &name, CONNECTIONS_MAX))
            .expect("the cluster's URL names a login");
        Self {
            cluster,
            name,
            database,
            clock: FrozenClock::default(),
            made: AtomicU32::new(0),
            storekeeper: OnceCell::new(),
        }
    }

    /// The database as the application reaches it.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// A connection with the application's rights.
    ///
    /// # Panics
    /// If there is none.
    pub async fn connect(&self) -> Connection {
        self.database.connect().await.expect("a connection")
    }

    /// Another pool with the application's rights, as another replica has.
    ///
    /// # Panics
    /// Never: the URL is the one that the first pool was made with.
    #[must_use]
    pub fn replica(&self, connections_max: u32) -> Database {
        Database::lazy(&self.settings(connections_max)).expect("the URL of the first pool")
    }

    /// What a process needs to reach the database with the application's rights.
    #[must_use]
    pub fn settings(&self, connections_max: u32) -> DatabaseSettings {
        self.cluster
            .settings(APP_LOGIN, &self.name, connections_max)
    }

    /// What a process needs to reach the database as its owner, who runs the migrations.
    #[must_use]
    pub fn owner_settings(&self) -> DatabaseSettings {
        self.cluster.settings(OWNER_LOGIN, &self.name, 1)
    }

    /// The name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A bare connection of the superuser.
    ///
    /// # Panics
    /// If there is none.
    pub async fn superuser(&self) -> PgConnection {
        self.cluster.superuser(&self.name).await
    }

    /// Runs statements as the superuser.
    ///
    /// # Panics
    /// If one of them fails.
    pub async fn sql(&self, sql: &str) {
        run(&mut self.superuser().await, sql).await;
    }

    /// What a query of the superuser finds in its first column, as text, one entry a row.
    ///
    /// # Panics
    /// If the query fails.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = format!("select coalesce(found::text, 'null') from ({sql}) as rows (found)");
        sqlx::query_scalar(AssertSqlSafe(sql.clone()))
            .fetch_all(&mut self.superuser().await)
            .await
            .unwrap_or_else(|error| panic!("{sql}\n{error}"))
    }

    /// Waits until this many connections wait for a lock that another one holds.
    ///
    /// # Panics
    /// If that does not come to pass within ten seconds.
    pub async fn until_blocked(&self, connections: usize) {
        let waiting = "select pid from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock'";
        self.until(waiting, connections).await;
    }

    /// Waits until a query of the superuser finds this many rows or more.
    ///
    /// # Panics
    /// If that does not come to pass within ten seconds.
    pub async fn until(&self, sql: &str, rows: usize) {
        for _ in 0..1_000 {
            if self.texts(sql).await.len() >= rows {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{rows} rows should be found by {sql}");
    }

    /// The clock of [`TestDatabase::app`].
    #[must_use]
    pub fn clock(&self) -> &FrozenClock {
        &self.clock
    }

    /// The application on this database, by the frozen clock. Each call makes one more, as another
    /// replica would be.
    ///
    /// # Panics
    /// If passwords cannot be hashed here.
    #[must_use]
    pub fn app(&self) -> App {
        let settings = AppSettings {
            password_chars_min: PASSWORD_CHARS_MIN_DEFAULT,
        };
        App::new(
            self.database.clone(),
            Arc::new(self.clock.clone()),
            settings,
        )
        .expect("passwords can be hashed")
    }

    /// Posts a batch in a transaction of its own, at the frozen clock's time.
    ///
    /// # Panics
    /// If the database fails.
    pub async fn post(&self, postings: &[Posting]) -> Vec<Receipt> {
        use ticker_app::Clock as _;

        let mut tx = self.database.begin().await.expect("a transaction");
        let receipts = tx
            .ledger()
            .post(postings, self.clock.now())
            .await
            .expect("a posted batch");
        tx.commit().await.expect("a commit");
        receipts
    }

    /// Every violation of the ledger's invariants, none on a sound ledger.
    ///
    /// # Panics
    /// If the database fails.
    pub async fn violations(&self) -> Vec<String> {
        let mut connection = self.connect().await;
        let mut found = Vec::new();
        for invariant in &INVARIANTS {
            let violations = connection.invariants().violations(invariant, 100).await;
            let violations = violations.expect("the invariant can be checked");
            found.extend(
                violations
                    .into_iter()
                    .map(|place| format!("{}: {place}", invariant.name)),
            );
        }
        found
    }

    /// Counts what the test has made, for names that nothing else has.
    pub(crate) fn next(&self) -> u32 {
        self.made.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Drop for TestDatabase {
    /// Drops the database, so that hundreds of them do not pile up; the cluster goes with the run anyway.
    fn drop(&mut self) {
        let (cluster, name) = (self.cluster.clone(), self.name.clone());
        // A thread of its own, since a test's runtime cannot wait here.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let mut connection = cluster.superuser("postgres").await;
                // The test's runtime stands still meanwhile. A connection that it was about to make cannot
                // sign in, and the database is not dropped before that: PostgreSQL gives up after a minute.
                let patience = "set statement_timeout = '3s'".to_owned();
                let drop = format!("drop database if exists {name} with (force)");
                for sql in [patience, drop] {
                    let _ = sqlx::raw_sql(AssertSqlSafe(sql))
                        .execute(&mut connection)
                        .await;
                }
            });
        });
        let _ = dropped.join();
    }
}
