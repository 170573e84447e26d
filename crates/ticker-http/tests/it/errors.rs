//! Errors as people, htmx and programs see them.

use http::header::{ALLOW, CONTENT_TYPE};
use http::{Method, StatusCode};
use serde_json::Value;
use ticker_domain::user::Role;

use crate::app::TestApp;
use crate::log::Log;

#[tokio::test]
async fn an_error_page_says_what_happened_and_how_to_ask_about_it() {
    let app = TestApp::new().await;
    for (browser, framed) in [
        (app.stranger(), false),
        (app.browser(Role::Staff).await, true),
    ] {
        let answer = browser.get("/nothing").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.header(CONTENT_TYPE), "text/html; charset=utf-8");
        let request_id = answer.header("x-request-id");
        assert!(answer.text().contains(request_id), "{request_id}");
        assert!(answer.text().contains("Nothing here"));
        assert_eq!(
            answer.text().contains("action=\"/logout\""),
            framed,
            "{}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn a_request_is_named_here_and_nowhere_else() {
    let app = TestApp::new().await;
    let forged = "0190163d-8694-739b-aea5-966c26f8ad91";
    let nobody = app.stranger();
    let first = nobody
        .ask(Method::GET, "/login")
        .header("x-request-id", forged)
        .send()
        .await;
    let second = nobody.get("/login").await;
    assert_ne!(first.header("x-request-id"), forged);
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
    let id: uuid::Uuid = first.header("x-request-id").parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
}

#[tokio::test]
async fn a_program_gets_a_problem_and_htmx_a_toast() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    let answer = browser
        .ask(Method::GET, "/items/999")
        .header("accept", "application/json")
        .send()
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.header(CONTENT_TYPE), "application/problem+json");
    let problem: Value = serde_json::from_slice(&answer.bytes).unwrap();
    assert_eq!(problem["type"], "about:blank");
    assert_eq!(problem["title"], "Not Found");
    assert_eq!(problem["status"], 404);
    assert_eq!(problem["request_id"], answer.header("x-request-id"));
    assert!(problem["detail"].is_string());

    let answer = browser
        .ask(Method::GET, "/items/999")
        .header("hx-request", "true")
        .send()
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.text().contains("hx-swap-oob"), "{}", answer.text());
    assert!(!answer.text().contains("<html"), "{}", answer.text());
    assert!(answer.text().contains(answer.header("x-request-id")));

    let answer = app.stranger().get("/api/v1/nothing").await;
    assert_eq!(answer.header(CONTENT_TYPE), "application/problem+json");
}

#[tokio::test]
async fn a_wrong_method_is_told_which_are_right() {
    let app = TestApp::new().await;
    for (path, allow) in [
        ("/login", "GET,HEAD,POST"),
        ("/logout", "POST"),
        ("/", "GET,HEAD"),
        ("/items/1", "GET,HEAD,POST"),
        ("/healthz", "GET,HEAD"),
    ] {
        let answer = app.stranger().ask(Method::DELETE, path).send().await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(answer.header(ALLOW), allow, "{path}");
        assert!(answer.text().contains("That does not work here"), "{path}");
    }
}

#[tokio::test]
async fn every_request_leaves_one_line_and_a_failure_one_more() {
    let log = Log::capture();
    let app = TestApp::new().await;
    let user = app.db.user(Role::Staff).await;
    let browser = app.browser_of(&user).await;
    let item = app.db.item("AA batteries").await;
    let id = browser
        .get(&format!("/items/{}", item.id))
        .await
        .header("x-request-id")
        .to_owned();
    let line = log.of(&id, "answered");
    let span = &line["span"];
    assert_eq!(line["level"], "INFO");
    assert_eq!(span["name"], "http.request");
    assert_eq!(span["method"], "GET");
    assert_eq!(
        span["route"], "/items/{id}",
        "the template, not the address"
    );
    let fields = &line["fields"];
    assert_eq!(fields["status"], 200);
    assert_eq!(fields["user"], user.id.0);
    assert_eq!(span["client"], "192.0.2.1");
    assert!(fields["duration_ms"].as_f64().unwrap() > 0.0);

    app.stranger().get("/healthz").await;
    assert!(
        !log.lines()
            .iter()
            .any(|line| line["span"]["route"] == "/healthz")
    );

    app.lose_database().await;
    let answer = browser.get("/").await;
    let id = answer.header("x-request-id").to_owned();
    assert!(answer.text().contains(&id), "the page names the request");
    let failed = log.of(&id, "not available");
    assert_eq!(failed["level"], "WARN");
    assert_eq!(failed["fields"]["request_id"], Value::String(id.clone()));
    assert_eq!(log.of(&id, "answered")["fields"]["status"], 503);
}

#[tokio::test]
async fn a_refused_sign_in_is_logged_with_its_username_and_address_and_no_password() {
    let log = Log::capture();
    let app = TestApp::with(crate::app::ORIGIN_URL, "192.0.2.1").await;
    let password = "correct horse of nobody";
    let form = [
        ("username", "mallory\r\nINFO forged"),
        ("password", password),
    ];
    let ask = app.stranger().ask(Method::POST, "/login").form(&form);
    let answer = ask.header("x-forwarded-for", "203.0.113.9").send().await;
    let line = log.of(answer.header("x-request-id"), "sign-in refused");
    assert_eq!(line["span"]["client"], "203.0.113.9");
    assert_eq!(line["fields"]["username"], "mallory\\r\\nINFO forged");
    let all = log.lines().iter().map(Value::to_string).collect::<String>();
    assert!(!all.contains(password), "{all}");
}
