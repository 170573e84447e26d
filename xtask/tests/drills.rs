//! The drills in short, and their negative controls: what `cargo xtask drill` shows at length.
//!
//! They put the programs to work that a run of all tests builds anyway, so they belong to that run alone:
//! `.config/nextest.toml` leaves them out of others. `docs/reliability.md` has the figures.

use std::path::Path;
use std::process::Command;

/// Runs a drill over the programs beside ours, and fails with what it says.
fn drill(arguments: &[&str]) {
    let xtask = Path::new(env!("CARGO_BIN_EXE_xtask"));
    let programs = xtask.parent().expect("a folder");
    let mut command = Command::new(xtask);
    command
        .args(["drill", "--short", "--programs"])
        .arg(programs);
    let done = command.args(arguments).output().expect("a drill");
    let [said, progress] = [&done.stdout, &done.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(done.status.success(), "{progress}{said}");
}

macro_rules! drills {
    ($($(#[$attribute:meta])* $test:ident: $($argument:literal)+;)+) => {
        $(#[test] $(#[$attribute])* fn $test() {
            drill(&[$($argument),+]);
        })+
    };
}

drills! {
    replicas_are_killed: "kill-replicas";
    replicas_are_killed_before_a_database_that_lies: "kill-replicas" "--control";
    postgres_is_killed: "kill-postgres";
    postgres_is_killed_while_commits_are_at_risk: "kill-postgres" "--control";
    connections_are_cut: "cut-connections";
    clients_go_away: "drop-clients";
    clients_go_away_and_keys_are_forgotten: "drop-clients" "--control";
    the_pool_is_held: "hold-pool";
    the_pool_is_held_without_limits: "hold-pool" "--control" "--times" "1";
    the_disk_is_full: "full-disk" "--times" "2";
    rights_are_taken_away: "change-rights";
    rights_are_taken_away_and_nobody_notices: "change-rights" "--control";
    a_replica_is_stopped: "stop-replica";
    a_replica_is_killed_instead: "stop-replica" "--control";
}
