//! Postings at the same moment: nothing is lost or doubled, nobody deadlocks, and a right that was
//! taken admits nothing more.

use std::time::Duration;

use ticker_domain::ledger::{Answer, LevelId, Outcome, Posting, Refusal};
use ticker_domain::user::Role;
use ticker_postgres::ledger::{PostError, Receipt};
use ticker_postgres::{Access as _, Database, DatabaseErrorKind, Transaction};
use ticker_testkit::{TestDatabase, TestUser};
use tokio::task::JoinSet;

use crate::ledger::{change, posted, with_lines};

async fn post(tx: &mut Transaction, posting: &Posting) -> Result<Receipt, PostError> {
    let at = "2026-01-05T09:00:00Z".parse().unwrap();
    tx.ledger()
        .post(std::slice::from_ref(posting), at)
        .await
        .map(|mut receipts| receipts.remove(0))
}

async fn post_alone(database: &Database, posting: &Posting) -> Result<Receipt, PostError> {
    let mut tx = database.begin().await?;
    let receipt = post(&mut tx, posting).await?;
    tx.commit().await?;
    Ok(receipt)
}

#[tokio::test]
async fn the_same_posting_at_once_happens_once_and_is_answered_twice() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(5).await;
    let posting = db.posting(&ana, vec![change(item.level(), -1)]);
    let mut first = db.database().begin().await.unwrap();
    let receipt = post(&mut first, &posting).await.unwrap();
    let end_first = async {
        db.until_blocked(1).await;
        first.commit().await.unwrap();
    };
    let (second, ()) = tokio::join!(post_alone(db.database(), &posting), end_first);
    let answer = Answer::Posted(posted(&receipt).to_vec());
    assert_eq!(
        second.unwrap(),
        Receipt {
            outcome: Outcome::Replayed(answer),
            posting: receipt.posting
        }
    );
    assert_eq!(db.texts("select count(*) from movements").await, ["2"]);
}

#[tokio::test]
async fn a_key_that_is_used_elsewhere_at_the_same_moment_is_a_race_and_the_next_try_knows() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let (item, other) = (
        db.item("AA batteries").stock(5).await,
        db.item("C batteries").stock(5).await,
    );
    let posting = db.posting(&ana, vec![change(item.level(), -1)]);
    let elsewhere = with_lines(&posting, &ana, vec![change(other.level(), -1)]);
    let mut first = db.database().begin().await.unwrap();
    post(&mut first, &posting).await.unwrap();
    let end_first = async {
        db.until_blocked(1).await;
        first.commit().await.unwrap();
    };
    let (second, ()) = tokio::join!(post_alone(db.database(), &elsewhere), end_first);
    assert!(matches!(second, Err(PostError::KeyRace)), "{second:?}");
    let again = post_alone(db.database(), &elsewhere).await.unwrap();
    assert_eq!(again.outcome, Outcome::KeyReused);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn two_that_are_refused_without_an_item_to_wait_at_race_for_the_key() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let mut nothing = db.item("AA batteries").await.level();
    nothing.item.0 += 1;
    let posting = db.posting(&ana, vec![change(nothing, 1)]);
    let mut first = db.database().begin().await.unwrap();
    post(&mut first, &posting).await.unwrap();
    let end_first = async {
        db.until_blocked(1).await;
        first.commit().await.unwrap();
    };
    let (second, ()) = tokio::join!(post_alone(db.database(), &posting), end_first);
    assert!(matches!(second, Err(PostError::KeyRace)), "{second:?}");
    let again = post_alone(db.database(), &posting).await.unwrap().outcome;
    let refused = Answer::Refused(Refusal::UnknownItem { item: nothing.item });
    assert_eq!(again, Outcome::Replayed(refused));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_at_one_item_lose_nothing_and_take_no_more_than_there_is() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(100).await;
    let (one, other) = (db.replica(4), db.replica(4));
    let mut people = JoinSet::new();
    for person in 0..8 {
        let postings: Vec<Posting> = (0..25)
            .map(|_| db.posting(&ana, vec![change(item.level(), -1)]))
            .collect();
        let database = if person % 2 == 0 {
            one.clone()
        } else {
            other.clone()
        };
        people.spawn(async move {
            let mut taken = 0;
            for posting in &postings {
                let receipt = post_alone(&database, posting).await.unwrap();
                taken += usize::from(receipt.posting.is_some());
            }
            taken
        });
    }
    let taken: usize = people.join_all().await.into_iter().sum();
    assert_eq!(taken, 100);
    assert_eq!(db.texts("select total from items").await, ["0"]);
    assert_eq!(
        db.texts("select count(*) from posting_keys where refusal is not null")
            .await,
        ["100"]
    );
    assert_eq!(db.violations().await, Vec::<String>::new());
}

