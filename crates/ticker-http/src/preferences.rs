//! How somebody likes the pages: a browser's own settings, kept in its cookies.
//!
//! They are the browser's and not the account's: what suits the tablet in the stockroom does not suit the
//! desk. So every page knows them, with or without a session, at no cost, and draws itself accordingly
//! before the first pixel is seen.

use std::fmt;

use axum::extract::{FromRequestParts, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderMap;
use http::header::COOKIE;
use http::request::Parts;
use tower_cookies::{Cookie, Cookies};
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::Duration;

use crate::error::HttpError;
use crate::sessions::{self, Sessions};

/// Browsers keep a cookie no longer.
const AGE_MAX: Duration = Duration::days(400);

const THEME: &str = "ticker-theme";
const SHORTCUTS: &str = "ticker-shortcuts";
/// Where everything is encrypted, browsers keep cookies of this prefix for the very host only.
const HOST_PREFIX: &str = "__Host-";

/// What a browser has chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Preferences {
    /// How pages are coloured.
    pub(crate) theme: Theme,
    /// Whether single keys do something.
    pub(crate) shortcuts: Shortcuts,
}

/// How pages are coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system is.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// Whether single keys do something. Who steers by voice, or presses keys by accident, turns them off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shortcuts {
    /// They do.
    #[default]
    On,
    /// They do not.
    Off,
}

/// A preference with a few values, each of which shows itself as the word in cookies, forms and pages.
pub(crate) trait Choice: Copy + PartialEq + Default + fmt::Display + 'static {
    /// The name of its cookie, without prefix.
    const COOKIE: &'static str;
    /// All values; the first is the default, for which no cookie is kept.
    const ALL: &'static [Self];

    /// The value with this word.
    fn read(word: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|value| value.to_string() == word)
    }
}

impl Choice for Theme {
    const COOKIE: &'static str = THEME;
    const ALL: &'static [Self] = &[Self::System, Self::Light, Self::Dark];
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        })
    }
}

impl Theme {
    /// Every theme, in the order in which they are offered.
    pub(crate) fn all() -> &'static [Self] {
        Self::ALL
    }

    /// The word that people read.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

impl Choice for Shortcuts {
    const COOKIE: &'static str = SHORTCUTS;
    const ALL: &'static [Self] = &[Self::On, Self::Off];
}

impl fmt::Display for Shortcuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "on",
            Self::Off => "off",
        })
    }
}

impl Shortcuts {
    /// Whether they are on.
    pub(crate) fn are_on(self) -> bool {
        self == Self::On
    }
}

tokio::task_local! {
    static CURRENT: Preferences;
}

/// Lets every page that a request leads to know its preferences, whichever handler draws it.
pub(crate) async fn know(request: Request, next: Next) -> Response {
    let preferences = Preferences::of(request.headers());
    CURRENT.scope(preferences, next.run(request)).await
}

/// The preferences of whoever is being answered.
pub(crate) fn current() -> Preferences {
    CURRENT.try_with(|known| *known).unwrap_or_default()
}

impl Preferences {
    fn of(headers: &HeaderMap) -> Self {
        Self {
            theme: chosen(headers),
            shortcuts: chosen(headers),
        }
    }
}

/// What the cookies say; the default if they say nothing that is known.
fn chosen<C: Choice>(headers: &HeaderMap) -> C {
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    let is_meant = |name: &str| name.strip_prefix(HOST_PREFIX).unwrap_or(name) == C::COOKIE;
    pairs
        .find_map(|(name, word)| is_meant(name).then(|| C::read(word)).flatten())
        .unwrap_or_default()
}

/// Where the browser keeps its preferences.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    cookies: Cookies,
    plain_http: bool,
}

impl Keeper {
    /// Keeps a choice, or forgets one that is the default.
    pub(crate) fn keep<C: Choice>(&self, choice: C) {
        let name = if self.plain_http {
            C::COOKIE.to_owned()
        } else {
            format!("{HOST_PREFIX}{}", C::COOKIE)
        };
        let cookie = Cookie::build((name, choice.to_string()))
            .secure(!self.plain_http)
            .http_only(true)
            .same_site(SameSite::Lax)
            .path("/")
            .max_age(if choice == C::default() {
                Duration::ZERO
            } else {
                AGE_MAX
            })
            .build();
        self.cookies.add(cookie);
    }
}

impl<S: Sync> FromRequestParts<S> for Keeper {
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
    use http::HeaderValue;

    use super::*;

    #[test]
    fn cookies_choose_and_nonsense_does_not() {
        for (cookies, theme, shortcuts) in [
            ("", Theme::System, Shortcuts::On),
            ("ticker-theme=dark", Theme::Dark, Shortcuts::On),
            (
                "a=b; __Host-ticker-theme=light; ticker-shortcuts=off",
                Theme::Light,
                Shortcuts::Off,
            ),
            ("ticker-theme=\"><script>", Theme::System, Shortcuts::On),
            ("xticker-theme=dark", Theme::System, Shortcuts::On),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIE, HeaderValue::from_static(cookies));
            let expected = Preferences { theme, shortcuts };
            assert_eq!(Preferences::of(&headers), expected, "{cookies}");
        }
    }
}
