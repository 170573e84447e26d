//! Taking back what was done to many items.

use ticker_app::App;
use ticker_app::bulk::{BulkError, BulkRequest, BulkRun};
use ticker_app::stock::UndoPosting;
use ticker_auth::{Grant, Operator};
use ticker_domain::bulk::{BulkChange, BulkSkip, Selection};
use ticker_domain::id::PostingId;
use ticker_domain::ledger::{IdempotencyKey, Source};
use ticker_domain::permission::BulkApply;
use ticker_domain::stock_list::StockFilter;
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_testkit::{TestDatabase, key};

use crate::bulk::{by, fill, request};
use crate::power;

const TOTALS: &str = "select total from items order by id";

async fn make(app: &App, by: &Grant<BulkApply>, request: BulkRequest) -> BulkRun {
    let made = app.apply_bulk_change(by, key(), request, String::new());
    let run = made.await.unwrap();
    assert!(run.ended_at.is_some(), "{run:?}");
    run
}

/// Asks again and again until it is through, as whoever waits for it does.
async fn take_back(app: &App, by: &Grant<BulkApply>, key: IdempotencyKey, id: i64) -> BulkRun {
    for _ in 0..50 {
        let run = app.undo_bulk_change(by, key, id).await.unwrap();
        assert_eq!(run.rests_because, None);
        if run.ended_at.is_some() {
            return run;
        }
    }
    panic!("it does not end");
}

fn all_by(delta: i64) -> BulkRequest {
    BulkRequest {
        selection: Selection::Matching(StockFilter::default()),
        location: None,
        change: by(delta),
    }
}

