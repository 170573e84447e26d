//! One change for many items.

use std::collections::BTreeSet;

use ticker_app::bulk::{BulkError, BulkRequest};
use ticker_app::{ErrorKind, Failure};
use ticker_auth::Operator;
use ticker_domain::bulk::{BULK_ITEMS_MAX, BulkChange, BulkSkip, Selection};
use ticker_domain::id::{CategoryId, ItemId, LocationId};
use ticker_domain::ledger::{Reason, Refusal};
use ticker_domain::permission::BulkApply;
use ticker_domain::stock::Thresholds;
use ticker_domain::stock_list::StockFilter;
use ticker_domain::user::Role;
use ticker_testkit::{TestDatabase, key};

fn request(items: &[ItemId], change: BulkChange) -> BulkRequest {
    let items: BTreeSet<ItemId> = items.iter().copied().collect();
    BulkRequest {
        selection: Selection::Items(items),
        location: None,
        change,
    }
}

fn by(delta: i64) -> BulkChange {
    BulkChange::AdjustBy {
        delta,
        reason: Reason::Damaged,
    }
}

fn form(text: &str) -> String {
    text.to_owned()
}

/// That many items with nothing on hand.
pub(crate) async fn fill(db: &TestDatabase, items: usize) {
    db.category("Things").await;
    let home = db.location("Shop floor").await;
    db.sql(&format!(
        "insert into items (name, name_key, sku, sku_key, unit, category_id, home_location_id,
                            search_text, changed_at, created_at, creation_key)
         select 'Thing ' || n, 'thing ' || n, 'T-' || n, 't-' || n, 'pcs', 1, {home}, 'thing ' || n,
                now(), now(), gen_random_uuid()
         from generate_series(1, {items}) n"
    ))
    .await;
}

#[tokio::test]
async fn one_item_that_is_short_does_not_keep_the_others() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    let many = db.item("Many").stock(9).await;
    let few = db.item("Few").stock(1).await;
    let gone = db.item("Gone").stock(5).archived().await;
    let change = request(&[many.id, few.id, gone.id, ItemId(99)], by(-2));

    let preview = app.preview_bulk_change(&by_vera, &change).await.unwrap();
    assert_eq!((preview.changed, preview.more), (1, false));
    assert_eq!(
        preview.skipped.into_iter().collect::<Vec<_>>(),
        [(BulkSkip::Archived, 1), (BulkSkip::BelowZero, 1)]
    );
    let decided: Vec<_> = preview.rows.iter().map(|(_, decided)| *decided).collect();
    assert_eq!(
        decided,
        [Ok(7), Err(BulkSkip::BelowZero), Err(BulkSkip::Archived)]
    );
    assert_eq!(db.texts("select count(*) from postings").await, ["3"]);

    let once = key();
    let run = app
        .apply_bulk_change(&by_vera, once, change.clone(), form("a"))
        .await
        .unwrap();
    assert!(run.ended_at.is_some());
    assert_eq!((run.changed, run.skipped), (1, 2));
    assert_eq!(
        run.skips,
        [
            (few.id, "Few".to_owned(), "would go below zero".to_owned()),
            (gone.id, "Gone".to_owned(), "is archived".to_owned())
        ]
    );
    let totals = "select total from items order by id";
    assert_eq!(db.texts(totals).await, ["7", "1", "5"]);
    let last = "select concat_ws(' ', actor_id, reason, line_count) from postings order by id desc limit 1";
    assert_eq!(db.texts(last).await, [format!("{} damaged 1", vera.id)]);

    // The same form again, and its key with another one.
    let again = app
        .apply_bulk_change(&by_vera, once, change.clone(), form("a"))
        .await
        .unwrap();
    assert_eq!(again, run);
    let reused = app
        .apply_bulk_change(&by_vera, once, change, form("b"))
        .await
        .unwrap_err();
    assert!(matches!(reused, BulkError::KeyReused), "{reused:?}");
    assert_eq!(db.texts(totals).await, ["7", "1", "5"]);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn each_change_is_made_to_all_that_a_list_shows() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    let shed = db.location("Shed").await;
    db.item("Nuts").stock(4).stock_at("Shed", 3).await;
    db.item("Nut crackers").stock(2).await;
    db.item("Bolts").stock(6).await;
    let tools = db.category("Tools").await;
    let apply = async |location: Option<LocationId>, change: BulkChange| {
        let filter = StockFilter {
            search: Some("nut".to_owned()),
            location,
            ..StockFilter::default()
        };
        let request = BulkRequest {
            selection: Selection::Matching(filter),
            location,
            change,
        };
        let run = app
            .apply_bulk_change(&by_vera, key(), request, form(""))
            .await
            .unwrap();
        (run.changed, run.skipped)
    };
    let state = "select concat_ws(' ', i.name, c.name, minimum, target, i.archived_at is not null,
                     (select string_agg(l.name || ' ' || on_hand, ', ' order by l.name) from levels v
                      join locations l on l.id = v.location_id where v.item_id = i.id))
                 from items i join categories c on c.id = category_id order by i.id";

    assert_eq!(apply(None, BulkChange::MoveTo(shed)).await, (2, 0));
    assert_eq!(apply(None, BulkChange::MoveTo(shed)).await, (0, 2));
    let thresholds = Thresholds::new(Some(2), Some(9), None).unwrap();
    assert_eq!(
        apply(None, BulkChange::SetThresholds(thresholds)).await,
        (2, 0)
    );
    assert_eq!(apply(None, BulkChange::SetCategory(tools)).await, (2, 0));
    assert_eq!(apply(None, BulkChange::SetCategory(tools)).await, (0, 2));
    assert_eq!(apply(Some(shed), by(-3)).await, (1, 1));
    assert_eq!(
        db.texts(state).await,
        [
            "Nuts Tools 2 9 f Shed 4, Shop floor 0",
            "Nut crackers Tools 2 9 f Shed 2, Shop floor 0",
            "Bolts Things f Shop floor 6",
        ]
    );
    let kinds = "select distinct kind from postings where kind is not null";
    assert_eq!(db.texts(kinds).await, ["transfer"]);
    assert_eq!(apply(None, BulkChange::Archive).await, (2, 0));
    assert_eq!(apply(None, BulkChange::Archive).await, (0, 0));
    let left = "select name from items where archived_at is null";
    assert_eq!(db.texts(left).await, ["Bolts"]);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_cannot_be_done_to_any_is_said() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user_named("vera", "Vera", Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    let item = db.item("Nuts").stock(4).await;
    let refused = async |change| {
        let request = request(&[item.id], change);
        app.apply_bulk_change(&by_vera, key(), request, form(""))
            .await
            .unwrap_err()
    };
    let nowhere = refused(BulkChange::MoveTo(LocationId(99))).await;
    assert!(
        matches!(nowhere, BulkError::Refused(Refusal::UnknownLocation { .. })),
        "{nowhere:?}"
    );
    let nothing = refused(BulkChange::SetCategory(CategoryId(99))).await;
    assert_eq!(nothing.kind(), ErrorKind::Conflict);
    app.set_role(&Operator, "vera", Role::Staff).await.unwrap();
    for change in [by(1), BulkChange::Archive] {
        assert_eq!(refused(change).await.kind(), ErrorKind::RightsChanged);
    }
    assert_eq!(db.texts("select total from items").await, ["4"]);
    assert_eq!(db.texts("select count(*) from bulk_changes").await, ["2"]);
}

