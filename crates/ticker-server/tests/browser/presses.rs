//! Presses of − and + with script: gathered, kept until they are answered, never twice.

use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem};

use crate::harness::{LATEST_MOVEMENT, Script, Stage, list, story};

#[tokio::test]
async fn presses_overtaken() {
    story("presses-overtaken", Script::On, async |stage| {
        stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
        let item = stage.db.item("AA batteries").stock(40).await;
        stage.browser.sign_in("ana", PASSWORD).await;
        stage.browser.expect_path("/").await;
        nothing_waits_for_what_was_overtaken(stage, item).await;
    })
    .await;
}

#[tokio::test]
async fn presses() {
    story("presses", Script::On, async |stage| {
        stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
        let item = stage.db.item("AA batteries").stock(40).await;
        stage.browser.sign_in("ana", PASSWORD).await;
        stage.browser.expect_path("/").await;
        quick_presses_are_one_change(stage, item).await;
        presses_that_cancel_each_other_are_none(stage, item).await;
        a_reload_loses_nothing(stage, item).await;
        a_closed_page_loses_nothing(stage, item).await;
        what_is_old_is_offered(stage, item).await;
        what_was_dismissed_stays_away(stage, item).await;
    })
    .await;
}

/// Five presses within a moment: the number follows each, the ledger has one movement.
async fn quick_presses_are_one_change(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    let press = format!(
        "const shown = []; for (let i = 0; i < 5; i++) {{ document.getElementById('add-{id}').click(); \
         shown.push(document.querySelector('#item-{id} [data-quantity]').innerText); }} \
         return [...shown, document.getElementById('item-{id}').matches('.is-pending')].join(' ')",
        id = item.id
    );
    assert_eq!(page.run(&press).await, "41 42 43 44 45 true");
    list::expect_number(page, item.id, "45").await;
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ana 5 40 45 adjusted page -"]
    );
    nothing_is_kept(stage).await;
}

async fn presses_that_cancel_each_other_are_none(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    let sent = stage.site.count_asked("POST /items/");
    page.run(&format!(
        "for (const button of ['add', 'remove']) document.getElementById(`${{button}}-{}`).click()",
        item.id
    ))
    .await;
    list::expect_number(page, item.id, "45").await;
    nothing_is_kept(stage).await;
    assert_eq!(
        stage.site.count_asked("POST /items/"),
        sent,
        "nothing was sent"
    );
    assert_eq!(moved(stage).await, ["2"], "the opening and the five");
}

/// A press that has not even been sent when the page is loaded again.
/// A press is tried again by itself, and by Retry, which is quicker; the next one goes out once the slower
/// answer has come.
async fn nothing_waits_for_what_was_overtaken(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.run(
        "const real = window.fetch; window.isFailing = true; \
         window.fetch = async (address, options) => { \
             if (!String(address).includes('/adjust')) return real(address, options); \
             if (window.isFailing) return new Response('', { status: 503 }); \
             const answer = await real(address, options); \
             if (!window.letGo) await new Promise((go) => { window.letGo = go; }); \
             return answer; }",
    )
    .await;
    let add = format!("#add-{}", item.id);
    page.click(&add).await;
    page.expect("Not saved: AA batteries").await;
    page.run("window.isFailing = false").await;
    page.expect_answer("return Boolean(window.letGo)", true)
        .await;
    page.press("Retry").await;
    list::expect_number(page, item.id, "41").await;
    page.click(&add).await;
    page.expect_texts(
        &format!("#item-{}.is-pending [data-quantity]", item.id),
        &["42"],
    )
    .await;
    // Longer than presses are gathered.
    page.expect_answer(
        "window.since ??= performance.now(); return performance.now() - since > 600",
        true,
    )
    .await;
    page.run("window.letGo()").await;
    list::expect_number(page, item.id, "42").await;
    nothing_is_kept(stage).await;
    assert_eq!(moved(stage).await, ["3"], "the opening and each press once");
}

async fn a_reload_loses_nothing(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    press_and_go(stage, item, "location.reload()").await;
    list::expect_number(page, item.id, "46").await;
    nothing_is_kept(stage).await;
    assert_eq!(moved(stage).await, ["3"], "once, though it was sent twice");
}

/// The network is gone, and then the page: the next page of the tab sends it.
async fn a_closed_page_loses_nothing(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.set_offline(true).await;
    page.click(&format!("#remove-{}", item.id)).await;
    page.expect("Not saved: AA batteries −1").await;
    page.go_elsewhere("about:blank").await;
    page.set_offline(false).await;
    page.go("/").await;
    page.expect("−1 AA batteries → 45").await;
    list::expect_number(page, item.id, "45").await;
    nothing_is_kept(stage).await;
    assert_eq!(moved(stage).await, ["4"]);
}

/// What was pressed long ago is not sent unasked: somebody may have counted since.
async fn what_is_old_is_offered(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    leave_an_old_press(stage, item).await;
    page.expect("1 press was not saved: AA batteries +1").await;
    list::expect_number(page, item.id, "45").await;
    assert_eq!(moved(stage).await, ["4"]);
    page.press("Retry").await;
    list::expect_number(page, item.id, "46").await;
    nothing_is_kept(stage).await;
    assert_eq!(moved(stage).await, ["5"]);
}

async fn what_was_dismissed_stays_away(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    leave_an_old_press(stage, item).await;
    page.expect("1 press was not saved").await;
    page.click(".note-toast.is-error [data-dismiss]").await;
    nothing_is_kept(stage).await;
    page.reload().await;
    list::expect_number(page, item.id, "46").await;
    page.expect_gone("not saved").await;
    assert_eq!(moved(stage).await, ["5"]);
}

/// A press of an hour ago that never arrived, as the browser keeps it, of a tab that is gone.
async fn leave_an_old_press(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.run(&format!(
        "const form = document.getElementById('add-{}').form; \
         const {{ item, name }} = form.closest('[data-item]').dataset; \
         const fields = {{ location: form.elements.location.value, view_location: '', return_to: '/' }}; \
         const key = form.elements.key.value; \
         localStorage[`ticker.press.${{key}}`] = JSON.stringify({{ key, delta: 1, action: form.getAttribute('action'), \
         fields, item, name, at: Date.now() - 3600000, user: document.body.dataset.user, tab: 'gone' }})",
        item.id
    ))
    .await;
    page.reload().await;
}

/// Presses + and leaves in the same moment.
async fn press_and_go(stage: &Stage, item: TestItem, go: &str) {
    stage
        .browser
        .run(&format!(
            "document.getElementById('add-{}').click(); {go}",
            item.id
        ))
        .await;
}

async fn nothing_is_kept(stage: &Stage) {
    stage
        .browser
        .expect_answer("return Object.keys(localStorage).length", 0)
        .await;
}

async fn moved(stage: &Stage) -> Vec<String> {
    stage.db.texts("select count(*) from movements").await
}
