//! A message for the next page that somebody sees: how a form without script hears what was done.
//!
//! It travels in a cookie, which any replica can read and which costs no look into the database. Only
//! whoever holds the browser could put other words there, for themselves.

use axum::extract::FromRequestParts;
use http::request::Parts;
use tower_cookies::{Cookie, Cookies};
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::Duration;

use ticker_domain::id::{ItemId, PostingId};

use crate::error::HttpError;
use crate::next::LocalPath;
use crate::pages::inventory::address::encode;
use crate::sessions::{self, Sessions};

/// Whoever does not get to the next page within this time is not surprised by it later.
const AGE_MAX: Duration = Duration::minutes(1);
/// Browsers keep cookies of 4 KiB; encoded, a character takes up to twelve bytes.
const CHARS_MAX: usize = 320;
/// What is left of the 4 KiB beside the cookie's name and attributes. A message comes without Undo where
/// there is no room for both.
const VALUE_BYTES_MAX: usize = 3_840;

/// Where the browser keeps the message.
#[derive(Clone, Debug)]
pub(crate) struct Flash {
    cookies: Cookies,
    plain_http: bool,
}

/// A message for the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Left {
    /// A whole sentence or a line like `−1 AA batteries → 41`.
    pub(crate) text: String,
    /// Whether it says that something was not done.
    pub(crate) is_refusal: bool,
    /// What can be taken back.
    pub(crate) undo: Option<LeftUndo>,
}

/// A posting that can be taken back from the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeftUndo {
    /// The posting.
    pub(crate) posting: PostingId,
    /// The item that the page is about.
    pub(crate) item: ItemId,
    /// The location that the list is filtered for; empty for none.
    pub(crate) view_location: String,
    /// The local path of the page.
    pub(crate) return_to: String,
}

/// Stands between the parts of a message, none of which holds a line break, and for a refusal.
const BREAK: char = '\n';
const REFUSAL: &str = "!";

impl Left {
    /// Something was done.
    pub(crate) fn done(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            is_refusal: false,
            undo: None,
        }
    }

    /// Something was not done.
    pub(crate) fn refused(text: &str) -> Self {
        Self {
            is_refusal: true,
            ..Self::done(text)
        }
    }

    /// With what can be taken back.
    pub(crate) fn with_undo(self, undo: LeftUndo) -> Self {
        Self {
            undo: Some(undo),
            ..self
        }
    }

    /// As a cookie's value: encoded, and short enough for one.
    fn write(&self) -> String {
        let clipped: String = self.text.chars().take(CHARS_MAX).collect();
        let mut value = String::new();
        encode(&mut value, &clipped);
        let mut rest = String::new();
        if self.is_refusal {
            encode(&mut rest, &format!("{BREAK}{REFUSAL}"));
        } else if let Some(undo) = &self.undo {
            let LeftUndo {
                posting,
                item,
                view_location,
                return_to,
            } = undo;
            let parts = [
                &posting.to_string(),
                &item.to_string(),
                view_location,
                return_to,
            ];
            for part in parts {
                encode(&mut rest, &format!("{BREAK}{part}"));
            }
        }
        if value.len() + rest.len() <= VALUE_BYTES_MAX {
            value.push_str(&rest);
        }
        value
    }

    /// From a cookie's value, decoded.
    fn read(value: &str) -> Self {
        let mut parts = value.split(BREAK);
        let left = Self::done(parts.next().unwrap_or_default());
        match parts.collect::<Vec<_>>()[..] {
            [REFUSAL] => Self::refused(&left.text),
            [posting, item, view_location, return_to] => match (posting.parse(), item.parse()) {
                (Ok(posting), Ok(item)) => left.with_undo(LeftUndo {
                    posting,
                    item,
                    view_location: view_location.to_owned(),
                    return_to: LocalPath::parse(return_to).as_str().to_owned(),
                }),
                _ => left,
            },
            _ => left,
        }
    }
}

impl Flash {
    /// Leaves a message in place of one that nobody has seen yet.
    pub(crate) fn leave(&self, left: &Left) {
        self.cookies.add(self.cookie(left.write()));
    }

    /// Takes the message that was left, if there is one.
    pub(crate) fn take(&self) -> Option<Left> {
        let left = Left::read(self.cookies.get(self.name())?.value());
        self.cookies.remove(self.cookie(String::new()));
        Some(left)
    }

    fn cookie(&self, value: String) -> Cookie<'static> {
        Cookie::build((self.name(), value))
            .secure(!self.plain_http)
            .http_only(true)
            .same_site(SameSite::Lax)
            .path("/")
            .max_age(AGE_MAX)
            .build()
    }

    fn name(&self) -> &'static str {
        if self.plain_http {
            "ticker-flash"
        } else {
            "__Host-ticker-flash"
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Flash {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, HttpError> {
        let plain_http = Sessions::of(&parts.extensions)?.plain_http;
        let cookies = parts.extensions.get::<Cookies>().cloned();
        let cookies = cookies.ok_or(sessions::OUTSIDE)?;
        Ok(Self {
            cookies,
            plain_http,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(left: &Left) -> Left {
        let value = left.write();
        assert!(value.len() <= VALUE_BYTES_MAX, "{}", value.len());
        let pairs = format!("x={value}");
        let decoded = url::form_urlencoded::parse(pairs.as_bytes()).next();
        Left::read(&decoded.expect("one value").1)
    }

    fn undo(return_to: &str) -> LeftUndo {
        LeftUndo {
            posting: PostingId(12),
            item: ItemId(7),
            view_location: "3".to_owned(),
            return_to: return_to.to_owned(),
        }
    }

    #[test]
    fn a_message_arrives_as_it_was_left() {
        let done = Left::done("−1 AA & “C” batteries → 41");
        let refused = Left::refused("None left.");
        let undoable = done.clone().with_undo(undo("/?location=3&q=a%20b#item-7"));
        for left in [done, refused, undoable] {
            assert_eq!(sent(&left), left);
        }
    }

    #[test]
    fn a_message_without_room_for_undo_goes_without() {
        let long = Left::done(&"−".repeat(CHARS_MAX)).with_undo(undo(&"/%20".repeat(400)));
        assert_eq!(sent(&long), Left::done(&long.text));
    }

    #[test]
    fn what_somebody_else_wrote_leads_nowhere_else() {
        let left = Left::read("Done\n1\n2\n\nhttps://elsewhere.example");
        assert_eq!(left.undo.unwrap().return_to, "/");
        for odd in ["Done\nx\n2\n\n/", "Done\n1", "Done\n1\n2\n3\n4\n5"] {
            assert_eq!(Left::read(odd), Left::done("Done"), "{odd:?}");
        }
    }
}
