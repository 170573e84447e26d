//! The docker client, asking this machine's engine or a node's.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::process;

/// The client of the distribution's package, which drives `BuildKit` without a plugin.
const OF_THE_PACKAGE: &str = "/usr/bin/docker";

/// An engine, as the client sees it.
#[derive(Clone, Debug)]
pub(crate) struct Docker {
    /// `None`: the one of this machine, or whichever the caller's environment names.
    host: Option<String>,
}

impl Docker {
    /// This machine's engine.
    pub(crate) fn here() -> Self {
        Self { host: None }
    }

    /// The engine that listens on a socket.
    pub(crate) fn at(socket: &Path) -> Self {
        Self {
            host: Some(format!("unix://{}", socket.display())),
        }
    }

    /// What `DOCKER_HOST` has to be for it.
    pub(crate) fn host(&self) -> Option<&str> {
        self.host.as_deref()
    }

    /// The client, about to ask this engine.
    pub(crate) fn command(&self, arguments: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new("docker");
        if let Some(host) = &self.host {
            command
                .env_remove("DOCKER_CONTEXT")
                .env("DOCKER_HOST", host);
        }
        command.args(arguments);
        command
    }

    /// Runs the client and returns what it printed, without the line break at the end.
    ///
    /// # Errors
    /// When it fails, with the end of what it said.
    pub(crate) fn ask(&self, arguments: &[impl AsRef<OsStr>]) -> Result<String> {
        let said = process::output_of(&mut self.command(arguments), "")?;
        Ok(said.trim_end().to_owned())
    }

    /// What the client printed, or `None` when it failed: of what may not be there.
    ///
    /// # Errors
    /// When the client cannot be started, or after Ctrl-C.
    pub(crate) fn ask_if_there(&self, arguments: &[impl AsRef<OsStr>]) -> Result<Option<String>> {
        let done = process::capture(&mut self.command(arguments), "")?;
        Ok(done
            .status
            .success()
            .then(|| done.stdout.trim_end().to_owned()))
    }

    /// The objects that the client printed, one a line.
    ///
    /// # Errors
    /// When it fails or prints something else.
    pub(crate) fn list(&self, arguments: &[&str]) -> Result<Vec<Value>> {
        let said = self.ask(&[arguments, &["--format", "{{json .}}"]].concat())?;
        let objects = said.lines().map(serde_json::from_str);
        objects
            .collect::<Result<_, _>>()
            .context("docker prints no JSON")
    }

    /// Runs the client with its output going to the terminal.
    ///
    /// # Errors
    /// When it cannot be started, or after Ctrl-C.
    pub(crate) fn show(&self, arguments: &[impl AsRef<OsStr>]) -> Result<ExitStatus> {
        process::show(&mut self.command(arguments))
    }

    /// Whether the engine answers.
    pub(crate) fn answers(&self) -> bool {
        let version = ["version", "--format", "{{.Server.Version}}"];
        matches!(self.ask_if_there(&version), Ok(Some(_)))
    }
}

/// A build that this machine's engine makes with `BuildKit`.
///
/// # Errors
/// When no client here can drive `BuildKit`.
pub(crate) fn build() -> Result<Command> {
    let mut command = Command::new(build_client()?);
    // Progress as lines: its end is shown when the build fails.
    command
        .env("DOCKER_BUILDKIT", "1")
        .args(["build", "--progress=plain"]);
    Ok(command)
}

/// Clients from 23 on need the plugin buildx for `BuildKit`, and older ones have it built in.
fn build_client() -> Result<PathBuf> {
    let on_path = process::find_on_path("docker");
    let clients = on_path.into_iter().chain([PathBuf::from(OF_THE_PACKAGE)]);
    for client in clients.filter(|client| client.is_file()) {
        let has_buildx =
            process::capture(Command::new(&client).args(["buildx", "version"]), "")?.status;
        let version = process::output_of(Command::new(&client).arg("--version"), "")?;
        let version = crate::version::Version::find(version.trim_start_matches("Docker version"));
        if has_buildx.success() || version.is_some_and(|version| version.major() < 23) {
            return Ok(client);
        }
    }
    bail!("no docker client here can build: install docker's plugin buildx")
}
