//! An item's history: every movement, the newest first.

pub(crate) mod export;
mod params;
pub(crate) mod view;

use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use ticker_app::item::{HistorySearch, Item, ItemView, MovementRow as Movement};
use ticker_auth::SignedIn;
use ticker_domain::history::What;
use ticker_domain::id::{ItemId, MovementId, UserId};
use ticker_domain::ledger::Kind;
use ticker_domain::page::{Edge, PAGE_SIZE_DEFAULT};
use ticker_domain::permission::{Permission, StockView};

use self::params::Params;
use self::view::{Filters, HistoryPage, MomentField, MovementRow, OfBulk, Pick, Stopped, Undone};
use super::bulk::address as bulk_address;
use super::display::{change, moment, number};
use super::fields::Choice;
use super::inventory::view::Pages;
use super::item::head;
use super::item::view::ItemHead;
use super::layout::{Layout, Section, UndoForm};
use super::{left_toast, live_cursor, page};
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::flash::{Flash, LeftUndo};
use crate::path::Id;
use crate::query::Query;
use crate::state::Web;

/// Shows a page of an item's movements.
pub(crate) async fn list(
    State(web): State<Web>,
    May(by): May<StockView>,
    flash: Flash,
    Id(id): Id<ItemId>,
    Query(params): Query<Params>,
) -> PageResult {
    let (edge, filter) = (params.edge()?, params.filter()?);
    let cursor = live_cursor(&web, &by).await;
    let found = web
        .app
        .show_item(&by, id)
        .await?
        .ok_or(HttpError::NotFound)?;
    let HistorySearch {
        page: history,
        stop,
    } = web
        .app
        .search_history(&by, id, &filter, &edge, PAGE_SIZE_DEFAULT)
        .await?;
    let people = web.app.item_people(&by, id, filter.actor).await?;
    let path = format!("/items/{id}/history");
    let at = |name: &str, id: MovementId| params.address(&path, &[(name, &id)]);
    let return_to = params.address(
        &path,
        &[("after", &params.after), ("before", &params.before)],
    );
    let now = web.clock.now();
    let sheet = Sheet {
        item: &found.item,
        user: by.user(),
        now,
        return_to: &return_to,
        in_place: false,
    };
    let rows = &history.rows;
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let noun = if count == 1 { "movement" } else { "movements" };
    let stopped = stop.map(|stop| {
        let name = if matches!(edge, Edge::Before(_)) {
            "before"
        } else {
            "after"
        };
        Stopped {
            at: moment(stop.at, now),
            href: at(name, stop.id),
        }
    });
    let template = HistoryPage {
        layout: Layout::of(by.user(), Section::Inventory)
            .over_locations(found.levels.len())
            .with(left_toast(&flash))
            .live(cursor),
        newest_href: params.address(&path, &[]),
        stock_version: found.stock_version,
        head: ItemHead {
            export_href: params.address("/history.csv", &[("item", &id)]),
            ..head(&found.item, by.user(), "history")
        },
        filters: filters(&params, &found, people),
        clear_href: (!filter.is_open()).then(|| path.clone()),
        movements: rows.iter().map(|row| sheet.movement(row)).collect(),
        stopped,
        pages: Pages {
            summary: format!("{} {noun}", number(count)),
            newer: rows
                .first()
                .filter(|_| history.has_before)
                .map(|row| at("before", row.id)),
            older: rows
                .last()
                .filter(|_| history.has_after)
                .map(|row| at("after", row.id)),
        },
    };
    page(StatusCode::OK, &template)
}

fn filters(params: &Params, found: &ItemView, people: Vec<(UserId, String)>) -> Filters {
    let any = |label: &str| std::iter::once(Choice::new("", label));
    let people = people.into_iter().map(|(id, name)| Choice::new(id, name));
    let places = found
        .levels
        .iter()
        .map(|level| Choice::new(level.location, level.location_name.clone()));
    let whats = What::all().map(|what| Choice::new(what.as_str(), what.label()));
    let flows = [Choice::new("in", "In"), Choice::new("out", "Out")];
    let pick = |name, label, value: &str, choices: Vec<Choice>| Pick {
        name,
        label,
        value: value.to_owned(),
        choices,
    };
    let mut picks = vec![
        pick(
            "who",
            "Who",
            &params.who,
            any("Anybody").chain(people).collect(),
        ),
        pick(
            "what",
            "Reason",
            &params.what,
            any("Any reason").chain(whats).collect(),
        ),
        pick(
            "direction",
            "Direction",
            &params.direction,
            any("In and out").chain(flows).collect(),
        ),
    ];
    if found.levels.len() > 1 || !params.location.is_empty() {
        let places = any("All locations").chain(places).collect();
        picks.insert(1, pick("location", "Location", &params.location, places));
    }
    Filters {
        picks,
        from: MomentField {
            value: params.from.clone(),
        },
        to: MomentField {
            value: params.to.clone(),
        },
    }
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
            bulk: row.bulk.map(|bulk| OfBulk {
                href: self
                    .user
                    .role
                    .may(Permission::BulkApply)
                    .then(|| bulk_address(bulk)),
            }),
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

    /// One's own can be taken back by anybody who adjusts, once; others' by who may take back any. What moved
    /// other items, too, is not taken back from here, where nobody sees them.
    fn may_undo(&self, row: &Movement) -> bool {
        let role = self.user.role;
        let is_own = row.actor == self.user.id && role.may(Permission::StockAdjust);
        let is_open = self.item.archived_at.is_none() && row.undone_by.is_none() && row.delta != 0;
        is_open && !row.spans_items && (is_own || role.may(Permission::StockUndoAny))
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
