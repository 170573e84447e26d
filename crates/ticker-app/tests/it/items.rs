//! Adding, editing, archiving and restoring items.

use ticker_app::ErrorKind;
use ticker_app::item::{
    AddItemError, ArchiveItemError, EditItemError, ItemForm, NewItem, UniqueField,
};
use ticker_app::stock::AdjustStockError;
use ticker_domain::category::CategoryName;
use ticker_domain::group::GroupKind;
use ticker_domain::id::ItemId;
use ticker_domain::item::{Barcode, ItemName, Sku, Unit};
use ticker_domain::ledger::{IdempotencyKey, LineError, Reason, Refusal};
use ticker_domain::location::LocationName;
use ticker_domain::page::Edge;
use ticker_domain::permission::{ItemArchive, ItemCreate, ItemEdit, StockAdjust, StockView};
use ticker_domain::stock::Thresholds;
use ticker_domain::user::Role;
use ticker_testkit::{TestDatabase, key};

use crate::stock::change;

pub(crate) fn form(name: &str, sku: &str) -> ItemForm {
    ItemForm {
        name: ItemName::parse(name).unwrap(),
        sku: Sku::parse(sku).unwrap(),
        barcode: None,
        unit: Unit::parse("pcs").unwrap(),
        category: CategoryName::parse("Batteries").unwrap(),
        home_location: LocationName::parse("Shop floor").unwrap(),
        thresholds: Thresholds::default(),
    }
}

pub(crate) fn new(key: IdempotencyKey, form: ItemForm, opening: i64) -> NewItem {
    NewItem { key, form, opening }
}

async fn count(db: &TestDatabase, what: &str) -> String {
    db.texts(&format!("select count(*) from {what}"))
        .await
        .remove(0)
}

#[tokio::test]
async fn an_item_begins_with_its_opening_stock() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let form = ItemForm {
        barcode: Some(Barcode::parse("77").unwrap()),
        ..form("AA batteries", "BAT-AA")
    };
    let id = app
        .add_item(&vera.grant(), new(key(), form, 41))
        .await
        .unwrap();
    let none = app
        .add_item(
            &vera.grant(),
            new(key(), self::form("C batteries", "BAT-C"), 0),
        )
        .await
        .unwrap();

    let view = app.show_item(&vera.grant(), id).await.unwrap().unwrap();
    assert_eq!(
        (view.item.name.as_str(), view.item.total),
        ("AA batteries", 41)
    );
    assert_eq!(
        (
            view.levels.len(),
            view.levels[0].on_hand,
            view.levels[0].version
        ),
        (1, 41, 1)
    );
    let history = app
        .item_history(&vera.grant(), id, &Edge::First, 10)
        .await
        .unwrap();
    assert_eq!(
        (history.rows.len(), history.rows[0].reason),
        (1, Reason::Opening)
    );
    assert_eq!(history.rows[0].actor, vera.id);

    let view = app.show_item(&vera.grant(), none).await.unwrap().unwrap();
    assert_eq!((view.item.total, view.levels[0].version), (0, 0));
    let choices = app.item_choices(&vera.grant()).await.unwrap();
    assert_eq!((choices.categories.len(), choices.locations.len()), (1, 1));
    assert!(
        app.show_item(&vera.grant::<StockView>(), ItemId(99))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_form_twice_adds_one_item_with_its_stock_once() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<ItemCreate>();
    for (name, sku) in [
        ("AA batteries", "BAT-AA"),
        ("C batteries", "BAT-C"),
        ("D batteries", "BAT-D"),
    ] {
        let new = new(key(), form(name, sku), 10);
        let other_replica = db.app();
        let (first, second) = tokio::join!(
            app.add_item(&by, new.clone()),
            other_replica.add_item(&by, new.clone())
        );
        let first = first.unwrap();
        assert_eq!(
            (second.unwrap(), app.add_item(&by, new).await.unwrap()),
            (first, first)
        );
    }
    assert_eq!(
        db.texts("select concat_ws('|', count(*), sum(total)) from items")
            .await,
        ["3|30"]
    );
    assert_eq!(count(&db, "movements").await, "3");
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_form_that_comes_again_with_other_content_is_not_taken_for_the_first() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<ItemCreate>();
    let key = key();
    let id = app
        .add_item(&by, new(key, form("AA batteries", "BAT-AA"), 10))
        .await
        .unwrap();
    for other in [
        form("AAA batteries", "BAT-AAA"),
        form("AA batteries", "BAT-AA-2"),
    ] {
        let refused = app.add_item(&by, new(key, other, 10)).await.unwrap_err();
        assert!(matches!(refused, AddItemError::KeyReused), "{refused:?}");
    }
    for opening in [0, 11] {
        let same = form("AA batteries", "BAT-AA");
        let refused = app
            .add_item(&by, new(key, same, opening))
            .await
            .unwrap_err();
        assert!(
            matches!(refused, AddItemError::KeyReused),
            "{opening}: {refused:?}"
        );
        assert_eq!(refused.kind(), ErrorKind::Invalid);
    }
    // A late repetition of the first form is that, whoever edited the item since.
    app.edit_item(&vera.grant::<ItemEdit>(), id, 1, form("AA cells", "BAT-AA"))
        .await
        .unwrap();
    let again = app
        .add_item(&by, new(key, form("AA batteries", "BAT-AA"), 10))
        .await
        .unwrap();
    assert_eq!(again, id);
    assert_eq!(count(&db, "items").await, "1");
}

