//! What the logs say the history must hold.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;

use uuid::Uuid;

use super::Findings;
use crate::journal::Event;
use crate::press::Press;

/// A movement of the history, as far as it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Movement {
    /// The posting's key.
    pub(super) key: Uuid,
    /// The posting's id.
    pub(super) posting: i64,
    /// What moved.
    pub(super) change: Change,
    /// On hand at the location afterwards.
    pub(super) after: i64,
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

/// Everything that is known of a key. A million of them take some 130 MB.
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

/// The status of a refusal that stands under the key; after any other the key may be used again.
const CONFLICT: u16 = 409;

/// What the logs say, and how much of it the history has borne out.
#[derive(Debug, Default)]
pub(super) struct Expected {
    keys: HashMap<u128, Known>,
    findings: Findings,
}

impl Expected {
    /// Takes in what a log says.
    pub(super) fn learn(&mut self, event: &Event) {
        match *event {
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
    pub(super) fn find(&mut self, movement: &Movement) {
        self.findings.movements += 1;
        let Some(known) = self.keys.get_mut(&movement.key.as_u128()) else {
            return;
        };
        known.found += 1;
        let Movement {
            key,
            posting,
            change,
            after,
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
        findings
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
mod tests {
    use super::*;
    use crate::journal::Acknowledged;

    const CHANGE: Change = Change {
        item: 5,
        location: 1,
        delta: 1,
    };

    fn intent(key: u128) -> Event {
        Event::Intent(Press {
            key: Uuid::from_u128(key),
            item: CHANGE.item,
            location: CHANGE.location,
            delta: CHANGE.delta,
        })
    }

    fn posted(key: u128, posting: i64, on_hand: i64) -> Event {
        Event::Posted(Acknowledged {
            key: Uuid::from_u128(key),
            posting,
            on_hand,
        })
    }

    fn refused(key: u128, status: u16) -> Event {
        Event::Refused {
            key: Uuid::from_u128(key),
            status,
        }
    }

    fn movement(key: u128, posting: i64, after: i64) -> Movement {
        Movement {
            key: Uuid::from_u128(key),
            posting,
            change: CHANGE,
            after,
        }
    }

    /// Key 1 posted as 10 with 42 on hand, 2 refused, 3 without an answer.
    fn log() -> Vec<Event> {
        vec![
            intent(1),
            posted(1, 10, 42),
            intent(2),
            refused(2, 409),
            intent(3),
        ]
    }

    fn judged(log: &[Event], history: &[Movement]) -> Findings {
        let mut expected = Expected::default();
        for event in log {
            expected.learn(event);
        }
        for movement in history {
            expected.find(movement);
        }
        expected.conclude()
    }

    /// The one violation.
    fn said(log: &[Event], history: &[Movement]) -> String {
        let findings = judged(log, history);
        assert_eq!(findings.violations, 1, "{:?}", findings.told);
        findings.told.concat()
    }

    #[test]
    fn a_true_history_is_sound() {
        for open in [&[][..], &[movement(3, 11, 43)]] {
            let findings = judged(
                &log(),
                &[&[movement(1, 10, 42), movement(9, 9, 9)], open].concat(),
            );
            assert!(findings.is_sound(), "{:?}", findings.told);
            assert_eq!(
                (
                    findings.keys,
                    findings.posted,
                    findings.refused,
                    findings.open
                ),
                (3, 1, 1, 1)
            );
            assert_eq!(findings.open_found, open.len() as u64);
        }
    }

    #[test]
    fn a_lost_acknowledgement_is_seen() {
        assert!(said(&log(), &[]).contains("is not in the history"));
    }

    #[test]
    fn a_doubled_key_is_seen() {
        let doubled = [movement(1, 10, 42), movement(1, 10, 42)];
        assert!(said(&log(), &doubled).contains("stands there 2 times"));
        let open = [
            movement(1, 10, 42),
            movement(3, 11, 43),
            movement(3, 12, 44),
        ];
        assert!(said(&log(), &open).contains("stands there 2 times"));
    }

    #[test]
    fn another_change_is_seen() {
        for change in [
            Change { delta: 2, ..CHANGE },
            Change { item: 6, ..CHANGE },
            Change {
                location: 2,
                ..CHANGE
            },
        ] {
            let other = Movement {
                change,
                ..movement(1, 10, 42)
            };
            assert!(said(&log(), &[other]).contains("posted as"));
            let open = [
                movement(1, 10, 42),
                Movement {
                    change,
                    ..movement(3, 11, 43)
                },
            ];
            assert!(said(&log(), &open).contains("posted as"));
        }
    }

    #[test]
    fn another_quantity_or_posting_is_seen() {
        assert!(said(&log(), &[movement(1, 10, 41)]).contains("41 on hand"));
        assert!(said(&log(), &[movement(1, 11, 42)]).contains("posting 11"));
    }

    #[test]
    fn a_refused_press_that_happened_is_seen() {
        assert!(
            said(&log(), &[movement(1, 10, 42), movement(2, 11, 43)]).contains("as refused (409)")
        );
    }

    #[test]
    fn answers_that_contradict_each_other_are_seen() {
        let history = [movement(1, 10, 42)];
        assert!(
            said(&[log(), vec![posted(1, 11, 42)]].concat(), &history)
                .contains("and as posting 11")
        );
        assert!(
            said(&[log(), vec![refused(1, 409)]].concat(), &history).contains("and as refused")
        );
        assert!(said(&[log(), vec![posted(7, 1, 1)]].concat(), &history).contains("no log says"));
    }

    #[test]
    fn a_key_that_was_turned_away_may_be_used_again_but_a_refused_one_not() {
        let history = [movement(1, 10, 42)];
        let away = [intent(1), refused(1, 403), intent(1), posted(1, 10, 42)];
        assert!(judged(&away, &history).is_sound());
        let refused = [intent(1), refused(1, 409), intent(1), posted(1, 10, 42)];
        assert!(!judged(&refused, &history).is_sound());
    }
}
