//! What the page for one's own password shows.

use askama::Template;

use crate::pages::fields::{Field, Problems};
use crate::pages::layout::Layout;

#[derive(Template)]
#[template(path = "pages/account/change_password.html")]
pub(crate) struct ChangePasswordPage {
    pub(crate) layout: Layout,
    pub(crate) problems: Problems,
    pub(crate) username: String,
    /// Whether nothing else can be done before.
    pub(crate) must_change: bool,
    pub(crate) current: Field,
    pub(crate) new: Field,
    pub(crate) repeat: Field,
    /// What a password must be like.
    pub(crate) hint: String,
}
