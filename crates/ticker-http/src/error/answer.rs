//! Answers to errors, for whoever reads them.

use std::fmt::Write as _;
use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use ticker_domain::ledger::Refusal;

use super::{HttpError, Words, with_causes};
use crate::pages::error::ErrorPage;
use crate::pages::layout::{Layout, Section, Toast};
use crate::request::{Facts, Wants};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

/// In a response's extensions: its body says what it has to say, though its status is an error.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnWords;

/// Puts words to errors, and logs what is Ticker's own failure: once, here.
pub(crate) async fn answer_errors(request: Request, next: Next) -> Response {
    let facts = Facts::of(request.extensions()).cloned();
    let mut response = next.run(request).await;
    let error = match response.extensions_mut().remove::<Arc<HttpError>>() {
        Some(error) => error,
        None if is_bare(&response) => Arc::new(HttpError::from_bare(response.status())),
        None => return response,
    };
    match facts {
        Ok(facts) => answer(response, &error, &facts),
        Err(_) => response,
    }
}

/// Whether a response is an error that nobody has put words to.
fn is_bare(response: &Response) -> bool {
    let status = response.status();
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .map(HeaderValue::as_bytes);
    (status.is_client_error() || status.is_server_error())
        && content_type.is_none_or(|kind| kind.starts_with(b"text/plain"))
        && response.extensions().get::<OwnWords>().is_none()
}

/// The one function that answers errors. What layers have put into the headers stays there (`Allow`,
/// cookies); status and body are made anew.
fn answer(response: Response, error: &HttpError, facts: &Facts) -> Response {
    let words = error.words();
    log(error, &words, facts);
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.remove(CONTENT_TYPE);
    parts.status = words.status;
    if let Some(after) = words.retry_after {
        parts
            .headers
            .insert(RETRY_AFTER, after.as_secs().max(1).into());
    }
    if let Some(elsewhere) = goes_elsewhere(error, facts)
        && let Ok(place) = HeaderValue::try_from(elsewhere)
    {
        match facts.wants {
            Wants::Page => {
                parts.status = StatusCode::SEE_OTHER;
                parts.headers.insert(LOCATION, place);
                return Response::from_parts(parts, Body::empty());
            }
            Wants::Fragment => {
                parts.headers.insert("hx-redirect", place);
            }
            Wants::Json => {}
        }
    }
    let (content_type, body) = match facts.wants {
        Wants::Page => (HTML, page(&words, facts)),
        Wants::Fragment => (HTML, fragment(&words, facts)),
        Wants::Json => (PROBLEM, problem(error, &words, facts)),
    };
    parts.headers.insert(CONTENT_TYPE, content_type);
    Response::from_parts(parts, Body::from(body))
}

/// Where whoever asked should be instead: signing in, or choosing a password. A form that was sent
/// without a session stays an error, since what it holds would be lost on the way without a word.
fn goes_elsewhere(error: &HttpError, facts: &Facts) -> Option<String> {
    match error {
        HttpError::SignInNeeded if facts.is_safe => Some(facts.comes_from.sign_in_first()),
        HttpError::PasswordChangeDue => Some("/account/password".to_owned()),
        _ => None,
    }
}

fn page(words: &Words, facts: &Facts) -> String {
    let layout = facts
        .viewer()
        .map(|user| Layout::of(user, Section::Elsewhere));
    let page = ErrorPage {
        layout: layout.unwrap_or_default(),
        status: words.status.as_u16(),
        title: words.title.to_owned(),
        sentence: words.sentence.to_string(),
        failed: words.status.is_server_error(),
        retry: (facts.is_safe && words.status.is_server_error())
            .then(|| facts.comes_from.as_str().to_owned()),
        sign_in: sign_in(words, facts),
        request_id: Some(facts.request_id.to_string()),
    };
    page.render()
        .unwrap_or_else(|error| without_template(&error, facts))
}

/// Where to sign in, for whoever is not.
fn sign_in(words: &Words, facts: &Facts) -> Option<String> {
    (words.status == StatusCode::UNAUTHORIZED).then(|| facts.comes_from.sign_in_first())
}

/// A message that htmx puts beside what is on the page.
#[derive(Template)]
#[template(path = "parts/toast_answer.html")]
struct ToastAnswer {
    toast: Option<Toast>,
}

fn fragment(words: &Words, facts: &Facts) -> String {
    let toast = Toast {
        text: format!("{}. {}", words.title, words.sentence),
        is_error: true,
        request_id: Some(facts.request_id.to_string()),
        sign_in: sign_in(words, facts),
        undo: None,
    };
    let rendered = ToastAnswer { toast: Some(toast) }.render();
    rendered.unwrap_or_else(|error| without_template(&error, facts))
}

/// Not even the page for errors can be rendered.
fn without_template(error: &askama::Error, facts: &Facts) -> String {
    tracing::error!(request_id = %facts.request_id, %error, "the error page failed");
    format!(
        "<!doctype html><title>Ticker</title><p>Something broke. Request {}",
        facts.request_id
    )
}

/// A problem as RFC 9457 has it. `about:blank` is for problems that are what their status says.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    instance: String,
    request_id: String,
    /// What the ledger refused, for programs.
    #[serde(flatten)]
    refusal: Option<&'a Refusal>,
}

fn problem(error: &HttpError, words: &Words, facts: &Facts) -> String {
    let problem = Problem {
        r#type: "about:blank",
        title: words.status.canonical_reason().unwrap_or(words.title),
        status: words.status.as_u16(),
        detail: &words.sentence,
        instance: format!("urn:uuid:{}", facts.request_id),
        request_id: facts.request_id.to_string(),
        refusal: error.refusal(),
    };
    // A struct of texts and a number is always JSON.
    serde_json::to_string(&problem).unwrap_or_default()
}

fn log(error: &HttpError, words: &Words, facts: &Facts) {
    let (request_id, status) = (facts.request_id, words.status.as_u16());
    let user = facts.viewer().map(|user| user.id.0);
    match words.status {
        StatusCode::SERVICE_UNAVAILABLE => {
            tracing::warn!(%request_id, status, user, error = %chain(error), "not available");
        }
        status_code if status_code.is_server_error() => {
            tracing::error!(%request_id, status, user, error = %chain(error), "request failed");
        }
        _ => {
            tracing::debug!(%request_id, status, user, error = %chain(error), "request refused");
        }
    }
}

/// An error with what caused it, on one line. A cause that its effect has quoted is not repeated.
fn chain(error: &HttpError) -> String {
    let mut text = error.to_string();
    for cause in with_causes(error).map(ToString::to_string) {
        if !text.contains(&cause) {
            // Writing into a String cannot fail.
            let _ = write!(text, ": {cause}");
        }
    }
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
