//! A manager who changes many items at once.

use ticker_domain::user::Role;
use ticker_testkit::PASSWORD;

use crate::harness::{Browser, Script, Stage, list, story};

#[tokio::test]
async fn many_at_once_with_script() {
    story("many-with-script", Script::On, many_at_once).await;
}

#[tokio::test]
async fn many_at_once_without_script() {
    story("many-without-script", Script::Off, many_at_once).await;
}

const TOTALS: &str = "select concat_ws(' ', name, total) from items order by id";

async fn many_at_once(stage: &Stage) {
    stage.db.user_named("mia", "Mia Maier", Role::Manager).await;
    for (name, on_hand) in [("Nuts", 9), ("Bolts", 1), ("Screws", 5)] {
        stage.db.item(name).stock(on_hand).await;
    }
    stage.browser.sign_in("mia", PASSWORD).await;
    ticks_two(stage).await;
    takes_three_of_each(stage).await;
    archives_what_is_left(stage).await;
}

async fn ticks_two(stage: &Stage) {
    let page = &stage.browser;
    page.go("/").await;
    page.pick("Select Nuts").await;
    page.pick("Select Bolts").await;
    if page.script.is_on() {
        page.expect_texts("[data-selected]", &["2 selected"]).await;
        // A press replaces its row, which stays ticked.
        page.click("button[aria-label='Add one Nuts']").await;
        page.expect_texts("tr[data-name='Nuts'] [data-quantity]", &["10"])
            .await;
        page.expect_count("tr[data-name='Nuts'][data-version='2']", 1)
            .await;
        page.expect_count("input[name='item']:checked", 2).await;
        page.expect_texts("[data-selected]", &["2 selected"]).await;
        what_is_not_shown_is_not_ticked(page).await;
        page.pick("Select Nuts").await;
        page.pick("Select Bolts").await;
    }
}

/// Not even when a search that found nothing has been cleared again.
async fn what_is_not_shown_is_not_ticked(page: &Browser) {
    list::search(page, "zzyzx").await;
    page.expect("Nothing matches").await;
    list::search(page, " ").await;
    page.expect_count("tbody tr", 3).await;
    page.expect_count("#selection[data-count='0']", 1).await;
    page.expect_count("input[name='item']:checked", 0).await;
}

/// One of them is short: it is left out, and the other is not kept by it.
async fn takes_three_of_each(stage: &Stage) {
    let page = &stage.browser;
    page.press("Adjust").await;
    page.expect("Adjust 2 items").await;
    page.fill("Change each by", "−3").await;
    page.press("Preview").await;
    page.expect("1 item will be changed.").await;
    page.expect("1 is left out: it would go below zero.").await;
    page.press("Adjust 1 item").await;
    page.expect_texts("h1", &["1 item changed, 1 left out"])
        .await;
    let nuts = if page.script.is_on() { 7 } else { 6 };
    let after = [format!("Nuts {nuts}"), "Bolts 1".into(), "Screws 5".into()];
    assert_eq!(stage.db.texts(TOTALS).await, after);
    page.reload().await;
    page.press("Back to the list").await;
    page.expect_path("/").await;
    assert_eq!(stage.db.texts(TOTALS).await, after);
}

async fn archives_what_is_left(stage: &Stage) {
    let page = &stage.browser;
    if page.script.is_on() {
        page.expect_count("#selection[data-count='0']", 1).await;
        page.pick("All on this page").await;
        page.expect_texts("[data-selected]", &["3 selected"]).await;
    } else {
        for name in ["Nuts", "Bolts", "Screws"] {
            page.pick(&format!("Select {name}")).await;
        }
    }
    page.press("Archive").await;
    page.expect("3 items will be changed.").await;
    page.press("Archive 3 items").await;
    page.expect_texts("h1", &["3 items changed"]).await;
    let left = "select count(*) from items where archived_at is null";
    assert_eq!(stage.db.texts(left).await, ["0"]);
}

#[tokio::test]
async fn taken_back_with_script() {
    story("bulk-undo-with-script", Script::On, taken_back).await;
}

#[tokio::test]
async fn taken_back_without_script() {
    story("bulk-undo-without-script", Script::Off, taken_back).await;
}

/// Fives were added by mistake, and somebody has sold of one of them since.
async fn taken_back(stage: &Stage) {
    stage.db.user_named("mia", "Mia Maier", Role::Manager).await;
    let nuts = stage.db.item("Nuts").stock(9).await;
    let bolts = stage.db.item("Bolts").stock(1).await;
    let page = &stage.browser;
    page.sign_in("mia", PASSWORD).await;
    page.pick("Select Nuts").await;
    page.pick("Select Bolts").await;
    page.press("Adjust").await;
    page.fill("Change each by", "5").await;
    page.press("Preview").await;
    page.press("Adjust 2 items").await;
    page.expect_texts("h1", &["2 items changed"]).await;
    stage.db.stock(bolts.level(), -2).await;

    page.go(&format!("/items/{}/history", nuts.id)).await;
    page.press("in a bulk change").await;
    page.expect_texts("h1", &["2 items changed"]).await;
    page.press("Take back…").await;
    page.expect("1 item will be changed.").await;
    page.expect("1 is left out: it would go below zero.").await;
    page.press("Take back 1 item").await;
    let told = ["1 item taken back, 1 left out"];
    page.expect_texts("h1", &told).await;
    assert_eq!(stage.db.texts(TOTALS).await, ["Nuts 9", "Bolts 4"]);
    nothing_twice(stage, &told).await;

    page.press("an earlier bulk change").await;
    page.expect("1 item taken back by Mia Maier").await;
    page.go(&format!("/items/{}/history", nuts.id)).await;
    page.expect_texts(".undone-by", &["undone by Mia Maier"])
        .await;
    done_again_from_the_page_that_took_it_back(stage).await;
}

/// Neither by a reload nor by Back.
async fn nothing_twice(stage: &Stage, told: &[&str]) {
    let page = &stage.browser;
    page.reload().await;
    page.expect_texts("h1", told).await;
    page.go_back().await;
    page.press("Take back 1 item").await;
    page.expect_texts("h1", told).await;
    assert_eq!(stage.db.texts(TOTALS).await, ["Nuts 9", "Bolts 4"]);
}

async fn done_again_from_the_page_that_took_it_back(stage: &Stage) {
    let page = &stage.browser;
    page.click(".ledger tr:first-child .of-bulk").await;
    page.expect_texts("h1", &["1 item taken back, 1 left out"])
        .await;
    page.press("Take back…").await;
    page.expect("1 item will be changed.").await;
    page.press("Take back 1 item").await;
    page.expect_texts("h1", &["1 item taken back"]).await;
    assert_eq!(stage.db.texts(TOTALS).await, ["Nuts 14", "Bolts 4"]);
}
