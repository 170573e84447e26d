//! Children: each in a process group of its own, so that Ctrl-C in the terminal reaches only this
//! program, which then stops them in the right order; and none is waited for deafly.

use std::fmt;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::interrupt::{self, Interrupted};
use crate::progress::Floor;

/// The error of a command that has said itself, in its own output, what is wrong.
#[derive(Debug)]
pub(crate) struct SaidItself;

impl fmt::Display for SaidItself {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("failed, as said above")
    }
}

impl std::error::Error for SaidItself {}

/// What a finished child said.
pub(crate) struct Captured {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Captured {
    /// Both streams, for showing why something failed.
    pub(crate) fn text(&self) -> String {
        [self.stdout.trim_end(), self.stderr.trim_end()]
            .iter()
            .filter(|text| !text.is_empty())
            .copied()
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Runs a child to its end, its output kept.
///
/// # Errors
/// When it cannot be started, or after Ctrl-C (the child is stopped first). Not when it fails.
pub(crate) fn capture(command: &mut Command, input: &str) -> Result<Captured> {
    command.process_group(0);
    command.stdin(if input.is_empty() {
        Stdio::null()
    } else {
        Stdio::piped()
    });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = spawn(command)?;
    let writer = child.stdin.take().map(|mut pipe| {
        let input = input.to_owned();
        // A child that ends before it read everything is judged by its exit status.
        thread::spawn(move || drop(pipe.write_all(input.as_bytes())))
    });
    let stdout = child.stdout.take().map(read_to_end);
    let stderr = child.stderr.take().map(read_to_end);
    let status = wait(&mut child, Signal::TERM)?;
    drop(writer);
    Ok(Captured {
        status,
        stdout: joined(stdout),
        stderr: joined(stderr),
    })
}

/// Runs a child to its end and returns its standard output.
///
/// # Errors
/// As [`capture`], and when the child fails: the error carries the end of what it said.
pub(crate) fn output_of(command: &mut Command, input: &str) -> Result<String> {
    let captured = capture(command, input)?;
    if captured.status.success() {
        return Ok(captured.stdout);
    }
    bail!(
        "{} failed ({}):\n{}",
        name_of(command),
        captured.status,
        last_lines(&captured.text(), 30)
    );
}

/// Runs a child to its end with its output going to the terminal.
///
/// # Errors
/// As [`capture`].
pub(crate) fn show(command: &mut Command) -> Result<ExitStatus> {
    let _floor = Floor::take();
    command.process_group(0).stdin(Stdio::null());
    let mut child = spawn(command)?;
    wait(&mut child, Signal::INT)
}

/// Starts a child that runs on; the caller keeps and stops it.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn spawn(command: &mut Command) -> Result<Child> {
    command
        .spawn()
        .with_context(|| format!("cannot start {}", name_of(command)))
}

/// A command that the kernel ends with `signal` should this program be killed outright, where util-linux's
/// `setpriv` can arrange that; otherwise the plain command.
pub(crate) fn bound_to_us(program: &Path, signal: &str) -> Command {
    let Some(setpriv) = find_on_path("setpriv").filter(|_| cfg!(target_os = "linux")) else {
        return Command::new(program);
    };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", signal, "--"]).arg(program);
    command
}

/// Sends a child a signal.
///
/// # Errors
/// When it is not there any more.
pub(crate) fn signal(child: &Child, signal: Signal) -> Result<()> {
    let pid = pid_of(child).context("the process has no id")?;
    kill_process(pid, signal).context("the process does not take a signal")
}

/// Asks a child to end, waits up to `grace`, then kills it. A further Ctrl-C shortens the wait.
pub(crate) fn stop(child: &mut Child, signal: Signal, grace: Duration) -> Option<ExitStatus> {
    if let Ok(Some(status)) = child.try_wait() {
        return Some(status);
    }
    if let Some(pid) = pid_of(child) {
        // Not the group: PostgreSQL's and Ticker's own children are theirs to end. Should it have
        // ended this moment, that is what was wanted.
        let _ = kill_process(pid, signal);
    }
    await_end(child, grace)
}

/// The full path of a program on PATH.
pub(crate) fn find_on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// The last `count` lines of a text.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

fn await_end(child: &mut Child, grace: Duration) -> Option<ExitStatus> {
    interrupt::take();
    let deadline = Instant::now() + grace;
    while Instant::now() < deadline && !interrupt::take() {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(20));
    }
    if let Some(pid) = pid_of(child) {
        // The whole group; when there is none of that number the child alone remains to be killed.
        let _ = kill_process_group(pid, Signal::KILL);
    }
    let _ = child.kill();
    child.wait().ok()
}

fn wait(child: &mut Child, on_interrupt: Signal) -> Result<ExitStatus> {
    let mut pause = Duration::from_millis(2);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if interrupt::requested() {
            if let Some(pid) = pid_of(child) {
                let _ = kill_process_group(pid, on_interrupt);
            }
            await_end(child, Duration::from_secs(20));
            // Remembered, for callers to whom a failed command is no reason to stop.
            interrupt::request();
            return Err(Interrupted.into());
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn name_of(command: &Command) -> String {
    // Arguments never hold secrets here, but the program's name is what a reader looks for.
    Path::new(command.get_program()).display().to_string()
}

fn read_to_end(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What arrived before a read error is still worth showing.
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

fn joined(reader: Option<thread::JoinHandle<Vec<u8>>>) -> String {
    let bytes = reader
        .and_then(|reader| reader.join().ok())
        .unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_and_failure_are_told_apart() {
        let said = output_of(Command::new("cat").arg("-"), "hello\n").expect("cat");
        assert_eq!(said, "hello\n");
        let error = output_of(Command::new("sh").args(["-c", "echo why >&2; exit 3"]), "")
            .expect_err("fails")
            .to_string();
        assert!(
            error.contains("why") && error.contains("sh failed"),
            "{error}"
        );
    }

    #[test]
    fn a_child_that_ignores_the_signal_is_killed() {
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' TERM; echo ready; sleep 60 & wait; sleep 60"]);
        let mut child = spawn(command.process_group(0).stdout(Stdio::piped())).expect("sh");
        let mut ready = [0; 6];
        child
            .stdout
            .take()
            .expect("piped")
            .read_exact(&mut ready)
            .expect("ready");
        let begun = Instant::now();
        let status = stop(&mut child, Signal::TERM, Duration::from_millis(200)).expect("ended");
        assert!(!status.success());
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a", 5), "a");
        assert_eq!(last_lines("", 5), "");
    }
}
