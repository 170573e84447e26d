//! Postings that are more than a change: transfers, and those that take another posting back.

use std::collections::{BTreeMap, BTreeSet};

use super::DELTA_MAX;
use super::posting::{Actor, IdempotencyKey, LevelId, Line, Note, Posting, Reason, Source};
use crate::id::{ItemId, LocationId, PostingId};

/// What a posting is, beside why it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// An ordinary change, or a count.
    #[default]
    Change,
    /// Goods went from one location to another.
    Transfer,
    /// It takes back the posting that it names. That one may have taken back another.
    Undo(PostingId),
}

/// The word that is stored for a transfer.
const TRANSFER: &str = "transfer";

impl Kind {
    /// Reads what is stored: the posting's word, and the posting that it takes back. A word that a later
    /// release wrote is none that this one could show, and the posting an ordinary change to it.
    #[must_use]
    pub fn stored(word: Option<&str>, undoes: Option<PostingId>) -> Self {
        match (word, undoes) {
            (_, Some(undone)) => Self::Undo(undone),
            (Some(TRANSFER), None) => Self::Transfer,
            _ => Self::Change,
        }
    }

    /// The word that is stored beside the posting. What takes another back is known by that instead.
    #[must_use]
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Transfer => Some(TRANSFER),
            Self::Change | Self::Undo(_) => None,
        }
    }

    /// The posting that it takes back.
    #[must_use]
    pub fn undoes(self) -> Option<PostingId> {
        match self {
            Self::Undo(undone) => Some(undone),
            Self::Change | Self::Transfer => None,
        }
    }

    /// The word that people read; `None` where the reason says it.
    #[must_use]
    pub fn label(self) -> Option<&'static str> {
        match self {
            Self::Change => None,
            Self::Transfer => Some("Transferred"),
            Self::Undo(_) => Some("Undone"),
        }
    }
}

/// So many of an item, from one location to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    item: ItemId,
    from: LocationId,
    to: LocationId,
    quantity: i64,
}

/// Why goods cannot be transferred so. The message completes a sentence that begins with the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// Nothing, less than nothing, or more than one line may change.
    #[error("must be a whole number from 1 to {DELTA_MAX}")]
    QuantityOutOfRange,
    /// They are there already.
    #[error("must be another location")]
    SameLocation,
}

impl Transfer {
    /// Puts a transfer together; `quantity` is in the item's unit.
    ///
    /// # Errors
    /// [`TransferError`] if nothing would go anywhere, or too much at once.
    pub fn new(
        item: ItemId,
        from: LocationId,
        to: LocationId,
        quantity: i64,
    ) -> Result<Self, TransferError> {
        if !(1..=DELTA_MAX).contains(&quantity) {
            return Err(TransferError::QuantityOutOfRange);
        }
        if from == to {
            return Err(TransferError::SameLocation);
        }
        Ok(Self {
            item,
            from,
            to,
            quantity,
        })
    }

    /// What moves.
    #[must_use]
    pub fn item(&self) -> ItemId {
        self.item
    }
}

/// A posting that happened, as far as it takes to take it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Its number.
    pub id: PostingId,
    /// Why it was made.
    pub reason: Reason,
    /// By how much it changed which level, in the order of its lines.
    pub deltas: Vec<(LevelId, i64)>,
}

impl Posted {
    /// How many items it changed.
    #[must_use]
    pub fn items(&self) -> usize {
        let items: BTreeSet<ItemId> = self.deltas.iter().map(|(level, _)| level.item).collect();
        items.len()
    }
}

/// A posting that cannot be taken back: it changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing was changed that could be taken back")]
pub struct NothingToUndo;

impl Posting {
    /// Moves goods from one location to another. Its reason is the one that says least, since every
    /// release knows it; that it is a transfer, its kind says.
    ///
    /// # Errors
    /// [`TransferError`] if no line can carry it, which [`Transfer::new`] has seen to.
    pub fn transfer(
        key: IdempotencyKey,
        actor: Actor,
        note: Option<Note>,
        source: Source,
        transfer: &Transfer,
    ) -> Result<Self, TransferError> {
        Self::transfers(key, actor, note, source, std::slice::from_ref(transfer))
    }

