//! Categories: the groups that items are sorted into.

use crate::id::CategoryId;
use crate::text::{self, TextError};

/// The longest category name, in characters.
pub const CATEGORY_NAME_CHARS_MAX: usize = 100;

/// A category's name: 1 to 100 printable characters, unique by [`text::fold`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategoryName(String);

impl CategoryName {
    /// Accepts a name as typed.
    ///
    /// # Errors
    /// [`TextError`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        text::parse_line(text, CATEGORY_NAME_CHARS_MAX).map(Self)
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

/// A category that an item can belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// Its identifier.
    pub id: CategoryId,
    /// Its name as shown.
    pub name: String,
}
