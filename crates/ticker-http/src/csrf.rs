//! Changes come from Ticker's own pages only.
//!
//! Two checks stand one behind the other. [`CsrfLayer`](tower_http::csrf::CsrfLayer) knows the
//! configured origins, and refuses what a browser says comes from another site. It was made to be
//! lenient with clients that are no browsers, and [`refuse_strangers`] takes that back where Ticker
//! needs none of it:
//!
//! - Without `Sec-Fetch-Site` the layer lets an `Origin` pass whose host is the request's `Host`,
//!   whatever its scheme. Behind a proxy that is what someone who can forge the `http` twin of our
//!   `https` origin would send, or whatever a proxy has made of `Host`. Here such an `Origin` must be a
//!   configured one.
//! - A request without `Origin` and `Sec-Fetch-Site` passes the layer as not a browser's. With a cookie
//!   it is one's, or pretends to be, and is refused.
//!
//! What remains of the layer's own rule is `Sec-Fetch-Site: same-origin` or `none`, which pages cannot
//! forge: so Ticker also works under a name that was not configured, from a browser that sends it.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{COOKIE, ORIGIN};
use http::{HeaderMap, Method};

use crate::error::HttpError;
use crate::settings::Origin;

/// Refuses a change that does not say that it comes from one of our pages.
pub(crate) async fn refuse_strangers(
    State(origins): State<Arc<[Origin]>>,
    request: Request,
    next: Next,
) -> Response {
    let changes = !matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if changes && is_stranger(&origins, request.headers()) {
        return HttpError::ForeignOrigin.into_response();
    }
    next.run(request).await
}

fn is_stranger(origins: &[Origin], headers: &HeaderMap) -> bool {
    let said = |name| headers.get(name).filter(|value| !value.is_empty());
    if said("sec-fetch-site").is_some() {
        return false;
    }
    match said(ORIGIN.as_str()) {
        Some(origin) => !origins.iter().any(|known| origin == known.as_str()),
        None => headers.contains_key(COOKIE),
    }
}
