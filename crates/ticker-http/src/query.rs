//! The part of an address after `?`.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::error::HttpError;

/// The address's parameters. Unknown ones are ignored; a parameter given twice where one is expected
/// is answered 400.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        let unreadable = |_| HttpError::bad_request("A part of the address cannot be read.");
        query.map(|query| Self(query.0)).map_err(unreadable)
    }
}
