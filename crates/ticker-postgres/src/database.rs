//! Connections, transactions and their limits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection as _, PgConnection, PgPool, Postgres};

use crate::DatabaseError;
use crate::audit::Audit;
use crate::bulk_changes::BulkChanges;
use crate::categories::Categories;
use crate::group_merges::GroupMerges;
use crate::groups::Groups;
use crate::invariants::Invariants;
use crate::items::Items;
use crate::jobs::Jobs;
use crate::ledger::Ledger;
use crate::live::Live;
use crate::locations::Locations;
use crate::movements::Movements;
use crate::posting_keys::PostingKeys;
use crate::scans::Scans;
use crate::sessions::Sessions;
use crate::stock::Stock;
use crate::stock_surveys::StockSurveys;
use crate::users::Users;

/// How to reach the database, and how many connections to hold at most.
#[derive(Clone)]
pub struct DatabaseSettings {
    /// A `postgres://` URL. A password in it is overridden by `password`.
    pub url: String,
    /// The login's password, when it needs one.
    pub password: Option<String>,
    /// The most connections that this process opens, beside those that postings go through.
    pub connections_max: u32,
}

/// The URL is not one that a database can be reached by.
#[derive(Debug, thiserror::Error)]
#[error("is not a postgres:// URL: {0}")]
pub struct BadDatabaseUrl(#[source] sqlx::Error);

/// Connections to the one primary: a pool for everything, and another for batches of postings, which
/// nothing else can so keep waiting.
#[derive(Clone, Debug)]
pub struct Database {
    pool: PgPool,
    posting: PgPool,
}

/// How many connections are open, and how many of these wait for work.
#[derive(Clone, Copy, Debug)]
pub struct PoolUsage {
    /// Connections that are open.
    pub open: u32,
    /// Open connections that nobody uses.
    pub idle: u32,
    /// The most that may be open.
    pub max: u32,
    /// Connections beside these, which batches of postings go through.
    pub posting: u32,
}

/// Waiting for a free connection ends here: the caller hears that the database is busy.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that was idle for longer is asked whether it is alive before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
const STATEMENT_TIMEOUT_MS: &str = "5000";
pub(crate) const LOCK_TIMEOUT_MS: &str = "2000";
const IDLE_IN_TRANSACTION_TIMEOUT_MS: &str = "10000";
/// One is in use. The others are for when it hangs on a network that went away without a word.
const POSTING_CONNECTIONS_MAX: u32 = 3;
/// Batches are the same few statements again and again, which find every row by its key: planned once,
/// for any number of rows.
///
/// A batch waits half as long as others do for a row that somebody holds, since its postings may have to
/// wait once more by themselves.
const POSTING_OPTIONS: [(&str, &str); 3] = [
    ("lock_timeout", "900"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_seqscan", "off"),
];
/// How statements are planned, whatever the server is set to: pages are found through indexes that mostly are in
/// memory, in short statements that neither compiling nor more processes make shorter.
const PLANNING_OPTIONS: [(&str, &str); 3] = [
    ("random_page_cost", "1.1"),
    ("jit", "off"),
    ("max_parallel_workers_per_gather", "0"),
];

impl Database {
    /// Makes a pool without connecting yet, so that a process can start while its database is down.
    ///
    /// # Errors
    /// [`BadDatabaseUrl`] if the URL cannot be read.
    pub fn lazy(settings: &DatabaseSettings) -> Result<Self, BadDatabaseUrl> {
        let options = connect_options(settings)?.options(PLANNING_OPTIONS);
        let options = options.options([
            ("statement_timeout", STATEMENT_TIMEOUT_MS),
            ("lock_timeout", LOCK_TIMEOUT_MS),
            (
                "idle_in_transaction_session_timeout",
                IDLE_IN_TRANSACTION_TIMEOUT_MS,
            ),
        ]);
        let breaks = Breaks::default();
        let pooled = |connections_max| {
            let (before, after) = (breaks.clone(), breaks.clone());
            PgPoolOptions::new()
                .max_connections(connections_max)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .test_before_acquire(false)
                .before_acquire(move |connection, idle| {
                    let breaks = before.clone();
                    Box::pin(async move { breaks.is_alive(connection, idle.idle_for).await })
                })
                .after_release(move |connection, _| {
                    let breaks = after.clone();
                    Box::pin(
                        async move { breaks.noticed(is_outside_transaction(connection).await) },
                    )
                })
        };
        Ok(Self {
            posting: pooled(POSTING_CONNECTIONS_MAX)
                .connect_lazy_with(options.clone().options(POSTING_OPTIONS)),
            pool: pooled(settings.connections_max).connect_lazy_with(options),
        })
    }

    /// As [`Database::lazy`], for migrations: statements may take as long as they need.
    ///
    /// # Errors
    /// [`BadDatabaseUrl`] if the URL cannot be read.
    pub fn lazy_for_migrations(settings: &DatabaseSettings) -> Result<Self, BadDatabaseUrl> {
        let options = connect_options(settings)?.options([("lock_timeout", LOCK_TIMEOUT_MS)]);
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .connect_lazy_with(options);
        Ok(Self {
            posting: pool.clone(),
            pool,
        })
    }

    /// Borrows a connection for statements that each stand alone.
    ///
    /// # Errors
    /// [`DatabaseError`] if none can be had within two seconds.
    pub async fn connect(&self) -> Result<Connection, DatabaseError> {
        Ok(Connection {
            inner: self.pool.acquire().await?,
        })
    }

    /// Begins a transaction. It is rolled back unless [`Transaction::commit`] is called.
    ///
    /// Run it in a task that nobody cancels: a future dropped while it begins a transaction hands back
    /// a connection that is still inside one (sqlx 0.9.0).
    ///
    /// # Errors
    /// [`DatabaseError`] if no connection can be had within two seconds.
    pub async fn begin(&self) -> Result<Transaction, DatabaseError> {
        Ok(Transaction {
            inner: self.pool.begin().await?,
        })
    }

    /// Begins a transaction for a batch of postings, on the connection that only these go through. As
    /// [`Database::begin`] in everything else.
    ///
    /// # Errors
    /// [`DatabaseError`] if the connection cannot be had within two seconds.
    pub async fn begin_posting(&self) -> Result<Transaction, DatabaseError> {
        Ok(Transaction {
            inner: self.posting.begin().await?,
        })
    }

    /// How the pool is used right now.
    #[must_use]
    pub fn pool_usage(&self) -> PoolUsage {
        PoolUsage {
            open: self.pool.size(),
            idle: u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX),
            max: self.pool.options().get_max_connections(),
            posting: self.posting.size(),
        }
    }

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        self.posting.close().await;
        self.pool.close().await;
    }

    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}

