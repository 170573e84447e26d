//! What every answer tells browsers.

use http::header::{CACHE_CONTROL, CONTENT_ENCODING};
use http::{Method, StatusCode};
use ticker_domain::user::Role;

use crate::app::{Answer, TestApp};

const EXPECTED: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; \
         frame-ancestors 'none'; form-action 'self'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

fn check(answer: &Answer, case: &str) {
    for (name, value) in EXPECTED {
        assert_eq!(answer.header(name), value, "{name} of {case}");
    }
    assert_eq!(answer.header(CACHE_CONTROL), "no-store", "{case}");
    assert_eq!(answer.header("x-request-id").len(), 36, "{case}");
}

#[tokio::test]
async fn every_answer_is_secured_and_none_is_kept() {
    let app = TestApp::new().await;
    let admin = app.db.user(Role::Admin).await;
    let item = app.db.item("AA batteries").stock(5).await;
    for route in ticker_http::routes() {
        if route.path == "/favicon.ico" {
            continue;
        }
        let path = route
            .path
            .replace("{id}", &item.id.to_string())
            .replace("{file}", "x.css");
        for browser in [app.stranger(), app.browser_of(&admin).await] {
            let answer = browser
                .ask(route.method.clone(), &path)
                .form(&[])
                .send()
                .await;
            check(
                &answer,
                &format!("{} {path}: {}", route.method, answer.status),
            );
        }
    }
    let nobody = app.stranger();
    let odd = [
        (nobody.ask(Method::GET, "/nothing"), StatusCode::NOT_FOUND),
        (
            nobody.ask(Method::DELETE, "/healthz"),
            StatusCode::METHOD_NOT_ALLOWED,
        ),
        (
            nobody.ask(Method::POST, "/login").body("x"),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (nobody.ask(Method::HEAD, "/login"), StatusCode::OK),
        (
            nobody
                .ask(Method::POST, "/login")
                .header("content-length", "999999"),
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ];
    for (ask, status) in odd {
        let answer = ask.send().await;
        assert_eq!(answer.status, status);
        check(&answer, status.as_str());
    }
}

#[tokio::test]
async fn pages_are_compressed_for_who_takes_it() {
    let app = TestApp::new().await;
    let nobody = app.stranger();
    for (accept, encoding) in [("gzip", "gzip"), ("gzip, br", "br"), ("zstd", ""), ("", "")] {
        let answer = nobody
            .ask(Method::GET, "/login")
            .header("accept-encoding", accept)
            .send()
            .await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header(CONTENT_ENCODING), encoding, "{accept}");
        assert!(
            answer.header("vary").contains("accept-encoding"),
            "{accept}"
        );
    }
}
