//! Presses while something breaks, and the log of what was answered to them.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;
use serde_json::Value;

use super::pause::pause;
use super::stage::Stage;
use crate::ground::{Ground, LOCATION};
use crate::process;

/// `ticker-loadgen` at work. Dropping it stops it.
pub(crate) struct Load {
    child: Child,
    files: Files,
}

/// What it writes.
struct Files {
    result: PathBuf,
    log: PathBuf,
    said: PathBuf,
}

/// What it gave.
pub(crate) struct Gave {
    /// Its result.
    pub(crate) result: Value,
    /// Its log of what was meant and what was answered.
    pub(crate) log: PathBuf,
}

/// It sends until it is answered, and the longest fault lasts half a minute.
const GIVE_UP: &str = "120s";
/// When everything is well again, the last answers come within this.
const STOP_GRACE: Duration = Duration::from_secs(150);

impl Load {
    /// Begins to press, with everybody.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start(ground: &Ground, urls: &[String], more: &[&str]) -> Result<Self> {
        Self::start_as(ground, "load", &ground.accounts(), urls, more)
    }

    /// Begins to press as those in a file of accounts; `name` tells its files from others'.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(super) fn start_as(
        ground: &Ground,
        name: &str,
        accounts: &Path,
        urls: &[String],
        more: &[&str],
    ) -> Result<Self> {
        let mut command = process::bound_to_us(&ground.programs.loadgen, "TERM");
        command.args(["run", "--scenario", "spread", "--give-up", GIVE_UP]);
        command.args([
            "--location",
            &LOCATION.to_string(),
            "--items",
            &Stage::items(),
        ]);
        command.arg("--accounts").arg(accounts);
        for url in urls {
            command.args(["--url", url]);
        }
        command.args(more);
        Self::begin(ground.folder(), name, command)
    }

    /// Begins a run that is described but for its files, which go to a folder under that name.
    ///
    /// # Errors
    /// When it cannot be started.
    pub(crate) fn begin(folder: &Path, name: &str, mut command: Command) -> Result<Self> {
        let file = |kind: &str| folder.join(format!("{name}.{kind}"));
        let files = Files {
            result: file("result"),
            log: file("acknowledgements"),
            said: file("said"),
        };
        let said = File::create(&files.said).context("cannot keep what ticker-loadgen says")?;
        command
            .arg("--log")
            .arg(&files.log)
            .arg("--json")
            .arg(&files.result)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said);
        let child = process::spawn(&mut command)?;
        Ok(Self { child, files })
    }

    /// Whether it is at work.
    ///
    /// # Errors
    /// When it has ended by itself, with what it said.
    pub(crate) fn check(&mut self) -> Result<()> {
        if self.child.try_wait()?.is_none() {
            return Ok(());
        }
        let said = fs::read_to_string(&self.files.said).unwrap_or_default();
        bail!(
            "ticker-loadgen has ended:\n{}",
            process::last_lines(&said, 30)
        );
    }

    /// Lets it begin nothing new, and waits until everything is answered.
    ///
    /// # Errors
    /// When it leaves no result, with what it said.
    pub(crate) fn finish(mut self) -> Result<Gave> {
        process::stop(&mut self.child, Signal::INT, STOP_GRACE);
        self.gave()
    }

    /// Waits until it has carried out as much as it was told to.
    ///
    /// # Errors
    /// As [`Load::finish`]; after Ctrl-C.
    pub(crate) fn wait(mut self) -> Result<Gave> {
        while self.child.try_wait()?.is_none() {
            pause(Duration::from_millis(20))?;
        }
        self.gave()
    }

    fn gave(&mut self) -> Result<Gave> {
        let Ok(text) = fs::read_to_string(&self.files.result) else {
            let said = fs::read_to_string(&self.files.said).unwrap_or_default();
            bail!(
                "ticker-loadgen left no result:\n{}",
                process::last_lines(&said, 30)
            );
        };
        // The next one of that name begins afresh.
        fs::remove_file(&self.files.result).context("cannot remove a result")?;
        Ok(Gave {
            result: serde_json::from_str(&text)?,
            log: self.files.log.clone(),
        })
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        process::stop(&mut self.child, Signal::TERM, Duration::from_secs(5));
    }
}

impl Gave {
    /// How many operations ended so.
    pub(crate) fn outcomes(&self, outcome: &str) -> u64 {
        self.result["outcomes"][outcome]
            .as_u64()
            .unwrap_or_default()
    }

    /// How many requests were sent again for that reason.
    pub(super) fn sent_again(&self, trouble: &str) -> u64 {
        self.result["sent_again"][trouble]
            .as_u64()
            .unwrap_or_default()
    }

    /// Answers that none may get, and contradictions between answers.
    pub(crate) fn wrong(&self) -> u64 {
        let disagreements = self.result["disagreements"].as_u64().unwrap_or_default();
        self.outcomes("unexpected") + self.outcomes("gave_up") + disagreements
    }
}
