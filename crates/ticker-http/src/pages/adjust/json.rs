//! Answers to programs.

use axum::Json;
use axum::response::IntoResponse as _;
use serde::Serialize;
use ticker_app::stock::{AdjustStockError, Adjusted};
use ticker_domain::id::{ItemId, LocationId, PostingId};

use crate::error::PageResult;

/// A change that is in the ledger, now or since its key first came.
#[derive(Serialize)]
struct Posted {
    posting: PostingId,
    item: ItemId,
    location: LocationId,
    /// By how much, in the item's unit.
    delta: i64,
    /// On hand at the location afterwards.
    on_hand: i64,
    /// The level's version afterwards: its movements' number.
    version: i64,
    /// Whether it had happened before this request.
    replayed: bool,
}

/// What became of the change.
pub(super) fn answer(adjusted: Result<Adjusted, AdjustStockError>) -> PageResult {
    let Adjusted {
        posting,
        movement,
        replayed,
    } = adjusted?;
    let posted = Posted {
        posting,
        item: movement.level.item,
        location: movement.level.location,
        delta: movement.delta,
        on_hand: movement.after,
        version: movement.number,
        replayed,
    };
    Ok(Json(posted).into_response())
}
