//! What one stream has heard.

use std::collections::HashMap;
use std::time::Instant;

/// What one stream has heard.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    /// The greatest version of each item.
    versions: HashMap<i64, i64>,
    /// Each posting that was the last of an event, and when it was heard of.
    pub(super) heard: Vec<Heard>,
    /// How often it was told to look at everything, and so knows everything up to then.
    pub(super) resyncs: u64,
    pub(super) has_ended: bool,
    /// The beginning of a line that has not come to its end.
    rest: Vec<u8>,
}

/// An event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) posting: i64,
    pub(super) at: Instant,
}

impl Hearing {
    /// Takes in a piece of the stream, which may end anywhere.
    pub(super) fn take_in(&mut self, piece: &[u8], at: Instant) {
        self.rest.extend_from_slice(piece);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return;
        };
        let rest = self.rest.split_off(end + 1);
        let lines = std::mem::replace(&mut self.rest, rest);
        for line in lines.split(|byte| *byte == b'\n') {
            self.take_in_line(line, at);
        }
    }

    /// A thousand streams are told the same at once: what is looked for is found without reading the JSON.
    fn take_in_line(&mut self, line: &[u8], at: Instant) {
        if line == b"event: resync" {
            self.resyncs += 1;
            return;
        }
        let Some(data) = line.strip_prefix(b"data: {\"item\":") else {
            return;
        };
        let posting = number_after(data, b"\"posting\":");
        let (Some(item), Some(version), Some(posting)) =
            (number(data), number_after(data, b"\"version\":"), posting)
        else {
            return;
        };
        let known = self.versions.entry(item).or_default();
        *known = version.max(*known);
        self.heard.push(Heard { posting, at });
    }

    /// Whether it has heard of this version of an item, or of a later one.
    pub(super) fn knows(&self, item: i64, version: i64) -> bool {
        self.versions
            .get(&item)
            .is_some_and(|known| *known >= version)
    }
}

/// The number that follows the last `name`.
fn number_after(data: &[u8], name: &[u8]) -> Option<i64> {
    let at = data.windows(name.len()).rposition(|part| part == name)?;
    number(&data[at + name.len()..])
}

/// The number at the beginning.
fn number(data: &[u8]) -> Option<i64> {
    let digits = data.iter().take_while(|byte| byte.is_ascii_digit()).count();
    str::from_utf8(&data[..digits]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_end_anywhere_are_the_same_events() {
        let text = ": live\nretry: 1000\n\nevent: resync\nid: 7.7\ndata: {}\n\n\
                    event: stock\ndata: {\"item\":7,\"version\":12,\"levels\":[],\"posting\":123}\n\n\
                    event: stock\ndata: {\"item\":8,\"version\":3,\"posting\":124}\nid: 9.9\n\n";
        let at = Instant::now();
        for size in [1, 7, 1_000] {
            let mut hearing = Hearing::default();
            for piece in text.as_bytes().chunks(size) {
                hearing.take_in(piece, at);
            }
            let heard = [123, 124].map(|posting| Heard { posting, at });
            assert_eq!(hearing.heard, heard, "{size}");
            assert_eq!(hearing.resyncs, 1);
            assert!(hearing.knows(7, 12) && hearing.knows(7, 11) && hearing.knows(8, 3));
            assert!(!hearing.knows(7, 13) && !hearing.knows(9, 1));
        }
    }
}
