//! What is known about a request before and beside its handler.

use std::sync::{Arc, OnceLock};

use http::header::{ACCEPT, REFERER};
use http::{Extensions, HeaderMap, Method, Request, Uri};
use ticker_auth::SignedIn;

use crate::client_address::ClientAddress;
use crate::error::HttpError;
use crate::next::LocalPath;
use crate::request_id::RequestId;

/// What is known about a request. The outermost middleware puts it into the request's extensions and
/// keeps a handle, so that what is learned further in (who is signed in) is known to the log and to
/// the page that an error is answered with.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) request_id: RequestId,
    pub(crate) client: ClientAddress,
    /// Whether the request only asks.
    pub(crate) is_safe: bool,
    pub(crate) wants: Wants,
    /// Where the person should get back to after signing in.
    pub(crate) comes_from: LocalPath,
    viewer: OnceLock<Arc<SignedIn>>,
}

/// What an answer is read by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// A person's browser, as a page.
    Page,
    /// htmx, as a part of the page that it stands on.
    Fragment,
    /// A program.
    Json,
}

impl Facts {
    pub(crate) fn new<B>(request: &Request<B>, client: ClientAddress) -> Arc<Self> {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        let is_safe = matches!(*method, Method::GET | Method::HEAD);
        let wants = Wants::of(uri, headers);
        Arc::new(Self {
            request_id: RequestId::new(),
            client,
            is_safe,
            wants,
            comes_from: comes_from(is_safe, wants, uri, headers),
            viewer: OnceLock::new(),
        })
    }

    /// The facts about the request with these extensions.
    pub(crate) fn of(extensions: &Extensions) -> Result<&Arc<Self>, HttpError> {
        let facts = extensions.get::<Arc<Self>>();
        facts.ok_or(HttpError::Defect(
            "a request came past the outermost middleware",
        ))
    }

    /// Remembers who is signed in.
    pub(crate) fn learn_viewer(&self, viewer: Arc<SignedIn>) {
        // Whoever is signed in when a request begins is so until it ends.
        let _ = self.viewer.set(viewer);
    }

    /// Who is signed in, if that was asked and is so.
    pub(crate) fn viewer(&self) -> Option<&Arc<SignedIn>> {
        self.viewer.get()
    }
}

impl Wants {
    fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        if uri.path().starts_with("/api/") || prefers_json(headers) {
            Self::Json
        } else if is_htmx(headers) {
            Self::Fragment
        } else {
            Self::Page
        }
    }
}

/// Whether htmx asks for a part of a page. A boosted link asks for a whole one.
fn is_htmx(headers: &HeaderMap) -> bool {
    let is_true = |name| headers.get(name).is_some_and(|value| value == "true");
    is_true("hx-request") && !is_true("hx-boosted")
}

/// Whether JSON is named in `Accept`, and HTML is not or is liked less (RFC 9110, section 12.5.1). Whoever
/// asks for events is a program, too.
fn prefers_json(headers: &HeaderMap) -> bool {
    let (mut json, mut html) = (0.0_f32, 0.0_f32);
    let accept = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    for range in accept.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        let quality = quality.map_or(1.0, |quality| quality.parse().unwrap_or(0.0));
        match kind {
            "application/json" | "application/problem+json" | "text/event-stream" => {
                json = json.max(quality);
            }
            "text/html" => html = html.max(quality),
            _ => {}
        }
    }
    json > html
}

/// A page that is asked for is where the person is. A part of a page, or a form, was sent from one.
fn comes_from(is_safe: bool, wants: Wants, uri: &Uri, headers: &HeaderMap) -> LocalPath {
    let sent_from = |name: &str| -> Option<Uri> { headers.get(name)?.to_str().ok()?.parse().ok() };
    let uri = match wants {
        Wants::Fragment => sent_from("hx-current-url").or_else(|| sent_from(REFERER.as_str())),
        Wants::Page if !is_safe => sent_from(REFERER.as_str()),
        Wants::Page | Wants::Json => Some(uri.clone()),
    };
    let path = uri.as_ref().and_then(Uri::path_and_query);
    path.map(|path| LocalPath::parse(path.as_str()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn json_is_answered_only_to_who_asks_for_it() {
        for (accept, json) in [
            ("*/*", false),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                false,
            ),
            ("application/json", true),
            ("application/problem+json", true),
            ("application/json, text/html;q=0.9", true),
            ("application/json;q=0.8, text/html", false),
            ("application/json;q=x", false),
            ("text/event-stream", true),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(prefers_json(&headers), json, "{accept}");
        }
    }
}
