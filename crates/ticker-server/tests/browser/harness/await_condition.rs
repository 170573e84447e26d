//! Waiting for a condition, with a limit: stories never sleep.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// How long anything may take that a story waits for; two cores serve everything at once.
const LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(25);

/// Tries until it gets an `Ok`.
///
/// # Panics
/// After the limit, with what was waited for and the last error.
#[track_caller]
pub(crate) fn eventually<T, E: Debug>(
    what: impl Into<String>,
    mut attempt: impl AsyncFnMut() -> Result<T, E>,
) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    let what = what.into();
    async move {
        let began = Instant::now();
        loop {
            match attempt().await {
                Ok(value) => return value,
                Err(error) if began.elapsed() > LIMIT => {
                    panic!("{caller}: waited in vain for {what}\n{error:?}")
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}
