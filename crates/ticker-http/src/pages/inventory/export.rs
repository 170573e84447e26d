//! The stock list as CSV (RFC 4180), streamed. A file that ends early must not look whole: when reading
//! fails midway the body ends with an error, and the transfer with it.

use std::borrow::Cow;
use std::future::ready;

use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse as _;
use csv::{Terminator, Writer, WriterBuilder};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use ticker_app::Failure;
use ticker_app::stock::{StockExport, StockRow};
use ticker_domain::permission::StockView;
use ticker_domain::spreadsheet::defuse;
use tracing::Span;

use crate::access::May;
use crate::error::PageResult;
use crate::pages::bulk::{Pairs, selected};
use crate::query::Query;
use crate::request_id::RequestId;
use crate::state::Web;

/// The columns. Programs read them by these names.
const COLUMNS: [&str; 11] = [
    "item",
    "sku",
    "name",
    "category",
    "location",
    "quantity",
    "total",
    "unit",
    "status",
    "archived",
    "changed_at",
];

/// Why a file ends early.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    #[error(transparent)]
    Failure(#[from] Failure),
    #[error("CSV: {0}")]
    Csv(#[from] csv::Error),
}

/// Sends the items that are ticked, or all that the list shows if none is.
pub(crate) async fn export(
    State(web): State<Web>,
    May(by): May<StockView>,
    request_id: RequestId,
    Query(pairs): Query<Pairs>,
) -> PageResult {
    let (items, list) = selected(&pairs)?;
    let items = items.filter(|items| !items.is_empty());
    let export = web.app.export_stock(&by, list.filter, items);
    // The span of the request is left when its answer begins.
    let (span, user) = (Span::current(), by.user().id.0);
    let file = file(export).inspect_err(move |error| {
        tracing::error!(parent: &span, %request_id, user, %error, "an export was cut off");
    });
    let name = web.clock.now().strftime("inventory-%Y%m%dT%H%M%SZ.csv");
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    Ok((headers, Body::from_stream(file)).into_response())
}

fn file(export: StockExport) -> impl Stream<Item = Result<Vec<u8>, ExportError>> {
    let rows = stream::try_unfold(export, async |mut export| {
        let Some(rows) = export.next().await? else {
            return Ok(None);
        };
        Ok(Some((lines(&rows)?, export)))
    });
    let head = lines_of([COLUMNS.map(Cow::Borrowed)]).map_err(ExportError::from);
    stream::once(ready(head)).chain(rows)
}

fn lines(rows: &[StockRow]) -> Result<Vec<u8>, csv::Error> {
    lines_of(rows.iter().map(cells))
}

/// Only what people have written is defused: a spreadsheet runs neither numbers nor Ticker's own words.
fn cells(row: &StockRow) -> [Cow<'_, str>; COLUMNS.len()] {
    [
        row.item.to_string().into(),
        defuse(&row.sku),
        defuse(&row.name),
        defuse(&row.category_name),
        defuse(&row.location_name),
        row.quantity.to_string().into(),
        row.total.to_string().into(),
        defuse(&row.unit),
        row.status.as_str().into(),
        if row.archived { "yes" } else { "no" }.into(),
        format!("{:.6}", row.changed_at).into(),
    ]
}

fn lines_of<'r>(
    rows: impl IntoIterator<Item = [Cow<'r, str>; COLUMNS.len()]>,
) -> Result<Vec<u8>, csv::Error> {
    let mut writer: Writer<Vec<u8>> = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.iter().map(|cell| cell.as_bytes()))?;
    }
    writer
        .into_inner()
        .map_err(|unwritten| unwritten.into_error().into())
}
