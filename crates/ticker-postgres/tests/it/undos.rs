//! Taking postings back: what is written, that it happens once, and what stands in its way.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use ticker_domain::id::{LocationId, PostingId};
use ticker_domain::ledger::{
    Answer, Kind, LevelId, Outcome, Posting, Reason, Refusal, Source, Transfer,
};
use ticker_domain::page::Edge;
use ticker_domain::user::Role;
use ticker_postgres::ledger::{PostError, Receipt};
use ticker_postgres::movements::PostingRow;
use ticker_postgres::{Access as _, Database};
use ticker_testkit::{TestDatabase, TestItem, TestUser, key};

use crate::ledger::{change, posted};

async fn row(db: &TestDatabase, id: PostingId) -> PostingRow {
    let mut connection = db.connect().await;
    let found = connection.movements().posting(id).await.unwrap();
    found.expect("it was posted")
}

async fn undo(db: &TestDatabase, by: &TestUser, id: PostingId) -> Posting {
    let posted = row(db, id).await.posted;
    Posting::undo(key(), by.actor(), Source::Page, &posted).unwrap()
}

async fn post(db: &TestDatabase, posting: &Posting) -> Receipt {
    db.post(std::slice::from_ref(posting)).await.remove(0)
}

async fn post_alone(database: &Database, posting: &Posting) -> Result<Receipt, PostError> {
    let at = "2026-01-05T09:00:00Z".parse().unwrap();
    let mut tx = database.begin().await?;
    let receipts = tx.ledger().post(std::slice::from_ref(posting), at).await;
    let receipt = receipts?.remove(0);
    tx.commit().await?;
    Ok(receipt)
}

fn refused(receipt: &Receipt) -> &Refusal {
    match &receipt.outcome {
        Outcome::Answered(Answer::Refused(refusal)) => refusal,
        outcome => panic!("{outcome:?}"),
    }
}

fn transfer(by: &TestUser, item: &TestItem, to: LocationId, quantity: i64) -> Posting {
    let transfer = Transfer::new(item.id, item.home, to, quantity).unwrap();
    Posting::transfer(key(), by.actor(), None, Source::Page, &transfer).unwrap()
}

