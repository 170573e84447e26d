//! Ticker is deployed to a swarm that has never seen it.

use std::time::Instant;

use anyhow::{Result, bail};

use super::stage::{PATIENCE, RELEASE, Stage};
use super::web;
use crate::drill::verdict::Verdict;
use crate::lab::swarm::STACK;
use crate::lab::wait;
use crate::progress::{Step, seconds};
use crate::secrets;

/// Prometheus keeps what it has seen; everything else is gone.
const VOLUMES: [&str; 2] = ["database", "proxy"];

/// Removes the stack with its secrets and data, and deploys until somebody can sign in. The nodes keep the
/// images.
pub(super) fn run(stage: &Stage<'_>) -> Result<Verdict> {
    let mut verdict = Verdict::of("secrets, deploy, user, sign-in".to_owned());
    remove(stage)?;
    let begun = Instant::now();
    let (is_deployed, deployed) = stage.deploy(RELEASE)?;
    if !is_deployed {
        bail!("Ticker was not deployed (see above)");
    }
    let step = Step::start("Signing in");
    let (name, password) = ("first", secrets::password()?);
    stage.make_manager(name, &password)?;
    let certificate = stage.certificate()?;
    wait::until(PATIENCE, "nobody can sign in", || {
        Ok(web::sign_in(&certificate, name, &password)?.filter(|status| *status == 303))
    })?;
    let took = begun.elapsed();
    step.done();
    verdict.at_most("to the first sign-in", took.as_secs_f64(), "s", 60.0);
    verdict.remark(format!("ticker-stack deploy {} of it", seconds(deployed)));
    Ok(verdict)
}

fn remove(stage: &Stage<'_>) -> Result<()> {
    let step = Step::start("Removing the stack, its secrets and its data");
    stage.ask(&["stack", "rm", STACK])?;
    let filter = format!("label=com.docker.stack.namespace={STACK}");
    wait::until(PATIENCE, "the stack does not go", || {
        for node in stage.nodes().iter() {
            for list in [
                &["ps", "--all", "--quiet"][..],
                &["network", "ls", "--quiet"],
                &["secret", "ls", "--quiet"],
            ] {
                let left = node
                    .docker()
                    .ask_if_there(&[list, &["--filter", &filter]].concat())?;
                if left.is_none_or(|left| !left.is_empty()) {
                    return Ok(None);
                }
            }
        }
        Ok(Some(()))
    })?;
    for node in stage.nodes().iter() {
        for volume in VOLUMES {
            let volume = format!("{STACK}_{volume}");
            let there = ["volume", "inspect", volume.as_str()];
            if node.docker().ask_if_there(&there)?.is_some() {
                node.docker().ask(&["volume", "rm", volume.as_str()])?;
            }
        }
    }
    step.done();
    Ok(())
}
