//! Load on Ticker, from `ticker-loadgen`.

use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::plan::Plan;
use super::turns::Sample;
use super::yardstick::Items;
use crate::ground::{Ground, LOCATION, Replica};
use crate::process;

/// Who follows while others press.
#[derive(Clone, Copy)]
pub(super) struct Follow {
    /// Presses a second.
    pub(super) rate: u32,
    /// Streams that are read.
    pub(super) streams: u32,
    /// Streams that never are.
    pub(super) stalled: u32,
}

/// The kinds of request that read a page.
const PAGES: [&str; 3] = ["inventory", "item", "history"];

/// What `ticker-loadgen` has measured.
pub(super) struct Load(Value);

impl Load {
    /// Clients that press, for as long as the plan says.
    ///
    /// # Errors
    /// When an answer was none that a press can have, or Ticker is out of reach.
    pub(super) fn press(
        ground: &Ground,
        plan: &Plan,
        replicas: &[&Replica],
        items: Items,
        clients: u32,
    ) -> Result<Self> {
        let mut command = command(ground, replicas);
        for_time(&mut command, plan);
        command.args(["--clients", &clients.to_string()]);
        press_on(&mut command, plan, items);
        measure(ground, &mut command)
    }

    /// Presses at the first replica on a schedule, while streams follow at the second.
    ///
    /// # Errors
    /// As [`Load::press`], and when a stream did not hear of everything.
    pub(super) fn follow(
        ground: &Ground,
        plan: &Plan,
        [pressed, followed]: [&Replica; 2],
        follow: Follow,
    ) -> Result<Self> {
        let mut command = command(ground, &[pressed]);
        for_time(&mut command, plan);
        command.args(["--scenario", "spread", "--items", "1-100"]);
        command.args(["--location", &LOCATION.to_string()]);
        command.args(["--rate", &follow.rate.to_string()]);
        command.args([
            "--clients",
            &plan.followers().to_string(),
            "--share-sessions",
        ]);
        command.args(["--stalled", &follow.stalled.to_string()]);
        streams(&mut command, follow.streams, followed);
        measure(ground, &mut command)
    }

    /// Presses on one item at a process that streams follow at.
    ///
    /// # Errors
    /// As [`Load::follow`].
    pub(super) fn press_beside(
        ground: &Ground,
        plan: &Plan,
        replica: &Replica,
        clients: u32,
    ) -> Result<Self> {
        let mut command = command(ground, &[replica]);
        for_time(&mut command, plan);
        command.args(["--clients", &clients.to_string(), "--share-sessions"]);
        press_on(&mut command, plan, Items::One);
        streams(&mut command, plan.streams, replica);
        measure(ground, &mut command)
    }

    /// Some hundred presses, after which every answer is looked up in the history.
    ///
    /// # Errors
    /// When an answer is not true.
    pub(super) fn check(ground: &Ground, plan: &Plan, replicas: &[&Replica]) -> Result<Self> {
        let mut command = command(ground, replicas);
        command.args(["--clients", "8", "--presses", "500", "--check"]);
        press_on(&mut command, plan, Items::All);
        measure(ground, &mut command)
    }

    /// Clients that read pages, for as long as the plan says.
    ///
    /// # Errors
    /// As [`Load::press`].
    pub(super) fn browse(ground: &Ground, plan: &Plan, replica: &Replica) -> Result<Self> {
        let mut command = command(ground, &[replica]);
        for_time(&mut command, plan);
        command.args([
            "--scenario",
            "browse",
            "--clients",
            &plan.readers.to_string(),
        ]);
        measure(ground, &mut command)
    }

    /// Clients that read these pages, each as likely, for as long as the plan says.
    ///
    /// # Errors
    /// As [`Load::press`].
    pub(super) fn lists(
        ground: &Ground,
        plan: &Plan,
        replica: &Replica,
        clients: u32,
        addresses: &[String],
    ) -> Result<Self> {
        let file = ground.folder().join("addresses");
        std::fs::write(&file, addresses.join("\n")).context("cannot write the addresses")?;
        let mut command = command(ground, &[replica]);
        for_seconds(&mut command, plan, plan.reading_seconds);
        command.args(["--scenario", "lists", "--clients", &clients.to_string()]);
        measure(ground, command.arg("--addresses").arg(&file))
    }

    /// As many sign-ins as the plan says, all at once, while others read pages.
    ///
    /// # Errors
    /// As [`Load::press`].
    pub(super) fn sign_in(ground: &Ground, plan: &Plan, replica: &Replica) -> Result<Self> {
        let mut command = command(ground, &[replica]);
        let sign_ins = plan.sign_ins.to_string();
        command.args([
            "--scenario",
            "sign-in",
            "--clients",
            &sign_ins,
            "--presses",
            &sign_ins,
        ]);
        command.args(["--readers", &plan.readers.to_string()]);
        measure(ground, &mut command)
    }

