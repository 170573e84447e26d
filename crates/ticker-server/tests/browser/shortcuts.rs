//! Single keys in the list and on an item's page, and a scanner that types there.

use serde_json::json;
use thirtyfour::Key;
use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem};

use crate::harness::{LATEST_MOVEMENT, Script, Stage, eventually, list, story};

#[tokio::test]
async fn shortcuts() {
    story("shortcuts", Script::On, async |stage| {
        stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
        let batteries = stage.db.item("AA batteries").barcode("4006381333931");
        let batteries = batteries.stock(40).await;
        // Its code begins with a key that does something.
        let bolt = stage.db.item("Bolt").sku("a-+jk").stock(5).await;
        stage.db.item("Cable").stock(5).await;
        stage.db.location("Back room").await;
        stage.browser.sign_in("ana", PASSWORD).await;
        moves_and_presses(stage, batteries, bolt).await;
        opens_and_lists(stage, bolt).await;
        a_scanner_is_no_hand(stage, batteries, bolt).await;
        typing_and_turning_off(stage, batteries).await;
    })
    .await;
}

async fn keys(stage: &Stage, keys: &str) {
    stage.browser.type_keys(keys).await;
}

/// Types a code and Enter as fast as a scanner: the driver's keys may come slower on a busy machine.
async fn scan(stage: &Stage, code: &str) {
    let script = format!(
        "for (const key of [...{}, 'Enter']) document.activeElement.dispatchEvent( \
         new KeyboardEvent('keydown', {{ key, bubbles: true, cancelable: true }}))",
        json!(code)
    );
    stage.browser.run(&script).await;
}

/// The mark is where the focus is.
async fn expect_current(stage: &Stage, name: &str) {
    let page = &stage.browser;
    page.expect_texts("tr.is-current th", &[name]).await;
    let focused = "return document.activeElement.innerText";
    page.expect_answer(focused, name).await;
}

async fn moves_and_presses(stage: &Stage, batteries: TestItem, bolt: TestItem) {
    let page = &stage.browser;
    list::expect(page, &["AA batteries", "Bolt", "Cable"]).await;
    for (key, name) in [
        ("j", "AA batteries"),
        ("k", "AA batteries"),
        ("j", "Bolt"),
        ("j", "Cable"),
        ("j", "Cable"),
        ("k", "Bolt"),
    ] {
        keys(stage, key).await;
        expect_current(stage, name).await;
    }
    keys(stage, "+").await;
    list::expect_number(page, bolt.id, "6").await;
    expect_current(stage, "Bolt").await;
    // The same key without Shift.
    keys(stage, "=").await;
    list::expect_number(page, bolt.id, "7").await;
    keys(stage, "-").await;
    list::expect_number(page, bolt.id, "6").await;
    expect_current(stage, "Bolt").await;
    keys(stage, "k").await;
    expect_current(stage, "AA batteries").await;
    keys(stage, "a").await;
    page.expect_count("dialog[open] #adjust-form", 1).await;
    keys(stage, "2").await;
    keys(stage, &Key::Enter.value().to_string()).await;
    list::expect_number(page, batteries.id, "42").await;
    page.expect_count("dialog[open]", 0).await;
    page.expect_texts("tr.is-current th", &["AA batteries"])
        .await;
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ana 2 40 42 adjusted page -"]
    );
}

async fn opens_and_lists(stage: &Stage, bolt: TestItem) {
    let page = &stage.browser;
    keys(stage, "?").await;
    page.expect_count("dialog[open] .shortcuts", 1).await;
    keys(stage, "j").await;
    keys(stage, &Key::Escape.value().to_string()).await;
    page.expect_count("dialog[open]", 0).await;
    page.expect_texts("tr.is-current th", &["AA batteries"])
        .await;
    keys(stage, "j").await;
    expect_current(stage, "Bolt").await;
    keys(stage, &Key::Enter.value().to_string()).await;
    page.expect_path(&format!("/items/{}", bolt.id)).await;
    keys(stage, "+").await;
    page.expect_texts("#stock .total b", &["7"]).await;
    page.expect_count("#stock.is-pending", 0).await;
    for (key, form) in [("t", "[action$='/transfer']"), ("c", "#adjust-form")] {
        keys(stage, key).await;
        page.expect_count(&format!("dialog[open] form{form}"), 1)
            .await;
        keys(stage, &Key::Escape.value().to_string()).await;
        page.expect_count("dialog[open]", 0).await;
    }
    page.go("/").await;
    keys(stage, "/").await;
    page.expect_focus("q").await;
}

/// A burst of keys is a code, even when each of them is a shortcut; and it works from an item's page too.
async fn a_scanner_is_no_hand(stage: &Stage, batteries: TestItem, bolt: TestItem) {
    let page = &stage.browser;
    let before = stage.db.texts("select count(*) from movements").await;
    page.go("/").await;
    scan(stage, "a-+jk").await;
    page.expect_path(&format!("/items/{}", bolt.id)).await;
    scan(stage, "4006381333931").await;
    page.expect_path(&format!("/items/{}", batteries.id)).await;
    scan(stage, "bolt").await;
    page.expect_path("/?q=bolt").await;
    list::expect(page, &["Bolt"]).await;
    page.expect_count("dialog[open]", 0).await;
    assert_eq!(
        stage.db.texts("select count(*) from movements").await,
        before
    );
}

async fn typing_and_turning_off(stage: &Stage, batteries: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    keys(stage, "/").await;
    page.expect_focus("q").await;
    keys(stage, "aa").await;
    list::expect(page, &["AA batteries"]).await;
    keys(stage, "-").await;
    page.expect_answer("return document.activeElement.value", "aa-")
        .await;
    page.go("/").await;
    page.click("header summary").await;
    page.click("[name='shortcuts'][value='off']").await;
    eventually("a page that is drawn so", async || {
        page.reload().await;
        let drawn = page.attributes("body", "data-shortcuts").await;
        if drawn == ["off"] { Ok(()) } else { Err(drawn) }
    })
    .await;
    for key in ["j", "+", "?"] {
        keys(stage, key).await;
    }
    // A key acts once no other one can belong to it; this comes later than that.
    page.run("window.isLater = false; setTimeout(() => (window.isLater = true), 200)")
        .await;
    page.expect_answer("return window.isLater", true).await;
    page.expect_count("tr.is-current, dialog[open], .is-pending, [data-toast]", 0)
        .await;
    scan(stage, "4006381333931").await;
    page.expect_path(&format!("/items/{}", batteries.id)).await;
    page.expect_texts("#stock .total b", &["42"]).await;
}
