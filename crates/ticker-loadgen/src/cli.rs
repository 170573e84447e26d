//! The command line.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use crate::lane::Connections;
use crate::replica::Replica;
use crate::scenario::Scenario;
use crate::shelf::ItemRange;

/// Puts load on Ticker over HTTP, measures it, and checks what the ledger holds afterwards.
#[derive(Debug, Parser)]
#[command(name = "ticker-loadgen", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario and print what it gave; ends with 1 after answers that were not to be expected
    Run(Box<RunArguments>),
    /// Prove from the history that every answer in the logs is true; ends with 1 if one is not
    Check(Box<CheckArguments>),
}

/// Where Ticker is, and as whom to sign in.
#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct Target {
    /// A replica, such as `http://127.0.0.1:5000`, or the proxy, such as `https://ticker.lab`; may be
    /// given several times
    #[arg(long = "url", value_name = "URL", required = true)]
    pub(crate) replicas: Vec<Replica>,
    /// The origin that Ticker is configured with [default: the URL of the replica asked]
    #[arg(long, value_name = "URL")]
    pub(crate) origin: Option<Replica>,
    /// Connect to this address instead of the URL's; names in requests and certificates stay the URL's
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) connect: Option<SocketAddr>,
    /// The certificates (PEM) to trust with `https`; no others are
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// Connect to other addresses than this machine's loopback as well
    #[arg(long)]
    pub(crate) allow_remote: bool,
    /// A file of lines `name:password`; clients take them in turn
    #[arg(long, value_name = "FILE")]
    pub(crate) accounts: PathBuf,
    /// How long to wait for an answer before sending the request again
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub(crate) timeout: Duration,
    /// How long to send a request again and again until it is answered
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub(crate) give_up: Duration,
}

/// What to run.
#[derive(Debug, Args, Serialize)]
pub(crate) struct RunArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    /// What the clients do
    #[arg(long, value_enum)]
    pub(crate) scenario: Scenario,
    /// How many clients, each with a session and a connection of its own
    #[arg(long, value_name = "N", default_value = "16")]
    pub(crate) clients: NonZeroUsize,
    /// With `sign-in`: how many more clients read pages meanwhile
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) readers: usize,
    /// How each client connects; with `mixed` every other one connects anew for each request
    #[arg(long, value_enum, default_value = "keep-alive")]
    pub(crate) connections: Connections,
    /// How many more clients add items meanwhile, each by a form with a pause in its middle; as managers
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) slow: usize,
    /// With --slow: how long the pause is, a tenth more or less
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = duration)]
    #[serde(serialize_with = "seconds")]
    pub(crate) slow_pause: Duration,
    /// Sign in once for each account, whose clients share the session [default: once for each client]
    #[arg(long)]
    pub(crate) share_sessions: bool,
    /// How many screens follow live meanwhile, and must hear of every press; ten for each account at most
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) streams: usize,
    /// How many more follow and never read; each must be dropped
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) stalled: usize,
    /// With --streams or --stalled: the replica that they follow at [default: the last one]
    #[arg(long, value_name = "URL")]
    pub(crate) streams_url: Option<Replica>,
    /// Threads to drive the clients with
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) threads: NonZeroUsize,
    /// How long to measure [default: 10s, where neither --presses nor a workload sets the end]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    #[serde(serialize_with = "optional_seconds")]
    pub(crate) duration: Option<Duration>,
    /// How many operations to carry out in all
    #[arg(long, value_name = "N")]
    pub(crate) presses: Option<u64>,
    /// How long to run before measuring [default: 2s with a duration, else none]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    #[serde(serialize_with = "optional_seconds")]
    pub(crate) warm_up: Option<Duration>,
    /// Arrivals a second, on a schedule whatever the answers do [default: each client goes on when it
    /// is answered]
    #[arg(long, value_name = "R", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// The items to press on, by their ids; needs --location [default: those on the inventory's first page]
    #[arg(long, value_name = "FIRST-LAST", requires = "location")]
    pub(crate) items: Option<ItemRange>,
    /// With `hot`: the item to press on [default: the first one]
    #[arg(long, value_name = "ID", conflicts_with = "items")]
    pub(crate) item: Option<i64>,
    /// The location to press at [default: the one the page shows]
    #[arg(long, value_name = "ID")]
    pub(crate) location: Option<i64>,
    /// Share of the operations that read [default: 0.8 with `mixed`, 1 with `browse`, else 0]
    #[arg(long, value_name = "P", value_parser = share)]
    pub(crate) reads: Option<f64>,
    /// Share of the presses that take one away [default: 0.5 with `mixed`, else 0]
    #[arg(long, value_name = "P", value_parser = share)]
    pub(crate) removals: Option<f64>,
    /// Send each press N times in parallel, to different replicas, under the same key
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) duplicate: NonZeroUsize,
    /// Share of the presses' connections to cut, once the request is written or midway through the
    /// answer; the press is sent again
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = share)]
    pub(crate) cut: f64,
    /// With `lists`: a file of addresses such as `/?sort=sku`, a line each
    #[arg(long, value_name = "FILE", required_if_eq("scenario", "lists"))]
    pub(crate) addresses: Option<PathBuf>,
    /// With `replay`: CSV lines `user,transaction,item,location,delta`, with that header
    #[arg(long, value_name = "FILE", required_if_eq("scenario", "replay"))]
    pub(crate) workload: Option<PathBuf>,
    /// With `replay`: the run's name; the same name again posts nothing twice
    #[arg(long, value_name = "NAME", required_if_eq("scenario", "replay"))]
    pub(crate) name: Option<String>,
    /// Append what was meant and what was answered to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
    /// Prove afterwards that the ledger holds what was answered
    #[arg(long)]
    pub(crate) check: bool,
    /// End with 1 if a request was not answered as it should be at its first attempt
    #[arg(long)]
    pub(crate) fail_on_error: bool,
    /// Write the result to this file as well
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

