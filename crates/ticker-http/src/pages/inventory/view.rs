//! What the inventory shows.

use askama::Template;

use crate::pages::bulk::view::Hidden;
use crate::pages::display::Moment;
use crate::pages::fields::Choice;
use crate::pages::layout::{Layout, Toast};

#[derive(Template)]
#[template(path = "pages/inventory/inventory.html")]
pub(crate) struct InventoryPage {
    pub(crate) layout: Layout,
    /// Whether there is no item at all, archived or not.
    pub(crate) empty: bool,
    pub(crate) may_create: bool,
    pub(crate) filters: Filters,
    pub(crate) chips: Vec<Chip>,
    /// Where the list without filters is, when there are any.
    pub(crate) clear_href: Option<String>,
    /// The filters in words, for when nothing matches.
    pub(crate) filter_words: Vec<String>,
    /// The page's title, which says what the list is filtered for.
    pub(crate) title: String,
    pub(crate) correction: Option<Correction>,
    pub(crate) heads: Vec<Head>,
    pub(crate) rows: Vec<StockRow>,
    pub(crate) pages: Pages,
    /// What can be done to selected rows.
    pub(crate) selection: Selection,
}

/// The bar for selected rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection {
    /// What names the list around them.
    pub(crate) hidden: Vec<Hidden>,
    /// Whether changes to many items at once are offered.
    pub(crate) may_change: bool,
    /// Whether there is anywhere to move them.
    pub(crate) may_move: bool,
    /// Where the list goes on beyond this page: how many match.
    pub(crate) all_matching: Option<Counted>,
}

/// How many items there are of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    /// The status, or `all`, by which script finds it when it changes; none if it does not.
    pub(crate) of: Option<&'static str>,
    /// How many, in words.
    pub(crate) items: String,
}

/// Another spelling of a search, whose items are shown because nothing matches it as it is.
#[derive(Clone, Debug)]
pub(crate) struct Correction {
    pub(crate) searched: String,
    pub(crate) shown: String,
}

/// What is filtered for, and what can be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filters {
    pub(crate) search: String,
    pub(crate) category: String,
    pub(crate) categories: Vec<Choice>,
    pub(crate) location: String,
    pub(crate) locations: Vec<Choice>,
    pub(crate) status: &'static str,
    pub(crate) sort: &'static str,
    /// What the list is sorted by unless asked otherwise; left out of addresses.
    pub(crate) sort_default: &'static str,
    /// `sort` in words.
    pub(crate) sort_label: &'static str,
    pub(crate) descending: bool,
    pub(crate) sorts: Vec<Choice>,
    pub(crate) size: String,
    pub(crate) size_default: String,
    pub(crate) sizes: Vec<Choice>,
    pub(crate) archived: bool,
}

/// One status with how many items have it.
#[derive(Clone, Debug)]
pub(crate) struct Chip {
    /// The status's word and icon; empty for all.
    pub(crate) word: &'static str,
    pub(crate) label: &'static str,
    /// How many items have it, where that is known.
    pub(crate) count: Option<Counted>,
    pub(crate) href: String,
    pub(crate) current: bool,
}

/// A column's head.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) class: &'static str,
    pub(crate) label: &'static str,
    /// `ascending`, `descending`, or empty.
    pub(crate) sorted: &'static str,
    /// Where the list sorted by this column is; empty when it cannot be.
    pub(crate) href: String,
}

/// One item in the list.
#[derive(Clone, Debug)]
pub(crate) struct StockRow {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) sku: String,
    pub(crate) category: String,
    /// Where a press acts.
    pub(crate) location: String,
    /// What is kept at other locations, in words.
    pub(crate) elsewhere: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) status_label: &'static str,
    pub(crate) on_hand: i64,
    /// `on_hand` as read.
    pub(crate) quantity: String,
    pub(crate) unit: String,
    /// How many movements the item has had: script shows nothing older than what it has.
    pub(crate) stock_version: i64,
    pub(crate) changed: Moment,
    /// Whether a press is offered.
    pub(crate) may_adjust: bool,
    pub(crate) press: Press,
}

/// What the forms of − and + send.
#[derive(Clone, Debug)]
pub(crate) struct Press {
    pub(crate) location_id: i64,
    /// The location that the list around it is filtered for; empty for none.
    pub(crate) view_location: String,
    /// The local path that a press without script comes back to.
    pub(crate) return_to: String,
    pub(crate) remove_key: String,
    pub(crate) add_key: String,
    /// Where the form for any amount is.
    pub(crate) adjust_href: String,
}

/// The row as it is after a press, for script to put in place.
#[derive(Template)]
#[template(path = "parts/row_answer.html")]
pub(crate) struct RowAnswer {
    pub(crate) row: StockRow,
    pub(crate) toast: Option<Toast>,
}

/// The way to the pages beside this one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pages {
    /// How many rows there are, in words.
    pub(crate) summary: String,
    pub(crate) newer: Option<String>,
    pub(crate) older: Option<String>,
}
