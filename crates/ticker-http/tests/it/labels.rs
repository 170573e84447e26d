//! Labels to print.

use http::StatusCode;
use ticker_domain::user::Role;

use crate::app::TestApp;

#[tokio::test]
async fn as_many_labels_as_asked_for_share_one_drawing_of_each_code() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    let item = app
        .db
        .item("AA & AAA batteries")
        .sku("BAT-4")
        .barcode("4006381333931")
        .await;
    let path = format!("/items/{}/labels", item.id);
    let one = browser.get(&path).await;
    assert_eq!(one.status, StatusCode::OK);
    assert_eq!(one.text().matches("class=\"label\"").count(), 1);
    let many = browser.get(&format!("{path}?copies=24&size=large")).await;
    let text = many.text();
    assert_eq!(text.matches("class=\"label\"").count(), 24);
    assert_eq!(text.matches("<path").count(), 2, "{text}");
    assert!(text.contains("class=\"labels labels-large\""), "{text}");
    assert!(text.contains("aria-label=\"Barcode of 4006381333931\""));
    assert!(text.contains("<title>Labels of AA &#38; AAA batteries"));
    for query in ["copies=0", "copies=201", "copies=x", "size=huge"] {
        let wrong = browser.get(&format!("{path}?{query}")).await;
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn a_code_that_bars_cannot_say_is_square_only() {
    let app = TestApp::new().await;
    let browser = app.browser(Role::Staff).await;
    let item = app.db.item("Gloves").sku("GRÖSSE-9").await;
    let page = browser.get(&format!("/items/{}/labels", item.id)).await;
    let text = page.text();
    assert!(text.contains("QR code of GRÖSSE-9"), "{text}");
    assert!(!text.contains("Barcode of"), "{text}");
}
