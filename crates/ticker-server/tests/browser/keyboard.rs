//! How far a keyboard gets.

use thirtyfour::Key;
use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem};

use crate::harness::{LATEST_MOVEMENT, Script, Stage, list, story};

#[tokio::test]
async fn keyboard() {
    story("keyboard", Script::On, async |stage| {
        stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
        let item = stage.db.item("AA batteries").stock(40).await;
        stage.db.item("Fuse").stock(2).await;
        stage.browser.sign_in("ana", PASSWORD).await;
        skips_to_the_content(stage).await;
        searches_and_presses(stage, item).await;
        adjusts(stage, item).await;
        opens_and_closes(stage, item).await;
        a_mouse_keeps_the_focus_too(stage, item).await;
    })
    .await;
}

async fn skips_to_the_content(stage: &Stage) {
    let page = &stage.browser;
    page.go("/").await;
    press(stage, Key::Tab).await;
    let skip = "const e = document.activeElement; const at = e.getBoundingClientRect(); \
         return e.matches('.skip-link') && at.top >= 0 && at.left >= 0 && at.height > 0";
    page.expect_answer(skip, true).await;
    focus_is_visible(stage).await;
    press(stage, Key::Enter).await;
    page.expect_focus("main").await;
}

/// A whole press: `/`, words, Tab to the button, Space; then Enter on the button that is still focused.
async fn searches_and_presses(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.type_keys("/").await;
    page.expect_focus("q").await;
    page.type_keys("aa b").await;
    list::expect(page, &["AA batteries"]).await;
    page.expect_focus("q").await;
    assert_eq!(
        page.value("Search items by name, SKU or barcode").await,
        "aa b"
    );
    let button = format!("add-{}", item.id);
    tab_to(stage, &button).await;
    for (key, number) in [(Key::Space, "41"), (Key::Enter, "42")] {
        press(stage, key).await;
        list::expect_number(page, item.id, number).await;
        page.expect_focus(&button).await;
        focus_is_visible(stage).await;
    }
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ana 1 41 42 adjusted page -"]
    );
}

/// The form for any amount: opened, filled, sent and closed.
async fn adjusts(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.type_shifted(Key::Tab).await;
    press(stage, Key::Enter).await;
    page.expect_focus("quantity").await;
    page.type_keys("5").await;
    press(stage, Key::Enter).await;
    list::expect_number(page, item.id, "47").await;
    page.expect_count("dialog[open]", 0).await;
    let in_row = format!(
        "return document.activeElement.closest('tr')?.id === 'item-{}'",
        item.id
    );
    page.expect_answer(&in_row, true).await;
}

/// Dialog and menu close on Escape and give the focus back.
async fn opens_and_closes(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    page.run(&format!(
        "document.querySelector('#item-{} a.quantity').focus()",
        item.id
    ))
    .await;
    press(stage, Key::Enter).await;
    page.expect_count("dialog[open]", 1).await;
    page.expect_focus("quantity").await;
    press(stage, Key::Escape).await;
    page.expect_count("dialog[open]", 0).await;
    page.expect_answer("return document.activeElement.matches('a.quantity')", true)
        .await;
    page.run("document.querySelector('header summary').focus()")
        .await;
    press(stage, Key::Enter).await;
    page.expect_count("details[open]", 1).await;
    press(stage, Key::Escape).await;
    page.expect_count("details[open]", 0).await;
    page.expect_answer("return document.activeElement.matches('summary')", true)
        .await;
}

async fn a_mouse_keeps_the_focus_too(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    let button = format!("remove-{}", item.id);
    page.click(&format!("#{button}")).await;
    list::expect_number(page, item.id, "46").await;
    page.expect_focus(&button).await;
}

/// Presses Tab until something has the focus; every stop on the way can be seen.
async fn tab_to(stage: &Stage, wanted: &str) {
    let mut stops = Vec::new();
    for _ in 0..60 {
        press(stage, Key::Tab).await;
        let focused = stage.browser.focused().await;
        focus_is_visible(stage).await;
        if focused == wanted {
            return;
        }
        stops.push(focused);
    }
    panic!("Tab does not lead to {wanted}: {stops:?}");
}

async fn focus_is_visible(stage: &Stage) {
    let script = "const e = document.activeElement; const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(e); \
         const ring = (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2) || boxShadow !== 'none'; \
         return e.matches(':focus-visible') && ring ? '' : `${e.tagName}#${e.id} ${outlineStyle} ${outlineWidth} ${boxShadow}`";
    stage.browser.expect_answer(script, "").await;
}

async fn press(stage: &Stage, key: Key) {
    stage.browser.type_keys(key.value().to_string()).await;
}
