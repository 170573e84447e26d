//! Somebody who decides what is stocked.

use ticker_domain::user::Role;
use ticker_testkit::PASSWORD;

use crate::harness::{LATEST_MOVEMENT, Script, Stage, hidden_field, list, story};

#[tokio::test]
async fn manager_with_script() {
    story("manager-with-script", Script::On, an_items_life).await;
}

#[tokio::test]
async fn manager_without_script() {
    story("manager-without-script", Script::Off, an_items_life).await;
}

async fn an_items_life(stage: &Stage) {
    stage.db.user_named("mia", "Mia Maier", Role::Manager).await;
    stage.db.user_named("bo", "Bo Bell", Role::Manager).await;
    stage.db.item("Zip ties").stock(5).await;
    stage.browser.sign_in("mia", PASSWORD).await;
    let item = adds(stage).await;
    adds_it_again(stage, &item).await;
    edits(stage, &item).await;
    edits_at_the_same_time_as_bo(stage, &item).await;
    archives(stage, &item).await;
    finds_it_archived_and_restores_it(stage, &item).await;
}

/// A new item in a category and at a location that did not exist; a mistake first.
async fn adds(stage: &Stage) -> String {
    let page = &stage.browser;
    page.go("/").await;
    page.press("Add item").await;
    page.expect_path("/items/new").await;
    page.fill("Name", "Wood glue").await;
    page.fill("SKU", "GLUE 1").await;
    page.fill("Category", "Adhesives").await;
    page.fill("Home location", "Cellar").await;
    page.fill("Unit", "bottle").await;
    page.fill("Minimum (optional)", "20").await;
    page.fill("Target (optional)", "10").await;
    page.fill("Quantity now (optional)", "4").await;
    page.press("Add item").await;
    page.expect("SKU must not contain spaces").await;
    page.expect_count("#sku[aria-invalid='true']", 1).await;
    page.expect_count("#target[aria-invalid='true']", 1).await;
    for (label, kept) in [
        ("Name", "Wood glue"),
        ("SKU", "GLUE 1"),
        ("Home location", "Cellar"),
        ("Unit", "bottle"),
    ] {
        assert_eq!(page.value(label).await, kept);
    }
    page.fill("SKU", "GLUE-1").await;
    page.fill("Minimum (optional)", "2").await;
    page.press("Add item").await;
    page.expect("Added Wood glue").await;
    page.expect_texts("h1", &["Wood glue"]).await;
    page.expect_texts(".on-hand .total b", &["4"]).await;
    let opened = "mia 4 0 4 opening page -";
    assert_eq!(stage.db.texts(LATEST_MOVEMENT).await, [opened]);
    let kept = "select concat_ws(' ', items.name, sku, unit, categories.name, locations.name, minimum, target) \
                from items join categories on categories.id = category_id \
                join locations on locations.id = home_location_id order by items.id desc limit 1";
    assert_eq!(
        stage.db.texts(kept).await,
        ["Wood glue GLUE-1 bottle Adhesives Cellar 2 10"]
    );
    page.path().await
}

/// The same name again: which item has it, and the quantity can go there instead.
async fn adds_it_again(stage: &Stage, item: &str) {
    let page = &stage.browser;
    page.go("/items/new").await;
    page.fill("Name", "WOOD GLUE").await;
    page.fill("SKU", "GLUE-3").await;
    page.fill("Category", "Adhesives").await;
    page.fill("Quantity now (optional)", "6").await;
    page.press("Add item").await;
    page.expect("An item with this name exists:").await;
    page.expect_answer("return document.activeElement.matches('.note')", true)
        .await;
    page.expect_count(&format!(".note a[href='{item}']"), 2)
        .await;
    assert_eq!(page.value("SKU").await, "GLUE-3");
    assert_eq!(page.value("Quantity now (optional)").await, "6");
    page.press("Add 6 to Wood glue").await;
    page.expect("+6 Wood glue → 10").await;
    page.expect_path(item).await;
    page.expect_texts(".on-hand .total b", &["10"]).await;
    assert_eq!(
        stage.db.texts(LATEST_MOVEMENT).await,
        ["mia 6 4 10 received page -"]
    );
}

async fn edits(stage: &Stage, item: &str) {
    let page = &stage.browser;
    page.press("Details").await;
    page.fill("Minimum (optional)", "3").await;
    page.press("Save details").await;
    page.expect("Saved Wood glue").await;
    page.expect_path(item).await;
    page.expect("Minimum\n3").await;
}

/// Both changed name and unit: each field shows both values, and the person chooses.
async fn edits_at_the_same_time_as_bo(stage: &Stage, item: &str) {
    let page = &stage.browser;
    page.press("Details").await;
    page.fill("Name", "Wood glue XL").await;
    page.fill("Unit", "jar").await;
    let bo = stage.client().sign_in("bo", PASSWORD).await;
    let form = bo.get(&format!("{item}?tab=details")).await.body;
    let saved = bo
        .post(
            item,
            &[
                ("version", &hidden_field(&form, "version")),
                ("name", "Wood glue 250 ml"),
                ("sku", "GLUE-1"),
                ("unit", "tube"),
                ("category", "Adhesives"),
                ("home_location", "Cellar"),
                ("minimum", "3"),
                ("target", "12"),
            ],
        )
        .await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    page.press("Save details").await;
    page.expect("Somebody saved this item while you were editing.")
        .await;
    for value in [
        "Wood glue XL",
        "Wood glue 250 ml",
        "jar",
        "tube",
        "10",
        "12",
    ] {
        page.expect(value).await;
    }
    // Mine is chosen where nothing else is.
    page.pick("tube").await;
    page.pick("12").await;
    page.press("Save details").await;
    page.expect("Saved Wood glue XL").await;
    let kept = "select concat_ws(' ', name, unit, minimum, target) from items where sku = 'GLUE-1'";
    assert_eq!(stage.db.texts(kept).await, ["Wood glue XL tube 3 12"]);
}

/// Asked by name first; then the list does not have it any more.
async fn archives(stage: &Stage, item: &str) {
    let page = &stage.browser;
    page.press("Archive").await;
    page.expect("Archive Wood glue XL?").await;
    page.expect("Still on hand: 10 tube.").await;
    page.press("Keep it").await;
    page.expect_path(item).await;
    page.expect_gone("Archive Wood glue XL?").await;
    page.press("Archive").await;
    page.press("Archive Wood glue XL").await;
    page.expect("Archived Wood glue XL").await;
    page.expect("This item is archived").await;
    page.expect_count("#stock .stepper", 0).await;
    page.go("/?q=glue").await;
    page.expect("Nothing matches").await;
}

async fn finds_it_archived_and_restores_it(stage: &Stage, item: &str) {
    let page = &stage.browser;
    page.go("/").await;
    page.click("a.chip-archived").await;
    list::expect(page, &["Wood glue XL"]).await;
    page.press("Wood glue XL").await;
    page.expect_path(item).await;
    page.press("History").await;
    page.expect_texts("tbody td.change", &["+6", "+4"]).await;
    page.press("Restore").await;
    page.expect("Restored Wood glue XL").await;
    page.expect_count("#stock .stepper", 1).await;
    page.go("/?q=glue").await;
    list::expect(page, &["Wood glue XL"]).await;
}
