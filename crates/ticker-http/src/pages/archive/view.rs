//! What the page shows that asks before an item is archived.

use askama::Template;

use crate::pages::layout::Layout;

#[derive(Template)]
#[template(path = "pages/item/archive.html")]
pub(crate) struct ArchivePage {
    pub(crate) layout: Layout,
    pub(crate) id: i64,
    pub(crate) name: String,
    /// What archiving means for this item now.
    pub(crate) consequence: String,
}