#[tokio::test]
async fn a_transfer_is_taken_back_and_that_is_taken_back_again() {
    let db = TestDatabase::new().await;
    let ana = db.user_named("ana", "Ana Bell", Role::Staff).await;
    let bo = db.user_named("bo", "Bo Lind", Role::Manager).await;
    let item = db.item("AA batteries").stock(10).await;
    let back_room = db.location("Back room").await;

    let first = post(&db, &transfer(&ana, &item, back_room, 4)).await;
    let first = first.posting.unwrap();
    let second = post(&db, &undo(&db, &bo, first).await).await;
    let moved: Vec<_> = posted(&second)
        .iter()
        .map(|m| (m.level.location, m.delta, m.after))
        .collect();
    assert_eq!(moved, [(back_room, -4, 0), (item.home, 4, 10)]);
    let second = second.posting.unwrap();
    let by = row(&db, first).await.undone_by.unwrap();
    assert_eq!((by.posting, by.actor_name.as_str()), (second, "Bo Lind"));
    assert_eq!(by.at, db.clock().timestamp());

    let again = post(&db, &undo(&db, &ana, first).await).await;
    let posting = first;
    assert_eq!(refused(&again), &Refusal::AlreadyUndone { posting });

    let third = post(&db, &undo(&db, &ana, second).await).await;
    assert_eq!(posted(&third).len(), 2);
    let links = "select concat_ws('|', posting_id, undoes_id) from undos order by 1";
    let third = third.posting.unwrap();
    let expected = [format!("{second}|{first}"), format!("{third}|{second}")];
    assert_eq!(db.texts(links).await, expected);
    let kinds = "select kind from postings where kind is not null";
    assert_eq!(db.texts(kinds).await, ["transfer"]);
    let levels = "select on_hand from levels order by location_id";
    assert_eq!(db.texts(levels).await, ["6", "4"]);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_history_says_what_was_taken_back_and_by_whom() {
    let db = TestDatabase::new().await;
    let ana = db.user_named("ana", "Ana Bell", Role::Staff).await;
    let item = db.item("AA batteries").stock(10).await;
    let back_room = db.location("Back room").await;
    let first = post(&db, &transfer(&ana, &item, back_room, 4)).await;
    post(&db, &undo(&db, &ana, first.posting.unwrap()).await).await;

    let mut connection = db.connect().await;
    let page = connection
        .movements()
        .history(item.id, &Edge::First, 10)
        .await;
    let rows = page.unwrap().rows;
    let [back, forth, arrived, left, opening] = &rows[..] else {
        panic!("{rows:?}");
    };
    let undoes = Kind::Undo(first.posting.unwrap());
    assert_eq!((back.kind, forth.kind), (undoes, undoes));
    assert_eq!(
        back.undoes,
        Some(left.id),
        "each names the line it takes back"
    );
    assert_eq!(forth.undoes, Some(arrived.id));
    assert_eq!((left.kind, arrived.kind), (Kind::Transfer, Kind::Transfer));
    assert_eq!(left.other_end.as_deref(), Some("Back room"));
    assert_eq!(arrived.other_end.as_deref(), Some("Shop floor"));
    let (by, movement) = left.undone_by.as_ref().unwrap();
    assert_eq!((by.posting, *movement), (back.posting, forth.id));
    assert_eq!(by.actor_name, "Ana Bell");
    assert_eq!(opening.kind, Kind::Change);
    assert!(opening.undone_by.is_none() && opening.undoes.is_none());
}

/// As a merge of locations posts it: many items go the same way at once.
#[tokio::test]
async fn a_history_tells_the_line_of_its_item_and_that_there_were_others() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let one = db.item("AA batteries").stock(5).await;
    let other = db.item("C batteries").stock(5).await;
    let location = db.location("Back room").await;
    let lines = [&one, &other].into_iter().flat_map(|item| {
        let there = LevelId {
            item: item.id,
            location,
        };
        [change(item.level(), -3), change(there, 3)]
    });
    post(&db, &db.posting(&ana, lines.collect())).await;
    db.sql("update postings set kind = 'transfer' where id = (select max(id) from postings)")
        .await;

    let mut connection = db.connect().await;
    let page = connection
        .movements()
        .history(one.id, &Edge::First, 10)
        .await;
    let shown: Vec<_> = page
        .unwrap()
        .rows
        .into_iter()
        .map(|row| (row.delta, row.other_end, row.spans_items))
        .collect();
    let expected = [
        (3, Some("Shop floor".to_owned()), true),
        (-3, Some("Back room".to_owned()), true),
        (5, None, false),
    ];
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn two_who_take_the_same_back_at_once_do_it_once() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(10).await;
    let taken = post(&db, &db.posting(&ana, vec![change(item.level(), -3)])).await;
    let taken = taken.posting.unwrap();
    let (one, other) = (undo(&db, &ana, taken).await, undo(&db, &ana, taken).await);

    let mut first = db.database().begin().await.unwrap();
    let at = "2026-01-05T09:00:00Z".parse().unwrap();
    first.ledger().post(&[one], at).await.unwrap();
    let end_first = async {
        db.until_blocked(1).await;
        first.commit().await.unwrap();
    };
    let (second, ()) = tokio::join!(post_alone(db.database(), &other), end_first);
    let posting = taken;
    let second = second.unwrap();
    assert_eq!(refused(&second), &Refusal::AlreadyUndone { posting });
    assert_eq!(db.texts("select total from items").await, ["10"]);
    assert_eq!(db.texts("select count(*) from undos").await, ["1"]);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

/// The locks keep two apart; should a way past them ever be found, the table does.
#[tokio::test]
async fn a_link_that_somebody_else_made_at_the_same_moment_is_a_race() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(10).await;
    let taken = post(&db, &db.posting(&ana, vec![change(item.level(), -3)])).await;
    let taken = taken.posting.unwrap();
    let back = undo(&db, &ana, taken).await;

    let settings = db.settings(1);
    let options = PgConnectOptions::from_str(&settings.url).unwrap();
    let options = options.password(&settings.password.unwrap());
    let mut other = options.connect().await.unwrap();
    let link = format!("begin; insert into undos values ({taken}, 99)");
    sqlx::raw_sql(AssertSqlSafe(link))
        .execute(&mut other)
        .await
        .unwrap();
    let end_other = async {
        db.until_blocked(1).await;
        sqlx::raw_sql("commit").execute(&mut other).await.unwrap();
    };
    let (lost, ()) = tokio::join!(post_alone(db.database(), &back), end_other);
    assert!(matches!(lost, Err(PostError::KeyRace)), "{lost:?}");
    let again = post_alone(db.database(), &back).await.unwrap();
    let posting = taken;
    assert_eq!(refused(&again), &Refusal::AlreadyUndone { posting });
}

#[tokio::test]
async fn whoever_takes_goods_away_meanwhile_leaves_nothing_to_take_back() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(1).await;
    let came = post(&db, &db.posting(&ana, vec![change(item.level(), 5)])).await;
    let back = undo(&db, &ana, came.posting.unwrap()).await;
    let press = db.posting(&ana, vec![change(item.level(), -4)]);

    let mut first = db.database().begin().await.unwrap();
    let at = "2026-01-05T09:00:00Z".parse().unwrap();
    first.ledger().post(&[press], at).await.unwrap();
    let end_first = async {
        db.until_blocked(1).await;
        first.commit().await.unwrap();
    };
    let (late, ()) = tokio::join!(post_alone(db.database(), &back), end_first);
    let late = late.unwrap();
    let expected = Refusal::ShortOfStock {
        item: item.id,
        location: item.home,
        on_hand: 2,
    };
    assert_eq!(refused(&late), &expected);
    assert_eq!(db.texts("select count(*) from undos").await, ["0"]);
    assert_eq!(db.texts("select total from items").await, ["2"]);
}

