//! The real binary against an engine and a Prometheus that stand still until a test moves them.

mod commands;
mod engine;
mod filter;
mod program;
mod prometheus;
mod reaching;
mod scaling;

use std::future::Future;
use std::time::Duration;

/// Nothing here takes nearly as long on a machine that is not on its knees.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// What `future` comes to; a test that waits for longer has failed.
async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(WAIT_MAX, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {WAIT_MAX:?}"))
}