fn connect_options(settings: &DatabaseSettings) -> Result<PgConnectOptions, BadDatabaseUrl> {
    let options: PgConnectOptions = settings.url.parse().map_err(BadDatabaseUrl)?;
    let options = options.application_name("ticker");
    Ok(match &settings.password {
        Some(password) => options.password(password),
        None => options,
    })
}

/// When a connection was last found broken. Seldom is it the only one: when the database restarts, each of
/// those that wait would fail somebody's page.
#[derive(Clone, Debug, Default)]
struct Breaks(Arc<Mutex<Option<Instant>>>);

impl Breaks {
    /// Whether a connection that waited in the pool still leads to the database. One that was used a moment
    /// ago is not asked, unless another has broken since: that would double what a short statement costs.
    async fn is_alive(
        &self,
        connection: &mut PgConnection,
        idle_for: Duration,
    ) -> Result<bool, sqlx::Error> {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if idle_for > TRUSTED_FOR || last.is_some_and(|at| idle_for >= at.elapsed()) {
            self.noticed(connection.ping().await)?;
        }
        Ok(true)
    }

    /// Remembers what has just failed.
    fn noticed<T>(&self, asked: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        if asked.is_err() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        }
        asked
    }
}

/// Whether a connection that comes back to the pool has left its last transaction; one that has not
/// is dropped, since the next borrower's writes would vanish with it.
///
/// Outside a transaction a simple query starts its own, so both clocks read the same.
async fn is_outside_transaction(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    use sqlx::Row as _;

    let row = sqlx::raw_sql("select now() = statement_timestamp()")
        .fetch_one(connection)
        .await?;
    row.try_get(0)
}

/// A connection on which each statement is a transaction of its own.
#[derive(Debug)]
pub struct Connection {
    inner: sqlx::pool::PoolConnection<Postgres>,
}

/// Statements that happen together or not at all.
#[derive(Debug)]
pub struct Transaction {
    inner: sqlx::Transaction<'static, Postgres>,
}

impl Transaction {
    /// Makes everything that was done permanent.
    ///
    /// # Errors
    /// [`DatabaseError`] if the commit fails or its answer is lost; in the latter case it may have
    /// happened.
    pub async fn commit(self) -> Result<(), DatabaseError> {
        Ok(self.inner.commit().await?)
    }
}

mod sealed {
    pub trait Connected {
        fn connection(&mut self) -> &mut sqlx::PgConnection;
    }
}
use sealed::Connected;

impl Connected for Connection {
    fn connection(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

impl Connected for Transaction {
    fn connection(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

macro_rules! accessors {
    ($($(#[$doc:meta])* $name:ident: $feature:ident;)+) => {
        /// The features' statements, on a [`Connection`] or a [`Transaction`].
        pub trait Access: Connected {
            $($(#[$doc])* fn $name(&mut self) -> $feature<'_> {
                $feature { connection: self.connection() }
            })+
        }
    };
}

accessors! {
    /// Who changed whose rights.
    audit: Audit;
    /// One change for many items.
    bulk_changes: BulkChanges;
    /// Categories of items.
    categories: Categories;
    /// Merging a location or a category into another.
    group_merges: GroupMerges;
    /// Locations and categories as what is managed.
    groups: Groups;
    /// The ledger's invariants.
    invariants: Invariants;
    /// Items and their details.
    items: Items;
    /// What one replica does now and then.
    jobs: Jobs;
    /// Postings.
    ledger: Ledger;
    /// The ledger read forward.
    live: Live;
    /// Locations of stock.
    locations: Locations;
    /// What happened to an item.
    movements: Movements;
    /// Forgetting the keys of postings.
    posting_keys: PostingKeys;
    /// Scans and what became of them.
    scans: Scans;
    /// Who is signed in.
    sessions: Sessions;
    /// The stock list.
    stock: Stock;
    /// How stock stands over all.
    stock_surveys: StockSurveys;
    /// Who may sign in.
    users: Users;
}

impl Access for Connection {}
impl Access for Transaction {}