#[tokio::test]
async fn a_count_is_taken_back_by_what_it_changed_under_its_reason() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(10).await;
    let count = ticker_domain::ledger::Line::count(item.level(), 7, 1).unwrap();
    let counted = Posting::new(
        key(),
        ana.actor(),
        Reason::Counted,
        None,
        Source::Page,
        vec![count],
    );
    let counted = post(&db, &counted.unwrap()).await;
    db.stock(item.level(), 2).await;
    let back = undo(&db, &ana, counted.posting.unwrap()).await;
    let back = post(&db, &back).await;
    assert_eq!((posted(&back)[0].delta, posted(&back)[0].after), (3, 12));
    let reasons = "select reason from postings order by id desc limit 1";
    assert_eq!(db.texts(reasons).await, ["counted"]);
}

/// A preview says what will be said, and leaves nothing behind: neither a row nor a lock.
#[tokio::test]
async fn what_is_foreseen_is_what_is_answered_and_is_not_done() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let items = [
        db.item("AA batteries").await,
        db.item("C batteries").await,
        db.item("D batteries").await,
        db.item("E batteries").home("Cellar").await,
        db.item("F batteries").await,
    ];
    let mut came = Vec::new();
    for item in &items {
        let posting = db.posting(&ana, vec![change(item.level(), 5)]);
        came.push(post(&db, &posting).await.posting.unwrap());
    }
    db.stock(items[1].level(), -1).await;
    db.sql(&format!(
        "update items set archived_at = now() where id = {};
         update locations set archived_at = now() where name = 'Cellar'",
        items[2].id
    ))
    .await;
    post(&db, &undo(&db, &ana, came[4]).await).await;
    let mut undos = Vec::new();
    for posting in came {
        undos.push(undo(&db, &ana, posting).await);
    }
    let at = "2026-01-05T09:00:00Z".parse().unwrap();
    let written = "select concat_ws(' ', (select count(*) from postings), (select count(*) from posting_keys),
                                    (select sum(total) from items))";
    let before = db.texts(written).await;
    let mut holder = db.database().begin().await.unwrap();
    let held: Vec<_> = items.iter().map(|item| item.id).collect();
    holder.bulk_changes().lock_items(&held).await.unwrap();
    let mut connection = db.connect().await;
    let foreseen = connection.ledger().foresee(&undos, at).await.unwrap();
    drop(holder);
    assert_eq!(db.texts(written).await, before);
    let answered: Vec<_> = db.post(&undos).await;
    let answered: Vec<_> = answered.into_iter().map(|one| one.outcome).collect();
    let refusals: Vec<_> = foreseen
        .iter()
        .map(|outcome| match outcome {
            Outcome::Answered(Answer::Posted(_)) => "posted".to_owned(),
            Outcome::Answered(Answer::Refused(refusal)) => refusal.to_string(),
            outcome => panic!("{outcome:?}"),
        })
        .collect();
    assert_eq!(
        refusals,
        [
            "posted".to_owned(),
            "only 4 on hand".to_owned(),
            format!("item {} is archived", items[2].id),
            format!("there is no location {}", items[3].home),
            "it was undone already".to_owned(),
        ]
    );
    assert_eq!(foreseen, answered);
}

#[tokio::test]
async fn a_history_tells_which_bulk_change_a_movement_belongs_to() {
    let db = TestDatabase::new().await;
    let vera = db.user(Role::Manager).await;
    let item = db.item("AA batteries").stock(5).await;
    let now = db.clock().timestamp();
    let posting = db.posting(&vera, vec![change(item.level(), -3)]);
    let mut tx = db.database().begin().await.unwrap();
    let mut bulk_changes = tx.bulk_changes();
    let run = bulk_changes.begin(key().0, vera.id, "", None, now).await;
    let run = run.unwrap();
    let receipts = tx.ledger().post(&[posting], now).await.unwrap();
    let posted = [(item.id, receipts[0].posting.unwrap())];
    let mut bulk_changes = tx.bulk_changes();
    bulk_changes.add_postings(run.id, &posted).await.unwrap();
    assert_eq!(bulk_changes.left_and_undone(run.id).await.unwrap(), (1, 0));
    tx.commit().await.unwrap();

    let mut connection = db.connect().await;
    let page = connection
        .movements()
        .history(item.id, &Edge::First, 10)
        .await;
    let bulks: Vec<_> = page.unwrap().rows.iter().map(|row| row.bulk).collect();
    assert_eq!(bulks, [Some(run.id), None]);
    post(&db, &undo(&db, &vera, posted[0].1).await).await;
    let mut bulk_changes = connection.bulk_changes();
    assert_eq!(bulk_changes.left_and_undone(run.id).await.unwrap(), (0, 1));
    assert_eq!(db.violations().await, Vec::<String>::new());
}
