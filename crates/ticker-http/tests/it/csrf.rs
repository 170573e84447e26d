//! Changes come from our own pages only: every route that changes something, with every combination of
//! what browsers say about where a request comes from.

use http::{Method, StatusCode};
use ticker_domain::user::Role;

use crate::app::{Browser, ORIGIN_URL, TestApp};

/// `Origin`, `Sec-Fetch-Site`, and whether the request is let through.
const CASES: [(Option<&str>, Option<&str>, bool); 19] = [
    (Some(ORIGIN_URL), Some("same-origin"), true),
    (Some(ORIGIN_URL), None, true),
    (Some(ORIGIN_URL), Some(""), true),
    (None, Some("same-origin"), true),
    (None, Some("none"), true),
    (Some("https://evil.example"), Some("cross-site"), false),
    (Some("https://evil.example"), Some("same-site"), false),
    (Some("https://evil.example"), None, false),
    (
        Some("https://evil.stock.example.com"),
        Some("same-site"),
        false,
    ),
    (Some("https://stock.example.com.evil.example"), None, false),
    (Some("https://stock.example.com:8443"), None, false),
    // The same host without encryption: what the layer's rule about `Host` would let through.
    (Some("http://stock.example.com"), None, false),
    (Some("http://stock.example.com"), Some("cross-site"), false),
    (Some("null"), None, false),
    (Some("null"), Some("cross-site"), false),
    (None, Some("cross-site"), false),
    (None, Some("same-site"), false),
    (None, Some("Same-Origin"), false),
    (None, None, false),
];

async fn is_refused(
    browser: &Browser<'_>,
    path: &str,
    origin: Option<&str>,
    site: Option<&str>,
) -> bool {
    let mut ask = browser.ask(Method::POST, path).without("origin").form(&[]);
    if let Some(origin) = origin {
        ask = ask.header("origin", origin);
    }
    if let Some(site) = site {
        ask = ask.header("sec-fetch-site", site);
    }
    let answer = ask.send().await;
    let refused = answer.text().contains("That came from elsewhere");
    assert_eq!(
        refused,
        answer.status == StatusCode::FORBIDDEN,
        "{path} {answer:?}"
    );
    refused
}

#[tokio::test]
async fn a_change_from_elsewhere_is_refused_on_every_route() {
    let app = TestApp::new().await;
    let admin = app.db.user(Role::Admin).await;
    let item = app.db.item("AA batteries").stock(5).await;
    let mut routes = 0;
    for route in ticker_http::routes()
        .iter()
        .filter(|route| route.method != Method::GET)
    {
        let path = route.path.replace("{id}", &item.id.to_string());
        let browser = app.browser_of(&admin).await;
        let before = app.state().await;
        for (origin, site, allowed) in CASES.into_iter().filter(|(_, _, allowed)| !allowed) {
            let refused = is_refused(&browser, &path, origin, site).await;
            assert_eq!(refused, !allowed, "{path} {origin:?} {site:?}");
        }
        assert_eq!(app.state().await, before, "{path}");
        for (origin, site, _) in CASES.into_iter().filter(|(_, _, allowed)| *allowed) {
            // A browser of its own, as signing out ends its session.
            let browser = app.browser_of(&admin).await;
            let refused = is_refused(&browser, &path, origin, site).await;
            assert!(!refused, "{path} {origin:?} {site:?}");
        }
        routes += 1;
    }
    assert!(routes >= 10, "{routes}");
}

#[tokio::test]
async fn without_a_cookie_only_what_comes_from_a_browser_elsewhere_is_refused() {
    let app = TestApp::new().await;
    let nobody = app.stranger();
    assert!(
        !is_refused(&nobody, "/login", None, None).await,
        "a program signs in"
    );
    for (origin, site, allowed) in CASES.into_iter().take(CASES.len() - 1) {
        let refused = is_refused(&nobody, "/login", origin, site).await;
        assert_eq!(refused, !allowed, "{origin:?} {site:?}");
    }
}

#[tokio::test]
async fn asking_is_allowed_from_anywhere() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    let answer = browser
        .ask(Method::GET, "/")
        .header("origin", "https://evil.example")
        .header("sec-fetch-site", "cross-site")
        .send()
        .await;
    assert_eq!(answer.status, StatusCode::OK, "a link from elsewhere");
}
