//! What follows beside rows: counts, times, an item's history, the newest scan.

use thirtyfour::Key;
use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem};

use crate::harness::{Script, Stage, story};

#[tokio::test]
async fn live_pages() {
    story("live-pages", Script::On, async |stage| {
        stage.db.user_named("mia", "Mia Maier", Role::Manager).await;
        let item = stage.db.item("AA batteries").thresholds(5, 20, None);
        let item = item.sku("AA").stock(12).await;
        for number in 0..30 {
            stage.db.item(&format!("Bolt {number:02}")).stock(1).await;
        }
        stage.browser.sign_in("mia", PASSWORD).await;
        counts_follow(stage, item).await;
        nothing_is_counted_while_nobody_looks(stage, item).await;
        the_time_is_the_servers(stage, item).await;
        a_history_offers_what_is_new(stage, item).await;
        the_newest_scan_tells_what_came_after(stage, item).await;
    })
    .await;
}

/// Of an item that is not even on the page; the focus stays, and what changes no status asks nothing.
async fn counts_follow(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go("/?q=b&size=25&sort=quantity").await;
    is_live(stage).await;
    page.expect_texts(".chip .count", &["31", "0", "0", "31", "0"])
        .await;
    page.run("document.querySelector('.chip-low').focus(); window.isHere = true")
        .await;
    let asked = stage.site.count_asked("GET /inventory/counts");
    stage.db.stock(item.level(), -1).await;
    stage.db.stock(item.level(), -7).await;
    page.expect_texts(".chip .count", &["31", "0", "1", "30", "0"])
        .await;
    page.expect_answer(
        "return window.isHere && document.activeElement.matches('.chip-low')",
        true,
    )
    .await;
    page.go("/?q=b&size=25&sort=quantity&status=ok").await;
    is_live(stage).await;
    page.expect("All 30 matching").await;
    stage.db.stock(item.level(), 9).await;
    page.expect("All 31 matching").await;
    assert_eq!(
        stage.site.count_asked("GET /inventory/counts"),
        asked + 2,
        "once for each change of status"
    );
}

/// It is made up for at the moment that somebody does.
async fn nothing_is_counted_while_nobody_looks(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    is_live(stage).await;
    let asked = stage.site.count_asked("GET /inventory/counts");
    page.run("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
        .await;
    stage.db.stock(item.level(), -13).await;
    page.expect_count(&format!("#item-{}.is-out", item.id), 1)
        .await;
    // The page may take a second to ask, and does not.
    page.expect_answer(
        "window.since ??= performance.now(); return performance.now() - since > 1500",
        true,
    )
    .await;
    assert_eq!(stage.site.count_asked("GET /inventory/counts"), asked);
    page.run("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
        .await;
    page.expect_texts(".chip .count", &["31", "1", "0", "30", "0"])
        .await;
}

/// A telephone's clock may be wrong.
async fn the_time_is_the_servers(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    is_live(stage).await;
    let wrong = "const Right = Date; \
         window.Date = class extends Right { constructor(...at) { super(...(at.length ? at : [0])); } }";
    page.run(wrong).await;
    stage.db.stock(item.level(), 12).await;
    let at = "select to_char(max(moved_at) at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from movements";
    let at = stage.db.texts(at).await.concat();
    let shown = format!(
        "return document.querySelector('#item-{} time').dateTime",
        item.id
    );
    page.expect_answer(shown, at).await;
}

/// Nothing jumps: what is new is counted, and shown when asked for.
async fn a_history_offers_what_is_new(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go(&format!("/items/{}/history", item.id)).await;
    is_live(stage).await;
    let before = page.texts("tbody tr").await.len();
    page.expect_count("#new-movements[hidden]", 1).await;
    stage.db.stock(item.level(), -1).await;
    page.expect_texts("#new-movements", &["1 new movement · Show"])
        .await;
    stage.db.stock(item.level(), -8).await;
    page.expect_texts("#new-movements", &["2 new movements · Show"])
        .await;
    page.expect_texts("#item-status", &["Low"]).await;
    page.expect_count("tbody tr", before).await;
    page.click("#new-movements").await;
    page.expect_count("tbody tr", before + 2).await;
    page.expect_count("#new-movements[hidden]", 1).await;
}

/// What one's own scan led to stays said; what others did since stands beside it.
async fn the_newest_scan_tells_what_came_after(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go("/scan?mode=add").await;
    is_live(stage).await;
    page.fill("Barcode or SKU", "AA").await;
    page.type_keys(Key::Enter.value().to_string()).await;
    page.expect_texts(".scan .result", &["4 at Shop floor"])
        .await;
    stage.db.stock(item.level(), -3).await;
    page.expect_texts(".scan .result", &["4 at Shop floor · now 1 (−3)"])
        .await;
}

async fn is_live(stage: &Stage) {
    stage.browser.expect_texts("#live", &["Live"]).await;
}
