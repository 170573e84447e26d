//! Double clicks, Back and reloads: what was meant once happens once.

use ticker_domain::user::Role;
use ticker_testkit::{PASSWORD, TestItem, key};

use crate::harness::{LATEST_MOVEMENT, PEOPLE, Script, Stage, list, story};

const MOVEMENTS: &str = "select count(*) from movements";

#[tokio::test]
async fn double_submits_with_script() {
    story("double-submits-with-script", Script::On, async |stage| {
        let item = begin(stage).await;
        two_quick_presses_are_two(stage, item).await;
        all_but_presses(stage, item).await;
    })
    .await;
}

#[tokio::test]
async fn double_submits_without_script() {
    story(
        "double-submits-without-script",
        Script::Off,
        async |stage| {
            let item = begin(stage).await;
            a_double_click_on_a_press_is_one(stage, item).await;
            all_but_presses(stage, item).await;
        },
    )
    .await;
}

async fn begin(stage: &Stage) -> TestItem {
    stage.db.user_named("ada", "Ada Admin", Role::Admin).await;
    let item = stage.db.item("AA batteries").stock(40).await;
    stage.browser.sign_in("ada", PASSWORD).await;
    stage.browser.expect_path("/").await;
    item
}

async fn all_but_presses(stage: &Stage, item: TestItem) {
    a_reload_repeats_nothing(stage, item).await;
    a_double_click_on_save_is_one(stage, item).await;
    back_and_again_is_one(stage, item).await;
    a_double_click_on_undo_is_one(stage, item).await;
    a_double_click_on_add_is_one_item(stage).await;
    a_double_click_on_enroll_is_one_user(stage).await;
    the_same_key_is_the_same_posting(stage, item).await;
}

/// Script gathers both and posts them as one change of two.
async fn two_quick_presses_are_two(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.double_click(&format!("#add-{}", item.id)).await;
    list::expect_number(page, item.id, "42").await;
    assert_eq!(
        stage.db.texts(MOVEMENTS).await,
        ["2"],
        "the opening and the two"
    );
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ada 2 40 42 adjusted page -"]
    );
}

/// Without script the second click sends the same form with the same key.
async fn a_double_click_on_a_press_is_one(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.double_click(&format!("#add-{}", item.id)).await;
    page.expect("+1 AA batteries → 41").await;
    list::expect_number(page, item.id, "41").await;
    assert_eq!(
        stage.db.texts(MOVEMENTS).await,
        ["2"],
        "the opening and the one"
    );
    page.click(&format!("#add-{}", item.id)).await;
    page.expect("+1 AA batteries → 42").await;
}

async fn a_reload_repeats_nothing(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go(&format!("/items/{}/adjust?return_to=%2F", item.id))
        .await;
    page.fill("Quantity", "8").await;
    page.press("Save").await;
    page.expect("+8 AA batteries → 50").await;
    page.reload().await;
    list::expect_number(page, item.id, "50").await;
    page.expect_gone("+8 AA batteries").await;
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ada 8 42 50 adjusted page -"]
    );
}

async fn a_double_click_on_save_is_one(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go("/").await;
    list::open_adjust(page, item.id).await;
    page.pick("Take away").await;
    page.fill("Quantity", "5").await;
    page.double_click("#adjust-form button[type='submit']")
        .await;
    list_shows(stage, item, "45").await;
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ada -5 50 45 adjusted page -"]
    );
}

/// Back leads to a form that does nothing by itself: either it is new and empty, or it has the old key.
async fn back_and_again_is_one(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    page.go(&format!("/items/{}/adjust?return_to=%2F", item.id))
        .await;
    page.fill("Quantity", "3").await;
    page.press("Save").await;
    page.expect_path("/").await;
    page.go_back().await;
    page.expect_count("#adjust-form", 1).await;
    page.press("Save").await;
    page.go("/").await;
    list_shows(stage, item, "48").await;
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ada 3 45 48 adjusted page -"]
    );
}

