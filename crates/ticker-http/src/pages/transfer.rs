//! Moving goods from one location to another.

mod input;
pub(crate) mod view;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde::Deserialize;
use ticker_app::item::{ItemView, LevelRow};
use ticker_app::stock::{AdjustStockError, Posted};
use ticker_domain::id::{ItemId, LocationId};
use ticker_domain::ledger::Refusal;
use ticker_domain::permission::StockAdjust;

use self::input::{Input, Refused};
use self::view::{TransferForm, TransferPage};
use super::adjust::{find, last_taker, level_at, refusal, status_of};
use super::changed::{Place, json, read_location, target};
use super::display::number;
use super::fields::{Choice, Field};
use super::inventory::address::encode;
use super::layout::{Layout, Section};
use super::{left_toast, new_key, page, see_other};
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
    from: String,
    view_location: String,
    return_to: String,
}

/// Where goods of an item can be moved from a location.
pub(crate) fn transfer_href(item: ItemId, from: LocationId, return_to: &str) -> String {
    let mut address = format!("/items/{item}/transfer?from={from}&return_to=");
    encode(&mut address, return_to);
    address
}

/// Shows the form, filled in with the location that has something to give and the first other one.
pub(crate) async fn show(
    State(web): State<Web>,
    May(by): May<StockAdjust>,
    flash: Flash,
    Id(id): Id<ItemId>,
    Query(params): Query<Params>,
) -> PageResult {
    let found = find(&web, &by, id).await?;
    if found.item.archived_at.is_some() || found.levels.len() < 2 {
        return Ok(see_other(&format!("/items/{id}")));
    }
    let from = match read_location(&params.from)? {
        Some(from) => level_at(&found, from)?,
        None => giver(&found)?,
    };
    let to = taker(&found, from);
    let input = Input {
        from: from.location.to_string(),
        to: to.map(|to| to.location.to_string()).unwrap_or_default(),
        view_location: params.view_location,
        return_to: params.return_to,
        ..Input::default()
    };
    let layout = Layout::of(by.user(), Section::Inventory).with(left_toast(&flash));
    let refused = Refused::of(&input);
    page(StatusCode::OK, &form(layout, &found, &input, refused))
}

/// The home location if anything is there, else the fullest.
fn giver(found: &ItemView) -> Result<&LevelRow, HttpError> {
    let is_home = |level: &LevelRow| level.location == found.item.home_location;
    let best = found
        .levels
        .iter()
        .max_by_key(|level| (is_home(level) && level.on_hand > 0, level.on_hand));
    best.ok_or(HttpError::NotFound)
}

/// The home location, unless the goods come from there.
fn taker<'a>(found: &'a ItemView, from: &LevelRow) -> Option<&'a LevelRow> {
    let mut others = found
        .levels
        .iter()
        .filter(|level| level.location != from.location);
    let home = others
        .clone()
        .find(|level| level.location == found.item.home_location);
    home.or_else(|| others.next())
}

/// Transfers. It is answered as an adjustment is.
pub(crate) async fn transfer(
    State(web): State<Web>,
    May(by): May<StockAdjust>,
    wants: Wants,
    headers: HeaderMap,
    flash: Flash,
    Id(id): Id<ItemId>,
    Form(input): Form<Input>,
) -> PageResult {
    let asked = match input.read(id) {
        Ok(asked) => asked,
        Err(refused) if wants == Wants::Json => return Err(refused.problems.for_programs()),
        Err(refused) => {
            let found = find(&web, &by, id).await?;
            let layout = Layout::of(by.user(), Section::Inventory);
            let form = form(layout, &found, &input, *refused);
            return page(StatusCode::UNPROCESSABLE_ENTITY, &form);
        }
    };
    let transferred = web.app.transfer_stock(&by, asked).await;
    if wants == Wants::Json {
        return Ok(json::answer(&transferred?, None));
    }
    if let Err(AdjustStockError::Failure(failure)) = transferred {
        return Err(failure.into());
    }
    let found = find(&web, &by, id).await?;
    let place = Place {
        web: &web,
        user: by.user(),
        item: id,
        target: target(&headers),
        view_location: &input.view_location,
        return_to: &input.return_to,
    };
    match transferred {
        Ok(transferred) => {
            let done = describe(&found, &transferred);
            if wants == Wants::Fragment {
                let toast = place.done(done, transferred.posting);
                place.fragment(StatusCode::OK, toast).await
            } else {
                Ok(place.see_other(&flash, &done, transferred.posting))
            }
        }
        Err(error) => {
            let at = concerned(&error)
                .or_else(|| input.from.parse().ok())
                .ok_or(HttpError::NotFound)?;
            let level = level_at(&found, at)?;
            let taker = last_taker(&web, &by, id, level).await?;
            let words = refusal(&error, &found, level, taker.as_deref());
            let mut refused = Refused::of(&input);
            refused.problems.add(words);
            let layout = Layout::of(by.user(), Section::Inventory);
            page(status_of(&error), &form(layout, &found, &input, refused))
        }
    }
}

/// The location that a refusal is about.
fn concerned(error: &AdjustStockError) -> Option<LocationId> {
    match error {
        AdjustStockError::Refused(
            Refusal::ShortOfStock { location, .. } | Refusal::AboveMaximum { location, .. },
        ) => Some(*location),
        _ => None,
    }
}

/// What happened, in a line: `5 AA batteries: Shop floor 36 → Back room 9`.
fn describe(found: &ItemView, transferred: &Posted) -> String {
    let side = |place: usize| {
        let movement = transferred.movements.get(place)?;
        let level = level_at(found, movement.level.location).ok()?;
        Some(format!(
            "{} {}",
            level.location_name,
            number(movement.after)
        ))
    };
    let moved = transferred.movements.last().map_or(0, |moved| moved.delta);
    let name = &found.item.name;
    match (side(0), side(1)) {
        (Some(from), Some(to)) => format!("{} {name}: {from} → {to}", number(moved)),
        _ => format!("{} {name} transferred", number(moved)),
    }
}

/// The form with what was typed and what is wrong with it, under a new key.
fn form(layout: Layout, found: &ItemView, input: &Input, refused: Refused) -> TransferPage {
    let place = |level: &LevelRow| {
        let label = format!("{} ({})", level.location_name, number(level.on_hand));
        Choice::new(level.location, label)
    };
    let Refused {
        to,
        quantity,
        note,
        problems,
    } = refused;
    let return_to = LocalPath::parse(&input.return_to);
    let transfer = TransferForm {
        id: found.item.id.0,
        name: found.item.name.clone(),
        unit: found.item.unit.clone(),
        key: new_key(),
        from: Field::new(&input.from),
        to,
        places: found.levels.iter().map(place).collect(),
        quantity,
        note,
        problems,
        view_location: input.view_location.clone(),
        return_to: return_to.as_str().to_owned(),
    };
    TransferPage { layout, transfer }
}
