//! Every alert that can be made to fire within minutes fires once, for the real reason.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::stage::Stage;
use super::web;
use crate::drill::verdict::{Verdict, float};
use crate::lab::release::Release;
use crate::lab::swarm::STACK;
use crate::lab::wait;
use crate::progress::{self, Step};

/// Longer than anybody drills at a time: what the other drills have set off counts.
const SINCE: &str = "12h";
/// The longest of them waits for five minutes, and what it waits for comes within a minute or two.
const LIMIT: Duration = Duration::from_mins(9);

/// Some that go off together.
struct Round {
    what: &'static str,
    alerts: &'static [&'static str],
    /// Breaks something, waits for the alerts, and mends what a deploy does not.
    run: fn(&Stage<'_>, &Round) -> Result<()>,
}

const ROUNDS: [Round; 3] = [
    Round {
        what: "no replica, no place for a task, a process that hangs, a node without power",
        alerts: &[
            "TickerDown",
            "TickerNodeDown",
            "TickerPostgresDown",
            "TickerReplicasMissing",
            "TickerTargetDown",
            "TickerTargetMissing",
            "TickerTaskPending",
            "TickerUnreachable",
        ],
        run: tasks,
    },
    Round {
        what: "a total that is wrong, a lost slot, all connections, nobody who watches the swarm",
        alerts: &[
            "TickerConnectionsNearlyUsedUp",
            "TickerLedgerBroken",
            "TickerReplicationSlotLost",
            "TickerSwarmUnwatched",
        ],
        run: database,
    },
    Round {
        what: "a release that does not work, and a table that is locked",
        alerts: &[
            "TickerErrorBurnFast",
            "TickerPoolExhausted",
            "TickerUpdateRolledBack",
        ],
        run: release,
    },
];

/// What takes hours, a full disk, a clock that is wrong or more load than a small machine gives; `promtool test rules` has them all.
const NOT_HERE: [&str; 10] = [
    "TickerCertificateExpiring",
    "TickerClockSkew",
    "TickerDiskFilling",
    "TickerDiskFull",
    "TickerHostMemory",
    "TickerJobOverdue",
    "TickerLedgerUnchecked",
    "TickerPostingQueueFull",
    "TickerRulesBroken",
    "TickerSlow",
];

/// Sets off what has not gone off yet, and says what has.
pub(super) fn run(stage: &Stage<'_>) -> Result<Verdict> {
    let mut verdict = Verdict::of(format!("which alerts fired in the lab in {SINCE}"));
    let mut fired = fired()?;
    for round in &ROUNDS {
        if round.alerts.iter().all(|alert| fired.contains(*alert)) {
            continue;
        }
        let step = Step::start(format!("Alerts: {}", round.what));
        let run = (round.run)(stage, round);
        stage.renew()?;
        match run {
            Ok(()) => step.done(),
            // Which of them it was is in the verdict.
            Err(error) => progress::say(&format!("  {error:#}")),
        }
    }
    fired.extend(self::fired()?);
    let known = known(&web::rules()?);
    let silent: Vec<&str> = known
        .iter()
        .map(String::as_str)
        .filter(|name| !fired.contains(*name))
        .collect();
    let missed = silent.iter().filter(|name| !NOT_HERE.contains(name));
    verdict.tell("fired", float(u64::try_from(fired.len())?), "");
    verdict.never("to fire and silent", u64::try_from(missed.count())?);
    let fired: Vec<&str> = fired.iter().map(String::as_str).collect();
    verdict.remark(format!("fired: {}", fired.join(", ")));
    verdict.remark(format!("silent: {}", silent.join(", ")));
    verdict.detail(json!({ "fired": fired, "silent": silent }));
    Ok(verdict)
}

fn tasks(stage: &Stage<'_>, round: &Round) -> Result<()> {
    let exporter = format!("{STACK}_postgres-exporter");
    let nowhere = "--constraint-add=node.labels.nowhere==true";
    stage.ask(&["service", "update", "--detach", nowhere, &exporter])?;
    stage.scale("app", 0)?;
    let last = stage.nodes().iter().last().context("there are nodes")?;
    let hanging = stage.tasks("node-exporter")?;
    let hanging = hanging
        .iter()
        .find(|task| task.is_well() && task.node != last.name());
    let (docker, container) = stage.container(hanging.context("no node-exporter runs")?)?;
    docker.ask(&["pause", &container])?;
    last.kill()?;
    let waited = await_firing(round);
    docker.ask(&["unpause", &container])?;
    waited
}

