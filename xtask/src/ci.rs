//! `cargo xtask ci`: everything that can be said about the code without running it.

mod checks;
mod containers;
mod monitoring;

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::interrupt::Interrupted;
use crate::progress::{self, Step, seconds};
use crate::workspace::Workspace;

/// How a check ended.
enum Outcome {
    Passed,
    Failed,
    /// Its tool cannot be had here, which somebody has to accept.
    NotMade,
    /// What it asks cannot be reached now, which is nobody's fault.
    Unreachable,
}

/// One check of the list.
struct Check {
    name: &'static str,
    /// An error is what is wrong.
    run: fn(&Workspace) -> Result<Verdict>,
}

/// What a check that found nothing wrong says.
enum Verdict {
    Fine,
    /// The tool cannot be had here: why.
    Impossible(String),
    /// What the tool asks cannot be reached: why.
    Unreachable(String),
}

const CHECKS: [Check; 14] = [
    Check {
        name: "fmt",
        run: checks::fmt,
    },
    Check {
        name: "arrows",
        run: checks::arrows,
    },
    Check {
        name: "vendored",
        run: checks::vendored,
    },
    Check {
        name: "clippy",
        run: checks::clippy,
    },
    Check {
        name: "doc",
        run: checks::doc,
    },
    Check {
        name: "sqlx",
        run: checks::sqlx_metadata,
    },
    Check {
        name: "machete",
        run: checks::machete,
    },
    Check {
        name: "shellcheck",
        run: checks::shellcheck,
    },
    Check {
        name: "hadolint",
        run: containers::hadolint,
    },
    Check {
        name: "stack",
        run: containers::stack,
    },
    Check {
        name: "alerts",
        run: monitoring::alerts,
    },
    Check {
        name: "dashboards",
        run: monitoring::dashboards,
    },
    Check {
        name: "deny",
        run: checks::deny,
    },
    Check {
        name: "advisories",
        run: checks::advisories,
    },
];

/// The names of all checks, in the order in which they are made.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.name)
}

/// Makes the checks that are named (none means all), also after one that failed, and shows how each ended.
///
/// # Errors
/// When a check failed or, unless `allow_missing_tools`, could not be made.
pub(crate) fn run(
    workspace: &Workspace,
    wanted: &[String],
    allow_missing_tools: bool,
) -> Result<()> {
    let is_wanted =
        |check: &&Check| wanted.is_empty() || wanted.iter().any(|one| one == check.name);
    let mut results = Vec::new();
    for check in CHECKS.iter().filter(is_wanted) {
        let begun = Instant::now();
        let outcome = make(check, workspace)?;
        results.push((check.name, outcome, begun.elapsed()));
    }
    progress::say(&table(&results));
    verdict(&results, allow_missing_tools)
}

fn make(check: &Check, workspace: &Workspace) -> Result<Outcome> {
    let step = Step::start(check.name);
    match (check.run)(workspace) {
        Ok(Verdict::Fine) => {
            step.done();
            Ok(Outcome::Passed)
        }
        Ok(Verdict::Impossible(reason)) => {
            step.passed_over(&format!("{} NOT CHECKED: {reason}", check.name));
            Ok(Outcome::NotMade)
        }
        Ok(Verdict::Unreachable(reason)) => {
            step.passed_over(&format!("{} NOT CHECKED: {reason}", check.name));
            Ok(Outcome::Unreachable)
        }
        Err(error) if error.is::<Interrupted>() => Err(error),
        Err(error) => {
            drop(step);
            progress::say(&format!("{error:#}"));
            Ok(Outcome::Failed)
        }
    }
}

fn table(results: &[(&str, Outcome, Duration)]) -> String {
    let width = results
        .iter()
        .map(|(name, ..)| name.len())
        .max()
        .unwrap_or_default();
    let mut lines = vec![String::new()];
    for (name, outcome, duration) in results {
        let verdict = match outcome {
            Outcome::Passed => "ok",
            Outcome::Failed => "FAILED",
            Outcome::NotMade => "NOT CHECKED",
            Outcome::Unreachable => "UNREACHABLE",
        };
        lines.push(format!(
            "  {name:width$}  {verdict:11}  {:>12}",
            seconds(*duration)
        ));
    }
    let total = results.iter().map(|(_, _, duration)| *duration).sum();
    lines.push(format!(
        "  {:width$}  {:11}  {:>12}",
        "all",
        "",
        seconds(total)
    ));
    lines.join("\n")
}

fn verdict(results: &[(&str, Outcome, Duration)], allow_missing_tools: bool) -> Result<()> {
    let named = |wanted: fn(&Outcome) -> bool| {
        let names = results
            .iter()
            .filter(|(_, outcome, _)| wanted(outcome))
            .map(|(name, ..)| *name);
        names.collect::<Vec<_>>().join(", ")
    };
    let failed = named(|outcome| matches!(outcome, Outcome::Failed));
    let not_made = named(|outcome| matches!(outcome, Outcome::NotMade));
    if !failed.is_empty() {
        bail!("these checks failed: {failed}");
    }
    if !not_made.is_empty() && !allow_missing_tools {
        bail!("could not be checked: {not_made} (--allow-missing-tools lets that pass)");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(last: Outcome) -> Vec<(&'static str, Outcome, Duration)> {
        vec![
            ("fmt", Outcome::Passed, Duration::from_millis(300)),
            ("sqlx", last, Duration::from_secs(130)),
        ]
    }

    #[test]
    fn the_table_shows_each_verdict_and_time() {
        let table = table(&results(Outcome::Failed));
        assert_eq!(
            table,
            "\n  fmt   ok                  0.3 s\
             \n  sqlx  FAILED         2 min 10 s\
             \n  all                  2 min 10 s"
        );
    }

    #[test]
    fn what_could_not_be_checked_fails_unless_allowed() {
        assert!(verdict(&results(Outcome::Passed), false).is_ok());
        let missing = || results(Outcome::NotMade);
        let error = verdict(&missing(), false).expect_err("missing").to_string();
        assert!(error.contains("sqlx"), "{error}");
        assert!(verdict(&missing(), true).is_ok());
        let failed = results(Outcome::Failed);
        assert!(
            verdict(&failed, true).is_err(),
            "a failure is never allowed"
        );
        assert!(
            verdict(&results(Outcome::Unreachable), false).is_ok(),
            "seen, but nobody's fault"
        );
    }
}
