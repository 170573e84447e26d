//! What there is to press on.

use std::fmt;
use std::str::FromStr;

use rand::RngExt as _;
use serde::Serialize;

/// An item at a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shelf {
    /// The item's id.
    pub(crate) item: i64,
    /// The location's id.
    pub(crate) location: i64,
}

/// Items with ids one after the other: `1-100000`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct ItemRange {
    first: i64,
    last: i64,
}

/// The text is no range.
#[derive(Debug)]
pub(crate) struct NotARange;

impl fmt::Display for NotARange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("items are given as FIRST-LAST, such as 1-100000")
    }
}

impl std::error::Error for NotARange {}

impl FromStr for ItemRange {
    type Err = NotARange;

    fn from_str(text: &str) -> Result<Self, NotARange> {
        let (first, last) = text.split_once('-').ok_or(NotARange)?;
        let first = first.parse().map_err(|_| NotARange)?;
        let last = last.parse().map_err(|_| NotARange)?;
        (1 <= first && first <= last)
            .then_some(Self { first, last })
            .ok_or(NotARange)
    }
}

/// All that clients press on; never empty.
#[derive(Clone, Debug)]
pub(crate) enum Shelves {
    /// One by one.
    Listed(Vec<Shelf>),
    /// A range of items at one location.
    Ranged(ItemRange, i64),
}

impl Shelves {
    /// One of them, each as likely.
    pub(crate) fn pick(&self, rng: &mut impl rand::Rng) -> Shelf {
        match self {
            Self::Listed(shelves) => shelves[rng.random_range(0..shelves.len())],
            Self::Ranged(range, location) => Shelf {
                item: rng.random_range(range.first..=range.last),
                location: *location,
            },
        }
    }

    /// Only the first of them.
    pub(crate) fn first(&self) -> Self {
        Self::Listed(vec![match self {
            Self::Listed(shelves) => shelves[0],
            Self::Ranged(range, location) => Shelf {
                item: range.first,
                location: *location,
            },
        }])
    }
}

/// What a page offers to press on: the forms that its buttons stand in, each shelf once.
pub(crate) fn on_page(html: &str) -> Vec<Shelf> {
    let mut shelves = Vec::new();
    for form in html.split("action=\"/items/").skip(1) {
        let shelf = read_form(form);
        if let Some(shelf) = shelf.filter(|shelf| !shelves.contains(shelf)) {
            shelves.push(shelf);
        }
    }
    shelves
}

/// The shelf of a form, whose text begins after `action="/items/`.
fn read_form(form: &str) -> Option<Shelf> {
    let (item, form) = form.split_once("/adjust\"")?;
    let form = form.split("</form>").next()?;
    let (_, location) = form.split_once("name=\"location\" value=\"")?;
    Some(Shelf {
        item: item.parse().ok()?,
        location: location.split('"').next()?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presses_are_found_on_a_page() {
        let form = |item: &str, location: &str| {
            format!(
                r#"<form method="post" action="/items/{item}/adjust" data-press="1">
                <input type="hidden" name="key" value="x"><input type="hidden" name="location" value="{location}"></form>"#
            )
        };
        let other = r#"<form action="/items/9/archive"></form>"#;
        let html = [
            form("5", "1"),
            form("5", "1"),
            other.to_owned(),
            form("6", "2"),
        ]
        .concat();
        let found = on_page(&html);
        assert_eq!(
            found,
            [(5, 1), (6, 2)].map(|(item, location)| Shelf { item, location })
        );
    }

    #[test]
    fn a_range_has_an_order() {
        assert_eq!(
            "1-3".parse::<ItemRange>().unwrap(),
            ItemRange { first: 1, last: 3 }
        );
        for wrong in ["3-1", "0-3", "1", "a-b", "1-2-3"] {
            assert!(wrong.parse::<ItemRange>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_item_of_a_range_comes_up() {
        let shelves = Shelves::Ranged("3-5".parse().unwrap(), 1);
        let mut rng = rand::rng();
        let picked: std::collections::BTreeSet<i64> =
            (0..200).map(|_| shelves.pick(&mut rng).item).collect();
        assert_eq!(picked.into_iter().collect::<Vec<_>>(), [3, 4, 5]);
    }
}
