//! Telling people what is going on: one line a step, with the seconds that pass.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How often a step that takes long says so where lines cannot be redrawn.
const HEARTBEAT: Duration = Duration::from_secs(10);
const FRAME: Duration = Duration::from_millis(100);
const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// Who may write progress now: the last one. A step within a step, or a command that shows its own
/// output, silences those before it.
static SPEAKERS: Mutex<Vec<u64>> = Mutex::new(Vec::new());

/// Being among the speakers, until dropped.
pub(crate) struct Floor(u64);

impl Floor {
    /// Takes the floor: steps that are under way stay silent until this is dropped.
    pub(crate) fn take() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let speaker = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut speakers = SPEAKERS.lock().unwrap_or_else(PoisonError::into_inner);
        if !speakers.is_empty() {
            to_stderr(clear_line());
        }
        speakers.push(speaker);
        Self(speaker)
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        let mut speakers = SPEAKERS.lock().unwrap_or_else(PoisonError::into_inner);
        speakers.retain(|speaker| *speaker != self.0);
    }
}

/// Writes on behalf of a speaker, if it has the floor.
fn speak(speaker: u64, text: &str) {
    let speakers = SPEAKERS.lock().unwrap_or_else(PoisonError::into_inner);
    if speakers.last() == Some(&speaker) {
        to_stderr(text);
    }
}

/// Something that is under way. Dropping it without [`Step::done`] marks it as failed.
pub(crate) struct Step {
    label: String,
    begun: Instant,
    ticker: Option<(Sender<()>, JoinHandle<()>)>,
    floor: Option<Floor>,
}

impl Step {
    /// Begins a step; its label says what is being done ("Starting PostgreSQL").
    pub(crate) fn start(label: impl Into<String>) -> Self {
        let label = label.into();
        let (sender, receiver) = mpsc::channel();
        let begun = Instant::now();
        let terminal = std::io::stderr().is_terminal();
        let shown = label.clone();
        let floor = Floor::take();
        let speaker = floor.0;
        let thread = thread::spawn(move || {
            let pause = if terminal { FRAME } else { HEARTBEAT };
            for frame in FRAMES.iter().cycle() {
                if receiver.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
                let seconds = begun.elapsed().as_secs();
                if terminal {
                    speak(
                        speaker,
                        &format!("{}{frame} {shown} … {seconds} s", clear_line()),
                    );
                } else {
                    speak(speaker, &format!("  {shown} … {seconds} s\n"));
                }
            }
        });
        Self {
            label,
            begun,
            ticker: Some((sender, thread)),
            floor: Some(floor),
        }
    }

    /// The step succeeded.
    pub(crate) fn done(mut self) {
        let line = self.label.clone();
        self.finish('✓', &line);
    }

    /// The step succeeded, and there is more to say than what was begun.
    pub(crate) fn done_with(mut self, line: &str) {
        self.finish('✓', line);
    }

    /// The step neither succeeded nor matters: the reason stands in the line.
    pub(crate) fn passed_over(mut self, line: &str) {
        self.finish('-', line);
    }

    fn finish(&mut self, mark: char, line: &str) {
        let Some((sender, thread)) = self.ticker.take() else {
            return;
        };
        drop(sender);
        // The thread only prints; should it have panicked there is nothing to clean up.
        let _ = thread.join();
        to_stderr(&format!(
            "{}{mark} {line}{}\n",
            clear_line(),
            elapsed(self.begun.elapsed())
        ));
        self.floor = None;
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        let line = self.label.clone();
        self.finish('✗', &line);
    }
}

/// A line of its own.
pub(crate) fn say(line: &str) {
    to_stderr(&format!("{}{line}\n", clear_line()));
}

/// Announces a command that shows its own output below.
pub(crate) fn heading(line: &str) {
    say(&format!("▸ {line}"));
}

/// Seconds with one decimal, minutes from 100 s on.
pub(crate) fn seconds(duration: Duration) -> String {
    if duration < Duration::from_secs(100) {
        return format!("{:.1} s", duration.as_secs_f64());
    }
    format!(
        "{} min {:02} s",
        duration.as_secs() / 60,
        duration.as_secs() % 60
    )
}

fn elapsed(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        return String::new();
    }
    format!(" ({})", seconds(duration))
}

/// What empties the line that a spinner stands in.
fn clear_line() -> &'static str {
    if std::io::stderr().is_terminal() {
        "\r\x1b[2K"
    } else {
        ""
    }
}

fn to_stderr(text: &str) {
    // One write, so that lines of two threads do not mix; a closed stderr is nobody's loss.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(seconds(Duration::from_millis(1234)), "1.2 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
        assert_eq!(elapsed(Duration::from_millis(400)), "");
        assert_eq!(elapsed(Duration::from_secs(2)), " (2.0 s)");
    }
}
