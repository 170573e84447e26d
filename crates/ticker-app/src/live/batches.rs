//! What was read lately, kept for streams that are not there yet.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use ticker_domain::id::ItemId;

use super::stream::{Beginning, Over};
use super::{ItemMoved, LiveNews, Position};

/// What one reading of the ledger found.
#[derive(Debug)]
pub struct Batch {
    position: Position,
    moved: Vec<ItemMoved>,
    changed: Vec<ItemId>,
    text: OnceLock<Bytes>,
}

impl Batch {
    pub(super) fn new(position: Position, moved: Vec<ItemMoved>, changed: Vec<ItemId>) -> Self {
        Self {
            position,
            moved,
            changed,
            text: OnceLock::new(),
        }
    }

    /// Whoever has been told of the batch has seen everything up to here.
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// What moved, in the order of the last movements.
    #[must_use]
    pub fn moved(&self) -> &[ItemMoved] {
        &self.moved
    }

    /// Items that changed in other ways.
    #[must_use]
    pub fn changed(&self) -> &[ItemId] {
        &self.changed
    }

    /// The batch in words: `put` is asked once, and all streams share what it says.
    pub fn text(&self, put: impl FnOnce(&Self) -> Bytes) -> Bytes {
        self.text.get_or_init(|| put(self)).clone()
    }

    fn events(&self) -> usize {
        self.moved.len() + self.changed.len()
    }
}

/// The most batches that are kept: at the most a second, half a minute.
const BATCHES_MAX: usize = 1_024;
/// The most events in the batches that are kept: a few megabytes.
const EVENTS_MAX: usize = 16_384;

/// The latest batches, without a gap between them. Each has a number, one more than the one before.
#[derive(Debug)]
pub(super) struct Batches {
    /// Where the first batch begins.
    base: Position,
    /// Where the next one will begin.
    end: Position,
    kept: VecDeque<Arc<Batch>>,
    /// The number of the first.
    first: u64,
    events: usize,
}

/// What a stream is to be told next.
#[derive(Debug)]
pub(super) enum Next {
    /// This, and then what follows it.
    Batch(Arc<Batch>),
    /// Nothing for now.
    Nothing,
    /// What it has not been told is not kept any more; it goes on from the end, at this number.
    Gap(Position, u64),
    /// This, and then nothing more.
    Over(Over),
}

impl Batches {
    /// None yet; the first will begin at `position`, with a number that no batch had before.
    pub(super) fn new(position: Position, first: u64) -> Self {
        Self {
            base: position.clone(),
            end: position,
            kept: VecDeque::new(),
            first,
            events: 0,
        }
    }

    /// Where the last batch ends.
    pub(super) fn end(&self) -> &Position {
        &self.end
    }

