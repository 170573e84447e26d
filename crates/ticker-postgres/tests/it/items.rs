//! Items: storing, finding, what is unique, and editing what somebody else edits too.

use ticker_domain::id::{CategoryId, ItemId, LocationId};
use ticker_domain::item::{Barcode, ItemDetails, ItemName, Sku, Unit};
use ticker_domain::stock::{StockStatus, Thresholds};
use ticker_postgres::Access as _;
use ticker_postgres::items::StoreItemError;
use ticker_testkit::{TestDatabase, key};

const BEFORE: &str = "2026-01-05T09:00:00.000001Z";
const LATER: &str = "2026-01-06T10:11:12.131415Z";

async fn details(db: &TestDatabase, name: &str, sku: &str, barcode: Option<&str>) -> ItemDetails {
    ItemDetails {
        name: ItemName::parse(name).unwrap(),
        sku: Sku::parse(sku).unwrap(),
        barcode: barcode.map(|code| Barcode::parse(code).unwrap()),
        unit: Unit::parse("pack").unwrap(),
        category: db.category("Batteries").await,
        home_location: db.location("Shop floor").await,
        thresholds: Thresholds::new(Some(5), Some(20), Some(6)).unwrap(),
    }
}

#[tokio::test]
async fn an_item_is_found_as_it_was_stored() {
    let db = TestDatabase::new().await;
    let details = details(&db, "AA batteries", "BAT-AA", Some("2000000000015")).await;
    let (creation, at) = (key().0, BEFORE.parse().unwrap());
    let mut connection = db.connect().await;
    assert!(!connection.items().any().await.unwrap());
    let id = connection
        .items()
        .insert(creation, &details, at)
        .await
        .unwrap();
    assert!(connection.items().any().await.unwrap());

    let item = connection.items().find(id).await.unwrap().unwrap();
    assert_eq!(
        (item.id, item.name.as_str(), item.sku.as_str()),
        (id, "AA batteries", "BAT-AA")
    );
    assert_eq!(item.barcode.as_deref(), Some("2000000000015"));
    assert_eq!(
        (item.unit.as_str(), item.category_name.as_str()),
        ("pack", "Batteries")
    );
    assert_eq!(
        (item.category, item.home_location),
        (details.category, details.home_location)
    );
    assert_eq!(item.home_location_name, "Shop floor");
    assert_eq!(item.thresholds, details.thresholds);
    assert_eq!(
        (item.total, item.status, item.version),
        (0, StockStatus::Out, 1)
    );
    assert_eq!((item.changed_at, item.archived_at), (at, None));

    assert_eq!(
        connection
            .items()
            .find_by_name("aa batteries")
            .await
            .unwrap(),
        Some(id)
    );
    assert_eq!(
        connection.items().find_by_sku("bat-aa").await.unwrap(),
        Some(id)
    );
    assert_eq!(
        connection
            .items()
            .find_by_barcode("2000000000015")
            .await
            .unwrap(),
        Some(id)
    );
    assert_eq!(
        connection
            .items()
            .find_by_creation_key(creation)
            .await
            .unwrap(),
        Some(id)
    );
    assert_eq!(
        connection
            .items()
            .find_by_creation_key(key().0)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        connection
            .items()
            .find_by_name("aaa batteries")
            .await
            .unwrap(),
        None
    );
    assert!(
        connection
            .items()
            .find(ItemId(id.0 + 1))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn what_must_be_unique_is_named_in_any_spelling_even_of_an_archived_item() {
    let db = TestDatabase::new().await;
    for archived in [false, true] {
        let (name, sku, barcode) = if archived {
            ("Grüße Ａ", "OLD-1", "old-code-x")
        } else {
            ("AA batteries", "BAT-AA", "code-x")
        };
        let item = db.item(name).sku(sku).barcode(barcode).await;
        let mut connection = db.connect().await;
        let at = BEFORE.parse().unwrap();
        connection
            .items()
            .set_archived(item.id, archived, at)
            .await
            .unwrap();
        let other_name = if archived {
            "GRÜSSE a"
        } else {
            "aa  BATTERIES"
        };
        for (details, expected) in [
            (details(&db, other_name, "NEW", Some("new")).await, "name"),
            (
                details(&db, "New", &sku.to_lowercase(), Some("new")).await,
                "SKU",
            ),
            (
                details(&db, "New", "NEW", Some(&barcode.to_uppercase())).await,
                "barcode",
            ),
        ] {
            let error = connection
                .items()
                .insert(key().0, &details, at)
                .await
                .unwrap_err();
            let found = match error {
                StoreItemError::NameTaken => "name",
                StoreItemError::SkuTaken => "SKU",
                StoreItemError::BarcodeTaken => "barcode",
                error => panic!("{error:?}"),
            };
            assert_eq!(found, expected);
        }
    }
    // Nothing is not a barcode that two could share.
    db.item("One without").await;
    db.item("Another without").await;
}

#[tokio::test]
async fn the_same_form_and_missing_places_are_told_apart() {
    let db = TestDatabase::new().await;
    let creation = key().0;
    let at = BEFORE.parse().unwrap();
    let mut connection = db.connect().await;
    let first = details(&db, "AA batteries", "BAT-AA", None).await;
    connection
        .items()
        .insert(creation, &first, at)
        .await
        .unwrap();

    let other = details(&db, "C batteries", "BAT-C", None).await;
    let error = connection
        .items()
        .insert(creation, &other, at)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreItemError::AddedBefore), "{error:?}");

    let nowhere = ItemDetails {
        home_location: LocationId(99),
        ..other.clone()
    };
    let error = connection
        .items()
        .insert(key().0, &nowhere, at)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreItemError::UnknownLocation),
        "{error:?}"
    );

    let ungrouped = ItemDetails {
        category: CategoryId(99),
        ..other
    };
    let error = connection
        .items()
        .insert(key().0, &ungrouped, at)
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreItemError::UnknownCategory),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_edit_counts_only_on_the_version_that_it_saw() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").await;
    let other = db.item("C batteries").sku("BAT-C").await;
    let mut connection = db.connect().await;
    let at = LATER.parse().unwrap();
    let edited = details(&db, "AA cells", "BAT-AA-2", Some("77")).await;

    assert_eq!(
        connection
            .items()
            .update(item.id, 1, &edited, at)
            .await
            .unwrap(),
        Some(2)
    );
    let found = connection.items().find(item.id).await.unwrap().unwrap();
    assert_eq!(
        (found.name.as_str(), found.version, found.changed_at),
        ("AA cells", 2, at)
    );
    assert_eq!(
        (found.sku.as_str(), found.barcode.as_deref()),
        ("BAT-AA-2", Some("77"))
    );
    assert_eq!(found.thresholds, edited.thresholds);
    assert_eq!(
        connection.items().find_by_name("aa cells").await.unwrap(),
        Some(item.id)
    );

    let stale = details(&db, "Too late", "BAT-AA-3", None).await;
    assert_eq!(
        connection
            .items()
            .update(item.id, 1, &stale, at)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        connection
            .items()
            .update(ItemId(99), 1, &stale, at)
            .await
            .unwrap(),
        None
    );
    let found = connection.items().find(item.id).await.unwrap().unwrap();
    assert_eq!(found.name, "AA cells");

    let taken = details(&db, "Another", "bat-c", None).await;
    let error = connection
        .items()
        .update(item.id, 2, &taken, at)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreItemError::SkuTaken), "{error:?}");
    // Its own name, written otherwise, does not stand in its way.
    let same = details(&db, "C BATTERIES", "BAT-C", None).await;
    assert_eq!(
        connection
            .items()
            .update(other.id, 1, &same, at)
            .await
            .unwrap(),
        Some(2)
    );
}

