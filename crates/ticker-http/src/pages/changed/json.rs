//! Answers to programs that posted several lines.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use ticker_domain::id::{ItemId, LocationId, PostingId};

/// A posting that is in the ledger, now or since its key first came.
#[derive(Serialize)]
struct Posted {
    posting: PostingId,
    /// The posting that it took back.
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<PostingId>,
    movements: Vec<Moved>,
    /// Whether it had happened before this request.
    replayed: bool,
}

/// One level that changed.
#[derive(Serialize)]
struct Moved {
    item: ItemId,
    location: LocationId,
    /// By how much, in the item's unit.
    delta: i64,
    /// On hand at the location afterwards.
    on_hand: i64,
    /// The level's version afterwards: its movements' number.
    version: i64,
}

/// What was posted, and what it took back.
pub(crate) fn answer(posted: &ticker_app::stock::Posted, undoes: Option<PostingId>) -> Response {
    let moved = posted.movements.iter().map(|movement| Moved {
        item: movement.level.item,
        location: movement.level.location,
        delta: movement.delta,
        on_hand: movement.after,
        version: movement.number,
    });
    let posted = Posted {
        posting: posted.posting,
        undoes,
        movements: moved.collect(),
        replayed: posted.replayed,
    };
    Json(posted).into_response()
}
