//! Sessions as browsers hold them: one cookie.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::SET_COOKIE;
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, StatusCode};
use ticker_app::Failure;
use ticker_auth::{SessionHandle, SessionStore, SignedIn};
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::Duration;
use tower_sessions::{Expiry, Session, SessionManagerLayer};

use crate::error::HttpError;

/// Browsers keep a cookie with this prefix only if it is `Secure`, for the whole host and for no other.
const COOKIE_NAME: &str = "__Host-ticker";
/// Without encryption there is no `Secure`, and so no prefix.
const PLAIN_COOKIE_NAME: &str = "ticker";

/// Gives a request its session. The cookie lives as long as a session can; when a session really ends
/// is the database's to say.
pub(crate) fn layer(store: SessionStore, plain_http: bool) -> SessionManagerLayer<SessionStore> {
    let lifetime = Duration::try_from(store.lifetime().absolute).unwrap_or(Duration::MAX);
    SessionManagerLayer::new(store)
        .with_name(if plain_http {
            PLAIN_COOKIE_NAME
        } else {
            COOKIE_NAME
        })
        .with_secure(!plain_http)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(lifetime))
}

/// What a request for a page knows its session by.
#[derive(Debug)]
pub(crate) struct Sessions {
    store: SessionStore,
    /// Whether cookies go over plain HTTP.
    pub(crate) plain_http: bool,
}

impl Sessions {
    /// Shared, since every request takes a handle.
    pub(crate) fn new(store: SessionStore, plain_http: bool) -> Arc<Self> {
        Arc::new(Self { store, plain_http })
    }

    /// The sessions that the request with these extensions has its own among.
    pub(crate) fn of(extensions: &Extensions) -> Result<&Self, HttpError> {
        let sessions = extensions.get::<Arc<Self>>().ok_or(OUTSIDE)?;
        Ok(sessions)
    }

    /// Whose session the request with these extensions has.
    pub(crate) async fn signed_in(
        &self,
        extensions: &Extensions,
    ) -> Result<Option<Arc<SignedIn>>, HttpError> {
        let session = extensions.get::<Session>().ok_or(OUTSIDE)?;
        let Some(id) = session.id() else {
            return Ok(None);
        };
        let signed_in = self.store.signed_in(id).await.map_err(Failure::from)?;
        if signed_in.is_none() {
            // It has ended. Told so, the session layer takes the cookie back.
            session.load().await?;
        }
        Ok(signed_in)
    }
}

/// The session that a request was admitted with, for what is to end with it.
#[derive(Clone, Debug)]
pub(crate) struct Admitted(pub(crate) SessionHandle);

impl<S: Sync> FromRequestParts<S> for Admitted {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, HttpError> {
        let sessions = Sessions::of(&parts.extensions)?;
        let session = parts.extensions.get::<Session>().ok_or(OUTSIDE)?;
        let id = session.id().ok_or(HttpError::SignInNeeded)?;
        Ok(Self(sessions.store.handle(id)))
    }
}

pub(crate) const OUTSIDE: HttpError =
    HttpError::Defect("a page stands outside of the session layer");

/// Mends two answers of the session layer, and so stands around it.
pub(crate) async fn mend(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    // It says with a bare 500 that a session could not be stored.
    let is_marked = response.extensions().get::<Arc<HttpError>>().is_some();
    if response.status() == StatusCode::INTERNAL_SERVER_ERROR && !is_marked {
        return HttpError::SessionNotKept.into_response();
    }
    complete_removal(response.headers_mut());
    response
}

/// It removes a cookie without saying `Secure`, and browsers then keep one of this prefix.
fn complete_removal(headers: &mut HeaderMap) {
    let is_short = |value: &HeaderValue| {
        value.as_bytes().starts_with(COOKIE_NAME.as_bytes())
            && value.to_str().is_ok_and(|text| !text.contains("; Secure"))
    };
    if !headers.get_all(SET_COOKIE).iter().any(is_short) {
        return;
    }
    let values: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().cloned().collect();
    headers.remove(SET_COOKIE);
    for value in values {
        let text = value.to_str().unwrap_or_default();
        let completed = HeaderValue::try_from(format!("{text}; Secure; HttpOnly; SameSite=Lax"));
        let completed = completed.ok().filter(|_| is_short(&value));
        headers.append(SET_COOKIE, completed.unwrap_or(value));
    }
}
