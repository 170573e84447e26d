//! What is asked of the ledger.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::kind::Kind;
use super::{DELTA_MAX, DELTA_MIN, LINES_MAX, NOTE_CHARS_MAX, ON_HAND_MAX};
use crate::id::{ItemId, LocationId, UserId};
use crate::text::{self, TextError};

/// One set of lines that all happen or none does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posting {
    key: IdempotencyKey,
    actor: Actor,
    reason: Reason,
    note: Option<Note>,
    source: Source,
    kind: Kind,
    lines: Vec<Line>,
}

/// Why lines do not make a posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostingError {
    /// No line at all.
    #[error("a posting needs at least one line")]
    NoLines,
    /// More than [`LINES_MAX`] lines.
    #[error("a posting has at most {LINES_MAX} lines, this one has {lines}")]
    TooManyLines {
        /// How many were given.
        lines: usize,
    },
}

impl Posting {
    /// Puts an ordinary posting together.
    ///
    /// # Errors
    /// [`PostingError`] if there are no lines or more than [`LINES_MAX`].
    pub fn new(
        key: IdempotencyKey,
        actor: Actor,
        reason: Reason,
        note: Option<Note>,
        source: Source,
        lines: Vec<Line>,
    ) -> Result<Self, PostingError> {
        match lines.len() {
            0 => Err(PostingError::NoLines),
            1..=LINES_MAX => Ok(Self {
                key,
                actor,
                reason,
                note,
                source,
                kind: Kind::Change,
                lines,
            }),
            lines => Err(PostingError::TooManyLines { lines }),
        }
    }

    /// The same as something else than an ordinary change.
    pub(super) fn of_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The client's name for this posting.
    #[must_use]
    pub fn key(&self) -> IdempotencyKey {
        self.key
    }

    /// Who posts.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// What the actor wrote beside it.
    #[must_use]
    pub fn note(&self) -> Option<&Note> {
        self.note.as_ref()
    }

    /// Through which door it came.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// What it is, beside its reason.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The changes, in the order in which they apply.
    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// A digest of everything that makes two postings under one key the same: actor, reason, note,
    /// source, lines and kind.
    ///
    /// An ordinary change says nothing of its kind, so that its digest is the one that releases before
    /// there were kinds have stored.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut digest = Sha256::new();
        digest.update(self.actor.user.0.to_be_bytes());
        for text in [self.reason.as_str(), self.source.as_str()] {
            update_with_text(&mut digest, text);
        }
        digest.update([u8::from(self.note.is_some())]);
        update_with_text(&mut digest, self.note.as_ref().map_or("", Note::as_str));
        for line in &self.lines {
            digest.update(line.level.item.0.to_be_bytes());
            digest.update(line.level.location.0.to_be_bytes());
            let (kind, quantity, seen_version) = match line.change {
                Change::By(delta) => (0_u8, delta, 0),
                Change::Counted {
                    on_hand,
                    seen_version,
                } => (1, on_hand, seen_version),
            };
            digest.update([kind]);
            digest.update(quantity.to_be_bytes());
            digest.update(seen_version.to_be_bytes());
        }
        // Shorter than a line, so that it cannot be taken for one.
        match self.kind {
            Kind::Change => {}
            Kind::Transfer => digest.update([2]),
            Kind::Undo(undone) => {
                digest.update([3]);
                digest.update(undone.0.to_be_bytes());
            }
        }
        Fingerprint(digest.finalize().into())
    }
}

/// Feeds a text with its length in bytes before it, so that neighbouring texts cannot run together.
pub(super) fn update_with_text(digest: &mut Sha256, text: &str) {
    let length_bytes = u32::try_from(text.len()).unwrap_or(u32::MAX);
    digest.update(length_bytes.to_be_bytes());
    digest.update(text.as_bytes());
}

/// A SHA-256 digest of a posting's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// The client's name for a posting: the same key twice is the same posting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(pub Uuid);

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for IdempotencyKey {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self)
    }
}

/// Who posts, and the epoch of their rights that the posting was admitted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The user.
    pub user: UserId,
    /// The user's `auth_epoch` at admission; a later epoch means that the rights have changed since.
    pub epoch: i64,
}

/// One item at one location: what a quantity belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LevelId {
    /// The item.
    pub item: ItemId,
    /// The location.
    pub location: LocationId,
}

/// What is to happen to one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    level: LevelId,
    change: Change,
}

