//! Signing in and out.

pub(crate) mod view;

use axum::extract::State;
use axum::http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use ticker_app::user::SignInRefused;
use ticker_auth::Anyone;
use ticker_domain::user::USERNAME_CHARS_MAX;
use tower_sessions::Session;

use self::view::LoginPage;
use super::fields::{Field, Problems, secret};
use super::layout::Layout;
use super::{left_toast, page, see_other};
use crate::access::Viewer;
use crate::client_address::ClientAddress;
use crate::error::PageResult;
use crate::flash::Flash;
use crate::form::Form;
use crate::next::LocalPath;
use crate::query::Query;
use crate::state::Web;

/// What the address says.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Params {
    next: String,
}

/// The form as typed.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Input {
    username: String,
    #[serde(deserialize_with = "secret")]
    password: SecretString,
    next: String,
}

/// Shows the form; who is signed in already goes on.
pub(crate) async fn show(
    Viewer(viewer): Viewer,
    flash: Flash,
    Query(params): Query<Params>,
) -> PageResult {
    let next = LocalPath::parse(&params.next);
    if viewer.is_some() {
        return Ok(see_other(next.as_str()));
    }
    let layout = Layout::default().with(left_toast(&flash));
    page(StatusCode::OK, &form(layout, &next, ""))
}

/// Signs in and goes on to where the person wanted to go.
pub(crate) async fn sign_in(
    State(web): State<Web>,
    client: ClientAddress,
    session: Session,
    Form(input): Form<Input>,
) -> PageResult {
    let next = LocalPath::parse(&input.next);
    match web
        .app
        .sign_in(Anyone, &input.username, &input.password)
        .await
    {
        Ok(sign_in) => {
            sign_in.begin_session(&session).await?;
            Ok(see_other(next.as_str()))
        }
        Err(SignInRefused::Refused) => {
            let shown = input.username.chars().take(USERNAME_CHARS_MAX);
            let username = shown.collect::<String>().escape_debug().to_string();
            tracing::warn!(%username, %client, "sign-in refused");
            let mut template = form(Layout::default(), &next, &input.username);
            template.problems.add("Username or password is wrong.");
            page(StatusCode::UNPROCESSABLE_ENTITY, &template)
        }
        Err(SignInRefused::Failure(failure)) => Err(failure.into()),
    }
}

/// Ends the session.
pub(crate) async fn sign_out(session: Session, flash: Flash) -> PageResult {
    session.flush().await?;
    // It was for whoever was here.
    flash.take();
    Ok(see_other("/login"))
}

fn form(layout: Layout, next: &LocalPath, username: &str) -> LoginPage {
    LoginPage {
        layout,
        problems: Problems::default(),
        username: Field::new(username),
        password: Field::default(),
        next: next.as_str().to_owned(),
    }
}
