//! First attempts: what a visitor who does not try again would have seen.
//!
//! A run sends a request until it is answered, so that it can be proved to have happened exactly once. Whether
//! the service was there is another question: each request's first attempt is counted here, warm-up
//! included, and has failed unless its answer was one that it can have when all is well. Attempts that are
//! cut on purpose are not counted.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::failure::{Broken, Failure};
use crate::lane::Connections;
use crate::tally::Kind;

/// How many failures are told in detail: as many as may be in flight when something ends them.
const TOLD_MAX: usize = 100;

/// A request that was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    /// What kind of request.
    pub(crate) kind: Kind,
    /// How its lane connects.
    pub(crate) connections: Connections,
    /// Whether it went out on a connection that had been used before.
    pub(crate) is_reused: bool,
    /// When it was sent.
    pub(crate) sent: Instant,
    /// Whether it was not sent before.
    pub(crate) is_first: bool,
}

/// What requests are for: an outage can be of one and not of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Purpose {
    /// Pages.
    Reads,
    /// Presses and sign-ins.
    Writes,
    /// Forms that take their time, seconds by themselves.
    SlowWrites,
}

/// How many, and how many of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Count {
    /// All.
    pub(crate) count: u64,
    /// Those that failed.
    pub(crate) failed: u64,
}

/// A failure in detail. Times are in seconds since the run began.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Told {
    /// When the request was sent.
    pub(crate) at_s: f64,
    /// How long it took to fail.
    pub(crate) took_s: f64,
    /// How.
    pub(crate) failure: Failure,
    /// Its method and route.
    pub(crate) route: &'static str,
    /// How its lane connects.
    pub(crate) connections: Connections,
    /// Whether it went out on a connection that had been used before.
    pub(crate) is_reused: bool,
    /// What is known, for a person.
    pub(crate) words: String,
}

/// The longest time without a success while somebody asked.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Gap {
    /// How long, in seconds.
    pub(crate) seconds: f64,
    /// When it began, in seconds since the run did.
    pub(crate) from_s: f64,
}

/// Successes of one purpose, first attempts or not.
#[derive(Clone, Copy, Debug)]
struct Successes {
    /// The last, or the beginning.
    last: Instant,
    longest: Duration,
    longest_from: Instant,
    /// The last answer or failure of any attempt.
    heard: Instant,
}

impl Successes {
    fn hear(&mut self, now: Instant, is_success: bool) {
        self.heard = now;
        if is_success {
            *self = self.closed();
            self.last = now;
        }
    }

    /// With what has passed since the last success, as far as somebody asked.
    fn closed(mut self) -> Self {
        let gap = self.heard.saturating_duration_since(self.last);
        if gap > self.longest {
            (self.longest, self.longest_from) = (gap, self.last);
        }
        self
    }
}

/// What was counted.
#[derive(Debug)]
pub(crate) struct Attempts {
    start: Instant,
    /// The same by the clock on the wall, in milliseconds since 1970 UTC.
    start_ms: u64,
    by_failure: BTreeMap<Failure, u64>,
    by_kind: BTreeMap<(Kind, Connections), Count>,
    told: Vec<Told>,
    successes: BTreeMap<Purpose, Successes>,
    first_failure: Option<Instant>,
    last_failure: Option<Instant>,
    /// The first success after the last failure.
    recovered: Option<Instant>,
}

