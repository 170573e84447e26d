//! A release replaces another, and is replaced again.

use anyhow::{Result, bail};

use super::judge;
use super::stage::{PATIENCE, RELEASE, Stage};
use crate::drill::verdict::Verdict;
use crate::lab::release::Release;
use crate::lab::swarm::STACK;
use crate::lab::wait;
use crate::progress::Step;

/// What is broken on purpose.
pub(super) const CONTROL: &str = "stop-first, no health check, no time to finish";

/// A deploy of another release and one back.
pub(super) fn run(stage: &Stage<'_>) -> Result<Verdict> {
    let load = stage.load()?;
    let mut verdict = Verdict::of("v1 → v2 → v1".to_owned());
    if stage.is_control() {
        update_badly(stage)?;
    } else {
        let (forth, took_forth) = stage.deploy(Release::V2)?;
        let (back, took_back) = stage.deploy(RELEASE)?;
        if !(forth && back) {
            bail!("a release was not deployed (see above)");
        }
        let longest = took_forth.max(took_back);
        verdict.at_most("deploy", longest.as_secs_f64(), "s", 120.0);
    }
    let before = stage.postings()?;
    stage.await_postings(before, 200)?;
    judge::judge(&mut verdict, stage, &load.finish()?, &[])?;
    Ok(verdict)
}

/// What Swarm does with an image when nobody tells it how, and no time to finish.
fn update_badly(stage: &Stage<'_>) -> Result<()> {
    let step = Step::start("Updating without care");
    let app = format!("{STACK}_app");
    let image = format!("--image={}", Release::V2.image());
    stage.ask(&[
        "service",
        "update",
        "--detach",
        "--update-order=stop-first",
        "--stop-grace-period=0s",
        "--no-healthcheck",
        &image,
        &app,
    ])?;
    wait::until(PATIENCE, "the update does not end", || {
        let services = stage.services()?;
        let app = services.into_iter().find(|service| service.name == "app");
        let update = app.and_then(|app| app.update);
        Ok((update.as_deref() == Some("completed")).then_some(()))
    })?;
    step.done();
    Ok(())
}
