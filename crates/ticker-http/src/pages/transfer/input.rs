//! What the form sends, and what it means.

use serde::Deserialize;
use ticker_app::stock::TransferStock;
use ticker_domain::id::{ItemId, LocationId};
use ticker_domain::ledger::{IdempotencyKey, Note, Source, Transfer, TransferError};

use crate::pages::KEY_LOST;
use crate::pages::display::read_number;
use crate::pages::fields::{Field, Problems};

/// The fields, as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Input {
    pub(crate) key: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) quantity: String,
    pub(crate) note: String,
    pub(crate) view_location: String,
    pub(crate) return_to: String,
}

/// What is wrong with what was typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refused {
    pub(crate) to: Field,
    pub(crate) quantity: Field,
    pub(crate) note: Field,
    pub(crate) problems: Problems,
}

impl Refused {
    /// The fields as typed, with nothing wrong yet.
    pub(crate) fn of(input: &Input) -> Self {
        Self {
            to: Field::new(&input.to),
            quantity: Field::new(&input.quantity),
            note: Field::new(&input.note),
            problems: Problems::default(),
        }
    }
}

impl Input {
    /// Reads the transfer of `item` that is asked for, or says what is wrong with it.
    pub(crate) fn read(&self, item: ItemId) -> Result<TransferStock, Box<Refused>> {
        let mut refused = Box::new(Refused::of(self));
        let Refused {
            to,
            quantity,
            note,
            problems,
        } = refused.as_mut();
        let key: Option<IdempotencyKey> = self.key.parse().ok();
        if key.is_none() {
            problems.add(KEY_LOST);
        }
        let source: Option<LocationId> = self.from.parse().ok();
        if source.is_none() {
            problems.add("Choose where the goods are now.");
        }
        let destination: Result<LocationId, _> = self.to.parse();
        let destination = destination.map_err(|_| "must be chosen");
        let destination = problems.keep(to, "to", "To", destination);
        let number = read_number(&self.quantity);
        let number = problems.keep(quantity, "quantity", "Quantity", number);
        let transfer = match (source, destination, number) {
            (Some(source), Some(destination), Some(number)) => {
                match Transfer::new(item, source, destination, number) {
                    Ok(transfer) => Some(transfer),
                    Err(error @ TransferError::SameLocation) => {
                        problems.refuse(to, "to", "To", error);
                        None
                    }
                    Err(error @ TransferError::QuantityOutOfRange) => {
                        problems.refuse(quantity, "quantity", "Quantity", error);
                        None
                    }
                }
            }
            _ => None,
        };
        let note = if self.note.trim().is_empty() {
            Some(None)
        } else {
            let read = Note::parse(&self.note);
            problems.keep(note, "note", "Note", read).map(Some)
        };
        match (key, transfer, note) {
            (Some(key), Some(transfer), Some(note)) => Ok(TransferStock {
                key,
                transfer,
                note,
                source: Source::Page,
            }),
            _ => Err(refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(input: &Input) -> Vec<String> {
        let refused = input.read(ItemId(1)).err();
        let problems = refused.map(|refused| refused.problems).unwrap_or_default();
        problems.iter().map(|one| one.message.clone()).collect()
    }

    fn form(from: &str, to: &str, quantity: &str) -> Input {
        Input {
            key: "018f4e9c-7f1a-7c3d-9b1e-2f6f0c9d5a11".into(),
            from: from.into(),
            to: to.into(),
            quantity: quantity.into(),
            ..Input::default()
        }
    }

    #[test]
    fn a_transfer_is_read_or_each_wrong_field_named() {
        assert_eq!(wrong(&form("1", "2", " 1,000 ")), Vec::<String>::new());
        assert_eq!(wrong(&form("1", "1", "3")), ["To must be another location"]);
        let range = "Quantity must be a whole number from 1 to 1000000000";
        for quantity in ["0", "-2", "1000000001"] {
            assert_eq!(wrong(&form("1", "2", quantity)), [range]);
        }
        let said = wrong(&form("", "x", ""));
        let expected = [
            "Choose where the goods are now.",
            "To must be chosen",
            "Quantity is required",
        ];
        assert_eq!(said, expected);
        assert_eq!(wrong(&Input::default())[0], KEY_LOST);
    }
}
