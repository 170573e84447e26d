//! How many items a list's filters leave, for a list that is open.

use http::StatusCode;
use serde_json::{Value, json};
use ticker_domain::user::Role;

use crate::app::TestApp;

#[tokio::test]
async fn counts_are_those_of_the_list_in_its_words() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    app.db.item("Bolt").thresholds(5, 20, None).stock(3).await;
    app.db.item("Nut").category("Nuts").stock(7).await;
    app.db.item("Nail").await;
    let counts = async |query: &str| {
        let answer = browser.get(&format!("/inventory/counts{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        serde_json::from_slice::<Value>(&answer.bytes).unwrap()
    };
    let all = json!({"all": "3", "out": "1", "low": "1", "ok": "1", "over": "0"});
    assert_eq!(counts("").await, all);
    // Whatever status and page of it are shown.
    assert_eq!(
        counts("?status=low&sort=quantity&dir=desc&size=25").await,
        all
    );
    let n = json!({"all": "2", "out": "1", "low": "0", "ok": "1", "over": "0"});
    assert_eq!(counts("?q=n").await, n);
    let answer = browser.get("/inventory/counts?sort=colour").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}
