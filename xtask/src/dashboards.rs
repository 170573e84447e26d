//! `cargo xtask dashboards`: what Grafana would show, asked of a Prometheus that reads the real thing. Grafana
//! itself is not needed for it.

mod chart;
mod check;
mod definition;
mod draw;
mod prometheus;
mod unit;

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use self::definition::Dashboard;
use self::prometheus::Prometheus;
use crate::workspace::Workspace;

/// What is done with the dashboards.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Run every query of every panel and every variable: each must work and find something.
    Check {
        /// Where Prometheus answers, such as `http://127.0.0.1:9090`.
        #[arg(long, value_name = "URL")]
        prometheus: String,
        /// Only these dashboards, by the names of their files.
        #[arg(long, value_name = "NAME")]
        only: Vec<String>,
        /// For how many seconds to wait for what is not there yet.
        #[arg(long, default_value_t = 60)]
        wait_s: u64,
    },
    /// Draw each dashboard as an SVG.
    Draw {
        /// Where Prometheus answers, such as `http://127.0.0.1:9090`.
        #[arg(long, value_name = "URL")]
        prometheus: String,
        /// Only these dashboards, by the names of their files.
        #[arg(long, value_name = "NAME")]
        only: Vec<String>,
        /// The folder for the pictures.
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
        /// How many minutes they show.
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..))]
        minutes: u32,
    },
}

/// Does it.
///
/// # Errors
/// When Prometheus does not answer, a dashboard cannot be read, or a query does not work or finds nothing.
pub(crate) fn run(workspace: &Workspace, action: &Action) -> Result<()> {
    match action {
        Action::Check {
            prometheus,
            only,
            wait_s,
        } => check(workspace, prometheus, only, *wait_s),
        Action::Draw {
            prometheus,
            only,
            out,
            minutes,
        } => {
            let prometheus = Prometheus::at(prometheus)?;
            for dashboard in Dashboard::load(workspace, only)? {
                draw::draw(&prometheus, &dashboard, out, *minutes)?;
            }
            Ok(())
        }
    }
}

/// Runs every query of the dashboards that are named (none means all), and waits for what is not there yet.
///
/// # Errors
/// Names each query that does not work or finds nothing, unless that is known and why.
pub(crate) fn check(
    workspace: &Workspace,
    prometheus: &str,
    only: &[String],
    wait_s: u64,
) -> Result<()> {
    let prometheus = Prometheus::at(prometheus)?;
    let dashboards = Dashboard::load(workspace, only)?;
    check::check(
        &prometheus,
        &dashboards,
        std::time::Duration::from_secs(wait_s),
    )
}
