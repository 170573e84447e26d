//! The name of a request, under which its log lines are found.

use std::fmt;

use axum::extract::FromRequestParts;
use http::HeaderValue;
use http::request::Parts;
use uuid::Uuid;

use crate::error::HttpError;
use crate::request::Facts;

/// A request's name: a UUID of version 7, made here. What a client sends as `X-Request-Id` is not
/// believed, so that nobody can write into the log under another request's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestId(Uuid);

impl RequestId {
    /// A new one.
    pub(crate) fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// As it stands in `X-Request-Id`.
    pub(crate) fn to_header(self) -> Option<HeaderValue> {
        HeaderValue::try_from(self.to_string()).ok()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, HttpError> {
        Ok(Facts::of(&parts.extensions)?.request_id)
    }
}