/// Posts a batch from one replica and the same or its like, backwards, from another, both of which come
/// to stand before what `between` holds: whoever locks in the order of the batch then holds what the
/// other one needs.
async fn cross(
    db: &TestDatabase,
    between: Transaction,
    batches: [Vec<Posting>; 2],
) -> Vec<PostError> {
    let mut replicas = JoinSet::new();
    for batch in batches {
        let database = db.replica(1);
        replicas.spawn(async move {
            let mut tx = database.begin().await?;
            tx.ledger()
                .post(&batch, "2026-01-05T09:00:00Z".parse().unwrap())
                .await?;
            Ok(tx.commit().await?)
        });
    }
    db.until_blocked(2).await;
    drop(between);
    // The next statement on its connection is the rollback.
    drop(db.connect().await);
    replicas
        .join_all()
        .await
        .into_iter()
        .filter_map(Result::err)
        .collect()
}

/// One level each of items A to I.
async fn nine_levels(db: &TestDatabase) -> Vec<LevelId> {
    let mut levels = Vec::new();
    for name in ["A", "B", "C", "D", "E", "F", "G", "H", "I"] {
        levels.push(db.item(name).stock(100).await.level());
    }
    levels
}

fn forwards_and_backwards<T: Clone>(
    ordered: &[T],
    posting: impl Fn(&T) -> Posting,
) -> [Vec<Posting>; 2] {
    [
        ordered.iter().map(&posting).collect(),
        ordered.iter().rev().map(&posting).collect(),
    ]
}

#[tokio::test]
async fn batches_that_want_the_same_items_in_opposite_orders_do_not_deadlock() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let levels = nine_levels(&db).await;
    let mut between = db.database().begin().await.unwrap();
    between
        .items()
        .set_archived(levels[4].item, false, db.clock().timestamp())
        .await
        .unwrap();
    let batches =
        forwards_and_backwards(&levels, |level| db.posting(&ana, vec![change(*level, 1)]));
    let errors = cross(&db, between, batches).await;
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(db.texts("select distinct total from items").await, ["102"]);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn batches_of_the_same_people_in_opposite_orders_do_not_deadlock_with_a_change_of_rights() {
    let db = TestDatabase::new().await;
    let levels = nine_levels(&db).await;
    let mut people = Vec::new();
    for level in levels {
        people.push((db.user(Role::Admin).await, level));
    }
    let mut between = db.database().begin().await.unwrap();
    between
        .users()
        .lock_epoch_for_rights_change(people[4].0.id)
        .await
        .unwrap();
    let mut batches = forwards_and_backwards(&people, |(user, level)| {
        db.posting(user, vec![change(*level, 1)])
    });
    let change_rights = async {
        // Wants every admin, while the batches hold some.
        let mut tx = db.database().begin().await.unwrap();
        let locked = tx
            .users()
            .lock_for_rights_change(&people[8].0.username)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        locked.enabled_admins.len()
    };
    let batches = [
        std::mem::take(&mut batches[0]),
        std::mem::take(&mut batches[1]),
    ];
    let (errors, admins) = tokio::join!(cross(&db, between, batches), change_rights);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(admins, 9);
}

