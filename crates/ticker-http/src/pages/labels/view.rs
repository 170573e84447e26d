//! What the page of labels shows.

use askama::Template;

use super::codes::Code;
use crate::pages::fields::Choice;
use crate::pages::item::view::ItemHead;
use crate::pages::layout::Layout;

/// The words of the sizes, and what people read. The measures stand in the style sheet.
pub(super) const SIZES: [(&str, &str); 3] = [
    ("small", "Small, 38 × 21 mm"),
    ("medium", "Medium, 62 × 29 mm"),
    ("large", "Large, 100 × 50 mm"),
];

#[derive(Template)]
#[template(path = "pages/item/labels.html")]
pub(crate) struct LabelsPage {
    pub(crate) layout: Layout,
    pub(crate) head: ItemHead,
    pub(crate) copies: u16,
    pub(crate) copies_max: u16,
    pub(crate) size: &'static str,
    pub(crate) sizes: Vec<Choice>,
    /// Bars, where there are any for the code.
    pub(crate) bars: Option<Code>,
    /// A QR code of the same.
    pub(crate) square: Option<Code>,
    /// What both say.
    pub(crate) code: String,
}
