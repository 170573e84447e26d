//! `GET /live`: what moves, as server-sent events (HTML Living Standard, section 9.2).
//!
//! - `stock`: an item moved; its data say how it stands now, who did it, and its version. A screen takes
//!   it only if that is greater than the one it shows.
//! - `resync`: more was missed than is told; whatever is visible must be fetched again.
//!
//! An event's `id` is where to go on from: browsers send it back as `Last-Event-ID`. A page that was read
//! a moment ago begins with `?after=` and the position in its `data-live`. Events that were read together
//! are sent together, and only the last of them bears the id: whoever is cut off between them gets all of
//! them again.

use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};
use ticker_app::live::{Batch, Bytes, ItemMoved, LiveStream, Position, Told};
use ticker_domain::permission::StockView;
use ticker_domain::stock::StockStatus;
use tokio::time::timeout;

use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::query::Query;
use crate::state::Web;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Asks nginx, and proxies that learned it from there, to pass events on as they come.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// When nothing moves for so long, a comment shows that the connection lives.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Begins a stream: how long to wait, in milliseconds, before coming back when it breaks off.
const OPENING: &[u8] = b": live\nretry: 1000\n\n";
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
    Query(params): Query<Params>,
    headers: HeaderMap,
) -> PageResult {
    let after = begins_after(&params, &headers)?;
    Ok(answer(web.app.open_stream(&by, after)))
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
    let events = stream::unfold((live, true), async |(mut live, is_first)| {
        if is_first {
            return Some((
                Ok::<_, HttpError>(Bytes::from_static(OPENING)),
                (live, false),
            ));
        }
        let text = match timeout(HEARTBEAT, live.next()).await {
            Ok(told) => words(&told?),
            Err(_) => Bytes::from_static(BEAT),
        };
        Some((Ok(text), (live, false)))
    });
    (headers, Body::from_stream(events)).into_response()
}

fn words(told: &Told) -> Bytes {
    match told {
        Told::Batch(batch) => batch.text(events),
        Told::Resync(position) => format!("event: resync\nid: {position}\ndata: {{}}\n\n").into(),
    }
}

fn events(batch: &Batch) -> Bytes {
    let (items, mut text) = (batch.items(), String::new());
    for (item, place) in items.iter().zip(1..) {
        text.push_str("event: stock\n");
        if place == items.len() {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "id: {}", batch.position());
        }
        // A struct of texts and numbers is always JSON, and JSON escapes line ends.
        let data = serde_json::to_string(&StockEvent::of(item)).unwrap_or_default();
        let _ = write!(text, "data: {data}\n\n");
    }
    text.into()
}

/// The data of `stock`.
#[derive(Serialize)]
struct StockEvent<'a> {
    item: i64,
    version: i64,
    on_hand: i64,
    status: StockStatus,
    levels: Vec<LevelEvent>,
    delta: i64,
    by: Person<'a>,
    others: i64,
    posting: i64,
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
            levels: levels.collect(),
            delta: item.delta,
            by: Person {
                id: item.by.0,
                name: &item.by_name,
            },
            others: item.others,
            posting: item.posting.0,
        }
    }
}
