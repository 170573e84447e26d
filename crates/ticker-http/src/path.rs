//! Numbers in addresses.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use crate::error::HttpError;

/// The `{id}` of the route's path. Whatever is no number that Ticker would write itself (another word,
/// a sign, a leading zero, past `i64`) names nothing: 404.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id<T>(pub(crate) T);

impl<T: FromStr, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params = params.map_err(|_| HttpError::NotFound)?;
        let id = params
            .iter()
            .find_map(|(name, value)| (name == "id").then_some(value));
        id.and_then(parse).map(Self).ok_or(HttpError::NotFound)
    }
}

/// A number that Ticker would write so itself.
pub(crate) fn parse<T: FromStr>(text: &str) -> Option<T> {
    let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if is_canonical {
        text.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_as_ticker_writes_them_are_ids() {
        assert_eq!(parse::<i64>("1"), Some(1));
        assert_eq!(parse::<i64>("9223372036854775807"), Some(i64::MAX));
        for text in [
            "",
            "0",
            "01",
            "-1",
            "+1",
            "1.0",
            " 1",
            "one",
            "9223372036854775808",
            "١",
        ] {
            assert_eq!(parse::<i64>(text), None, "{text:?}");
        }
    }
}
