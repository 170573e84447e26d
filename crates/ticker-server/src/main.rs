//! The binary `ticker`: reads the settings, and serves, migrates, verifies or administers.
//!
//! Exit codes: 0 done; 1 it did not work, or what was checked is not sound; 2 the command line or the
//! settings are wrong.

mod cli;
mod demo;
mod healthcheck;
mod logs;
mod migrate;
mod serve;
mod settings;
mod user;
mod verify;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::settings::{Environment, MigrateSettings, OperatorSettings, Problems, ServeSettings};

/// A press allocates some hundred times, and Argon2 takes 19 MiB at a time: this one is quick at the former
/// and gives the latter back, which glibc's does only when told so from outside.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// It did not work.
const FAILED: u8 = 1;
/// The settings are wrong; clap ends with the same when the command line is.
const MISUSED: u8 = 2;

/// How many tasks a thread runs before it looks at sockets again. A batch of postings is six round trips that
/// every press waits for: at tokio's 61, each of them stands behind up to 61 requests when it is busy.
const TASKS_PER_POLL: u32 = 8;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Command::Healthcheck = cli.command {
        return conclude(healthcheck::run(&Environment::of_process()));
    }
    // Not `#[tokio::main]`: a process that cannot have threads says so in one line, too.
    match tokio::runtime::Builder::new_multi_thread()
        .event_interval(TASKS_PER_POLL)
        .enable_all()
        .build()
    {
        Ok(runtime) => conclude(runtime.block_on(run(cli.command))),
        Err(error) => conclude(Err(
            anyhow::Error::from(error).context("cannot start threads")
        )),
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let environment = Environment::of_process();
    match command {
        Command::Healthcheck => healthcheck::run(&environment),
        Command::Serve => {
            let settings = ServeSettings::read(&environment)?;
            logs::init(settings.log.clone());
            serve::run(settings).await
        }
        Command::Migrate => {
            let settings = MigrateSettings::read(&environment)?;
            logs::init(settings.log);
            migrate::run(&settings.database).await
        }
        Command::Verify { since_last } => {
            verify::run(&operator_app(&environment)?, since_last).await
        }
        Command::Demo => demo::run(&operator_app(&environment)?).await,
        Command::User { command } => user::run(&operator_app(&environment)?, command).await,
    }
}

/// The application for a command that an operator types.
fn operator_app(environment: &Environment) -> anyhow::Result<ticker_app::App> {
    let settings = OperatorSettings::read(environment)?;
    logs::init(settings.log);
    let clock = std::sync::Arc::new(ticker_app::SystemClock);
    Ok(ticker_app::App::new(
        settings.database,
        clock,
        settings.app,
    )?)
}

/// Says what went wrong, in one line (of settings: one each), and how the process ends.
fn conclude(done: anyhow::Result<ExitCode>) -> ExitCode {
    let error = match done {
        Ok(code) => return code,
        Err(error) => error,
    };
    if let Some(problems) = error.downcast_ref::<Problems>() {
        eprintln!("{problems}");
        return ExitCode::from(MISUSED);
    }
    let line = format!("{error:#}")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    eprintln!("ticker: {line}");
    ExitCode::from(FAILED)
}
