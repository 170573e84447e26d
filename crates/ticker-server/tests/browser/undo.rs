//! Taking back what was done, from an item's latest movements.

use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem};

use crate::harness::{LATEST_MOVEMENT, Script, Stage, list, story};

#[tokio::test]
async fn undo_with_script() {
    story("undo-with-script", Script::On, takes_back).await;
}

#[tokio::test]
async fn undo_without_script() {
    story("undo-without-script", Script::Off, takes_back).await;
}

async fn takes_back(stage: &Stage) {
    stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
    let item = stage.db.item("AA batteries").stock_at("Shop floor", 2);
    let item = item.await;
    let page = &stage.browser;
    page.sign_in("ana", PASSWORD).await;
    page.go(&format!("/items/{}", item.id)).await;
    page.click("#stock .stepper button[aria-label^='Add']")
        .await;
    page.expect("+1 AA batteries → 3").await;
    from_the_latest_movements(stage).await;
    from_the_message(stage, item).await;
    not_what_is_gone(stage, item).await;
}

/// The numbers follow at once, and the page stays.
async fn from_the_latest_movements(stage: &Stage) {
    let page = &stage.browser;
    page.run("window.isHere = true").await;
    page.click("#latest tbody tr:first-child form.undo button")
        .await;
    page.expect("Undone: −1 AA batteries → 2").await;
    page.expect_texts(".on-hand .total b", &["2"]).await;
    page.expect_count("#latest tbody tr.is-undone", 1).await;
    page.expect_gone("5 January 2026").await; // when it last changed
    page.expect_texts("#latest tbody tr:first-child .change", &["−1"])
        .await;
    if page.script.is_on() {
        page.expect_answer("return window.isHere", true).await;
        let focused = "return document.activeElement.className";
        page.expect_answer(focused, "quantity").await;
    }
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ana -1 3 2 adjusted page -"]
    );
}

/// In the list, and what was taken back is done again from the message that says so.
async fn from_the_message(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    let undo = "#toasts [data-toast]:last-child [data-undo] button";
    page.go("/").await;
    page.click(&format!("#add-{}", item.id)).await;
    page.expect("+1 AA batteries → 3").await;
    page.click(undo).await;
    page.expect("Undone: −1 AA batteries → 2").await;
    list::expect_number(page, item.id, "2").await;
    page.click(undo).await;
    page.expect("Undone: +1 AA batteries → 3").await;
    list::expect_number(page, item.id, "3").await;
    page.click(undo).await;
    page.expect("Undone: −1 AA batteries → 2").await;
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ana -1 3 2 adjusted page -"]
    );
}

/// What was added has been taken by somebody else since: that is said, with the number, and nothing changes.
async fn not_what_is_gone(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go(&format!("/items/{}", item.id)).await;
    page.click("#stock .stepper button[aria-label^='Add']")
        .await;
    page.expect("+1 AA batteries → 3").await;
    page.expect_texts("#latest tbody tr:first-child .change", &["+1"])
        .await;
    stage.db.stock(item.level(), -3).await;
    let added = "#latest tbody tr:has(.change-in):not(.is-undone) form.undo button";
    page.click(added).await;
    page.expect("Cannot undo: none are left at Shop floor, and 1 would have to go.")
        .await;
    page.expect_texts(".on-hand .total b", &["0"]).await;
    page.expect_count(added, 1).await;
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["storekeeper -3 3 0 adjusted page -"]
    );
}
