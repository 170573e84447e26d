//! What the logs say the history must hold.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use uuid::Uuid;

use super::Findings;
use crate::addition::Addition;
use crate::journal::Event;
use crate::press::Press;

/// A movement of the history, as far as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Movement<'row> {
    /// The posting's key.
    pub(super) key: Uuid,
    /// The posting's id.
    pub(super) posting: i64,
    /// What moved.
    pub(super) change: Change,
    /// On hand at the location afterwards.
    pub(super) after: i64,
    /// The item's SKU.
    pub(super) sku: &'row [u8],
}

/// What moved and by how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// The item's id.
    pub(super) item: i64,
    /// The location's id.
    pub(super) location: i64,
    /// By how much, in the item's unit.
    pub(super) delta: i64,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            item,
            location,
            delta,
        } = self;
        write!(f, "{delta:+} of item {item} at location {location}")
    }
}

/// Everything that is known of a key. A million of them take 170 MB, and 250 MB while the map grows.
#[derive(Debug)]
struct Known {
    meant: Change,
    answered: Answered,
    /// How many movements the history has under the key.
    found: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answered {
    /// Not, or not so that it is settled.
    Open,
    Posted {
        posting: i64,
        on_hand: i64,
    },
    Refused {
        status: u16,
    },
}

/// Everything that is known of an item that was to be added.
#[derive(Debug)]
struct KnownAddition {
    sku: String,
    /// Its id, if it was answered that it was added.
    item: Option<i64>,
    /// How many movements the history has under the key.
    found: u32,
}

/// The status of a refusal that stands under the key; after any other the key may be used again.
const CONFLICT: u16 = 409;

/// What the logs say, and how much of it the history has borne out.
#[derive(Debug, Default)]
pub(super) struct Expected {
    keys: HashMap<u128, Known>,
    additions: HashMap<u128, KnownAddition>,
    findings: Findings,
}

impl Expected {
    /// Takes in what a log says.
    pub(super) fn learn(&mut self, event: &Event) {
        match *event {
            Event::Adding(ref addition) => self.learn_adding(addition),
            Event::Added { key, item } => self.learn_added(key, item),
            Event::Intent(press) => self.learn_intent(press),
            Event::Posted(acknowledged) => {
                let (posting, on_hand) = (acknowledged.posting, acknowledged.on_hand);
                self.learn_answer(acknowledged.key, Answered::Posted { posting, on_hand });
            }
            Event::Refused { key, status } => self.learn_answer(key, Answered::Refused { status }),
            Event::Unknown { .. } => (),
        }
    }

    fn learn_intent(&mut self, press: Press) {
        let meant = Change {
            item: press.item,
            location: press.location,
            delta: press.delta,
        };
        match self.keys.entry(press.key.as_u128()) {
            Entry::Vacant(vacant) => {
                vacant.insert(Known {
                    meant,
                    answered: Answered::Open,
                    found: 0,
                });
            }
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                if known.meant != meant {
                    let other = known.meant;
                    self.findings
                        .violate(|| format!("{}: meant as {other} and as {meant}", press.key));
                }
                if matches!(known.answered, Answered::Refused { status } if status != CONFLICT) {
                    known.answered = Answered::Open;
                }
            }
        }
    }

    fn learn_adding(&mut self, addition: &Addition) {
        let known = KnownAddition {
            sku: addition.sku.clone(),
            item: None,
            found: 0,
        };
        if self
            .additions
            .insert(addition.key.as_u128(), known)
            .is_some()
        {
            let key = addition.key;
            self.findings
                .violate(|| format!("{key}: meant twice to add an item"));
        }
    }

    fn learn_added(&mut self, key: Uuid, item: i64) {
        match self.additions.get_mut(&key.as_u128()) {
            Some(known) => known.item = Some(item),
            None => self
                .findings
                .violate(|| format!("{key}: answered as added, but no log says that it was meant")),
        }
    }

