//! Items: what is kept in stock.

use crate::id::{CategoryId, LocationId};
use crate::stock::Thresholds;
use crate::text::{self, TextError};

/// The longest item name, in characters.
pub const ITEM_NAME_CHARS_MAX: usize = 200;
/// The longest SKU, in characters.
pub const SKU_CHARS_MAX: usize = 64;
/// The longest barcode, in characters.
pub const BARCODE_CHARS_MAX: usize = 64;
/// The longest unit, in characters.
pub const UNIT_CHARS_MAX: usize = 20;

macro_rules! text_types {
    ($($(#[$doc:meta])* $name:ident = $parse:path, $max:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Accepts the text as typed.
            ///
            /// # Errors
            /// [`TextError`] says which rule was broken.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                $parse(text, $max).map(Self)
            }

            /// The text as shown.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text as compared with its kin: equal keys cannot exist side by side.
            #[must_use]
            pub fn key(&self) -> String {
                text::fold(&self.0)
            }
        }
    )+};
}

text_types! {
    /// An item's name: 1 to 200 printable characters, unique by its key.
    ItemName = text::parse_line, ITEM_NAME_CHARS_MAX;
    /// A stock keeping unit: 1 to 64 printable characters without spaces, unique by its key.
    Sku = text::parse_word, SKU_CHARS_MAX;
    /// What a scanner reads off the item: 1 to 64 printable characters without spaces, unique.
    Barcode = text::parse_word, BARCODE_CHARS_MAX;
    /// What one of the item is called (`pcs`, `box`, `kg`): 1 to 20 printable characters.
    Unit = text::parse_line, UNIT_CHARS_MAX;
}

/// What a manager decides about an item, all of it at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemDetails {
    /// Its name.
    pub name: ItemName,
    /// Its stock keeping unit.
    pub sku: Sku,
    /// What a scanner reads, when it carries a code.
    pub barcode: Option<Barcode>,
    /// What one of it is called.
    pub unit: Unit,
    /// The category it belongs to.
    pub category: CategoryId,
    /// Where a press changes it unless another location is chosen.
    pub home_location: LocationId,
    /// When to reorder and up to how many.
    pub thresholds: Thresholds,
}

impl ItemDetails {
    /// The text that searches look into: name, SKU and barcode, folded.
    #[must_use]
    pub fn search_text(&self) -> String {
        let barcode = self.barcode.as_ref().map_or("", Barcode::as_str);
        text::fold_for_search(&format!(
            "{} {} {barcode}",
            self.name.as_str(),
            self.sku.as_str()
        ))
    }
}
