//! `cargo xtask bench`: what Ticker does, beside a yardstick that is taken in the same run.
//!
//! Machines are noisy: the sides of a comparison take turns, and what counts is the ratio within a round.
//! Each bench has a PostgreSQL of its own, on a disk and with everything on that makes a commit durable, and
//! runs the release binary with everything on that production has on: sessions, CSRF, hash chains, the log.

mod adjust;
mod figure;
mod live;
mod load;
mod login_storm;
mod plan;
mod report;
mod start;
mod turns;
mod yardstick;

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
    /// Whether the size of the inventory is what it is about.
    is_about_size: bool,
}

const BENCHES: [Bench; 6] = [
    bench("adjust-hot", adjust::hot, true),
    bench("adjust-spread", adjust::spread, true),
    bench("adjust-replicas", adjust::replicas, true),
    bench("live", live::run, false),
    bench("login-storm", login_storm::run, false),
    bench("start", start::run, false),
];

const fn bench(
    name: &'static str,
    run: fn(&Ground, &Plan) -> Result<Report>,
    is_about_size: bool,
) -> Bench {
    Bench {
        name,
        run,
        is_about_size,
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
pub(crate) fn run(workspace: &Workspace, name: &str, plan: &Plan) -> Result<()> {
    let programs = Programs::build(workspace)?;
    let wanted = |bench: &&Bench| name == ALL || bench.name == name;
    for bench in BENCHES.iter().filter(wanted) {
        progress::heading(bench.name);
        let plan = if bench.is_about_size {
            *plan
        } else {
            plan.with_small_inventory()
        };
        let size = Size {
            items: plan.items,
            accounts: plan.accounts,
        };
        let ground = Ground::prepare(workspace, programs.clone(), size, Purpose::Benchmark)?;
        let report = (bench.run)(&ground, &plan)?;
        let file = report.save(workspace, &ground, bench.name, &plan)?;
        println!("\n### {}\n\n{}", bench.name, report.table(&plan));
        progress::say(&format!("Every sample: {}", workspace.relative(&file)));
    }
    Ok(())
}
