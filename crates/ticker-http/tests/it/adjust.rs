//! Changing stock as programs do it: a form in, JSON out.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use ticker_domain::user::Role;
use ticker_testkit::TestItem;

use crate::app::{Answer, Browser, TestApp};

const KEY: &str = "018f4e9c-7f1a-7c3d-9b1e-2f6f0c9d5a11";
const SECOND_KEY: &str = "018f4e9c-7f1a-7c3d-9b1e-2f6f0c9d5a12";
const THIRD_KEY: &str = "018f4e9c-7f1a-7c3d-9b1e-2f6f0c9d5a13";

async fn press(browser: &Browser<'_>, item: &TestItem, key: &str, delta: &str) -> Answer {
    let location = item.level().location.to_string();
    let fields = [("key", key), ("location", &location), ("delta", delta)];
    send(browser, &format!("/items/{}/adjust", item.id), &fields).await
}

async fn send(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Answer {
    let ask = browser
        .ask(Method::POST, path)
        .header("accept", "application/json");
    ask.form(fields).send().await
}

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.bytes).unwrap()
}

#[tokio::test]
async fn a_program_hears_what_moved_and_the_same_again_under_the_same_key() {
    let app = TestApp::new().await;
    let staff = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").stock(5).await;

    let first = press(&staff, &item, KEY, "-2").await;
    let second = press(&staff, &item, KEY, "-2").await;

    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(first.header("content-type"), "application/json");
    let (mut first, second) = (body(&first), body(&second));
    let level = item.level();
    assert_eq!(
        first,
        json!({
            "posting": first["posting"], "item": level.item, "location": level.location,
            "delta": -2, "on_hand": 3, "version": 2, "replayed": false,
        })
    );
    first["replayed"] = true.into();
    assert_eq!(first, second);
    assert_eq!(app.db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_program_hears_why_nothing_moved() {
    let app = TestApp::new().await;
    let staff = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").stock(1).await;
    let before = app.state().await;

    let short = press(&staff, &item, KEY, "-2").await;
    assert_eq!(short.status, StatusCode::CONFLICT);
    assert_eq!(short.header("content-type"), "application/problem+json");
    let short = body(&short);
    assert_eq!(short["refusal"], "short_of_stock");
    assert_eq!(short["on_hand"], 1);
    assert_eq!(short["detail"], "Only 1 on hand.");

    let reused = press(&staff, &item, KEY, "-1").await;
    assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let wrong = press(&staff, &item, "no key", "0").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let detail = body(&wrong)["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("key") && detail.contains("Quantity must not be zero"));

    let fields = [("key", SECOND_KEY), ("location", "1"), ("delta", "1")];
    let unknown = send(&staff, "/items/999999/adjust", &fields).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let fields = [("key", THIRD_KEY), ("location", "999999"), ("delta", "1")];
    let path = format!("/items/{}/adjust", item.id);
    let nowhere = send(&staff, &path, &fields).await;
    assert_eq!(nowhere.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(body(&nowhere)["refusal"], "unknown_location");
    assert_eq!(app.state().await, before);
}
