//! Deploying to the lab as an operator would to production.

use std::process::Command;

use anyhow::{Context, Result};

use super::accept;
use super::nodes::Nodes;
use super::release::Release;
use crate::process;
use crate::workspace::Workspace;

const SETTINGS: &str = "lab/settings.env";

/// Makes the secrets that are missing and deploys a release, by the project's own command.
///
/// # Errors
/// When the deployment fails or is rolled back, after the command has said why.
pub(crate) fn deploy(workspace: &Workspace, release: Release) -> Result<()> {
    process::output_of(ticker_stack(workspace)?.arg("secrets"), "")?;
    let mut deploy = ticker_stack(workspace)?;
    deploy.args(["deploy", &release.tag()]);
    accept(process::show(&mut deploy)?)
}

/// The project's own command, about to be told what to do with the lab.
///
/// # Errors
/// When no node answers.
pub(crate) fn ticker_stack(workspace: &Workspace) -> Result<Command> {
    let nodes = Nodes::find()?;
    let node = nodes.first_that_answers()?.docker();
    let host = node.host().context("a node has a socket")?;
    let mut command = Command::new(workspace.root.join("deploy/ticker-stack"));
    // What the caller has set is for another installation.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TICKER_") {
            command.env_remove(name);
        }
    }
    command
        .env_remove("DOCKER_CONTEXT")
        .env("DOCKER_HOST", host)
        .env("TICKER_SETTINGS", SETTINGS)
        .current_dir(&workspace.root);
    Ok(command)
}
