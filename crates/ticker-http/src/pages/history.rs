//! An item's history: every movement, the newest first.

pub(crate) mod export;
pub(crate) mod view;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use ticker_app::item::{Item, MovementRow as Movement};
use ticker_auth::SignedIn;
use ticker_domain::id::{ItemId, MovementId};
use ticker_domain::ledger::Kind;
use ticker_domain::page::{Edge, PAGE_SIZE_DEFAULT};
use ticker_domain::permission::{Permission, StockView};

use self::view::{HistoryPage, MovementRow, Undone};
use super::display::{change, moment, number};
use super::inventory::view::Pages;
use super::item::head;
use super::layout::{Layout, Section, UndoForm};
use super::{left_toast, page};
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::flash::{Flash, LeftUndo};
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
    let return_to = match (params.after.as_str(), params.before.as_str()) {
        ("", "") => format!("/items/{id}/history"),
        (after, "") => format!("/items/{id}/history?after={after}"),
        (_, before) => format!("/items/{id}/history?before={before}"),
    };
    let sheet = Sheet {
        item: &found.item,
        user: by.user(),
        now: web.clock.now(),
        return_to: &return_to,
        in_place: false,
    };
    let rows = &history.rows;
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let noun = if count == 1 { "movement" } else { "movements" };
    let template = HistoryPage {
        layout: Layout::of(by.user(), Section::Inventory)
            .over_locations(found.levels.len())
            .with(left_toast(&flash)),
        head: head(&found.item, by.user(), "history"),
        movements: rows.iter().map(|row| sheet.movement(row)).collect(),
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

/// Where movements are shown, and to whom.
pub(crate) struct Sheet<'a> {
    pub(crate) item: &'a Item,
    pub(crate) user: &'a SignedIn,
    pub(crate) now: Timestamp,
    /// The local path that taking one back comes back to.
    pub(crate) return_to: &'a str,
    /// Whether script takes them back without leaving the page.
    pub(crate) in_place: bool,
}

impl Sheet<'_> {
    /// A movement as it is shown.
    pub(crate) fn movement(&self, row: &Movement) -> MovementRow {
        let at = |movement: MovementId| {
            let after = movement.0.saturating_add(1);
            let item = self.item.id;
            format!("/items/{item}/history?after={after}#movement-{movement}")
        };
        let when = moment(row.at, self.now);
        let change = change(row.delta);
        MovementRow {
            id: row.id.0,
            undo_label: format!("Undo {change} of {}", when.text),
            when,
            who: row.actor_name.clone(),
            direction: match row.delta {
                0 => "none",
                1.. => "in",
                _ => "out",
            },
            change,
            balance: number(row.after),
            location: row.location_name.clone(),
            reason: reason(row),
            undoes: row.undoes.map(at),
            undone_by: row.undone_by.as_ref().map(|(by, movement)| Undone {
                by: by.actor_name.clone(),
                href: at(*movement),
            }),
            source: row.source.label(),
            note: row.note.clone().unwrap_or_default(),
            undo: self.may_undo(row).then(|| self.undo(row)),
            in_place: self.in_place,
        }
    }

    /// One's own can be taken back by anybody who adjusts, once; others' by who may take back any.
    fn may_undo(&self, row: &Movement) -> bool {
        let role = self.user.role;
        let is_own = row.actor == self.user.id && role.may(Permission::StockAdjust);
        let is_open = self.item.archived_at.is_none() && row.undone_by.is_none() && row.delta != 0;
        is_open && (is_own || role.may(Permission::StockUndoAny))
    }

    fn undo(&self, row: &Movement) -> UndoForm {
        let undo = LeftUndo {
            posting: row.posting,
            item: self.item.id,
            view_location: String::new(),
            return_to: self.return_to.to_owned(),
        };
        undo.form()
    }
}

/// Why, or what it is where that says more.
fn reason(row: &Movement) -> String {
    match (row.kind, &row.other_end) {
        (Kind::Change, _) => row.reason.label().to_owned(),
        (Kind::Transfer, Some(other)) if row.delta < 0 => format!("Transferred to {other}"),
        (Kind::Transfer, Some(other)) => format!("Transferred from {other}"),
        (kind, _) => kind.label().unwrap_or(row.reason.label()).to_owned(),
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
