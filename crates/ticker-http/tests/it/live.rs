//! The live stream: what is told, from where on, and to whom.

use axum::body::Body;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use ticker_domain::user::Role;
use ticker_testkit::TestItem;
use tokio::time::{Duration, Instant, timeout};

use crate::app::{Ask, Browser, TestApp};

/// Longer than anything here takes, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// A stream that is open.
struct Stream {
    body: Body,
    text: String,
}

/// An event of it.
#[derive(Debug, PartialEq)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

impl Stream {
    /// Opens it from `after` on, and reads its beginning.
    async fn open(browser: &Browser<'_>, after: &str) -> Self {
        Self::begin(browser.ask(Method::GET, &format!("/live?after={after}"))).await
    }

    async fn begin(ask: Ask) -> Self {
        let answer = ask.begin().await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut stream = Self {
            body: answer.into_body(),
            text: String::new(),
        };
        assert_eq!(stream.block().await.as_deref(), Some(": live\nretry: 1000"));
        stream
    }

    /// The next lines up to an empty one; `None` at the end.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let frame = timeout(PATIENCE, self.body.frame()).await;
            let frame = frame.expect("something is told in time")?;
            let data = frame.unwrap().into_data().unwrap();
            self.text.push_str(str::from_utf8(&data).unwrap());
        }
    }

    /// The next event.
    async fn event(&mut self) -> Event {
        let block = self.block().await.expect("another event");
        let field = |name: &str| {
            let mut lines = block.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.map(str::to_owned)
        };
        Event {
            name: field("event").unwrap(),
            id: field("id"),
            data: serde_json::from_str(&field("data").unwrap()).unwrap(),
        }
    }
}

