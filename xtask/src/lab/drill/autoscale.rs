//! Nobody scales, and still there are as many replicas as people need.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde_json::json;

use super::judge;
use super::stage::Stage;
use super::tasks::Task;
use crate::drill::pause::pause;
use crate::drill::verdict::Verdict;
use crate::lab::swarm::STACK;
use crate::progress::Step;

/// Short cool-downs, and little that one replica is to carry: this machine gives no more load.
const POLICY: [&str; 4] = ["max=4", "target=4", "up-after=10s", "down-after=30s"];
const LOAD: [&str; 6] = ["--clients", "64", "--rate", "150", "--slow", "24"];
const MAX: f64 = 4.0;
/// For as long as it takes to see more, and for as long as it takes to see them go.
const UP_LIMIT: Duration = Duration::from_mins(3);
const DOWN_LIMIT: Duration = Duration::from_mins(4);

/// How many replicas were wanted and well, each time that it changed.
#[derive(Default)]
struct Course(Vec<(f64, usize, usize)>);

/// More forms at the same time than two replicas are to carry, and then none.
pub(super) fn run(stage: &Stage<'_>) -> Result<Verdict> {
    let mut verdict = Verdict::of(format!(
        "24 forms of 3 s and 150 requests/s, {}",
        POLICY.join(", ")
    ));
    let labels = POLICY.map(|label| format!("--label-add=ticker.autoscale.{label}"));
    let labels = labels.each_ref().map(String::as_str);
    let app = format!("{STACK}_app");
    stage.ask(&[&["service", "update", "--detach"], &labels[..], &[&app]].concat())?;
    let run = scale_up_and_down(stage, &mut verdict);
    // The stack's own labels again.
    stage.renew()?;
    run.map(|()| verdict)
}

fn scale_up_and_down(stage: &Stage<'_>, verdict: &mut Verdict) -> Result<()> {
    let begun = Instant::now();
    let mut course = Course::default();
    let load = stage.load_of(&LOAD)?;
    let step = Step::start("Waiting for more replicas");
    // The load is 24 in flight and more, which is 4 replicas at 6 each; the limit is 4.
    course.watch(stage, begun, UP_LIMIT, |wanted, well| {
        wanted >= 4 && well == wanted
    })?;
    let before = stage.postings()?;
    stage.await_postings(before, 300)?;
    step.done();
    let up = begun.elapsed();
    let gave = load.finish()?;
    let step = Step::start("Waiting for fewer again");
    course.watch(stage, begun, DOWN_LIMIT, |wanted, well| {
        wanted == 2 && well == 2
    })?;
    step.done();
    let most = course.0.iter().map(|(_, wanted, _)| *wanted).max();
    let most = f64::from(u32::try_from(most.unwrap_or_default())?);
    verdict.at_most("most replicas", most, "", MAX);
    verdict.tell("all of them after", up.as_secs_f64(), "s");
    verdict.tell("two again after", begun.elapsed().as_secs_f64(), "s");
    verdict.remark(course.words());
    verdict.detail(json!({ "replicas": course.0 }));
    judge::judge(verdict, stage, &gave, &[])
}

impl Course {
    /// Looks until the numbers of replicas are as they are to become.
    fn watch(
        &mut self,
        stage: &Stage<'_>,
        begun: Instant,
        limit: Duration,
        is_reached: impl Fn(usize, usize) -> bool,
    ) -> Result<()> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            let tasks = stage.tasks("app")?;
            let well = tasks.iter().filter(|task| Task::is_well(task)).count();
            let now = (tasks.len(), well);
            if self
                .0
                .last()
                .is_none_or(|(_, wanted, well)| (*wanted, *well) != now)
            {
                self.0.push((begun.elapsed().as_secs_f64(), now.0, now.1));
            }
            if is_reached(now.0, now.1) {
                return Ok(());
            }
            pause(Duration::from_millis(500))?;
        }
        bail!("the autoscaler did not do it: {}", self.words());
    }

    fn words(&self) -> String {
        let mut words = "replicas well/wanted".to_owned();
        for (at, wanted, well) in &self.0 {
            // Writing to a string does not fail.
            let _ = write!(words, " {well}/{wanted} at {at:.0} s,");
        }
        words.trim_end_matches(',').to_owned()
    }
}
