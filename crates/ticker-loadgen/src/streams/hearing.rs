//! What one stream has heard.

use std::collections::HashMap;
use std::time::Instant;

/// What one stream has heard.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    items: HashMap<i64, Heard>,
    /// How often it was told to look at everything.
    pub(super) resyncs: u64,
    pub(super) has_ended: bool,
    /// The beginning of a line that has not come to its end.
    rest: Vec<u8>,
}

/// What was heard of an item.
#[derive(Debug, Default)]
struct Heard {
    /// By how much it changed in all.
    delta: i64,
    /// The last posting of each event, and when that was heard; both grow.
    events: Vec<(i64, Instant)>,
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
        let (delta, posting) = (
            number_after(data, b"\"delta\":"),
            number_after(data, b"\"posting\":"),
        );
        let (Some(item), Some(delta), Some(posting)) = (number(data), delta, posting) else {
            return;
        };
        let heard = self.items.entry(item).or_default();
        heard.delta += delta;
        heard.events.push((posting, at));
    }

    /// By how much an item changed, by all that was heard.
    pub(super) fn delta(&self, item: i64) -> i64 {
        self.items.get(&item).map_or(0, |heard| heard.delta)
    }

    /// When it first heard of an item as it stood after this posting, or after a later one.
    pub(super) fn heard_at(&self, item: i64, posting: i64) -> Option<Instant> {
        let events = &self.items.get(&item)?.events;
        let first = events.partition_point(|(last, _)| *last < posting);
        events.get(first).map(|(_, at)| *at)
    }
}

/// The number that follows the last `name`.
fn number_after(data: &[u8], name: &[u8]) -> Option<i64> {
    let at = data.windows(name.len()).rposition(|part| part == name)?;
    number(&data[at + name.len()..])
}

/// The number at the beginning.
fn number(data: &[u8]) -> Option<i64> {
    let is_part = |byte: &&u8| byte.is_ascii_digit() || **byte == b'-';
    let length = data.iter().take_while(is_part).count();
    str::from_utf8(&data[..length]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_end_anywhere_are_the_same_events() {
        let text = ": live\nretry: 1000\n\nevent: resync\nid: 7.7\ndata: {}\n\n\
                    event: stock\ndata: {\"item\":7,\"levels\":[{\"location\":1,\"delta\":9}],\"delta\":-2,\"posting\":123}\n\n\
                    event: stock\ndata: {\"item\":7,\"levels\":[],\"delta\":5,\"posting\":125}\n\n\
                    event: stock\ndata: {\"item\":8,\"levels\":[],\"delta\":1,\"posting\":124}\nid: 9.9\n\n";
        let at = Instant::now();
        for size in [1, 7, 1_000] {
            let mut hearing = Hearing::default();
            for piece in text.as_bytes().chunks(size) {
                hearing.take_in(piece, at);
            }
            assert_eq!(hearing.resyncs, 1);
            assert_eq!(
                [7, 8, 9].map(|item| hearing.delta(item)),
                [3, 1, 0],
                "{size}"
            );
            for (item, posting) in [(7, 123), (7, 124), (7, 125), (8, 124)] {
                assert_eq!(hearing.heard_at(item, posting), Some(at), "{posting}");
            }
            for (item, posting) in [(7, 126), (8, 125), (9, 1)] {
                assert_eq!(hearing.heard_at(item, posting), None, "{posting}");
            }
        }
    }
}
