//! An item's history as a page: its filters stand in its address, and in that of the file.

use http::StatusCode;
use ticker_domain::user::Role;

use crate::app::TestApp;

#[tokio::test]
async fn filters_stand_in_the_address_of_the_page_its_neighbours_and_the_file() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").stock(200).await;
    for _ in 0..60 {
        app.db.stock(item.level(), -1).await;
    }
    let path = format!("/items/{}/history", item.id);
    let page = browser.get(&format!("{path}?direction=out")).await;
    let text = page.text().replace("&#38;", "&");
    assert_eq!(text.matches("change-out").count(), 50, "{text}");
    assert!(!text.contains("change-in"), "{text}");
    assert!(text.contains("<option value=\"out\" selected>Out</option>"));
    let file = format!("/history.csv?item={}&direction=out", item.id);
    assert!(text.contains(&file), "{text}");
    let older = text.split("rel=\"next\" href=\"").nth(1).unwrap();
    let older = older.split('"').next().unwrap();
    assert!(older.contains("direction=out"), "{older}");
    let page = browser.get(older).await;
    assert_eq!(page.text().matches("change-out").count(), 10);

    let nothing = browser.get(&format!("{path}?what=transfer")).await;
    assert!(
        nothing.text().contains("Nothing matches"),
        "{}",
        nothing.text()
    );
    let csv = browser.get("/history.csv?direction=in").await;
    assert_eq!(csv.text().lines().count(), 2, "{}", csv.text());
    let csv = browser.get("/history.csv?what=sold&who=1&location=1").await;
    assert_eq!(csv.text().lines().count(), 1, "{}", csv.text());
}

/// A field for dates would show nothing of a time, and send nothing.
#[tokio::test]
async fn a_time_of_day_outlives_the_next_search() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").await;
    let query = "from=2026-11-20T08:30:00Z&to=2026-11-21";
    let page = browser
        .get(&format!("/items/{}/history?{query}", item.id))
        .await;
    for field in [
        "name=\"from\" type=\"text\" value=\"2026-11-20T08:30:00Z\"",
        "name=\"to\" type=\"date\" value=\"2026-11-21\"",
    ] {
        assert!(page.text().contains(field), "{field}: {}", page.text());
    }
}

#[tokio::test]
async fn an_address_that_makes_no_sense_says_what_would() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    let item = app.db.item("AA batteries").await;
    for (query, words) in [
        ("what=stolen", "“what” of this address must be a reason"),
        (
            "direction=up",
            "“direction” of this address must be in or out",
        ),
        ("who=ana", "“who” of this address must be a user"),
        (
            "location=0",
            "“location” of this address must be a location",
        ),
        ("from=yesterday", "“from” of this address must be a date"),
        ("from=2026-01-02&to=2026-01-01", "must lie before “to”"),
        ("after=1&before=2", "cannot stand together"),
    ] {
        let answer = browser
            .get(&format!("/items/{}/history?{query}", item.id))
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        let text = answer.text().replace("&#39;", "'");
        assert!(text.contains(words), "{query}: {text}");
    }
}
