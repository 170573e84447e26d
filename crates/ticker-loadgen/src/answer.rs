//! Answers, as far as all kinds of requests have them in common.

use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderMap, HeaderValue, LOCATION, RETRY_AFTER, SET_COOKIE};
use http::response::Parts;
use serde::Deserialize;

use crate::failure::Broken;

/// The head of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: StatusCode,
    /// When to ask again, if it says so.
    pub(crate) retry_after: Option<Duration>,
    /// The session it begins: a cookie's name and value, as the next request sends them.
    pub(crate) session: Option<HeaderValue>,
    /// Where it leads.
    pub(crate) location: Option<String>,
    /// How often the request was sent until this answer came: 1 is the first time.
    pub(crate) tries: u32,
}

impl Answer {
    /// Reads the head of the answer to the try of that number.
    pub(crate) fn read(parts: &Parts, tries: u32) -> Self {
        Self {
            status: parts.status,
            retry_after: retry_after(&parts.headers),
            session: parts.headers.get(SET_COOKIE).and_then(session),
            location: location(&parts.headers),
            tries,
        }
    }

    /// Whether it says that nobody is signed in: in words, or by the way to the sign-in.
    pub(crate) fn asks_to_sign_in(&self) -> bool {
        let leads_there = || {
            let location = self.location.as_deref();
            location.is_some_and(|location| location.starts_with("/login"))
        };
        self.status == StatusCode::UNAUTHORIZED || (self.status.is_redirection() && leads_there())
    }

    /// The answer as a failure.
    pub(crate) fn failure(&self, body: &[u8]) -> Broken {
        Broken::answered(self.status, self.asks_to_sign_in(), self.words(body))
    }

    /// Whether the same request may fare better later: the server, or a proxy before it, is busy, starts
    /// or stops. What was asked for may have happened all the same.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(
            self.status,
            StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::GATEWAY_TIMEOUT
        )
    }

    /// The answer in words, for a person: its status, and what a problem's body says about it.
    pub(crate) fn words(&self, body: &[u8]) -> String {
        let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
        match problem.detail.or(problem.title) {
            Some(words) => format!("{}: {words}", self.status),
            None => self.status.to_string(),
        }
    }
}

/// What is read of a body of `application/problem+json`.
#[derive(Debug, Default, Deserialize)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.parse().ok().map(Duration::from_secs)
}

fn location(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(LOCATION)?.to_str().ok()?;
    Some(text.to_owned())
}

fn session(set_cookie: &HeaderValue) -> Option<HeaderValue> {
    let text = set_cookie.to_str().ok()?;
    let cookie = text.split(';').next()?;
    HeaderValue::from_str(cookie).ok()
}
