//! What others do, on a screen that is open meanwhile.

use serde_json::json;
use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem, key};

use crate::harness::{Client, Script, Stage, list, story};
use crate::layout::SIZES;

#[tokio::test]
async fn live() {
    story("live", Script::On, async |stage| {
        stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
        stage.db.user_named("bo", "Bo Bell", Role::Staff).await;
        let batteries = stage.db.item("AA batteries").thresholds(5, 20, None);
        let batteries = batteries.stock(12).await;
        let fuse = stage.db.item("Fuse").stock(20).await;
        stage.browser.sign_in("ana", PASSWORD).await;
        let bo = stage.client().sign_in("bo", PASSWORD).await;
        a_row_follows(stage, &bo, batteries).await;
        who_it_was_covers_nothing(stage, &bo, batteries).await;
        ones_own_press_is_counted_once(stage, &bo, batteries, fuse).await;
        an_open_form_is_told(stage, &bo, batteries).await;
        rows_stay_where_they_are(stage, &bo, batteries, fuse).await;
        an_items_page_follows(stage, &bo, batteries).await;
        a_lost_connection_is_said_and_caught_up(stage, &bo, batteries).await;
        a_session_that_ended_is_said(stage).await;
    })
    .await;
}

/// Number, status and who it was; the focus stays.
async fn a_row_follows(stage: &Stage, bo: &Client, item: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    is_live(stage).await;
    let quantity = format!("quantity-{}", item.id);
    page.run(&format!("document.getElementById('{quantity}').focus()"))
        .await;
    change(bo, item, -8).await;
    list::expect_number(page, item.id, "4").await;
    page.expect_texts(&format!("#item-{} .by", item.id), &["Bo −8"])
        .await;
    page.expect_texts(&format!("#item-{}.is-low .status-low", item.id), &["Low"])
        .await;
    page.expect_focus(&quantity).await;
    page.expect_answer(
        "return document.getElementById('news').textContent",
        "AA batteries: Bo −8, now 4",
    )
    .await;
}

/// Neither a number nor a line lies under it, and nothing makes room for it.
async fn who_it_was_covers_nothing(stage: &Stage, bo: &Client, item: TestItem) {
    let page = &stage.browser;
    let row = format!("#item-{}", item.id);
    let covers = |holder: &str| {
        format!(
            "const holder = document.querySelector('{holder}'); \
             const by = holder.querySelector('.by').getBoundingClientRect(); \
             const meets = (e) => {{ const r = e.getBoundingClientRect(); \
               return r.left < by.right && by.left < r.right && r.top < by.bottom && by.top < r.bottom; }}; \
             const own = holder.getBoundingClientRect(); \
             const isOut = by.top <= own.top || by.bottom >= own.bottom || by.left <= own.left || by.right >= own.right; \
             return [isOut, ...[...holder.querySelectorAll('.stepper, .status, .sku, .name a, time, .btn, .where, .total')] \
               .filter(e => e.checkVisibility() && meets(e)).map(e => e.className || e.tagName)]"
        )
    };
    let sizes = format!(
        "return [...document.querySelectorAll('{row}, {row} > *')].map(e => Math.round(e.offsetWidth) + 'x' + Math.round(e.offsetHeight)).join()"
    );
    for (width, height) in SIZES.into_iter().chain([(1000, 800)]) {
        page.resize(width, height).await;
        page.go("/").await;
        is_live(stage).await;
        let before = page.run(&sizes).await;
        change(bo, item, 1).await;
        page.expect_count(&format!("{row} .by"), 1).await;
        page.expect_answer(covers(&row), json!([false])).await;
        assert_eq!(page.run(&sizes).await, before, "at {width} px");
        page.go(&format!("/items/{}", item.id)).await;
        is_live(stage).await;
        change(bo, item, -1).await;
        page.expect_count("#stock .by", 1).await;
        page.expect_answer(covers("#stock > .panel"), json!([false]))
            .await;
    }
    page.resize(1440, 900).await;
}

/// The answer and the event tell the same change; nobody is said to have made it.
async fn ones_own_press_is_counted_once(
    stage: &Stage,
    bo: &Client,
    item: TestItem,
    other: TestItem,
) {
    let page = &stage.browser;
    page.go("/").await;
    is_live(stage).await;
    page.run(
        "window.shown = []; new MutationObserver(() => shown.push(document.querySelector('tbody [data-quantity]').innerText)) \
         .observe(document.querySelector('tbody'), { subtree: true, childList: true, characterData: true })",
    )
    .await;
    page.click(&format!("#add-{}", item.id)).await;
    page.expect("+1 AA batteries → 5").await;
    list::expect_number(page, item.id, "5").await;
    // The own event has come when one that is later has.
    change(bo, other, -1).await;
    page.expect_texts(&format!("#item-{} .by", other.id), &["Bo −1"])
        .await;
    let shown = "return [...new Set(shown)].join(' ')";
    page.expect_answer(shown, "5").await;
    page.expect_count(&format!("#item-{} .by", item.id), 0)
        .await;
}

