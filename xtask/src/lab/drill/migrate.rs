//! Many migrate an empty database at the same moment.

use anyhow::{Context, Result};
use serde_json::Value;

use super::stage::{PATIENCE, Stage};
use crate::drill::verdict::{Verdict, float};
use crate::lab::swarm::STACK;
use crate::lab::wait;
use crate::progress::Step;

const JOB: &str = "ticker_migrate-at-once";
const AT_ONCE: usize = 6;

/// Six tasks of a job that is Ticker's own but for their number. The lab's data are lost.
pub(super) fn run(stage: &Stage<'_>) -> Result<Verdict> {
    let mut verdict = Verdict::of(format!(
        "{AT_ONCE} `ticker migrate` at once of an empty database"
    ));
    let step = Step::start("Emptying the database");
    stage.scale("app", 0)?;
    wait::until(PATIENCE, "the replicas do not end", || {
        let tasks = super::tasks::of(&stage.manager(), "app")?;
        Ok(tasks.iter().all(|task| !task.is_running).then_some(()))
    })?;
    stage
        .swarm()
        .sql_in("postgres", "DROP DATABASE ticker WITH (FORCE)")?;
    stage.ask(&[
        "service",
        "update",
        "--detach",
        "--force",
        &format!("{STACK}_logins"),
    ])?;
    let privileges = "SELECT has_database_privilege('ticker_app', 'ticker', 'CONNECT')";
    wait::until(PATIENCE, "the logins are not made", || {
        Ok(stage.sql(privileges).ok().filter(|said| said == "t"))
    })?;
    step.done();
    let step = Step::start("Migrating");
    create(stage)?;
    let format = "--format={{.CurrentState}}";
    let states = wait::until(PATIENCE, "the migrations do not end", || {
        let states = stage.ask(&["service", "ps", format, JOB])?;
        let is_over = |state: &&str| {
            let ends = ["Complete", "Failed", "Rejected"];
            ends.iter().any(|end| state.starts_with(end))
        };
        let ended = states.lines().filter(is_over).count();
        Ok((ended == AT_ONCE).then_some(states))
    });
    let said = stage
        .ask(&["service", "logs", "--timestamps", "--no-trunc", JOB])
        .unwrap_or_default();
    stage.ask(&["service", "rm", JOB])?;
    let states = states?;
    step.done();
    let count = |states: &str, end: &str| {
        let found = states
            .lines()
            .filter(|state| state.starts_with(end))
            .count();
        u64::try_from(found).map(float)
    };
    let number = |query: &str| -> Result<f64> { stage.sql(query)?.parse().context("no number") };
    let applied = number("SELECT count(*) FROM _sqlx_migrations WHERE success")?;
    let distinct = number("SELECT count(DISTINCT version) FROM _sqlx_migrations")?;
    verdict.tell("ended well", count(&states, "Complete")?, "");
    verdict.at_most(
        "ended otherwise",
        count(&states, "Failed")? + count(&states, "Rejected")?,
        "",
        0.0,
    );
    verdict.tell("migrations", distinct, "");
    verdict.at_most(
        "applied more than once or not to the end",
        (applied - distinct).abs(),
        "",
        0.0,
    );
    verdict.detail(Value::from(said));
    Ok(verdict)
}

/// The stack's own job has one task; this one has more, at the same time.
fn create(stage: &Stage<'_>) -> Result<()> {
    let inspected = stage.ask(&["service", "inspect", &format!("{STACK}_migrate")])?;
    let inspected: Value = serde_json::from_str(&inspected)?;
    let container = &inspected[0]["Spec"]["TaskTemplate"]["ContainerSpec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut words: Vec<String> = [
        "service",
        "create",
        "--detach",
        "--quiet",
        "--restart-condition=none",
        "--no-healthcheck",
        "--endpoint-mode=dnsrr",
        "--read-only",
    ]
    .map(str::to_owned)
    .to_vec();
    words.push(format!("--name={JOB}"));
    words.push(format!("--network={STACK}_data"));
    words.push(format!("--replicas={AT_ONCE}"));
    for variable in container["Env"].as_array().into_iter().flatten() {
        words.push(format!("--env={}", text(variable)));
    }
    for secret in container["Secrets"].as_array().into_iter().flatten() {
        let (name, target) = (text(&secret["SecretName"]), text(&secret["File"]["Name"]));
        words.push(format!("--secret=source={name},target={target}"));
    }
    words.push(text(&container["Image"]));
    words.push("migrate".to_owned());
    stage.manager().ask(&words)?;
    Ok(())
}
