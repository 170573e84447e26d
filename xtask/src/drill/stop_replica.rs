//! A replica is asked to end, in the middle of its work.

use std::time::Duration;

use anyhow::Result;

use super::checker;
use super::load::Load;
use super::pause::{pause, varied};
use super::stage::Stage;
use super::verdict::{Verdict, float};
use crate::ground::Replica;
use crate::progress::Step;

/// What is broken on purpose.
pub(super) const CONTROL: &str = "it is killed instead";
/// The check that it ended well, with everything in flight answered.
pub(super) const ENDED: &str = "ends with another code than 0";

/// Two replicas; one is asked to end in turn, and started again.
pub(super) fn run(stage: &mut Stage) -> Result<Verdict> {
    let ground = &stage.ground;
    let mut replicas = [
        Replica::start(ground, "one")?,
        Replica::start(ground, "other")?,
    ];
    let urls = replicas.each_ref().map(Replica::url);
    let load = Load::start(ground, &urls, &["--clients", "32", "--duration", "60m"])?;
    stage.await_postings(100)?;
    let step = Step::start(format!("Stopping replicas {} times", stage.times));
    let (mut bad_ends, mut longest) = (0, Duration::ZERO);
    for stop in 0..stage.times {
        pause(varied(
            stop,
            Duration::from_millis(200),
            Duration::from_millis(900),
        ))?;
        let replica = &mut replicas[usize::from(stop % 2 == 1)];
        let (status, took) = if stage.is_control {
            (replica.kill()?, Duration::ZERO)
        } else {
            replica.stop()?
        };
        bad_ends += u64::from(!status.success());
        longest = longest.max(took);
        replica.start_again(ground)?;
    }
    stage.await_postings(100)?;
    let gave = load.finish()?;
    step.done();

    let done = format!(
        "{} times SIGTERM to one of 2 replicas under 32 clients",
        stage.times
    );
    let mut verdict = Verdict::of(done);
    verdict.never(ENDED, bad_ends);
    verdict.at_most("SIGTERM to end, max", longest.as_secs_f64(), "s", 25.0);
    verdict.never("answers that none may get", gave.wrong());
    verdict.tell(
        "sent again to the other replica",
        float(gave.sent_again("broken")),
        "",
    );
    checker::judge(&mut verdict, stage, &urls[0], &[gave])?;
    Ok(verdict)
}