    /// The same for many items at once, all of which move or none does.
    ///
    /// # Errors
    /// [`TransferError`] if they are none, or more than half of [`LINES_MAX`](super::LINES_MAX).
    pub fn transfers(
        key: IdempotencyKey,
        actor: Actor,
        note: Option<Note>,
        source: Source,
        transfers: &[Transfer],
    ) -> Result<Self, TransferError> {
        let mut lines = Vec::with_capacity(2 * transfers.len());
        for transfer in transfers {
            let item = transfer.item;
            for (location, delta) in [
                (transfer.from, -transfer.quantity),
                (transfer.to, transfer.quantity),
            ] {
                let line = Line::change(LevelId { item, location }, delta);
                lines.push(line.map_err(|_| TransferError::QuantityOutOfRange)?);
            }
        }
        let posting = Self::new(key, actor, Reason::Adjusted, note, source, lines);
        posting
            .map(|posting| posting.of_kind(Kind::Transfer))
            .map_err(|_| TransferError::QuantityOutOfRange)
    }

    /// Takes a posting back: the opposite of what it changed, a line a level, the last one first, under the
    /// same reason, so that sums by reason come out as if it had never been.
    ///
    /// # Errors
    /// [`NothingToUndo`] if it changed nothing, or more at one level than a line can take back.
    pub fn undo(
        key: IdempotencyKey,
        actor: Actor,
        source: Source,
        posted: &Posted,
    ) -> Result<Self, NothingToUndo> {
        let mut sums: BTreeMap<LevelId, i64> = BTreeMap::new();
        for (level, delta) in &posted.deltas {
            *sums.entry(*level).or_default() += delta;
        }
        let mut lines = Vec::with_capacity(sums.len());
        for (level, _) in posted.deltas.iter().rev() {
            match sums.remove(level) {
                None | Some(0) => {}
                Some(sum) => lines.push(Line::change(*level, -sum).map_err(|_| NothingToUndo)?),
            }
        }
        let posting = Self::new(key, actor, posted.reason, None, source, lines);
        posting
            .map(|posting| posting.of_kind(Kind::Undo(posted.id)))
            .map_err(|_| NothingToUndo)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::id::UserId;
    use crate::ledger::Change;

    const KEY: IdempotencyKey = IdempotencyKey(Uuid::nil());
    const ANA: Actor = Actor {
        user: UserId(1),
        epoch: 1,
    };

    fn level(location: i64) -> LevelId {
        LevelId {
            item: ItemId(7),
            location: LocationId(location),
        }
    }

    fn posted(deltas: &[(i64, i64)]) -> Posted {
        Posted {
            id: PostingId(9),
            reason: Reason::Sold,
            deltas: deltas.iter().map(|(at, by)| (level(*at), *by)).collect(),
        }
    }

    fn lines(posting: &Posting) -> Vec<(i64, Change)> {
        let line = |line: &Line| (line.level().location.0, line.wanted());
        posting.lines().iter().map(line).collect()
    }

    #[test]
    fn a_transfer_goes_somewhere_else_with_something() {
        let new = |from, to, quantity| {
            Transfer::new(ItemId(7), LocationId(from), LocationId(to), quantity)
        };
        for quantity in [0, -1, DELTA_MAX + 1, i64::MIN] {
            let refused = new(1, 2, quantity);
            assert_eq!(refused, Err(TransferError::QuantityOutOfRange));
        }
        assert_eq!(new(1, 1, 3), Err(TransferError::SameLocation));
        let transfer = new(1, 2, 3).unwrap();
        let posting = Posting::transfer(KEY, ANA, None, Source::Page, &transfer).unwrap();
        assert_eq!(posting.kind(), Kind::Transfer);
        let expected = [(1, Change::By(-3)), (2, Change::By(3))];
        assert_eq!(lines(&posting), expected);
    }

    #[test]
    fn an_undo_is_the_opposite_backwards_a_line_a_level() {
        let undo = |deltas: &[(i64, i64)]| Posting::undo(KEY, ANA, Source::Page, &posted(deltas));
        let posting = undo(&[(1, -3), (2, 3), (1, -1), (3, 0)]).unwrap();
        let expected = [(1, Change::By(4)), (2, Change::By(-3))];
        assert_eq!(lines(&posting), expected);
        assert_eq!(posting.kind(), Kind::Undo(PostingId(9)));
        assert_eq!(posting.reason(), Reason::Sold);
        for nothing in [&[][..], &[(1, 0)], &[(1, 2), (1, -2)]] {
            assert_eq!(undo(nothing), Err(NothingToUndo), "{nothing:?}");
        }
        assert!(undo(&[(1, DELTA_MAX), (1, 1)]).is_err());
    }

    #[test]
    fn kinds_read_back_and_a_later_word_is_a_change() {
        for kind in [Kind::Change, Kind::Transfer, Kind::Undo(PostingId(3))] {
            assert_eq!(Kind::stored(kind.word(), kind.undoes()), kind);
        }
        assert_eq!(Kind::stored(Some("loaned"), None), Kind::Change);
    }
}