    /// Requests a second of all kinds, as a turn's sample.
    ///
    /// # Errors
    /// When none was answered.
    pub(super) fn into_sample(self) -> Result<Sample> {
        let per_second = self.0["rate_per_s"].as_f64().filter(|rate| *rate > 0.0);
        Ok(Sample {
            per_second: per_second.context("not one request was answered")?,
            detail: self.0,
        })
    }

    /// The 99th percentile of the pages' latencies, in ms: of the slowest kind of page.
    ///
    /// # Errors
    /// When no page was read.
    pub(super) fn pages_p99_ms(&self) -> Result<f64> {
        let kinds = PAGES.iter();
        let latencies_us = kinds.filter_map(|kind| self.latency_us(kind, "p99"));
        let slowest = latencies_us.max_by(f64::total_cmp);
        Ok(slowest.context("not one page was read")? / 1_000.0)
    }

    /// The seconds until the last of the sign-ins was answered.
    ///
    /// # Errors
    /// When nobody signed in.
    pub(super) fn sign_ins_seconds(&self) -> Result<f64> {
        let longest_us = self.latency_us("sign_in", "max");
        Ok(longest_us.context("nobody signed in")? / 1_000_000.0)
    }

    /// The 99th percentile from when a press was sent until a stream heard of it, in ms.
    ///
    /// # Errors
    /// When nothing was heard.
    pub(super) fn streams_p99_ms(&self) -> Result<f64> {
        let us = self.0["streams"]["latency_us"]["p99"].as_f64();
        Ok(us
            .filter(|us| *us > 0.0)
            .context("not one event was heard")?
            / 1_000.0)
    }

    /// When the last of those that never read was dropped, in seconds after it had been opened.
    ///
    /// # Errors
    /// When none was.
    pub(super) fn dropped_after_s(&self) -> Result<f64> {
        let seconds = self.0["streams"]["dropped_after_s"].as_f64();
        seconds.context("nobody was dropped")
    }

    /// As it was said.
    pub(super) fn into_json(self) -> Value {
        self.0
    }

    fn latency_us(&self, kind: &str, quantile: &str) -> Option<f64> {
        self.0["kinds"][kind]["latency_us"][quantile].as_f64()
    }
}

fn command(ground: &Ground, replicas: &[&Replica]) -> Command {
    let mut command = Command::new(&ground.programs.loadgen);
    command.args(["run", "--accounts"]).arg(ground.accounts());
    for replica in replicas {
        command.args(["--url", &replica.url()]);
    }
    command
}

fn for_time(command: &mut Command, plan: &Plan) {
    for_seconds(command, plan, plan.seconds);
}

fn for_seconds(command: &mut Command, plan: &Plan, seconds: u32) {
    command.args(["--duration", &format!("{seconds}s")]);
    command.args(["--warm-up", &format!("{}s", plan.warm_up_seconds)]);
}

fn streams(command: &mut Command, streams: u32, at: &Replica) {
    command.args([
        "--streams",
        &streams.to_string(),
        "--streams-url",
        &at.url(),
    ]);
}

fn press_on(command: &mut Command, plan: &Plan, items: Items) {
    let location = LOCATION.to_string();
    match items {
        Items::One => command.args(["--scenario", "hot", "--item", "1"]),
        Items::All => command.args([
            "--scenario",
            "spread",
            "--items",
            &format!("1-{}", plan.items),
        ]),
    };
    command.args(["--location", &location]);
}

fn measure(ground: &Ground, command: &mut Command) -> Result<Load> {
    let file = ground.folder().join("load.json");
    let done = process::capture(command.arg("--json").arg(&file), "")?;
    if !done.status.success() {
        bail!(
            "ticker-loadgen is not content ({}):\n{}",
            done.status,
            process::last_lines(&done.text(), 30)
        );
    }
    let text = std::fs::read_to_string(&file).context("ticker-loadgen left no result")?;
    Ok(Load(serde_json::from_str(&text)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_kind_of_page_counts() {
        let latency =
            |p99_us: u64| serde_json::json!({ "latency_us": { "p99": p99_us, "max": 2 * p99_us } });
        let load = Load(serde_json::json!({ "kinds": {
            "inventory": latency(20_000), "history": latency(30_000), "sign_in": latency(900_000),
        }}));
        assert!((load.pages_p99_ms().expect("pages") - 30.0).abs() < 1e-9);
        assert!((load.sign_ins_seconds().expect("sign-ins") - 1.8).abs() < 1e-9);
        let nothing = Load(serde_json::json!({ "kinds": {}, "rate_per_s": 0.0 }));
        assert!(nothing.pages_p99_ms().is_err() && nothing.into_sample().is_err());
    }
}
