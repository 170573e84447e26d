//! The log of a run: what was meant, and what was answered.
//!
//! It is kept against the server's death, not our own: entries are written through a buffer. Each intent
//! stands before its answers, whatever the order in which clients are served.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::addition::Addition;
use crate::press::{Posted, Press};

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// When it was written, in milliseconds since 1970 UTC.
    pub(crate) at_ms: u64,
    /// What it says.
    #[serde(flatten)]
    pub(crate) event: Event,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// A press is about to be sent.
    Intent(Press),
    /// It was answered that it happened.
    Posted(Acknowledged),
    /// It was answered that it did not happen and will not under this key.
    Refused {
        /// The press's key.
        key: Uuid,
        /// The answer's status.
        status: u16,
    },
    /// An item is about to be added.
    Adding(Addition),
    /// It was answered that the item was added.
    Added {
        /// The addition's key.
        key: Uuid,
        /// The item's id.
        item: i64,
    },
    /// The answer leaves open what happened, or none came.
    Unknown {
        /// The key.
        key: Uuid,
        /// The answer's status.
        status: Option<u16>,
    },
}

/// What was answered to a press that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Acknowledged {
    /// The press's key.
    pub(crate) key: Uuid,
    /// The posting's id.
    pub(crate) posting: i64,
    /// On hand at the location afterwards.
    pub(crate) on_hand: i64,
}

impl Acknowledged {
    /// Of the press with that key.
    pub(crate) fn new(key: Uuid, posted: &Posted) -> Self {
        Self {
            key,
            posting: posted.posting,
            on_hand: posted.on_hand,
        }
    }
}

/// Writes a log.
#[derive(Debug)]
pub(crate) struct Journal(Mutex<BufWriter<File>>);

impl Journal {
    /// Goes on with the log at `path`, or begins it.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        const BUFFER_BYTES: usize = 256 * 1_024;
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self(Mutex::new(BufWriter::with_capacity(
            BUFFER_BYTES,
            file,
        ))))
    }

    /// Appends an entry, written now.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub(crate) fn append(&self, event: Event) -> io::Result<()> {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let at_ms = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        let mut line = serde_json::to_vec(&Entry { at_ms, event })?;
        line.push(b'\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line)
    }

    /// Hands everything to the operating system.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .flush()
    }
}

/// Reads the log at `path` from its beginning and gives each event to `take`. A last line without an end
/// is one that a killed run did not finish, and is left out.
///
/// # Errors
/// When the file cannot be read, or a line of it is no entry.
pub(crate) fn read(path: &Path, mut take: impl FnMut(Event)) -> anyhow::Result<()> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    let mut file = BufReader::new(file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        file.read_until(b'\n', &mut line)
            .with_context(|| format!("cannot read {name}"))?;
        if line.last() != Some(&b'\n') {
            break;
        }
        let entry: Entry = serde_json::from_slice(&line)
            .with_context(|| format!("{name}, line {number} is no entry"))?;
        take(entry.event);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press() -> Press {
        Press {
            key: Uuid::from_u128(7),
            item: 5,
            location: 1,
            delta: -1,
        }
    }

    #[test]
    fn what_is_written_is_read_again_but_for_a_torn_end() {
        let path = std::env::temp_dir().join(format!("ticker-journal-{}", Uuid::new_v4()));
        let key = press().key;
        let events = [
            Event::Intent(press()),
            Event::Posted(Acknowledged {
                key,
                posting: 3,
                on_hand: 9,
            }),
            Event::Refused { key, status: 409 },
            Event::Unknown { key, status: None },
            Event::Adding(Addition::new()),
            Event::Added { key, item: 9 },
        ];
        for event in &events {
            let journal = Journal::open(&path).unwrap();
            journal.append(event.clone()).unwrap();
            journal.flush().unwrap();
        }
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"{"at_ms":1,"int"#).unwrap();
        let mut found = Vec::new();
        read(&path, |event| found.push(event)).unwrap();
        file.write_all(b"\n").unwrap();
        assert!(
            read(&path, |_| ())
                .unwrap_err()
                .to_string()
                .contains("line 7 is no entry")
        );
        std::fs::remove_file(&path).unwrap();
        assert_eq!(found, events);
    }
}
