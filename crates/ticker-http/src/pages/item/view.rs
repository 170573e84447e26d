//! What the pages of one item show.

use askama::Template;

use super::chart::Chart;
use crate::pages::fields::{Field, Problems};
use crate::pages::history::view::MovementRow;
use crate::pages::inventory::view::Press;
use crate::pages::item_new::view::Twin;
use crate::pages::layout::{Layout, Toast};

/// What stands over each of an item's pages.
#[derive(Clone, Debug)]
pub(crate) struct ItemHead {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) sku: String,
    pub(crate) category: String,
    pub(crate) status: &'static str,
    pub(crate) status_label: &'static str,
    pub(crate) archived: bool,
    /// The version of the item's details.
    pub(crate) version: i64,
    pub(crate) may_edit: bool,
    pub(crate) may_archive: bool,
    /// Where the history is that is shown, as a file.
    pub(crate) export_href: String,
    /// `stock`, `history`, `details` or `labels`.
    pub(crate) tab: &'static str,
}

#[derive(Template)]
#[template(path = "pages/item/stock.html")]
pub(crate) struct StockPage {
    pub(crate) layout: Layout,
    pub(crate) head: ItemHead,
    pub(crate) stock: StockPanel,
    pub(crate) facts: Vec<Fact>,
    pub(crate) chart: Option<Chart>,
    /// The latest ones.
    pub(crate) movements: Vec<MovementRow>,
}

/// A named value.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) label: &'static str,
    pub(crate) value: String,
}

/// An item's quantity: in all, where a press acts, and at each location.
#[derive(Clone, Debug)]
pub(crate) struct StockPanel {
    pub(crate) id: i64,
    /// How many movements it shows: what is newer has had more.
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) status: &'static str,
    pub(crate) on_hand: i64,
    pub(crate) total: String,
    pub(crate) may_adjust: bool,
    pub(crate) location: String,
    pub(crate) here_on_hand: i64,
    pub(crate) here: String,
    pub(crate) levels: Vec<LevelRow>,
    pub(crate) gauge: Option<Gauge>,
    pub(crate) press: Press,
    /// Where the forms are that move goods, where there is anywhere to move them, and that count them.
    pub(crate) transfer_href: Option<String>,
    pub(crate) count_href: String,
}

/// What is on hand at one location.
#[derive(Clone, Debug)]
pub(crate) struct LevelRow {
    pub(crate) location_id: i64,
    pub(crate) location: String,
    pub(crate) home: bool,
    pub(crate) on_hand: i64,
    /// `on_hand` as read.
    pub(crate) quantity: String,
    /// What can be done there, if anything.
    pub(crate) ways: Option<Ways>,
}

/// Where the forms are that change what is at one location.
#[derive(Clone, Debug)]
pub(crate) struct Ways {
    pub(crate) adjust: String,
    pub(crate) count: String,
    /// Where there is another location to move goods to, and something to move.
    pub(crate) transfer: Option<String>,
}

/// A bar of the total with minimum and target marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gauge {
    /// The same in words.
    pub(crate) description: String,
    pub(crate) filled_percent: i64,
    /// How much the whole bar is, which script fills it by.
    pub(crate) end: i64,
    pub(crate) marks: Vec<GaugeMark>,
}

/// A threshold on the bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GaugeMark {
    pub(crate) percent: i64,
    /// SVG's `text-anchor`, so that labels stay inside.
    pub(crate) anchor: &'static str,
    pub(crate) label: String,
}

/// The panel as it is after a press, for script to put in place.
#[derive(Template)]
#[template(path = "parts/stock_answer.html")]
pub(crate) struct StockAnswer {
    pub(crate) head: ItemHead,
    pub(crate) stock: StockPanel,
    pub(crate) facts: Vec<Fact>,
    pub(crate) chart: Option<Chart>,
    /// The latest ones.
    pub(crate) movements: Vec<MovementRow>,
    pub(crate) toast: Option<Toast>,
}

/// The fields that describe an item.
#[derive(Clone, Debug, Default)]
pub(crate) struct ItemFields {
    pub(crate) name: Field,
    pub(crate) sku: Field,
    pub(crate) barcode: Field,
    pub(crate) unit: Field,
    pub(crate) category: Field,
    pub(crate) categories: Vec<String>,
    pub(crate) home_location: Field,
    pub(crate) locations: Vec<String>,
    pub(crate) minimum: Field,
    pub(crate) target: Field,
    pub(crate) reorder_multiple: Field,
}

#[derive(Template)]
#[template(path = "pages/item/edit.html")]
pub(crate) struct EditPage {
    pub(crate) layout: Layout,
    pub(crate) head: ItemHead,
    pub(crate) problems: Problems,
    pub(crate) twin: Option<Twin>,
    pub(crate) fields: ItemFields,
}

#[derive(Template)]
#[template(path = "pages/item/edit_conflict.html")]
pub(crate) struct EditConflictPage {
    pub(crate) layout: Layout,
    pub(crate) head: ItemHead,
    /// Fields on which both agree.
    pub(crate) same: Vec<SameField>,
    /// Fields on which they differ.
    pub(crate) fields: Vec<Versus>,
}

/// A field that needs no choice.
#[derive(Clone, Debug)]
pub(crate) struct SameField {
    pub(crate) name: &'static str,
    pub(crate) value: String,
}

/// A field with two values to choose from.
#[derive(Clone, Debug)]
pub(crate) struct Versus {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) mine: String,
    pub(crate) mine_label: String,
    pub(crate) theirs: String,
    pub(crate) theirs_label: String,
}
