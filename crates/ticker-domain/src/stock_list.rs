//! The stock list: what it can be filtered and sorted by, and where a page of it begins.

use std::ops::Add;
use std::str::FromStr;

use jiff::Timestamp;

use crate::id::{CategoryId, ItemId, LocationId};
use crate::page::{Direction, Edge, PAGE_SIZE_DEFAULT};
use crate::stock::StockStatus;

/// Which items a stock list shows, in which order, and which part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockQuery {
    /// Which items.
    pub filter: StockFilter,
    /// What they are sorted by.
    pub sort: StockSort,
    /// In which direction.
    pub direction: Direction,
    /// Where the page begins.
    pub edge: Edge<StockCursor>,
    /// How many rows it holds.
    pub size: u16,
}

impl Default for StockQuery {
    fn default() -> Self {
        Self {
            filter: StockFilter::default(),
            sort: StockSort::default(),
            direction: Direction::default(),
            edge: Edge::First,
            size: PAGE_SIZE_DEFAULT,
        }
    }
}

/// Which items a stock list shows. Every part that is set narrows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StockFilter {
    /// Items whose name, SKU or barcode contains each of its words, whatever their case and accents
    /// ([`crate::search`]).
    pub search: Option<String>,
    /// Items of this category.
    pub category: Option<CategoryId>,
    /// Items that have been at this location or are at home there; quantities are those there.
    pub location: Option<LocationId>,
    /// Items with this status.
    pub status: Option<StockStatus>,
    /// Archived items instead of those in use.
    pub archived: bool,
}

impl StockFilter {
    /// How many parts of it are set.
    #[must_use]
    pub fn parts(&self) -> usize {
        let parts = [
            self.search.is_some(),
            self.category.is_some(),
            self.location.is_some(),
            self.status.is_some(),
            self.archived,
        ];
        parts.into_iter().filter(|is_set| *is_set).count()
    }

    /// Whether the filter lets every item in use through.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// How many items there are, as far as they were counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemCount {
    /// So many.
    Exactly(i64),
    /// More than so many: counting ended there.
    MoreThan(i64),
}

impl ItemCount {
    /// How many there are at least.
    #[must_use]
    pub fn at_least(self) -> i64 {
        match self {
            Self::Exactly(items) => items,
            Self::MoreThan(items) => items + 1,
        }
    }
}

impl Add for ItemCount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        match (self, other) {
            (Self::Exactly(a), Self::Exactly(b)) => Self::Exactly(a + b),
            (Self::Exactly(a) | Self::MoreThan(a), Self::Exactly(b) | Self::MoreThan(b)) => {
                Self::MoreThan(a + b)
            }
        }
    }
}

/// What a stock list is sorted by; the item's id breaks ties.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StockSort {
    /// The item's name.
    #[default]
    Name,
    /// The item's SKU.
    Sku,
    /// The quantity shown.
    Quantity,
    /// The category's name.
    Category,
    /// The name of the location shown.
    Location,
    /// The status, from out to over.
    Status,
    /// When the item or its stock last changed.
    Changed,
    /// The item's id: in the order of adding.
    Id,
}

/// The word is not a column that stock can be sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be name, sku, quantity, category, location, status, changed or id")]
pub struct UnknownStockSort;

impl StockSort {
    /// Every column, in the order in which they stand.
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::Sku,
        Self::Quantity,
        Self::Category,
        Self::Location,
        Self::Status,
        Self::Changed,
        Self::Id,
    ];

    /// The word that stands in URLs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Sku => "sku",
            Self::Quantity => "quantity",
            Self::Category => "category",
            Self::Location => "location",
            Self::Status => "status",
            Self::Changed => "changed",
            Self::Id => "id",
        }
    }
}

impl FromStr for StockSort {
    type Err = UnknownStockSort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|sort| sort.as_str() == text)
            .ok_or(UnknownStockSort)
    }
}

