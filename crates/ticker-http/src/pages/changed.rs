//! What whoever changed stock sees next: the row or the panel as it is now, and a message with Undo.

pub(crate) mod json;

use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use ticker_auth::SignedIn;
use ticker_domain::id::{ItemId, LocationId, PostingId};
use ticker_domain::permission::StockView;

use super::inventory::row;
use super::inventory::view::RowAnswer;
use super::layout::{Toast, UndoForm};
use super::{item, new_key, page, see_other};
use crate::error::{HttpError, PageResult};
use crate::flash::{Flash, Left, LeftUndo};
use crate::next::LocalPath;
use crate::state::Web;

/// Where somebody changed an item's stock, and so what the answer belongs to.
pub(crate) struct Place<'a> {
    pub(crate) web: &'a Web,
    pub(crate) user: &'a SignedIn,
    pub(crate) item: ItemId,
    /// The id of the element that script puts the answer in the place of.
    pub(crate) target: Option<&'a str>,
    /// The location that the list is filtered for, as sent.
    pub(crate) view_location: &'a str,
    /// The local path to come back to, as sent.
    pub(crate) return_to: &'a str,
}

/// The id of the element that script puts an answer in the place of.
pub(crate) fn target(headers: &HeaderMap) -> Option<&str> {
    headers.get("hx-target")?.to_str().ok()
}

impl Place<'_> {
    /// A message that the change is done, and the way to take it back.
    pub(crate) fn done(&self, text: impl Into<String>, posting: PostingId) -> Toast {
        Toast::done(text).with_undo(Some(self.undo(posting).form()))
    }

    /// The row or the panel as it is now, and a message.
    pub(crate) async fn fragment(&self, status: StatusCode, toast: Toast) -> PageResult {
        let view = self.user.grant::<StockView>()?;
        let toast = Some(toast);
        if self.target == Some("stock") {
            let answer = item::stock_answer(self.web, &view, self.item, toast).await?;
            return page(status, &answer);
        }
        let view_location = read_location(self.view_location)?;
        let row = self
            .web
            .app
            .stock_row(&view, self.item, view_location)
            .await?;
        let row = row.ok_or(HttpError::NotFound)?;
        let return_to = LocalPath::parse(self.return_to);
        let row = row::show(
            &row,
            view_location,
            return_to.as_str(),
            true,
            self.web.clock.now(),
        );
        page(status, &RowAnswer { row, toast })
    }

    /// Back to where the form was sent from, which says what was done and offers to take it back.
    pub(crate) fn see_other(&self, flash: &Flash, done: &str, posting: PostingId) -> Response {
        flash.leave(&Left::done(done).with_undo(self.undo(posting)));
        see_other(LocalPath::parse(self.return_to).as_str())
    }

    /// Back to where the form was sent from, which says why nothing was done.
    pub(crate) fn see_other_refused(&self, flash: &Flash, why: &str) -> Response {
        flash.leave(&Left::refused(why));
        see_other(LocalPath::parse(self.return_to).as_str())
    }

    fn undo(&self, posting: PostingId) -> LeftUndo {
        LeftUndo {
            posting,
            item: self.item,
            view_location: self.view_location.to_owned(),
            return_to: LocalPath::parse(self.return_to).as_str().to_owned(),
        }
    }
}

impl LeftUndo {
    /// The form that takes it back.
    pub(crate) fn form(self) -> UndoForm {
        UndoForm {
            action: format!("/postings/{}/undo", self.posting),
            key: new_key(),
            item: self.item.0,
            view_location: self.view_location,
            return_to: self.return_to,
        }
    }
}

/// The location that a form or an address names; `None` where it names none.
pub(crate) fn read_location(text: &str) -> Result<Option<LocationId>, HttpError> {
    if text.is_empty() {
        return Ok(None);
    }
    let bad = |_| HttpError::bad_request("A location is given by its number.");
    text.parse().map(Some).map_err(bad)
}
