//! How long sessions of Ticker sit idle inside a transaction, watched while something else goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::stage::Stage;

const LOOK_AGAIN: Duration = Duration::from_millis(500);
const LONGEST: &str = "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - state_change)), 0) \
                       FROM pg_stat_activity \
                       WHERE state LIKE 'idle in transaction%' AND usename LIKE 'ticker%'";

/// What the work gave, and the longest that a session was seen idle in a transaction meanwhile, in seconds.
///
/// # Errors
/// Those of the work.
pub(super) fn watched<T>(stage: &Stage, work: impl FnOnce() -> Result<T>) -> Result<(T, f64)> {
    let is_over = AtomicBool::new(false);
    let watch = || {
        let mut longest_s: f64 = 0.0;
        while !is_over.load(Ordering::Relaxed) {
            // A database that is down has nobody idle.
            longest_s = longest_s.max(stage.number(LONGEST).unwrap_or_default());
            thread::sleep(LOOK_AGAIN);
        }
        longest_s
    };
    thread::scope(|scope| {
        let watching = scope.spawn(watch);
        let gave = work();
        is_over.store(true, Ordering::Relaxed);
        let longest_s = watching.join().unwrap_or(f64::NAN);
        Ok((gave?, longest_s))
    })
}
