//! The account menu's choices, with script and without.

use ticker_domain::user::Role;
use ticker_testkit::PASSWORD;

use crate::harness::{Script, Stage, Theme, story};

#[tokio::test]
async fn preferences_with_script() {
    story("preferences-with-script", Script::On, choose).await;
}

#[tokio::test]
async fn preferences_without_script() {
    story("preferences-without-script", Script::Off, choose).await;
}

const GROUND: &str = "return getComputedStyle(document.body).backgroundColor";
const LIGHT: &str = "rgb(244, 244, 240)";
const DARK: &str = "rgb(19, 21, 25)";

/// Dark on a light system, and back; the next page is drawn so from the start.
async fn choose(stage: &Stage) {
    let page = &stage.browser;
    stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
    page.sign_in("ana", PASSWORD).await;
    page.prefer(Theme::Light).await;
    page.expect_answer(GROUND, LIGHT).await;
    page.go("/?status=low").await;
    page.click("header summary").await;
    page.press("Dark").await;
    page.expect_answer(GROUND, DARK).await;
    page.expect_path("/?status=low").await;
    if page.script.is_on() {
        page.expect_texts("[name=theme][aria-pressed=true]", &["Dark"])
            .await;
        page.press("Off").await;
        page.expect_count("body[data-shortcuts=off]", 1).await;
    }
    kept(stage).await;
    page.go("/").await;
    page.expect_count("html[data-theme=dark]", 1).await;
    page.expect_answer(GROUND, DARK).await;
    let off = usize::from(page.script.is_on());
    page.expect_count("body[data-shortcuts=off]", off).await;
    page.click("header summary").await;
    page.press("System").await;
    page.expect_answer(GROUND, LIGHT).await;
    page.prefer(Theme::Dark).await;
    page.expect_answer(GROUND, DARK).await;
}

/// Script does not wait for the server to remember.
async fn kept(stage: &Stage) {
    let expected = if stage.browser.script.is_on() { 3 } else { 2 };
    crate::harness::eventually("the cookies", async || {
        let cookies = stage.browser.cookies().await;
        if cookies.len() == expected {
            Ok(())
        } else {
            Err(cookies)
        }
    })
    .await;
}
