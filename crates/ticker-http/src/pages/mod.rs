//! The pages: each feature's handlers in a module of its name, what its templates show in `view` below
//! it. Handlers translate between forms and the application; they decide nothing.

pub(crate) mod account;
pub(crate) mod adjust;
pub(crate) mod archive;
pub(crate) mod bulk;
pub(crate) mod changed;
pub(crate) mod display;
pub(crate) mod enroll;
pub(crate) mod error;
pub(crate) mod fields;
pub(crate) mod group;
pub(crate) mod history;
pub(crate) mod inventory;
pub(crate) mod item;
pub(crate) mod item_new;
pub(crate) mod labels;
pub(crate) mod layout;
pub(crate) mod login;
pub(crate) mod preferences;
pub(crate) mod scan;
pub(crate) mod shortcuts;
pub(crate) mod transfer;
pub(crate) mod undo;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Redirect, Response};
use ticker_auth::Grant;
use ticker_domain::permission::StockView;
use uuid::Uuid;

use self::layout::Toast;
use crate::error::PageResult;
use crate::flash::{Flash, Left, LeftUndo};
use crate::state::Web;

/// Told when a form comes without its one-time key.
const KEY_LOST: &str = "This form has lost its key. Look it over and send it again.";

/// Told when a form's one-time key came before with something else.
const KEY_REUSED: &str = "This form was sent before with other content; nothing changed now. Check it and send it again.";

/// Answers with a template.
fn page(status: StatusCode, template: &impl Template) -> PageResult {
    Ok((status, Html(template.render()?)).into_response())
}

/// Sends the browser on to another page, by GET.
fn see_other(path: &str) -> Response {
    Redirect::to(path).into_response()
}

/// Sends the browser on to another page, which says what was done.
fn see_other_with(path: &str, flash: &Flash, done: &str) -> Response {
    flash.leave(&Left::done(done));
    see_other(path)
}

/// What an earlier request left to be said.
fn left_toast(flash: &Flash) -> Option<Toast> {
    let left = flash.take()?;
    Some(if left.is_refusal {
        Toast::refused(left.text)
    } else {
        Toast::done(left.text).with_undo(left.undo.map(LeftUndo::form))
    })
}

/// A key for a form, which makes it count once however often it is sent.
fn new_key() -> String {
    Uuid::new_v4().to_string()
}

/// Where the live stream of a page begins: asked for before anything on the page is read, so that nothing
/// can move between the two. A page whose stream begins anew is better than none.
async fn live_cursor(web: &Web, by: &Grant<StockView>) -> String {
    let position = web.app.live_position(by).await;
    position.map_or_else(|_| String::new(), |position| position.to_string())
}
