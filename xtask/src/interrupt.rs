//! Ctrl-C and its relatives: noticed at once, acted upon where it is safe to.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

static REQUESTED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// The error with which everything unwinds after Ctrl-C; not a failure of the thing that was running.
#[derive(Debug)]
pub(crate) struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}

/// From here on SIGINT, SIGTERM and SIGHUP no longer end the process but set a mark.
///
/// # Errors
/// When the operating system refuses a handler.
pub(crate) fn watch() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&REQUESTED))
            .with_context(|| format!("cannot watch for signal {signal}"))?;
    }
    Ok(())
}

/// Whether somebody asked to stop.
pub(crate) fn requested() -> bool {
    REQUESTED.load(Ordering::Relaxed)
}

/// Asks to stop, as a signal would.
pub(crate) fn request() {
    REQUESTED.store(true, Ordering::Relaxed);
}

/// Whether somebody asked to stop, forgetting it: a second Ctrl-C can then be told from the first.
pub(crate) fn take() -> bool {
    REQUESTED.swap(false, Ordering::Relaxed)
}
