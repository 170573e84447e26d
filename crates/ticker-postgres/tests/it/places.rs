//! Categories and locations: one a name, in whatever spelling.

use ticker_domain::category::CategoryName;
use ticker_domain::location::LocationName;
use ticker_postgres::Access as _;
use ticker_testkit::TestDatabase;

#[tokio::test]
async fn a_category_is_made_once_whatever_its_spelling() {
    let db = TestDatabase::new().await;
    let first = db.category("Nuts & Bolts").await;
    assert_eq!(db.category("NUTS & bolts").await, first);
    assert_ne!(db.category("Äpfel").await, first);
    let names: Vec<String> = db
        .connect()
        .await
        .categories()
        .list()
        .await
        .unwrap()
        .into_iter()
        .map(|c| c.name)
        .collect();
    assert_eq!(names, ["Äpfel", "Nuts & Bolts"]);
}

#[tokio::test]
async fn a_location_is_made_once_and_listed_while_in_use() {
    let db = TestDatabase::new().await;
    let shelf_10 = db.location("Shelf 10").await;
    let shelf_9 = db.location("Shelf 9").await;
    assert_eq!(db.location("shelf 9").await, shelf_9);
    let listed = async || db.connect().await.locations().list().await.unwrap();
    let ids: Vec<_> = listed().await.iter().map(|location| location.id).collect();
    assert_eq!(ids, [shelf_9, shelf_10]);
    db.sql("update locations set archived_at = now() where name = 'Shelf 9'")
        .await;
    let ids: Vec<_> = listed().await.iter().map(|location| location.id).collect();
    assert_eq!(ids, [shelf_10]);
}

#[tokio::test]
async fn two_who_need_the_same_new_place_get_one() {
    let db = TestDatabase::new().await;
    let category = CategoryName::parse("Garden").unwrap();
    let location = LocationName::parse("Shed").unwrap();
    let mut first = db.database().begin().await.unwrap();
    let made = first.categories().find_or_insert(&category).await.unwrap();
    let made_location = first.locations().find_or_insert(&location).await.unwrap();
    let second = async {
        let mut second = db.database().begin().await.unwrap();
        let found = second.categories().find_or_insert(&category).await.unwrap();
        (
            found,
            second.locations().find_or_insert(&location).await.unwrap(),
        )
    };
    let end_first = async {
        db.until_blocked(1).await;
        first.commit().await.unwrap();
    };
    let (found, ()) = tokio::join!(second, end_first);
    assert_eq!(found, (made, made_location));
}
