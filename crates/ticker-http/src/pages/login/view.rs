//! What the sign-in page shows.

use askama::Template;

use crate::pages::fields::{Field, Problems};
use crate::pages::layout::Layout;

#[derive(Template)]
#[template(path = "pages/login/login.html")]
pub(crate) struct LoginPage {
    pub(crate) layout: Layout,
    pub(crate) problems: Problems,
    pub(crate) username: Field,
    pub(crate) password: Field,
    /// The local path to go on to.
    pub(crate) next: String,
}
