//! Pauses between faults, and the time of day.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;

use crate::interrupt::{self, Interrupted};

/// Waits.
///
/// # Errors
/// After Ctrl-C.
pub(crate) fn pause(duration: Duration) -> Result<()> {
    let end = Instant::now() + duration;
    loop {
        if interrupt::requested() {
            return Err(Interrupted.into());
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(Duration::from_millis(50)));
    }
}

/// A duration between two others, another one each time and in step with nothing: multiples of the golden
/// ratio spread evenly, whatever their number.
pub(super) fn varied(number: u32, least: Duration, most: Duration) -> Duration {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    let share = (f64::from(number) * GOLDEN).fract();
    least + most.saturating_sub(least).mul_f64(share)
}

/// Now, as `ticker-loadgen` logs it: milliseconds since 1970 UTC.
pub(crate) fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since_epoch.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varied_durations_fill_their_bounds() {
        let (least, most) = (Duration::from_secs(1), Duration::from_secs(30));
        let all: Vec<Duration> = (0..50).map(|number| varied(number, least, most)).collect();
        assert!(all.iter().all(|one| (least..most).contains(one)));
        let long = all
            .iter()
            .filter(|one| **one > Duration::from_secs(15))
            .count();
        assert!((20..30).contains(&long), "{long}");
    }
}
