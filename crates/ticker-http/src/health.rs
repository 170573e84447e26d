//! Whether the process lives, and whether it should get requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use ticker_app::App;
use ticker_auth::Anyone;
use tokio::sync::Mutex;

use crate::error::OwnWords;
use crate::state::Web;

/// A check that takes longer has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// Whoever asks within this time gets the same answer: anyone may ask, and it takes a connection.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// Whether this process should get requests. Clones are handles to the same.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_draining: AtomicBool,
    was_ready: AtomicBool,
    last: Mutex<Option<Check>>,
}

/// What a check found.
#[derive(Clone, Debug)]
struct Check {
    at: Instant,
    /// Why not, if not.
    found: Result<(), String>,
}

impl Readiness {
    /// Of a process that has not been ready yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on new requests should go to other replicas. Those that come all the same are served.
    pub fn drain(&self) {
        self.0.is_draining.store(true, Ordering::Relaxed);
    }

    /// Whether the process should get requests; the error says why not.
    async fn check(&self, app: &App) -> Result<(), String> {
        if self.0.is_draining.load(Ordering::Relaxed) {
            return Err("shutting down".to_owned());
        }
        let mut last = self.0.last.lock().await;
        if let Some(check) = &*last
            && check.at.elapsed() < CHECK_EVERY
        {
            return check.found.clone();
        }
        let found = check_now(app).await;
        *last = Some(Check {
            at: Instant::now(),
            found: found.clone(),
        });
        if found.is_ok() {
            self.0.was_ready.store(true, Ordering::Relaxed);
        }
        found
    }
}

async fn check_now(app: &App) -> Result<(), String> {
    match tokio::time::timeout(CHECK_TIMEOUT, app.check_ready(Anyone)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(not_ready)) => Err(not_ready.to_string()),
        Err(_) => Err("the database does not answer".to_owned()),
    }
}

/// `GET /healthz`: the process lives. Says nothing about the database, so that its outage does not have
/// every replica restarted.
pub(crate) async fn alive() -> Response {
    line(StatusCode::OK, "alive")
}

/// `GET /readyz`: whether requests should come here; the line says why not.
pub(crate) async fn ready(State(web): State<Web>) -> Response {
    match web.readiness.check(&web.app).await {
        Ok(()) => line(StatusCode::OK, "ready"),
        Err(reason) => line(StatusCode::SERVICE_UNAVAILABLE, &reason),
    }
}

/// `GET /startz`, for container health checks: whether the process has ever been ready. A service has
/// no DNS name until its check passes; once it has, an outage of the database must not fail it.
pub(crate) async fn started(State(web): State<Web>) -> Response {
    if web.readiness.0.was_ready.load(Ordering::Relaxed) {
        return line(StatusCode::OK, "started");
    }
    match web.readiness.check(&web.app).await {
        Ok(()) => line(StatusCode::OK, "started"),
        Err(reason) => line(StatusCode::SERVICE_UNAVAILABLE, &reason),
    }
}

/// A line of plain text.
fn line(status: StatusCode, text: &str) -> Response {
    let mut response = (status, format!("{text}\n")).into_response();
    response.extensions_mut().insert(OwnWords);
    response
}
