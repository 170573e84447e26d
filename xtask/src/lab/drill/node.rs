//! A node with a replica goes away: drained, without power, or cut off.

use std::time::Instant;

use anyhow::{Context, Result};

use super::judge;
use super::stage::{PATIENCE, Stage, fault};
use super::tasks::Task;
use crate::drill::verdict::Verdict;
use crate::lab::nodes::Node;
use crate::lab::swarm::STACK;
use crate::lab::wait;
use crate::progress::Step;

/// So many that each node has one.
const REPLICAS: u32 = 3;

/// An operator empties it, and gives it back.
pub(super) fn drain(stage: &Stage<'_>) -> Result<Verdict> {
    let mut verdict = Verdict::of("drain of a node with one of 3 replicas, and back".to_owned());
    let (node, victim) = spread(stage)?;
    let name = node.name();
    let load = stage.load()?;
    let step = Step::start(format!("Draining {name}"));
    let begun = Instant::now();
    stage.ask(&["node", "update", "--availability=drain", &name])?;
    let replaced = stage.await_replaced("app", &[&victim], 3, begun)?;
    wait::until(PATIENCE, "the node is not empty", || {
        let tasks = super::tasks::of(&stage.manager(), "app")?;
        let is_left = tasks
            .iter()
            .any(|task| task.is_running && task.node == name);
        Ok((!is_left).then_some(()))
    })?;
    stage.ask(&["node", "update", "--availability=active", &name])?;
    spread_anew(stage)?;
    wait::until(PATIENCE, "the node gets no replica again", || {
        let tasks = stage.tasks("app")?;
        let is_back = tasks.iter().any(|task| task.is_well() && task.node == name);
        Ok(is_back.then_some(()))
    })?;
    stage.await_all()?;
    step.done();
    verdict.at_most("replaced", replaced, "s", 10.0);
    judge::judge(&mut verdict, stage, &load.finish()?, &[])?;
    Ok(verdict)
}

/// It loses its power and gets it back.
pub(super) fn power_cut(stage: &Stage<'_>) -> Result<Verdict> {
    lose(stage, "power cut", Node::kill, Node::start)
}

/// Its network is pulled and put back.
pub(super) fn partition(stage: &Stage<'_>) -> Result<Verdict> {
    lose(stage, "network cut", Node::cut, Node::heal)
}

fn lose(
    stage: &Stage<'_>,
    what: &str,
    take: fn(&Node) -> Result<()>,
    bring_back: fn(&Node) -> Result<()>,
) -> Result<Verdict> {
    let mut verdict = Verdict::of(format!("{what} of a node with one of 3 replicas, and back"));
    let (node, victim) = spread(stage)?;
    let load = stage.load()?;
    let step = Step::start(format!("{}: {what}", node.name()));
    let begun = Instant::now();
    let cut = fault(|| take(&node))?;
    let replaced = stage.await_replaced("app", &[&victim], 3, begun)?;
    let before = stage.postings()?;
    stage.await_postings(before, 200)?;
    bring_back(&node)?;
    stage.await_node(&node)?;
    let before = stage.postings()?;
    stage.await_postings(before, 200)?;
    step.done();
    verdict.at_most("replaced", replaced, "s", 30.0);
    let gave = load.finish()?;
    judge::judge(&mut verdict, stage, &gave, &[cut])?;
    Ok(verdict)
}

/// Three replicas on three nodes, and of them the node with nothing that has its place: neither edge nor volume.
pub(super) fn spread(stage: &Stage<'_>) -> Result<(Node, Task)> {
    stage.scale("app", REPLICAS)?;
    let tasks = stage.await_tasks("app", 3)?;
    let node = stage.nodes().iter().last().context("there are nodes")?;
    let on = |tasks: Vec<Task>| tasks.into_iter().find(|task| task.node == node.name());
    if let Some(task) = on(tasks) {
        return Ok((node.clone(), task));
    }
    spread_anew(stage)?;
    let what = format!("{} gets no replica", node.name());
    let task = wait::until(PATIENCE, &what, || {
        let tasks = stage.tasks("app")?;
        let is_well = tasks.len() == 3 && tasks.iter().all(Task::is_well);
        Ok(is_well.then_some(tasks).and_then(on))
    })?;
    stage.await_all()?;
    Ok((node.clone(), task))
}

/// Swarm moves nothing that runs, so an operator asks for it.
fn spread_anew(stage: &Stage<'_>) -> Result<()> {
    stage.ask(&[
        "service",
        "update",
        "--detach",
        "--force",
        &format!("{STACK}_app"),
    ])?;
    Ok(())
}