#[tokio::test]
async fn what_can_be_taken_back_is_and_the_rest_is_named() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user_named("vera", "Vera", Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    let free = db.item("Free").stock(1).await;
    let sold = db.item("Sold").stock(1).await;
    let gone = db.item("Gone").stock(1).await;
    let cellar = db.item("Cellared").home("Cellar").stock(1).await;
    let mine = db.item("Undone").stock(1).await;
    let items = [&free, &sold, &gone, &cellar, &mine].map(|item| item.id);
    let run = make(&app, &by_vera, request(&items, by(5))).await;
    assert_eq!((run.changed, run.skipped, run.undoes), (5, 0, None));

    db.stock(sold.level(), -2).await;
    db.sql(&format!(
        "update items set archived_at = now() where id = {};
         update locations set archived_at = now() where name = 'Cellar'",
        gone.id
    ))
    .await;
    let of_mine = format!(
        "select posting_id from bulk_postings where item_id = {}",
        mine.id
    );
    let alone = UndoPosting {
        key: key(),
        posting: PostingId(db.texts(&of_mine).await[0].parse().unwrap()),
        source: Source::Page,
    };
    app.undo_posting(&vera.grant(), alone).await.unwrap();

    let expected = [
        (free.id, Ok(())),
        (sold.id, Err(BulkSkip::BelowZero)),
        (gone.id, Err(BulkSkip::Archived)),
        (cellar.id, Err(BulkSkip::LocationNotInUse)),
    ];
    let preview = app.preview_bulk_undo(&by_vera, run.id).await.unwrap();
    let preview = preview.unwrap();
    let rows = preview.rows.iter();
    let foreseen: Vec<_> = rows.map(|(one, decided)| (one.item, *decided)).collect();
    assert_eq!(foreseen, expected);
    assert_eq!((preview.changed, preview.skipped.len()), (1, 4));
    assert_eq!(preview.skipped[&BulkSkip::Undone], 1);
    assert_eq!(preview.run, run);

    let once = key();
    let undo = take_back(&app, &by_vera, once, run.id).await;
    assert_eq!((undo.changed, undo.undoes), (1, Some(run.id)));
    let told: Vec<_> = undo
        .skips
        .iter()
        .map(|(item, _, why)| (*item, why.clone()))
        .collect();
    let skipped = expected
        .iter()
        .filter_map(|(item, decided)| Some((*item, decided.err()?.to_string())));
    assert_eq!(told, skipped.collect::<Vec<_>>(), "as the preview said");
    assert_eq!(
        take_back(&app, &by_vera, once, run.id).await,
        undo,
        "the same form again"
    );
    assert_eq!(db.texts(TOTALS).await, ["1", "4", "6", "6", "1"]);

    // Nothing that stood in the way stands there for ever.
    db.stock(sold.level(), 1).await;
    db.sql("update items set archived_at = null").await;
    let rest = take_back(&app, &by_vera, key(), run.id).await;
    assert_eq!((rest.changed, rest.skipped), (2, 1));
    assert_eq!(db.texts(TOTALS).await, ["1", "0", "1", "6", "1"]);
    let shown = app
        .show_bulk_change(&by_vera, run.id)
        .await
        .unwrap()
        .unwrap();
    assert!(shown.is_undoable, "one lies in the cellar");
    let undone_by: Vec<_> = shown
        .undone_by
        .iter()
        .map(|one| (one.id, one.changed, one.actor_name.as_str()))
        .collect();
    assert_eq!(undone_by, [(undo.id, 1, "Vera"), (rest.id, 2, "Vera")]);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_move_goes_back_and_forth_again() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    let shed = db.location("Shed").await;
    let nuts = db.item("Nuts").stock(4).stock_at("Shed", 3).await;
    let bolts = db.item("Bolts").stock(6).await;
    let change = request(&[nuts.id, bolts.id], BulkChange::MoveTo(shed));
    let levels = "select concat_ws(' ', item_id, location_id, on_hand) from levels
                  where on_hand > 0 order by item_id, location_id";
    let before = db.texts(levels).await;
    let moved = make(&app, &by_vera, change).await;
    let after = db.texts(levels).await;
    let back = take_back(&app, &by_vera, key(), moved.id).await;
    assert_eq!((back.changed, back.skipped), (2, 0));
    assert_eq!(db.texts(levels).await, before);
    let again = take_back(&app, &by_vera, key(), moved.id).await;
    assert_eq!((again.changed, again.skipped), (0, 0));
    let forth = take_back(&app, &by_vera, key(), back.id).await;
    assert_eq!((forth.changed, forth.undoes), (2, Some(back.id)));
    assert_eq!(db.texts(levels).await, after);
    let shown = app
        .show_bulk_change(&by_vera, moved.id)
        .await
        .unwrap()
        .unwrap();
    assert!(!shown.is_undoable);
    let undone_by: Vec<_> = shown
        .undone_by
        .iter()
        .map(|one| (one.id, one.is_undone))
        .collect();
    assert_eq!(
        undone_by,
        [(back.id, true)],
        "what changed nothing is not told"
    );
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn two_who_take_the_same_back_at_once_do_it_once() {
    let db = TestDatabase::new().await;
    let (app, vera, mia) = (
        db.app(),
        db.user(Role::Manager).await,
        db.user(Role::Manager).await,
    );
    let (by_vera, by_mia) = (vera.grant::<BulkApply>(), mia.grant::<BulkApply>());
    fill(&db, 600).await;
    // There would be enough to take back twice.
    make(&app, &by_vera, all_by(3)).await;
    let run = make(&app, &by_vera, all_by(2)).await;
    let first: Vec<_> = db.texts("select min(id) from items").await;
    let held = ticker_domain::id::ItemId(first[0].parse().unwrap());
    let mut holder = db.database().begin().await.unwrap();
    holder.bulk_changes().lock_items(&[held]).await.unwrap();
    let let_go = async {
        db.until_blocked(2).await;
        drop(holder);
    };
    let (one, other, ()) = tokio::join!(
        take_back(&app, &by_vera, key(), run.id),
        take_back(&app, &by_mia, key(), run.id),
        let_go
    );
    assert_eq!(one.changed + other.changed, 600);
    assert_eq!(db.texts("select sum(total) from items").await, ["1800"]);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_failed_half_way_is_taken_back_that_far_and_taking_back_goes_on_where_it_stopped() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    fill(&db, 1_200).await;
    power::goes_out(&db, "bulk_changes", "new.changed > 600").await;
    let rests = "select id from bulk_changes where rests_because is not null";
    let done = app.apply_bulk_change(&by_vera, key(), all_by(2), String::new());
    let run = done.await.unwrap();
    db.until(rests, 1).await;
    power::goes_out(
        &db,
        "bulk_changes",
        "new.undoes_id is not null and new.changed > 300",
    )
    .await;
    let once = key();
    let undo = app.undo_bulk_change(&by_vera, once, run.id).await.unwrap();
    let undo_rests =
        "select id from bulk_changes where undoes_id is not null and rests_because is not null";
    db.until(undo_rests, 1).await;
    let ended = format!(
        "select id from bulk_changes where id = {} and ended_at is not null",
        run.id
    );
    assert_eq!(
        db.texts(&ended).await,
        [run.id.to_string()],
        "nobody continues what was taken back"
    );
    let totals = "select concat_ws(' ', total, count(*)) from items group by total order by 1";
    assert_eq!(db.texts(totals).await, ["0 950", "2 250"]);
    power::comes_back(&db, "bulk_changes").await;
    let undone = take_back(&app, &by_vera, once, run.id).await;
    assert_eq!(
        (undone.id, undone.changed, undone.skipped),
        (undo.id, 500, 0)
    );
    assert_eq!(db.texts(totals).await, ["0 1200"]);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_moved_nothing_or_is_not_there_is_not_taken_back() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user_named("vera", "Vera", Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    let item = db.item("Nuts").stock(4).await;
    let archived = make(&app, &by_vera, request(&[item.id], BulkChange::Archive)).await;
    let shown = app.show_bulk_change(&by_vera, archived.id).await.unwrap();
    assert!(!shown.unwrap().is_undoable);
    let preview = app.preview_bulk_undo(&by_vera, archived.id).await.unwrap();
    let preview = preview.unwrap();
    assert_eq!((preview.changed, preview.rows.len()), (0, 0));
    let nothing = take_back(&app, &by_vera, key(), archived.id).await;
    assert_eq!((nothing.changed, nothing.skipped), (0, 0));

    assert!(app.preview_bulk_undo(&by_vera, 99).await.unwrap().is_none());
    let unknown = app.undo_bulk_change(&by_vera, key(), 99).await.unwrap_err();
    assert!(matches!(unknown, BulkError::NotFound), "{unknown:?}");

    let once = key();
    take_back(&app, &by_vera, once, archived.id).await;
    let reused = app.undo_bulk_change(&by_vera, once, nothing.id).await;
    assert!(matches!(reused, Err(BulkError::KeyReused)), "{reused:?}");

    app.set_role(&Operator, "vera", Role::Staff).await.unwrap();
    let by_staff = app.undo_bulk_change(&by_vera, key(), archived.id).await;
    assert_eq!(
        by_staff.unwrap_err().kind(),
        ticker_app::ErrorKind::RightsChanged
    );
}

#[tokio::test]
async fn what_is_being_made_is_not_taken_back_yet() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    let item = db.item("Nuts").stock(4).await;
    let run = make(&app, &by_vera, request(&[item.id], by(2))).await;
    db.sql("update bulk_changes set ended_at = null").await;
    let early = app.undo_bulk_change(&by_vera, key(), run.id).await;
    assert!(matches!(early, Err(BulkError::GoesOn)), "{early:?}");
    db.clock().advance(jiff::SignedDuration::from_secs(31));
    let late = take_back(&app, &by_vera, key(), run.id).await;
    assert_eq!((late.changed, late.skipped), (1, 0));
}

/// Anybody can send any key with a press.
#[tokio::test]
async fn no_key_keeps_anybody_from_seeing_what_taking_back_would_do() {
    let db = TestDatabase::new().await;
    let (app, vera) = (db.app(), db.user(Role::Manager).await);
    let by_vera = vera.grant::<BulkApply>();
    let item = db.item("Nuts").stock(4).await;
    let nil: IdempotencyKey = "00000000-0000-0000-0000-000000000000".parse().unwrap();
    let made = app.apply_bulk_change(&by_vera, nil, request(&[item.id], by(2)), String::new());
    let run = made.await.unwrap();
    let preview = app.preview_bulk_undo(&by_vera, run.id).await.unwrap();
    assert_eq!(preview.unwrap().changed, 1);
}
