//! What the forms send, and what it means.

use serde::Deserialize;
use ticker_app::stock::AdjustStock;
use ticker_domain::id::{ItemId, LocationId};
use ticker_domain::ledger::{IdempotencyKey, LevelId, Line, LineError, Note, Reason, Source};

use crate::pages::KEY_LOST;
use crate::pages::display::read_number;
use crate::pages::fields::{Field, Problems};

/// Both forms' fields, as typed. A press sends `delta`, the form `mode` and `quantity`; a choice after
/// stock moved under a count sends `counted` as well, which then stands for the quantity.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Input {
    pub(crate) key: String,
    pub(crate) location: String,
    pub(crate) delta: String,
    pub(crate) mode: String,
    pub(crate) quantity: String,
    pub(crate) counted: String,
    pub(crate) seen_on_hand: String,
    pub(crate) seen_version: String,
    pub(crate) reason: String,
    pub(crate) note: String,
    pub(crate) view_location: String,
    pub(crate) return_to: String,
}

/// What is wrong with what was typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refused {
    pub(crate) quantity: Field,
    pub(crate) reason: Field,
    pub(crate) note: Field,
    pub(crate) problems: Problems,
}

/// What a quantity stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A change with its sign.
    By,
    /// So many more.
    Add,
    /// So many less.
    Take,
    /// So many there are.
    Count,
}

impl Mode {
    /// The mode that a form names; a change with its sign where it names none.
    pub(crate) fn read(word: &str) -> Option<Self> {
        match word {
            "" | "by" => Some(Self::By),
            "add" => Some(Self::Add),
            "take" => Some(Self::Take),
            "count" => Some(Self::Count),
            _ => None,
        }
    }
}

impl Input {
    /// Whether − or + was pressed.
    pub(crate) fn is_press(&self) -> bool {
        !self.delta.is_empty()
    }

    /// The quantity as typed, or as chosen after stock moved.
    pub(crate) fn quantity(&self) -> &str {
        match self {
            Self { delta, .. } if !delta.is_empty() => delta,
            Self { counted, .. } if !counted.is_empty() => counted,
            Self { quantity, .. } => quantity,
        }
    }

    /// Reads the change of `item` at `location` that is asked for, or says what is wrong with it.
    pub(crate) fn read(
        &self,
        item: ItemId,
        location: LocationId,
    ) -> Result<AdjustStock, Box<Refused>> {
        let mut refused = Box::new(Refused {
            quantity: Field::new(self.quantity()),
            reason: Field::new(&self.reason),
            note: Field::new(&self.note),
            problems: Problems::default(),
        });
        let Refused {
            quantity,
            reason,
            note,
            problems,
        } = refused.as_mut();
        let level = LevelId { item, location };
        let key: Option<IdempotencyKey> = self.key.parse().ok();
        if key.is_none() {
            problems.add(KEY_LOST);
        }
        let line = match Mode::read(&self.mode) {
            _ if self.is_press() => self.read_line(Mode::By, level, quantity, problems),
            Some(mode) => self.read_line(mode, level, quantity, problems),
            None => {
                problems.add("Choose whether to add, to take away, or to count.");
                None
            }
        };
        let reason = self.read_reason(reason, problems);
        let note = if self.note.trim().is_empty() {
            Some(None)
        } else {
            problems
                .keep(note, "note", "Note", Note::parse(&self.note))
                .map(Some)
        };
        match (key, line, reason, note) {
            (Some(key), Some(line), Some(reason), Some(note)) => Ok(AdjustStock {
                key,
                line,
                reason,
                note,
                source: Source::Page,
            }),
            _ => Err(refused),
        }
    }

    fn read_line(
        &self,
        mode: Mode,
        level: LevelId,
        field: &mut Field,
        problems: &mut Problems,
    ) -> Option<Line> {
        let number = read_number(self.quantity());
        let number = problems.keep(field, "quantity", "Quantity", number)?;
        if matches!(mode, Mode::Add | Mode::Take) && number < 0 {
            problems.refuse(field, "quantity", "Quantity", "must be without a sign here");
            return None;
        }
        let line = match mode {
            Mode::By | Mode::Add => Line::change(level, number),
            Mode::Take => Line::change(level, -number),
            Mode::Count => self.read_count(level, number, problems)?,
        };
        problems.keep(field, "quantity", "Quantity", line)
    }

