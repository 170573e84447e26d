//! The benches in short: that they work, not what they measure. `docs/performance.md` has the figures.
//!
//! They put the programs to work that a run of all tests builds anyway, so they belong to that run alone, as
//! the drills do.

use std::path::Path;
use std::process::Command;

macro_rules! benches {
    ($($test:ident: $name:literal;)+) => {
        $(#[test] fn $test() {
            bench($name);
        })+
    };
}

/// Runs a bench over the programs beside ours; its table has to have a row of each figure.
fn bench(name: &str) {
    let xtask = Path::new(env!("CARGO_BIN_EXE_xtask"));
    let programs = xtask.parent().expect("a folder");
    let mut command = Command::new(xtask);
    command
        .args(["bench", "--short", "--programs"])
        .arg(programs);
    let done = command.arg(name).output().expect("a bench");
    let [said, progress] = [&done.stdout, &done.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(done.status.success(), "{progress}{said}");
    let figures: Vec<&str> = said.lines().filter(|line| line.starts_with("| ")).collect();
    assert!(figures.len() > 1, "no figure:\n{said}");
    let unmeasured = figures.iter().find(|row| row.contains("| – |"));
    assert_eq!(unmeasured, None, "{said}");
}

benches! {
    presses_on_one_item: "adjust-hot";
    presses_on_all_items: "adjust-spread";
    presses_on_two_replicas: "adjust-replicas";
    first_pages: "list";
    pages_deep_in_a_list: "list-deep";
    searches: "search";
    live_screens: "live";
    a_storm_of_sign_ins: "login-storm";
    starts: "start";
}
