//! Moving goods from one location to another, and the page of the item that they are of.

use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};
use ticker_domain::id::LocationId;
use ticker_domain::user::Role;
use ticker_testkit::{TestItem, key};

use crate::app::{Answer, Browser, TestApp};

async fn transfer(
    browser: &Browser<'_>,
    item: &TestItem,
    to: LocationId,
    quantity: &str,
    accept: &str,
) -> Answer {
    let path = format!("/items/{}/transfer", item.id);
    let ask = browser.ask(Method::POST, &path).header("accept", accept);
    let (key, from, to) = (key().to_string(), item.home.to_string(), to.to_string());
    let fields = [
        ("key", key.as_str()),
        ("from", &from),
        ("to", &to),
        ("quantity", quantity),
        ("return_to", &format!("/items/{}", item.id)),
    ];
    ask.form(&fields).send().await
}

#[tokio::test]
async fn goods_leave_one_location_and_arrive_at_the_other() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").stock(10).await;
    let back_room = app.db.location("Back room").await;
    let answer = transfer(&browser, &item, back_room, "4", "application/json").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let answer: Value = serde_json::from_slice(&answer.bytes).unwrap();
    let moved = |location: LocationId, delta: i64, on_hand: i64, version: i64| {
        json!({ "item": item.id, "location": location, "delta": delta, "on_hand": on_hand,
                "version": version })
    };
    let expected = json!([moved(item.home, -4, 6, 2), moved(back_room, 4, 4, 1)]);
    assert_eq!(answer["movements"], expected);
    assert_eq!(answer["replayed"], false);
    let page = transfer(&browser, &item, back_room, "1", "text/html").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert_eq!(page.location(), format!("/items/{}", item.id));
    assert_eq!(app.db.texts("select total from items").await, ["10"]);

    let history = browser.get(&format!("/items/{}/history", item.id)).await;
    let text = history.text();
    assert!(text.contains("Transferred to Back room"), "{text}");
    assert!(text.contains("Transferred from Shop floor"), "{text}");
    assert_eq!(app.db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn who_asks_for_too_much_hears_what_there_is_and_keeps_what_was_typed() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").stock(5).await;
    let back_room = app.db.location("Back room").await;
    app.db.stock(item.level(), -3).await;
    let refused = transfer(&browser, &item, back_room, "4", "text/html").await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    let text = refused.text();
    let words = "Only 2 left at Shop floor: Sam Keeper took 3 just now.";
    assert!(text.contains(words), "{text}");
    assert!(text.contains("name=\"quantity\" value=\"4\""), "{text}");
    let same = transfer(&browser, &item, item.home, "1", "text/html").await;
    assert_eq!(same.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(same.text().contains("To must be another location"));
    let json = transfer(&browser, &item, back_room, "none", "application/json").await;
    assert_eq!(json.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(json.text().contains("Quantity must be a whole number"));
    assert_eq!(app.db.texts("select total from items").await, ["2"]);
}

#[tokio::test]
async fn one_location_has_nowhere_to_move_goods_to() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").stock(5).await;
    let page = format!("/items/{}", item.id);
    let form = format!("{page}/transfer");
    assert!(!browser.get(&page).await.text().contains(&form));
    let form = browser.get(&form).await;
    assert_eq!(
        (form.status, form.location()),
        (StatusCode::SEE_OTHER, &*page)
    );

    app.db.location("Back room").await;
    let text = browser.get(&page).await.text().to_owned();
    let link = format!("{page}/transfer?from={}", item.home);
    assert!(text.contains(&link), "{text}");
    let form = browser.get(&link).await;
    assert_eq!(form.status, StatusCode::OK);
    assert!(form.text().contains("Shop floor (5)"), "{}", form.text());
}

#[tokio::test]
async fn an_items_page_says_which_movements_it_shows_and_draws_its_days() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    let item = app
        .db
        .item("AA batteries")
        .thresholds(3, 8, None)
        .stock(5)
        .await;
    app.db.clock().advance(SignedDuration::from_hours(24));
    app.db.stock(item.level(), 7).await;
    let text = browser
        .get(&format!("/items/{}", item.id))
        .await
        .text()
        .to_owned();
    assert!(text.contains("data-version=\"2\""), "{text}");
    let level = format!("data-level=\"{}\">12<", item.home);
    assert!(text.contains(&level), "{text}");
    assert!(
        text.contains("lowest 0 on 8 Dec, highest 12 on 6 Jan"),
        "{text}"
    );
    let row = "<td><time datetime=\"2026-01-05\">5 Jan</time></td><td class=\"end\">5</td>\
               <td class=\"end\">+5</td>";
    assert!(text.contains(row), "{text}");
    assert!(
        text.contains(">target 8<") && text.contains(">min 3<"),
        "{text}"
    );
}
