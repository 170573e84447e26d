//! Changing a quantity: the presses of − and +, and the form for any amount.

mod input;
mod json;
mod show;
pub(crate) mod view;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use ticker_app::item::{ItemView, LevelRow};
use ticker_app::stock::{AdjustStockError, Adjusted};
use ticker_auth::Grant;
use ticker_domain::id::{ItemId, LocationId};
use ticker_domain::ledger::Refusal;
use ticker_domain::page::Edge;
use ticker_domain::permission::{StockAdjust, StockView};

use self::input::Input;
pub(super) use self::show::{refusal, status_of};
use super::changed::{Place, read_location, target};
use super::display::{change, number};
use super::layout::{Layout, Section, Toast};
use super::{left_toast, page, see_other, see_other_with};
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::flash::Flash;
use crate::form::Form;
use crate::next::LocalPath;
use crate::path::Id;
use crate::query::Query;
use crate::request::Wants;
use crate::state::Web;

/// What the form's address says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    location: String,
    mode: String,
    view_location: String,
    return_to: String,
}

/// Shows the form.
pub(crate) async fn show(
    State(web): State<Web>,
    May(by): May<StockAdjust>,
    flash: Flash,
    Id(id): Id<ItemId>,
    Query(params): Query<Params>,
) -> PageResult {
    let found = find(&web, &by, id).await?;
    if found.item.archived_at.is_some() {
        return Ok(see_other(&format!("/items/{id}")));
    }
    let location = read_location(&params.location)?.unwrap_or(found.item.home_location);
    let level = level_at(&found, location)?;
    let input = Input {
        mode: params.mode,
        view_location: params.view_location,
        return_to: params.return_to,
        ..Input::default()
    };
    let layout = Layout::of(by.user(), Section::Inventory).with(left_toast(&flash));
    page(StatusCode::OK, &show::form(layout, &found, level, input))
}

/// Adjusts. A program is answered in JSON, a press that script sent with what it changes on the page,
/// and everything else with the page to go on with, or with the form if it was not accepted.
///
/// A press is posted as it stands, and nothing is read before: whoever is served by JSON alone waits
/// for the ledger only.
pub(crate) async fn adjust(
    State(web): State<Web>,
    May(by): May<StockAdjust>,
    wants: Wants,
    headers: HeaderMap,
    flash: Flash,
    Id(id): Id<ItemId>,
    Form(input): Form<Input>,
) -> PageResult {
    let location = match read_location(&input.location)? {
        Some(location) => location,
        None => find(&web, &by, id).await?.item.home_location,
    };
    let asked = match input.read(id, location) {
        Ok(asked) => asked,
        Err(refused) if wants == Wants::Json => return Err(refused.problems.for_programs()),
        Err(refused) => {
            let found = find(&web, &by, id).await?;
            let level = level_at(&found, location)?;
            let layout = Layout::of(by.user(), Section::Inventory);
            let form = show::form_with_problems(layout, &found, level, input, *refused);
            return page(StatusCode::UNPROCESSABLE_ENTITY, &form);
        }
    };
    let adjusted = web.app.adjust_stock(&by, asked).await;
    if wants == Wants::Json {
        return json::answer(adjusted);
    }
    if let Err(AdjustStockError::Failure(failure)) = adjusted {
        return Err(failure.into());
    }
    let found = find(&web, &by, id).await?;
    let level = level_at(&found, location)?;
    let place = Place {
        web: &web,
        user: by.user(),
        item: id,
        target: target(&headers),
        view_location: &input.view_location,
        return_to: &input.return_to,
    };
    match adjusted {
        Ok(adjusted) => {
            let done = describe(&found, level, &adjusted);
            if wants == Wants::Fragment {
                let toast = undoable(&place, done, &adjusted);
                place.fragment(StatusCode::OK, toast).await
            } else if adjusted.movement.delta == 0 {
                let return_to = LocalPath::parse(&input.return_to);
                Ok(see_other_with(return_to.as_str(), &flash, &done))
            } else {
                Ok(place.see_other(&flash, &done, adjusted.posting))
            }
        }
        Err(error) => {
            let taker = last_taker(&web, &by, id, level).await?;
            let words = show::refusal(&error, &found, level, taker.as_deref());
            let status = show::status_of(&error);
            if wants == Wants::Fragment && input.is_press() {
                return place.fragment(status, Toast::refused(words)).await;
            }
            let layout = Layout::of(by.user(), Section::Inventory);
            page(
                status,
                &show::form_refused(layout, &found, level, input, &error, words),
            )
        }
    }
}

