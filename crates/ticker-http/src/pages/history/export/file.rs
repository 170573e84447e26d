//! The lines of an exported file.

use std::borrow::Cow;

use csv::{Terminator, Writer, WriterBuilder};
use ticker_app::history::ExportRow;
use ticker_domain::ledger::Kind;
use ticker_domain::spreadsheet::defuse;

/// The columns. Programs read them by these names.
const COLUMNS: [&str; 19] = [
    "movement",
    "posting",
    "key",
    "line",
    "at",
    "actor",
    "item",
    "sku",
    "name",
    "location",
    "location_name",
    "delta",
    "before",
    "after",
    "reason",
    "source",
    "note",
    "kind",
    "undoes",
];

/// The line that names the columns.
pub(super) fn head() -> Result<Vec<u8>, csv::Error> {
    let mut writer = writer();
    writer.write_record(COLUMNS)?;
    finish(writer)
}

/// A line a movement.
pub(super) fn lines(rows: &[ExportRow]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = writer();
    for row in rows {
        writer.write_record(cells(row).iter().map(|cell| cell.as_bytes()))?;
    }
    finish(writer)
}

/// Times are RFC 3339 in UTC, to the microsecond. Only what people have written is defused: numbers, keys
/// and Ticker's own words are none that a spreadsheet runs.
fn cells(row: &ExportRow) -> [Cow<'_, str>; COLUMNS.len()] {
    let (kind, undoes) = match row.kind {
        Kind::Change => ("", String::new()),
        Kind::Transfer => ("transfer", String::new()),
        Kind::Undo(undone) => ("undo", undone.to_string()),
    };
    [
        row.id.to_string().into(),
        row.posting.to_string().into(),
        row.key.to_string().into(),
        row.line.to_string().into(),
        format!("{:.6}", row.at).into(),
        defuse(&row.actor),
        row.item.to_string().into(),
        defuse(&row.sku),
        defuse(&row.item_name),
        row.location.to_string().into(),
        defuse(&row.location_name),
        row.delta.to_string().into(),
        row.before.to_string().into(),
        row.after.to_string().into(),
        row.reason.as_str().into(),
        row.source.as_str().into(),
        defuse(row.note.as_deref().unwrap_or_default()),
        kind.into(),
        undoes.into(),
    ]
}

fn writer() -> Writer<Vec<u8>> {
    WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .from_writer(Vec::new())
}

fn finish(writer: Writer<Vec<u8>>) -> Result<Vec<u8>, csv::Error> {
    writer
        .into_inner()
        .map_err(|unwritten| unwritten.into_error().into())
}
