//! `cargo xtask drill`: breaks what Ticker stands on while it works, and checks what it answered.
//!
//! Each drill has a PostgreSQL of its own that works as in production, lets `ticker-loadgen` press meanwhile
//! and keeps its log of acknowledgements, which the same program compares with the history afterwards;
//! `ticker verify` looks at the ledger beside it. A drill that cannot fail proves nothing: with `--control`
//! the thing that it guards is broken on purpose, and the drill must notice.

pub(crate) mod acknowledgements;
mod change_rights;
pub(crate) mod checker;
mod cut_connections;
mod drop_clients;
mod full_disk;
mod hold_pool;
mod idle;
mod kill_postgres;
mod kill_replicas;
mod lie;
pub(crate) mod load;
pub(crate) mod pause;
mod proxy;
mod small_disk;
mod stage;
mod stop_replica;
pub(crate) mod verdict;
mod visitor;

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use self::stage::Stage;
use self::verdict::Verdict;
use crate::ground::Programs;
use crate::machine;
use crate::process::SaidItself;
use crate::progress;
use crate::workspace::Workspace;

/// What is drilled, and how hard.
#[derive(Debug)]
pub(crate) struct Options {
    /// One of [`names`].
    pub(crate) name: String,
    /// Only as much as shows within seconds that it holds.
    pub(crate) is_short: bool,
    /// Break on purpose what the drill guards.
    pub(crate) is_control: bool,
    /// How often the fault comes, instead of as often as the drill says.
    pub(crate) times: Option<u32>,
    /// The folder of programs to take as they are, instead of building the release.
    pub(crate) programs: Option<PathBuf>,
}

/// A drill.
struct Drill {
    name: &'static str,
    run: fn(&mut Stage) -> Result<Verdict>,
    /// How often the fault comes.
    times: u32,
    /// The same in short.
    times_short: u32,
    /// What is broken on purpose in its negative control.
    control: &'static str,
    /// The check that has to fail then.
    notices: &'static str,
}

const DRILLS: [Drill; 8] = [
    Drill {
        name: "kill-replicas",
        run: kill_replicas::run,
        times: 100,
        times_short: 3,
        control: lie::CONTROL,
        notices: checker::UNTRUE,
    },
    Drill {
        name: "kill-postgres",
        run: kill_postgres::run,
        times: 50,
        times_short: 2,
        control: kill_postgres::CONTROL,
        notices: checker::UNTRUE,
    },
    Drill {
        name: "cut-connections",
        run: cut_connections::run,
        times: 50,
        times_short: 4,
        control: lie::CONTROL,
        notices: checker::UNTRUE,
    },
    Drill {
        name: "drop-clients",
        run: drop_clients::run,
        times: 10_000,
        times_short: 300,
        control: drop_clients::CONTROL,
        notices: checker::UNTRUE,
    },
    Drill {
        name: "hold-pool",
        run: hold_pool::run,
        times: 10,
        times_short: 2,
        control: hold_pool::CONTROL,
        notices: hold_pool::NOTICES,
    },
    Drill {
        name: "full-disk",
        run: full_disk::run,
        times: 5,
        times_short: 1,
        control: lie::CONTROL,
        notices: checker::UNTRUE,
    },
    Drill {
        name: "change-rights",
        run: change_rights::run,
        times: 20,
        times_short: 2,
        control: change_rights::CONTROL,
        notices: change_rights::ADMITTED,
    },
    Drill {
        name: "stop-replica",
        run: stop_replica::run,
        times: 20,
        times_short: 1,
        control: stop_replica::CONTROL,
        notices: stop_replica::ENDED,
    },
];

const ALL: &str = "all";

/// What can be drilled, by name.
pub(crate) fn names() -> Vec<&'static str> {
    let names = DRILLS.iter().map(|drill| drill.name);
    names.chain([ALL]).collect()
}

/// Runs one drill, or all, one after the other, and prints a row of a table for each.
///
/// # Errors
/// When something does not hold; with `is_control`, when the drill did not notice what was broken.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let programs = Programs::get(workspace, options.programs.as_deref())?;
    let wanted = |drill: &&Drill| options.name == ALL || drill.name == options.name;
    let (mut rows, mut is_well) = (String::new(), true);
    for drill in DRILLS.iter().filter(wanted) {
        progress::heading(drill.name);
        let times = options.times.unwrap_or(if options.is_short {
            drill.times_short
        } else {
            drill.times
        });
        let mut stage = Stage::set(workspace, programs.clone(), options, times)?;
        let verdict = (drill.run)(&mut stage)?;
        let broken = options.is_control.then_some((drill.control, drill.notices));
        is_well &= verdict.is_well(broken);
        rows += &verdict.row(drill.name, broken);
        // Of which commit programs are that were taken as they are, nobody knows.
        let is_built = options.programs.is_none();
        let about = json!({
            "times": times,
            "programs": options.programs,
            "commit": is_built.then(|| machine::commit(workspace)),
        });
        let folder = workspace.target.join("drill");
        let file = verdict.save(&folder, drill.name, broken, &about)?;
        progress::say(&format!("Everything said: {}", workspace.relative(&file)));
    }
    println!("{}{rows}", verdict::HEAD);
    if is_well {
        return Ok(());
    }
    Err(SaidItself.into())
}
