//! Scanning codes.

use ticker_app::scan::{ScanStock, ScanStockError};
use ticker_app::stock::AdjustStockError;
use ticker_app::{App, ErrorKind};
use ticker_domain::id::ItemId;
use ticker_domain::ledger::Refusal;
use ticker_domain::scan::{Carrier, Code};
use ticker_domain::user::Role;
use ticker_testkit::{TestDatabase, TestUser, key};

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn scan(text: &str, delta: i64) -> ScanStock {
    ScanStock {
        key: key(),
        code: code(text),
        chosen: None,
        location: None,
        delta,
    }
}

async fn found(app: &App, by: &TestUser, text: &str) -> Vec<ItemId> {
    match app.find_scanned(&by.grant(), &code(text)).await.unwrap() {
        Carrier::Nobody => Vec::new(),
        Carrier::One(item) => vec![item.id],
        Carrier::Several(items) => items.iter().map(|item| item.id).collect(),
    }
}

#[tokio::test]
async fn a_scan_moves_what_carries_the_code_at_home_or_elsewhere_and_once() {
    let db = TestDatabase::new().await;
    let (app, ana) = (db.app(), db.user(Role::Staff).await);
    let item = db
        .item("AA batteries")
        .barcode("4006381333931")
        .stock(5)
        .await;
    let back_room = db.location("Back room").await;

    let taken = scan("4006381333931", -2);
    let scanned = app.scan_stock(&ana.grant(), taken.clone()).await.unwrap();
    let movement = scanned.adjusted.movement;
    assert_eq!(scanned.item.id, item.id);
    assert_eq!(
        (movement.level, movement.delta, movement.after),
        (item.level(), -2, 3)
    );
    let again = app.scan_stock(&ana.grant(), taken.clone()).await.unwrap();
    assert!(again.adjusted.replayed);
    let posted = app.posting_under_key(&ana.grant(), taken.key).await;
    assert_eq!(posted.unwrap(), Some(scanned.adjusted.posting));

    let elsewhere = ScanStock {
        location: Some(back_room),
        ..scan("4006381333931", 1)
    };
    let elsewhere = app.scan_stock(&ana.grant(), elsewhere).await.unwrap();
    assert_eq!(elsewhere.adjusted.movement.level, item.level_at(back_room));
    let postings = [elsewhere.adjusted.posting, scanned.adjusted.posting];
    let listed = app.list_scans(&ana.grant(), &postings).await.unwrap();
    let listed: Vec<_> = listed.iter().map(|row| row.posting).collect();
    assert_eq!(listed, postings);
    assert_eq!(db.texts("select total from items").await, ["4"]);
}

#[tokio::test]
async fn a_code_on_two_items_has_to_be_chosen_between() {
    let db = TestDatabase::new().await;
    let (app, ana) = (db.app(), db.user(Role::Staff).await);
    let by_sku = db.item("AA batteries").sku("4711").stock(1).await;
    let by_barcode = db.item("Fuse").sku("FUSE").barcode("4711").stock(1).await;
    assert_eq!(found(&app, &ana, "4711").await, [by_barcode.id, by_sku.id]);

    let asked = scan("4711", 1);
    let refused = app
        .scan_stock(&ana.grant(), asked.clone())
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, ScanStockError::Ambiguous(items) if items.len() == 2),
        "{refused:?}"
    );
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let chosen = ScanStock {
        chosen: Some(by_sku.id),
        ..asked
    };
    let scanned = app.scan_stock(&ana.grant(), chosen).await.unwrap();
    assert_eq!(scanned.item.id, by_sku.id);
    let stranger = ScanStock {
        chosen: Some(by_sku.id),
        ..scan("FUSE", 1)
    };
    let refused = app.scan_stock(&ana.grant(), stranger).await.unwrap_err();
    assert!(
        matches!(refused, ScanStockError::UnknownCode),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_cannot_be_counted_says_why() {
    let db = TestDatabase::new().await;
    let (app, ana) = (db.app(), db.user(Role::Staff).await);
    let item = db
        .item("AA batteries")
        .barcode("012345678905")
        .stock(1)
        .await;
    let old = db.item("Old fuse").sku("OLD").archived().await;

    let unknown = app.scan_stock(&ana.grant(), scan("4711", 1)).await;
    assert_eq!(unknown.unwrap_err().kind(), ErrorKind::NotFound);
    let nothing = app.scan_stock(&ana.grant(), scan("012345678905", 0)).await;
    assert_eq!(nothing.unwrap_err().kind(), ErrorKind::Invalid);
    // As another scanner reports the same number.
    let short = app
        .scan_stock(&ana.grant(), scan("0012345678905", -2))
        .await;
    let short = short.unwrap_err();
    assert_eq!(short.kind(), ErrorKind::Conflict);
    let ScanStockError::NotAdjusted {
        item: of,
        location,
        error: AdjustStockError::Refused(Refusal::ShortOfStock { on_hand: 1, .. }),
    } = short
    else {
        panic!("{short:?}");
    };
    assert_eq!((of.id, location), (item.id, item.home));
    let archived = app.scan_stock(&ana.grant(), scan("old", 1)).await;
    assert!(
        matches!(
            archived,
            Err(ScanStockError::NotAdjusted {
                error: AdjustStockError::Refused(Refusal::ItemArchived { .. }),
                ..
            })
        ),
        "{archived:?}"
    );
    assert_eq!(found(&app, &ana, "OLD").await, [old.id]);
    assert_eq!(db.violations().await, Vec::<String>::new());
}
