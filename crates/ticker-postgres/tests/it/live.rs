//! The ledger read forward: what is told, when, and that nothing is missed.

use std::collections::BTreeMap;

use ticker_domain::id::ItemId;
use ticker_domain::ledger::Line;
use ticker_domain::stock::{StockStatus, Thresholds};
use ticker_domain::user::Role;
use ticker_postgres::live::{ItemMoved, LevelMoved, LiveNews, Position};
use ticker_postgres::{Access as _, Connection, Transaction};
use ticker_testkit::{TestDatabase, TestItem, TestUser};
use tokio_util::task::TaskTracker;

/// Somebody who follows.
struct Reader {
    connection: Connection,
    position: Position,
}

impl Reader {
    async fn new(db: &TestDatabase) -> Self {
        let mut connection = db.connect().await;
        let position = connection.live().position().await.unwrap();
        Self {
            connection,
            position,
        }
    }

    /// Whose place names no transaction as running: those of other tests' databases count, too.
    async fn with_nothing_running(db: &TestDatabase) -> Self {
        loop {
            let reader = Self::new(db).await;
            let place = reader.position.to_string();
            if place
                .split_once('.')
                .is_some_and(|(xmin, xmax)| xmin == xmax)
            {
                return reader;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn read(&mut self) -> LiveNews {
        let reading = self
            .connection
            .live()
            .read(&self.position, None)
            .await
            .unwrap();
        self.position = reading.position;
        reading.news
    }

    async fn moved(&mut self) -> Vec<ItemMoved> {
        match self.read().await {
            LiveNews::Told { moved, .. } => moved,
            LiveNews::TooMuch => panic!("it is not too much"),
        }
    }

    async fn changed(&mut self) -> Vec<ItemId> {
        match self.read().await {
            LiveNews::Told { changed, .. } => changed,
            LiveNews::TooMuch => panic!("it is not too much"),
        }
    }
}

/// What moved, as item and by how much.
fn deltas(moved: &[ItemMoved]) -> Vec<(ItemId, i64)> {
    moved.iter().map(|item| (item.item, item.delta)).collect()
}

/// A transaction in which somebody has changed a level, and which has not ended.
async fn posting_late(
    db: &TestDatabase,
    by: &TestUser,
    item: &TestItem,
    delta: i64,
) -> Transaction {
    let mut tx = db.database().begin().await.unwrap();
    let line = Line::change(item.level(), delta).unwrap();
    let at = db.clock().timestamp();
    tx.ledger()
        .post(&[db.posting(by, vec![line])], at)
        .await
        .unwrap();
    tx
}

#[tokio::test]
async fn an_item_is_told_once_with_how_it_stands_now() {
    let db = TestDatabase::new().await;
    let (ana, ben) = (db.user(Role::Staff).await, db.user(Role::Staff).await);
    let item = db
        .item("AA batteries")
        .thresholds(10, None, None)
        .stock(40)
        .stock_at("Cellar", 7)
        .await;
    let other = db.item("C batteries").stock(1).await;
    let cellar = db.location("Cellar").await;
    let mut reader = Reader::new(&db).await;
    assert_eq!(reader.moved().await, [], "only what follows is told");

    let change = |by, line| db.posting(by, vec![line]);
    let taken = Line::change(item.level(), -30).unwrap();
    let added = Line::change(other.level(), 4).unwrap();
    let moved = vec![
        Line::change(item.level(), -9).unwrap(),
        Line::change(item.level_at(cellar), 2).unwrap(),
    ];
    let receipts = db
        .post(&[
            change(&ana, taken),
            change(&ana, added),
            db.posting(&ben, moved),
        ])
        .await;
    let told = reader.moved().await;
    let at = db.clock().timestamp();
    let expected = ItemMoved {
        item: item.id,
        version: 5,
        on_hand: 10,
        status: StockStatus::Low,
        thresholds: Thresholds::new(Some(10), None, None).unwrap(),
        delta: -37,
        levels: vec![
            LevelMoved {
                location: item.home,
                on_hand: 1,
                delta: -39,
            },
            LevelMoved {
                location: cellar,
                on_hand: 9,
                delta: 2,
            },
        ],
        by: ben.id,
        by_name: ben.signed_in().display_name.clone(),
        others: 1,
        posting: receipts[2].posting.unwrap(),
        since: at,
        at,
    };
    assert_eq!(deltas(&told), [(other.id, 4), (item.id, -37)]);
    assert_eq!(told[1], expected);
    assert_eq!(told[1].status_before(), StockStatus::Ok);
    assert_eq!(told[0].others, 0);
    assert_eq!(reader.moved().await, [], "nothing is told twice");
}

#[tokio::test]
async fn a_posting_that_commits_late_is_told_then_and_holds_up_nothing() {
    let db = TestDatabase::new().await;
    let (one, other) = (
        db.item("AA batteries").stock(5).await,
        db.item("C batteries").stock(5).await,
    );
    let keeper = db.storekeeper().await;
    let mut reader = Reader::new(&db).await;
    let late = posting_late(&db, keeper, &one, 1).await;
    db.stock(other.level(), 2).await;
    assert_eq!(deltas(&reader.moved().await), [(other.id, 2)]);
    db.stock(other.level(), 3).await;
    assert_eq!(deltas(&reader.moved().await), [(other.id, 3)]);
    // What was handed to a screen meanwhile leads as far.
    let mut screen = Reader::new(&db).await;
    screen.position = reader.position.to_string().parse().unwrap();
    late.commit().await.unwrap();
    for reader in [&mut reader, &mut screen] {
        assert_eq!(deltas(&reader.moved().await), [(one.id, 1)]);
        assert_eq!(reader.moved().await, []);
    }
}

#[tokio::test]
async fn a_reading_can_end_where_another_reader_is() {
    let db = TestDatabase::new().await;
    let (one, other) = (
        db.item("AA batteries").stock(5).await,
        db.item("C batteries").stock(5).await,
    );
    let keeper = db.storekeeper().await;
    let begin = Reader::new(&db).await.position;
    db.stock(one.level(), 1).await;
    let late = posting_late(&db, keeper, &one, 4).await;
    db.stock(other.level(), 2).await;
    let until = Reader::new(&db).await.position;
    late.commit().await.unwrap();
    db.stock(other.level(), 3).await;
    let mut connection = db.connect().await;
    let reading = connection.live().read(&begin, Some(&until)).await.unwrap();
    let LiveNews::Told { moved, .. } = reading.news else {
        panic!("it is not too much")
    };
    assert_eq!(deltas(&moved), [(one.id, 1), (other.id, 2)]);
    assert_eq!(reading.position, until);
}

#[tokio::test]
async fn what_is_rolled_back_is_never_told() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").stock(5).await;
    let keeper = db.storekeeper().await;
    let mut reader = Reader::new(&db).await;
    let late = posting_late(&db, keeper, &item, 1).await;
    assert_eq!(reader.moved().await, []);
    drop(late);
    db.stock(item.level(), 2).await;
    assert_eq!(deltas(&reader.moved().await), [(item.id, 2)]);
}

#[tokio::test]
async fn whoever_reads_while_many_write_is_told_everything_once() {
    const WRITERS: usize = 6;
    const POSTINGS: i64 = 60;
    let db = TestDatabase::new().await;
    let keeper = db.storekeeper().await;
    let mut reader = Reader::new(&db).await;
    // Reads as one would at first: what has a greater number than anything seen before.
    let (mut last, mut seen_by_number) = (0, 0_i64);
    let writing = TaskTracker::new();
    let mut items = Vec::new();
    for name in 0..WRITERS {
        let item = db.item(&format!("Thing {name}")).await;
        items.push(item.id);
        let (database, clock) = (db.replica(1), db.clock().timestamp());
        let postings: Vec<_> = (0..POSTINGS)
            .map(|_| db.posting(keeper, vec![Line::change(item.level(), 1).unwrap()]))
            .collect();
        writing.spawn(async move {
            for posting in postings {
                let mut tx = database.begin().await.unwrap();
                tx.ledger().post(&[posting], clock).await.unwrap();
                // Others begin and end while this one is about to.
                tokio::task::yield_now().await;
                tx.commit().await.unwrap();
            }
        });
    }
    writing.close();
    let mut told: BTreeMap<ItemId, i64> = BTreeMap::new();
    let mut superuser = db.superuser().await;
    loop {
        let is_last = writing.is_empty();
        for item in reader.moved().await {
            let sum = told.entry(item.item).or_default();
            *sum += item.delta;
            assert!(item.version >= *sum, "{item:?} after {sum}");
        }
        let newer: Vec<i64> =
            sqlx::query_scalar("select id from movements where id > $1 order by id")
                .bind(last)
                .fetch_all(&mut superuser)
                .await
                .unwrap();
        seen_by_number += i64::try_from(newer.len()).unwrap();
        last = newer.last().copied().unwrap_or(last);
        if is_last {
            break;
        }
    }
    let everything = items.iter().map(|item| (*item, POSTINGS)).collect();
    assert_eq!(told, everything);
    println!(
        "by number alone {seen_by_number} of {} would have been seen",
        POSTINGS * i64::try_from(WRITERS).unwrap()
    );
}

#[tokio::test]
async fn more_than_can_be_told_is_not_told_in_part() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").stock(5).await;
    let insert = |items: i64, movements: i64| {
        format!(
            "insert into movements (posting_id, line_no, item_id, location_id, number, delta, before, after,
                                    hash, moved_at)
             select 1, 10 + n + (select max(id) from movements), {} + n % {items}, 1,
                    10 + n + (select max(id) from movements), 1, 0, 1, decode(repeat('00', 32), 'hex'), now()
             from generate_series(0, {movements} - 1) n",
            item.id
        )
    };
    let mut reader = Reader::new(&db).await;
    db.sql(&insert(1_001, 1_001)).await;
    assert!(matches!(reader.read().await, LiveNews::TooMuch));
    assert_eq!(reader.moved().await, [], "it goes on behind it");
    db.sql(&insert(1, 20_001)).await;
    assert!(matches!(reader.read().await, LiveNews::TooMuch));
    db.sql(&insert(1, 20_000)).await;
    assert_eq!(deltas(&reader.moved().await), [(item.id, 20_000)]);
}

