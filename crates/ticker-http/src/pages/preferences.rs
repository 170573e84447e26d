//! Choosing how pages look and listen, from the account menu.

use axum::Extension;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use std::sync::Arc;

use super::see_other;
use crate::error::PageResult;
use crate::form::Form;
use crate::preferences::{Choice, Keeper, Shortcuts, Theme};
use crate::request::{Facts, Wants};

/// What was chosen; what is not named stays as it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Input {
    theme: Option<String>,
    shortcuts: Option<String>,
}

/// Keeps what was chosen, and shows the page that it was chosen on. A word that is none changes nothing.
pub(crate) async fn choose(
    Extension(facts): Extension<Arc<Facts>>,
    keeper: Keeper,
    Form(input): Form<Input>,
) -> PageResult {
    keep::<Theme>(&keeper, input.theme.as_deref());
    keep::<Shortcuts>(&keeper, input.shortcuts.as_deref());
    Ok(answer(&facts))
}

fn keep<C: Choice>(keeper: &Keeper, word: Option<&str>) {
    if let Some(choice) = word.and_then(C::read) {
        keeper.keep(choice);
    }
}

/// Script has changed the page already.
fn answer(facts: &Facts) -> Response {
    if facts.wants == Wants::Fragment {
        StatusCode::NO_CONTENT.into_response()
    } else {
        see_other(facts.comes_from.as_str())
    }
}
