//! Answers to programs.

use axum::Json;
use axum::response::IntoResponse as _;
use serde::Serialize;
use ticker_app::stock::{Posted, UndoPostingError};
use ticker_domain::id::{ItemId, LocationId, PostingId};

use crate::error::PageResult;

/// What took a posting back, now or since its key first came.
#[derive(Serialize)]
struct Undone {
    posting: PostingId,
    /// The posting that it took back.
    undoes: PostingId,
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

/// What became of it.
pub(super) fn answer(undoes: PostingId, undone: Result<Posted, UndoPostingError>) -> PageResult {
    let undone = undone?;
    let moved = undone.movements.iter().map(|movement| Moved {
        item: movement.level.item,
        location: movement.level.location,
        delta: movement.delta,
        on_hand: movement.after,
        version: movement.number,
    });
    let undone = Undone {
        posting: undone.posting,
        undoes,
        movements: moved.collect(),
        replayed: undone.replayed,
    };
    Ok(Json(undone).into_response())
}
