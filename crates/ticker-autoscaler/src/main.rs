//! The binary `ticker-autoscaler`: watches a stack on a Docker Swarm, shows it to Prometheus, and scales
//! the services whose labels ask for it.
//!
//! It runs once, on a manager, and reaches the Docker API through a filter (`docker-api/haproxy.cfg`) that lets
//! through what it needs and nothing else.
//!
//! # Settings
//!
//! | Variable | Default | |
//! |---|---|---|
//! | `TICKER_AUTOSCALER_DOCKER` | `tcp://docker-api:2375` | Docker API of a manager: `tcp://HOST:PORT` or `unix:///PATH` |
//! | `TICKER_AUTOSCALER_PROMETHEUS` | `http://prometheus:9090` | Prometheus |
//! | `TICKER_AUTOSCALER_STACK` | `ticker` | the stack whose services are watched |
//! | `TICKER_AUTOSCALER_LISTEN` | `127.0.0.1:9092` | `/metrics` and `/healthz` |
//! | `TICKER_AUTOSCALER_INTERVAL` | `10s` | from one look to the next, `100ms` to `5m` |
//! | `TICKER_AUTOSCALER_DRY_RUN` | `false` | `true`: say and count what would be done, and do nothing |
//! | `TICKER_AUTOSCALER_LOG` | `info` | off, error, warn, info, debug or trace |
//!
//! Any other `TICKER_AUTOSCALER_…` is refused.
//!
//! # Labels of a service (`deploy.labels`)
//!
//! | Label | | |
//! |---|---|---|
//! | `ticker.autoscale.min` | required | least replicas, 1 or more |
//! | `ticker.autoscale.max` | required | most replicas |
//! | `ticker.autoscale.target` | required | requests in flight that one replica is to carry |
//! | `ticker.autoscale.p99` | none | seconds; above that more replicas are wanted, too |
//! | `ticker.autoscale.up-after` | `15s` | how long nothing may have changed before more are started |
//! | `ticker.autoscale.down-after` | `5m` | for how long fewer must have been enough before any is stopped |
//! | `ticker.autoscale.connections` | none | connections to the database that one replica may hold; growth ends where the database has no more |
//!
//! A service without any is only watched. One with a wrong or unknown `ticker.autoscale.…` is not scaled.
//! What is decided and why stands in `decision.rs`.
//!
//! # Metrics
//!
//! `service` is the name without the stack's prefix. What cannot be seen now is not there, except for
//! `ticker_swarm_last_seen_timestamp_seconds`, `ticker_autoscaler_reachable` and the counts.
//!
//! | Metric | Labels |
//! |---|---|
//! | `ticker_swarm_tasks_desired`, `ticker_swarm_tasks_running` | `service` |
//! | `ticker_swarm_task_pending_seconds` | `service` |
//! | `ticker_swarm_update_state` | `service`, `state`: none, updating, paused, completed, `rollback_started`, `rollback_paused`, `rollback_completed`; how an update ended is remembered when the service is scaled, which erases it from the swarm |
//! | `ticker_swarm_nodes` | `state`: ready, down, disconnected, unknown |
//! | `ticker_swarm_last_seen_timestamp_seconds` | |
//! | `ticker_autoscaler_reachable` | `peer`: docker, prometheus |
//! | `ticker_autoscaler_replicas` | `service`, `bound`: min, max, wanted, current |
//! | `ticker_autoscaler_load` | `service` |
//! | `ticker_autoscaler_decisions_total` | `service`, `outcome`: up, down, unchanged, failed, `held_updating`, `held_no_metrics`, `held_not_converged`, `held_connections`, `held_cool_down`, `held_at_zero`, `held_bad_policy`, `held_dry_run`, `held_overtaken` |
//!
//! Exit codes: 0 stopped by SIGTERM or Ctrl-C, or alive; 1 it did not work; 2 the command line or the settings
//! are wrong.

mod controller;
mod decision;
mod docker;
mod duration;
mod exchange;
mod healthcheck;
mod policy;
mod prometheus;
mod server;
mod settings;
mod status;
mod swarm;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::controller::Controller;
use crate::docker::Docker;
use crate::prometheus::Prometheus;
use crate::settings::{Environment, Problems, Settings};
use crate::status::Status;

/// It did not work.
const FAILED: u8 = 1;
/// The settings are wrong; clap ends with the same when the command line is.
const MISUSED: u8 = 2;

/// Watches a stack on a Docker Swarm, and scales the services whose labels ask for it.
#[derive(Debug, Parser)]
#[command(name = "ticker-autoscaler", version, after_help = settings::help())]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do instead.
#[derive(Debug, Subcommand)]
enum Command {
    /// Ask the one on this machine whether it is alive, for containers
    Healthcheck,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let environment = std::env::vars_os().collect();
    let done = match cli.command {
        Some(Command::Healthcheck) => check(&environment),
        None => start(&environment),
    };
    let Err(error) = done else {
        return ExitCode::SUCCESS;
    };
    if let Some(problems) = error.downcast_ref::<Problems>() {
        eprintln!("{problems}");
        return ExitCode::from(MISUSED);
    }
    eprintln!("ticker-autoscaler: {error:#}");
    ExitCode::from(FAILED)
}

fn check(environment: &Environment) -> anyhow::Result<()> {
    healthcheck::run(Settings::read_listen(environment)?)
}

fn start(environment: &Environment) -> anyhow::Result<()> {
    let settings = Settings::read(environment)?;
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_writer(std::io::stderr)
        .with_max_level(settings.log)
        .init();
    // A question every few seconds: one thread is plenty.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start")?
        .block_on(run(settings))
}

async fn run(settings: Settings) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot hear signals")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot hear signals")?;
    let listener = TcpListener::bind(settings.listen)
        .await
        .with_context(|| format!("cannot listen on {}", settings.listen))?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        listen = %listener.local_addr()?,
        docker = %settings.docker,
        prometheus = %settings.prometheus,
        stack = settings.stack,
        interval_ms = settings.interval.as_millis(),
        dry_run = settings.is_dry_run,
        "listening"
    );
    let (shown, seen) = watch::channel(Status::default());
    let docker = Docker::new(settings.docker, settings.stack);
    let prometheus = Prometheus::new(settings.prometheus);
    let controller = Controller::new(docker, prometheus, settings.is_dry_run);
    tokio::select! {
        () = controller.run(settings.interval, shown) => {}
        () = server::serve(listener, seen) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopped");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
