//! Locations: the places where stock is kept.

use crate::id::LocationId;
use crate::text::{self, TextError};

/// The longest location name, in characters.
pub const LOCATION_NAME_CHARS_MAX: usize = 100;

/// A location's name: 1 to 100 printable characters, unique by [`text::fold`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationName(String);

impl LocationName {
    /// Accepts a name as typed.
    ///
    /// # Errors
    /// [`TextError`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        text::parse_line(text, LOCATION_NAME_CHARS_MAX).map(Self)
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

/// A location that stock can be kept at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Its identifier.
    pub id: LocationId,
    /// Its name as shown.
    pub name: String,
}