    /// The number of the next batch.
    pub(super) fn next_number(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// How whoever knows nothing begins.
    pub(super) fn anew(&self) -> Beginning {
        Beginning::Anew(self.end.clone(), self.next_number())
    }

    /// Keeps what follows the last one, and says whether there is something to tell.
    pub(super) fn push(&mut self, position: Position, news: LiveNews) -> bool {
        let before = self.next_number();
        match news {
            LiveNews::Told { moved, changed } if moved.is_empty() && changed.is_empty() => {
                self.end = position;
            }
            LiveNews::Told { moved, changed } => self.keep(Batch::new(position, moved, changed)),
            // A number is left out, which makes it a gap for everybody.
            LiveNews::TooMuch => *self = Self::new(position, self.next_number() + 1),
        }
        self.next_number() != before
    }

    fn keep(&mut self, batch: Batch) {
        self.end = batch.position.clone();
        self.events += batch.events();
        self.kept.push_back(Arc::new(batch));
        while self.kept.len() > BATCHES_MAX || self.events > EVENTS_MAX {
            let Some(oldest) = self.kept.pop_front() else {
                break;
            };
            self.first += 1;
            self.events -= oldest.events();
            self.base = oldest.position.clone();
        }
    }

    /// What follows for a stream that has been told everything below a number.
    pub(super) fn next(&self, number: u64) -> Next {
        let Some(place) = number.checked_sub(self.first) else {
            return Next::Gap(self.end.clone(), self.next_number());
        };
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        self.kept
            .get(place)
            .map_or(Next::Nothing, |batch| Next::Batch(Arc::clone(batch)))
    }

    /// The number of the first batch that somebody at `position` has to be told; `None` if some of it is
    /// not kept.
    pub(super) fn number_after(&self, position: &Position) -> Option<u64> {
        if !position.covers(&self.base) {
            return None;
        }
        let known = self
            .kept
            .partition_point(|batch| position.covers(&batch.position));
        Some(self.first + known as u64)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use ticker_domain::id::{PostingId, UserId};
    use ticker_domain::stock::{StockStatus, Thresholds};

    use super::*;

    fn position(xid: u64) -> Position {
        format!("{xid}.{xid}").parse().unwrap()
    }

    fn moved(item: i64) -> ItemMoved {
        ItemMoved {
            item: ItemId(item),
            version: 1,
            on_hand: 1,
            status: StockStatus::Ok,
            thresholds: Thresholds::NONE,
            delta: 1,
            levels: Vec::new(),
            by: UserId(1),
            by_name: "Ana".into(),
            others: 0,
            posting: PostingId(1),
            since: Timestamp::UNIX_EPOCH,
            at: Timestamp::UNIX_EPOCH,
        }
    }

    fn one(item: i64) -> LiveNews {
        LiveNews::Told {
            moved: vec![moved(item)],
            changed: Vec::new(),
        }
    }

    /// The item that the next batch tells of, or what there is instead.
    fn told(batches: &Batches, number: u64) -> String {
        match batches.next(number) {
            Next::Batch(batch) => batch.moved()[0].item.to_string(),
            Next::Nothing => "nothing".into(),
            Next::Gap(position, number) => format!("gap, go on at {position} with {number}"),
            Next::Over(over) => format!("{over:?}"),
        }
    }

    #[test]
    fn batches_are_told_in_turn_and_nothing_is_told_twice() {
        let mut batches = Batches::new(position(10), 5);
        assert_eq!(told(&batches, 5), "nothing");
        assert!(batches.push(position(11), one(1)));
        assert!(!batches.push(position(12), LiveNews::NONE));
        assert!(batches.push(position(13), one(2)));
        assert_eq!(batches.end(), &position(13));
        assert_eq!(["1", "2", "nothing"], [5, 6, 7].map(|n| told(&batches, n)));
    }

    #[test]
    fn somebody_who_comes_back_goes_on_where_they_stopped() {
        let mut batches = Batches::new(position(10), 0);
        batches.push(position(11), one(1));
        batches.push(position(13), one(2));
        for (at, number) in [
            (9, None),
            (10, Some(0)),
            (11, Some(1)),
            (12, Some(1)),
            (13, Some(2)),
            (14, Some(2)),
        ] {
            assert_eq!(batches.number_after(&position(at)), number, "at {at}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_whoever_is_behind_hears_of_the_gap() {
        let mut batches = Batches::new(position(0), 0);
        for n in 1..=2_000 {
            batches.push(position(n), one(1));
        }
        assert_eq!(batches.kept.len(), BATCHES_MAX);
        assert_eq!(told(&batches, 0), "gap, go on at 2000.2000 with 2000");
        assert_eq!(told(&batches, 2_000), "nothing");
        assert_eq!(batches.number_after(&position(975)), None);
        assert_eq!(batches.number_after(&position(976)), Some(976));

        let many = || LiveNews::Told {
            moved: (0..500).map(moved).collect(),
            changed: (0..500).map(ItemId).collect(),
        };
        for n in 2_001..=2_100 {
            batches.push(position(n), many());
        }
        let kept: usize = batches.kept.iter().map(|batch| batch.events()).sum();
        assert_eq!(kept, batches.events);
        assert_eq!((kept, batches.kept.len()), (16_000, 16));
        assert_eq!(batches.number_after(&position(2_083)), None);
        assert_eq!(batches.number_after(&position(2_084)), Some(2_084));
    }

    #[test]
    fn too_much_is_a_gap_for_everybody_and_leaves_nothing_behind() {
        let mut batches = Batches::new(position(10), 0);
        batches.push(position(11), one(1));
        // After a restore the ledger may even end before.
        assert!(batches.push(position(5), LiveNews::TooMuch));
        for number in [0, 1] {
            assert_eq!(told(&batches, number), "gap, go on at 5.5 with 2");
        }
        batches.push(position(6), one(2));
        assert_eq!(told(&batches, 2), "2");
        assert_eq!(batches.number_after(&position(4)), None);
        assert_eq!(batches.number_after(&position(5)), Some(2));
    }

    #[test]
    fn a_batch_is_put_into_words_once() {
        let batch = Batch::new(position(1), vec![moved(7)], Vec::new());
        let text = batch.text(|batch| batch.events().to_string().into());
        assert_eq!(text, "1");
        assert_eq!(batch.text(|_| panic!("again")), "1");
    }
}
