//! Processes that others have started.

use std::fs;

use anyhow::{Context, Result};
use rustix::process::Pid;

/// The processes that a process has started and that have not been waited for (`man 5 proc`).
///
/// # Errors
/// Where there is no `/proc`.
pub(crate) fn children_of(parent: u32) -> Result<Vec<Pid>> {
    let processes = fs::read_dir("/proc").context("processes are to be found on Linux only")?;
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let pids = numbers.filter_map(Pid::from_raw);
    let parent = parent.to_string();
    Ok(pids
        .filter(|pid| stat(*pid).is_some_and(|fields| fields[1] == parent))
        .collect())
}

/// Whether a process is there and has not ended; one that ended may wait for its parent to notice.
pub(crate) fn is_running(pid: Pid) -> bool {
    stat(pid).is_some_and(|fields| fields[0] != "Z")
}

/// A process's state and its parent's number: what follows the name, which may hold anything.
fn stat(pid: Pid) -> Option<[String; 2]> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ').map(str::to_owned);
    Some([fields.next()?, fields.next()?])
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::process;

    #[test]
    fn children_are_found_while_they_run() {
        let mut child = process::spawn(Command::new("sleep").arg("60")).expect("sleep");
        let children = children_of(std::process::id()).expect("Linux");
        let number = i32::try_from(child.id()).expect("a number");
        let pid = Pid::from_raw(number).expect("a number");
        assert!(children.contains(&pid) && is_running(pid));
        child.kill().expect("killed");
        child.wait().expect("ended");
        assert!(!is_running(pid));
    }
}
