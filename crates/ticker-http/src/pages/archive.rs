//! Taking an item out of use, and putting it back.

pub(crate) mod view;

use axum::extract::State;
use axum::http::StatusCode;
use ticker_app::item::{ArchiveItemError, ItemView};
use ticker_auth::Grant;
use ticker_domain::id::ItemId;
use ticker_domain::permission::{ItemArchive, StockView};

use self::view::ArchivePage;
use super::display::number;
use super::layout::{Layout, Section};
use super::{page, see_other, see_other_with};
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::flash::Flash;
use crate::path::Id;
use crate::state::Web;

/// Asks before an item is archived.
pub(crate) async fn confirm(
    State(web): State<Web>,
    May(by): May<ItemArchive>,
    Id(id): Id<ItemId>,
) -> PageResult {
    let found = find(&web, &by, id).await?;
    if found.item.archived_at.is_some() {
        return Ok(see_other(&format!("/items/{id}")));
    }
    let consequence = match found.item.total {
        0 => "It leaves the list, and nothing moves it any more.".to_owned(),
        total => format!(
            "Still on hand: {} {}. It leaves the list, and nothing moves it any more.",
            number(total),
            found.item.unit
        ),
    };
    let template = ArchivePage {
        layout: Layout::of(by.user(), Section::Inventory),
        id: id.0,
        name: found.item.name,
        consequence,
    };
    page(StatusCode::OK, &template)
}

/// Archives an item. Archiving it twice is archiving it.
pub(crate) async fn archive(
    State(web): State<Web>,
    May(by): May<ItemArchive>,
    flash: Flash,
    Id(id): Id<ItemId>,
) -> PageResult {
    let found = find(&web, &by, id).await?;
    answer(web.app.archive_item(&by, id).await)?;
    let done = format!("Archived {}", found.item.name);
    Ok(see_other_with(&format!("/items/{id}"), &flash, &done))
}

/// Puts an archived item back into use.
pub(crate) async fn restore(
    State(web): State<Web>,
    May(by): May<ItemArchive>,
    flash: Flash,
    Id(id): Id<ItemId>,
) -> PageResult {
    let found = find(&web, &by, id).await?;
    answer(web.app.restore_item(&by, id).await)?;
    let done = format!("Restored {}", found.item.name);
    Ok(see_other_with(&format!("/items/{id}"), &flash, &done))
}

async fn find(web: &Web, by: &Grant<ItemArchive>, id: ItemId) -> Result<ItemView, HttpError> {
    let view = by.user().grant::<StockView>()?;
    web.app
        .show_item(&view, id)
        .await?
        .ok_or(HttpError::NotFound)
}

fn answer(result: Result<(), ArchiveItemError>) -> Result<(), HttpError> {
    result.map_err(|error| match error {
        ArchiveItemError::NotFound => HttpError::NotFound,
        ArchiveItemError::Failure(failure) => failure.into(),
    })
}
