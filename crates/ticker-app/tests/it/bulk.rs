//! One change for many items.

use std::collections::BTreeSet;

use ticker_app::bulk::{BULK_FORM_MAX, BulkError, BulkRequest, BulkRun};
use ticker_app::{App, ErrorKind};
use ticker_auth::{Grant, Operator};
use ticker_domain::bulk::{BULK_ITEMS_MAX, BulkChange, BulkSkip, Selection};
use ticker_domain::id::{CategoryId, ItemId, LocationId};
use ticker_domain::ledger::{IdempotencyKey, Line, Reason};
use ticker_domain::permission::BulkApply;
use ticker_domain::stock::{StockStatus, Thresholds};
use ticker_domain::stock_list::StockFilter;
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_testkit::{TestDatabase, key};

use crate::power;

pub(crate) fn request(items: &[ItemId], change: BulkChange) -> BulkRequest {
    let items: BTreeSet<ItemId> = items.iter().copied().collect();
    BulkRequest {
        selection: Selection::Items(items),
        location: None,
        change,
    }
}

pub(crate) fn by(delta: i64) -> BulkChange {
    BulkChange::AdjustBy {
        delta,
        reason: Reason::Damaged,
    }
}

fn form(text: &str) -> String {
    text.to_owned()
}

/// Asks for a change again and again until it is through, as whoever waits for it does.
async fn finish(
    app: &App,
    by: &Grant<BulkApply>,
    key: IdempotencyKey,
    request: &BulkRequest,
    text: &str,
) -> BulkRun {
    loop {
        let made = app.apply_bulk_change(by, key, request.clone(), form(text));
        let run = made.await.unwrap();
        if run.ended_at.is_some() {
            return run;
        }
    }
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
    let apply = async |change| {
        let request = request(&[item.id], change);
        app.apply_bulk_change(&by_vera, key(), request, form(""))
            .await
    };
    for (change, why) in [
        (
            BulkChange::MoveTo(LocationId(99)),
            "there is no location 99",
        ),
        (
            BulkChange::SetCategory(CategoryId(99)),
            "the category is not in use",
        ),
    ] {
        let rests = apply(change).await.unwrap();
        assert_eq!((rests.ended_at, rests.changed), (None, 0));
        assert_eq!(rests.rests_because.as_deref(), Some(why));
        let kept = app.show_bulk_change(&by_vera, rests.id).await.unwrap();
        let kept = kept.map(|shown| shown.run);
        assert_eq!(kept, Some(rests), "it is kept for the page that tells");
    }
    app.set_role(&Operator, "vera", Role::Staff).await.unwrap();
    for change in [by(1), BulkChange::Archive] {
        let refused = apply(change).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::RightsChanged);
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
    power::goes_out(&db, "bulk_changes", "new.changed > 600").await;
    let (once, request) = (
        key(),
        BulkRequest {
            selection: Selection::Matching(StockFilter::default()),
            location: None,
            change: by(2),
        },
    );
    // On a busy machine the answer may come before the failure does.
    let run = app
        .apply_bulk_change(&by_vera, once, request.clone(), form("x"))
        .await
        .unwrap();
    db.until(
        "select id from bulk_changes where rests_because is not null",
        1,
    )
    .await;
    let rests = app.show_bulk_change(&by_vera, run.id).await.unwrap();
    let rests = rests.unwrap().run;
    assert_eq!((rests.changed, rests.ended_at), (500, None));
    assert_eq!(
        rests.rests_because.as_deref(),
        Some("something in Ticker broke")
    );
    let totals = "select concat_ws(' ', total, count(*)) from items group by total order by 1";
    assert_eq!(db.texts(totals).await, ["0 700", "2 500"]);
    power::comes_back(&db, "bulk_changes").await;
    let run = finish(&app, &by_vera, once, &request, "x").await;
    assert_eq!(run.rests_because, None);
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
    let run = finish(&app, &by_vera, once, &request, "").await;
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

/// "Archive all that are out" while a delivery is being booked in.
#[tokio::test]
async fn what_does_not_match_any_more_is_left_out() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    let delivered = db.item("Delivered").await;
    db.item("Out").await;
    let filter = StockFilter {
        status: Some(StockStatus::Out),
        ..StockFilter::default()
    };
    let request = BulkRequest {
        selection: Selection::Matching(filter),
        location: None,
        change: BulkChange::Archive,
    };
    let line = Line::change(delivered.level(), 40).unwrap();
    let delivery = db.posting(db.storekeeper().await, vec![line]);
    let mut tx = db.database().begin().await.unwrap();
    let posted = tx.ledger().post(&[delivery], db.clock().timestamp()).await;
    assert_eq!(posted.unwrap().len(), 1);
    let apply = app.apply_bulk_change(&by_vera, key(), request, form(""));
    let commit = async {
        db.until_blocked(1).await;
        tx.commit().await.unwrap();
    };
    let (run, ()) = tokio::join!(apply, commit);
    let run = run.unwrap();
    assert_eq!((run.changed, run.skipped), (1, 1));
    assert_eq!(run.skips[0].2, "does not match any more");
    let archived = "select name from items where archived_at is not null";
    assert_eq!(db.texts(archived).await, ["Out"]);
}

#[tokio::test]
async fn an_item_that_somebody_holds_is_waited_for() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    let (nuts, bolts) = (db.item("Nuts").await.id, db.item("Bolts").await.id);
    let mut holder = db.database().begin().await.unwrap();
    holder.bulk_changes().lock_items(&[bolts]).await.unwrap();
    let (once, request) = (key(), request(&[nuts, bolts], by(5)));
    let asked = async {
        // Answered while it is still at it.
        let run = app.apply_bulk_change(&by_vera, once, request.clone(), form(""));
        let run = run.await.unwrap();
        assert_eq!((run.ended_at, run.rests_because), (None, None));
    };
    let let_go = async {
        db.until_blocked(1).await;
        // The database gives up waiting before Ticker does.
        let free = "select 1 where not exists (select from pg_stat_activity
                        where datname = current_database() and wait_event_type = 'Lock')";
        db.until(free, 1).await;
    };
    tokio::join!(asked, let_go);
    drop(holder);
    let run = finish(&app, &by_vera, once, &request, "").await;
    assert_eq!((run.changed, run.skipped), (2, 0));
    let totals = "select total from items order by id";
    assert_eq!(db.texts(totals).await, ["5", "5"], "once");
}

#[tokio::test]
async fn a_form_is_kept_up_to_what_is_said() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    let item = db.item("Nuts").await.id;
    let apply = async |characters: usize| {
        let request = request(&[item], by(1));
        app.apply_bulk_change(&by_vera, key(), request, "é".repeat(characters))
            .await
    };
    assert_eq!(apply(BULK_FORM_MAX).await.unwrap().changed, 1);
    let refused = apply(BULK_FORM_MAX + 1).await.unwrap_err();
    assert!(matches!(refused, BulkError::FormTooLong), "{refused:?}");
}
