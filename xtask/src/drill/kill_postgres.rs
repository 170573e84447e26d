//! PostgreSQL is killed, all its processes at once, and started again.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::acknowledgements::{Acknowledgements, Fault, quantile};
use super::checker;
use super::load::Load;
use super::pause::{now_ms, pause, varied};
use super::stage::Stage;
use super::verdict::Verdict;
use crate::ground::{DATABASE, Replica};
use crate::progress::Step;

/// What is broken on purpose.
pub(super) const CONTROL: &str = "synchronous_commit=off";

/// Two replicas, which are not touched, and a database that is.
pub(super) fn run(stage: &mut Stage) -> Result<Verdict> {
    if stage.is_control {
        risk_commits(stage)?;
    }
    let replicas = [
        Replica::start(&stage.ground, "one")?,
        Replica::start(&stage.ground, "other")?,
    ];
    let urls = replicas.each_ref().map(Replica::url);
    let load = Load::start(
        &stage.ground,
        &urls,
        &["--clients", "32", "--duration", "60m"],
    )?;
    stage.await_postings(100)?;
    // Everybody is to stay signed in, also where commits are at risk.
    stage
        .ground
        .cluster
        .sql_outside_transaction("postgres", "CHECKPOINT")?;
    let step = Step::start(format!("Killing PostgreSQL {} times", stage.times));
    let mut faults = Vec::new();
    for kill in 0..stage.times {
        pause(varied(
            kill,
            Duration::from_millis(200),
            Duration::from_millis(1_200),
        ))?;
        let begun_ms = now_ms();
        stage.ground.cluster.kill()?;
        stage.ground.cluster.start_again(&stage.ground.place)?;
        let over_ms = now_ms();
        faults.push(Fault { begun_ms, over_ms });
        stage.await_postings(50)?;
    }
    let gave = load.finish()?;
    step.done();

    let done = format!(
        "{} kills of PostgreSQL under 32 clients of 2 replicas",
        stage.times
    );
    let mut verdict = Verdict::of(done);
    let outages_s = Acknowledgements::read(&gave.log)?.outages_s(&faults);
    verdict.tell("outage median", quantile(&outages_s, 0.5), "s");
    verdict.at_most("outage p95", quantile(&outages_s, 0.95), "s", 8.0);
    verdict.tell("outage max", quantile(&outages_s, 1.0), "s");
    verdict.never("answers that none may get", gave.wrong());
    verdict.detail(json!({ "outages_s": outages_s }));
    checker::judge(&mut verdict, stage, &urls[0], &[gave])?;
    Ok(verdict)
}

/// Lets commits be acknowledged before they are on the disk.
fn risk_commits(stage: &Stage) -> Result<()> {
    // What is set for the database outranks what the server was started with.
    let off = format!("ALTER DATABASE {DATABASE} SET synchronous_commit = off");
    let late = "ALTER SYSTEM SET wal_writer_delay = '1s'";
    for statement in [&off, late, "SELECT pg_reload_conf()"] {
        stage
            .ground
            .cluster
            .sql_outside_transaction("postgres", statement)?;
    }
    Ok(())
}
