//! What is counted and measured while a scenario runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::attempts::{Attempts, Purpose};
use crate::streams::Acknowledged;

/// What kind of request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A change of one level.
    Press,
    /// The inventory page.
    Inventory,
    /// An item's page.
    Item,
    /// An item's history.
    History,
    /// A sign-in.
    SignIn,
    /// A new item, by a form with a pause in its middle.
    Slow,
    /// The whole history.
    Export,
}

impl Kind {
    /// The method and the route, with what is peculiar about the request.
    pub(crate) fn route(self) -> &'static str {
        match self {
            Self::Press => "POST /items/{id}/adjust",
            Self::Inventory => "GET /",
            Self::Item => "GET /items/{id}",
            Self::History => "GET /items/{id}/history",
            Self::SignIn => "POST /login",
            Self::Slow => "POST /items, in halves",
            Self::Export => "GET /history.csv",
        }
    }

    /// The method.
    pub(crate) fn method(self) -> &'static str {
        self.route().split(' ').next().unwrap_or_default()
    }

    /// What it is for.
    pub(crate) fn purpose(self) -> Purpose {
        match self {
            Self::Inventory | Self::Item | Self::History | Self::Export => Purpose::Reads,
            Self::Press | Self::SignIn => Purpose::Writes,
            Self::Slow => Purpose::SlowWrites,
        }
    }
}

/// How an operation ended. Where several answers end it, the last of these that one of them has counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    /// The press had happened before: its key was sent again.
    Replayed,
    /// The press happened.
    Posted,
    /// The press did not happen, by a rule.
    Refused,
    /// The page came.
    Read,
    /// The session began.
    SignedIn,
    /// The item was added, now or at an earlier try.
    Added,
    /// The answer was none that the operation can have.
    Unexpected,
    /// No answer came in all the time there was.
    GaveUp,
}

/// Why a request was sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Trouble {
    /// The server was busy, started or stopped.
    Busy,
    /// The connection was cut on purpose.
    Cut,
    /// The connection broke, or none was to be had.
    Broken,
    /// The answer did not come in time.
    TimedOut,
}

/// Latencies in microseconds, with three digits.
pub(crate) type Latencies = Histogram<u64>;

/// The counts so far.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Operations that were due earlier are warm-up, and not counted.
    counts_from: Instant,
    /// When the last operation that counts ended.
    pub(crate) ended: Instant,
    /// How the operations ended.
    pub(crate) outcomes: BTreeMap<Outcome, u64>,
    /// Why requests were sent again, warm-up included.
    pub(crate) troubles: BTreeMap<Trouble, u64>,
    /// From when the request was due to the end of its answer.
    pub(crate) latencies: BTreeMap<Kind, Latencies>,
    /// First attempts, warm-up included.
    pub(crate) attempts: Attempts,
    /// Clients whose session is not known any more, by their account.
    pub(crate) sessions_lost: BTreeMap<String, u64>,
    /// Operations of the schedule that were begun, warm-up included.
    pub(crate) begun: u64,
    /// Keys whose answers contradict each other.
    pub(crate) disagreements: u64,
    /// Presses that were answered, warm-up included, while somebody follows.
    pub(crate) acknowledged: Option<Vec<Acknowledged>>,
    /// Wrong answers in words, warm-up included: the first [`COMPLAINTS_MAX`].
    pub(crate) complaints: Vec<String>,
    /// The latencies since somebody last took them.
    recent: Latencies,
}

/// How many wrong answers are told in words.
const COMPLAINTS_MAX: usize = 20;

impl Tally {
    /// Nothing yet, counting what is due from `counts_from` on.
    pub(crate) fn new(counts_from: Instant) -> Self {
        Self {
            counts_from,
            ended: counts_from,
            outcomes: BTreeMap::new(),
            troubles: BTreeMap::new(),
            latencies: BTreeMap::new(),
            attempts: Attempts::new(Instant::now()),
            sessions_lost: BTreeMap::new(),
            begun: 0,
            disagreements: 0,
            acknowledged: None,
            complaints: Vec::new(),
            recent: latencies(),
        }
    }

