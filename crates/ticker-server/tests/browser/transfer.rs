//! Goods that go from one location to another.

use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem};

use crate::harness::{Script, Stage, story};

#[tokio::test]
async fn transfer_with_script() {
    story("transfer-with-script", Script::On, goods_are_carried).await;
}

#[tokio::test]
async fn transfer_without_script() {
    story("transfer-without-script", Script::Off, goods_are_carried).await;
}

/// What lies where.
const LEVELS: &str = "select concat_ws(' ', name, on_hand) from levels \
     join locations on locations.id = location_id order by name";

async fn goods_are_carried(stage: &Stage) {
    stage.db.user_named("ana", "Ana Ahlers", Role::Staff).await;
    let item = stage.db.item("AA batteries").stock(6).await;
    stage.db.location("Cellar").await;
    let page = &stage.browser;
    page.sign_in("ana", PASSWORD).await;
    some_go_down(stage, item).await;
    not_more_than_there_are(stage, item).await;
    nor_to_where_they_are(stage, item).await;
    what_was_carried_is_carried_back(stage, item).await;
}

async fn open_form(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go(&format!("/items/{}", item.id)).await;
    page.press("Transfer").await;
    let form = if page.script.is_on() {
        "dialog[open] form[action$='/transfer']"
    } else {
        "form[action$='/transfer']"
    };
    page.expect_count(form, 1).await;
}

/// From where they lie to the other place, unless one says otherwise.
async fn some_go_down(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    open_form(stage, item).await;
    page.fill("Quantity", "4").await;
    page.fill("Note (optional)", "for the sale").await;
    page.click("form[action$='/transfer'] [type=submit]").await;
    page.expect("4 AA batteries: Shop floor 2 → Cellar 4").await;
    page.expect_path(&format!("/items/{}", item.id)).await;
    page.expect_texts(".on-hand .total b", &["6"]).await;
    page.expect_texts("#stock .stepper [data-quantity]", &["2"])
        .await;
    assert_eq!(stage.db.texts(LEVELS).await, ["Cellar 4", "Shop floor 2"]);
}

/// Somebody has taken one while the form was open: it says so, keeps what was typed, and nothing is carried.
async fn not_more_than_there_are(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    open_form(stage, item).await;
    stage.db.stock(item.level(), -1).await;
    page.fill("Quantity", "2").await;
    page.click("form[action$='/transfer'] [type=submit]").await;
    page.expect("Only 1 left at Shop floor").await;
    page.expect("Shop floor (1)").await;
    assert_eq!(page.value("Quantity").await, "2");
    assert_eq!(stage.db.texts(LEVELS).await, ["Cellar 4", "Shop floor 1"]);
}

async fn nor_to_where_they_are(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    open_form(stage, item).await;
    page.choose("To (on hand)", "Shop floor (1)").await;
    page.fill("Quantity", "1").await;
    page.click("form[action$='/transfer'] [type=submit]").await;
    page.expect("To must be another location").await;
    assert_eq!(stage.db.texts(LEVELS).await, ["Cellar 4", "Shop floor 1"]);
}

/// Both ends at once.
async fn what_was_carried_is_carried_back(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    open_form(stage, item).await;
    page.fill("Quantity", "1").await;
    page.click("form[action$='/transfer'] [type=submit]").await;
    page.expect("1 AA batteries: Shop floor 0 → Cellar 5").await;
    page.click("[data-toast] form.undo button").await;
    page.expect("Undone:").await;
    page.expect_texts("#stock .stepper [data-quantity]", &["1"])
        .await;
    assert_eq!(stage.db.texts(LEVELS).await, ["Cellar 4", "Shop floor 1"]);
}
