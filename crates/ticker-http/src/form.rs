//! What a form sends.

use std::error::Error;

use axum::extract::rejection::FormRejection;
use axum::extract::{FromRequest, Request};
use http::StatusCode;
use serde::de::DeserializeOwned;
use tower_http::timeout::TimeoutError;

use crate::error::{HttpError, with_causes};

/// The fields of a form, `application/x-www-form-urlencoded`. Unknown ones are ignored. Page forms are
/// structs of `String` with `#[serde(default)]`, so that what was typed can be shown again whatever it
/// was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, state: &S) -> Result<Self, HttpError> {
        let form = axum::Form::from_request(request, state).await;
        form.map(|form| Self(form.0))
            .map_err(|rejection| read_rejection(&rejection))
    }
}

fn read_rejection(rejection: &FormRejection) -> HttpError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => HttpError::BodyTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => HttpError::UnsupportedMediaType,
        _ if is_timeout(rejection) => HttpError::BodyTimeout,
        _ => HttpError::bad_request("The form cannot be read."),
    }
}

fn is_timeout(error: &FormRejection) -> bool {
    with_causes(error).any(<dyn Error>::is::<TimeoutError>)
}
