//! What an item's history shows.

use askama::Template;

use crate::pages::display::Moment;
use crate::pages::inventory::view::Pages;
use crate::pages::item::view::ItemHead;
use crate::pages::layout::{Layout, UndoForm};

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
    pub(crate) id: i64,
    pub(crate) when: Moment,
    pub(crate) who: String,
    /// `in`, `out`, or `none`.
    pub(crate) direction: &'static str,
    pub(crate) change: String,
    pub(crate) balance: String,
    pub(crate) location: String,
    /// Why, or what it is where that says more.
    pub(crate) reason: String,
    /// Where the movement is that this one takes back.
    pub(crate) undoes: Option<String>,
    /// What took this one back.
    pub(crate) undone_by: Option<Undone>,
    pub(crate) source: &'static str,
    pub(crate) note: String,
    /// The way to take it back, where it can be.
    pub(crate) undo: Option<UndoForm>,
    /// What the button says to those who hear it apart from its row.
    pub(crate) undo_label: String,
    /// Whether script takes it back without leaving the page.
    pub(crate) in_place: bool,
}

/// Who took a movement back.
#[derive(Clone, Debug)]
pub(crate) struct Undone {
    pub(crate) by: String,
    /// Where the movement is that did it.
    pub(crate) href: String,
}
