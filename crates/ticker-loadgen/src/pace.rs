//! When the next request is due.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The clock that all clients of a run go by: each asks it for its next request. Without an interval a
/// request is due when somebody asks; with one, the n-th request of all is due n intervals after the
/// start, and whoever is free takes it, late if nobody was.
#[derive(Debug)]
pub(crate) struct Pace {
    start: Instant,
    end: Option<Instant>,
    limit: Option<u64>,
    interval: Option<Duration>,
    taken: AtomicU64,
    stopped: OnceLock<Instant>,
}

impl Pace {
    /// From `start` on, for as long as `time` or for so many requests as `limit` says, whichever is
    /// over first; without either until it is stopped.
    pub(crate) fn new(
        start: Instant,
        time: Option<Duration>,
        limit: Option<u64>,
        rate: Option<f64>,
    ) -> Self {
        Self {
            start,
            end: time.map(|time| start + time),
            limit,
            interval: rate.map(|rate| Duration::from_secs_f64(1.0 / rate)),
            taken: AtomicU64::new(0),
            stopped: OnceLock::new(),
        }
    }

    /// Waits until a request is due and says since when it is; `None` once there are no more.
    pub(crate) async fn next(&self) -> Option<Instant> {
        let number = self.taken.fetch_add(1, Ordering::Relaxed);
        if self.limit.is_some_and(|limit| number >= limit) {
            return None;
        }
        let now = Instant::now();
        let due = self
            .interval
            .map_or(now, |interval| self.start + times(interval, number));
        let is_over = |at| self.stopped.get().is_some() || self.end.is_some_and(|end| at >= end);
        if is_over(due) {
            return None;
        }
        if due > now {
            tokio::time::sleep_until(due.into()).await;
        }
        (!is_over(Instant::now())).then_some(due)
    }

    /// Nothing is due any more.
    pub(crate) fn stop(&self) {
        // It stays at the first time.
        let _ = self.stopped.set(Instant::now());
    }

    /// How many requests the schedule holds until its end or until it was stopped, if it has either.
    pub(crate) fn scheduled(&self) -> Option<u64> {
        let end = [self.end, self.stopped.get().copied()];
        let time = end.into_iter().flatten().min()? - self.start;
        let fitting = time.as_nanos().div_ceil(self.interval?.as_nanos());
        let fitting = u64::try_from(fitting).unwrap_or(u64::MAX);
        Some(self.limit.map_or(fitting, |limit| limit.min(fitting)))
    }
}

fn times(interval: Duration, number: u64) -> Duration {
    let nanos = interval.as_nanos().saturating_mul(u128::from(number));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_loop_ends_with_its_limit() {
        let pace = Pace::new(Instant::now(), None, Some(2), None);
        assert!(pace.next().await.is_some());
        assert!(pace.next().await.is_some());
        assert!(pace.next().await.is_none());
        assert_eq!(pace.scheduled(), None);
    }

    #[tokio::test]
    async fn a_schedule_goes_on_whether_or_not_anybody_keeps_up() {
        let start = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        let pace = Pace::new(start, Some(Duration::from_mins(1)), None, Some(10.0));
        for number in 0..3 {
            let due = pace.next().await.unwrap();
            assert_eq!(due - start, Duration::from_millis(100) * number);
        }
        assert_eq!(pace.scheduled(), Some(600));
        pace.stop();
        let until_stopped = pace.scheduled().unwrap();
        assert!((50..600).contains(&until_stopped), "{until_stopped}");
    }

    #[tokio::test]
    async fn nothing_is_due_after_the_end_or_a_stop() {
        let start = Instant::now().checked_sub(Duration::from_secs(5)).unwrap();
        let over = Pace::new(start, Some(Duration::from_secs(5)), None, Some(10.0));
        assert!(over.next().await.is_none());
        let stopped = Pace::new(start, None, None, None);
        stopped.stop();
        assert!(stopped.next().await.is_none());
    }
}