impl Attempts {
    /// None yet, in a run that begins at `start`.
    pub(crate) fn new(start: Instant) -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let now_ms = milliseconds(since_epoch.unwrap_or_default());
        Self {
            start,
            start_ms: now_ms.saturating_sub(milliseconds(start.elapsed())),
            by_failure: BTreeMap::new(),
            by_kind: BTreeMap::new(),
            told: Vec::new(),
            successes: BTreeMap::new(),
            first_failure: None,
            last_failure: None,
            recovered: None,
        }
    }

    /// Counts an attempt whose answer came now and was as it should be.
    pub(crate) fn succeed(&mut self, attempt: Attempt) {
        let now = Instant::now();
        self.hear(attempt, now, true);
        if attempt.is_first {
            self.count(attempt).count += 1;
        }
        if self.last_failure.is_some() && self.recovered.is_none() {
            self.recovered = Some(now);
        }
    }

    /// Counts an attempt that failed now.
    pub(crate) fn fail(&mut self, attempt: Attempt, broken: Broken) {
        let now = Instant::now();
        self.hear(attempt, now, false);
        if !attempt.is_first {
            return;
        }
        let count = self.count(attempt);
        count.count += 1;
        count.failed += 1;
        *self.by_failure.entry(broken.failure).or_default() += 1;
        self.first_failure.get_or_insert(now);
        self.last_failure = Some(now);
        self.recovered = None;
        if self.told.len() < TOLD_MAX {
            self.told.push(Told {
                at_s: self.since_start(attempt.sent),
                took_s: now.saturating_duration_since(attempt.sent).as_secs_f64(),
                failure: broken.failure,
                route: attempt.kind.route(),
                connections: attempt.connections,
                is_reused: attempt.is_reused,
                words: broken.words,
            });
        }
    }

    /// How many failed.
    pub(crate) fn failed(&self) -> u64 {
        self.by_failure.values().sum()
    }

    /// What came of them.
    pub(crate) fn report(&self) -> AttemptsReport<'_> {
        let mut report = AttemptsReport {
            start_ms: self.start_ms,
            count: 0,
            failed: self.failed(),
            by_failure: &self.by_failure,
            by_method: BTreeMap::new(),
            by_route: BTreeMap::new(),
            by_connections: BTreeMap::new(),
            failures: &self.told,
            longest_without_success: BTreeMap::new(),
            first_failure_s: self.first_failure.map(|at| self.since_start(at)),
            last_failure_s: self.last_failure.map(|at| self.since_start(at)),
            recovered_s: self.recovered.map(|at| self.since_start(at)),
        };
        for ((kind, connections), part) in &self.by_kind {
            report.count += part.count;
            for total in [
                report.by_method.entry(kind.method()).or_default(),
                report.by_route.entry(kind.route()).or_default(),
                report.by_connections.entry(*connections).or_default(),
            ] {
                total.count += part.count;
                total.failed += part.failed;
            }
        }
        for (purpose, successes) in &self.successes {
            let successes = successes.closed();
            let gap = Gap {
                seconds: successes.longest.as_secs_f64(),
                from_s: self.since_start(successes.longest_from),
            };
            report.longest_without_success.insert(*purpose, gap);
        }
        report
    }

    fn hear(&mut self, attempt: Attempt, now: Instant, is_success: bool) {
        let nothing = Successes {
            last: self.start,
            longest: Duration::ZERO,
            longest_from: self.start,
            heard: self.start,
        };
        let successes = self
            .successes
            .entry(attempt.kind.purpose())
            .or_insert(nothing);
        successes.hear(now, is_success);
    }

    fn count(&mut self, attempt: Attempt) -> &mut Count {
        self.by_kind
            .entry((attempt.kind, attempt.connections))
            .or_default()
    }

    fn since_start(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.start).as_secs_f64()
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What came of the first attempts. Times are in seconds since the run began.
#[derive(Debug, Serialize)]
pub(crate) struct AttemptsReport<'a> {
    /// When the run began, in milliseconds since 1970 UTC: what was in flight at some moment can be told by it.
    pub(crate) start_ms: u64,
    /// How many there were.
    pub(crate) count: u64,
    /// How many of them failed.
    pub(crate) failed: u64,
    /// How many failed so.
    pub(crate) by_failure: &'a BTreeMap<Failure, u64>,
    /// By their method.
    pub(crate) by_method: BTreeMap<&'static str, Count>,
    /// By their method and route.
    pub(crate) by_route: BTreeMap<&'static str, Count>,
    /// By how their lanes connect.
    pub(crate) by_connections: BTreeMap<Connections, Count>,
    /// The first failures.
    pub(crate) failures: &'a [Told],
    /// How long nobody was answered as they should be, at first or again: the longest outage.
    pub(crate) longest_without_success: BTreeMap<Purpose, Gap>,
    /// When a first attempt failed for the first time.
    pub(crate) first_failure_s: Option<f64>,
    /// When one failed for the last time.
    pub(crate) last_failure_s: Option<f64>,
    /// When anybody was answered as they should be for the first time after that.
    pub(crate) recovered_s: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(kind: Kind, is_first: bool) -> Attempt {
        Attempt {
            kind,
            connections: Connections::Close,
            is_reused: false,
            sent: Instant::now(),
            is_first,
        }
    }

    fn broken() -> Broken {
        Broken {
            failure: Failure::Reset,
            words: "reset".to_owned(),
        }
    }

    #[test]
    fn only_first_attempts_count_and_a_second_does_not_make_up_for_the_first() {
        let mut attempts = Attempts::new(Instant::now());
        attempts.succeed(attempt(Kind::Inventory, true));
        attempts.fail(attempt(Kind::Press, true), broken());
        attempts.fail(attempt(Kind::Press, false), broken());
        attempts.succeed(attempt(Kind::Press, false));
        let report = attempts.report();
        assert_eq!((report.count, report.failed), (2, 1));
        let all_failed = Count {
            count: 1,
            failed: 1,
        };
        assert_eq!(report.by_method["POST"], all_failed);
        assert_eq!(report.by_route["POST /items/{id}/adjust"], all_failed);
        assert_eq!(report.by_method["GET"].failed, 0);
        assert_eq!(report.by_connections[&Connections::Close].count, 2);
        assert_eq!(report.failures.len(), 1);
        assert!(report.recovered_s >= report.last_failure_s);
    }

    #[test]
    fn an_outage_is_measured_between_successes_and_to_the_end() {
        let now = Instant::now();
        let at = |millis: u64| now + Duration::from_millis(millis);
        let mut writes = Successes {
            last: now,
            longest: Duration::ZERO,
            longest_from: now,
            heard: now,
        };
        for (millis, is_success) in [(10, true), (20, false), (70, true), (90, true)] {
            writes.hear(at(millis), is_success);
        }
        let closed = writes.closed();
        assert_eq!(closed.longest, Duration::from_millis(60));
        assert_eq!(closed.longest_from, at(10));
        // Nobody asked after 90, so nobody knows.
        writes.hear(at(400), false);
        assert_eq!(writes.closed().longest, Duration::from_millis(310));
        assert_eq!(writes.closed().longest_from, at(90));
    }

    #[test]
    fn the_first_hundred_failures_are_told() {
        let mut attempts = Attempts::new(Instant::now());
        for _ in 0..130 {
            attempts.fail(attempt(Kind::Item, true), broken());
        }
        let report = attempts.report();
        assert_eq!((report.failed, report.failures.len()), (130, 100));
        assert_eq!(report.by_failure[&Failure::Reset], 130);
        assert_eq!(report.recovered_s, None);
    }
}
