//! How long to wait, and how often to try again.

use std::time::Duration;

/// How long to wait for one answer, and for any answer at all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// After this the connection is given up and the request sent again.
    pub(crate) timeout: Duration,
    /// After this nothing is sent again.
    pub(crate) give_up: Duration,
}

const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Pauses between tries: each twice the one before, from 10 ms to 1 s, and a quarter more or less by
/// chance, so that many clients do not come back as one.
#[derive(Debug)]
pub(crate) struct Backoff(Duration);

impl Backoff {
    /// At the beginning.
    pub(crate) fn new() -> Self {
        Self(PAUSE_MIN)
    }

    /// The next pause; not shorter than `asked` for by a `Retry-After`.
    pub(crate) fn pause(&mut self, asked: Option<Duration>) -> Duration {
        let pause = self.0.mul_f64(rand::random_range(0.75..1.25));
        self.0 = (self.0 * 2).min(PAUSE_MAX);
        match asked {
            Some(asked) => asked.mul_f64(rand::random_range(1.0..1.25)).max(pause),
            None => pause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_heed_the_server() {
        let mut backoff = Backoff::new();
        assert!(backoff.pause(None) < Duration::from_millis(13));
        for _ in 0..20 {
            assert!(backoff.pause(None) <= PAUSE_MAX.mul_f64(1.25));
        }
        assert!(backoff.pause(None) > Duration::from_millis(700));
        assert!(Backoff::new().pause(Some(Duration::from_secs(2))) >= Duration::from_secs(2));
    }
}
