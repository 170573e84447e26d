//! The database goes away.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;

use super::judge;
use super::stage::{PATIENCE, Stage, fault};
use super::web;
use crate::drill::acknowledgements::{Acknowledgements, Fault};
use crate::drill::pause::{now_ms, pause};
use crate::drill::verdict::{Verdict, float};
use crate::lab::wait;
use crate::progress::Step;

/// What is broken on purpose.
pub(super) const CONTROL: &str = "synchronous_commit=off, the log written every 10 s";
const AWAY: Duration = Duration::from_mins(1);
/// What needs no database.
const PAGES: [&str; 2] = ["/login", "/healthz"];

/// For a minute, as an operator would stop it.
pub(super) fn down(stage: &Stage<'_>) -> Result<Verdict> {
    let mut verdict = Verdict::of("0 replicas of the database for 60 s".to_owned());
    let certificate = stage.certificate()?;
    let tasks = stage.await_tasks("app", 2)?;
    let load = stage.load()?;
    let step = Step::start("Taking the database away");
    let begun_ms = now_ms();
    stage.scale("db", 0)?;
    wait::until(PATIENCE, "the database does not end", || {
        let tasks = super::tasks::of(&stage.manager(), "db")?;
        Ok(tasks.iter().all(|task| !task.is_running).then_some(()))
    })?;
    let gone_ms = now_ms();
    let (mut asked, mut unanswered) = (0, 0);
    while now_ms() < gone_ms + u64::try_from(AWAY.as_millis())? {
        for page in PAGES {
            asked += 1;
            unanswered += u64::from(web::status(&certificate, page)? != Some(200));
        }
        pause(Duration::from_millis(500))?;
    }
    let command_ms = now_ms();
    stage.scale("db", 1)?;
    // As psql sees it: from when the server lets anybody in.
    wait::until(PATIENCE, "the database does not come back", || {
        Ok(stage.postings().ok())
    })?;
    let over_ms = now_ms();
    let before = stage.postings()?;
    stage.await_postings(before, 200)?;
    step.done();
    let same = stage.tasks("app")?;
    let restarted = tasks
        .iter()
        .filter(|task| same.iter().all(|now| now.id != task.id));
    let restarted = u64::try_from(restarted.count())?;
    let gave = load.finish()?;
    let acknowledged = Acknowledgements::read(&gave.log)?;
    let after = |over_ms| acknowledged.recoveries_s(&[Fault { begun_ms, over_ms }])[0];
    verdict.never("replicas restarted", restarted);
    verdict.never("pages without an answer", unanswered);
    verdict.tell("of", float(asked), "");
    verdict.at_most(
        "first write after PostgreSQL is back",
        after(over_ms),
        "s",
        6.0,
    );
    verdict.tell("after the command", after(command_ms), "s");
    judge::tell(&mut verdict, stage, &gave)?;
    Ok(verdict)
}

/// Its node loses its power while people press.
pub(super) fn power_cut(stage: &Stage<'_>) -> Result<Verdict> {
    if !stage.is_control() {
        return lose_power(stage);
    }
    risk_commits(stage)?;
    let verdict = lose_power(stage);
    stage.sql("ALTER SYSTEM RESET ALL")?;
    stage.sql("SELECT pg_reload_conf()")?;
    verdict
}

fn lose_power(stage: &Stage<'_>) -> Result<Verdict> {
    let mut verdict = Verdict::of("power cut of the database's node, and power back".to_owned());
    let tasks = stage.await_tasks("db", 1)?;
    let name = &tasks.first().context("there is one")?.node;
    let node = stage.nodes().named(name)?;
    let load = stage.load()?;
    // Everybody is to stay signed in, also where commits are at risk.
    stage.sql("CHECKPOINT")?;
    let before = stage.postings()?;
    stage.await_postings(before, 100)?;
    let step = Step::start(format!("Cutting the power of {name}"));
    let cut = fault(|| node.kill())?;
    node.start()?;
    let started_ms = now_ms();
    wait::until(PATIENCE, "the database does not come back", || {
        Ok(stage.postings().ok())
    })?;
    let back_ms = now_ms();
    let before = stage.postings()?;
    stage.await_postings(before, 200)?;
    step.done();
    let gave = load.finish()?;
    let acknowledged = Acknowledgements::read(&gave.log)?;
    let begun_ms = cut.begun_ms;
    let after = |over_ms| acknowledged.recoveries_s(&[Fault { begun_ms, over_ms }])[0];
    verdict.tell(
        "first write after the node's engine is back",
        after(started_ms),
        "s",
    );
    verdict.at_most("after PostgreSQL is back", after(back_ms), "s", 6.0);
    let outage = acknowledged.outages_s(&[Fault {
        begun_ms,
        over_ms: back_ms,
    }]);
    verdict.tell("from the cut on", outage[0], "s");
    judge::tell(&mut verdict, stage, &gave)?;
    verdict.detail(json!({ "node": name }));
    Ok(verdict)
}

/// Lets PostgreSQL say "committed" before it is.
fn risk_commits(stage: &Stage<'_>) -> Result<()> {
    for setting in ["synchronous_commit = off", "wal_writer_delay = '10s'"] {
        stage.sql(&format!("ALTER SYSTEM SET {setting}"))?;
    }
    stage.sql("SELECT pg_reload_conf()")?;
    Ok(())
}
