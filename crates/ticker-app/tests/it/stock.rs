//! Changing stock, and listing it.

use ticker_app::stock::{AdjustStock, AdjustStockError};
use ticker_app::{App, ErrorKind, Failure};
use ticker_domain::id::{ItemId, LocationId};
use ticker_domain::ledger::{LevelId, Line, Note, Reason, Refusal, Source};
use ticker_domain::permission::{StockAdjust, StockView};
use ticker_domain::stock_list::{ItemCount, StockFilter, StockQuery};
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_testkit::{TestDatabase, key};

use crate::bulk::fill;

pub(crate) fn change(level: LevelId, delta: i64) -> AdjustStock {
    let line = Line::change(level, delta).unwrap();
    AdjustStock {
        key: key(),
        line,
        reason: Reason::Sold,
        note: None,
        source: Source::Page,
    }
}

#[tokio::test]
async fn a_change_is_in_the_ledger_when_it_is_answered() {
    let db = TestDatabase::new().await;
    let (app, ana) = (db.app(), db.user(Role::Staff).await);
    let item = db.item("AA batteries").stock(10).await;
    let note = Some(Note::parse("Counter sale").unwrap());
    let adjust = AdjustStock {
        note,
        ..change(item.level(), -3)
    };
    let adjusted = app
        .adjust_stock(&ana.grant(), adjust.clone())
        .await
        .unwrap();
    assert_eq!(
        (
            adjusted.movement.before,
            adjusted.movement.after,
            adjusted.replayed
        ),
        (10, 7, false)
    );
    let stored = format!("select note from postings where id = {}", adjusted.posting);
    assert_eq!(db.texts(&stored).await, ["Counter sale"]);

    let again = app
        .adjust_stock(&ana.grant(), adjust.clone())
        .await
        .unwrap();
    assert_eq!(
        (again.posting, again.movement, again.replayed),
        (adjusted.posting, adjusted.movement, true)
    );
    let other = AdjustStock {
        reason: Reason::Used,
        ..adjust
    };
    let refused = app.adjust_stock(&ana.grant(), other).await.unwrap_err();
    assert!(
        matches!(refused, AdjustStockError::KeyReused),
        "{refused:?}"
    );
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert_eq!(db.texts("select total from items").await, ["7"]);
}

#[tokio::test]
async fn each_refusal_has_its_kind() {
    let db = TestDatabase::new().await;
    let (app, ana) = (db.app(), db.user(Role::Staff).await);
    let item = db.item("AA batteries").stock(2).await;
    let count = Line::count(item.level(), 5, 0).unwrap();
    let cases = [
        (change(item.level(), -3), ErrorKind::Conflict),
        (
            AdjustStock {
                line: count,
                ..change(item.level(), 1)
            },
            ErrorKind::Conflict,
        ),
        (
            change(
                LevelId {
                    item: ItemId(99),
                    location: item.home,
                },
                1,
            ),
            ErrorKind::NotFound,
        ),
        (change(item.level_at(LocationId(99)), 1), ErrorKind::Invalid),
    ];
    for (adjust, kind) in cases {
        let refused = app
            .adjust_stock(&ana.grant(), adjust.clone())
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), kind, "{refused:?}");
        let again = app.adjust_stock(&ana.grant(), adjust).await.unwrap_err();
        assert_eq!(
            again.to_string(),
            refused.to_string(),
            "the same answer again"
        );
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_changes_nothing_about_it() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let app = app_of_its_own(&db);
    let item = db.item("AA batteries").stock(10).await;

    // Its posting waits for the item when the caller goes.
    let mut busy = db.database().begin().await.unwrap();
    let other = db.posting(&ana, vec![Line::change(item.level(), 1).unwrap()]);
    busy.ledger()
        .post(&[other], db.clock().timestamp())
        .await
        .unwrap();
    let by = ana.grant::<StockAdjust>();
    tokio::select! {
        biased;
        answer = app.adjust_stock(&by, change(item.level(), -3)) => panic!("{answer:?}"),
        () = db.until_blocked(1) => {}
    }
    busy.commit().await.unwrap();
    app.shut_down().await;
    assert_eq!(db.texts("select total from items").await, ["8"]);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

