//! Postings one after the other: what is written, and what the same key answers.

use ticker_domain::id::{ItemId, LocationId};
use ticker_domain::ledger::{
    Actor, Answer, LevelId, Line, Movement, Note, ON_HAND_MAX, Outcome, Posting, Reason, Refusal,
    Source,
};
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_postgres::ledger::Receipt;
use ticker_testkit::{TestDatabase, TestUser, key};

pub(crate) fn change(level: LevelId, delta: i64) -> Line {
    Line::change(level, delta).unwrap()
}

/// The same posting once more, as a client sends it after a broken connection.
pub(crate) fn with_lines(posting: &Posting, by: &TestUser, lines: Vec<Line>) -> Posting {
    Posting::new(
        posting.key(),
        by.actor(),
        posting.reason(),
        None,
        posting.source(),
        lines,
    )
    .unwrap()
}

pub(crate) fn posted(receipt: &Receipt) -> &[Movement] {
    match &receipt.outcome {
        Outcome::Answered(Answer::Posted(movements)) => movements,
        outcome => panic!("{outcome:?}"),
    }
}

fn refusal(receipt: &Receipt) -> &Refusal {
    match &receipt.outcome {
        Outcome::Answered(Answer::Refused(refusal)) => refusal,
        outcome => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn a_posting_is_written_down_completely() {
    let db = TestDatabase::new().await;
    let ana = db.user_named("ana", "Ana Bell", Role::Staff).await;
    let (item, back_room) = (
        db.item("AA batteries").stock(10).await,
        db.location("Back room").await,
    );
    db.clock()
        .advance(jiff::SignedDuration::from_millis(61_500));
    let note = Note::parse("Off to the back room — 1 broke").unwrap();
    let lines = vec![
        change(item.level(), -4),
        change(item.level_at(back_room), 3),
    ];
    let posting = Posting::new(
        key(),
        ana.actor(),
        Reason::Damaged,
        Some(note),
        Source::Api,
        lines,
    )
    .unwrap();
    let receipt = db.post(std::slice::from_ref(&posting)).await.remove(0);

    let movements = posted(&receipt);
    let shown: Vec<_> = movements
        .iter()
        .map(|m| (m.level, m.number, m.delta, m.before, m.after))
        .collect();
    assert_eq!(
        shown,
        [
            (item.level(), 2, -4, 10, 6),
            (item.level_at(back_room), 1, 3, 0, 3)
        ]
    );

    let number = receipt.posting.unwrap();
    let stored = db
        .texts(&format!(
            "select concat_ws('|', key, actor_id, reason, source, note, line_count, posted_at at time zone 'utc')
             from postings where id = {number}"
        ))
        .await;
    let expected = format!(
        "{}|{}|damaged|api|Off to the back room — 1 broke|2|2026-01-05 09:01:01.5",
        posting.key(),
        ana.id
    );
    assert_eq!(stored, [expected]);
    let lines = db
        .texts(&format!(
            "select concat_ws('|', line_no, item_id, location_id, number, delta, before, after)
             from movements where posting_id = {number} order by line_no"
        ))
        .await;
    let (id, home) = (item.id, item.home);
    assert_eq!(
        lines,
        [
            format!("1|{id}|{home}|2|-4|10|6"),
            format!("2|{id}|{back_room}|1|3|0|3")
        ]
    );
    let levels = db
        .texts("select concat_ws('|', on_hand, version) from levels order by location_id")
        .await;
    assert_eq!(levels, ["6|2", "3|1"]);
    let found = db
        .connect()
        .await
        .items()
        .find(item.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.total, found.changed_at, found.version),
        (9, db.clock().timestamp(), 1)
    );
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn the_same_key_is_the_same_posting() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(10).await;
    let posting = db.posting(
        &ana,
        vec![change(item.level(), -4), change(item.level(), 1)],
    );
    let first = db.post(std::slice::from_ref(&posting)).await.remove(0);
    let answer = Answer::Posted(posted(&first).to_vec());

    db.clock().advance(jiff::SignedDuration::from_hours(1));
    let again = db.post(std::slice::from_ref(&posting)).await.remove(0);
    assert_eq!(
        again,
        Receipt {
            outcome: Outcome::Replayed(answer),
            posting: first.posting
        }
    );

    // Twice in one batch, too.
    let twice = db.posting(&ana, vec![change(item.level(), -1)]);
    let receipts = db.post(&[twice.clone(), twice]).await;
    let answer = Answer::Posted(posted(&receipts[0]).to_vec());
    assert_eq!(
        receipts[1],
        Receipt {
            outcome: Outcome::Replayed(answer),
            posting: receipts[0].posting
        }
    );
    assert!(receipts[0].posting.is_some());

    let total = db
        .connect()
        .await
        .items()
        .find(item.id)
        .await
        .unwrap()
        .unwrap()
        .total;
    assert_eq!(total, 6);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_key_is_not_used_for_something_else() {
    let db = TestDatabase::new().await;
    let (ana, ben) = (db.user(Role::Staff).await, db.user(Role::Staff).await);
    let item = db.item("AA batteries").stock(10).await;
    let posting = db.posting(&ana, vec![change(item.level(), -4)]);
    db.post(std::slice::from_ref(&posting)).await;
    for (by, delta) in [(&ana, -5), (&ben, -4)] {
        let other = with_lines(&posting, by, vec![change(item.level(), delta)]);
        let receipt = db.post(&[other]).await.remove(0);
        assert_eq!(
            receipt,
            Receipt {
                outcome: Outcome::KeyReused,
                posting: None
            }
        );
    }
    assert_eq!(db.texts("select count(*) from movements").await, ["2"]);
}

#[tokio::test]
async fn a_refusal_is_an_answer_and_stays_the_answer() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(5).await;
    let full = db.item("Sand").await;
    db.sql(&format!(
        "insert into levels values ({}, {}, {ON_HAND_MAX}, 1, decode(repeat('00', 32), 'hex'))",
        full.id, full.home
    ))
    .await;
    let archived = db.item("D batteries").stock(5).archived().await;
    let shed = db.location("Shed").await;
    db.sql("update locations set archived_at = now() where name = 'Shed'")
        .await;
    let at = |item, location| LevelId { item, location };
    let stale = Line::count(item.level(), 7, 0).unwrap();
    let cases = [
        (
            change(item.level(), -6),
            Refusal::ShortOfStock {
                item: item.id,
                location: item.home,
                on_hand: 5,
            },
        ),
        (
            change(full.level(), 1),
            Refusal::AboveMaximum {
                item: full.id,
                location: full.home,
                on_hand: ON_HAND_MAX,
            },
        ),
        (
            stale,
            Refusal::LevelMoved {
                item: item.id,
                location: item.home,
                on_hand: 5,
                version: 1,
            },
        ),
        (
            change(at(ItemId(999), item.home), 1),
            Refusal::UnknownItem { item: ItemId(999) },
        ),
        (
            change(archived.level(), -1),
            Refusal::ItemArchived { item: archived.id },
        ),
        (
            change(at(item.id, LocationId(999)), 1),
            Refusal::UnknownLocation {
                location: LocationId(999),
            },
        ),
        (
            change(at(item.id, shed), 1),
            Refusal::UnknownLocation { location: shed },
        ),
    ];
    for (line, expected) in cases {
        let posting = db.posting(&ana, vec![line]);
        let receipt = db.post(std::slice::from_ref(&posting)).await.remove(0);
        assert_eq!((refusal(&receipt), receipt.posting), (&expected, None));
        let again = db.post(&[posting]).await.remove(0);
        assert_eq!(again.outcome, Outcome::Replayed(Answer::Refused(expected)));
        assert_eq!(again.posting, None);
    }
    // What was short then has come since: the answer stays the first one.
    let posting = db.posting(&ana, vec![change(item.level(), -6)]);
    db.post(std::slice::from_ref(&posting)).await;
    db.stock(item.level(), 100).await;
    let again = db.post(&[posting]).await.remove(0);
    let Outcome::Replayed(Answer::Refused(_)) = again.outcome else {
        panic!("{again:?}")
    };
    assert_eq!(db.texts("select count(*) from movements").await, ["3"]);
}

#[tokio::test]
async fn one_line_that_cannot_be_takes_the_others_with_it() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let (item, other) = (
        db.item("AA batteries").stock(5).await,
        db.item("C batteries").await,
    );
    let good = db.posting(&ana, vec![change(item.level(), -1)]);
    let bad = db.posting(
        &ana,
        vec![change(item.level(), -1), change(other.level(), -1)],
    );
    let after = db.posting(&ana, vec![change(item.level(), -4)]);
    let receipts = db.post(&[good, bad, after]).await;
    assert_eq!(posted(&receipts[0])[0].after, 4);
    refusal(&receipts[1]);
    assert_eq!(
        posted(&receipts[2])[0].before,
        4,
        "as if the second had never been there"
    );
    assert!(receipts[0].posting.is_some() && receipts[0].posting < receipts[2].posting);
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_count_holds_for_the_version_that_was_seen() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(5).await;
    let nothing_amiss = Line::count(item.level(), 5, 1).unwrap();
    let receipts = db.post(&[db.posting(&ana, vec![nothing_amiss])]).await;
    assert_eq!(
        (
            posted(&receipts[0])[0].delta,
            posted(&receipts[0])[0].number
        ),
        (0, 2)
    );
    let late = Line::count(item.level(), 3, 1).unwrap();
    let receipts = db.post(&[db.posting(&ana, vec![late])]).await;
    assert!(matches!(
        refusal(&receipts[0]),
        Refusal::LevelMoved {
            version: 2,
            on_hand: 5,
            ..
        }
    ));
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn nobody_posts_under_rights_that_have_changed() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(5).await;
    let posting = db.posting(&ana, vec![change(item.level(), -1)]);
    for sql in [
        "update users set auth_epoch = 2",
        "update users set disabled_at = now(), auth_epoch = 1",
    ] {
        db.sql(&format!("{sql} where id = {}", ana.id)).await;
        let receipt = db.post(std::slice::from_ref(&posting)).await.remove(0);
        assert_eq!(
            receipt,
            Receipt {
                outcome: Outcome::RightsChanged,
                posting: None
            }
        );
    }
    let nobody = Actor {
        user: ticker_domain::id::UserId(999),
        epoch: 1,
    };
    let lines = vec![change(item.level(), -1)];
    let stranger = Posting::new(key(), nobody, Reason::Sold, None, Source::Page, lines).unwrap();
    assert_eq!(
        db.post(&[stranger]).await[0].outcome,
        Outcome::RightsChanged
    );

    // Nothing is remembered under the key: with their rights back, they can send it again.
    db.sql("update users set disabled_at = null").await;
    posted(&db.post(&[posting]).await[0]);
}

#[tokio::test]
async fn a_batch_of_the_largest_size_is_one_transaction() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").await;
    let postings: Vec<Posting> = (0..512)
        .map(|_| db.posting(&ana, vec![change(item.level(), 1)]))
        .collect();
    let receipts = db.post(&postings).await;
    let afters: Vec<i64> = receipts
        .iter()
        .map(|receipt| posted(receipt)[0].after)
        .collect();
    assert_eq!(afters, (1..=512).collect::<Vec<i64>>());
    assert_eq!(
        db.texts("select count(distinct xid) from movements").await,
        ["1"]
    );
    assert_eq!(db.post(&[]).await, Vec::new());
    assert_eq!(db.violations().await, Vec::<String>::new());
}
