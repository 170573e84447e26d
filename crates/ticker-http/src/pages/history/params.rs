//! Which movements an address asks for: of a page of a history, and of an exported file.

use std::fmt::Display;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::Deserialize;
use ticker_domain::history::HistoryFilter;
use ticker_domain::id::{ItemId, MovementId};
use ticker_domain::page::Edge;

use crate::error::HttpError;
use crate::pages::inventory::address::encode;
use crate::path;

/// The parameters as they stand in the address; an empty one is as good as none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    pub(crate) item: String,
    pub(crate) who: String,
    pub(crate) location: String,
    pub(crate) what: String,
    pub(crate) direction: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) after: String,
    pub(crate) before: String,
}

impl Params {
    /// The item, if one is named.
    pub(crate) fn item(&self) -> Result<Option<ItemId>, HttpError> {
        read_id("item", "an item's number", &self.item)
    }

    /// What is wanted. `from` is the first moment, `to` the first that is not any more; a date stands for
    /// its whole day in UTC, so that from and to the same date is that day.
    pub(crate) fn filter(&self) -> Result<HistoryFilter, HttpError> {
        let from = read(&self.from, |text| moment(text, 0), || bad_time("from"))?;
        let until = read(&self.to, |text| moment(text, 1), || bad_time("to"))?;
        if from.zip(until).is_some_and(|(from, until)| from >= until) {
            return Err(HttpError::bad_request(
                "The parameter “from” of this address must lie before “to”.",
            ));
        }
        Ok(HistoryFilter {
            actor: read_id("who", "a user's number", &self.who)?,
            location: read_id("location", "a location's number", &self.location)?,
            what: read_word("what", "a reason, transfer or undo", &self.what)?,
            flow: read_word("direction", "in or out", &self.direction)?,
            from,
            until,
        })
    }

    /// Where the page begins.
    pub(crate) fn edge(&self) -> Result<Edge<MovementId>, HttpError> {
        let read = |name: &str, text: &str| {
            text.parse()
                .map_err(|_| bad_parameter(name, "a movement's number"))
        };
        match (self.after.as_str(), self.before.as_str()) {
            ("", "") => Ok(Edge::First),
            (after, "") => read("after", after).map(Edge::After),
            ("", before) => read("before", before).map(Edge::Before),
            _ => Err(HttpError::bad_request(
                "“after” and “before” cannot stand together.",
            )),
        }
    }

    /// The part of an address that asks for the same, without where the page begins; empty or with its
    /// question mark, and with room for more.
    pub(crate) fn address(&self, path: &str, more: &[(&str, &dyn Display)]) -> String {
        let mut address = path.to_owned();
        let mut mark = '?';
        let mut add = |name: &str, value: &str| {
            if value.is_empty() {
                return;
            }
            address.push(mark);
            address.push_str(name);
            address.push('=');
            encode(&mut address, value);
            mark = '&';
        };
        for (name, value) in more {
            add(name, &value.to_string());
        }
        for (name, value) in [
            ("who", &self.who),
            ("location", &self.location),
            ("what", &self.what),
            ("direction", &self.direction),
            ("from", &self.from),
            ("to", &self.to),
        ] {
            add(name, value);
        }
        address
    }
}

fn read_id<T: FromStr>(name: &str, kind: &str, text: &str) -> Result<Option<T>, HttpError> {
    read(text, path::parse, || bad_parameter(name, kind))
}

fn read_word<T: FromStr>(name: &str, kind: &str, text: &str) -> Result<Option<T>, HttpError> {
    read(text, |text| text.parse().ok(), || bad_parameter(name, kind))
}

fn bad_parameter(name: &str, kind: &str) -> HttpError {
    HttpError::bad_request(format!(
        "The parameter “{name}” of this address must be {kind}."
    ))
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
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    if !is_date(text) {
        return text.parse().ok();
    }
    let day: Date = text.parse().ok()?;
    let day = day.checked_add(days_later.days()).ok()?;
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Whether a readable moment is a date, and no time.
pub(crate) fn is_date(moment: &str) -> bool {
    moment.len() == "2026-11-20".len()
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