    fn learn_answer(&mut self, key: Uuid, answered: Answered) {
        let Some(known) = self.keys.get_mut(&key.as_u128()) else {
            self.findings
                .violate(|| format!("{key}: answered, but no log says that it was meant"));
            return;
        };
        let before = known.answered;
        if before == Answered::Open {
            known.answered = answered;
        } else if before != answered {
            self.findings
                .violate(|| format!("{key}: answered {before} and {answered}"));
        }
    }

    /// Takes in a movement of the history.
    pub(super) fn find(&mut self, movement: &Movement<'_>) {
        self.findings.movements += 1;
        let Some(known) = self.keys.get_mut(&movement.key.as_u128()) else {
            self.find_added(movement);
            return;
        };
        known.found += 1;
        let Movement {
            key,
            posting,
            change,
            after,
            sku: _,
        } = movement;
        let (meant, answered, found) = (known.meant, known.answered, known.found);
        if found > 1 {
            self.findings.violate(|| {
                format!("{key}: stands there {found} times, last in posting {posting}")
            });
        }
        if *change != meant {
            self.findings
                .violate(|| format!("{key}: meant as {meant}, posted as {change}"));
        }
        let is_true = match answered {
            Answered::Open => true,
            Answered::Posted {
                posting: said,
                on_hand,
            } => (said, on_hand) == (*posting, *after),
            Answered::Refused { .. } => false,
        };
        if !is_true {
            self.findings.violate(|| {
                format!("{key}: answered {answered}, but stands there as posting {posting} with {after} on hand")
            });
        }
    }

    /// Takes in a movement that may be the one that an added item begins with.
    fn find_added(&mut self, movement: &Movement<'_>) {
        let Movement {
            key,
            posting,
            change,
            after,
            sku,
        } = *movement;
        let Some(known) = self.additions.get_mut(&key.as_u128()) else {
            return;
        };
        known.found += 1;
        let found = known.found;
        if found > 1 {
            self.findings.violate(|| {
                format!("{key}: stands there {found} times, last in posting {posting}")
            });
        }
        let is_meant = (change.delta, after) == (1, 1) && sku == known.sku.as_bytes();
        let is_answered = known.item.is_none_or(|item| item == change.item);
        if !is_meant || !is_answered {
            let (meant, sku) = (&known.sku, String::from_utf8_lossy(sku));
            let answered = Added(known.item);
            self.findings.violate(|| {
                format!(
                    "{key}: meant to add one of {meant}, answered {answered}, but stands there as {change}, \
                     {sku}, with {after} on hand"
                )
            });
        }
    }

    /// What was found, now that the history has been read to its end.
    pub(super) fn conclude(self) -> Findings {
        let mut findings = self.findings;
        for (key, known) in self.keys {
            findings.keys += 1;
            match known.answered {
                Answered::Open => {
                    findings.open += 1;
                    findings.open_found += u64::from(known.found > 0);
                }
                Answered::Refused { .. } => findings.refused += 1,
                Answered::Posted { .. } => findings.posted += 1,
            }
            if known.found == 0 && matches!(known.answered, Answered::Posted { .. }) {
                let (key, meant, answered) = (Uuid::from_u128(key), known.meant, known.answered);
                findings.violate(|| {
                    format!("{key}: answered {answered}, {meant}, but is not in the history")
                });
            }
        }
        for (key, known) in self.additions {
            findings.keys += 1;
            if known.item.is_some() {
                findings.posted += 1;
            } else {
                findings.open += 1;
                findings.open_found += u64::from(known.found > 0);
            }
            if known.found == 0 && known.item.is_some() {
                let (key, sku, answered) = (Uuid::from_u128(key), known.sku, Added(known.item));
                findings.violate(|| {
                    format!("{key}: answered {answered}, {sku}, but is not in the history")
                });
            }
        }
        findings
    }
}

/// What was answered to an addition, for a person.
struct Added(Option<i64>);

impl fmt::Display for Added {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("not at all"),
            Some(item) => write!(f, "as added as item {item}"),
        }
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("not at all"),
            Self::Posted { posting, on_hand } => {
                write!(f, "as posting {posting} with {on_hand} on hand")
            }
            Self::Refused { status } => write!(f, "as refused ({status})"),
        }
    }
}

#[cfg(test)]
mod tests;
