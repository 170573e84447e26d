//! What a run gave, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::attempts::{AttemptsReport, Count};
use crate::check::Findings;
use crate::cli::RunArguments;
use crate::streams::StreamsReport;
use crate::tally::{Kind, Latencies, Outcome, Tally, Trouble};

/// The result of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Report<'a> {
    /// What was asked for.
    settings: &'a RunArguments,
    /// How long was measured: from the end of the warm-up to the last answer.
    seconds: f64,
    /// Operations a second, of all kinds.
    rate_per_s: f64,
    /// By the kind of request.
    kinds: BTreeMap<Kind, KindReport>,
    /// How many operations ended so.
    outcomes: BTreeMap<Outcome, u64>,
    /// How many requests had to be sent again, and why.
    sent_again: BTreeMap<Trouble, u64>,
    /// How many arrivals of the schedule were never sent, because no client was free until the end.
    unsent: u64,
    /// Keys whose answers contradict each other.
    disagreements: u64,
    /// What whoever does not try again would have seen.
    first_attempts: AttemptsReport<'a>,
    /// Clients whose session was not known any more, by their account.
    sessions_lost: &'a BTreeMap<String, u64>,
    /// What was wrong, in words: the first of them.
    complaints: &'a [String],
    /// What those heard who followed, if there were any.
    streams: Option<StreamsReport>,
    /// What the checker found, if it was asked.
    check: Option<Findings>,
}

/// One kind of request.
#[derive(Debug, Serialize)]
struct KindReport {
    /// How many were answered.
    count: u64,
    /// How many a second.
    rate_per_s: f64,
    /// From when they were due to the end of the answer.
    latency_us: Quantiles,
}

/// A distribution, in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Quantiles {
    min: u64,
    mean: f64,
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    max: u64,
}

impl Quantiles {
    /// Of these.
    pub(crate) fn of(latencies: &Latencies) -> Self {
        Self {
            min: latencies.min(),
            mean: latencies.mean(),
            p50: latencies.value_at_quantile(0.5),
            p90: latencies.value_at_quantile(0.9),
            p99: latencies.value_at_quantile(0.99),
            p999: latencies.value_at_quantile(0.999),
            max: latencies.max(),
        }
    }
}

impl<'a> Report<'a> {
    /// Of a run with those settings; `scheduled` is how many arrivals its schedule held, `streams` what those
    /// heard who followed, `check` what the checker found.
    pub(crate) fn new(
        settings: &'a RunArguments,
        tally: &'a Tally,
        scheduled: Option<u64>,
        streams: Option<StreamsReport>,
        check: Option<Findings>,
    ) -> Self {
        let seconds = tally.measured().as_secs_f64();
        let kinds = tally.latencies.iter().map(|(kind, latencies)| {
            let report = KindReport {
                count: latencies.len(),
                rate_per_s: rate(latencies.len(), seconds),
                latency_us: Quantiles::of(latencies),
            };
            (*kind, report)
        });
        let count = tally.latencies.values().map(Latencies::len).sum();
        Self {
            settings,
            seconds,
            rate_per_s: rate(count, seconds),
            kinds: kinds.collect(),
            outcomes: tally.outcomes.clone(),
            sent_again: tally.troubles.clone(),
            unsent: scheduled.map_or(0, |scheduled| scheduled.saturating_sub(tally.begun)),
            disagreements: tally.disagreements,
            first_attempts: tally.attempts.report(),
            sessions_lost: &tally.sessions_lost,
            complaints: &tally.complaints,
            streams,
            check,
        }
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        std::fs::write(path, json).with_context(|| format!("cannot write {}", path.display()))
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn rate(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 {
        count as f64 / seconds
    } else {
        0.0
    }
}

/// Microseconds as milliseconds with three digits after the point.
pub(crate) fn millis(us: u64) -> String {
    format!("{}.{:03}", us / 1_000, us % 1_000)
}

/// The table.
impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RunArguments {
            scenario, clients, ..
        } = self.settings;
        let scenario = word(scenario);
        writeln!(
            f,
            "{scenario}: {clients} clients, {:.1} s, {:.0}/s",
            self.seconds, self.rate_per_s
        )?;
        write!(f, "{:<10}{:>10}{:>10}", "", "count", "per s")?;
        for column in ["min ms", "p50", "p90", "p99", "p99.9", "max"] {
            write!(f, "{column:>11}")?;
        }
        writeln!(f)?;
        for (kind, report) in &self.kinds {
            write!(
                f,
                "{:<10}{:>10}{:>10.0}",
                word(kind),
                report.count,
                report.rate_per_s
            )?;
            let Quantiles {
                min,
                p50,
                p90,
                p99,
                p999,
                max,
                ..
            } = report.latency_us;
            for us in [min, p50, p90, p99, p999, max] {
                write!(f, "{:>11}", millis(us))?;
            }
            writeln!(f)?;
        }
        writeln!(f, "outcomes: {}", counts(&self.outcomes))?;
        if !self.sent_again.is_empty() {
            writeln!(f, "sent again: {}", counts(&self.sent_again))?;
        }
        if self.unsent > 0 {
            writeln!(
                f,
                "never sent: {} arrivals, no client was free",
                self.unsent
            )?;
        }
        if self.disagreements > 0 {
            writeln!(
                f,
                "keys with answers that contradict each other: {}",
                self.disagreements
            )?;
        }
        write_attempts(f, &self.first_attempts)?;
        for (name, clients) in self.sessions_lost {
            writeln!(f, "session lost: {name}'s, seen by {clients} clients")?;
        }
        if let Some(streams) = &self.streams {
            write!(f, "{streams}")?;
        }
        for complaint in self.complaints {
            writeln!(f, "wrong: {complaint}")?;
        }
        self.check
            .as_ref()
            .map_or(Ok(()), |check| write!(f, "{check}"))
    }
}

