//! `cargo xtask test`: every test, with everything that they need.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::browser::Browser;
use crate::haproxy;
use crate::packaged::PROMETHEUS;
use crate::postgres::{self, Cluster, Purpose, TemporaryPlace};
use crate::process::{self, SaidItself};
use crate::progress;
use crate::secrets;
use crate::snapshots;
use crate::tools;
use crate::workspace::Workspace;

/// Draws the pictures of docs/screens.md anew.
///
/// # Errors
/// As [`run`].
pub(crate) fn draw_screens(workspace: &Workspace) -> Result<()> {
    let folder = workspace.root.join("docs/screens");
    let arguments = [
        "-p",
        "ticker-server",
        "-E",
        "binary(browser) & test(=screens::screens)",
    ];
    let drawn = [("TICKER_SCREENS_DIR", folder.as_path())];
    run_with(workspace, &arguments.map(str::to_owned), &drawn)
}

/// Runs the tests. With arguments (nextest's own) only what they select, without installing browsers;
/// without, everything: doctests, tests, and the check for unused snapshots.
///
/// # Errors
/// When a test fails, a snapshot is unused, or something that the tests need cannot be had.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    run_with(workspace, arguments, &[])
}

fn run_with(workspace: &Workspace, arguments: &[String], folders: &[(&str, &Path)]) -> Result<()> {
    let everything = arguments.is_empty();
    let programs = if everything {
        Programs::ensure()?
    } else {
        Programs::find()?
    };
    let nextest = tools::NEXTEST.ensure()?;

    let place = TemporaryPlace::new()?;
    let server = postgres::ensure(workspace, None)?;
    let cluster = Cluster::start(&server, &place, &secrets::password()?, Purpose::ThrowAway)?;
    let roles = workspace.root.join("migrations/roles/roles.sql");
    let roles = std::fs::read_to_string(&roles).context("cannot read the roles' SQL")?;
    cluster.sql("postgres", &roles)?;

    let references = place.folder().join("snapshot-references");
    let environment = |command: &mut Command| {
        command
            .env(
                "TICKER_TEST_DATABASE_URL",
                cluster.superuser_url("postgres"),
            )
            .envs(folders.iter().copied())
            .current_dir(&workspace.root);
        if std::env::var_os("INSTA_UPDATE").is_none() {
            // A run never writes snapshots unless its caller says so.
            command.env("INSTA_UPDATE", "no");
        }
        programs.describe(command);
        if everything {
            command.env(snapshots::VARIABLE, &references);
        }
    };
    if everything {
        run_doctests(&environment)?;
    }
    run_tests(&nextest, arguments, &environment)?;
    if everything {
        snapshots::refuse_unused(workspace, &references)?;
    }
    Ok(())
}

/// What some tests drive.
struct Programs {
    browser: Option<Browser>,
    prometheus: Option<std::path::PathBuf>,
    haproxy: Option<std::path::PathBuf>,
}

impl Programs {
    fn ensure() -> Result<Self> {
        Ok(Self {
            browser: Some(Browser::ensure()?),
            prometheus: Some(PROMETHEUS.ensure()?),
            haproxy: Some(haproxy::ensure()?),
        })
    }

    fn find() -> Result<Self> {
        let found = Self {
            browser: Browser::find()?,
            prometheus: PROMETHEUS.find(),
            haproxy: haproxy::find(),
        };
        if found.browser.is_none() {
            progress::say("  No Chromium with its driver here: browser tests will fail.");
        }
        if found.prometheus.is_none() {
            progress::say("  No Prometheus here: the metrics test will fail.");
        }
        if found.haproxy.is_none() {
            progress::say("  No HAProxy here: the Docker filter's tests will fail.");
        }
        if found.browser.is_none() || found.prometheus.is_none() || found.haproxy.is_none() {
            progress::say("  `cargo xtask test` without arguments installs what is missing.");
        }
        Ok(found)
    }

    fn describe(&self, command: &mut Command) {
        if let Some(browser) = &self.browser {
            command
                .env("TICKER_TEST_CHROMIUM", &browser.chromium)
                .env("TICKER_TEST_CHROMEDRIVER", &browser.driver);
        }
        if let Some(prometheus) = &self.prometheus {
            command.env("TICKER_TEST_PROMETHEUS", prometheus);
        }
        if let Some(haproxy) = &self.haproxy {
            command.env("TICKER_TEST_HAPROXY", haproxy);
        }
    }
}

/// The examples in the documentation. First, so that nextest's summary closes the output.
fn run_doctests(environment: &impl Fn(&mut Command)) -> Result<()> {
    progress::heading("Running the examples in the documentation");
    let mut command = process::cargo();
    command.args(["test", "--doc", "--workspace", "--quiet"]);
    environment(&mut command);
    if process::show(&mut command)?.success() {
        return Ok(());
    }
    bail!("an example in the documentation fails (see above)");
}

fn run_tests(
    nextest: &Path,
    arguments: &[String],
    environment: &impl Fn(&mut Command),
) -> Result<()> {
    progress::heading("Running the tests");
    let mut command = Command::new(nextest);
    command.args(["nextest", "run"]);
    if !selects_package(arguments) {
        command.arg("--workspace");
    }
    if arguments.is_empty() {
        // The drills, too.
        command.arg("--ignore-default-filter");
    }
    command.args(arguments);
    environment(&mut command);
    if process::show(&mut command)?.success() {
        return Ok(());
    }
    // nextest's summary stays the last word.
    Err(SaidItself.into())
}

/// Whether nextest's arguments name a package: then only that one is to be built.
fn selects_package(arguments: &[String]) -> bool {
    arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_package_is_noticed() {
        let selects = |line: &str| {
            let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            selects_package(&arguments)
        };
        assert!(selects("-p ticker-domain"));
        assert!(selects("-pticker-domain login"));
        assert!(selects("--package=ticker-domain"));
        assert!(!selects("login --no-capture"));
        assert!(!selects(""));
        assert!(
            !selects("login -- -p"),
            "beyond `--` the words are for the tests"
        );
    }
}