/// Where a row stands in a sorted list: its sort value, and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockCursor {
    /// The value in the column that the list is sorted by.
    pub value: SortValue,
    /// The row's item.
    pub item: ItemId,
}

/// A value in a column that lists can be sorted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortValue {
    /// Of name, SKU, category and location.
    Text(String),
    /// Of quantity, id and, as its place in [`StockStatus::ALL`], status.
    Integer(i64),
    /// Of last change.
    Time(Timestamp),
}

/// The text is not a cursor of a list with that sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a place in this list")]
pub struct BadCursor;

impl StockCursor {
    /// The cursor as it stands in URLs: the item's id, a dot, the value.
    #[must_use]
    pub fn encode(&self) -> String {
        match &self.value {
            SortValue::Text(text) => format!("{}.{text}", self.item),
            SortValue::Integer(integer) => format!("{}.{integer}", self.item),
            SortValue::Time(time) => format!("{}.{}", self.item, time.as_microsecond()),
        }
    }

    /// Reads a cursor of a list that is sorted by `sort`.
    ///
    /// # Errors
    /// [`BadCursor`] if the text is not one.
    pub fn decode(text: &str, sort: StockSort) -> Result<Self, BadCursor> {
        let (item, value) = text.split_once('.').ok_or(BadCursor)?;
        let value = match sort {
            StockSort::Name | StockSort::Sku | StockSort::Category | StockSort::Location => {
                if value.contains('\0') {
                    return Err(BadCursor);
                }
                SortValue::Text(value.to_owned())
            }
            StockSort::Quantity | StockSort::Status | StockSort::Id => {
                SortValue::Integer(value.parse().map_err(|_| BadCursor)?)
            }
            StockSort::Changed => {
                let microseconds = value.parse().map_err(|_| BadCursor)?;
                let time = Timestamp::from_microsecond(microseconds).map_err(|_| BadCursor)?;
                // Nothing changed before computers did; the database's calendar begins later than jiff's.
                if time < Timestamp::UNIX_EPOCH {
                    return Err(BadCursor);
                }
                SortValue::Time(time)
            }
        };
        Ok(Self {
            value,
            item: item.parse().map_err(|_| BadCursor)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_as_far_as_they_go() {
        use ItemCount::{Exactly, MoreThan};

        assert_eq!(Exactly(2) + Exactly(3), Exactly(5));
        assert_eq!(Exactly(2) + MoreThan(3), MoreThan(5));
        assert_eq!(MoreThan(2) + MoreThan(3), MoreThan(5));
        assert_eq!((Exactly(2).at_least(), MoreThan(2).at_least()), (2, 3));
    }

    #[test]
    fn every_sort_and_its_cursors_read_back() {
        for sort in StockSort::ALL {
            assert_eq!(sort.as_str().parse(), Ok(sort));
            let value = match sort {
                StockSort::Quantity | StockSort::Status | StockSort::Id => SortValue::Integer(-3),
                StockSort::Changed => SortValue::Time(Timestamp::from_microsecond(17).unwrap()),
                _ => SortValue::Text("M4 × 10.5, steel".into()),
            };
            let cursor = StockCursor {
                value,
                item: ItemId(9),
            };
            assert_eq!(StockCursor::decode(&cursor.encode(), sort), Ok(cursor));
        }
    }

    #[test]
    fn other_texts_are_no_cursors() {
        for (text, sort) in [
            ("", StockSort::Name),
            ("9", StockSort::Name),
            ("x.A", StockSort::Name),
            ("9.a\0", StockSort::Name),
            ("9.many", StockSort::Quantity),
            ("9.99999999999999999999", StockSort::Id),
            ("9.9223372036854775807", StockSort::Changed),
            ("9.-377705023201000000", StockSort::Changed),
        ] {
            assert_eq!(StockCursor::decode(text, sort), Err(BadCursor), "{text:?}");
        }
    }
}