/// How a line changes its level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// By so much, in the item's unit, whatever is there.
    By(i64),
    /// To what somebody counted who saw the level at a version. A count that finds nothing amiss is a
    /// movement of zero.
    Counted {
        /// On hand by the count, in the item's unit.
        on_hand: i64,
        /// The version that the level must still be at.
        seen_version: i64,
    },
}

/// Why a quantity does not make a line. The message completes a sentence that begins with the field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// A change of nothing.
    #[error("must not be zero")]
    Zero,
    /// Beyond what one line may change.
    #[error("must be a whole number between {DELTA_MIN} and {DELTA_MAX}")]
    DeltaOutOfRange,
    /// Not a quantity that a level can hold.
    #[error("must be a whole number from 0 to {ON_HAND_MAX}")]
    CountOutOfRange,
}

impl Line {
    /// A change by `delta`, in the item's unit.
    ///
    /// # Errors
    /// [`LineError`] if `delta` is zero or beyond ±[`DELTA_MAX`].
    pub fn change(level: LevelId, delta: i64) -> Result<Self, LineError> {
        match delta {
            0 => Err(LineError::Zero),
            DELTA_MIN..=DELTA_MAX => Ok(Self {
                level,
                change: Change::By(delta),
            }),
            _ => Err(LineError::DeltaOutOfRange),
        }
    }

    /// "There are `on_hand` here", said by someone who saw the level at `seen_version`. It is refused when
    /// the level has moved since.
    ///
    /// # Errors
    /// [`LineError`] if a level cannot hold `on_hand`.
    pub fn count(level: LevelId, on_hand: i64, seen_version: i64) -> Result<Self, LineError> {
        match on_hand {
            0..=ON_HAND_MAX => Ok(Self {
                level,
                change: Change::Counted {
                    on_hand,
                    seen_version,
                },
            }),
            _ => Err(LineError::CountOutOfRange),
        }
    }

    /// The stock that a level begins with, which nothing has moved on yet.
    ///
    /// # Errors
    /// [`LineError`] if `on_hand` is negative or beyond [`DELTA_MAX`].
    pub fn opening(level: LevelId, on_hand: i64) -> Result<Self, LineError> {
        let line = Self::count(level, on_hand, 0)?;
        if on_hand > DELTA_MAX {
            return Err(LineError::DeltaOutOfRange);
        }
        Ok(line)
    }

    /// The level that changes.
    #[must_use]
    pub fn level(&self) -> LevelId {
        self.level
    }

    /// How it changes.
    #[must_use]
    pub fn wanted(&self) -> Change {
        self.change
    }
}

/// What someone wrote beside a posting: 1 to 500 printable characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note(String);

impl Note {
    /// Accepts a note as typed.
    ///
    /// # Errors
    /// [`TextError`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        text::parse_line(text, NOTE_CHARS_MAX).map(Self)
    }

    /// The note as shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The word stands for nothing that this release knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not one of the choices")]
pub struct UnknownWord;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal, $label:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $name {
            /// All of them, in the order in which they are offered.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word that is stored and stands in forms.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The word that people read.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text { $($word => Ok(Self::$variant),)+ _ => Err(UnknownWord) }
            }
        }
    };
}

words! {
    /// Why stock changed.
    Reason {
        /// A press of − or +, or a change without a better name.
        Adjusted = "adjusted", "Adjusted";
        /// Goods came in.
        Received = "received", "Received";
        /// Goods were sold.
        Sold = "sold", "Sold";
        /// Goods were used in the house.
        Used = "used", "Used";
        /// A customer brought goods back.
        Returned = "returned", "Returned";
        /// Goods broke or spoiled.
        Damaged = "damaged", "Damaged";
        /// Goods are missing.
        Lost = "lost", "Lost";
        /// Missing goods turned up.
        Found = "found", "Found";
        /// Somebody counted.
        Counted = "counted", "Counted";
        /// The stock that an item began with.
        Opening = "opening", "Opening stock";
    }
}

words! {
    /// Through which door a posting came.
    Source {
        /// A page in a browser.
        Page = "page", "Page";
        /// The JSON API.
        Api = "api", "API";
        /// An uploaded file.
        Import = "import", "Import";
        /// An order.
        Order = "order", "Order";
        /// The program itself.
        Job = "job", "Job";
        /// The demo shop, which nobody has really moved anything in.
        Demo = "demo", "Demo";
    }
}