#[tokio::test]
async fn a_key_of_the_ledger_adds_no_item() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let item = db.item("C batteries").stock(5).await;
    let adjust = change(item.level(), -1);
    app.adjust_stock(&vera.grant(), adjust.clone())
        .await
        .unwrap();
    let refused = app
        .add_item(
            &vera.grant(),
            new(adjust.key, form("AA batteries", "BAT-AA"), 10),
        )
        .await
        .unwrap_err();
    assert!(matches!(refused, AddItemError::KeyReused), "{refused:?}");
    assert_eq!(count(&db, "items").await, "1");
}

#[tokio::test]
async fn stock_that_cannot_be_opened_adds_no_item() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<ItemCreate>();
    for (opening, expected) in [
        (-1, LineError::CountOutOfRange),
        (1_000_000_001, LineError::DeltaOutOfRange),
        (i64::MAX, LineError::CountOutOfRange),
        (i64::MIN, LineError::CountOutOfRange),
    ] {
        let refused = app
            .add_item(&by, new(key(), form("AA batteries", "BAT-AA"), opening))
            .await
            .unwrap_err();
        let AddItemError::Opening(error) = &refused else {
            panic!("{refused:?}")
        };
        assert_eq!((*error, refused.kind()), (expected, ErrorKind::Invalid));
    }
    db.location("Shop floor").await;
    db.sql("update locations set archived_at = now()").await;
    let refused = app
        .add_item(&by, new(key(), form("AA batteries", "BAT-AA"), 1))
        .await
        .unwrap_err();
    let AddItemError::GroupArchived(GroupKind::Location) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(count(&db, "items").await, "0");
}

#[tokio::test]
async fn what_is_taken_is_named_with_the_item_that_has_it() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let used = db.item("AA batteries").sku("BAT-AA").barcode("77").await;
    let archived = db
        .item("C batteries")
        .sku("BAT-C")
        .barcode("88")
        .archived()
        .await;
    let free = db.item("Free").sku("FREE").await;
    let barcode = |code| Some(Barcode::parse(code).unwrap());
    let cases = [
        (form("aa BATTERIES", "X"), UniqueField::Name, used.id, false),
        (form("X", "bat-aa"), UniqueField::Sku, used.id, false),
        (
            ItemForm {
                barcode: barcode("77"),
                ..form("X", "X")
            },
            UniqueField::Barcode,
            used.id,
            false,
        ),
        (
            form("C  Batteries", "X"),
            UniqueField::Name,
            archived.id,
            true,
        ),
        (form("X", "BAT-C"), UniqueField::Sku, archived.id, true),
        (
            ItemForm {
                barcode: barcode("88"),
                ..form("X", "X")
            },
            UniqueField::Barcode,
            archived.id,
            true,
        ),
    ];
    for (form, field, id, is_archived) in cases {
        let refused = app
            .add_item(&vera.grant(), new(key(), form.clone(), 5))
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        let AddItemError::Taken(taken) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((taken.field, taken.item.id), (field, id));
        assert_eq!(taken.item.archived_at.is_some(), is_archived);

        let refused = app
            .edit_item(&vera.grant(), free.id, 1, form)
            .await
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict);
        let EditItemError::Taken(taken) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((taken.field, taken.item.id), (field, id));
    }
    assert_eq!(count(&db, "items").await, "3");
}

#[tokio::test]
async fn an_edit_of_what_was_edited_since_shows_how_it_stands() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by = vera.grant::<ItemEdit>();
    let item = db.item("AA batteries").sku("BAT-AA").await;
    assert_eq!(
        app.edit_item(&by, item.id, 1, form("AA cells", "BAT-AA"))
            .await
            .unwrap(),
        2
    );
    let other = ItemForm {
        category: CategoryName::parse("Brand new").unwrap(),
        ..form("AA somethings", "BAT-AA")
    };
    let refused = app
        .edit_item(&by, item.id, 1, other.clone())
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    let EditItemError::Stale(current) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!((current.name.as_str(), current.version), ("AA cells", 2));
    assert_eq!(
        count(&db, "categories where name = 'Brand new'").await,
        "0",
        "nothing is left of it"
    );

    let refused = app
        .edit_item(&by, ItemId(99), 1, other.clone())
        .await
        .unwrap_err();
    assert!(matches!(refused, EditItemError::NotFound), "{refused:?}");
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert_eq!(app.edit_item(&by, item.id, 2, other).await.unwrap(), 3);
}

#[tokio::test]
async fn moving_stock_is_no_edit() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let item = db.item("AA batteries").stock(5).await;
    app.adjust_stock(&vera.grant(), change(item.level(), -1))
        .await
        .unwrap();
    app.edit_item(&vera.grant(), item.id, 1, form("AA cells", "BAT-AA"))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_archived_item_stands_still_until_it_is_restored() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let item = db.item("AA batteries").stock(5).await;
    let (archive, adjust) = (vera.grant::<ItemArchive>(), vera.grant::<StockAdjust>());
    app.archive_item(&archive, item.id).await.unwrap();
    app.archive_item(&archive, item.id).await.unwrap();
    let refused = app
        .adjust_stock(&adjust, change(item.level(), -1))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict);
    assert!(
        matches!(
            refused,
            AdjustStockError::Refused(Refusal::ItemArchived { .. })
        ),
        "{refused:?}"
    );
    let view = app
        .show_item(&vera.grant(), item.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (view.item.total, view.levels[0].on_hand),
        (5, 5),
        "its stock and history stay"
    );

    app.restore_item(&archive, item.id).await.unwrap();
    let adjusted = app
        .adjust_stock(&adjust, change(item.level(), -1))
        .await
        .unwrap();
    assert_eq!(adjusted.movement.after, 4);
    let refused = app.archive_item(&archive, ItemId(99)).await.unwrap_err();
    assert!(matches!(refused, ArchiveItemError::NotFound), "{refused:?}");
    assert_eq!(refused.kind(), ErrorKind::NotFound);
}
