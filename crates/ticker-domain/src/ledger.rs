//! The ledger: the one way that a quantity changes.
//!
//! A [`Posting`] is a set of [`Line`]s that all happen or none does, under an [`IdempotencyKey`] that
//! its client made. [`decide`] applies postings one after the other to the levels that the caller has
//! locked and says what becomes of each. A line that happened is a [`Movement`], numbered and
//! hash-chained along its level ([`chain`]).
//!
//! ```
//! use std::collections::BTreeMap;
//! use ticker_domain::id::{ItemId, LocationId, UserId};
//! use ticker_domain::ledger::*;
//!
//! let shelf = LevelId { item: ItemId(1), location: LocationId(1) };
//! let posting = Posting::new(
//!     "018f4e9c-7f1a-7c3d-9b1e-2f6f0c9d5a11".parse().unwrap(),
//!     Actor { user: UserId(7), epoch: 1 },
//!     Reason::Sold,
//!     None,
//!     Source::Page,
//!     vec![Line::change(shelf, -2).unwrap()],
//! ).unwrap();
//! let mut ground = Ground {
//!     epochs: BTreeMap::from([(UserId(7), 1)]),
//!     shelves: BTreeMap::from([(shelf, Shelf::Open(Level { on_hand: 5, ..Level::EMPTY }))]),
//!     ..Ground::default()
//! };
//! let outcomes = decide(&mut ground, &[posting], "2026-01-01T00:00:00Z".parse().unwrap());
//! let Outcome::Answered(Answer::Posted(movements)) = &outcomes[0] else { panic!() };
//! assert_eq!((movements[0].before, movements[0].after), (5, 3));
//! ```

pub mod chain;
mod decision;
mod kind;
mod posting;

pub use self::chain::Hash;
pub use self::decision::{
    Answer, Ground, Level, Movement, Outcome, Recorded, Refusal, Shelf, decide,
};
pub use self::kind::{Kind, NothingToUndo, Posted, Transfer, TransferError};
pub use self::posting::{
    Actor, Change, Fingerprint, IdempotencyKey, LevelId, Line, LineError, Note, Posting,
    PostingError, Reason, Source, UnknownWord,
};

/// The largest change that one line can make, either way, in the item's unit.
pub const DELTA_MAX: i64 = 1_000_000_000;
/// The largest change downwards, in the item's unit.
pub const DELTA_MIN: i64 = -DELTA_MAX;
/// The most that one level can hold, in the item's unit.
pub const ON_HAND_MAX: i64 = 1_000_000_000_000;
/// The most lines that one posting can carry.
pub const LINES_MAX: usize = 500;
/// The longest note, in characters.
pub const NOTE_CHARS_MAX: usize = 500;