impl Reason {
    /// The reasons that a person may choose when adjusting; counting and opening stock name their own.
    pub fn choices() -> impl Iterator<Item = Self> {
        Self::ALL
            .iter()
            .copied()
            .filter(|reason| !matches!(reason, Self::Counted | Self::Opening))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::PostingId;

    const SHELF: LevelId = LevelId {
        item: ItemId(1),
        location: LocationId(2),
    };

    #[test]
    fn a_line_changes_something_within_bounds() {
        assert_eq!(Line::change(SHELF, 0), Err(LineError::Zero));
        assert_eq!(
            Line::change(SHELF, DELTA_MAX + 1),
            Err(LineError::DeltaOutOfRange)
        );
        assert_eq!(
            Line::change(SHELF, i64::MIN),
            Err(LineError::DeltaOutOfRange)
        );
        assert_eq!(
            Line::change(SHELF, -DELTA_MAX).map(|line| line.wanted()),
            Ok(Change::By(-DELTA_MAX))
        );
    }

    #[test]
    fn a_count_is_what_a_level_can_hold() {
        let counted = |on_hand| Line::count(SHELF, on_hand, 9).map(|line| line.wanted());
        for on_hand in [0, ON_HAND_MAX] {
            let seen_version = 9;
            let wanted = Change::Counted {
                on_hand,
                seen_version,
            };
            assert_eq!(counted(on_hand), Ok(wanted));
        }
        assert_eq!(counted(-1), Err(LineError::CountOutOfRange));
        assert_eq!(counted(ON_HAND_MAX + 1), Err(LineError::CountOutOfRange));
        assert_eq!(
            Line::opening(SHELF, DELTA_MAX + 1),
            Err(LineError::DeltaOutOfRange)
        );
        assert_eq!(Line::opening(SHELF, -1), Err(LineError::CountOutOfRange));
    }

    #[test]
    fn the_fingerprint_sees_every_part_of_the_content_and_not_the_epoch() {
        let line = |delta| Line::change(SHELF, delta).unwrap();
        let base = Posting {
            key: IdempotencyKey(Uuid::nil()),
            actor: Actor {
                user: UserId(1),
                epoch: 1,
            },
            reason: Reason::Sold,
            note: None,
            source: Source::Page,
            kind: Kind::Change,
            lines: vec![line(-1)],
        };
        let variants = [
            Posting {
                actor: Actor {
                    user: UserId(2),
                    epoch: 1,
                },
                ..base.clone()
            },
            Posting {
                reason: Reason::Used,
                ..base.clone()
            },
            Posting {
                note: Note::parse("x").ok(),
                ..base.clone()
            },
            Posting {
                source: Source::Api,
                ..base.clone()
            },
            Posting {
                kind: Kind::Transfer,
                ..base.clone()
            },
            Posting {
                kind: Kind::Undo(PostingId(7)),
                ..base.clone()
            },
            Posting {
                lines: vec![line(-2)],
                ..base.clone()
            },
            Posting {
                lines: vec![line(-1), line(-1)],
                ..base.clone()
            },
            Posting {
                lines: vec![Line::count(SHELF, 1, 0).unwrap()],
                ..base.clone()
            },
            Posting {
                lines: vec![Line::count(SHELF, 1, 1).unwrap()],
                ..base.clone()
            },
        ];
        for variant in variants {
            assert_ne!(variant.fingerprint(), base.fingerprint(), "{variant:?}");
        }
        let later = Posting {
            actor: Actor {
                user: UserId(1),
                epoch: 2,
            },
            ..base.clone()
        };
        assert_eq!(later.fingerprint(), base.fingerprint());
    }

    /// Keys are known for a week: what was stored under them before there were kinds must be found again.
    #[test]
    fn the_fingerprint_of_an_ordinary_change_stays_what_it_was() {
        let posting = Posting::new(
            IdempotencyKey(Uuid::nil()),
            Actor {
                user: UserId(1),
                epoch: 1,
            },
            Reason::Sold,
            Note::parse("x").ok(),
            Source::Page,
            vec![Line::change(SHELF, -2).unwrap()],
        );
        let digest = posting.unwrap().fingerprint().0;
        let hex = digest.map(|byte| format!("{byte:02x}")).concat();
        assert_eq!(
            hex,
            "8c229747a33e5af80e283f51e061f82fe20da041121cd53ef8dba66e3f7e4c40"
        );
    }

    #[test]
    fn every_word_reads_back() {
        for reason in Reason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
        }
        for source in Source::ALL {
            assert_eq!(source.as_str().parse(), Ok(*source));
        }
        assert!("stolen".parse::<Reason>().is_err());
    }
}
