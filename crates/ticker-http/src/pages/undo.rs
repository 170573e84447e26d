//! Taking a posting back.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use ticker_app::ErrorKind;
use ticker_app::item::ItemView;
use ticker_app::stock::{
    AdjustStockError, Posted, PostingRow, UndoPosting, UndoPostingError, UndoneBy,
};
use ticker_domain::id::{ItemId, LocationId, PostingId};
use ticker_domain::ledger::{Refusal, Source};
use ticker_domain::permission::{StockAdjust, StockView};

use super::changed::{Place, json, target};
use super::display::{change, moment, number};
use super::layout::Toast;
use super::{KEY_LOST, KEY_REUSED};
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::flash::Flash;
use crate::form::Form;
use crate::path::Id;
use crate::request::Wants;
use crate::state::Web;

/// What the form sends.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Input {
    key: String,
    view_location: String,
    return_to: String,
}

/// Takes a posting back. A program is answered in JSON, script with what it changes on the page, and
/// everything else with the page that the form stood on, which says what became of it.
pub(crate) async fn undo(
    State(web): State<Web>,
    May(by): May<StockAdjust>,
    wants: Wants,
    headers: HeaderMap,
    flash: Flash,
    Id(posting): Id<PostingId>,
    Form(input): Form<Input>,
) -> PageResult {
    let key = input.key.parse();
    let key = key.map_err(|_| HttpError::Unprocessable(KEY_LOST.to_owned()))?;
    let source = Source::Page;
    let asked = UndoPosting {
        key,
        posting,
        source,
    };
    let undone = web.app.undo_posting(&by, asked).await;
    if wants == Wants::Json {
        return Ok(json::answer(&undone?, Some(posting)));
    }
    let view = by.user().grant::<StockView>()?;
    let row = web.app.posting(&view, posting).await?;
    let row = row.ok_or(HttpError::NotFound)?;
    // What changed several items is not taken back, and answered below without any of them.
    let changed = row.posted.deltas.first().map(|(level, _)| level.item);
    let item = changed.ok_or(HttpError::NotFound)?;
    let found = web.app.show_item(&view, item).await?;
    let found = found.ok_or(HttpError::NotFound)?;
    let place = Place {
        web: &web,
        user: by.user(),
        item,
        target: target(&headers),
        view_location: &input.view_location,
        return_to: &input.return_to,
    };
    match undone {
        Ok(undone) => {
            let done = describe(&found, &undone);
            if wants == Wants::Fragment {
                let toast = place.done(done, undone.posting);
                place.fragment(StatusCode::OK, toast).await
            } else {
                Ok(place.see_other(&flash, &done, undone.posting))
            }
        }
        Err(UndoPostingError::Post(error)) => {
            let status = match error.kind() {
                ErrorKind::Conflict => StatusCode::CONFLICT,
                ErrorKind::Invalid | ErrorKind::NotFound => StatusCode::UNPROCESSABLE_ENTITY,
                _ => return Err(error.into()),
            };
            let why = refusal(&web, &found, &row, &error);
            if wants == Wants::Fragment {
                place.fragment(status, Toast::refused(why)).await
            } else {
                Ok(place.see_other_refused(&flash, &why))
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// What happened, in a line: `Undone: +1 AA batteries → 42 at Shop floor`.
fn describe(found: &ItemView, undone: &Posted) -> String {
    let name = &found.item.name;
    let of_item = |item: ItemId| item == found.item.id;
    let here = undone.movements.iter().find(|one| of_item(one.level.item));
    let Some(moved) = here else {
        return "Undone".to_owned();
    };
    let place = match place_name(found, moved.level.location) {
        Some(place) if found.levels.len() > 1 => format!(" at {place}"),
        _ => String::new(),
    };
    let more = match undone.movements.len() {
        0 | 1 => String::new(),
        2 => ", and 1 more".to_owned(),
        lines => format!(", and {} more", lines - 1),
    };
    format!(
        "Undone: {} {name} → {}{place}{more}",
        change(moved.delta),
        number(moved.after)
    )
}

/// Why it was not taken back, in a sentence.
fn refusal(web: &Web, found: &ItemView, row: &PostingRow, error: &AdjustStockError) -> String {
    let AdjustStockError::Refused(refused) = error else {
        return KEY_REUSED.to_owned();
    };
    match refused {
        Refusal::AlreadyUndone { .. } => match &row.undone_by {
            Some(UndoneBy { actor_name, at, .. }) => {
                let at = moment(*at, web.clock.now()).text;
                format!("{actor_name} undid this already ({at}).")
            }
            None => "This was undone already.".to_owned(),
        },
        Refusal::ShortOfStock {
            item,
            location,
            on_hand,
        } => {
            let back = row
                .posted
                .deltas
                .iter()
                .filter(|(level, _)| level.item == *item && level.location == *location);
            let wanted = number(back.map(|(_, delta)| delta).sum());
            let place = place_name(found, *location).unwrap_or("that location");
            match on_hand {
                0 => {
                    format!("Cannot undo: none are left at {place}, and {wanted} would have to go.")
                }
                _ => format!(
                    "Cannot undo: only {} left at {place}, and {wanted} would have to go.",
                    number(*on_hand)
                ),
            }
        }
        Refusal::ItemArchived { .. } => format!(
            "Cannot undo: {} is archived, and nothing moves it until it is restored.",
            found.item.name
        ),
        Refusal::UnknownLocation { location } => match place_name(found, *location) {
            Some(place) => format!("Cannot undo: {place} is not in use any more."),
            None => "Cannot undo: its location is not in use any more.".to_owned(),
        },
        refused => format!("Cannot undo: {refused}."),
    }
}

fn place_name(found: &ItemView, location: LocationId) -> Option<&str> {
    let level = found.levels.iter().find(|level| level.location == location);
    level.map(|level| level.location_name.as_str())
}
