//! Limits on what a request may bring and how long it may take.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_ENCODING;

use crate::error::HttpError;

/// The longest body: no form is longer.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1_024;
/// The longest silence within a body.
pub(crate) const BODY_IDLE: Duration = Duration::from_secs(10);
/// The longest that a handler may take. What it has begun to change goes on in a task of its own.
pub(crate) const HANDLER: Duration = Duration::from_secs(15);

/// The longest for what is answered soon or not at all: pages, and presses, which go on in their queue. One
/// request may wait for a connection, a session and a row in turn; this bounds their sum.
pub(crate) const SOON: Duration = Duration::from_millis(2_200);

/// Refuses a compressed body: how long it is shows only when it is too late.
pub(crate) async fn refuse_encoded(request: Request, next: Next) -> Response {
    let mut encodings = request.headers().get_all(CONTENT_ENCODING).iter();
    if encodings.any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return HttpError::EncodedBody.into_response();
    }
    next.run(request).await
}