#[tokio::test]
async fn archiving_twice_is_archiving_once() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").await;
    let mut connection = db.connect().await;
    let (first, second) = (BEFORE.parse().unwrap(), LATER.parse().unwrap());
    assert!(
        connection
            .items()
            .set_archived(item.id, true, first)
            .await
            .unwrap()
    );
    assert!(
        connection
            .items()
            .set_archived(item.id, true, second)
            .await
            .unwrap()
    );
    let archived = connection.items().find(item.id).await.unwrap().unwrap();
    assert_eq!(
        (archived.archived_at, archived.changed_at),
        (Some(first), first)
    );

    assert!(
        connection
            .items()
            .set_archived(item.id, false, second)
            .await
            .unwrap()
    );
    let restored = connection.items().find(item.id).await.unwrap().unwrap();
    assert_eq!((restored.archived_at, restored.changed_at), (None, second));
    assert!(
        !connection
            .items()
            .set_archived(ItemId(99), true, first)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn whoever_holds_off_writes_is_alone_until_the_end() {
    let db = TestDatabase::new().await;
    let mut tx = db.database().begin().await.unwrap();
    tx.items().hold_off_writes().await.unwrap();
    let add = async { db.item("AA batteries").await };
    let look = async {
        db.until_blocked(1).await;
        assert!(!tx.items().any().await.unwrap());
        tx.commit().await.unwrap();
    };
    tokio::join!(add, look);
    assert!(db.connect().await.items().any().await.unwrap());
}
