//! Bulk changes: one change for many items at once, decided item by item. What cannot be done to one of them
//! is left out and told, and does not keep the others.

use std::collections::BTreeSet;

use crate::id::{CategoryId, ItemId, LocationId};
use crate::ledger::{DELTA_MAX, ON_HAND_MAX, Reason, Refusal};
use crate::stock::Thresholds;
use crate::stock_list::StockFilter;

/// The most items that one bulk change is made to.
pub const BULK_ITEMS_MAX: usize = 10_000;

/// Which items.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// These, whatever the list is filtered by.
    Items(BTreeSet<ItemId>),
    /// All that a list shows.
    Matching(StockFilter),
}

/// What is to happen to each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkChange {
    /// So many come or go, in each item's unit.
    AdjustBy {
        /// How many, not zero.
        delta: i64,
        /// Why.
        reason: Reason,
    },
    /// All that is on hand moves to this location.
    MoveTo(LocationId),
    /// It gets these thresholds in place of its own.
    SetThresholds(Thresholds),
    /// It belongs to this category.
    SetCategory(CategoryId),
    /// It is taken out of use.
    Archive,
}

/// An item as far as a bulk change asks about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BulkItem {
    /// The item.
    pub item: ItemId,
    /// Where it would be adjusted, or moved from.
    pub location: LocationId,
    /// On hand there.
    pub on_hand: i64,
    /// What it belongs to.
    pub category: CategoryId,
    /// When it is reordered.
    pub thresholds: Thresholds,
    /// Whether it is archived.
    pub archived: bool,
}

/// Why an item is left out. The message completes a sentence that begins with the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum BulkSkip {
    /// It was selected by a filter that does not leave it any more.
    #[error("does not match any more")]
    NotMatching,
    /// Archived items stand still.
    #[error("is archived")]
    Archived,
    /// There are fewer than are to be taken.
    #[error("would go below zero")]
    BelowZero,
    /// There would be more than one level or line can hold.
    #[error("would be more than can be kept")]
    TooMuch,
    /// There is nothing to move.
    #[error("has nothing on hand there")]
    NothingThere,
    /// It is where, or what, it should become.
    #[error("is so already")]
    Unchanged,
    /// What was done to it has been taken back.
    #[error("was taken back already")]
    Undone,
    /// It would go from or to a location that is archived.
    #[error("changed at a location that is not in use any more")]
    LocationNotInUse,
}

impl BulkSkip {
    /// Why what a bulk change did to an item is not taken back; `None` if the ledger never refuses that so.
    #[must_use]
    pub fn of_undo(refusal: &Refusal) -> Option<Self> {
        match refusal {
            Refusal::AlreadyUndone { .. } => Some(Self::Undone),
            Refusal::ItemArchived { .. } => Some(Self::Archived),
            Refusal::ShortOfStock { .. } => Some(Self::BelowZero),
            Refusal::AboveMaximum { .. } => Some(Self::TooMuch),
            Refusal::UnknownLocation { .. } => Some(Self::LocationNotInUse),
            Refusal::UnknownItem { .. }
            | Refusal::ChangeTooLarge { .. }
            | Refusal::LevelMoved { .. } => None,
        }
    }
}

impl BulkChange {
    /// How much is on hand at the item's location afterwards.
    ///
    /// # Errors
    /// [`BulkSkip`] says why the item is left out.
    pub fn decide(&self, item: &BulkItem) -> Result<i64, BulkSkip> {
        if item.archived {
            return Err(BulkSkip::Archived);
        }
        match self {
            Self::AdjustBy { delta, .. } => match item.on_hand.checked_add(*delta) {
                Some(i64::MIN..=-1) => Err(BulkSkip::BelowZero),
                Some(after @ 0..=ON_HAND_MAX) => Ok(after),
                _ => Err(BulkSkip::TooMuch),
            },
            Self::MoveTo(location) if *location == item.location => Err(BulkSkip::Unchanged),
            Self::MoveTo(_) => match item.on_hand {
                i64::MIN..=0 => Err(BulkSkip::NothingThere),
                1..=DELTA_MAX => Ok(0),
                _ => Err(BulkSkip::TooMuch),
            },
            Self::SetThresholds(thresholds) if *thresholds == item.thresholds => {
                Err(BulkSkip::Unchanged)
            }
            Self::SetCategory(category) if *category == item.category => Err(BulkSkip::Unchanged),
            Self::SetThresholds(_) | Self::SetCategory(_) | Self::Archive => Ok(item.on_hand),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ITEM: BulkItem = BulkItem {
        item: ItemId(1),
        location: LocationId(1),
        on_hand: 5,
        category: CategoryId(1),
        thresholds: Thresholds::NONE,
        archived: false,
    };

    fn by(delta: i64) -> BulkChange {
        let reason = Reason::Adjusted;
        BulkChange::AdjustBy { delta, reason }
    }

    #[test]
    fn each_change_says_what_becomes_of_an_item_or_why_nothing_does() {
        let low = Thresholds::new(Some(1), None, None).unwrap();
        for (change, decided) in [
            (by(3), Ok(8)),
            (by(-5), Ok(0)),
            (by(-6), Err(BulkSkip::BelowZero)),
            (by(i64::MIN), Err(BulkSkip::BelowZero)),
            (by(ON_HAND_MAX), Err(BulkSkip::TooMuch)),
            (by(i64::MAX), Err(BulkSkip::TooMuch)),
            (BulkChange::MoveTo(LocationId(2)), Ok(0)),
            (BulkChange::MoveTo(LocationId(1)), Err(BulkSkip::Unchanged)),
            (BulkChange::SetThresholds(low), Ok(5)),
            (
                BulkChange::SetThresholds(Thresholds::default()),
                Err(BulkSkip::Unchanged),
            ),
            (BulkChange::SetCategory(CategoryId(2)), Ok(5)),
            (
                BulkChange::SetCategory(CategoryId(1)),
                Err(BulkSkip::Unchanged),
            ),
            (BulkChange::Archive, Ok(5)),
        ] {
            assert_eq!(change.decide(&ITEM), decided, "{change:?}");
            let archived = BulkItem {
                archived: true,
                ..ITEM
            };
            assert_eq!(
                change.decide(&archived),
                Err(BulkSkip::Archived),
                "{change:?}"
            );
        }
    }

    #[test]
    fn only_what_is_there_moves_and_only_as_much_as_a_line_can_carry() {
        let holding = |on_hand| BulkItem { on_hand, ..ITEM };
        let change = BulkChange::MoveTo(LocationId(2));
        assert_eq!(change.decide(&holding(0)), Err(BulkSkip::NothingThere));
        assert_eq!(change.decide(&holding(DELTA_MAX)), Ok(0));
        assert_eq!(
            change.decide(&holding(DELTA_MAX + 1)),
            Err(BulkSkip::TooMuch)
        );
    }
}