    fn read_count(
        &self,
        level: LevelId,
        counted: i64,
        problems: &mut Problems,
    ) -> Option<Result<Line, LineError>> {
        if let Ok(version) = self.seen_version.parse() {
            return Some(Line::count(level, counted, version));
        }
        problems.add("This form has lost what was on hand when you counted. Send it again.");
        None
    }

    /// A press has no reason but itself, and a count is its own.
    fn read_reason(&self, field: &mut Field, problems: &mut Problems) -> Option<Reason> {
        if !self.is_press() && Mode::read(&self.mode) == Some(Mode::Count) {
            return Some(Reason::Counted);
        }
        if self.reason.is_empty() {
            return Some(Reason::Adjusted);
        }
        let chosen = Reason::choices().find(|reason| reason.as_str() == self.reason);
        problems.keep(
            field,
            "reason",
            "Reason",
            chosen.ok_or("is not one of the choices"),
        )
    }
}

#[cfg(test)]
mod tests {
    use ticker_domain::ledger::Change;

    use super::*;

    const KEY: &str = "018f4e9c-7f1a-7c3d-9b1e-2f6f0c9d5a11";

    fn read(input: &Input) -> Result<AdjustStock, Box<Refused>> {
        input.read(ItemId(1), LocationId(2))
    }

    fn form(mode: &str, quantity: &str) -> Input {
        Input {
            key: KEY.into(),
            mode: mode.into(),
            quantity: quantity.into(),
            seen_on_hand: "44".into(),
            seen_version: "9".into(),
            ..Input::default()
        }
    }

    fn wanted(input: &Input) -> Option<Change> {
        read(input).ok().map(|adjust| adjust.line.wanted())
    }

    fn by(delta: i64) -> Change {
        Change::By(delta)
    }

    fn counted(on_hand: i64) -> Change {
        let seen_version = 9;
        Change::Counted {
            on_hand,
            seen_version,
        }
    }

    #[test]
    fn every_way_to_say_how_many() {
        assert_eq!(wanted(&form("by", "−3")), Some(by(-3)));
        assert_eq!(wanted(&form("", "+1,000")), Some(by(1000)));
        assert_eq!(wanted(&form("add", "5")), Some(by(5)));
        assert_eq!(wanted(&form("take", "5")), Some(by(-5)));
        assert_eq!(wanted(&form("count", "41")), Some(counted(41)));
        let chosen = Input {
            counted: "40".into(),
            ..form("count", "44")
        };
        assert_eq!(wanted(&chosen), Some(counted(40)));
        let press = Input {
            delta: "-1".into(),
            ..form("count", "44")
        };
        assert_eq!(wanted(&press), Some(by(-1)));
    }

    #[test]
    fn what_is_wrong_is_said_and_kept() {
        for (mode, quantity, message) in [
            ("by", "", "Quantity is required"),
            ("by", "many", "Quantity must be a whole number"),
            ("by", "0", "Quantity must not be zero"),
            ("add", "-1", "Quantity must be without a sign here"),
            (
                "take",
                "-9223372036854775808",
                "Quantity must be without a sign here",
            ),
            (
                "by",
                "1000000001",
                "Quantity must be a whole number between -1000000000 and 1000000000",
            ),
            (
                "count",
                "-1",
                "Quantity must be a whole number from 0 to 1000000000000",
            ),
        ] {
            let refused = read(&form(mode, quantity)).map(|_| ()).unwrap_err();
            assert_eq!(
                refused.quantity.error.as_deref(),
                Some(message),
                "{mode} {quantity}"
            );
            assert_eq!(refused.quantity.value, quantity);
        }
        for input in [
            Input {
                key: "x".into(),
                ..form("by", "1")
            },
            Input {
                mode: "guess".into(),
                ..form("by", "1")
            },
            Input {
                reason: "stolen".into(),
                ..form("by", "1")
            },
            Input {
                reason: "opening".into(),
                ..form("by", "1")
            },
            Input {
                note: "x".repeat(501),
                ..form("by", "1")
            },
            Input {
                seen_version: String::new(),
                ..form("count", "1")
            },
        ] {
            assert!(read(&input).is_err(), "{input:?}");
        }
    }
}
