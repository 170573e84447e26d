//! Processes of Ticker are killed, one after the other, while both work.

use std::time::Duration;

use anyhow::Result;

use super::checker;
use super::lie;
use super::load::Load;
use super::pause::{pause, varied};
use super::stage::Stage;
use super::verdict::{Verdict, float};
use crate::ground::Replica;
use crate::progress::Step;

/// Two replicas; one is killed in turn and started again.
pub(super) fn run(stage: &mut Stage) -> Result<Verdict> {
    let (proxy, way) = lie::proxy(stage)?;
    let ground = &stage.ground;
    let mut replicas = [
        Replica::start_by(ground, "one", way)?,
        Replica::start_by(ground, "other", way)?,
    ];
    let urls = replicas.each_ref().map(Replica::url);
    let load = Load::start(ground, &urls, &["--clients", "32", "--duration", "60m"])?;
    stage.await_postings(100)?;
    lie::begin(stage, &proxy);
    let step = Step::start(format!("Killing replicas {} times", stage.times));
    for kill in 0..stage.times {
        pause(varied(
            kill,
            Duration::from_millis(100),
            Duration::from_millis(600),
        ))?;
        let victim = &mut replicas[usize::from(kill % 2 == 1)];
        victim.kill()?;
        victim.start_again(ground)?;
    }
    stage.await_postings(100)?;
    let gave = load.finish()?;
    step.done();

    let done = format!("{} kills of 2 replicas under 32 clients", stage.times);
    let mut verdict = Verdict::of(done);
    verdict.never("answers that none may get", gave.wrong());
    verdict.tell("connections broken", float(gave.sent_again("broken")), "");
    checker::judge(&mut verdict, stage, &urls[0], &[gave])?;
    Ok(verdict)
}