#[tokio::test]
async fn a_position_from_a_time_to_come_leads_to_looking_at_everything() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").stock(5).await;
    let mut reader = Reader::new(&db).await;
    reader.position = "999999999999.999999999999".parse().unwrap();
    assert!(matches!(reader.read().await, LiveNews::TooMuch));
    db.stock(item.level(), 1).await;
    assert_eq!(deltas(&reader.moved().await), [(item.id, 1)]);
}

#[tokio::test]
async fn movements_that_were_restored_from_another_cluster_are_not_taken_for_new_ones() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").stock(5).await;
    db.sql("update movements set xid = '999999999999'").await;
    let mut reader = Reader::new(&db).await;
    db.stock(item.level(), 1).await;
    assert_eq!(deltas(&reader.moved().await), [(item.id, 1)]);
}

#[tokio::test]
async fn other_changes_of_an_item_are_told_whoever_makes_them() {
    let db = TestDatabase::new().await;
    let (one, other) = (
        db.item("AA batteries").stock(5).await,
        db.item("C batteries").category("Cells").await,
    );
    let mut reader = Reader::new(&db).await;
    let mut late = db.database().begin().await.unwrap();
    let now = db.clock().timestamp();
    late.items().set_archived(one.id, true, now).await.unwrap();
    db.sql(&format!(
        "update items set name = 'D', version = version + 1 where id = {}",
        other.id
    ))
    .await;
    assert_eq!(reader.changed().await, [other.id]);
    late.commit().await.unwrap();
    assert_eq!(reader.changed().await, [one.id]);
    db.stock(other.level(), 1).await;
    let news = reader.read().await;
    let LiveNews::Told { moved, changed } = news else {
        panic!("{news:?}")
    };
    assert_eq!((deltas(&moved), changed), (vec![(other.id, 1)], vec![]));
    // What many items show.
    for sql in [
        "update categories set name = 'Batteries' where name = 'Cells'",
        "update locations set archived_at = now()",
    ] {
        db.sql(sql).await;
        assert!(matches!(reader.read().await, LiveNews::TooMuch), "{sql}");
    }
    db.sql("update categories set name = name").await;
    assert_eq!(reader.changed().await, []);
}

