//! What the error page shows.

use askama::Template;

use crate::pages::layout::Layout;

#[derive(Template)]
#[template(path = "pages/error/error.html")]
pub(crate) struct ErrorPage {
    pub(crate) layout: Layout,
    /// The HTTP status.
    pub(crate) status: u16,
    pub(crate) title: String,
    /// What happened and what can be done, in plain words.
    pub(crate) sentence: String,
    /// Whether Ticker failed, as against having been asked for something it refuses.
    pub(crate) failed: bool,
    /// Where trying again leads, if that makes sense.
    pub(crate) retry: Option<String>,
    /// Where signing in leads, if that is what is missing.
    pub(crate) sign_in: Option<String>,
    pub(crate) request_id: Option<String>,
}
