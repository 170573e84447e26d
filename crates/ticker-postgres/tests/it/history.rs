//! What happened to an item, page by page, and what is on hand where.

use ticker_domain::id::{ItemId, MovementId};
use ticker_domain::ledger::{Line, Note, Posting, Reason, Source};
use ticker_domain::page::Edge;
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_postgres::movements::{ExportExtent, ExportFilter};
use ticker_testkit::{TestDatabase, key};

#[tokio::test]
async fn a_movement_is_shown_with_who_why_and_where() {
    let db = TestDatabase::new().await;
    let ana = db.user_named("ana", "Ana Bell", Role::Staff).await;
    let item = db.item("AA batteries").stock(10).await;
    let note = Note::parse("Counter sale").unwrap();
    let line = Line::change(item.level(), -3).unwrap();
    let posting = Posting::new(
        key(),
        ana.actor(),
        Reason::Sold,
        Some(note),
        Source::Api,
        vec![line],
    )
    .unwrap();
    let receipt = db.post(&[posting]).await.remove(0);

    let mut connection = db.connect().await;
    let page = connection
        .movements()
        .history(item.id, &Edge::First, 10)
        .await
        .unwrap();
    assert_eq!(page.rows.len(), 2);
    let row = &page.rows[0];
    assert_eq!((row.delta, row.before, row.after), (-3, 10, 7));
    assert_eq!((row.actor, row.actor_name.as_str()), (ana.id, "Ana Bell"));
    assert_eq!(
        (row.location, row.location_name.as_str()),
        (item.home, "Shop floor")
    );
    assert_eq!((row.reason, row.source), (Reason::Sold, Source::Api));
    assert_eq!(row.note.as_deref(), Some("Counter sale"));
    assert_eq!(Some(row.posting), receipt.posting);
    assert_eq!(row.at, db.clock().timestamp());
    let nothing = connection
        .movements()
        .history(ItemId(99), &Edge::First, 10)
        .await
        .unwrap();
    assert!(nothing.rows.is_empty() && !nothing.has_after && !nothing.has_before);
}

#[tokio::test]
async fn walking_either_way_sees_every_movement_once() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").await;
    let other = db.item("C batteries").await;
    let back_room = db.location("Back room").await;
    for number in 1..=23 {
        let level = if number % 3 == 0 {
            item.level_at(back_room)
        } else {
            item.level()
        };
        db.stock(level, number).await;
        db.stock(other.level(), 1).await;
    }
    let mut connection = db.connect().await;
    let newest_first: Vec<i64> = (1..=23).rev().collect();

    let (mut seen, mut sizes, mut edge) = (Vec::new(), Vec::new(), Edge::First);
    loop {
        let page = connection
            .movements()
            .history(item.id, &edge, 5)
            .await
            .unwrap();
        assert_eq!(page.has_before, !seen.is_empty());
        seen.extend(page.rows.iter().map(|row| (row.id, row.delta)));
        sizes.push(page.rows.len());
        edge = Edge::After(page.rows.last().unwrap().id);
        if !page.has_after {
            break;
        }
    }
    assert_eq!(sizes, [5, 5, 5, 5, 3]);
    assert_eq!(
        seen.iter().map(|row| row.1).collect::<Vec<_>>(),
        newest_first
    );

    let (mut back, mut edge) = (
        vec![*seen.last().unwrap()],
        Edge::Before(seen.last().unwrap().0),
    );
    loop {
        let page = connection
            .movements()
            .history(item.id, &edge, 5)
            .await
            .unwrap();
        assert!(page.has_after);
        back.splice(0..0, page.rows.iter().map(|row| (row.id, row.delta)));
        edge = Edge::Before(page.rows[0].id);
        if !page.has_before {
            break;
        }
    }
    assert_eq!(back, seen);

    let beyond = connection
        .movements()
        .history(item.id, &Edge::After(MovementId(0)), 5)
        .await
        .unwrap();
    assert!(beyond.rows.is_empty() && !beyond.has_after);
}

#[tokio::test]
async fn levels_are_those_in_use_and_those_where_something_lies() {
    let db = TestDatabase::new().await;
    let item = db
        .item("AA batteries")
        .stock(10)
        .stock_at("Old shed", 2)
        .stock_at("Old barn", 1)
        .await;
    let barn = db.location("Old barn").await;
    db.stock(item.level_at(barn), -1).await;
    db.location("Back room").await;
    db.sql("update locations set archived_at = now() where name like 'Old%'")
        .await;
    let levels = db
        .connect()
        .await
        .movements()
        .levels(item.id)
        .await
        .unwrap();
    let shown: Vec<(&str, i64, i64)> = levels
        .iter()
        .map(|level| (level.location_name.as_str(), level.on_hand, level.version))
        .collect();
    assert_eq!(
        shown,
        [
            ("Back room", 0, 0),
            ("Old shed", 2, 1),
            ("Shop floor", 10, 1)
        ]
    );
}

/// Everything that an export of `extent` reads, in chunks of two.
async fn exported(db: &TestDatabase, extent: &ExportExtent) -> Vec<(MovementId, i64)> {
    let (mut seen, mut after) = (Vec::new(), MovementId(0));
    let (filter, mut connection) = (ExportFilter::default(), db.connect().await);
    loop {
        let mut movements = connection.movements();
        let chunk = movements.export(extent, &filter, after, 2).await.unwrap();
        seen.extend(chunk.rows.iter().map(|row| (row.id, row.delta)));
        match chunk.last {
            Some(last) => after = last,
            None => return seen,
        }
    }
}

/// A transaction that has taken its numbers and not committed must neither hide what others have committed
/// under greater numbers, nor turn up in an export that began before its commit.
#[tokio::test]
async fn an_export_is_what_was_committed_when_it_began() {
    let db = TestDatabase::new().await;
    let (slow, quick) = (db.item("Slow").await, db.item("Quick").await);
    db.stock(quick.level(), 1).await;
    let by = db.storekeeper().await;
    let posting = db.posting(by, vec![Line::change(slow.level(), 2).unwrap()]);
    let other = db.replica(1);
    let mut tx = other.begin().await.unwrap();
    tx.ledger()
        .post(&[posting], db.clock().timestamp())
        .await
        .unwrap();
    db.stock(quick.level(), 3).await;
    db.stock(quick.level(), 4).await;

    let before = begin_export(&db).await;
    assert_eq!(deltas(&exported(&db, &before).await), [1, 3, 4]);
    tx.commit().await.unwrap();
    db.stock(quick.level(), 5).await;
    assert_eq!(deltas(&exported(&db, &before).await), [1, 3, 4]);
    let all = exported(&db, &begin_export(&db).await).await;
    assert_eq!(deltas(&all), [1, 2, 3, 4, 5]);
    assert!(all.is_sorted());
}

async fn begin_export(db: &TestDatabase) -> ExportExtent {
    let mut connection = db.connect().await;
    connection.movements().begin_export().await.unwrap()
}

fn deltas(rows: &[(MovementId, i64)]) -> Vec<i64> {
    rows.iter().map(|row| row.1).collect()
}