#[tokio::test]
async fn changes_are_forgotten_after_a_day() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").await;
    let now = db.clock().timestamp();
    let mut connection = db.connect().await;
    for archived in [true, false, true] {
        connection
            .items()
            .set_archived(item.id, archived, now)
            .await
            .unwrap();
    }
    db.sql("update item_changes set changed_at = now() - interval '25 hours' where id < 3")
        .await;
    for gone in [1, 1, 0] {
        let deleted = connection.live().delete_old_changes(1).await;
        assert_eq!(deleted.unwrap(), gone);
    }
    assert_eq!(db.texts("select id from item_changes").await, ["3"]);
}

/// A screen that was hidden over the weekend.
#[tokio::test]
async fn whoever_was_away_for_longer_than_changes_are_kept_looks_at_everything() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").await;
    let now = db.clock().timestamp();
    let archive = async |tx: &mut Transaction, archived| {
        let changed = tx.items().set_archived(item.id, archived, now).await;
        changed.unwrap();
    };
    let mut before = Reader::new(&db).await;
    let mut slow = db.database().begin().await.unwrap();
    archive(&mut slow, true).await;
    let mut between = Reader::new(&db).await;
    slow.commit().await.unwrap();
    let mut after = Reader::with_nothing_running(&db).await;
    let position = after.position.clone();
    db.sql("update item_changes set changed_at = now() - interval '25 hours'")
        .await;
    assert_eq!(
        after.connection.live().delete_old_changes(9).await.unwrap(),
        1
    );
    for missed in [&mut before, &mut between] {
        assert!(matches!(missed.read().await, LiveNews::TooMuch));
        assert_eq!(missed.changed().await, [], "it goes on behind it");
    }
    assert_eq!(after.changed().await, []);
    // What is forgotten later.
    let mut tx = db.database().begin().await.unwrap();
    archive(&mut tx, false).await;
    tx.commit().await.unwrap();
    assert_eq!(after.changed().await, [item.id]);
    let mut later = Reader::with_nothing_running(&db).await;
    db.sql("update item_changes set changed_at = now() - interval '25 hours'")
        .await;
    assert_eq!(
        after.connection.live().delete_old_changes(9).await.unwrap(),
        1
    );
    assert_eq!(later.changed().await, []);
    after.position = position;
    assert!(matches!(after.read().await, LiveNews::TooMuch));
}

#[tokio::test]
async fn what_was_forgotten_in_another_cluster_is_nobodys_loss() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").await;
    db.sql("update item_changes_forgotten set xid = '999999999999'")
        .await;
    let mut reader = Reader::new(&db).await;
    assert_eq!(reader.changed().await, []);
    let edit = format!(
        "update items set version = version + 1 where id = {}",
        item.id
    );
    db.sql(&edit).await;
    let position = reader.position.clone();
    db.sql("update item_changes set changed_at = now() - interval '25 hours'")
        .await;
    let deleted = reader.connection.live().delete_old_changes(9).await;
    assert_eq!(deleted.unwrap(), 1);
    reader.position = position;
    assert!(matches!(reader.read().await, LiveNews::TooMuch));
}