/// An application that can be shut down without taking the test's own connections with it.
pub(crate) fn app_of_its_own(db: &TestDatabase) -> App {
    let settings = ticker_app::AppSettings {
        password_chars_min: 12,
    };
    App::new(
        db.replica(10),
        std::sync::Arc::new(db.clock().clone()),
        settings,
    )
    .unwrap()
}

#[tokio::test]
async fn a_caller_that_goes_away_at_once_changes_nothing_about_it_either() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(100).await;
    let by = ana.grant::<StockAdjust>();
    let app = app_of_its_own(&db);
    for _ in 0..5 {
        let adjust = app.adjust_stock(&by, change(item.level(), -1));
        tokio::select! {
            biased;
            _ = adjust => {}
            () = tokio::task::yield_now() => {}
        }
    }
    app.shut_down().await;
    assert_eq!(db.texts("select total from items").await, ["95"]);
}

#[tokio::test]
async fn what_cannot_be_posted_now_can_be_sent_again() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(10).await;
    let app = db.app();
    let adjust = change(item.level(), -3);
    db.sql("alter table movements rename to away").await;
    let failed = app
        .adjust_stock(&ana.grant(), adjust.clone())
        .await
        .unwrap_err();
    assert!(
        matches!(failed, AdjustStockError::Failure(Failure::Batch(_))),
        "{failed:?}"
    );
    assert_eq!(failed.kind(), ErrorKind::Defect);
    db.sql("alter table away rename to movements").await;
    let adjusted = app.adjust_stock(&ana.grant(), adjust).await.unwrap();
    assert_eq!((adjusted.movement.after, adjusted.replayed), (7, false));
}

#[tokio::test]
async fn the_list_comes_with_what_its_filters_offer() {
    let db = TestDatabase::new().await;
    let (app, ana) = (db.app(), db.user(Role::Staff).await);
    let by = ana.grant::<StockView>();
    let empty = app.list_stock(&by, &StockQuery::default()).await.unwrap();
    assert!(empty.page.rows.is_empty() && !empty.any_items);

    let item = db
        .item("AA batteries")
        .category("Batteries")
        .stock(10)
        .await;
    db.location("Back room").await;
    let filter = StockFilter {
        search: Some("nothing like it".into()),
        ..StockFilter::default()
    };
    let none = app
        .list_stock(
            &by,
            &StockQuery {
                filter,
                ..StockQuery::default()
            },
        )
        .await
        .unwrap();
    assert!(none.page.rows.is_empty() && none.any_items);
    assert_eq!(none.counts.all, ItemCount::Exactly(0));

    let list = app.list_stock(&by, &StockQuery::default()).await.unwrap();
    assert_eq!(
        (list.page.rows.len(), list.counts.ok, list.any_items),
        (1, ItemCount::Exactly(1), true)
    );
    assert_eq!((list.categories.len(), list.locations.len()), (1, 2));
    let row = app.stock_row(&by, item.id, None).await.unwrap().unwrap();
    assert_eq!((row.name.as_str(), row.quantity), ("AA batteries", 10));
}

#[tokio::test]
async fn a_refusal_names_what_is_there() {
    let db = TestDatabase::new().await;
    let (app, ana) = (db.app(), db.user(Role::Staff).await);
    let item = db.item("AA batteries").stock(2).await;
    let refused = app
        .adjust_stock(&ana.grant(), change(item.level(), -3))
        .await
        .unwrap_err();
    let AdjustStockError::Refused(Refusal::ShortOfStock { on_hand: 2, .. }) = refused else {
        panic!("{refused:?}")
    };
}

/// However many items are ticked, they are read some at a time.
#[tokio::test]
async fn ticked_items_are_taken_out_in_chunks() {
    let db = TestDatabase::new().await;
    let (app, sam) = (db.app(), db.user(Role::Staff).await);
    fill(&db, 1_003).await;
    let missing = 2_001..=3_002;
    let ticked = (1..=1_002).chain(missing).chain([1_003]).map(ItemId);
    let filter = StockFilter::default();
    let mut export = app.export_stock(&sam.grant(), filter, Some(ticked.collect()));
    let mut chunks = Vec::new();
    while let Some(rows) = export.next().await.unwrap() {
        chunks.push(rows.len());
    }
    assert_eq!(chunks, [1_000, 3]);
}
