//! `HAProxy`, which the filter before the Docker socket is tested with.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::install::Apt;
use crate::process;

/// Where distributions put it: not on everybody's PATH.
const ELSEWHERE: &str = "/usr/sbin/haproxy";

/// Where it is, if it is there already.
pub(crate) fn find() -> Option<PathBuf> {
    let elsewhere = || Path::new(ELSEWHERE).is_file().then(|| ELSEWHERE.into());
    process::find_on_path("haproxy").or_else(elsewhere)
}

/// Finds it, or installs the distribution's package: it needs libraries that come with other packages, and as
/// it is installed it listens nowhere.
///
/// # Errors
/// In one sentence what to install.
pub(crate) fn ensure() -> Result<PathBuf> {
    if let Some(program) = find() {
        return Ok(program);
    }
    if let Some(apt) = Apt::available() {
        apt.update()?;
        apt.install(&["haproxy"])?;
    }
    find().context("the Docker filter's test needs HAProxy: install it (Debian and Ubuntu have it in the package haproxy)")
}
