//! Taking postings back: who may, what they hear, and what the pages offer.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use ticker_domain::user::Role;
use ticker_testkit::{TestItem, TestUser, key};

use crate::app::{Answer, Browser, TestApp};

/// Takes two away, and returns the posting's number.
async fn take_two(app: &TestApp, by: &TestUser, item: &TestItem) -> String {
    let line = ticker_domain::ledger::Line::change(item.level(), -2).unwrap();
    let posting = app.db.posting(by, vec![line]);
    let receipt = app.db.post(&[posting]).await.remove(0);
    receipt.posting.unwrap().to_string()
}

async fn ask_json(browser: &Browser<'_>, posting: &str, key: &str) -> Answer {
    let path = format!("/postings/{posting}/undo");
    let ask = browser
        .ask(Method::POST, &path)
        .header("accept", "application/json");
    ask.form(&[("key", key)]).send().await
}

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.bytes).unwrap()
}

async fn on_hand(app: &TestApp) -> Vec<String> {
    app.db.texts("select total from items").await
}

#[tokio::test]
async fn a_program_takes_back_what_it_posted_once_however_often_it_asks() {
    let app = TestApp::new().await;
    let ana = app.db.user(Role::Staff).await;
    let browser = app.browser_of(&ana).await;
    let item = app.db.item("AA batteries").stock(5).await;
    let posting = take_two(&app, &ana, &item).await;
    let key = key().to_string();

    let first = ask_json(&browser, &posting, &key).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    let mut first = body(&first);
    let undoes: i64 = posting.parse().unwrap();
    let moved = json!({
        "item": item.id, "location": item.home, "delta": 2, "on_hand": 5, "version": 3,
    });
    assert_eq!(
        first,
        json!({ "posting": first["posting"], "undoes": undoes, "movements": [moved], "replayed": false })
    );
    let second = body(&ask_json(&browser, &posting, &key).await);
    first["replayed"] = true.into();
    assert_eq!(second, first);

    let other = ask_json(&browser, &posting, &ticker_testkit::key().to_string()).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert_eq!(body(&other)["refusal"], "already_undone");
    assert_eq!(on_hand(&app).await, ["5"]);
    assert_eq!(app.db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn staff_take_back_their_own_and_managers_anybodys() {
    let app = TestApp::new().await;
    let (ana, bo) = (
        app.db.user(Role::Staff).await,
        app.db.user(Role::Staff).await,
    );
    let item = app.db.item("AA batteries").stock(5).await;
    let posting = take_two(&app, &ana, &item).await;
    let colleague = app.browser_of(&bo).await;
    let refused = ask_json(&colleague, &posting, &key().to_string()).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(on_hand(&app).await, ["3"]);

    let manager = app.browser(Role::Manager).await;
    let done = ask_json(&manager, &posting, &key().to_string()).await;
    assert_eq!(done.status, StatusCode::OK);
    assert_eq!(on_hand(&app).await, ["5"]);
    let nothing = ask_json(&manager, "999999", &key().to_string()).await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    let keyless = ask_json(&manager, &posting, "no key").await;
    assert_eq!(keyless.status, StatusCode::UNPROCESSABLE_ENTITY);
}

/// What script hears about the panel of an item.
async fn ask_panel(browser: &Browser<'_>, path: &str, fields: &[(&str, &str)]) -> Answer {
    let ask = browser
        .ask(Method::POST, path)
        .header("hx-request", "true")
        .header("hx-target", "stock");
    ask.form(fields).send().await
}

/// Whether a message says what changed and what it led to: the one may be cut on a screen, the other not.
fn says(answer: &str, change: &str, led_to: &str) -> bool {
    answer.contains(&format!(
        ">{change}</span> <span class=\"rest\">→ {led_to}</span>"
    ))
}

#[tokio::test]
async fn a_press_is_answered_with_the_way_to_take_it_back() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").stock(5).await;
    let path = format!("/items/{}/adjust", item.id);
    let location = item.home.to_string();
    let pressed = key().to_string();
    let press = [
        ("key", pressed.as_str()),
        ("location", location.as_str()),
        ("delta", "-2"),
        ("return_to", "/?q=aa"),
    ];
    let answer = ask_panel(&browser, &path, &press).await;
    let text = answer.text();
    assert!(says(text, "−2 AA batteries", "3"), "{text}");
    let sql = "select max(id) from postings";
    let posting = app.db.texts(sql).await.remove(0);
    let action = format!("/postings/{posting}/undo");
    assert!(
        text.contains(&format!("action=\"{action}\" data-undo")),
        "{text}"
    );
    assert!(
        text.contains("name=\"return_to\" value=\"/?q=aa\""),
        "{text}"
    );

    let undo = key().to_string();
    let undone = ask_panel(&browser, &action, &[("key", &undo)]).await;
    assert_eq!(undone.status, StatusCode::OK);
    let text = undone.text();
    assert!(says(text, "Undone: +2 AA batteries", "5"), "{text}");
    assert!(
        text.contains("id=\"stock\"") && text.contains("id=\"latest\""),
        "{text}"
    );
    assert!(text.contains(">undone by "), "{text}");
    assert_eq!(on_hand(&app).await, ["5"]);
}

#[tokio::test]
async fn who_cannot_take_it_back_hears_what_stands_in_the_way() {
    let app = TestApp::new().await;
    let ana = app.db.user_named("ana", "Ana Bell", Role::Manager).await;
    let browser = app.browser_of(&ana).await;
    let item = app.db.item("AA batteries").stock(1).await;
    app.db.stock(item.level(), 5).await;
    let came = app.db.texts("select max(id) from postings").await.remove(0);
    app.db.stock(item.level(), -4).await;
    let path = format!("/postings/{came}/undo");

    let short = ask_panel(&browser, &path, &[("key", &key().to_string())]).await;
    assert_eq!(short.status, StatusCode::CONFLICT);
    let words = "Cannot undo: only 2 left at Shop floor, and 5 would have to go.";
    assert!(short.text().contains(words), "{}", short.text());

    app.db.stock(item.level(), 9).await;
    let done = ask_panel(&browser, &path, &[("key", &key().to_string())]).await;
    assert_eq!(done.status, StatusCode::OK);
    let twice = ask_panel(&browser, &path, &[("key", &key().to_string())]).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    assert!(
        twice.text().contains("Ana Bell undid this already"),
        "{}",
        twice.text()
    );

    let sql = format!(
        "update items set archived_at = now() where id = {}",
        item.id
    );
    app.db.sql(&sql).await;
    let last = app.db.texts("select max(id) from postings").await.remove(0);
    let path = format!("/postings/{last}/undo");
    let archived = ask_panel(&browser, &path, &[("key", &key().to_string())]).await;
    assert_eq!(archived.status, StatusCode::CONFLICT);
    assert!(
        archived.text().contains("AA batteries is archived"),
        "{}",
        archived.text()
    );
}

#[tokio::test]
async fn without_script_the_page_comes_back_and_says_so() {
    let app = TestApp::new().await;
    let ana = app.db.user(Role::Staff).await;
    let browser = app.browser_of(&ana).await;
    let item = app.db.item("AA batteries").stock(5).await;
    let posting = take_two(&app, &ana, &item).await;
    let history = format!("/items/{}/history", item.id);
    let page = browser.get(&history).await;
    assert!(
        page.text()
            .contains(&format!("action=\"/postings/{posting}/undo\""))
    );
    let path = format!("/postings/{posting}/undo");
    let one = key().to_string();
    let fields = [("key", one.as_str()), ("return_to", history.as_str())];
    let undone = browser.post(&path, &fields).await;
    assert_eq!(undone.status, StatusCode::SEE_OTHER);
    assert_eq!(undone.location(), history);
    let other = key().to_string();
    let fields = [("key", other.as_str()), ("return_to", history.as_str())];
    let refused = browser.post(&path, &fields).await;
    assert_eq!(refused.status, StatusCode::SEE_OTHER);
    assert_eq!(on_hand(&app).await, ["5"]);
    let page = browser.get(&history).await;
    let again = format!("action=\"/postings/{posting}/undo\"");
    assert!(!page.text().contains(&again), "once is enough");
    assert!(page.text().contains("is-undone"));
}

#[tokio::test]
async fn nobody_is_offered_what_they_may_not_take_back() {
    let app = TestApp::new().await;
    let (ana, bo) = (
        app.db.user(Role::Staff).await,
        app.db.user(Role::Staff).await,
    );
    let item = app.db.item("AA batteries").stock(5).await;
    take_two(&app, &ana, &item).await;
    let page = format!("/items/{}/history", item.id);
    let offers = async |user: &TestUser| {
        let page = app.browser_of(user).await.get(&page).await;
        page.text().matches("/undo\"").count()
    };
    assert_eq!(offers(&ana).await, 1);
    assert_eq!(offers(&bo).await, 0);
    let manager = app.db.user(Role::Manager).await;
    assert_eq!(offers(&manager).await, 2, "the opening stock, too");
    app.db.sql("update items set archived_at = now()").await;
    assert_eq!(offers(&manager).await, 0);
}

/// Takes two of each away at once, and returns the posting's number.
async fn take_two_of_each(app: &TestApp, by: &TestUser, items: [&TestItem; 2]) -> String {
    let lines = items.map(|item| {
        let line = ticker_domain::ledger::Line::change(item.level(), -2);
        line.unwrap()
    });
    let posting = app.db.posting(by, lines.to_vec());
    let receipt = app.db.post(&[posting]).await.remove(0);
    receipt.posting.unwrap().to_string()
}

#[tokio::test]
async fn what_changed_several_items_is_not_offered_beside_one_of_them() {
    let app = TestApp::new().await;
    let manager = app.db.user(Role::Manager).await;
    let browser = app.browser_of(&manager).await;
    let one = app.db.item("AA batteries").stock(5).await;
    let other = app.db.item("C batteries").stock(5).await;
    let posting = take_two_of_each(&app, &manager, [&one, &other]).await;
    let path = format!("/postings/{posting}/undo");
    for page in ["", "/history"] {
        let page = browser.get(&format!("/items/{}{page}", one.id)).await;
        assert!(!page.text().contains(&path));
        assert!(page.text().contains("/undo\""), "the opening stock is");
    }
}

#[tokio::test]
async fn what_changed_several_items_is_not_taken_back_from_one_of_them() {
    let app = TestApp::new().await;
    let manager = app.db.user(Role::Manager).await;
    let browser = app.browser_of(&manager).await;
    let one = app.db.item("AA batteries").stock(5).await;
    let other = app.db.item("C batteries").stock(5).await;
    let posting = take_two_of_each(&app, &manager, [&one, &other]).await;
    let path = format!("/postings/{posting}/undo");

    let words = "That changed 2 items at once and cannot be undone from one item.";
    let refused = ask_json(&browser, &posting, &key().to_string()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(body(&refused)["detail"], words);
    let refused = ask_panel(&browser, &path, &[("key", &key().to_string())]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text().contains(words), "{}", refused.text());
    let refused = browser.post(&path, &[("key", &key().to_string())]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text().contains(words), "{}", refused.text());
    assert_eq!(on_hand(&app).await, ["3", "3"]);
}
