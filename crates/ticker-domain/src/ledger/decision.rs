//! The decision: what becomes of each posting, given what was locked.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::chain::{self, Hash, Link};
use super::posting::{Change, Fingerprint, IdempotencyKey, LevelId, Line, Posting};
use super::{DELTA_MAX, DELTA_MIN, ON_HAND_MAX};
use crate::id::{ItemId, LocationId, PostingId, UserId};

/// One level as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// How much there is, in the item's unit; never negative.
    pub on_hand: i64,
    /// How many movements led here; the last one's number.
    pub version: i64,
    /// The last movement's hash.
    pub hash: Hash,
}

impl Level {
    /// A level that nothing has moved on yet.
    pub const EMPTY: Self = Self {
        on_hand: 0,
        version: 0,
        hash: Hash::ORIGIN,
    };
}

/// What the caller found where a line wants to change a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// A level that can change; locked by the caller until the decision is stored.
    Open(Level),
    /// The item is archived.
    ItemArchived,
    /// There is no such location, or it is archived.
    LocationUnknown,
}

/// All that a decision rests on. The caller reads and locks it; [`decide`] keeps it up to date as it
/// applies one posting after the other.
#[derive(Clone, Debug, Default)]
pub struct Ground {
    /// The current `auth_epoch` of each actor who may act at all.
    pub epochs: BTreeMap<UserId, i64>,
    /// What stands at each level that a line names. An item that is missing here does not exist.
    pub shelves: BTreeMap<LevelId, Shelf>,
    /// What was answered under keys that were used before.
    pub recorded: BTreeMap<IdempotencyKey, Recorded>,
    /// Of the postings that are to be taken back, those that have been already.
    pub undone: BTreeSet<PostingId>,
}

/// An answer that was given under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Of the posting that was answered.
    pub fingerprint: Fingerprint,
    /// The answer.
    pub answer: Answer,
}

/// The answer to a posting, given once and repeated to whoever sends the same posting again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// All its lines happened; in the order of the lines.
    Posted(Vec<Movement>),
    /// None of its lines happened.
    Refused(Refusal),
}

/// A line that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Movement {
    /// What changed.
    pub level: LevelId,
    /// Its place among the level's movements, from 1 without gaps.
    pub number: i64,
    /// By how much, in the item's unit.
    pub delta: i64,
    /// On hand before.
    pub before: i64,
    /// On hand after.
    pub after: i64,
    /// Its link in the level's chain.
    pub hash: Hash,
}

/// Why a posting did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "refusal")]
pub enum Refusal {
    /// A level would have gone below zero.
    #[error("only {on_hand} on hand")]
    ShortOfStock {
        /// The item that is short.
        item: ItemId,
        /// Where.
        location: LocationId,
        /// How much there was.
        on_hand: i64,
    },
    /// A level would have gone above [`ON_HAND_MAX`].
    #[error("a level can hold at most {ON_HAND_MAX}, there are {on_hand}")]
    AboveMaximum {
        /// The item.
        item: ItemId,
        /// Where.
        location: LocationId,
        /// How much there was.
        on_hand: i64,
    },
    /// A count differs from what is there by more than [`DELTA_MAX`].
    #[error("one line can change at most {DELTA_MAX}, there are {on_hand}")]
    ChangeTooLarge {
        /// The item.
        item: ItemId,
        /// Where.
        location: LocationId,
        /// How much there was.
        on_hand: i64,
    },
    /// The level has moved since the version that a count was made at.
    #[error("stock moved since it was counted, there are {on_hand} now")]
    LevelMoved {
        /// The item.
        item: ItemId,
        /// Where.
        location: LocationId,
        /// How much there was.
        on_hand: i64,
        /// The level's version then.
        version: i64,
    },
    /// There is no such item.
    #[error("there is no item {item}")]
    UnknownItem {
        /// As given.
        item: ItemId,
    },
    /// The item is archived.
    #[error("item {item} is archived")]
    ItemArchived {
        /// The item.
        item: ItemId,
    },
    /// There is no such location in use.
    #[error("there is no location {location}")]
    UnknownLocation {
        /// As given.
        location: LocationId,
    },
    /// The posting that was to be taken back has been already.
    #[error("it was undone already")]
    AlreadyUndone {
        /// The posting.
        posting: PostingId,
    },
}

/// What becomes of a posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Answered now, and to be recorded under its key.
    Answered(Answer),
    /// The same posting was answered before: the first answer again, and nothing happens.
    Replayed(Answer),
    /// The key belongs to a posting with other content: nothing happens.
    KeyReused,
    /// The actor's rights have changed since the posting was admitted: nothing happens, and nothing is
    /// recorded.
    RightsChanged,
}

