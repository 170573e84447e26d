//! Somebody who arranges the shop: locations and categories.

use ticker_domain::user::Role;
use ticker_testkit::PASSWORD;

use crate::harness::{Script, Stage, story};

#[tokio::test]
async fn arranging_with_script() {
    story("arranging-with-script", Script::On, a_shop_is_arranged).await;
}

#[tokio::test]
async fn arranging_without_script() {
    story("arranging-without-script", Script::Off, a_shop_is_arranged).await;
}

async fn a_shop_is_arranged(stage: &Stage) {
    stage.db.user_named("mia", "Mia Maier", Role::Manager).await;
    stage.db.item("Zip ties").home("Sehd").stock(5).await;
    stage.db.item("Wood glue").home("Sehd").await;
    stage.browser.sign_in("mia", PASSWORD).await;
    has_no_word_of_locations(stage).await;
    adds_a_location(stage).await;
    merges_one_that_was_misspelt(stage).await;
    renames_and_archives_a_category(stage).await;
}

/// All stock is at one place: the list does not speak of places.
async fn has_no_word_of_locations(stage: &Stage) {
    let page = &stage.browser;
    page.go("/").await;
    page.expect("Zip ties").await;
    page.expect_gone("Sehd").await;
    page.expect_gone("All locations").await;
}

async fn adds_a_location(stage: &Stage) {
    let page = &stage.browser;
    page.press("Locations").await;
    page.expect_path("/locations").await;
    page.expect_texts("header nav [aria-current]", &["Locations"])
        .await;
    page.fill("New location", "Shed").await;
    page.press("Add").await;
    page.expect("Added Shed").await;
    page.fill("New location", "SHED").await;
    page.press("Add").await;
    page.expect("Name belongs to another location").await;
    assert_eq!(page.value("New location").await, "SHED");
    page.go("/").await;
    page.expect("Sehd").await;
}

/// Renaming says that the name is taken and leads to the merge, which shows what it means first.
async fn merges_one_that_was_misspelt(stage: &Stage) {
    let page = &stage.browser;
    page.go("/locations").await;
    page.press("Sehd").await;
    page.expect_texts("h1", &["Sehd"]).await;
    page.fill("Name", "Shed").await;
    page.press("Rename").await;
    page.press("Merge Sehd into Shed").await;
    page.expect("2 items will be at home at Shed").await;
    let homes = "select name from locations where id in (select home_location_id from items)";
    assert_eq!(stage.db.texts(homes).await, ["Sehd"]);
    page.press("Merge into Shed").await;
    page.expect("Merged Sehd into Shed: 2 items").await;
    page.expect_texts("h1", &["Shed"]).await;
    assert_eq!(stage.db.texts(homes).await, ["Shed"]);
    let kept = "select concat_ws(' ', l.name, on_hand) from levels v
                join locations l on l.id = location_id order by l.name";
    assert_eq!(stage.db.texts(kept).await, ["Sehd 0", "Shed 5"]);
    page.go("/locations?archived=1").await;
    page.press("Sehd").await;
    page.expect("everything in it moved to Shed").await;
    page.press("Restore").await;
    page.expect("Restored Sehd").await;
    page.press("Archive Sehd").await;
    page.expect("Archived Sehd").await;
}

async fn renames_and_archives_a_category(stage: &Stage) {
    let page = &stage.browser;
    page.go("/categories").await;
    page.press("Things").await;
    page.expect("Possible once nothing is in it").await;
    page.fill("Name", "Supplies").await;
    page.press("Rename").await;
    page.expect("Renamed to Supplies").await;
    page.go("/").await;
    page.expect("Supplies").await;
}
