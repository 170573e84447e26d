//! Groups: what items are sorted by. Each item is at home at one location and belongs to one category, and
//! both kinds of group are managed alike.

use std::fmt;
use std::str::FromStr;

use crate::id::{CategoryId, LocationId};
use crate::text::{self, TextError};

/// The longest name of a group, in characters.
pub const GROUP_NAME_CHARS_MAX: usize = 100;

/// What kind of group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GroupKind {
    /// A place where stock is kept, and where items are at home.
    Location,
    /// What items belong to.
    Category,
}

impl GroupKind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Location, Self::Category];

    /// The word that is stored and read in the middle of a sentence.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Location => "location",
            Self::Category => "category",
        }
    }

    /// The word that begins a sentence.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Location => "Location",
            Self::Category => "Category",
        }
    }

    /// The word for several of them, as it stands in addresses.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Location => "locations",
            Self::Category => "categories",
        }
    }
}

/// The word is no kind of group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be location or category")]
pub struct UnknownGroupKind;

impl FromStr for GroupKind {
    type Err = UnknownGroupKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownGroupKind)
    }
}

/// A location or a category.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupId {
    /// A location.
    Location(LocationId),
    /// A category.
    Category(CategoryId),
}

impl GroupId {
    /// The group of this kind with this number.
    #[must_use]
    pub fn new(kind: GroupKind, number: i64) -> Self {
        match kind {
            GroupKind::Location => Self::Location(LocationId(number)),
            GroupKind::Category => Self::Category(CategoryId(number)),
        }
    }

    /// Its kind.
    #[must_use]
    pub fn kind(self) -> GroupKind {
        match self {
            Self::Location(_) => GroupKind::Location,
            Self::Category(_) => GroupKind::Category,
        }
    }

    /// Its number among those of its kind.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Location(id) => id.0,
            Self::Category(id) => id.0,
        }
    }
}

impl fmt::Display for GroupId {
    /// As it stands in messages for those who run it: `location 7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind().as_str(), self.number())
    }
}

/// A group's name: 1 to 100 printable characters, unique within its kind by [`text::fold`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupName(String);

impl GroupName {
    /// Accepts a name as typed.
    ///
    /// # Errors
    /// [`TextError`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        text::parse_line(text, GROUP_NAME_CHARS_MAX).map(Self)
    }

    /// The name as shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as compared with other names.
    #[must_use]
    pub fn key(&self) -> String {
        text::fold(&self.0)
    }
}

impl From<&crate::location::LocationName> for GroupName {
    fn from(name: &crate::location::LocationName) -> Self {
        Self(name.as_str().to_owned())
    }
}

impl From<&crate::category::CategoryName> for GroupName {
    fn from(name: &crate::category::CategoryName) -> Self {
        Self(name.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::category::{CATEGORY_NAME_CHARS_MAX, CategoryName};
    use crate::location::{LOCATION_NAME_CHARS_MAX, LocationName};

    #[test]
    fn kinds_and_ids_read_back() {
        for kind in GroupKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            let id = GroupId::new(kind, 7);
            assert_eq!((id.kind(), id.number()), (kind, 7));
        }
        assert_eq!("shelf".parse::<GroupKind>(), Err(UnknownGroupKind));
        let location = GroupId::Location(LocationId(7));
        assert_eq!(location.to_string(), "location 7");
        assert_ne!(location, GroupId::Category(CategoryId(7)));
    }

    /// A name that an item's form may make is one that the pages of groups may keep, and the other way
    /// round.
    #[test]
    fn a_name_is_held_to_the_same_rules_wherever_it_is_typed() {
        assert_eq!(GROUP_NAME_CHARS_MAX, LOCATION_NAME_CHARS_MAX);
        assert_eq!(GROUP_NAME_CHARS_MAX, CATEGORY_NAME_CHARS_MAX);
        for text in [
            " Shelf 3 ",
            "",
            "a\u{202e}b",
            "Nuts & Bolts",
            &"x".repeat(101),
        ] {
            let group = GroupName::parse(text);
            let location = LocationName::parse(text);
            let category = CategoryName::parse(text);
            assert_eq!(
                group,
                location.map(|name| GroupName::from(&name)),
                "{text:?}"
            );
            assert_eq!(
                group,
                category.map(|name| GroupName::from(&name)),
                "{text:?}"
            );
        }
        assert_eq!(
            GroupName::parse("Nuts & Bolts").map(|name| name.key()),
            Ok("nuts & bolts".into())
        );
    }
}
