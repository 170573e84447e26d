//! The live stream: what is told, from where on, and to whom.

use axum::body::Body;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use ticker_domain::user::Role;
use ticker_testkit::TestItem;
use tokio::time::{Duration, timeout};

use crate::app::{Browser, TestApp};

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
        let answer = browser
            .ask(Method::GET, &format!("/live?after={after}"))
            .begin()
            .await;
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
        "item": item.id, "version": 3, "on_hand": 8, "status": "ok",
        "levels": [{"location": item.home, "on_hand": 1, "delta": -3}],
        "delta": -3, "by": {"id": ana.id, "name": "Ana “Ace” Bell"}, "others": 0,
        "posting": 3,
    });
    assert_eq!(event.data, data);
}
