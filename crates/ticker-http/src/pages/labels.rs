//! Labels to print: an item's name and SKU, with codes that a scanner reads.

mod codes;
pub(crate) mod view;

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use ticker_app::item::Item;
use ticker_domain::id::ItemId;
use ticker_domain::permission::StockView;

use self::view::{LabelsPage, SIZES};
use super::fields::Choice;
use super::item::head;
use super::layout::{Layout, Section};
use super::{left_toast, page};
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::flash::Flash;
use crate::path::Id;
use crate::query::Query;
use crate::state::Web;

/// How many labels fit on a page of a browser that is to stay quick.
const COPIES_MAX: u16 = 200;

/// How many labels, and how large.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    copies: String,
    size: String,
}

/// Shows labels of an item.
pub(crate) async fn show(
    State(web): State<Web>,
    May(by): May<StockView>,
    flash: Flash,
    Id(id): Id<ItemId>,
    Query(params): Query<Params>,
) -> PageResult {
    let copies = read_copies(&params.copies)?;
    let size = read_size(&params.size)?;
    let found = web
        .app
        .show_item(&by, id)
        .await?
        .ok_or(HttpError::NotFound)?;
    let code = scanned(&found.item);
    let template = LabelsPage {
        layout: Layout::of(by.user(), Section::Inventory).with(left_toast(&flash)),
        head: head(&found.item, by.user(), "labels"),
        copies,
        copies_max: COPIES_MAX,
        size,
        sizes: SIZES
            .iter()
            .map(|(word, label)| Choice::new(word, *label))
            .collect(),
        bars: codes::bars(code),
        square: codes::square(code),
        code: code.to_owned(),
    };
    page(StatusCode::OK, &template)
}

/// What a scanner is to read: the code that the goods carry themselves, or else the SKU.
fn scanned(item: &Item) -> &str {
    item.barcode.as_deref().unwrap_or(&item.sku)
}

fn read_copies(text: &str) -> Result<u16, HttpError> {
    match text {
        "" => Ok(1),
        text => text
            .parse()
            .ok()
            .filter(|copies| (1..=COPIES_MAX).contains(copies))
            .ok_or_else(|| {
                HttpError::bad_request(format!("There can be 1 to {COPIES_MAX} labels at a time."))
            }),
    }
}

fn read_size(text: &str) -> Result<&'static str, HttpError> {
    match text {
        "" => Ok("medium"),
        text => SIZES
            .iter()
            .map(|(word, _)| *word)
            .find(|word| *word == text)
            .ok_or_else(|| HttpError::bad_request("A label is small, medium or large.")),
    }
}
