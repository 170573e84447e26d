//! The password of Ticker's database login is changed.

use std::time::Instant;

use anyhow::Result;

use super::judge;
use super::stage::Stage;
use crate::drill::verdict::{Verdict, float};
use crate::lab::deploy;
use crate::lab::swarm::STACK;
use crate::process;

/// By the command that operators have for it.
pub(super) fn run(stage: &Stage<'_>) -> Result<Verdict> {
    let mut verdict = Verdict::of("ticker-stack rotate app".to_owned());
    let logins = "SELECT rolname FROM pg_roles WHERE rolname ~ '^ticker_app_[0-9]+$' ORDER BY 1";
    let (login, secret) = (stage.sql(logins)?, secrets(stage)?);
    let load = stage.load()?;
    let begun = Instant::now();
    let mut rotate = deploy::ticker_stack(stage.workspace())?;
    let status = process::show(rotate.args(["rotate", "app"]))?;
    let took = begun.elapsed();
    let before = stage.postings()?;
    stage.await_postings(before, 200)?;
    let gave = load.finish()?;
    let is_other = |now: &str, before: &str| now.lines().count() == 1 && now != before;
    let (login_now, secret_now) = (stage.sql(logins)?, secrets(stage)?);
    verdict.never(
        "ended with another code than 0",
        u64::from(!status.success()),
    );
    verdict.never(
        "former login left",
        u64::from(!is_other(&login_now, &login)),
    );
    verdict.never(
        "former secret left",
        u64::from(!is_other(&secret_now, &secret)),
    );
    verdict.tell("rotation", took.as_secs_f64(), "s");
    let users = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{login_now}'");
    let users: u64 = stage.sql(&users)?.parse().unwrap_or_default();
    verdict.tell("connections of the new login", float(users), "");
    judge::judge(&mut verdict, stage, &gave, &[])?;
    Ok(verdict)
}

fn secrets(stage: &Stage<'_>) -> Result<String> {
    let filter = format!("--filter=name={STACK}_app_");
    stage.ask(&["secret", "ls", "--format={{.Name}}", &filter])
}
