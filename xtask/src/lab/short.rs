//! `cargo xtask lab short`: the whole way of a release once, on one node, within minutes.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::drill;
use super::nodes::Nodes;
use super::release::Release;
use super::{Build, deploy};
use crate::dashboards;
use crate::process;
use crate::progress::{self, Step, seconds};
use crate::workspace::Workspace;

/// The optimised image takes longer to build than there is time; the programs of the tests are there anyway.
const IMAGE: Build = Build::Packed;
const DRILLS: [&str; 2] = ["rolling-update", "bad-release"];
const PROMETHEUS: &str = "http://127.0.0.1:19090";
/// For rates over some minutes to be there, and what is measured now and then.
const DASHBOARDS_WAIT_S: u64 = 120;
/// What docker reads when it is asked for the project's files.
const FILES: [&str; 11] = [
    "alertmanager",
    "blackbox",
    "deploy",
    "docker-api",
    "docker-compose.yml",
    "grafana",
    "migrations",
    "postgres",
    "prometheus",
    "proxy",
    "stack_prod.yaml",
];
const ARCHIVE: &str = "/tmp/project.tar";
/// The two commands that operators use, as they read the files: nothing is started.
const READ_FILES: &str = "mkdir -p /tmp/project; cd /tmp/project; tar -xf /tmp/project.tar; \
    TICKER_SETTINGS=deploy/settings.env.example deploy/ticker-stack check >/dev/null; \
    docker compose --file docker-compose.yml config --quiet";

/// How long each part took, to see what can become faster.
#[derive(Default)]
struct Parts(Vec<(&'static str, Duration)>);

/// Does it, and removes the lab whether or not it went well.
///
/// # Errors
/// [`NoEngine`](super::NoEngine) where no Docker engine can be had; when something of it does not hold, or there
/// is a lab already.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut parts = Parts::default();
    if super::engine::answers() {
        Nodes::check_none()?;
    }
    let done = all(workspace, &mut parts);
    let removed = parts.time("down", || super::down(workspace, false));
    progress::say(&parts.words());
    done.and(removed)
}

fn all(workspace: &Workspace, parts: &mut Parts) -> Result<()> {
    parts.time("images and a node", || super::up(workspace, 1, IMAGE))?;
    parts.time("files read by docker", || read_files(workspace))?;
    parts.time("first deploy", || deploy::deploy(workspace, Release::V1))?;
    parts.time("load generator", || build_loadgen(workspace))?;
    let options = drill::Options {
        names: DRILLS.map(str::to_owned).to_vec(),
        is_short: true,
        is_control: false,
        programs: Some(workspace.target.join("debug")),
    };
    parts.time("drills", || drill::run(workspace, &options))?;
    let check = dashboards::Action::Check {
        prometheus: PROMETHEUS.to_owned(),
        only: Vec::new(),
        wait_s: DASHBOARDS_WAIT_S,
    };
    parts.time("dashboards", || dashboards::run(workspace, &check))
}

fn build_loadgen(workspace: &Workspace) -> Result<()> {
    let mut build = process::cargo();
    build
        .args(["build", "--package=ticker-loadgen"])
        .current_dir(&workspace.root);
    if !process::show(&mut build)?.success() {
        bail!("the load generator does not build (see above)");
    }
    Ok(())
}

/// This machine's docker may be too old to read a stack, or have no plugin for compose.
fn read_files(workspace: &Workspace) -> Result<()> {
    let step = Step::start("Letting docker read stack_prod.yaml and docker-compose.yml");
    let archive = workspace.target.join("lab/project.tar");
    if let Some(folder) = archive.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut tar = Command::new("tar");
    tar.arg("--create")
        .arg("--file")
        .arg(&archive)
        .args(FILES)
        .current_dir(&workspace.root);
    process::output_of(&mut tar, "")?;
    let nodes = Nodes::find()?;
    nodes.first().receive(&archive, ARCHIVE)?;
    nodes.first().shell(READ_FILES)?;
    step.done();
    Ok(())
}

impl Parts {
    fn time<T>(&mut self, name: &'static str, part: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        let done = part();
        self.0.push((name, begun.elapsed()));
        done
    }

    fn words(&self) -> String {
        let total = self.0.iter().map(|(_, took)| *took).sum();
        let parts = self
            .0
            .iter()
            .map(|(name, took)| format!("{name} {}", seconds(*took)));
        let parts: Vec<String> = parts.collect();
        format!(
            "The lab in short: {} ({})",
            seconds(total),
            parts.join(", ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_how_long_is_told_also_of_what_failed() {
        let mut parts = Parts(vec![("one", Duration::from_secs(2))]);
        assert!(parts.time("two", || bail!("no") as Result<()>).is_err());
        let words = parts.words();
        assert!(
            words.starts_with("The lab in short: 2.0 s (one 2.0 s, two "),
            "{words}"
        );
    }

    #[test]
    fn the_files_are_there() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for file in FILES {
            assert!(root.join(file).exists(), "{file}");
        }
    }
}
