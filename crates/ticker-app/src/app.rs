//! The application: what its operations share.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ticker_auth::{Acting, Anyone, Passwords, PasswordsError, SessionCache};
use ticker_domain::ledger::Actor;
use ticker_postgres::hints::{Hint, Hints, Listener};
use ticker_postgres::stock_surveys::BusyItem;
use ticker_postgres::{Access as _, Database, Transaction};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

use crate::clock::Clock;
use crate::error::{ErrorKind, Failure, Retriable};
use crate::ledger::Poster;
use crate::live::{Herald, Hub};

/// What an installation decides about the application.
#[derive(Clone, Copy, Debug)]
pub struct AppSettings {
    /// The least number of characters of a new password.
    pub password_chars_min: usize,
}

/// The application. Clones are handles to the same one.
#[derive(Clone)]
pub struct App {
    pub(crate) database: Database,
    pub(crate) passwords: Passwords,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: AppSettings,
    pub(crate) poster: Poster,
    pub(crate) session_cache: SessionCache,
    pub(crate) herald: Herald,
    /// As the last survey of the stock found them.
    pub(crate) busiest_items: watch::Sender<Vec<BusyItem>>,
    hint_tasks: TaskTracker,
    stop_hints: CancellationToken,
    tasks: TaskTracker,
}

/// How often a transaction that lost against another one is run in all.
const ATTEMPTS_MAX: u32 = 5;

impl App {
    /// Puts the application together.
    ///
    /// # Errors
    /// [`PasswordsError`] if passwords cannot be hashed here.
    pub fn new(
        database: Database,
        clock: Arc<dyn Clock>,
        settings: AppSettings,
    ) -> Result<Self, PasswordsError> {
        let tasks = TaskTracker::new();
        let hints = Hints::default();
        let (hint_tasks, stop_hints) = (TaskTracker::new(), CancellationToken::new());
        for hint in Hint::ALL {
            let (database, stop) = (database.clone(), stop_hints.clone());
            hint_tasks.spawn(hints.clone().deliver(hint, database, stop));
        }
        let session_cache = SessionCache::new(hints.clone());
        let hub = Hub::new(clock.clone());
        let forgotten = session_cache.watch_forgotten();
        tasks.spawn(hub.clone().run(database.clone()));
        tasks.spawn(hub.clone().guard(database.clone(), forgotten));
        let herald = Herald { hub, hints };
        let poster = Poster::start(database.clone(), clock.clone(), herald.clone(), &tasks);
        Ok(Self {
            database,
            passwords: Passwords::new()?,
            clock,
            settings,
            poster,
            session_cache,
            herald,
            busiest_items: watch::Sender::default(),
            hint_tasks,
            stop_hints,
            tasks,
        })
    }

    /// What this process remembers of sessions; the sessions' store is to share it.
    #[must_use]
    pub fn session_cache(&self) -> SessionCache {
        self.session_cache.clone()
    }

    /// Listens to what other processes have changed, until it is dropped or the connection is lost.
    ///
    /// # Errors
    /// [`Failure`] if the database is out of reach: to be called again after a while.
    pub async fn listen(&self, _by: Anyone) -> Result<Infallible, Failure> {
        let mut listener = Listener::connect(&self.database).await?;
        self.session_cache.forget_here();
        self.herald.hub.wake();
        loop {
            match listener.hear().await? {
                Some(Hint::Stock) => self.herald.hub.wake(),
                Some(Hint::Sessions) => self.session_cache.forget_here(),
                None => {
                    self.session_cache.forget_here();
                    self.herald.hub.wake();
                }
            }
        }
    }

    /// Waits until everything that has begun has ended, and closes the connections to the database.
    /// Nothing may be begun afterwards.
    pub async fn shut_down(&self) {
        self.poster.close();
        self.end_streams();
        self.tasks.close();
        self.tasks.wait().await;
        // What the last ones changed is still to be told.
        self.stop_hints.cancel();
        self.hint_tasks.close();
        self.hint_tasks.wait().await;
        self.database.close().await;
    }

    /// Runs what changes something in a task of its own, which goes on when the caller goes away.
    pub(crate) async fn run<T, E>(
        &self,
        work: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Failure> + Send + 'static,
    {
        self.spawn(work)
            .await
            .unwrap_or_else(|lost| Err(Failure::from(lost).into()))
    }

    /// Begins what goes on when the caller goes away, and what shutting down waits for.
    pub(crate) fn spawn<T>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T>
    where
        T: Send + 'static,
    {
        self.tasks.spawn(work.in_current_span())
    }

    /// Whether long work is to rest at the next opportunity.
    pub(crate) fn is_stopping(&self) -> bool {
        self.tasks.is_closed()
    }
}

/// Holds the actor's rights until the transaction ends, if they are still those of the grant.
pub(crate) async fn hold_rights(tx: &mut Transaction, acting: Acting) -> Result<(), Failure> {
    match acting {
        Acting::Operator => Ok(()),
        Acting::User(Actor { user, epoch }) => {
            let current = tx.users().hold_epoch(user).await?;
            if current == Some(epoch) {
                Ok(())
            } else {
                Err(Failure::RightsChanged)
            }
        }
    }
}

/// Runs a whole transaction, again if it lost against another one, after a growing random pause. The
/// expression is evaluated anew each time.
macro_rules! retrying {
    ($transaction:expr) => {{
        let mut attempts = $crate::app::Attempts::default();
        loop {
            match $transaction.await {
                Err(error) if attempts.another_for(&error).await => {}
                result => break result,
            }
        }
    }};
}
pub(crate) use retrying;

/// How often a transaction was run so far.
#[derive(Default)]
pub(crate) struct Attempts(u32);

impl Attempts {
    /// Whether it is to run again after `error`; waits for as long as it should pause before.
    pub(crate) async fn another_for(&mut self, error: &impl Retriable) -> bool {
        self.0 += 1;
        if self.0 >= ATTEMPTS_MAX || !error.is_retriable() {
            return false;
        }
        let pause_ms = rand::random_range(1..=5_u64 << self.0);
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        true
    }
}

/// How often in a row a chunk of long work may fail for want of a lock or a connection before the work rests.
const CHUNK_FAILURES_MAX: u32 = 4;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(500);

/// How often in a row a chunk of long work has failed.
#[derive(Default)]
pub(crate) struct ChunkFailures(u32);

impl ChunkFailures {
    /// Whether the chunk is to be tried again after a failure of this kind; waits for as long as it should
    /// pause before.
    pub(crate) async fn another_for(&mut self, kind: ErrorKind) -> bool {
        self.0 += 1;
        let may_pass = matches!(kind, ErrorKind::Unavailable { .. });
        if !may_pass || self.0 > CHUNK_FAILURES_MAX {
            return false;
        }
        tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
        true
    }
}
