//! What handlers of no real route show: panics, and taking too long.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use http::Request;
use http_body_util::BodyExt as _;
use ticker_app::AppSettings;
use ticker_domain::permission::StockView;
use ticker_testkit::TestDatabase;
use tower::ServiceExt as _;

use super::*;
use crate::TrustedProxies;
use crate::access::Access;
use crate::form::Form;
use crate::health::Readiness;
use crate::routes::Routes;
use crate::settings::Origin;

async fn fail() -> Response {
    panic!("the sky fell")
}

async fn sleep() -> &'static str {
    tokio::time::sleep(Duration::from_hours(1)).await;
    "late"
}

/// Asks for no proof, though its route is for some only.
async fn forgetful() -> &'static str {
    "told"
}

async fn read(_: Form<()>) -> &'static str {
    "read"
}

/// What came back, and after how many seconds.
struct Answer {
    status: StatusCode,
    request_id: String,
    text: String,
    seconds: u64,
}

async fn send(db: &TestDatabase, request: Request<Body>) -> Answer {
    let settings = AppSettings {
        password_chars_min: 12,
    };
    let web = Web::new(
        db.app(),
        Arc::new(db.clock().clone()),
        settings,
        Readiness::new(),
    );
    let origins = vec![Origin::parse("https://stock.example.com").unwrap()];
    let http = HttpSettings::new(origins, false, TrustedProxies::default()).unwrap();
    let pages = Routes::new()
        .get("/fail", Access::ANYONE, fail)
        .get("/sleep", Access::ANYONE, sleep)
        .post("/sleep", Access::ANYONE, sleep)
        .post_soon("/nap", Access::ANYONE, sleep)
        .post("/read", Access::ANYONE, read)
        .get("/forgetful", Access::may::<StockView>(), forgetful);
    let service = assemble(web, db.session_store(), &http, pages, Routes::new());
    // From here on time passes as soon as everybody waits.
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let response = service.oneshot(request).await.unwrap();
    let seconds = began.elapsed().as_secs();
    tokio::time::resume();
    let (parts, body) = response.into_parts();
    let text = body.collect().await.unwrap().to_bytes().to_vec();
    Answer {
        status: parts.status,
        request_id: parts.headers["x-request-id"].to_str().unwrap().to_owned(),
        text: String::from_utf8(text).unwrap(),
        seconds,
    }
}

#[tokio::test]
async fn a_panic_is_answered_with_a_page_that_does_not_tell_of_it() {
    let db = TestDatabase::new().await;
    let request = Request::get("/fail").body(Body::empty()).unwrap();
    let answer = send(&db, request).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(
        answer.text.contains("That is our mistake"),
        "{}",
        answer.text
    );
    assert!(answer.text.contains(&answer.request_id), "{}", answer.text);
    assert!(!answer.text.contains("sky"), "{}", answer.text);
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_given_up() {
    let db = TestDatabase::new().await;
    for (request, seconds) in [
        (Request::get("/sleep"), 2),
        (Request::post("/nap"), 2),
        (Request::post("/sleep"), 15),
    ] {
        let answer = send(&db, request.body(Body::empty()).unwrap()).await;
        assert_eq!(
            (answer.status, answer.seconds),
            (StatusCode::SERVICE_UNAVAILABLE, seconds)
        );
        let told = answer.text.contains("That took too long");
        assert!(told, "{}", answer.text);
    }
}

#[tokio::test]
async fn a_body_that_stops_coming_is_not_waited_for() {
    let db = TestDatabase::new().await;
    let begins = stream::once(async { Ok::<_, Infallible>(Bytes::from_static(b"a=")) });
    let body = Body::from_stream(begins.chain(stream::pending()));
    let request = Request::post("/read")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
        .unwrap();
    let answer = send(&db, request).await;
    assert_eq!(
        (answer.status, answer.seconds),
        (StatusCode::REQUEST_TIMEOUT, 10)
    );
    assert!(
        answer.text.contains("That did not arrive"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_route_is_guarded_even_if_its_handler_forgets_to_ask() {
    let db = TestDatabase::new().await;
    let request = Request::get("/forgetful").body(Body::empty()).unwrap();
    let answer = send(&db, request).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
}
