//! What an item's history shows.

use super::params;
use askama::Template;

use crate::pages::display::Moment;
use crate::pages::fields::Choice;
use crate::pages::inventory::view::Pages;
use crate::pages::item::view::ItemHead;
use crate::pages::layout::{Layout, UndoForm};

#[derive(Template)]
#[template(path = "pages/item/history.html")]
pub(crate) struct HistoryPage {
    pub(crate) layout: Layout,
    pub(crate) head: ItemHead,
    /// Where the newest movements are, under the same filters.
    pub(crate) newest_href: String,
    /// How many movements there are: script counts what comes after them.
    pub(crate) stock_version: i64,
    pub(crate) filters: Filters,
    /// Where the history without filters is, when there are any.
    pub(crate) clear_href: Option<String>,
    pub(crate) movements: Vec<MovementRow>,
    /// Where the search stopped before it had found a page.
    pub(crate) stopped: Option<Stopped>,
    pub(crate) pages: Pages,
}

/// What is filtered for, and what can be.
#[derive(Clone, Debug)]
pub(crate) struct Filters {
    pub(crate) picks: Vec<Pick>,
    pub(crate) from: MomentField,
    pub(crate) to: MomentField,
}

/// A moment to filter by, as it stands in the address.
#[derive(Clone, Debug)]
pub(crate) struct MomentField {
    pub(crate) value: String,
}

impl MomentField {
    /// What it is shown in: a field for dates would drop a time of day, and the next search with it.
    pub(crate) fn control(&self) -> &'static str {
        if self.value.is_empty() || params::is_date(&self.value) {
            "date"
        } else {
            "text"
        }
    }
}

/// A list to choose from.
#[derive(Clone, Debug)]
pub(crate) struct Pick {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) value: String,
    pub(crate) choices: Vec<Choice>,
}

/// How far a search went, and where it goes on.
#[derive(Clone, Debug)]
pub(crate) struct Stopped {
    pub(crate) at: Moment,
    pub(crate) href: String,
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
    /// The bulk change that it belongs to.
    pub(crate) bulk: Option<OfBulk>,
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

/// The bulk change that a movement belongs to.
#[derive(Clone, Debug)]
pub(crate) struct OfBulk {
    /// Where it is, for those who may see it.
    pub(crate) href: Option<String>,
}
