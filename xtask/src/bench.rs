//! `cargo xtask bench`: what Ticker does, beside a yardstick that is taken in the same run.
//!
//! Machines are noisy: the sides of a comparison take turns, and what counts is the ratio within a round.
//! Each bench has a PostgreSQL of its own, on a disk and with everything on that makes a commit durable, and
//! runs the release binary with everything on that production has on: sessions, CSRF, hash chains, the log.

mod adjust;
mod figure;
mod lists;
mod live;
mod load;
mod login_storm;
mod plan;
mod report;
mod start;
mod turns;
mod yardstick;

use std::path::Path;

use anyhow::Result;

pub(crate) use self::plan::Plan;
use self::report::Report;
use crate::ground::{Ground, Programs, Size};
use crate::postgres::Purpose;
use crate::progress;
use crate::workspace::Workspace;

/// Something that is measured.
struct Bench {
    name: &'static str,
    run: fn(&Ground, &Plan) -> Result<Report>,
    stand_on: fn(&Plan) -> Size,
}

const BENCHES: [Bench; 9] = [
    bench("adjust-hot", adjust::hot, Plan::shelf),
    bench("adjust-spread", adjust::spread, Plan::shelf),
    bench("adjust-replicas", adjust::replicas, Plan::shelf),
    bench("list", lists::list, Plan::catalogue),
    bench("list-deep", lists::deep, Plan::moving_catalogue),
    bench("search", lists::search, Plan::catalogue),
    bench("live", live::run, Plan::small_shelf),
    bench("login-storm", login_storm::run, Plan::small_shelf),
    bench("start", start::run, Plan::small_shelf),
];

const fn bench(
    name: &'static str,
    run: fn(&Ground, &Plan) -> Result<Report>,
    stand_on: fn(&Plan) -> Size,
) -> Bench {
    Bench {
        name,
        run,
        stand_on,
    }
}

const ALL: &str = "all";

/// What can be measured, by name.
pub(crate) fn names() -> Vec<&'static str> {
    BENCHES
        .iter()
        .map(|bench| bench.name)
        .chain([ALL])
        .collect()
}

/// Runs one bench, or all, one after the other. A figure that is not reached is said and no error.
///
/// # Errors
/// When something cannot be measured, or what was measured was not right.
pub(crate) fn run(
    workspace: &Workspace,
    name: &str,
    plan: &Plan,
    programs: Option<&Path>,
) -> Result<()> {
    let programs = Programs::get(workspace, programs)?;
    let wanted = |bench: &&Bench| name == ALL || bench.name == name;
    for bench in BENCHES.iter().filter(wanted) {
        progress::heading(bench.name);
        let size = (bench.stand_on)(plan);
        let ground = Ground::prepare(workspace, programs.clone(), size, Purpose::Benchmark)?;
        let report = (bench.run)(&ground, plan)?;
        let file = report.save(workspace, &ground, bench.name, plan)?;
        println!("\n### {}\n\n{}", bench.name, report.table(plan));
        progress::say(&format!("Every sample: {}", workspace.relative(&file)));
    }
    Ok(())
}
