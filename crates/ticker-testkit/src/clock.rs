//! A clock that tells the time that a test has set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use ticker_app::Clock;

/// 5 January 2026, 09:00 UTC, in microseconds: where every frozen clock begins.
const BEGINNING: i64 = 1_767_603_600_000_000;

/// A clock that stands still until it is told otherwise. Clones show the same time.
#[derive(Clone, Debug)]
pub struct FrozenClock {
    microseconds: Arc<AtomicI64>,
}

impl Default for FrozenClock {
    fn default() -> Self {
        Self {
            microseconds: Arc::new(AtomicI64::new(BEGINNING)),
        }
    }
}

impl FrozenClock {
    /// Moves the clock, backwards if `by` is negative.
    ///
    /// # Panics
    /// If `by` is longer than some 290,000 years.
    pub fn advance(&self, by: SignedDuration) {
        let microseconds = i64::try_from(by.as_micros()).expect("a duration that a test waits for");
        self.microseconds.fetch_add(microseconds, Ordering::SeqCst);
    }

    /// What the clock shows.
    ///
    /// # Panics
    /// Never: it was set to a time.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        let microseconds = self.microseconds.load(Ordering::SeqCst);
        Timestamp::from_microsecond(microseconds).expect("a time that jiff can tell")
    }

    /// Sets the clock.
    pub fn set(&self, now: Timestamp) {
        self.microseconds
            .store(now.as_microsecond(), Ordering::SeqCst);
    }
}

impl Clock for FrozenClock {
    fn now(&self) -> Timestamp {
        self.timestamp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_only_when_told() {
        let clock = FrozenClock::default();
        let other_hand = clock.clone();
        assert_eq!(clock.now().to_string(), "2026-01-05T09:00:00Z");
        clock.advance(SignedDuration::from_mins(90));
        assert_eq!(other_hand.now().to_string(), "2026-01-05T10:30:00Z");
    }
}
