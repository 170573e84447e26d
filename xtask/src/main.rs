//! The project's own commands: `cargo xtask <command>`.

mod arrows;
mod bench;
mod browser;
mod ci;
mod dashboards;
mod dev;
mod drill;
mod family;
mod ground;
mod haproxy;
mod install;
mod interrupt;
mod lab;
mod machine;
mod packaged;
mod percent;
mod postgres;
mod process;
mod progress;
mod secrets;
mod snapshots;
mod sqlx_metadata;
mod test;
mod tools;
mod user;
mod version;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::bench::Plan;
use crate::interrupt::Interrupted;
use crate::lab::NoEngine;
use crate::process::SaidItself;
use crate::workspace::Workspace;

/// Commands for working on Ticker.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run Ticker on this machine with a database of its own and demo accounts, installing what is
    /// missing; Ctrl-C stops it, the data are kept.
    Dev {
        /// The port of 127.0.0.1 to serve on.
        #[arg(long, default_value_t = 5000, value_parser = clap::value_parser!(u16).range(1..))]
        port: u16,
        /// Remove the development database, its accounts and their passwords, and begin afresh.
        #[arg(long)]
        reset: bool,
        /// Leave the inventory empty instead of loading the demo shop into a new one.
        #[arg(long)]
        no_demo: bool,
    },
    /// Run every test (doctests too), installing what they need and starting a PostgreSQL of their own.
    Test {
        /// Arguments for nextest that select tests or change how they run, such as `-p ticker-domain`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Make the static checks: formatting, lints, documentation, crate arrows, query metadata,
    /// dependencies.
    Ci {
        /// Only these checks.
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(ci::names()))]
        checks: Vec<String>,
        /// Do not fail when a check cannot be made because its tool cannot be had here.
        #[arg(long)]
        allow_missing_tools: bool,
    },
    /// Measure how fast Ticker is, beside a yardstick in the same run, on a PostgreSQL of its own.
    Bench {
        /// What to measure.
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(bench::names()))]
        name: String,
        /// Only show within seconds that it works; the figures mean nothing.
        #[arg(long)]
        short: bool,
        /// How often each side of a comparison has its turn [default: 5, with --short 1].
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: Option<u32>,
        /// Take `ticker` and `ticker-loadgen` in this folder as they are, instead of building the release.
        #[arg(long, value_name = "FOLDER")]
        programs: Option<PathBuf>,
    },
    /// Break what Ticker stands on while it works, and check that what it answered is true.
    Drill {
        /// What to break.
        #[arg(value_parser = clap::builder::PossibleValuesParser::new(drill::names()))]
        name: String,
        /// Only as much as shows within seconds that it holds.
        #[arg(long)]
        short: bool,
        /// Break on purpose what the drill guards: it is to notice.
        #[arg(long)]
        control: bool,
        /// How often the fault comes [default: as often as the drill says].
        #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
        times: Option<u32>,
        /// Take `ticker` and `ticker-loadgen` in this folder as they are, instead of building the release.
        #[arg(long, value_name = "FOLDER")]
        programs: Option<PathBuf>,
    },
    /// Ask a Prometheus that reads the real thing what the dashboards would show: whether every query finds
    /// something, and pictures.
    Dashboards {
        #[command(subcommand)]
        action: dashboards::Action,
    },
    /// Run a Docker Swarm on this machine, made of the project's own files; exits with 3 where no Docker engine
    /// can be started.
    Lab {
        #[command(subcommand)]
        action: lab::Action,
    },
    /// Draw the pictures of docs/screens.md anew, of the demo shop in a headless Chromium.
    Screens,
    /// Renew `.sqlx`, which lets builds check every query without a database, after a query or a
    /// migration changed.
    SqlxPrepare {
        /// Look at the libraries only, for when tests or the crates that they need do not compile.
        #[arg(long)]
        lib: bool,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => {
            progress::say("Interrupted.");
            ExitCode::from(130)
        }
        Err(error) if error.is::<SaidItself>() => ExitCode::FAILURE,
        Err(error) if error.is::<NoEngine>() => {
            progress::say(&format!("\n{error:#}"));
            ExitCode::from(3)
        }
        Err(error) => {
            progress::say(&format!("\nerror: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    interrupt::watch()?;
    let workspace = Workspace::load()?;
    match command {
        Command::Dev {
            port,
            reset,
            no_demo,
        } => dev::run(
            &workspace,
            &dev::Options {
                port,
                reset,
                demo: !no_demo,
            },
        ),
        Command::Test { arguments } => test::run(&workspace, &arguments),
        Command::Screens => test::draw_screens(&workspace),
        Command::Ci {
            checks,
            allow_missing_tools,
        } => ci::run(&workspace, &checks, allow_missing_tools),
        Command::Bench {
            name,
            short,
            rounds,
            programs,
        } => {
            let plan = if short { Plan::SHORT } else { Plan::FULL };
            let plan = rounds.map_or(plan, |rounds| plan.with_rounds(rounds));
            bench::run(&workspace, &name, &plan, programs.as_deref())
        }
        Command::Drill {
            name,
            short,
            control,
            times,
            programs,
        } => drill::run(
            &workspace,
            &drill::Options {
                name,
                is_short: short,
                is_control: control,
                times,
                programs,
            },
        ),
        Command::Dashboards { action } => dashboards::run(&workspace, &action),
        Command::Lab { action } => lab::run(&workspace, &action),
        Command::SqlxPrepare { lib } => sqlx_metadata::prepare(&workspace, lib),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parsed(line: &str) -> Option<Command> {
        let words = ["cargo xtask"].into_iter().chain(line.split_whitespace());
        Arguments::try_parse_from(words)
            .ok()
            .map(|arguments| arguments.command)
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn dev_has_defaults_and_refuses_what_is_no_port() {
        let expected = |line: &str, wanted: (u16, bool, bool)| match parsed(line) {
            Some(Command::Dev {
                port,
                reset,
                no_demo,
            }) => {
                assert_eq!((port, reset, no_demo), wanted, "{line}");
            }
            _ => panic!("{line}"),
        };
        expected("dev", (5000, false, false));
        expected("dev --port 8080 --reset --no-demo", (8080, true, true));
        assert!(parsed("dev --port 0").is_none());
        assert!(parsed("dev --port 70000").is_none());
        assert!(parsed("dev something").is_none());
    }

    #[test]
    fn bench_knows_what_it_can_measure() {
        let expected = |line: &str, wanted: (&str, bool, Option<u32>)| match parsed(line) {
            Some(Command::Bench {
                name,
                short,
                rounds,
                programs: None,
            }) => {
                assert_eq!((name.as_str(), short, rounds), wanted, "{line}");
            }
            _ => panic!("{line}"),
        };
        expected("bench all --short", ("all", true, None));
        expected(
            "bench adjust-hot --rounds 9",
            ("adjust-hot", false, Some(9)),
        );
        assert!(parsed("bench").is_none());
        assert!(parsed("bench everything").is_none());
        assert!(parsed("bench start --rounds 0").is_none());
    }

    #[test]
    fn drill_knows_what_it_can_break() {
        let Some(Command::Drill {
            name,
            short,
            control,
            times,
            programs,
        }) = parsed("drill kill-postgres --short --times 9 --programs target/debug")
        else {
            panic!("no drill")
        };
        assert_eq!(
            (name.as_str(), short, control, times),
            ("kill-postgres", true, false, Some(9))
        );
        assert_eq!(programs, Some(PathBuf::from("target/debug")));
        assert!(parsed("drill all --control").is_some());
        assert!(parsed("drill").is_none() && parsed("drill kill-everybody").is_none());
        assert!(parsed("drill all --times 0").is_none());
    }

    #[test]
    fn nextest_gets_its_arguments_untouched() {
        for (line, wanted) in [
            ("test", &[][..]),
            (
                "test -p ticker-domain -E test(a)",
                &["-p", "ticker-domain", "-E", "test(a)"][..],
            ),
            ("test -- --no-capture name", &["--no-capture", "name"][..]),
        ] {
            let Some(Command::Test { arguments }) = parsed(line) else {
                panic!("{line}")
            };
            assert_eq!(arguments, wanted, "{line}");
        }
    }
}
