//! Which item carries a code, and what became of somebody's scans.

use ticker_domain::id::PostingId;
use ticker_domain::ledger::{Line, Posting, Reason, Source};
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_testkit::{TestDatabase, TestItem, TestUser, key};

async fn scan(db: &TestDatabase, by: &TestUser, item: &TestItem, delta: i64) -> Posting {
    let line = Line::change(item.level(), delta).unwrap();
    let posting = Posting::new(
        key(),
        by.actor(),
        Reason::Adjusted,
        None,
        Source::Page,
        vec![line],
    );
    let posting = posting.unwrap();
    db.post(std::slice::from_ref(&posting)).await;
    posting
}

#[tokio::test]
async fn a_code_is_a_barcode_or_a_sku_and_the_barcode_comes_first() {
    let db = TestDatabase::new().await;
    let by_sku = db.item("AA batteries").sku("BAT-AA").await;
    let by_barcode = db
        .item("Fuse")
        .sku("FUSE")
        .barcode("bat-aa")
        .archived()
        .await;
    let both = db.item("Lamp").sku("LAMP").barcode("LAMP").await;
    let mut connection = db.connect().await;
    let mut scans = connection.scans();
    for (key, found) in [
        ("bat-aa", vec![by_barcode.id, by_sku.id]),
        ("lamp", vec![both.id]),
        ("fuse", vec![by_barcode.id]),
        ("unheard-of", vec![]),
    ] {
        assert_eq!(scans.find_items(key).await.unwrap(), found, "{key}");
    }
}

#[tokio::test]
async fn scans_are_listed_as_the_ledger_has_them_and_only_ones_own() {
    let db = TestDatabase::new().await;
    let ana = db.user_named("ana", "Ana Ahlers", Role::Staff).await;
    let bo = db.user_named("bo", "Bo Brandt", Role::Staff).await;
    let item = db.item("AA batteries").stock(5).await;
    let first = scan(&db, &ana, &item, 1).await;
    let second = scan(&db, &ana, &item, -2).await;
    let other = scan(&db, &bo, &item, 1).await;

    let mut connection = db.connect().await;
    let mut scans = connection.scans();
    let mut ids = Vec::new();
    for (posting, by) in [(&first, &ana), (&second, &ana), (&other, &bo)] {
        let id = scans.posting_under_key(by.id, posting.key()).await.unwrap();
        ids.push(id.unwrap());
    }
    let unseen = scans.posting_under_key(bo.id, first.key()).await.unwrap();
    assert_eq!(unseen, None);

    let asked = [ids[1], ids[0], ids[2], PostingId(i64::MAX)];
    let rows = scans.list(ana.id, &asked).await.unwrap();
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.posting, row.item, row.delta, row.after))
        .collect();
    assert_eq!(seen, [(ids[1], item.id, -2, 4), (ids[0], item.id, 1, 6)]);
    assert_eq!(rows[0].item_name, "AA batteries");
    assert_eq!(
        (rows[0].location, rows[0].location_name.as_str()),
        (item.home, "Shop floor")
    );
    assert_eq!(rows[0].at, db.clock().timestamp());
}
