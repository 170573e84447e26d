//! A server that an earlier run left behind, because it was killed before it could stop it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::Place;
use crate::progress::Step;

/// Stops a server that still runs on this place's data and removes the lock file of one that died. The
/// caller holds the lock of the checkout, so whatever runs here is an orphan.
///
/// # Errors
/// When the server does not end.
pub(crate) fn stop_orphan(place: &Place) -> Result<()> {
    let data = place.data();
    let lock_file = data.join("postmaster.pid");
    let Some(pid) = fs::read_to_string(&lock_file)
        .ok()
        .as_deref()
        .and_then(postmaster)
    else {
        return Ok(());
    };
    if !runs_in(pid, &data) {
        // PostgreSQL itself would refuse if the number meanwhile belonged to another process of its user.
        return fs::remove_file(&lock_file)
            .with_context(|| format!("cannot remove {}", lock_file.display()));
    }
    let step = Step::start("Stopping the PostgreSQL that an earlier run left behind");
    for (signal, grace_s) in [(Signal::INT, 30), (Signal::QUIT, 10)] {
        // It may have ended in between, which the next look shows.
        let _ = kill_process(pid, signal);
        let deadline = Instant::now() + Duration::from_secs(grace_s);
        while Instant::now() < deadline {
            if !runs_in(pid, &data) {
                step.done();
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
    bail!(
        "process {} runs PostgreSQL in {} and does not end",
        pid.as_raw_pid(),
        data.display()
    );
}

/// The server's process: the first line of its lock file.
fn postmaster(lock_file: &str) -> Option<Pid> {
    let number: i32 = lock_file.lines().next()?.trim().parse().ok()?;
    // A negative number is that of a single-user session, which nothing here starts.
    Pid::from_raw(number.max(0))
}

/// Whether a process is a server on just this data: it works in its data folder, so the number alone,
/// which may be another's by now, does not convince.
fn runs_in(pid: Pid, data: &Path) -> bool {
    if test_kill_process(pid).is_err() {
        return false;
    }
    let process = Path::new("/proc").join(pid.as_raw_pid().to_string());
    match (
        fs::canonicalize(process.join("cwd")),
        fs::canonicalize(data),
    ) {
        (Ok(works_in), Ok(data)) => works_in == data,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_the_first_line() {
        let pid = postmaster("4711\n/some/data\n1700000000\n5433\n").map(Pid::as_raw_pid);
        assert_eq!(pid, Some(4711));
        assert_eq!(postmaster(""), None);
        assert_eq!(postmaster("-4711\n"), None);
        assert_eq!(postmaster("nonsense\n"), None);
    }

    #[test]
    fn a_process_elsewhere_is_not_ours() {
        let us = rustix::process::getpid();
        let here = std::env::current_dir().expect("a folder");
        assert!(runs_in(us, &here));
        assert!(!runs_in(us, Path::new("/usr")));
    }
}