/// Decides `postings` one after the other, each on the ground that the ones before it left, all at
/// the time `at`. The outcomes stand in the order of the postings.
pub fn decide(ground: &mut Ground, postings: &[Posting], at: Timestamp) -> Vec<Outcome> {
    postings
        .iter()
        .map(|posting| decide_one(ground, posting, at))
        .collect()
}

fn decide_one(ground: &mut Ground, posting: &Posting, at: Timestamp) -> Outcome {
    let actor = posting.actor();
    if ground.epochs.get(&actor.user) != Some(&actor.epoch) {
        return Outcome::RightsChanged;
    }
    let fingerprint = posting.fingerprint();
    if let Some(recorded) = ground.recorded.get(&posting.key()) {
        return if recorded.fingerprint == fingerprint {
            Outcome::Replayed(recorded.answer.clone())
        } else {
            Outcome::KeyReused
        };
    }
    let undoes = posting.kind().undoes();
    let applied = match undoes.filter(|undone| ground.undone.contains(undone)) {
        Some(posting) => Err(Refusal::AlreadyUndone { posting }),
        None => apply(&ground.shelves, posting, at),
    };
    let answer = match applied {
        Ok((movements, touched)) => {
            ground.undone.extend(undoes);
            let opened = touched
                .into_iter()
                .map(|(id, level)| (id, Shelf::Open(level)));
            ground.shelves.extend(opened);
            Answer::Posted(movements)
        }
        Err(refusal) => Answer::Refused(refusal),
    };
    let recorded = Recorded {
        fingerprint,
        answer: answer.clone(),
    };
    ground.recorded.insert(posting.key(), recorded);
    Outcome::Answered(answer)
}

type Applied = (Vec<Movement>, BTreeMap<LevelId, Level>);

/// Applies every line on a copy of the levels it touches, so that a refusal leaves nothing behind.
fn apply(
    shelves: &BTreeMap<LevelId, Shelf>,
    posting: &Posting,
    at: Timestamp,
) -> Result<Applied, Refusal> {
    let mut touched = BTreeMap::new();
    let mut movements = Vec::with_capacity(posting.lines().len());
    for line in posting.lines() {
        let level = match touched.get(&line.level()) {
            Some(level) => *level,
            None => open(shelves, line.level())?,
        };
        let movement = move_level(level, line, posting, at)?;
        let level = Level {
            on_hand: movement.after,
            version: movement.number,
            hash: movement.hash,
        };
        touched.insert(line.level(), level);
        movements.push(movement);
    }
    Ok((movements, touched))
}

fn open(shelves: &BTreeMap<LevelId, Shelf>, id: LevelId) -> Result<Level, Refusal> {
    match shelves.get(&id) {
        Some(Shelf::Open(level)) => Ok(*level),
        Some(Shelf::ItemArchived) => Err(Refusal::ItemArchived { item: id.item }),
        Some(Shelf::LocationUnknown) => Err(Refusal::UnknownLocation {
            location: id.location,
        }),
        None => Err(Refusal::UnknownItem { item: id.item }),
    }
}

fn move_level(
    level: Level,
    line: &Line,
    posting: &Posting,
    at: Timestamp,
) -> Result<Movement, Refusal> {
    let LevelId { item, location } = line.level();
    let on_hand = level.on_hand;
    let delta = match line.wanted() {
        Change::By(delta) => delta,
        Change::Counted { seen_version, .. } if seen_version != level.version => {
            return Err(Refusal::LevelMoved {
                item,
                location,
                on_hand,
                version: level.version,
            });
        }
        // Neither is negative nor above the maximum, so their difference is far from the type's ends.
        Change::Counted {
            on_hand: counted, ..
        } => counted - on_hand,
    };
    if !(DELTA_MIN..=DELTA_MAX).contains(&delta) {
        return Err(Refusal::ChangeTooLarge {
            item,
            location,
            on_hand,
        });
    }
    let after = match on_hand.checked_add(delta) {
        Some(after @ 0..=ON_HAND_MAX) => after,
        Some(..0) => {
            return Err(Refusal::ShortOfStock {
                item,
                location,
                on_hand,
            });
        }
        _ => {
            return Err(Refusal::AboveMaximum {
                item,
                location,
                on_hand,
            });
        }
    };
    let moved = Link {
        level: line.level(),
        number: level.version + 1,
        delta,
        before: on_hand,
        after,
    };
    Ok(Movement {
        level: moved.level,
        number: moved.number,
        delta: moved.delta,
        before: moved.before,
        after: moved.after,
        hash: chain::extend(level.hash, &moved, posting, at),
    })
}