/// What to check.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The log of a run; may be given several times
    #[arg(long = "log", value_name = "FILE", required = true)]
    pub(crate) logs: Vec<PathBuf>,
}

/// A time that cannot be read.
#[derive(Debug)]
pub(crate) struct NotATime;

impl std::fmt::Display for NotATime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a time is a number with its unit: 500ms, 10s or 5m")
    }
}

impl std::error::Error for NotATime {}

fn duration(text: &str) -> Result<Duration, NotATime> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: f64 = digits.parse().map_err(|_| NotATime)?;
    let unit_seconds = match &text[digits.len()..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err(NotATime),
    };
    Duration::try_from_secs_f64(number * unit_seconds).map_err(|_| NotATime)
}

/// A number that is out of its bounds: what it should be.
#[derive(Debug)]
pub(crate) struct OutOfBounds(&'static str);

impl std::fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for OutOfBounds {}

fn share(text: &str) -> Result<f64, OutOfBounds> {
    let share = text
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share));
    share.ok_or(OutOfBounds("a share is a number from 0 to 1"))
}

fn rate(text: &str) -> Result<f64, OutOfBounds> {
    let rate = text
        .parse()
        .ok()
        .filter(|rate| (0.001..=1e6).contains(rate));
    rate.ok_or(OutOfBounds("a rate is a number from 0.001 to 1000000"))
}

fn seconds<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

#[expect(clippy::ref_option, reason = "serde passes the field so")]
fn optional_seconds<S: serde::Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| time.as_secs_f64()).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("250ms").unwrap(), Duration::from_millis(250));
        assert_eq!(duration("1.5s").unwrap(), Duration::from_millis(1_500));
        assert_eq!(duration("2m").unwrap(), Duration::from_mins(2));
        for wrong in ["", "5", "s", "-1s", "5h", "1 s", "nans"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn shares_and_rates_have_bounds() {
        assert!(share("0.3").is_ok() && share("1").is_ok());
        assert!(share("1.1").is_err() && share("-0.1").is_err() && share("NaN").is_err());
        assert!(rate("500").is_ok() && rate("0").is_err() && rate("inf").is_err());
    }
}