async fn press(browser: &Browser<'_>, item: &TestItem, delta: i64) {
    let (key, location) = (ticker_testkit::key().to_string(), item.home.to_string());
    let delta = delta.to_string();
    let fields = [
        ("key", key.as_str()),
        ("location", &location),
        ("delta", &delta),
    ];
    let path = format!("/items/{}/adjust", item.id);
    let ask = browser.ask(Method::POST, &path);
    let ask = ask.header("accept", "application/json");
    let answer = ask.form(&fields).send().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

/// Where the inventory's page says that its stream begins.
async fn cursor(browser: &Browser<'_>) -> String {
    let page = browser.get("/").await;
    let (_, rest) = page.text().split_once("data-live=\"").unwrap();
    rest.split_once('"').unwrap().0.to_owned()
}

#[tokio::test]
async fn a_press_is_told_to_whoever_follows_with_all_that_a_screen_shows() {
    let app = TestApp::new().await;
    let ben = app.browser(Role::Staff).await;
    let item = app
        .db
        .item("AA batteries")
        .thresholds(5, 50, None)
        .stock(4)
        .stock_at("Cellar", 7)
        .await;
    let mut stream = Stream::open(&ben, &cursor(&ben).await).await;
    let ana = app
        .db
        .user_named("ana", "Ana “Ace” Bell", Role::Staff)
        .await;
    press(&app.browser_of(&ana).await, &item, -3).await;
    let event = stream.event().await;
    assert_eq!(event.name, "stock");
    assert!(event.id.is_some());
    let data = json!({
        "item": item.id, "version": 3, "on_hand": 8, "status": "ok", "was": "ok",
        "levels": [{"location": item.home, "on_hand": 1, "delta": -3}],
        "delta": -3, "by": {"id": ana.id, "name": "Ana “Ace” Bell"}, "others": 0,
        "posting": 3, "at": app.db.clock().timestamp(),
    });
    assert_eq!(event.data, data);
}

#[tokio::test]
async fn a_browser_that_comes_back_goes_on_behind_the_last_event() {
    let app = TestApp::new().await;
    let ana = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").stock(40).await;
    let begin = cursor(&ana).await;
    let mut stream = Stream::open(&ana, &begin).await;
    press(&ana, &item, -1).await;
    let first = stream.event().await;
    drop(stream);
    press(&ana, &item, -2).await;
    // Its address is still the page's.
    let ask = ana.ask(Method::GET, &format!("/live?after={begin}"));
    let mut stream = Stream::begin(ask.header("last-event-id", &first.id.unwrap())).await;
    let second = stream.event().await;
    assert_eq!(
        (&second.data["delta"], &second.data["on_hand"]),
        (&json!(-2), &json!(37))
    );
    // From the page's beginning it is both.
    let mut stream = Stream::open(&ana, &begin).await;
    assert_eq!(stream.event().await.data["delta"], -3);
}

#[tokio::test]
async fn events_that_were_read_together_bear_one_id_at_their_end() {
    let app = TestApp::new().await;
    let manager = app.browser(Role::Manager).await;
    let begin = cursor(&manager).await;
    let (one, other) = (
        app.db.item("AA batteries").stock(40).await,
        app.db.item("C batteries").stock(7).await,
    );
    let archived = manager
        .post(&format!("/items/{}/archive", one.id), &[])
        .await;
    assert_eq!(archived.status, StatusCode::SEE_OTHER);
    let mut stream = Stream::open(&manager, &begin).await;
    let events = [
        stream.event().await,
        stream.event().await,
        stream.event().await,
    ];
    let [first, second, third] = &events;
    assert_eq!((&first.data["item"], &first.id), (&json!(one.id), &None));
    assert_eq!(
        (&second.data["item"], &second.id),
        (&json!(other.id), &None)
    );
    assert_eq!(
        (third.name.as_str(), &third.data),
        ("item", &json!({"item": one.id}))
    );
    assert!(third.id.is_some());
}

#[tokio::test]
async fn without_a_beginning_everything_is_to_be_fetched_first() {
    let app = TestApp::new().await;
    let ana = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").stock(40).await;
    let mut stream = Stream::open(&ana, "").await;
    let event = stream.event().await;
    assert_eq!((event.name.as_str(), event.data), ("resync", json!({})));
    press(&ana, &item, -1).await;
    assert_eq!(stream.event().await.data["delta"], -1);
    let mut back = Stream::open(&ana, &event.id.unwrap()).await;
    assert_eq!(back.event().await.data["delta"], -1);
}

#[tokio::test]
async fn a_beginning_that_cannot_be_read_is_named() {
    let app = TestApp::new().await;
    let ana = app.browser(Role::Staff).await;
    for after in ["7", "x.7", "8.7", "7.8.9", "-1.5", "1.99999999999999999999"] {
        let answer = ana.get(&format!("/live?after={after}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{after}");
        assert!(answer.text().contains("parameter “after”"), "{after}");
        let ask = ana.ask(Method::GET, "/live?after=1.2");
        let answer = ask.header("last-event-id", after).send().await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{after}");
        assert!(answer.text().contains("header “Last-Event-ID”"), "{after}");
    }
}

#[tokio::test]
async fn a_stream_passes_proxies_as_it_is_and_is_kept_by_none() {
    let app = TestApp::new().await;
    let ana = app.browser(Role::Staff).await;
    for method in [Method::GET, Method::HEAD] {
        let ask = ana
            .ask(method, "/live")
            .header("accept-encoding", "gzip, br");
        let answer = ask.begin().await;
        assert_eq!(answer.status(), StatusCode::OK);
        for (name, value) in [
            ("content-type", "text/event-stream"),
            ("cache-control", "no-store"),
            ("x-accel-buffering", "no"),
        ] {
            assert_eq!(answer.headers()[name], value);
        }
        assert!(answer.headers().get("content-encoding").is_none());
    }
    // A browser that follows is a program: it cannot be led to a page for signing in.
    let ask = app.stranger().ask(Method::GET, "/live");
    let answer = ask.header("accept", "text/event-stream").send().await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn signing_out_ends_the_stream_of_that_session_and_says_so() {
    let app = TestApp::new().await;
    let ana = app.db.user(Role::Staff).await;
    let (here, elsewhere) = (app.browser_of(&ana).await, app.browser_of(&ana).await);
    let mut ends = Stream::open(&here, "").await;
    let mut stays = Stream::open(&elsewhere, "").await;
    for stream in [&mut ends, &mut stays] {
        assert_eq!(stream.event().await.name, "resync");
    }
    let begun = Instant::now();
    here.post("/logout", &[]).await;
    let event = ends.event().await;
    assert_eq!((event.name.as_str(), event.id), ("ended", None));
    assert!(ends.block().await.is_none(), "and is closed");
    assert!(begun.elapsed() < Duration::from_secs(2));
    let item = app.db.item("AA batteries").stock(40).await;
    assert_eq!(stays.event().await.data["item"], json!(item.id));
}

#[tokio::test]
async fn when_all_streams_are_taken_one_is_told_when_to_come_back() {
    let app = TestApp::new().await;
    app.app.limit_streams(1);
    let (ana, ben) = (
        app.browser(Role::Staff).await,
        app.browser(Role::Staff).await,
    );
    let stream = Stream::open(&ana, "").await;
    let answer = ben.get("/live").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.header("retry-after"), "5");
    drop(stream);
    Stream::open(&ben, "").await;
}

#[tokio::test]
async fn a_process_that_ends_sends_its_streams_to_another_one() {
    let app = TestApp::new().await;
    let ana = app.browser(Role::Staff).await;
    let mut stream = Stream::open(&ana, "").await;
    assert_eq!(stream.event().await.name, "resync");
    app.app.end_streams();
    assert_eq!(stream.block().await.as_deref(), Some("retry: 250"));
    assert!(stream.block().await.is_none());
}
