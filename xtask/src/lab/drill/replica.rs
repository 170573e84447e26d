//! Replicas end, and come and go.

use std::time::Instant;

use anyhow::{Context, Result};

use super::judge;
use super::stage::{PATIENCE, Stage};
use crate::drill::verdict::Verdict;
use crate::lab::wait;
use crate::progress::Step;

/// What is broken on purpose.
pub(super) const CONTROL: &str = "both replicas are killed";
const KILLS: u32 = 3;

/// One of two replicas is killed, several times.
pub(super) fn kill(stage: &Stage<'_>) -> Result<Verdict> {
    let mut verdict = Verdict::of(format!("{KILLS} times SIGKILL to one of 2 replicas"));
    let load = stage.load()?;
    let step = Step::start("Killing replicas");
    let (mut faults, mut longest) = (Vec::new(), 0.0_f64);
    for kill in 0..KILLS {
        let tasks = stage.await_tasks("app", 2)?;
        let place = usize::from(kill % 2 == 1);
        let victim = tasks.get(place).context("there are two")?;
        let begun = Instant::now();
        if stage.is_control() {
            for task in &tasks {
                faults.push(stage.kill(task)?);
            }
            longest = longest.max(stage.await_replaced(
                "app",
                &tasks.iter().collect::<Vec<_>>(),
                2,
                begun,
            )?);
        } else {
            faults.push(stage.kill(victim)?);
            longest = longest.max(stage.await_replaced("app", &[victim], 2, begun)?);
        }
        let before = stage.postings()?;
        stage.await_postings(before, 100)?;
    }
    step.done();
    verdict.at_most("replaced", longest, "s", 10.0);
    judge::judge(&mut verdict, stage, &load.finish()?, &faults)?;
    Ok(verdict)
}

/// More replicas, and fewer again.
pub(super) fn scale(stage: &Stage<'_>) -> Result<Verdict> {
    let mut verdict = Verdict::of("2 → 5 → 2 replicas".to_owned());
    let load = stage.load()?;
    let step = Step::start("Scaling");
    let begun = Instant::now();
    stage.scale("app", 5)?;
    stage.await_tasks("app", 5)?;
    let up = begun.elapsed();
    let before = stage.postings()?;
    stage.await_postings(before, 300)?;
    let begun = Instant::now();
    stage.scale("app", 2)?;
    wait::until(PATIENCE, "the replicas do not end", || {
        let tasks = super::tasks::of(&stage.manager(), "app")?;
        let running = tasks.iter().filter(|task| task.is_running).count();
        Ok((running == 2).then_some(()))
    })?;
    let down = begun.elapsed();
    let before = stage.postings()?;
    stage.await_postings(before, 200)?;
    step.done();
    judge::judge(&mut verdict, stage, &load.finish()?, &[])?;
    verdict.tell("up", up.as_secs_f64(), "s");
    verdict.tell("down", down.as_secs_f64(), "s");
    Ok(verdict)
}
