//! The manager that leads the swarm loses its power.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::judge;
use super::stage::{Stage, fault};
use crate::drill::verdict::Verdict;
use crate::lab::wait;
use crate::progress::Step;

const ELECTION: Duration = Duration::from_mins(1);

/// The last node leads and is lost; it has neither the edge nor the database, whose loss would be felt as well.
pub(super) fn run(stage: &Stage<'_>) -> Result<Verdict> {
    let mut verdict = Verdict::of("power cut of the leading manager, and power back".to_owned());
    let node = stage
        .nodes()
        .iter()
        .last()
        .context("there are nodes")?
        .clone();
    let name = node.name();
    let step = Step::start(format!("Letting {name} lead"));
    let_lead(stage, &name)?;
    stage.await_all()?;
    step.done();
    let load = stage.load()?;
    let step = Step::start(format!("Cutting the power of {name}"));
    let begun = Instant::now();
    let cut = fault(|| node.kill())?;
    wait::until(ELECTION, "there is no new leader", || {
        Ok(leader(stage)?.filter(|leader| *leader != name))
    })?;
    let elected = begun.elapsed();
    stage.await_tasks("app", 2)?;
    node.start()?;
    stage.await_node(&node)?;
    let before = stage.postings()?;
    stage.await_postings(before, 200)?;
    step.done();
    verdict.at_most("new leader", elected.as_secs_f64(), "s", 10.0);
    judge::judge(&mut verdict, stage, &load.finish()?, &[cut])?;
    Ok(verdict)
}

/// The node that leads, if one does.
fn leader(stage: &Stage<'_>) -> Result<Option<String>> {
    let format = "--format={{.ManagerStatus}} {{.Hostname}}";
    let said = stage.manager().ask_if_there(&["node", "ls", format])?;
    let said = said.unwrap_or_default();
    let name = said.lines().find_map(|line| line.strip_prefix("Leader "));
    Ok(name.map(str::to_owned))
}

/// A leader that is no manager any more makes the others choose, and they choose whom they like.
fn let_lead(stage: &Stage<'_>, wanted: &str) -> Result<()> {
    for _ in 0..10 {
        let leader = wait::until(ELECTION, "there is no leader", || leader(stage))?;
        if leader == wanted {
            return Ok(());
        }
        let others = stage.nodes().iter().find(|node| node.name() != leader);
        let other = others.context("there are others")?.docker();
        other.ask(&["node", "demote", &leader])?;
        let promote = ["node", "promote", leader.as_str()];
        wait::until(ELECTION, "no manager is made", || {
            other.ask_if_there(&promote)
        })?;
        wait::until(ELECTION, "the managers do not find each other", || {
            let said = other.ask_if_there(&["node", "ls", "--format={{.ManagerStatus}}"])?;
            let said = said.unwrap_or_default();
            let known = said
                .lines()
                .filter(|line| ["Leader", "Reachable"].contains(line));
            Ok((known.count() == stage.nodes().count()).then_some(()))
        })?;
    }
    bail!("{wanted} was not chosen to lead in ten elections");
}
