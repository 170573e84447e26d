//! `GET /live`: what moves, as server-sent events (HTML Living Standard, section 9.2).
//!
//! - `stock`: an item moved; its data say how it stands now and what its status was, who did it and when, and
//!   its version. A screen takes it only if that is greater than the one it shows.
//! - `item`: an item changed in another way, such as its name; what shows it must be fetched again.
//! - `resync`: more was missed than is told; whatever is visible must be fetched again.
//! - `ended`: the session is over, and coming back makes no sense.
//!
//! An event's `id` is where to go on from: browsers send it back as `Last-Event-ID`. A page that was read
//! a moment ago begins with `?after=` and the position in its `data-live`. Events that were read together
//! are sent together, and only the last of them bears the id: whoever is cut off between them gets all of
//! them again.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::future::ready;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ticker_app::live::{Batch, Bytes, ItemMoved, LiveStream, Over, Position, Told};
use ticker_domain::permission::StockView;
use ticker_domain::stock::StockStatus;
use tokio::time::timeout;

use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::query::Query;
use crate::sessions::Admitted;
use crate::state::Web;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Asks nginx, and proxies that learned it from there, to pass events on as they come.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// When nothing moves for so long, a comment shows that the connection lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Begins a stream: how long to wait, in milliseconds, before coming back when it breaks off.
const OPENING: &[u8] = b": live\nretry: 1000\n\n";
/// Ends a stream that made room for a newer one of the same person: it comes back, but not at once, or the two
/// would drive each other out in turn.
const REPLACED: &[u8] = b"retry: 30000\n\n";
/// Ends a stream of a process that ends: another one is there already.
const STOPPING: &[u8] = b"retry: 250\n\n";
const BEAT: &[u8] = b":\n\n";

/// Where a stream is to begin.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    after: String,
}

/// Tells what moves for as long as the browser stays.
pub(crate) async fn follow(
    State(web): State<Web>,
    May(by): May<StockView>,
    Admitted(session): Admitted,
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> PageResult {
    let after = begins_after(&params, &headers)?;
    let live = web.app.open_stream(&by, session, after)?;
    Ok(answer(live))
}

/// The id of the last event, which a browser that comes back sends, is newer than the address.
fn begins_after(params: &Params, headers: &HeaderMap) -> Result<Option<Position>, HttpError> {
    let (text, name) = match headers.get(LAST_EVENT_ID) {
        Some(id) if !id.is_empty() => (id.to_str().unwrap_or("?"), "header “Last-Event-ID”"),
        _ => (params.after.as_str(), "parameter “after”"),
    };
    if text.is_empty() {
        return Ok(None);
    }
    let bad = |_| {
        HttpError::bad_request(format!(
            "The {name} must be the id of an event, or left out."
        ))
    };
    text.parse().map(Some).map_err(bad)
}

fn answer(live: LiveStream) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        (X_ACCEL_BUFFERING, "no"),
    ];
    let opening = ready(Ok::<_, Infallible>(Bytes::from_static(OPENING)));
    let events = stream::unfold(live, async |mut live| {
        let text = next_words(live.next()).await?;
        Some((Ok(text), live))
    });
    let events = stream::once(opening).chain(events);
    (headers, Body::from_stream(events)).into_response()
}

/// What is told next, or a sign of life when nothing is.
async fn next_words(next: impl Future<Output = Option<Told>>) -> Option<Bytes> {
    match timeout(HEARTBEAT, next).await {
        Ok(told) => told.as_ref().map(words),
        Err(_) => Some(Bytes::from_static(BEAT)),
    }
}

fn words(told: &Told) -> Bytes {
    match told {
        Told::Batch(batch) => batch.text(events),
        Told::Resync(position) => format!("event: resync\nid: {position}\ndata: {{}}\n\n").into(),
        Told::Over(Over::SessionEnded) => Bytes::from_static(b"event: ended\ndata: {}\n\n"),
        Told::Over(Over::Replaced) => Bytes::from_static(REPLACED),
        Told::Over(Over::Stopping) => Bytes::from_static(STOPPING),
    }
}

fn events(batch: &Batch) -> Bytes {
    let mut text = String::new();
    for item in batch.moved() {
        push_event(&mut text, "stock", &StockEvent::of(item));
    }
    for item in batch.changed() {
        push_event(&mut text, "item", &ItemEvent { item: item.0 });
    }
    // On a line of the last event, before the empty one that ends it. Writing into a String cannot fail.
    text.pop();
    let _ = write!(text, "id: {}\n\n", batch.position());
    text.into()
}

fn push_event(text: &mut String, name: &str, data: &impl Serialize) {
    // A struct of texts and numbers is always JSON, and JSON escapes line ends.
    let data = serde_json::to_string(data).unwrap_or_default();
    let _ = write!(text, "event: {name}\ndata: {data}\n\n");
}

/// The data of `item`.
#[derive(Serialize)]
struct ItemEvent {
    item: i64,
}

/// The data of `stock`.
#[derive(Serialize)]
struct StockEvent<'a> {
    item: i64,
    version: i64,
    on_hand: i64,
    status: StockStatus,
    /// What the status was before.
    was: StockStatus,
    levels: Vec<LevelEvent>,
    delta: i64,
    by: Person<'a>,
    others: i64,
    posting: i64,
    at: Timestamp,
}

#[derive(Serialize)]
struct LevelEvent {
    location: i64,
    on_hand: i64,
    delta: i64,
}

#[derive(Serialize)]
struct Person<'a> {
    id: i64,
    name: &'a str,
}

impl<'a> StockEvent<'a> {
    fn of(item: &'a ItemMoved) -> Self {
        let levels = item.levels.iter().map(|level| LevelEvent {
            location: level.location.0,
            on_hand: level.on_hand,
            delta: level.delta,
        });
        Self {
            item: item.item.0,
            version: item.version,
            on_hand: item.on_hand,
            status: item.status,
            was: item.status_before(),
            levels: levels.collect(),
            delta: item.delta,
            by: Person {
                id: item.by.0,
                name: &item.by_name,
            },
            others: item.others,
            posting: item.posting.0,
            at: item.at,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_on_which_nothing_is_told_shows_that_it_lives() {
        let begun = Instant::now();
        let words = next_words(pending()).await.unwrap();
        assert_eq!(words, ":\n\n");
        assert_eq!(begun.elapsed(), HEARTBEAT);
    }
}