#[tokio::test]
async fn a_change_that_failed_half_way_goes_on_where_it_stopped() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    fill(&db, 1_200).await;
    db.sql(
        "create function fail() returns trigger language plpgsql as
            $$ begin raise exception 'the power is out'; end $$;
         create trigger fail before update on bulk_changes for each row
            when (new.changed > 600) execute function fail();",
    )
    .await;
    let (once, request) = (
        key(),
        BulkRequest {
            selection: Selection::Matching(StockFilter::default()),
            location: None,
            change: by(2),
        },
    );
    // On a busy machine the answer may come before the failure does.
    let failed = loop {
        let made = app.apply_bulk_change(&by_vera, once, request.clone(), form("x"));
        match made.await {
            Ok(run) if run.ended_at.is_none() => {}
            result => break result,
        }
    };
    assert!(
        matches!(&failed, Err(BulkError::Failure(Failure::Database(_)))),
        "{failed:?}"
    );
    let totals = "select concat_ws(' ', total, count(*)) from items group by total order by 1";
    assert_eq!(db.texts(totals).await, ["0 700", "2 500"]);
    db.sql("drop trigger fail on bulk_changes").await;
    let mut run = app
        .apply_bulk_change(&by_vera, once, request.clone(), form("x"))
        .await
        .unwrap();
    while run.ended_at.is_none() {
        run = app
            .apply_bulk_change(&by_vera, once, request.clone(), form("x"))
            .await
            .unwrap();
    }
    assert_eq!((run.changed, run.skipped), (1_200, 0));
    assert_eq!(db.texts(totals).await, ["2 1200"]);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn no_more_are_changed_at_once_than_is_said() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    fill(&db, BULK_ITEMS_MAX + 20).await;
    let request = BulkRequest {
        selection: Selection::Matching(StockFilter::default()),
        location: None,
        change: BulkChange::Archive,
    };
    let preview = app.preview_bulk_change(&by_vera, &request).await.unwrap();
    assert_eq!((preview.changed, preview.more), (BULK_ITEMS_MAX, true));
    let once = key();
    let mut run = app
        .apply_bulk_change(&by_vera, once, request.clone(), form(""))
        .await
        .unwrap();
    while run.ended_at.is_none() {
        run = app
            .apply_bulk_change(&by_vera, once, request.clone(), form(""))
            .await
            .unwrap();
    }
    assert_eq!(usize::try_from(run.changed).unwrap(), BULK_ITEMS_MAX);
    let left = "select count(*) from items where archived_at is null";
    assert_eq!(db.texts(left).await, ["20"]);
}

/// A list corrects a word that nothing matches. A bulk change does not: after the last of what was meant is
/// archived, it would go on with what is spelt like it.
#[tokio::test]
async fn what_is_spelt_like_it_is_left_alone() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    db.item("Batteries").stock(4).await;
    let filter = StockFilter {
        search: Some("batteires".to_owned()),
        ..StockFilter::default()
    };
    let query = ticker_domain::stock_list::StockQuery {
        filter: filter.clone(),
        ..Default::default()
    };
    let listed = app.list_stock(&vera.grant(), &query).await.unwrap();
    assert_eq!(listed.corrected.as_deref(), Some("batteries"));
    let request = BulkRequest {
        selection: Selection::Matching(filter),
        location: None,
        change: BulkChange::Archive,
    };
    let preview = app.preview_bulk_change(&by_vera, &request).await.unwrap();
    assert_eq!(preview.changed, 0);
    let run = app
        .apply_bulk_change(&by_vera, key(), request, form(""))
        .await
        .unwrap();
    assert_eq!((run.changed, run.skipped), (0, 0));
    assert_eq!(
        db.texts("select count(archived_at) from items").await,
        ["0"]
    );
}
