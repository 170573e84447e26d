//! A message for the next page that somebody sees: how a form without script hears what was done.
//!
//! It travels in a cookie, which any replica can read and which costs no look into the database. Only
//! whoever holds the browser could put other words there, for themselves.

use axum::extract::FromRequestParts;
use http::request::Parts;
use tower_cookies::{Cookie, Cookies};
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::Duration;

use crate::error::HttpError;
use crate::pages::inventory::address::encode;
use crate::sessions::{self, Sessions};

/// Whoever does not get to the next page within this time is not surprised by it later.
const AGE_MAX: Duration = Duration::minutes(1);
/// Browsers keep cookies of 4 KiB; encoded, a character takes up to twelve bytes.
const CHARS_MAX: usize = 320;

/// Where the browser keeps the message.
#[derive(Clone, Debug)]
pub(crate) struct Flash {
    cookies: Cookies,
    plain_http: bool,
}

impl Flash {
    /// Leaves a whole sentence or a line like `−1 AA batteries → 41`, in place of one that nobody has
    /// seen yet.
    pub(crate) fn leave(&self, text: &str) {
        let clipped: String = text.chars().take(CHARS_MAX).collect();
        let mut value = String::new();
        encode(&mut value, &clipped);
        self.cookies.add(self.cookie(value));
    }

    /// Takes the message that was left, if there is one.
    pub(crate) fn take(&self) -> Option<String> {
        let left = self.cookies.get(self.name())?.value().to_owned();
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