/// What those heard who followed.
impl fmt::Display for StreamsReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            streams,
            latency_us,
            ..
        } = self;
        writeln!(
            f,
            "streams: {streams} heard {} times, {} missed, {} resyncs, {} ended; p50 {} ms, p99 {} ms, max {} ms",
            self.heard,
            self.missed,
            self.resyncs,
            self.ended,
            millis(latency_us.p50),
            millis(latency_us.p99),
            millis(latency_us.max),
        )?;
        if self.stalled > 0 {
            let after_s = self.dropped_after_s.unwrap_or_default();
            let (dropped, stalled) = (self.dropped, self.stalled);
            writeln!(
                f,
                "never reading: {dropped} of {stalled} dropped, the last after {after_s:.1} s"
            )?;
        }
        Ok(())
    }
}

/// Whether the service was there.
fn write_attempts(f: &mut fmt::Formatter<'_>, attempts: &AttemptsReport<'_>) -> fmt::Result {
    let AttemptsReport { count, failed, .. } = attempts;
    writeln!(f, "first attempts: {failed} failed of {count}")?;
    for (purpose, gap) in &attempts.longest_without_success {
        let purpose = word(purpose);
        let (seconds, from) = (gap.seconds, gap.from_s);
        writeln!(
            f,
            "longest without a success: {purpose} {seconds:.3} s, from {from:.3} s on"
        )?;
    }
    if *failed == 0 {
        return Ok(());
    }
    writeln!(f, "failed how: {}", counts(attempts.by_failure))?;
    for (route, Count { count, failed }) in &attempts.by_route {
        writeln!(f, "failed where: {route}: {failed} of {count}")?;
    }
    for told in attempts.failures {
        let way = match (told.is_reused, word(&told.connections)) {
            (true, connections) => format!("{connections}, used before"),
            (false, connections) => format!("{connections}, new"),
        };
        writeln!(
            f,
            "failed: at {:.3} s after {:.3} s, {} ({way}): {}: {}",
            told.at_s,
            told.took_s,
            told.route,
            word(&told.failure),
            told.words
        )?;
    }
    match attempts.recovered_s {
        Some(seconds) => writeln!(f, "first success after the last failure: at {seconds:.3} s"),
        None => writeln!(f, "no success after the last failure"),
    }
}

fn counts<K: Serialize>(counts: &BTreeMap<K, u64>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    let mut line = String::new();
    for (name, count) in counts {
        let separator = if line.is_empty() { "" } else { ", " };
        write!(line, "{separator}{} {count}", word(name)).expect("a string takes everything");
    }
    line
}

/// The name that JSON has for it, in words.
fn word(name: &impl Serialize) -> String {
    let json = serde_json::to_value(name).unwrap_or_default();
    json.as_str().unwrap_or_default().replace('_', " ")
}
