//! A message for the next page that somebody sees: how a form without script hears what became of it.

use serde::{Deserialize, Serialize};
use ticker_auth::SignedIn;
use tower_sessions::Session;

use crate::error::HttpError;

const KEY: &str = "flash";

/// A message for the next page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flash {
    pub(crate) kind: FlashKind,
    /// A whole sentence or a line like `−1 AA batteries → 41`.
    pub(crate) text: String,
}

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FlashKind {
    /// It was done.
    Success,
    /// It was not done, for a reason that the person can do something about.
    Refused,
    /// It was not done because something failed.
    Failed,
}

/// Leaves a message, in place of one that nobody has seen yet. Whoever is not signed in has no session
/// to leave it in, and gets none.
///
/// # Errors
/// [`HttpError`] if the session cannot be read.
pub(crate) async fn set(session: &Session, flash: Flash) -> Result<(), HttpError> {
    if SignedIn::of(session).await?.is_some() {
        session.insert(KEY, flash).await?;
    }
    Ok(())
}

/// Takes the message that was left, if there is one.
///
/// # Errors
/// [`HttpError`] if the session cannot be read.
pub(crate) async fn take(session: &Session) -> Result<Option<Flash>, HttpError> {
    // Removing what is not there would have the session written for nothing.
    if session.get_value(KEY).await?.is_none() {
        return Ok(None);
    }
    // A message of another release that cannot be read is dropped.
    Ok(session
        .remove_value(KEY)
        .await?
        .and_then(|value| serde_json::from_value(value).ok()))
}
