//! The check that goes along with the ledger: it reads each movement once, and what is broken until it is
//! not.

use std::collections::BTreeSet;
use std::time::Duration;

use ticker_domain::ledger::Line;
use ticker_postgres::Access as _;
use ticker_postgres::invariants::RecentProgress;
use ticker_testkit::TestDatabase;

use crate::invariants::{RESTORE, SAVE, TAMPERING, ledger};

/// The movements that a step has read.
async fn step(db: &TestDatabase) -> i64 {
    let mut tx = db.database().begin().await.unwrap();
    let progress = tx.invariants().check_recent().await.unwrap();
    tx.commit().await.unwrap();
    match progress {
        RecentProgress::More { movements } | RecentProgress::Done { movements } => movements,
        RecentProgress::TooMuchBroken => panic!("too much is broken"),
    }
}

/// Checks until so many movements have been read: those of transactions younger than the oldest that runs
/// anywhere in the cluster have to wait.
async fn check(db: &TestDatabase, movements: i64) {
    let mut read = step(db).await;
    for _ in 0..1_000 {
        if read == movements {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
        read += step(db).await;
    }
    panic!("{read} movements were read of {movements}");
}

async fn kept(db: &TestDatabase) -> Vec<String> {
    db.texts("select invariant || ': ' || place from ledger_violations order by id")
        .await
}

const BEGIN_ANEW: &str =
    "update ledger_checks set xid = '0', movement_id = 0; delete from proven_levels";

#[tokio::test]
async fn from_nothing_it_sees_what_the_whole_check_sees() {
    let db = ledger().await;
    check(&db, 7).await;
    assert_eq!(kept(&db).await, [""; 0]);
    db.sql(SAVE).await;
    for (what, sql, expected) in TAMPERING {
        // What no movement leads to is left to the whole check, and so are keys of long ago.
        let expected = match what {
            "a level is there without movements" => "I3",
            "a key has two postings" | "a key is answered with another's posting" => "",
            _ => expected,
        };
        db.sql(BEGIN_ANEW).await;
        db.sql(sql).await;
        let movements = db.texts("select count(*) from movements").await[0].parse();
        check(&db, movements.unwrap()).await;
        let found = kept(&db).await;
        let names: BTreeSet<&str> = found.iter().map(|place| &place[..2]).collect();
        let expected: BTreeSet<&str> = expected.split_whitespace().collect();
        assert_eq!(names, expected, "{what}: {found:?}");
        db.sql(RESTORE).await;
        check(&db, 0).await;
        assert_eq!(kept(&db).await, [""; 0], "after {what}");
    }
}

#[tokio::test]
async fn what_was_proven_is_not_read_again_and_the_whole_check_does_not_rest_on_it() {
    let db = ledger().await;
    let item = db.item("D batteries").await;
    for delta in [5, 6, 7] {
        db.stock(item.level(), delta).await;
    }
    check(&db, 10).await;
    db.sql("update movements set delta = 4, after = 4 where (item_id, number) = (3, 1)")
        .await;
    db.stock(item.level(), 1).await;
    check(&db, 1).await;
    assert_eq!(kept(&db).await, [""; 0], "it goes on from the third");
    let whole = db.violations().await;
    assert!(
        whole.contains(&"I1: item 3 at location 1: on hand 19, movements sum up to 18".to_owned())
            && whole
                .contains(&"I2: item 3 at location 1: movement 2 begins at 5 after 4".to_owned()),
        "{whole:?}"
    );
    // What follows must follow what was proven, whatever stands there now.
    db.sql("update levels set hash = decode(repeat('01', 32), 'hex') where item_id = 3")
        .await;
    db.stock(item.level(), 1).await;
    check(&db, 1).await;
    let said = "I8: item 3 at location 1: the hash of movement 5 does not follow";
    assert_eq!(kept(&db).await, [said]);
}

#[tokio::test]
async fn what_is_broken_is_found_again_each_time_until_it_is_repaired() {
    let db = TestDatabase::new().await;
    let (one, other) = (
        db.item("AA batteries").stock(5).await,
        db.item("C batteries").stock(5).await,
    );
    check(&db, 2).await;
    db.stock(one.level(), 1).await;
    db.sql(
        "update levels set on_hand = 7 where item_id = 1; update items set total = 7 where id = 1",
    )
    .await;
    check(&db, 1).await;
    let said = "I1: item 1 at location 1: on hand 7, movements sum up to 6";
    assert_eq!(kept(&db).await, [said]);
    db.stock(other.level(), 1).await;
    check(&db, 1).await;
    check(&db, 0).await;
    assert_eq!(kept(&db).await, [said]);
    let proven = "select item_id || ' ' || number from proven_levels order by 1";
    assert_eq!(db.texts(proven).await, ["1 1", "2 2"]);
    db.sql(
        "update levels set on_hand = 6 where item_id = 1; update items set total = 6 where id = 1",
    )
    .await;
    check(&db, 0).await;
    assert_eq!(kept(&db).await, [""; 0]);
    assert_eq!(db.texts(proven).await, ["1 2", "2 2"]);
}

#[tokio::test]
async fn a_posting_that_commits_late_is_not_missed() {
    let db = TestDatabase::new().await;
    let (one, other) = (
        db.item("AA batteries").stock(5).await,
        db.item("C batteries").stock(5).await,
    );
    let keeper = db.storekeeper().await;
    check(&db, 2).await;
    let mut late = db.database().begin().await.unwrap();
    let line = Line::change(one.level(), 1).unwrap();
    let at = db.clock().timestamp();
    late.ledger()
        .post(&[db.posting(keeper, vec![line])], at)
        .await
        .unwrap();
    db.stock(other.level(), 1).await;
    assert_eq!(step(&db).await, 0, "an older one still runs");
    late.commit().await.unwrap();
    check(&db, 2).await;
    assert_eq!(kept(&db).await, [""; 0]);
}

#[tokio::test]
async fn after_a_restore_into_another_cluster_it_begins_anew() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").stock(5).await;
    check(&db, 1).await;
    db.sql("update ledger_checks set xid = '999999999999'")
        .await;
    db.stock(item.level(), 1).await;
    check(&db, 2).await;
    db.stock(item.level(), 1).await;
    check(&db, 1).await;
    assert_eq!(db.texts("select number from proven_levels").await, ["3"]);
}

#[tokio::test]
async fn the_last_check_is_told_by_invariant_with_its_time() {
    let db = ledger().await;
    let mut connection = db.connect().await;
    let never = connection.invariants().last_check().await.unwrap();
    assert_eq!(never.checked_at, None);
    assert_eq!(never.violations.len(), 9);
    db.sql("update items set total = total + 1").await;
    check(&db, 7).await;
    let last = connection.invariants().last_check().await.unwrap();
    assert!(last.checked_at.is_some());
    let broken: Vec<_> = last.violations.iter().filter(|one| one.1 > 0).collect();
    assert_eq!(broken, [&("I9", 2)]);
}
