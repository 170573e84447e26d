//! What the page for adding an item shows.

use askama::Template;

use crate::pages::fields::{Field, Problems};
use crate::pages::item::view::ItemFields;
use crate::pages::layout::Layout;

#[derive(Template)]
#[template(path = "pages/item/new.html")]
pub(crate) struct NewItemPage {
    pub(crate) layout: Layout,
    pub(crate) problems: Problems,
    pub(crate) twin: Option<Twin>,
    pub(crate) key: String,
    pub(crate) fields: ItemFields,
    pub(crate) quantity: Field,
}

/// An item that already has the name, SKU or barcode.
#[derive(Clone, Debug)]
pub(crate) struct Twin {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) sku: String,
    pub(crate) archived: bool,
    /// Whether restoring it is offered instead.
    pub(crate) may_restore: bool,
    pub(crate) on_hand: String,
    /// Which of its texts is the same, as a sentence that its name ends.
    pub(crate) sentence: &'static str,
    /// The way to add the typed quantity to it instead.
    pub(crate) addition: Option<Addition>,
}

/// A posting offered instead of a second item.
#[derive(Clone, Debug)]
pub(crate) struct Addition {
    pub(crate) key: String,
    pub(crate) location_id: i64,
    pub(crate) quantity: i64,
    pub(crate) label: String,
}
