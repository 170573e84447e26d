//! One line on the terminal that says how it goes.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use crate::report::millis;
use crate::tally::{Outcome, SharedTally};

/// Rewrites a line on standard error each second, for ever; nothing if that is no terminal.
pub(crate) async fn show(tally: SharedTally) {
    if !std::io::stderr().is_terminal() {
        return std::future::pending().await;
    }
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    seconds.tick().await;
    tally.lock().take_recent();
    for second in 1_u64.. {
        seconds.tick().await;
        let mut tally = tally.lock();
        let recent = tally.take_recent();
        let wrong = tally.of(Outcome::Unexpected) + tally.of(Outcome::GaveUp) + tally.disagreements;
        let again: u64 = tally.troubles.values().sum();
        drop(tally);
        write(&format!(
            "{second:>4} s  {:>7}/s  p50 {:>8} ms  p99 {:>8} ms  {again} sent again, {wrong} wrong",
            recent.len(),
            millis(recent.value_at_quantile(0.5)),
            millis(recent.value_at_quantile(0.99)),
        ));
    }
}

/// Removes the line.
pub(crate) fn clear() {
    if std::io::stderr().is_terminal() {
        write("");
    }
}

fn write(line: &str) {
    let mut terminal = std::io::stderr().lock();
    // A terminal that has gone away is no reason to stop.
    let _shown = write!(terminal, "\r\x1b[2K{line}").and_then(|()| terminal.flush());
}
