//! The stock list's address: all of its state stands in the query string.

use std::fmt::{Display, Write as _};
use std::str::FromStr;

use serde::Deserialize;
use ticker_domain::page::{Direction, Edge, PAGE_SIZE_DEFAULT, PAGE_SIZES};
use ticker_domain::stock_list::{StockCursor, StockFilter, StockQuery, StockSort};

/// The longest search, in characters.
const SEARCH_CHARS_MAX: usize = 200;

/// The query string as it came. Empty parameters count as absent, as a form without script sends them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    q: String,
    category: String,
    location: String,
    status: String,
    archived: String,
    sort: String,
    dir: String,
    size: String,
    after: String,
    before: String,
}

/// A parameter that makes no sense. The message is a whole sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The parameter “{name}” of this address {problem}.")]
pub(crate) struct BadParam {
    name: &'static str,
    problem: String,
}

impl BadParam {
    fn new(name: &'static str, problem: impl Display) -> Self {
        Self {
            name,
            problem: problem.to_string(),
        }
    }
}

/// Reads the list that an address asks for.
///
/// # Errors
/// [`BadParam`] names the first parameter that makes no sense.
pub(crate) fn read(params: &Params) -> Result<StockQuery, BadParam> {
    let sort = read_some("sort", &params.sort)?.unwrap_or_default();
    Ok(StockQuery {
        filter: read_filter(params)?,
        sort,
        direction: match params.dir.as_str() {
            "" | "asc" => Direction::Ascending,
            "desc" => Direction::Descending,
            _ => return Err(BadParam::new("dir", "must be asc or desc")),
        },
        edge: read_edge(params, sort)?,
        size: read_size(&params.size)?,
    })
}

/// The address of a list, without what is as usual.
pub(crate) fn href(query: &StockQuery) -> String {
    let mut address = String::from("/");
    for (name, value) in fields(query) {
        let mark = if address.len() == 1 { '?' } else { '&' };
        address.push(mark);
        address.push_str(name);
        address.push('=');
        encode(&mut address, &value);
    }
    address
}

/// What names a list, without what is as usual.
pub(crate) fn fields(query: &StockQuery) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    let mut push = |name, value: String| fields.push((name, value));
    let filter = &query.filter;
    if let Some(search) = &filter.search {
        push("q", search.clone());
    }
    if let Some(category) = filter.category {
        push("category", category.to_string());
    }
    if let Some(location) = filter.location {
        push("location", location.to_string());
    }
    if let Some(status) = filter.status {
        push("status", status.as_str().to_owned());
    }
    if filter.archived {
        push("archived", "1".to_owned());
    }
    if query.sort != StockSort::default() {
        push("sort", query.sort.as_str().to_owned());
    }
    if query.direction == Direction::Descending {
        push("dir", "desc".to_owned());
    }
    if query.size != PAGE_SIZE_DEFAULT {
        push("size", query.size.to_string());
    }
    match &query.edge {
        Edge::First => {}
        Edge::After(cursor) => push("after", cursor.encode()),
        Edge::Before(cursor) => push("before", cursor.encode()),
    }
    fields
}

fn read_filter(params: &Params) -> Result<StockFilter, BadParam> {
    let search = params.q.trim();
    if search.chars().count() > SEARCH_CHARS_MAX {
        return Err(BadParam::new(
            "q",
            format!("must be at most {SEARCH_CHARS_MAX} characters long"),
        ));
    }
    if search.chars().any(char::is_control) {
        return Err(BadParam::new(
            "q",
            "contains a character that cannot be shown",
        ));
    }
    Ok(StockFilter {
        search: (!search.is_empty()).then(|| search.to_owned()),
        category: read_id("category", &params.category)?,
        location: read_id("location", &params.location)?,
        status: read_some("status", &params.status)?,
        archived: match params.archived.as_str() {
            "" => false,
            "1" => true,
            _ => return Err(BadParam::new("archived", "must be 1")),
        },
    })
}

fn read_some<T>(name: &'static str, text: &str) -> Result<Option<T>, BadParam>
where
    T: FromStr<Err: Display>,
{
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|error| BadParam::new(name, error))
}

