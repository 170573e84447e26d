//! Bad input on every route: always the right refusal, never a failure of ours.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use futures_util::stream;
use http::{Method, StatusCode};
use ticker_domain::user::Role;
use ticker_http::Route;

use crate::app::{Browser, TestApp};

const IDS: &str = "abc -1 +1 0 01 1.5 1e3 9223372036854775808 99999999999999999999999999999999 %00 1%00 %FF \
    1%2F2 %D9%A1";

pub(crate) fn routes(method: &Method) -> impl Iterator<Item = &'static Route> {
    let method = method.clone();
    ticker_http::routes()
        .iter()
        .filter(move |route| route.method == method)
}

/// A path of the route, about this item.
pub(crate) fn path(route: &Route, id: &str) -> String {
    route.path.replace("{id}", id).replace("{file}", "x.css")
}

async fn admin_and_item(app: &TestApp) -> (Browser<'_>, String) {
    let item = app.db.item("AA batteries").stock(5).await;
    (app.browser(Role::Admin).await, item.id.to_string())
}

#[tokio::test]
async fn a_wrong_method_is_405_on_every_path() {
    let app = TestApp::new().await;
    let (admin, item) = admin_and_item(&app).await;
    let paths: std::collections::BTreeSet<_> = ticker_http::routes()
        .iter()
        .map(|route| route.path)
        .collect();
    for template in paths {
        let here = ticker_http::routes()
            .iter()
            .filter(|route| route.path == template);
        let known: Vec<_> = here.map(|route| route.method.as_str()).collect();
        for method in [
            "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW",
        ] {
            if known.contains(&method) {
                continue;
            }
            let path = template.replace("{id}", &item).replace("{file}", "x.css");
            let ask = admin.ask(Method::from_bytes(method.as_bytes()).unwrap(), &path);
            let answer = ask.header("sec-fetch-site", "same-origin").send().await;
            assert_eq!(
                answer.status,
                StatusCode::METHOD_NOT_ALLOWED,
                "{method} {path}"
            );
            assert!(answer.header("allow").contains(known[0]), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_is_no_id_of_an_item_is_404() {
    let app = TestApp::new().await;
    let (admin, _) = admin_and_item(&app).await;
    for route in ticker_http::routes()
        .iter()
        .filter(|route| route.path.contains("{id}"))
    {
        for id in IDS.split(' ').chain(["999999", "9223372036854775807"]) {
            let path = path(route, id);
            let fields = [
                ("key", "0190163d-8694-439b-aea5-966c26f8ad91"),
                ("location", "1"),
                ("mode", "add"),
                ("quantity", "1"),
                ("delta", "1"),
                ("reason", "received"),
                ("version", "1"),
                ("name", "Other"),
                ("sku", "O-1"),
                ("unit", "pcs"),
                ("category", "Things"),
                ("home_location", "Shop floor"),
            ];
            let answer = admin
                .ask(route.method.clone(), &path)
                .form(&fields)
                .send()
                .await;
            assert_eq!(
                answer.status,
                StatusCode::NOT_FOUND,
                "{} {path}",
                route.method
            );
        }
    }
    assert_eq!(app.db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_no_form_is_refused_by_what_is_wrong_with_it() {
    let app = TestApp::new().await;
    let admin = app.db.user(Role::Admin).await;
    let item = app.db.item("AA batteries").stock(5).await;
    let form = "application/x-www-form-urlencoded";
    let gzip: &[u8] = &[
        0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    for route in routes(&Method::POST) {
        let path = path(route, &item.id.to_string());
        let before = app.state().await;
        // Only what reads a form can say that something else is none.
        // What is done to the thing in the address needs no fields.
        let needs_none = ["/logout", "/demo", "{id}/archive", "{id}/restore"];
        let reads = !needs_none.iter().any(|end| route.path.ends_with(end));
        let browser = app.browser_of(&admin).await;
        let ask = || browser.ask(Method::POST, &path);
        for (name, ask, status) in [
            (
                "json",
                ask().header("content-type", "application/json").body("{}"),
                415,
            ),
            (
                "text",
                ask().header("content-type", "text/plain").body("a=b"),
                415,
            ),
            (
                "multipart",
                ask().header("content-type", "multipart/form-data; boundary=x"),
                415,
            ),
            ("no type", ask().body("a=b"), 415),
        ] {
            if reads {
                assert_eq!(ask.send().await.status.as_u16(), status, "{name} to {path}");
            }
        }
        for (name, ask, status) in [
            (
                "long",
                ask()
                    .header("content-type", form)
                    .header("content-length", "65537")
                    .body("a=".to_owned() + &"a".repeat(65_535)),
                413,
            ),
            (
                "gzip",
                ask()
                    .header("content-type", form)
                    .header("content-encoding", "gzip")
                    .body(gzip),
                415,
            ),
            (
                "br",
                ask()
                    .header("content-type", form)
                    .header("content-encoding", "br")
                    .body(gzip),
                415,
            ),
            (
                "twice",
                ask()
                    .header("content-type", form)
                    .header("content-encoding", "identity, gzip")
                    .body(gzip),
                415,
            ),
        ] {
            let answer = ask.send().await;
            assert_eq!(answer.status.as_u16(), status, "{name} to {path}");
        }
        let after = app.state().await;
        // Sessions that the test itself began are not what is asked about.
        assert_eq!(
            without_sessions(&after),
            without_sessions(&before),
            "{path}"
        );
    }
}

fn without_sessions(state: &[String]) -> Vec<&str> {
    let figures = state[0].split(' ');
    figures
        .enumerate()
        .filter(|(at, _)| *at != 3)
        .map(|(_, figure)| figure)
        .collect()
}

/// A body without a length is cut off where it gets too long.
#[tokio::test]
async fn a_body_of_unknown_length_ends_at_64_kib() {
    let app = TestApp::new().await;
    let part = || Ok::<_, Infallible>(Bytes::from(vec![b'a'; 16_384]));
    let body = Body::from_stream(stream::iter((0..5).map(move |_| part())));
    let ask = app.stranger().ask(Method::POST, "/login");
    let ask = ask
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    assert_eq!(ask.send().await.status, StatusCode::PAYLOAD_TOO_LARGE);
}
