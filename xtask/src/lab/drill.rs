//! `cargo xtask lab drill`: breaks what a deployed Ticker stands on while it is used, and checks what its
//! users saw.
//!
//! `ticker-loadgen` reads and presses through the proxy meanwhile, on kept connections and on new ones, and adds
//! items by forms that take three seconds. What fails at its first attempt is counted: a user does not try
//! again. Afterwards the same program compares its log of acknowledgements with the history, and `ticker
//! verify` looks at the ledger. Each drill begins and ends with two replicas of one release on nodes that all
//! have their power and their network.

mod alerts;
mod autoscale;
mod bad_release;
mod database;
mod first_deploy;
mod judge;
mod leader;
mod migrate;
mod node;
mod replica;
mod rolling;
mod rotate;
mod stage;
mod tasks;
mod web;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::json;

use self::stage::Stage;
use super::nodes::Nodes;
use crate::drill::verdict::{self, Verdict};
use crate::machine;
use crate::process::SaidItself;
use crate::progress;
use crate::workspace::Workspace;

/// What is drilled, and how.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What to break.
    #[arg(required = true, value_parser = PossibleValuesParser::new(names()))]
    pub(crate) names: Vec<String>,
    /// Only as much as shows that it holds, with little load; the figures mean little.
    #[arg(long = "short")]
    pub(crate) is_short: bool,
    /// Break on purpose what the drill guards: it is to notice.
    #[arg(long = "control")]
    pub(crate) is_control: bool,
    /// Take `ticker-loadgen` in this folder as it is, instead of building the release.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) programs: Option<PathBuf>,
}

/// A drill.
struct Drill {
    name: &'static str,
    run: fn(&Stage<'_>) -> Result<Verdict>,
    /// How many nodes it needs.
    nodes: usize,
    /// What is broken on purpose in its negative control, and the check that has to fail then.
    control: Option<(&'static str, &'static str)>,
}

const DRILLS: [Drill; 15] = [
    Drill {
        name: "rolling-update",
        run: rolling::run,
        nodes: 1,
        control: Some((rolling::CONTROL, judge::FAILED)),
    },
    Drill {
        name: "bad-release",
        run: bad_release::run,
        nodes: 1,
        control: None,
    },
    Drill {
        name: "kill-replica",
        run: replica::kill,
        nodes: 1,
        control: Some((replica::CONTROL, judge::WAITED)),
    },
    Drill {
        name: "scale",
        run: replica::scale,
        nodes: 1,
        control: None,
    },
    Drill {
        name: "rotate-app",
        run: rotate::run,
        nodes: 1,
        control: None,
    },
    Drill {
        name: "database-down",
        run: database::down,
        nodes: 1,
        control: None,
    },
    Drill {
        name: "database-power-cut",
        run: database::power_cut,
        nodes: 3,
        control: Some((database::CONTROL, crate::drill::checker::UNTRUE)),
    },
    Drill {
        name: "drain-node",
        run: node::drain,
        nodes: 3,
        control: None,
    },
    Drill {
        name: "power-cut",
        run: node::power_cut,
        nodes: 3,
        control: None,
    },
    Drill {
        name: "partition",
        run: node::partition,
        nodes: 3,
        control: None,
    },
    Drill {
        name: "leader-lost",
        run: leader::run,
        nodes: 3,
        control: None,
    },
    Drill {
        name: "autoscale",
        run: autoscale::run,
        nodes: 1,
        control: None,
    },
    Drill {
        name: "migrate-six",
        run: migrate::run,
        nodes: 1,
        control: None,
    },
    Drill {
        name: "first-deploy",
        run: first_deploy::run,
        nodes: 1,
        control: None,
    },
    Drill {
        name: "alerts",
        run: alerts::run,
        nodes: 3,
        control: None,
    },
];

const ALL: &str = "all";

/// What can be drilled, by name.
fn names() -> Vec<&'static str> {
    let names = DRILLS.iter().map(|drill| drill.name);
    names.chain([ALL]).collect()
}

/// Runs the drills of these names one after the other, and prints a row of a table for each. What does not
/// hold keeps none of the others from being run.
///
/// # Errors
/// When something does not hold; with `is_control`, when a drill did not notice what was broken.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let is_control = options.is_control;
    let is_wanted = |drill: &&Drill| {
        let is_named = options.names.iter().any(|name| name == drill.name);
        let is_all = options.names.iter().any(|name| name == ALL);
        is_named || is_all && (!is_control || drill.control.is_some())
    };
    let drills: Vec<&Drill> = DRILLS.iter().filter(is_wanted).collect();
    if is_control && let Some(drill) = drills.iter().find(|drill| drill.control.is_none()) {
        bail!("{} has no negative control", drill.name);
    }
    let count = Nodes::find()?.count();
    let stage = Stage::set(workspace, options)?;
    let (mut rows, mut is_well) = (String::new(), true);
    for drill in drills {
        progress::heading(drill.name);
        let verdict = if count < drill.nodes {
            Verdict::not_run(&format!("it needs a lab of {} nodes", drill.nodes))
        } else {
            one(&stage, drill).with_context(|| drill.name)?
        };
        let broken = drill.control.filter(|_| is_control);
        is_well &= verdict.is_well(broken);
        let row = verdict.row(drill.name, broken);
        progress::say(row.trim_end());
        rows += &row;
        let about = json!({
            "commit": machine::commit(workspace),
            "nodes": count,
            "short": options.is_short,
        });
        let file = verdict.save(stage.folder(), drill.name, broken, &about)?;
        progress::say(&format!("Everything said: {}", workspace.relative(&file)));
    }
    println!("{}{rows}", verdict::HEAD);
    if is_well {
        return Ok(());
    }
    Err(SaidItself.into())
}

/// Runs a drill between two steady states. When it could not be run to its end, the steady state is sought all
/// the same.
fn one(stage: &Stage<'_>, drill: &Drill) -> Result<Verdict> {
    stage.steady()?;
    let verdict = (drill.run)(stage);
    let steady = if stage.is_control() {
        stage.renew()
    } else {
        stage.steady()
    };
    let verdict = verdict?;
    steady?;
    Ok(verdict)
}
