//! How soon a process is ready, and how much memory it holds then.

use std::thread;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::figure::{Reach, Series};
use super::plan::Plan;
use super::report::Report;
use crate::ground::{Ground, Replica};
use crate::progress::Step;

/// What a process does after it is ready (its first chores) is over by then.
const SETTLE: Duration = Duration::from_millis(500);

/// Starts and stops a process again and again; the database is there all the time.
pub(super) fn run(ground: &Ground, plan: &Plan) -> Result<Report> {
    let mut ready_ms = Series::new("process start to /readyz 200", "ms");
    let mut idle_mib = Series::new("memory, idle", "MiB");
    let mut samples = Vec::new();
    let step = Step::start(format!("Starting Ticker {} times", plan.starts));
    for start in 1..=plan.starts {
        let replica = Replica::start(ground, "ticker")?;
        thread::sleep(SETTLE);
        let (ms, mib) = (
            replica.ready_after.as_secs_f64() * 1_000.0,
            replica.resident_mib()?,
        );
        ready_ms.samples.push(ms);
        idle_mib.samples.push(mib);
        samples.push(json!({ "start": start, "ready_ms": ms, "resident_mib": mib }));
    }
    step.done();
    Ok(Report {
        figures: vec![
            ready_ms.reaching(Reach::AtMost(300.0)),
            idle_mib.reaching(Reach::AtMost(24.0)),
        ],
        samples,
        remarks: Vec::new(),
    })
}
