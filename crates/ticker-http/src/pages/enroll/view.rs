//! What the enroll pages show.

use askama::Template;

use crate::pages::fields::{Field, Problems};
use crate::pages::layout::Layout;

#[derive(Template)]
#[template(path = "pages/enroll/enroll.html")]
pub(crate) struct EnrollPage {
    pub(crate) layout: Layout,
    pub(crate) problems: Problems,
    pub(crate) username: Field,
    pub(crate) display_name: Field,
    pub(crate) role: Field,
    pub(crate) roles: Vec<RoleChoice>,
    /// `generated` or `typed`.
    pub(crate) password_choice: String,
    /// A password to offer.
    pub(crate) generated_password: String,
    pub(crate) password: Field,
    pub(crate) password_hint: String,
    pub(crate) must_change_password: bool,
    /// The form's one-time key.
    pub(crate) key: String,
}

/// A role to choose, with what it is for.
pub(crate) struct RoleChoice {
    pub(crate) value: &'static str,
    pub(crate) label: &'static str,
    pub(crate) sentence: &'static str,
}

#[derive(Template)]
#[template(path = "pages/enroll/enrolled.html")]
pub(crate) struct EnrolledPage {
    pub(crate) layout: Layout,
    pub(crate) display_name: String,
    pub(crate) username: String,
    pub(crate) role: &'static str,
    pub(crate) must_change_password: bool,
    /// The password that was made for them, shown this once.
    pub(crate) generated: Option<String>,
}
