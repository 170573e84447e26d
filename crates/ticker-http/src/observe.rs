//! The outermost middleware: every request gets its name, its span, its line in the log and its place
//! in the metrics.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderName, Method};
use tracing::{Instrument as _, Span};

use crate::client_address::TrustedProxies;
use crate::metrics::{self, InFlight};
use crate::request::Facts;
use crate::routes;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Stands for the route of addresses that belong to none.
pub(crate) const UNMATCHED: &str = "unmatched";

/// What is recorded of a request whose client went away before it was answered.
const CLIENT_GONE: u16 = 499;

/// Names and watches a request.
pub(crate) async fn observe(
    State(proxies): State<Arc<TrustedProxies>>,
    mut request: Request,
    next: Next,
) -> Response {
    let facts = Facts::new(&request, proxies.client_of(&request));
    request.extensions_mut().insert(facts.clone());
    let mut exchange = Exchange::begin(&request, facts);
    let span = exchange.span.clone();
    let mut response = next.run(request).instrument(span).await;
    if let Some(id) = exchange.facts.request_id.to_header() {
        response.headers_mut().insert(X_REQUEST_ID, id);
    }
    exchange.status = response.status().as_u16();
    response
}

/// A request that is being answered. Dropping it records it, also when its client went away and nobody
/// waits for the answer any more.
struct Exchange {
    facts: Arc<Facts>,
    method: &'static str,
    /// The route's template, never the address itself: a closed set, and no secrets.
    route: &'static str,
    /// Whether it is one of the many that say nothing: health, metrics, assets.
    is_quiet: bool,
    status: u16,
    started: Instant,
    span: Span,
    _in_flight: InFlight,
}

impl Exchange {
    fn begin(request: &Request, facts: Arc<Facts>) -> Self {
        let matched = request.extensions().get::<MatchedPath>();
        let route = matched.and_then(|path| routes::template(path.as_str()));
        let is_quiet = route.is_some_and(routes::is_quiet);
        let (method, route) = (method_word(request.method()), route.unwrap_or(UNMATCHED));
        // A span's level only decides from which filter on it is kept: at this one, whatever is logged
        // within bears the request's name.
        let span = tracing::error_span!(
            "http.request", method, route, request_id = %facts.request_id, client = %facts.client
        );
        Self {
            method,
            route,
            is_quiet,
            status: CLIENT_GONE,
            started: Instant::now(),
            span,
            facts,
            _in_flight: InFlight::begin(),
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let elapsed = self.started.elapsed();
        metrics::record_request(self.method, self.route, self.status, elapsed);
        let (status, user) = (self.status, self.facts.viewer().map(|user| user.id.0));
        let duration_ms = elapsed.as_secs_f64() * 1_000.0;
        // Fields of the event, not recorded on the span: that would have its other fields formatted anew
        // for each.
        let _entered = self.span.enter();
        if self.is_quiet {
            tracing::debug!(status, user, duration_ms, "answered");
        } else {
            tracing::info!(status, user, duration_ms, "answered");
        }
    }
}

/// The method as a word of a closed set.
pub(crate) fn method_word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
