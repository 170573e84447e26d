//! Which movements an address asks for.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;
use ticker_app::history::ExportFilter;

use crate::error::HttpError;
use crate::path;

/// The parameters as they stand in the address; an empty one is as good as none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    item: String,
    from: String,
    to: String,
}

impl Params {
    /// `from` is the first moment that is wanted, `to` the first that is not any more; a date stands for
    /// its whole day in UTC, so that from and to the same date is that day.
    pub(super) fn read(&self) -> Result<ExportFilter, HttpError> {
        let item = read(&self.item, path::parse, || {
            bad("The parameter “item” of this address must be an item's number.")
        })?;
        let from = read(&self.from, |text| moment(text, 0), || bad_time("from"))?;
        let until = read(&self.to, |text| moment(text, 1), || bad_time("to"))?;
        if from.zip(until).is_some_and(|(from, until)| from >= until) {
            return Err(bad(
                "The parameter “from” of this address must lie before “to”.",
            ));
        }
        Ok(ExportFilter { item, from, until })
    }
}

fn read<T>(
    text: &str,
    parse: impl FnOnce(&str) -> Option<T>,
    unreadable: impl FnOnce() -> HttpError,
) -> Result<Option<T>, HttpError> {
    match text {
        "" => Ok(None),
        text => parse(text).map(Some).ok_or_else(unreadable),
    }
}

/// A moment of the years 0 to 9999, which RFC 3339 has; or, of a date, the beginning of the day so many
/// days later.
fn moment(text: &str, days_later: i8) -> Option<Timestamp> {
    const DATE_CHARS: usize = "2026-11-20".len();
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if text.len() != DATE_CHARS {
        return text.parse().ok();
    }
    let day: Date = text.parse().ok()?;
    let day = day.checked_add(days_later.days()).ok()?;
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

fn bad(sentence: &'static str) -> HttpError {
    HttpError::bad_request(sentence)
}

fn bad_time(name: &str) -> HttpError {
    HttpError::bad_request(format!(
        "The parameter “{name}” of this address must be a date, such as 2026-11-20, or a time, such as \
         2026-11-20T08:30:00Z."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(text: &str, days_later: i8) -> Option<String> {
        moment(text, days_later).map(|time| time.to_string())
    }

    #[test]
    fn dates_and_times_are_moments() {
        let day = "2026-11-20";
        assert_eq!(reads(day, 0).as_deref(), Some("2026-11-20T00:00:00Z"));
        assert_eq!(reads(day, 1).as_deref(), Some("2026-11-21T00:00:00Z"));
        let time = "2026-11-20T08:30:00.123456+01:00";
        for days_later in [0, 1] {
            let read = reads(time, days_later);
            assert_eq!(read.as_deref(), Some("2026-11-20T07:30:00.123456Z"));
        }
    }

    #[test]
    fn whatever_else_is_none() {
        for text in [
            "x",
            "2026",
            "2026-13-01",
            "2026-02-30",
            "20261120",
            "2026-11-20T08:30:00",
            "2026-11-20 ",
            "-000044-03-15",
            "-000044-03-15T00:00:00Z",
            "+012026-11-20T00:00:00Z",
            "9999-12-31T23:59:60Z0",
            "١٢٣",
        ] {
            assert_eq!(moment(text, 1), None, "{text:?}");
        }
        assert_eq!(moment("9999-12-31", 1), None);
    }
}