/// What is taken back is taken back once; and taking that back is once, too.
async fn a_double_click_on_undo_is_one(stage: &Stage, item: TestItem) {
    let page = &stage.browser;
    let history = format!("/items/{}/history", item.id);
    let movements: usize = stage
        .db
        .texts(MOVEMENTS)
        .await
        .concat()
        .parse()
        .expect("a number");
    let undos = [
        ("ada -3 48 45 adjusted page -", "−3"),
        ("ada 3 45 48 adjusted page -", "+3"),
    ];
    for (undone, (movement, change)) in undos.into_iter().enumerate() {
        page.go(&history).await;
        page.double_click("tbody tr:first-child form.undo button")
            .await;
        page.expect_texts("tbody tr:first-child td.change", &[change])
            .await;
        page.expect_count(".undone-by", undone + 1).await;
        assert_eq!(stage.db.texts(LATEST_MOVEMENT).await, [movement]);
        let now = (movements + undone + 1).to_string();
        assert_eq!(stage.db.texts(MOVEMENTS).await, [now]);
        page.go_back().await;
        page.go("/").await;
    }
    list::expect_number(page, item.id, "48").await;
}

async fn list_shows(stage: &Stage, item: TestItem, number: &str) {
    stage.browser.expect_path("/").await;
    list::expect_number(&stage.browser, item.id, number).await;
}

async fn a_double_click_on_add_is_one_item(stage: &Stage) {
    let page = &stage.browser;
    page.go("/items/new").await;
    page.fill("Name", "Wood glue").await;
    page.fill("SKU", "GLUE-1").await;
    page.fill("Category", "Adhesives").await;
    page.fill("Quantity now (optional)", "4").await;
    page.double_click("form[action='/items'] button[type='submit']")
        .await;
    page.expect_texts("h1", &["Wood glue"]).await;
    assert_eq!(stage.db.texts("select count(*) from items").await, ["2"]);
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["ada 4 0 4 opening page -"]
    );
}

async fn a_double_click_on_enroll_is_one_user(stage: &Stage) {
    let page = &stage.browser;
    page.go("/enroll").await;
    page.fill("Username", "carl").await;
    page.fill("Display name", "Carl Carlson").await;
    page.double_click("form[action='/enroll'] button[type='submit']")
        .await;
    page.expect("Carl Carlson is enrolled").await;
    assert_eq!(stage.db.texts(PEOPLE).await, ["ada", "carl"]);
}

/// Three requests with one key, at once and later; and the key with other content.
async fn the_same_key_is_the_same_posting(stage: &Stage, item: TestItem) {
    let ada = stage.client_as_browser().await;
    let (path, key, home) = (
        format!("/items/{}/adjust", item.id),
        key().0.to_string(),
        item.home.to_string(),
    );
    let fields = [
        ("key", key.as_str()),
        ("location", &home),
        ("mode", "take"),
        ("quantity", "2"),
        ("return_to", "/"),
    ];
    let (first, second) = tokio::join!(ada.post(&path, &fields), ada.post(&path, &fields));
    let third = ada.post(&path, &fields).await;
    for answer in [first, second, third] {
        assert_eq!(
            (answer.status, answer.location.as_deref()),
            (303, Some("/"))
        );
    }
    let mut other = fields;
    other[3] = ("quantity", "9");
    let answer = ada.post(&path, &other).await;
    assert_eq!(answer.status, 422);
    assert!(
        answer.body.contains("sent before with other content"),
        "{}",
        answer.body
    );
    let taken = "select coalesce(sum(delta), 0) from movements where delta = -2 or delta = -9";
    assert_eq!(stage.db.texts(taken).await, ["-2"]);
    let total = format!("select total from items where id = {}", item.id);
    assert_eq!(stage.db.texts(&total).await, ["46"]);
}