/// What was seen stays in the form, so that a count is still asked about.
async fn an_open_form_is_told(stage: &Stage, bo: &Client, item: TestItem) {
    let page = &stage.browser;
    list::open_adjust(page, item.id).await;
    change(bo, item, 7).await;
    // What one did oneself a moment ago may be told along with it.
    page.expect("Stock moved: 12 now (Bo").await;
    page.expect_answer(
        "return document.querySelector('#sheet [name=seen_on_hand]').value",
        "5",
    )
    .await;
    page.press("Cancel").await;
}

/// In a list by quantity the row stays under the pointer until it is asked to move.
async fn rows_stay_where_they_are(stage: &Stage, bo: &Client, batteries: TestItem, fuse: TestItem) {
    let page = &stage.browser;
    page.go("/?sort=quantity").await;
    is_live(stage).await;
    list::expect(page, &["AA batteries", "Fuse"]).await;
    change(bo, batteries, 30).await;
    page.expect_texts("#moved", &["1 row moved · Refresh"])
        .await;
    list::expect(page, &["AA batteries", "Fuse"]).await;
    page.run(&format!(
        "document.getElementById('add-{}').focus()",
        fuse.id
    ))
    .await;
    page.run("document.getElementById('moved').click()").await;
    list::expect(page, &["Fuse", "AA batteries"]).await;
    page.expect_focus(&format!("add-{}", fuse.id)).await;
    page.expect_count("#moved[hidden]", 1).await;
    change(bo, batteries, -30).await;
    page.expect_texts("#moved", &["1 row moved · Refresh"])
        .await;
}

/// Everything on it: numbers at once, the latest movements a moment later.
async fn an_items_page_follows(stage: &Stage, bo: &Client, item: TestItem) {
    let page = &stage.browser;
    page.go(&format!("/items/{}", item.id)).await;
    is_live(stage).await;
    change(bo, item, -9).await;
    page.expect_texts(".on-hand .total b", &["3"]).await;
    page.expect_count("#stock .by", 1).await;
    page.expect_texts("#item-status", &["Low"]).await;
    page.expect_texts("#latest tbody tr:first-child .change", &["−9"])
        .await;
    // And what it is called, a moment after somebody has changed that.
    let renamed = "update items set name = 'Accumulators', unit = 'boxes', version = version + 1 where name = 'AA batteries'";
    stage.db.sql(renamed).await;
    page.expect_texts("h1", &["Accumulators"]).await;
    page.expect_texts("#facts dd:nth-of-type(4)", &["boxes"])
        .await;
}

/// While nothing can be heard the page says so; afterwards it has everything that was missed.
async fn a_lost_connection_is_said_and_caught_up(stage: &Stage, bo: &Client, item: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    is_live(stage).await;
    page.set_offline(true).await;
    stage
        .browser
        .run("dispatchEvent(new Event('offline'))")
        .await;
    page.expect_texts("#live", &["Reconnecting, numbers may be old"])
        .await;
    change(bo, item, 5).await;
    list::expect_number(page, item.id, "3").await;
    page.set_offline(false).await;
    stage
        .browser
        .run("dispatchEvent(new Event('online'))")
        .await;
    is_live(stage).await;
    list::expect_number(page, item.id, "8").await;
}

/// Nothing comes any more, and the page does not pretend otherwise.
async fn a_session_that_ended_is_said(stage: &Stage) {
    let page = &stage.browser;
    page.go("/?status=ok").await;
    is_live(stage).await;
    let end = "update users set disabled_at = now(), auth_epoch = auth_epoch + 1 where username = 'ana'; \
               notify ticker_sessions";
    stage.db.sql(end).await;
    page.expect("You are signed out here.").await;
    page.expect_texts("#live", &["Signed out, numbers may be old"])
        .await;
    page.press("Sign in").await;
    page.expect_path("/login?next=%2F%3Fstatus%3Dok").await;
}

async fn is_live(stage: &Stage) {
    stage.browser.expect_texts("#live", &["Live"]).await;
}

async fn change(who: &Client, item: TestItem, delta: i64) {
    let (key, delta, home) = (
        key().0.to_string(),
        delta.to_string(),
        item.home.to_string(),
    );
    let fields = [
        ("key", key.as_str()),
        ("location", &home),
        ("delta", &delta),
    ];
    let path = format!("/items/{}/adjust", item.id);
    let answer = who.post(&path, &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
}