    /// Counts an operation that was due at `due` and ended now. What is wrong counts in the warm-up, too.
    pub(crate) fn count(&mut self, kind: Kind, outcome: Outcome, due: Instant) {
        let now = Instant::now();
        let latency = now.saturating_duration_since(due);
        let latency_us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let is_wrong = matches!(outcome, Outcome::Unexpected | Outcome::GaveUp);
        if !is_wrong {
            self.recent.saturating_record(latency_us);
        }
        if is_wrong || due >= self.counts_from {
            *self.outcomes.entry(outcome).or_default() += 1;
        }
        if !is_wrong && due >= self.counts_from {
            let of_kind = self.latencies.entry(kind).or_insert_with(latencies);
            of_kind.saturating_record(latency_us);
            // The last slow ones outlast the rest by seconds in which little is asked for.
            if kind != Kind::Slow {
                self.ended = now;
            }
        }
    }

    /// Counts a request that has to be sent again.
    pub(crate) fn count_trouble(&mut self, trouble: Trouble) {
        *self.troubles.entry(trouble).or_default() += 1;
    }

    /// Remembers what was wrong with an answer.
    pub(crate) fn complain(&mut self, words: impl FnOnce() -> String) {
        if self.complaints.len() < COMPLAINTS_MAX {
            self.complaints.push(words());
        }
    }

    /// How long was measured.
    pub(crate) fn measured(&self) -> Duration {
        self.ended.saturating_duration_since(self.counts_from)
    }

    /// How many operations ended so.
    pub(crate) fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes.get(&outcome).copied().unwrap_or(0)
    }

    /// Whether every answer was one to be expected.
    pub(crate) fn is_clean(&self) -> bool {
        self.of(Outcome::Unexpected) == 0
            && self.of(Outcome::GaveUp) == 0
            && self.disagreements == 0
    }

    /// The latencies of all kinds since this was last called.
    pub(crate) fn take_recent(&mut self) -> Latencies {
        std::mem::replace(&mut self.recent, latencies())
    }
}

/// The tally that all clients share. They lock it for a moment once or twice an operation.
#[derive(Clone, Debug)]
pub(crate) struct SharedTally(Arc<Mutex<Tally>>);

impl SharedTally {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Tally::new(Instant::now()))))
    }

    /// The tally, for a moment. A count that another thread did not finish is off by one at most.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From a microsecond to ten minutes; what is longer counts as that.
pub(crate) fn latencies() -> Latencies {
    const LONGEST_US: u64 = 600_000_000;
    Histogram::new_with_bounds(1, LONGEST_US, 3).expect("the bounds are in order")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_warm_up_does_not_count_but_what_is_wrong_does() {
        let start = Instant::now();
        let mut tally = Tally::new(start + Duration::from_secs(2));
        tally.count(Kind::Press, Outcome::Posted, start);
        tally.count(Kind::Press, Outcome::Unexpected, start);
        assert_eq!(tally.of(Outcome::Posted), 0);
        assert_eq!(tally.of(Outcome::Unexpected), 1);
        assert!(!tally.is_clean());
        assert!(tally.latencies.is_empty());
        assert_eq!(tally.take_recent().len(), 1);
        assert_eq!(tally.take_recent().len(), 0);
    }

    #[test]
    fn a_latency_begins_when_the_request_was_due() {
        let now = Instant::now();
        let mut tally = Tally::new(now.checked_sub(Duration::from_secs(9)).unwrap());
        tally.count(
            Kind::Press,
            Outcome::Posted,
            now.checked_sub(Duration::from_secs(3)).unwrap(),
        );
        let longest_us = tally.latencies[&Kind::Press].max();
        assert!((3_000_000..3_100_000).contains(&longest_us), "{longest_us}");
    }
}
