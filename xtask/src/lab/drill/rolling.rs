//! A release replaces another, and is replaced again.

use std::time::Instant;

use anyhow::{Result, bail};

use super::judge;
use super::stage::{RELEASE, Stage};
use super::tasks::Task;
use crate::drill::verdict::Verdict;
use crate::lab::release::Release;
use crate::lab::swarm::STACK;
use crate::progress::Step;

/// What is broken on purpose.
pub(super) const CONTROL: &str = "stop-first, no health check, 1 s to finish";

/// A deploy of another release and one back.
pub(super) fn run(stage: &Stage<'_>) -> Result<Verdict> {
    if stage.is_control() {
        take_care_away(stage)?;
    }
    let load = stage.load()?;
    let mut verdict = Verdict::of("v1 → v2 → v1".to_owned());
    if stage.is_control() {
        let step = Step::start("Updating without care");
        update(stage, &[&format!("--image={}", Release::V2.image())])?;
        step.done();
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

/// Takes away from the service what makes its updates go unnoticed. Replicas keep to what they were started
/// with, so this has to be an update of its own.
fn take_care_away(stage: &Stage<'_>) -> Result<()> {
    let step = Step::start("Taking the care out of updates");
    let careless = [
        "--update-order=stop-first",
        "--stop-grace-period=1s",
        "--no-healthcheck",
    ];
    update(stage, &careless)?;
    step.done();
    Ok(())
}

/// Updates the service and waits until all its replicas are others.
fn update(stage: &Stage<'_>, options: &[&str]) -> Result<()> {
    let former = stage.await_tasks("app", 2)?;
    let app = format!("{STACK}_app");
    stage.ask(&[&["service", "update", "--detach"], options, &[&app]].concat())?;
    let former: Vec<&Task> = former.iter().collect();
    stage.await_replaced("app", &former, former.len(), Instant::now())?;
    stage.await_all()
}