fn read_id<T: FromStr>(name: &'static str, text: &str) -> Result<Option<T>, BadParam> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse()
        .map(Some)
        .map_err(|_| BadParam::new(name, "must be the number of one"))
}

fn read_size(text: &str) -> Result<u16, BadParam> {
    if text.is_empty() {
        return Ok(PAGE_SIZE_DEFAULT);
    }
    let size = text.parse().ok().filter(|size| PAGE_SIZES.contains(size));
    size.ok_or_else(|| BadParam::new("size", "must be 25, 50, 100 or 200"))
}

fn read_edge(params: &Params, sort: StockSort) -> Result<Edge<StockCursor>, BadParam> {
    let decode = |name, text: &str| {
        StockCursor::decode(text, sort).map_err(|error| BadParam::new(name, error))
    };
    match (params.after.as_str(), params.before.as_str()) {
        ("", "") => Ok(Edge::First),
        (after, "") => decode("after", after).map(Edge::After),
        ("", before) => decode("before", before).map(Edge::Before),
        _ => Err(BadParam::new("before", "cannot stand beside “after”")),
    }
}

/// Appends a text as it stands in a query string: letters, digits and `-._~` as they are, the rest as
/// the percent-encoded bytes of its UTF-8.
pub(crate) fn encode(address: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            address.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(address, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use ticker_domain::id::{CategoryId, ItemId, LocationId};
    use ticker_domain::stock::StockStatus;
    use ticker_domain::stock_list::SortValue;

    use super::*;

    #[test]
    fn the_usual_list_has_the_shortest_address() {
        assert_eq!(href(&StockQuery::default()), "/");
        assert_eq!(read(&Params::default()), Ok(StockQuery::default()));
    }

    #[test]
    fn an_address_says_all() {
        let query = StockQuery {
            filter: StockFilter {
                search: Some("Öl & essig".into()),
                category: Some(CategoryId(3)),
                location: Some(LocationId(2)),
                status: Some(StockStatus::Low),
                archived: true,
            },
            sort: StockSort::Quantity,
            direction: Direction::Descending,
            edge: Edge::After(StockCursor {
                value: SortValue::Integer(12),
                item: ItemId(7),
            }),
            size: 100,
        };
        assert_eq!(
            href(&query),
            "/?q=%C3%96l%20%26%20essig&category=3&location=2&status=low&archived=1\
             &sort=quantity&dir=desc&size=100&after=7.12"
        );
        let params = Params {
            q: " Öl & essig".into(),
            category: "3".into(),
            location: "2".into(),
            status: "low".into(),
            archived: "1".into(),
            sort: "quantity".into(),
            dir: "desc".into(),
            size: "100".into(),
            after: "7.12".into(),
            before: String::new(),
        };
        assert_eq!(read(&params), Ok(query));
    }

    #[test]
    fn nonsense_is_named() {
        let cases = [
            (
                "q",
                Params {
                    q: "a\0b".into(),
                    ..Params::default()
                },
            ),
            (
                "q",
                Params {
                    q: "x".repeat(201),
                    ..Params::default()
                },
            ),
            (
                "category",
                Params {
                    category: "x".into(),
                    ..Params::default()
                },
            ),
            (
                "location",
                Params {
                    location: "9223372036854775808".into(),
                    ..Params::default()
                },
            ),
            (
                "status",
                Params {
                    status: "fine".into(),
                    ..Params::default()
                },
            ),
            (
                "archived",
                Params {
                    archived: "yes".into(),
                    ..Params::default()
                },
            ),
            (
                "sort",
                Params {
                    sort: "-name".into(),
                    ..Params::default()
                },
            ),
            (
                "dir",
                Params {
                    dir: "up".into(),
                    ..Params::default()
                },
            ),
            (
                "size",
                Params {
                    size: "7".into(),
                    ..Params::default()
                },
            ),
            (
                "after",
                Params {
                    after: "x".into(),
                    ..Params::default()
                },
            ),
            (
                "before",
                Params {
                    after: "1.a".into(),
                    before: "1.a".into(),
                    ..Params::default()
                },
            ),
        ];
        for (name, params) in cases {
            assert_eq!(read(&params).map_err(|bad| bad.name), Err(name));
        }
    }
}
