//! The service of the public listener, put together.

use std::any::Any;
use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use http::StatusCode;
use ticker_auth::SessionStore;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::ProtectionError;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};

use crate::access;
use crate::csrf::refuse_strangers;
use crate::error::{HttpError, answer_errors};
use crate::limits::{BODY_BYTES_MAX, BODY_IDLE, HANDLER, refuse_encoded};
use crate::observe::observe;
use crate::preferences;
use crate::routes::{self, Routes};
use crate::security_headers::secure;
use crate::sessions::{self, Sessions};
use crate::settings::HttpSettings;
use crate::state::Web;

/// The service of the public listener. Whoever serves it puts a [`PeerAddress`](crate::PeerAddress)
/// into each request's extensions, and gives connections and headers their own limits.
///
/// A request passes, from the outside in:
///
/// 1. its name, span, log line and metrics, so that nothing goes unseen;
/// 2. security headers, which so are on every answer;
/// 3. compression of whatever is answered;
/// 4. how the browser likes its pages, and words for errors, from wherever below they come;
/// 5. a net for panics, and the time that everything below may take;
/// 6. limits on the body;
///
/// and, where it is for a page, further:
///
/// 7. origins: a foreign change is refused before it costs a look into the database;
/// 8. its session, which is read when somebody first asks for it;
/// 9. the route's access, and only then its handler.
pub fn service(web: Web, sessions: SessionStore, settings: &HttpSettings) -> Router {
    assemble(web, sessions, settings, routes::pages(), routes::plain())
}

fn assemble(
    web: Web,
    sessions: SessionStore,
    settings: &HttpSettings,
    pages: Routes,
    plain: Routes,
) -> Router {
    let proxies = Arc::new(settings.trusted_proxies.clone());
    let origins: Arc<[_]> = settings.origins.clone().into();
    let foreign = |_: ProtectionError| HttpError::ForeignOrigin.into_response();
    let around_pages = ServiceBuilder::new()
        .layer(from_fn_with_state(origins, refuse_strangers))
        .layer(settings.csrf.clone().with_rejection_response(foreign))
        .layer(from_fn(sessions::mend))
        .layer(sessions::layer(sessions.clone(), settings.plain_http))
        .layer(Extension(Sessions::new(sessions, settings.plain_http)));
    let around_all = ServiceBuilder::new()
        .layer(from_fn_with_state(proxies, observe))
        .layer(map_response(secure))
        .layer(CompressionLayer::new())
        .layer(from_fn(preferences::know))
        .layer(from_fn(answer_errors))
        .layer(CatchPanicLayer::custom(answer_panic))
        .layer(TimeoutLayer::with_status_code(
            StatusCode::SERVICE_UNAVAILABLE,
            HANDLER,
        ))
        .layer(from_fn(refuse_encoded))
        .layer(RequestBodyLimitLayer::new(BODY_BYTES_MAX))
        .layer(RequestBodyTimeoutLayer::new(BODY_IDLE));
    let (pages, _) = pages.into_parts();
    let (plain, _) = plain.into_parts();
    let pages = pages
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(around_pages);
    let plain = plain.method_not_allowed_fallback(method_not_allowed);
    pages.merge(plain).layer(around_all).with_state(web)
}

/// Who is signed in gets the page in their frame. Who cannot be told gets it all the same.
async fn not_found(request: Request) -> HttpError {
    let _ = access::signed_in(request.extensions()).await;
    HttpError::NotFound
}

async fn method_not_allowed() -> HttpError {
    HttpError::MethodNotAllowed
}

fn answer_panic(panic: Box<dyn Any + Send>) -> Response {
    let text = match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic
            .downcast_ref::<&str>()
            .copied()
            .unwrap_or("without a word")
            .to_owned(),
    };
    HttpError::Panicked(text).into_response()
}

#[cfg(test)]
mod tests;