fn database(stage: &Stage<'_>, round: &Round) -> Result<()> {
    let load = stage.load()?;
    stage.scale("autoscaler", 0)?;
    let newest = "SELECT item_id FROM movements ORDER BY id DESC LIMIT 1";
    let item = stage.sql(newest)?;
    let add = |delta: i8| {
        stage.sql(&format!(
            "UPDATE items SET total = total + {delta} WHERE id = {item}"
        ))
    };
    add(1)?;
    stage.sql("SELECT pg_create_physical_replication_slot('drill', true)")?;
    stage.sql("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")?;
    stage.sql("SELECT pg_reload_conf()")?;
    for _ in 0..4 {
        stage.sql("SELECT pg_logical_emit_message(true, 'drill', 'written')")?;
        stage.sql("SELECT pg_switch_wal()")?;
    }
    stage.sql("CHECKPOINT")?;
    in_database(
        stage,
        "for i in {1..75}; do psql -qc 'select pg_sleep(900)' & done; wait",
    )?;
    let waited = await_firing(round);
    drop(load);
    end_sleepers(stage)?;
    add(-1)?;
    stage.sql("SELECT pg_drop_replication_slot('drill')")?;
    stage.sql("ALTER SYSTEM RESET max_slot_wal_keep_size")?;
    stage.sql("SELECT pg_reload_conf()")?;
    stage.scale("autoscaler", 1)?;
    waited
}

fn release(stage: &Stage<'_>, round: &Round) -> Result<()> {
    // It is rolled back, and stays so until somebody deploys again.
    stage.deploy(Release::NeverHealthy)?;
    let load = stage.load()?;
    let lock = "psql -q --dbname=ticker -c 'begin; lock table items; select pg_sleep(900)'";
    in_database(stage, lock)?;
    let waited = await_firing(round);
    end_sleepers(stage)?;
    drop(load);
    waited
}

/// Runs something beside the database and does not wait for it.
fn in_database(stage: &Stage<'_>, script: &str) -> Result<()> {
    let tasks = stage.tasks("db")?;
    let (docker, container) = stage.container(tasks.first().context("no database runs")?)?;
    docker.ask(&[
        "exec",
        "--detach",
        "--user=postgres",
        &container,
        "bash",
        "-c",
        script,
    ])?;
    Ok(())
}

fn end_sleepers(stage: &Stage<'_>) -> Result<()> {
    let sleepers = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                    WHERE query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
    stage.sql(sleepers)?;
    Ok(())
}

fn await_firing(round: &Round) -> Result<()> {
    let what = format!("not all of {} fire", round.alerts.join(", "));
    wait::until(LIMIT, &what, || {
        let fired = fired()?;
        let is_firing = |alert: &&str| fired.contains(*alert);
        Ok(round.alerts.iter().all(is_firing).then_some(()))
    })
}

/// Those that fire, or did.
fn fired() -> Result<BTreeSet<String>> {
    let fired = format!("max_over_time(ALERTS{{alertstate=\"firing\"}}[{SINCE}])");
    let series = web::query(&format!("count by (alertname) ({fired})"))?;
    let names = series
        .iter()
        .filter_map(|one| one["metric"]["alertname"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// The names of the alerts that Prometheus evaluates.
fn known(rules: &Value) -> Vec<String> {
    let groups = rules["data"]["groups"].as_array().into_iter().flatten();
    let rules = groups.flat_map(|group| group["rules"].as_array().into_iter().flatten());
    let names = rules.filter_map(|rule| rule["name"].as_str());
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_found_in_all_groups() {
        let rules = json!({ "data": { "groups": [
            { "rules": [{ "name": "A" }, { "name": "B" }] },
            { "rules": [{ "name": "C" }] },
        ]}});
        assert_eq!(known(&rules), ["A", "B", "C"]);
    }
}
