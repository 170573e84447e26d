//! How a browser likes its pages.

use http::header::{REFERER, SET_COOKIE};
use http::{Method, StatusCode};

use crate::app::TestApp;

const DARK: &str = r#"<html lang="en" data-theme="dark">"#;
const SHORTCUTS_OFF: &str = r#" data-shortcuts="off">"#;

#[tokio::test]
async fn a_choice_is_kept_by_the_browser_and_drawn_by_the_server() {
    let app = TestApp::new().await;
    let mut browser = app.stranger();
    assert!(
        browser
            .get("/login")
            .await
            .text()
            .contains(r#"<html lang="en">"#)
    );
    let mut cookies = Vec::new();
    for choice in [("theme", "dark"), ("shortcuts", "off")] {
        let answer = browser.post("/preferences", &[choice]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let cookie = answer.header(SET_COOKIE).to_owned();
        for part in [
            "__Host-ticker-",
            "Secure",
            "HttpOnly",
            "SameSite=Lax",
            "Path=/",
        ] {
            assert!(cookie.contains(part), "{part} in {cookie}");
        }
        cookies.push(cookie.split(';').next().unwrap().to_owned());
    }
    browser.cookie = Some(cookies.join("; "));
    let login = browser.get("/login").await;
    assert!(login.text().contains(DARK) && login.text().contains(SHORTCUTS_OFF));
    let error = browser.get("/nowhere").await;
    assert!(error.text().contains(DARK), "errors are pages, too");
    let answer = browser.post("/preferences", &[("theme", "system")]).await;
    assert!(answer.header(SET_COOKIE).contains("Max-Age=0"), "forgotten");
}

#[tokio::test]
async fn one_comes_back_to_the_page_that_one_chose_on() {
    let app = TestApp::new().await;
    for (from, back) in [
        (
            "https://ticker.example/items/7?tab=details",
            "/items/7?tab=details",
        ),
        ("https://elsewhere.example//evil.example/", "/"),
        ("", "/"),
    ] {
        let ask = app.stranger().ask(Method::POST, "/preferences");
        let ask = ask
            .header(REFERER.as_str(), from)
            .form(&[("theme", "light")]);
        let answer = ask.send().await;
        assert_eq!(
            (answer.status, answer.location()),
            (StatusCode::SEE_OTHER, back),
            "{from}"
        );
    }
}

#[tokio::test]
async fn nonsense_changes_nothing_and_script_needs_no_page() {
    let app = TestApp::new().await;
    let answer = app
        .stranger()
        .post("/preferences", &[("theme", "pink"), ("shortcuts", "")])
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.header(SET_COOKIE), "");
    let ask = app.stranger().ask(Method::POST, "/preferences");
    let ask = ask.header("hx-request", "true").form(&[("theme", "dark")]);
    let answer = ask.send().await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.header(SET_COOKIE).contains("ticker-theme=dark"));
}