/// A message that it is done; a count that changed nothing cannot be taken back.
fn undoable(place: &Place<'_>, done: String, adjusted: &Adjusted) -> Toast {
    match adjusted.movement.delta {
        0 => Toast::done(done),
        _ => place.done(done, adjusted.posting),
    }
}

/// Why a change of an item at a location was refused, in a sentence for whoever asked for it.
pub(crate) async fn explain(
    web: &Web,
    by: &Grant<StockAdjust>,
    item: ItemId,
    location: LocationId,
    error: &AdjustStockError,
) -> Result<String, HttpError> {
    if let AdjustStockError::Refused(Refusal::UnknownLocation { .. }) = error {
        // What is archived has no level to speak of.
        return Ok("That location is not in use any more.".to_owned());
    }
    let found = find(web, by, item).await?;
    let level = level_at(&found, location)?;
    let taker = last_taker(web, by, item, level).await?;
    Ok(show::refusal(error, &found, level, taker.as_deref()))
}

pub(super) async fn find(
    web: &Web,
    by: &Grant<StockAdjust>,
    id: ItemId,
) -> Result<ItemView, HttpError> {
    let view = by.user().grant::<StockView>()?;
    web.app
        .show_item(&view, id)
        .await?
        .ok_or(HttpError::NotFound)
}

pub(super) fn level_at(found: &ItemView, location: LocationId) -> Result<&LevelRow, HttpError> {
    let level = found.levels.iter().find(|level| level.location == location);
    level.ok_or_else(|| HttpError::bad_request("There is no such location."))
}

/// How many movements are looked through for who emptied a shelf.
const TAKERS_LOOKED_FOR: u16 = 10;
/// How long ago somebody else's change explains why there is less than was seen, in minutes.
const JUST_NOW_MINUTES: i64 = 10;

/// Who else took from a level just now, in words: `Ana took 3 just now`.
pub(super) async fn last_taker(
    web: &Web,
    by: &Grant<StockAdjust>,
    item: ItemId,
    level: &LevelRow,
) -> Result<Option<String>, HttpError> {
    let view = by.user().grant::<StockView>()?;
    let edge = Edge::First;
    let latest = web
        .app
        .item_history(&view, item, &edge, TAKERS_LOOKED_FOR)
        .await?;
    let now = web.clock.now();
    let taken = latest
        .rows
        .iter()
        .find(|row| row.location == level.location && row.delta < 0);
    Ok(taken
        .filter(|row| row.actor != by.user().id)
        .and_then(|row| {
            let minutes = now.duration_since(row.at).as_mins();
            let when = match minutes {
                ..1 => "just now".to_owned(),
                1..JUST_NOW_MINUTES => format!("({minutes} min ago)"),
                _ => return None,
            };
            Some(format!(
                "{} took {} {when}",
                row.actor_name,
                number(-row.delta)
            ))
        }))
}

/// What happened, in a line: `−1 AA batteries → 41 at Shop floor`.
fn describe(found: &ItemView, level: &LevelRow, adjusted: &Adjusted) -> String {
    let movement = adjusted.movement;
    let place = if found.levels.len() > 1 {
        format!(" at {}", level.location_name)
    } else {
        String::new()
    };
    let (name, after) = (&found.item.name, number(movement.after));
    match movement.delta {
        0 => format!("Counted {name}: {after}{place}, as expected"),
        delta => format!("{} {name} → {after}{place}", change(delta)),
    }
}
