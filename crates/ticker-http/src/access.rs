//! Who asks, and whether they may. [`mod@crate::routes`] checks before a handler runs; the extractors here
//! hand the handler its proof.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Extensions;
use http::request::Parts;
use ticker_auth::{Grant, GrantError, SignedIn};
use ticker_domain::permission::{Permission, Permit};

use crate::error::HttpError;
use crate::request::{Facts, Wants};
use crate::sessions::Sessions;

/// Who may use a route.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    permission: Option<Permission>,
    check: fn(&SignedIn) -> Result<(), GrantError>,
}

impl Access {
    /// Anyone, signed in or not.
    pub(crate) const ANYONE: Self = Self {
        permission: None,
        check: |_| Ok(()),
    };

    /// Whoever has permission `P`.
    pub(crate) fn may<P: Permit>() -> Self {
        Self {
            permission: Some(P::PERMISSION),
            check: |user| user.grant::<P>().map(drop),
        }
    }

    /// The permission that is needed; `None` if anyone may.
    #[must_use]
    pub fn permission(self) -> Option<Permission> {
        self.permission
    }
}

/// Lets a request through to its handler only if `access` allows it.
pub(crate) async fn require(access: Access, request: Request, next: Next) -> Response {
    if access.permission.is_some()
        && let Err(error) = check(access, request.extensions()).await
    {
        return error.into_response();
    }
    next.run(request).await
}

async fn check(access: Access, extensions: &Extensions) -> Result<(), HttpError> {
    let user = signed_in(extensions)
        .await?
        .ok_or(HttpError::SignInNeeded)?;
    Ok((access.check)(&user)?)
}

/// Who is signed in. A session that cannot be read is an error, never nobody.
pub(crate) async fn signed_in(extensions: &Extensions) -> Result<Option<Arc<SignedIn>>, HttpError> {
    let facts = Facts::of(extensions)?;
    if let Some(known) = facts.viewer() {
        return Ok(Some(known.clone()));
    }
    let user = Sessions::of(extensions)?.signed_in(extensions).await?;
    if let Some(user) = &user {
        facts.learn_viewer(user.clone());
    }
    Ok(user)
}

/// The proof that whoever asks has permission `P`.
#[derive(Clone, Debug)]
pub(crate) struct May<P: Permit>(pub(crate) Grant<P>);

impl<P: Permit, S: Sync> FromRequestParts<S> for May<P> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, HttpError> {
        let user = signed_in(&parts.extensions)
            .await?
            .ok_or(HttpError::SignInNeeded)?;
        Ok(Self(user.grant()?))
    }
}

/// Who is signed in, for pages that anyone may see.
#[derive(Clone, Debug)]
pub(crate) struct Viewer(pub(crate) Option<Arc<SignedIn>>);

impl<S: Sync> FromRequestParts<S> for Viewer {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, HttpError> {
        Ok(Self(signed_in(&parts.extensions).await?))
    }
}

impl<S: Sync> FromRequestParts<S> for Wants {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, HttpError> {
        Ok(Facts::of(&parts.extensions)?.wants)
    }
}
