//! What an item's history shows.

use askama::Template;

use crate::pages::display::Moment;
use crate::pages::inventory::view::Pages;
use crate::pages::item::view::ItemHead;
use crate::pages::layout::Layout;

#[derive(Template)]
#[template(path = "pages/item/history.html")]
pub(crate) struct HistoryPage {
    pub(crate) layout: Layout,
    pub(crate) head: ItemHead,
    pub(crate) movements: Vec<MovementRow>,
    pub(crate) pages: Pages,
}

/// One movement.
#[derive(Clone, Debug)]
pub(crate) struct MovementRow {
    pub(crate) when: Moment,
    pub(crate) who: String,
    /// `in`, `out`, or `none`.
    pub(crate) direction: &'static str,
    pub(crate) change: String,
    pub(crate) balance: String,
    pub(crate) location: String,
    pub(crate) reason: &'static str,
    pub(crate) source: &'static str,
    pub(crate) note: String,
}
