//! Searches: words in any order, short ones, and misspelt ones.

use ticker_domain::stock_list::{StockFilter, StockQuery};
use ticker_testkit::TestDatabase;

use crate::stock::list;

/// The names of what a search finds, and how it was spelt otherwise.
async fn found(db: &TestDatabase, search: &str) -> (Vec<String>, Option<String>) {
    let query = StockQuery {
        filter: StockFilter {
            search: Some(search.to_owned()),
            ..StockFilter::default()
        },
        ..StockQuery::default()
    };
    let listing = list(db, &query).await;
    let names = listing.page.rows.into_iter().map(|row| row.name);
    (names.collect(), listing.corrected)
}

async fn shop() -> TestDatabase {
    let db = TestDatabase::new().await;
    db.item("AA batteries").sku("BAT-AA").await;
    db.item("Battery charger").sku("CHG-1").await;
    db.item("Hex bolt M4 × 16").sku("FIX-M4-16").await;
    db.item("Nuts & Bolts")
        .sku("FIX-00")
        .barcode("4006381333931")
        .await;
    db.item("Crème brûlée").sku("FOOD-7").await;
    db
}

#[tokio::test]
async fn every_word_has_to_be_there_in_any_order() {
    let db = shop().await;
    for (search, expected) in [
        ("bolt hex", &["Hex bolt M4 × 16"][..]),
        ("16 m4", &["Hex bolt M4 × 16"]),
        ("fix bolt", &["Hex bolt M4 × 16", "Nuts & Bolts"]),
        ("bolts & nuts", &["Nuts & Bolts"]),
        ("aa", &["AA batteries"]),
        (
            "b",
            &[
                "AA batteries",
                "Battery charger",
                "Hex bolt M4 × 16",
                "Nuts & Bolts",
                "Crème brûlée",
            ],
        ),
        ("hex charger", &[]),
        ("&", &[]),
    ] {
        let (mut names, corrected) = found(&db, search).await;
        let mut expected = expected.to_vec();
        names.sort();
        expected.sort_unstable();
        assert_eq!(
            (names, corrected),
            (
                expected.iter().map(|name| (*name).to_owned()).collect(),
                None
            ),
            "{search:?}"
        );
    }
}

#[tokio::test]
async fn a_slip_is_forgiven_when_nothing_matches() {
    let db = shop().await;
    for (search, spelt, expected) in [
        ("batteires", "batteries", "AA batteries"),
        ("AA Bateries", "aa batteries", "AA batteries"),
        ("chargr", "charger", "Battery charger"),
        ("bolt hrx", "", ""),
        ("brulle creme", "brulee creme", "Crème brûlée"),
        ("batteryy cahrger", "battery charger", "Battery charger"),
        // Numbers are taken at their word, and two slips are not one.
        ("4006381333932", "", ""),
        ("baterreis", "", ""),
        // What is there is not changed, even where the whole matches nothing.
        ("bolt batteries", "", ""),
    ] {
        let (names, corrected) = found(&db, search).await;
        assert_eq!(corrected.unwrap_or_default(), spelt, "{search:?}");
        assert_eq!(names.join("|"), expected, "{search:?}");
    }
}

#[tokio::test]
async fn a_word_that_no_item_has_any_more_leads_nowhere() {
    let db = shop().await;
    db.sql("update items set search_text = 'renamed' where name = 'Battery charger'")
        .await;
    assert_eq!(found(&db, "chargre").await, (vec![], None));
}