#[tokio::test]
async fn keys_that_race_in_opposite_orders_do_not_deadlock() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    // There is no item at which the second batch would wait for the first.
    let mut nothing = db.item("AA batteries").await.level();
    nothing.item.0 += 1;
    let mut postings: Vec<Posting> = (0..9)
        .map(|_| db.posting(&ana, vec![change(nothing, 1)]))
        .collect();
    postings.sort_by_key(Posting::key);
    let mut between = db.database().begin().await.unwrap();
    post(&mut between, &postings[4]).await.unwrap();
    let batches = forwards_and_backwards(&postings, Posting::clone);
    let errors = cross(&db, between, batches).await;
    assert!(matches!(errors[..], [PostError::KeyRace]), "{errors:?}");
}

async fn take_the_right(tx: &mut Transaction, user: &TestUser) {
    tx.users()
        .lock_for_rights_change(&user.username)
        .await
        .unwrap();
    tx.users().set_disabled(user.id, true).await.unwrap();
}

#[tokio::test]
async fn taking_a_right_waits_for_what_was_admitted_under_it() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(5).await;
    let posting = db.posting(&ana, vec![change(item.level(), -1)]);
    let mut writing = db.database().begin().await.unwrap();
    post(&mut writing, &posting).await.unwrap();
    let take = async {
        let mut tx = db.database().begin().await.unwrap();
        take_the_right(&mut tx, &ana).await;
        let moved = db.texts("select count(*) from movements").await;
        tx.commit().await.unwrap();
        moved
    };
    let end_writing = async {
        db.until_blocked(1).await;
        writing.commit().await.unwrap();
    };
    let (moved, ()) = tokio::join!(take, end_writing);
    assert_eq!(
        moved,
        ["2"],
        "the write had been committed when the right was taken"
    );
}

#[tokio::test]
async fn what_comes_while_a_right_is_taken_waits_and_is_turned_away() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(5).await;
    let posting = db.posting(&ana, vec![change(item.level(), -1)]);
    let mut taking = db.database().begin().await.unwrap();
    take_the_right(&mut taking, &ana).await;
    let end_taking = async {
        db.until_blocked(1).await;
        taking.commit().await.unwrap();
    };
    let (receipt, ()) = tokio::join!(post_alone(db.database(), &posting), end_taking);
    assert_eq!(receipt.unwrap().outcome, Outcome::RightsChanged);
    assert_eq!(db.texts("select count(*) from movements").await, ["1"]);
}

#[tokio::test]
async fn an_item_that_is_archived_meanwhile_is_seen_as_archived() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(5).await;
    let posting = db.posting(&ana, vec![change(item.level(), -1)]);
    let mut archiving = db.database().begin().await.unwrap();
    archiving
        .items()
        .set_archived(item.id, true, db.clock().timestamp())
        .await
        .unwrap();
    let end_archiving = async {
        db.until_blocked(1).await;
        archiving.commit().await.unwrap();
    };
    let (receipt, ()) = tokio::join!(post_alone(db.database(), &posting), end_archiving);
    let refused = Answer::Refused(Refusal::ItemArchived { item: item.id });
    assert_eq!(receipt.unwrap().outcome, Outcome::Answered(refused));
}

#[tokio::test]
async fn a_lock_that_is_not_let_go_is_not_waited_for_forever() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(5).await;
    let posting = db.posting(&ana, vec![change(item.level(), -1)]);
    let mut stuck = db.database().begin().await.unwrap();
    post(&mut stuck, &db.posting(&ana, vec![change(item.level(), 1)]))
        .await
        .unwrap();
    let begun = std::time::Instant::now();
    let PostError::Database(error) = post_alone(db.database(), &posting).await.unwrap_err() else {
        panic!("not the database's error")
    };
    assert_eq!(error.kind(), DatabaseErrorKind::Locked, "{error}");
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
}
