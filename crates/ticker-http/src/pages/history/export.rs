//! Movements as CSV (RFC 4180), streamed: however many there are, a chunk of them is in memory.
//!
//! A file that ends early must not look whole. When reading fails midway the body ends with an error, so
//! that the connection is cut instead of the transfer being completed, and the client can tell.

mod file;

use std::future::ready;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use jiff::Timestamp;
use ticker_app::Failure;
use ticker_app::history::{ExportFilter, HistoryExport};
use ticker_domain::id::ItemId;
use ticker_domain::permission::StockView;
use tracing::Span;

use super::params::Params;
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::query::Query;
use crate::request_id::RequestId;
use crate::state::Web;

/// Why a file ends early.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Failure(#[from] Failure),
    #[error("CSV: {0}")]
    Csv(#[from] csv::Error),
}

/// Sends movements, oldest first.
pub(crate) async fn export(
    State(web): State<Web>,
    May(by): May<StockView>,
    request_id: RequestId,
    Query(params): Query<Params>,
) -> PageResult {
    let item = params.item()?;
    let of = params.filter()?;
    let filter = ExportFilter { item, of };
    let export = web.app.export_history(&by, filter).await?;
    let export = export.ok_or(HttpError::NotFound)?;
    // The span of the request is left when its answer begins.
    let (span, user) = (Span::current(), by.user().id.0);
    let file = file(export).inspect_err(move |error| {
        tracing::error!(parent: &span, %request_id, user, %error, "an export was cut off");
    });
    Ok(answer(Body::from_stream(file), item, web.clock.now()))
}

fn file(export: HistoryExport) -> impl Stream<Item = Result<Vec<u8>, ExportError>> {
    let rows = stream::try_unfold(export, async |mut export| {
        let Some(rows) = export.next().await? else {
            return Ok(None);
        };
        Ok(Some((file::lines(&rows)?, export)))
    });
    let head = file::head().map_err(ExportError::from);
    stream::once(ready(head)).chain(rows)
}

fn answer(body: Body, item: Option<ItemId>, now: Timestamp) -> Response {
    let of_item = item.map(|item| format!("-item-{item}"));
    let name = format!(
        "history{}-{}.csv",
        of_item.unwrap_or_default(),
        now.strftime("%Y%m%dT%H%M%SZ")
    );
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (headers, body).into_response()
}
