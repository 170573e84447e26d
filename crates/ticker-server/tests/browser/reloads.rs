//! What a page loads again behind itself: what becomes of it while it cannot be had, or comes too late.

use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem, key};

use crate::harness::{Client, Script, Stage, list, story};

#[tokio::test]
async fn reloads() {
    story("reloads", Script::On, async |stage| {
        stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
        stage.db.user_named("bo", "Bo Bell", Role::Staff).await;
        let batteries = stage.db.item("AA batteries").stock(12).await;
        let fuse = stage.db.item("Fuse").stock(20).await;
        stage.browser.sign_in("ana", PASSWORD).await;
        let bo = stage.client().sign_in("bo", PASSWORD).await;
        a_row_that_cannot_be_loaded_is_asked_for_again(stage, fuse).await;
        panels_that_cannot_be_loaded_are_asked_for_again(stage, fuse).await;
        a_history_that_missed_something_looks_until_it_knows(stage, fuse).await;
        a_refresh_that_fails_says_so(stage, &bo, batteries).await;
        another_list_is_not_replaced(stage, &bo, batteries).await;
        another_list_has_no_strangers(stage, fuse).await;
        what_others_did_meanwhile_is_listed(stage, &bo, batteries).await;
    })
    .await;
}

/// The stream has told of it and goes on: nothing else would ever ask.
async fn a_row_that_cannot_be_loaded_is_asked_for_again(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    open(stage, "/").await;
    page.cut_wire().await;
    rename(stage, item, "Slow fuse").await;
    page.expect_texts("#live", &["Reconnecting, numbers may be old"])
        .await;
    list::expect(page, &["AA batteries", "Fuse"]).await;
    page.mend_wire().await;
    list::expect(page, &["AA batteries", "Slow fuse"]).await;
    page.expect_texts("#live", &["Live"]).await;
}

async fn panels_that_cannot_be_loaded_are_asked_for_again(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    open(stage, &format!("/items/{}", item.id)).await;
    page.cut_wire().await;
    rename(stage, item, "Fuse").await;
    page.expect_texts("#live", &["Reconnecting, numbers may be old"])
        .await;
    page.expect_texts("h1", &["Slow fuse"]).await;
    page.mend_wire().await;
    page.expect_texts("h1", &["Fuse"]).await;
    page.expect_texts("#live", &["Live"]).await;
}

/// Told to look at everything, it does not know how much is new before it has.
async fn a_history_that_missed_something_looks_until_it_knows(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    open(stage, &format!("/items/{}/history", item.id)).await;
    page.cut_wire().await;
    page.run("document.dispatchEvent(new CustomEvent('ticker:missed'))")
        .await;
    page.expect_texts("#live", &["Reconnecting, numbers may be old"])
        .await;
    page.mend_wire().await;
    page.expect_texts("#live", &["Live"]).await;
}

async fn a_refresh_that_fails_says_so(stage: &Stage, bo: &Client, item: TestItem) {
    let page = &stage.browser;
    open(stage, "/?sort=quantity").await;
    change(bo, item, 30).await;
    page.expect_texts("#moved", &["1 row moved · Refresh"])
        .await;
    page.cut_wire().await;
    page.click("#moved").await;
    page.expect("The list could not be loaded").await;
    page.mend_wire().await;
    page.press("Retry").await;
    list::expect(page, &["Fuse", "AA batteries"]).await;
    page.expect_gone("The list could not be loaded").await;
}

/// Somebody searches while the list that they refreshed is on its way.
async fn another_list_is_not_replaced(stage: &Stage, bo: &Client, item: TestItem) {
    let page = &stage.browser;
    open(stage, "/?sort=quantity").await;
    change(bo, item, -30).await;
    page.expect_texts("#moved", &["1 row moved · Refresh"])
        .await;
    page.hold_answers().await;
    page.click("#moved").await;
    page.expect_held().await;
    list::search(page, "fuse").await;
    page.expect_path("/?q=fuse&sort=quantity").await;
    list::expect(page, &["Fuse"]).await;
    page.let_through().await;
    assert_eq!(page.texts("tbody th.name").await, ["Fuse"]);
    page.expect_count("#moved[hidden]", 1).await;
}

/// What would be in one list is not missing from the next.
async fn another_list_has_no_strangers(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    open(stage, "/").await;
    stage.db.item("Cable").stock(1).await;
    rename(stage, item, "Fuse").await;
    page.expect_texts("#moved", &["1 row moved · Refresh"])
        .await;
    list::search(page, "fuse").await;
    list::expect(page, &["Fuse"]).await;
    page.expect_count("#moved[hidden]", 1).await;
}

/// Bo's change comes while Ana's own answer, from before it, is on its way.
async fn what_others_did_meanwhile_is_listed(stage: &Stage, bo: &Client, item: TestItem) {
    let page = &stage.browser;
    open(stage, &format!("/items/{}", item.id)).await;
    page.hold_answers().await;
    page.click("#stock [data-press='1'] button").await;
    page.expect_held().await;
    change(bo, item, -2).await;
    page.expect_heard("\"delta\":-2").await;
    page.let_through().await;
    page.expect_texts("#stock .total b", &["11"]).await;
    page.expect_texts("#latest tbody tr:first-child .change", &["−2"])
        .await;
}

async fn open(stage: &Stage, path: &str) {
    stage.browser.go(path).await;
    stage.browser.expect_texts("#live", &["Live"]).await;
    stage.browser.put_on_wire().await;
    stage.browser.expect_texts("#live", &["Live"]).await;
}

async fn rename(stage: &Stage, item: TestItem, name: &str) {
    let rename = format!(
        "update items set name = '{name}', name_key = lower('{name}'), version = version + 1 where id = {}",
        item.id
    );
    stage.db.sql(&rename).await;
}

async fn change(who: &Client, item: TestItem, delta: i64) {
    let (key, delta) = (key().0.to_string(), delta.to_string());
    let fields = [("key", key.as_str()), ("delta", &delta)];
    let path = format!("/items/{}/adjust", item.id);
    let answer = who.post(&path, &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
}
