//! An item's history: every movement, the newest first.

pub(crate) mod export;
pub(crate) mod view;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use ticker_app::item::MovementRow as Movement;
use ticker_domain::id::{ItemId, MovementId};
use ticker_domain::page::{Edge, PAGE_SIZE_DEFAULT};
use ticker_domain::permission::StockView;

use self::view::{HistoryPage, MovementRow};
use super::display::{change, moment, number};
use super::inventory::view::Pages;
use super::item::head;
use super::layout::{Layout, Section};
use super::{left_toast, page};
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::flash::Flash;
use crate::path::Id;
use crate::query::Query;
use crate::state::Web;

/// Which part of the history is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    after: String,
    before: String,
}

/// Shows a page of an item's movements.
pub(crate) async fn list(
    State(web): State<Web>,
    May(by): May<StockView>,
    flash: Flash,
    Id(id): Id<ItemId>,
    Query(params): Query<Params>,
) -> PageResult {
    let edge = read_edge(&params)?;
    let found = web
        .app
        .show_item(&by, id)
        .await?
        .ok_or(HttpError::NotFound)?;
    let history = web
        .app
        .item_history(&by, id, &edge, PAGE_SIZE_DEFAULT)
        .await?;
    let at = |name: &str, row: &Movement| format!("/items/{id}/history?{name}={}", row.id);
    let now = web.clock.now();
    let rows = &history.rows;
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let noun = if count == 1 { "movement" } else { "movements" };
    let template = HistoryPage {
        layout: Layout::of(by.user(), Section::Inventory).with(left_toast(&flash)),
        head: head(&found.item, by.user(), "history"),
        movements: rows.iter().map(|row| movement(row, now)).collect(),
        pages: Pages {
            summary: format!("{} {noun}", number(count)),
            newer: rows
                .first()
                .filter(|_| history.has_before)
                .map(|row| at("before", row)),
            older: rows
                .last()
                .filter(|_| history.has_after)
                .map(|row| at("after", row)),
        },
    };
    page(StatusCode::OK, &template)
}

/// A movement as it is shown.
pub(crate) fn movement(row: &Movement, now: Timestamp) -> MovementRow {
    MovementRow {
        when: moment(row.at, now),
        who: row.actor_name.clone(),
        direction: match row.delta {
            0 => "none",
            1.. => "in",
            _ => "out",
        },
        change: change(row.delta),
        balance: number(row.after),
        location: row.location_name.clone(),
        reason: row.reason.label(),
        source: row.source.label(),
        note: row.note.clone().unwrap_or_default(),
    }
}

fn read_edge(params: &Params) -> Result<Edge<MovementId>, HttpError> {
    let read = |name: &str, text: &str| {
        let bad = format!("The parameter “{name}” of this address must be a movement's number.");
        text.parse().map_err(|_| HttpError::bad_request(bad))
    };
    match (params.after.as_str(), params.before.as_str()) {
        ("", "") => Ok(Edge::First),
        (after, "") => read("after", after).map(Edge::After),
        ("", before) => read("before", before).map(Edge::Before),
        _ => Err(HttpError::bad_request(
            "“after” and “before” cannot stand together.",
        )),
    }
}
