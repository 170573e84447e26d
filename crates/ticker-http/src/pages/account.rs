//! One's own password.

pub(crate) mod view;

use axum::extract::State;
use axum::http::StatusCode;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use ticker_app::user::ChangePasswordError;
use ticker_auth::SignedIn;
use ticker_domain::permission::PasswordChange;
use tower_sessions::Session;

use self::view::ChangePasswordPage;
use super::fields::{Field, Problems, secret};
use super::layout::{Layout, Section};
use super::{left_toast, page, see_other_with};
use crate::access::May;
use crate::error::PageResult;
use crate::flash::Flash;
use crate::form::Form;
use crate::state::Web;

/// The form as typed.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Input {
    #[serde(deserialize_with = "secret")]
    current: SecretString,
    #[serde(deserialize_with = "secret")]
    new: SecretString,
    #[serde(deserialize_with = "secret")]
    repeat: SecretString,
}

/// Shows the form.
pub(crate) async fn show(
    State(web): State<Web>,
    May(by): May<PasswordChange>,
    flash: Flash,
) -> PageResult {
    let mut template = form(&web, by.user());
    template.layout = template.layout.with(left_toast(&flash));
    page(StatusCode::OK, &template)
}

/// Changes the password. The session goes on under a new id; every other one of the user ends.
pub(crate) async fn change_password(
    State(web): State<Web>,
    May(by): May<PasswordChange>,
    session: Session,
    flash: Flash,
    Form(input): Form<Input>,
) -> PageResult {
    let mut template = form(&web, by.user());
    let ChangePasswordPage {
        problems,
        current,
        new,
        repeat,
        ..
    } = &mut template;
    if input.current.expose_secret().is_empty() {
        problems.refuse(current, "current", "Current password", "is required");
    }
    if input.new.expose_secret() != input.repeat.expose_secret() {
        problems.refuse(
            repeat,
            "repeat",
            "New password again",
            "must be the same as the new one",
        );
    }
    if !problems.is_empty() {
        return page(StatusCode::UNPROCESSABLE_ENTITY, &template);
    }
    match web
        .app
        .change_password(&by, &input.current, &input.new)
        .await
    {
        Ok(sign_in) => {
            sign_in.begin_session(&session).await?;
            return Ok(see_other_with("/", &flash, "Password changed"));
        }
        Err(ChangePasswordError::Failure(failure)) => return Err(failure.into()),
        Err(ChangePasswordError::CurrentWrong) => {
            problems.refuse(current, "current", "Current password", "is wrong");
        }
        Err(ChangePasswordError::Unchanged) => {
            problems.refuse(new, "new", "New password", "must not be the current one");
        }
        Err(ChangePasswordError::Password(error)) => {
            problems.refuse(new, "new", "New password", error);
        }
    }
    page(StatusCode::UNPROCESSABLE_ENTITY, &template)
}

fn form(web: &Web, user: &SignedIn) -> ChangePasswordPage {
    ChangePasswordPage {
        layout: Layout::of(user, Section::Elsewhere),
        problems: Problems::default(),
        username: user.username.clone(),
        must_change: user.must_change_password,
        current: Field::default(),
        new: Field::default(),
        repeat: Field::default(),
        hint: format!(
            "At least {} characters. A few words that only you would put together do well.",
            web.settings.password_chars_min
        ),
    }
}
