//! The Docker engine of this machine: found, or installed and started, and stopped again.

use std::fmt;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::docker::Docker;
use super::wait;
use crate::family;
use crate::install::Apt;
use crate::interrupt::Interrupted;
use crate::process;
use crate::progress::{self, Step};
use crate::workspace::Workspace;

/// What the lab needs of this machine: a program, and the Debian package with it.
const NEEDED: [(&str, &str); 3] = [
    ("dockerd", "docker.io"),
    ("iptables", "iptables"),
    ("mmdebstrap", "mmdebstrap"),
];
const START_LIMIT: Duration = Duration::from_mins(1);
const STOP_LIMIT: Duration = Duration::from_mins(1);

/// The error of a machine on which no Docker engine can be had.
#[derive(Debug)]
pub(crate) struct NoEngine(String);

impl fmt::Display for NoEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NO DOCKER ENGINE CAN BE STARTED HERE: {}", self.0)
    }
}

impl std::error::Error for NoEngine {}

/// Whether an engine answers.
pub(crate) fn answers() -> bool {
    Docker::here().answers()
}

/// Makes sure that there are an engine that answers and the means to make stand-ins.
///
/// # Errors
/// [`NoEngine`] when there is none and none can be started.
pub(crate) fn ensure(workspace: &Workspace) -> Result<()> {
    // An engine elsewhere, such as a desktop's, needs no programs here but the last.
    let is_there = answers();
    install(if is_there { &NEEDED[2..] } else { &NEEDED })?;
    if is_there {
        return Ok(());
    }
    if !rustix::process::geteuid().is_root() {
        return Err(NoEngine("none answers, and only root can start one".to_owned()).into());
    }
    if ours(workspace).is_some() {
        return Err(NoEngine("the one that the lab has started does not answer".to_owned()).into());
    }
    start(workspace)
}

/// Stops the engine if [`ensure`] has started it.
///
/// # Errors
/// When it does not end.
pub(crate) fn stop_ours(workspace: &Workspace) -> Result<()> {
    let file = pid_file(workspace);
    let Some(pid) = ours(workspace) else {
        return Ok(());
    };
    let step = Step::start("Stopping the Docker engine");
    kill_process(pid, Signal::TERM).context("the engine takes no signal")?;
    wait::until(STOP_LIMIT, "the engine does not end", || {
        Ok((!family::is_running(pid)).then_some(()))
    })?;
    fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    step.done();
    Ok(())
}

fn install(needed: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<&str> = needed
        .iter()
        .filter(|(program, _)| process::find_on_path(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(", ");
    let Some(apt) = Apt::available() else {
        let message = format!("{list} cannot be installed by this user");
        return Err(NoEngine(message).into());
    };
    let installed = apt.update().and_then(|()| apt.install(&missing));
    installed.map_err(|error| {
        if error.is::<Interrupted>() {
            return error;
        }
        NoEngine(format!("{list} cannot be installed: {error:#}")).into()
    })
}

fn start(workspace: &Workspace) -> Result<()> {
    let step = Step::start("Starting the Docker engine");
    let log_file = folder(workspace).join("dockerd.log");
    fs::create_dir_all(folder(workspace)).context("cannot make the folder of the lab")?;
    let log = File::create(&log_file).context("cannot write the engine's log")?;
    // A session of its own, so that it stays when the terminal goes.
    let mut command = Command::new("setsid");
    command
        .arg("dockerd")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log);
    let mut engine = process::spawn(&mut command)?;
    fs::write(pid_file(workspace), engine.id().to_string()).context("cannot note the engine")?;
    let started = wait::until(START_LIMIT, "it does not answer", || {
        if let Some(status) = engine.try_wait()? {
            bail!("it ended at once ({status})");
        }
        Ok(answers().then_some(()))
    });
    if let Err(error) = started {
        process::stop(&mut engine, Signal::TERM, Duration::from_secs(10));
        fs::remove_file(pid_file(workspace)).context("cannot forget the engine")?;
        if error.is::<Interrupted>() {
            return Err(error);
        }
        let said = fs::read_to_string(&log_file).unwrap_or_default();
        let said = process::last_lines(&said, 10);
        return Err(NoEngine(format!("{error:#}; it said:\n{said}")).into());
    }
    step.done();
    progress::say(&format!("  It logs to {}.", workspace.relative(&log_file)));
    Ok(())
}

/// The engine that [`start`] has noted, if that number is still an engine's.
fn ours(workspace: &Workspace) -> Option<Pid> {
    let number = fs::read_to_string(pid_file(workspace)).ok()?;
    let pid = Pid::from_raw(number.trim().parse().ok()?)?;
    let name = fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_pid())).ok()?;
    (name.trim() == "dockerd" && family::is_running(pid)).then_some(pid)
}

fn pid_file(workspace: &Workspace) -> PathBuf {
    folder(workspace).join("dockerd.pid")
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.state().join("lab")
}
