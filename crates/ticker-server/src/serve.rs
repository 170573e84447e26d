//! `ticker serve`: from binding the addresses to the last answer.

mod chores;
mod hints;
mod listener;
mod readiness;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use ticker_app::{App, SystemClock};
use ticker_auth::SessionStore;
use ticker_http::{Metrics, Readiness, Web};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::listener::{Connections, Listener};
use crate::settings::{LISTEN, METRICS_LISTEN, ServeSettings};

/// From the signal to the end at most: whoever stops processes waits 30 s before it kills them.
const SHUTDOWN_MAX: Duration = Duration::from_secs(25);
/// Further, for changes whose clients did not wait for the answer.
const LAST_WORK_MAX: Duration = Duration::from_secs(3);
/// The most connections at once; further ones wait until one closes.
const CONNECTIONS_MAX: u64 = 8192;
/// Prometheus needs one.
const METRICS_CONNECTIONS_MAX: usize = 32;
/// File descriptors for everything that is no client's connection.
const OTHER_FILES_MAX: u64 = 128;

/// Serves until SIGTERM or Ctrl-C, then finishes what is in flight. A second signal ends at once.
///
/// # Errors
/// When it cannot begin: an address is in use, for instance.
pub(crate) async fn run(settings: ServeSettings) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new()?;
    let connections_max = connections_max();
    let pages = Listener::bind(&LISTEN, settings.listen, connections_max).await?;
    let metrics = Listener::bind(
        &METRICS_LISTEN,
        settings.metrics_listen,
        METRICS_CONNECTIONS_MAX,
    )
    .await?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        listen = %pages.address()?,
        metrics_listen = %metrics.address()?,
        "listening"
    );

    let serving = Serving::start(settings, pages, metrics)?;
    signals.next().await;
    let deadline = Instant::now() + SHUTDOWN_MAX;
    tokio::select! {
        cut = serving.finish(deadline) => Ok(farewell(cut)),
        () = signals.next() => {
            tracing::warn!("stopped at once by a second signal");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Everything that runs until the first signal.
struct Serving {
    app: App,
    readiness: Readiness,
    page_connections: Connections,
    metrics_connections: Connections,
    /// What runs beside the connections, and what stops it.
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Serving {
    fn start(settings: ServeSettings, pages: Listener, metrics: Listener) -> anyhow::Result<Self> {
        let clock = Arc::new(SystemClock);
        let app = App::new(settings.database.clone(), clock.clone(), settings.app)?;
        app.limit_streams(settings.streams_max);
        let sessions = SessionStore::new(settings.database, settings.sessions, app.session_cache());
        let readiness = Readiness::default();
        let measured = Metrics::install(env!("CARGO_PKG_VERSION"), option_env!("TICKER_COMMIT"))?;
        let web = Web::new(app.clone(), clock, settings.app, readiness.clone());
        let service = ticker_http::service(web, sessions, &settings.http);
        let metrics_service = ticker_http::metrics_service(measured.clone(), app.clone());

        let (page_connections, metrics_connections) = (Connections::new(), Connections::new());
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(pages.serve(service, page_connections.clone()));
        tasks.spawn(metrics.serve(metrics_service, metrics_connections.clone()));
        tasks.spawn(readiness::watch(app.clone(), stop.clone()));
        tasks.spawn(hints::listen(app.clone(), stop.clone()));
        chores::spawn(&tasks, &app, settings.jobs, &stop);
        let keep_up = async move { measured.keep_up().await };
        tasks.spawn(stop.clone().run_until_cancelled_owned(keep_up));
        Ok(Self {
            app,
            readiness,
            page_connections,
            metrics_connections,
            tasks,
            stop,
        })
    }

    /// Answers what is in flight and stops everything; returns how many connections had to be cut off.
    async fn finish(self, deadline: Instant) -> usize {
        let connections = self.page_connections.count();
        tracing::info!(connections, "stopping: finishing what is in flight");
        self.readiness.drain();
        self.stop.cancel();
        self.tasks.close();
        // They would never end by themselves, and are wanted at other replicas.
        self.app.end_streams();
        let cut = self.page_connections.finish(deadline).await;
        self.metrics_connections.finish(deadline).await;
        self.tasks.wait().await;
        // What was begun for clients that are gone; no longer than until somebody loses patience.
        if timeout_at(deadline + LAST_WORK_MAX, self.app.shut_down())
            .await
            .is_err()
        {
            tracing::warn!("the database does not let go of what was begun");
        }
        cut
    }
}

fn farewell(cut: usize) -> ExitCode {
    if cut == 0 {
        tracing::info!("stopped: everything in flight was answered");
        return ExitCode::SUCCESS;
    }
    tracing::warn!(
        connections = cut,
        "stopped: what was still in flight after 25 s was cut off"
    );
    ExitCode::FAILURE
}

/// How many connections this process can hold, after asking for as many file descriptors as that takes.
fn connections_max() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let wanted = CONNECTIONS_MAX + OTHER_FILES_MAX;
    let possible = limit.maximum.map_or(wanted, |maximum| wanted.min(maximum));
    if limit.current.is_some_and(|current| current < possible) {
        let raised = Rlimit {
            current: Some(possible),
            ..limit
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the limit of open files cannot be raised");
        }
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let connections = files
        .saturating_sub(OTHER_FILES_MAX)
        .clamp(16, CONNECTIONS_MAX);
    usize::try_from(connections).unwrap_or(usize::MAX)
}

/// SIGTERM and Ctrl-C.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on these no longer end the process by themselves.
    fn new() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be listened to");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for either.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
