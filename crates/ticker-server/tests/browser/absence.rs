//! Whoever was away finds the numbers of now: behind another tab, on another page, on a line that had died.

use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem};

use crate::harness::{Script, Stage, list, story};

#[tokio::test]
async fn absence() {
    story("absence", Script::On, async |stage| {
        stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
        let item = stage.db.item("AA batteries").stock(40).await;
        stage.browser.sign_in("ana", PASSWORD).await;
        behind_another_tab(stage, item).await;
        on_another_page(stage, item).await;
        in_a_page_that_was_kept(stage, item).await;
        on_a_line_that_died(stage, item).await;
    })
    .await;
}

/// A page that nobody looks at lets go of its stream, and takes it up again where it was.
async fn behind_another_tab(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    shows(stage, item, "40").await;
    // What the page does is told by the one in front of it.
    let tell = "localStorage.clear(); \
         document.addEventListener('visibilitychange', () => { localStorage.isHidden = document.hidden; }); \
         const abort = AbortController.prototype.abort; \
         AbortController.prototype.abort = function () { localStorage.hasLetGo = true; abort.call(this); }";
    page.run(tell).await;
    let behind = page.open_tab_in_front().await;
    page.expect_answer("return localStorage.isHidden", "true")
        .await;
    page.expect_answer("return localStorage.hasLetGo", "true")
        .await;
    let streams = stage.site.count_asked("GET /live");
    stage.db.stock(item.level(), -1).await;
    page.close_tab_in_front_of(behind).await;
    list::expect_number(page, item.id, "39").await;
    page.expect_texts("#live", &["Live"]).await;
    assert!(stage.site.count_asked("GET /live") > streams);
}

/// Back shows what is, not what was when the page was left.
async fn on_another_page(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    shows(stage, item, "39").await;
    page.press("AA batteries").await;
    page.expect_path(&format!("/items/{}", item.id)).await;
    stage.db.stock(item.level(), -1).await;
    page.expect_texts(".on-hand .total b", &["38"]).await;
    page.go_back().await;
    page.expect_path("/").await;
    list::expect_number(page, item.id, "38").await;
    page.expect_texts("#live", &["Live"]).await;
    stage.db.stock(item.level(), -1).await;
    list::expect_number(page, item.id, "37").await;
}

/// The same in browsers that keep a page as it was, which Chromium does not do with pages like these.
async fn in_a_page_that_was_kept(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    shows(stage, item, "37").await;
    let turn = |event: &str| {
        format!("dispatchEvent(new PageTransitionEvent('{event}', {{ persisted: true }}))")
    };
    let streams = stage.site.count_asked("GET /live");
    page.run(&turn("pagehide")).await;
    stage.db.stock(item.level(), -1).await;
    list::expect_number(page, item.id, "37").await;
    page.run(&turn("pageshow")).await;
    list::expect_number(page, item.id, "36").await;
    assert_eq!(stage.site.count_asked("GET /live"), streams + 1);
}

/// No word comes, not even that the line is gone: after a while the page says so, and goes on trying.
async fn on_a_line_that_died(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.hurry_long_waits().await;
    shows(stage, item, "36").await;
    stage.site.front.fall_silent();
    stage.db.stock(item.level(), -1).await;
    page.expect_texts("#live", &["Reconnecting, numbers may be old"])
        .await;
    list::expect_number(page, item.id, "36").await;
    stage.site.front.speak();
    list::expect_number(page, item.id, "35").await;
    page.expect_texts("#live", &["Live"]).await;
}

async fn shows(stage: &Stage, item: TestItem, number: &str) {
    let page = &stage.browser;
    page.go("/").await;
    page.expect_texts("#live", &["Live"]).await;
    list::expect_number(page, item.id, number).await;
}
