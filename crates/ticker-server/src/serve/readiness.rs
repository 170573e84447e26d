//! Watching whether requests can be served, and saying so when it changes.

use std::time::Duration;

use ticker_app::App;
use ticker_app::operation::NotReady;
use ticker_auth::Anyone;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Between two looks while all is well.
const PAUSE_READY: Duration = Duration::from_secs(5);
/// Between two looks while it is not: from the first to the last, doubling.
const PAUSE_NOT_READY_MIN: Duration = Duration::from_millis(125);
const PAUSE_NOT_READY_MAX: Duration = Duration::from_secs(2);
/// What lasts is said again after the first, then after twice as long each time, up to the last.
const REMINDER_FIRST: Duration = Duration::from_secs(30);
const REMINDER_LAST: Duration = Duration::from_hours(1);

/// Looks until it is told to stop.
pub(super) async fn watch(app: App, stop: CancellationToken) {
    let mut diary = Diary::new(Instant::now());
    let mut pause = PAUSE_NOT_READY_MIN;
    while let Some(looked) = stop.run_until_cancelled(app.check_ready(Anyone)).await {
        diary.note(looked, Instant::now());
        pause = match diary.state {
            State::Ready => PAUSE_READY,
            _ if pause == PAUSE_READY => PAUSE_NOT_READY_MIN,
            _ => (pause * 2).min(PAUSE_NOT_READY_MAX),
        };
        if stop.run_until_cancelled(sleep(pause)).await.is_none() {
            return;
        }
    }
}

/// What was seen last, and what of it was said.
struct Diary {
    state: State,
    since: Instant,
    remind_at: Instant,
    reminder: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Starting,
    Ready,
    DatabaseAway,
    SchemaBehind,
}

impl Diary {
    fn new(now: Instant) -> Self {
        Self {
            state: State::Starting,
            since: now,
            remind_at: now,
            reminder: REMINDER_FIRST,
        }
    }

    /// Says it if it is new, or has lasted so long that it is worth saying again.
    fn note(&mut self, looked: Result<(), NotReady>, now: Instant) {
        let state = match &looked {
            Ok(()) => State::Ready,
            Err(NotReady::Database(_)) => State::DatabaseAway,
            Err(NotReady::SchemaBehind { .. }) => State::SchemaBehind,
        };
        let lasted_s = now.duration_since(self.since).as_secs();
        let is_new = state != self.state;
        if is_new {
            (self.state, self.since, self.reminder) = (state, now, REMINDER_FIRST);
        } else if state == State::Ready || now < self.remind_at {
            return;
        } else {
            self.reminder = (self.reminder * 2).min(REMINDER_LAST);
        }
        self.remind_at = now + self.reminder;
        match looked {
            Ok(()) => tracing::info!(waited_s = lasted_s, "ready"),
            Err(not_ready) => {
                let lasted_s = if is_new { 0 } else { lasted_s };
                let cause = std::error::Error::source(&not_ready).map(ToString::to_string);
                tracing::warn!(
                    cause,
                    lasted_s,
                    "not ready: {not_ready}; trying again until it is"
                );
            }
        }
    }
}
