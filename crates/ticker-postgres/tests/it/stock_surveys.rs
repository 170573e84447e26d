//! Surveys of the stock: every item that is not archived by its status, and those that many postings are about.

use ticker_domain::ledger::Line;
use ticker_domain::stock::StockStatus;
use ticker_postgres::Access as _;
use ticker_postgres::stock_surveys::{BusyItem, StockSurvey};
use ticker_testkit::TestDatabase;

async fn survey(db: &TestDatabase) -> StockSurvey {
    let mut connection = db.connect().await;
    connection.stock_surveys().survey().await.unwrap();
    connection.stock_surveys().last().await.unwrap()
}

#[tokio::test]
async fn items_are_counted_by_status_without_archived_ones() {
    let db = TestDatabase::new().await;
    let before = db.connect().await.stock_surveys().last().await.unwrap();
    assert_eq!(before.surveyed_at, None);
    assert!(before.items.iter().all(|(_, count)| *count == 0));

    db.item("Out").await;
    db.item("Out and archived").archived().await;
    db.item("Low").thresholds(5, 10, None).stock(5).await;
    db.item("Low, too").thresholds(5, 10, None).stock(1).await;
    db.item("Fine").thresholds(5, 10, None).stock(6).await;
    db.item("Over").thresholds(5, 10, None).stock(11).await;
    let found = survey(&db).await;
    assert!(found.surveyed_at.is_some());
    assert_eq!(
        found.items,
        [
            (StockStatus::Out, 1),
            (StockStatus::Low, 2),
            (StockStatus::Ok, 1),
            (StockStatus::Over, 1)
        ]
    );
}

#[tokio::test]
async fn the_ten_items_with_most_postings_of_late_are_named() {
    let db = TestDatabase::new().await;
    let storekeeper = db.storekeeper().await;
    for postings in 1..=12 {
        let item = db
            .item(&format!("Item {postings}"))
            .sku(&format!("S{postings}"))
            .await;
        for _ in 0..postings {
            db.stock(item.level(), 1).await;
        }
    }
    // Moved from one shelf to another: two movements, one posting.
    let item = db.item("Moved").sku("MOVED").await;
    let shelf = db.location("Other shelf").await;
    let lines = vec![
        Line::change(item.level(), 3).unwrap(),
        Line::change(item.level_at(shelf), 3).unwrap(),
    ];
    db.post(&[db.posting(storekeeper, lines)]).await;
    db.sql("update movements set moved_at = now() - interval '4 minutes'")
        .await;

    let busy = |sku: &str, postings| BusyItem {
        sku: sku.to_owned(),
        postings,
    };
    let found = survey(&db).await.busiest;
    assert_eq!(found.len(), 10);
    assert_eq!((&found[0], &found[9]), (&busy("S12", 12), &busy("S3", 3)));

    db.sql(
        "update movements set moved_at = now() - interval '6 minutes'
         where item_id <> (select id from items where sku = 'MOVED')",
    )
    .await;
    assert_eq!(survey(&db).await.busiest, [busy("MOVED", 1)]);
    db.sql("update movements set moved_at = now() - interval '6 minutes'")
        .await;
    assert_eq!(survey(&db).await.busiest, [], "nothing moves any more");
}
