//! Histories narrowed: to what is wanted, in pages, however rare it is.

use jiff::{SignedDuration, Timestamp};
use ticker_domain::history::{Flow, HistoryFilter, What};
use ticker_domain::id::MovementId;
use ticker_domain::ledger::{Line, Posting, Reason, Source, Transfer};
use ticker_domain::page::Edge;
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_postgres::movements::HistorySearch;
use ticker_testkit::{TestDatabase, TestItem, key};

async fn search(
    db: &TestDatabase,
    item: &TestItem,
    filter: &HistoryFilter,
    edge: Edge<MovementId>,
    size: u16,
) -> HistorySearch {
    let mut connection = db.connect().await;
    let found = connection
        .movements()
        .search(item.id, filter, &edge, size)
        .await;
    found.unwrap()
}

fn deltas(found: &HistorySearch) -> Vec<i64> {
    found.page.rows.iter().map(|row| row.delta).collect()
}

#[tokio::test]
async fn each_filter_leaves_what_it_names() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Staff).await;
    let item = db.item("AA batteries").stock(10).await;
    let back_room = db.location("Back room").await;
    db.clock().advance(SignedDuration::from_hours(48));
    let line = Line::change(item.level(), -1).unwrap();
    let sold = Posting::new(
        key(),
        ana.actor(),
        Reason::Sold,
        None,
        Source::Page,
        vec![line],
    );
    let transfer = Transfer::new(item.id, item.home, back_room, 4).unwrap();
    let moved = Posting::transfer(key(), ana.actor(), None, Source::Page, &transfer);
    let receipts = db.post(&[sold.unwrap(), moved.unwrap()]).await;
    let mut connection = db.connect().await;
    let taken = connection
        .movements()
        .posting(receipts[0].posting.unwrap())
        .await;
    let keeper = db.storekeeper().await;
    let posted = taken.unwrap().unwrap().posted;
    let undo = Posting::undo(key(), keeper.actor(), Source::Page, &posted);
    db.post(&[undo.unwrap()]).await;

    let all = HistoryFilter::default();
    let day: Timestamp = "2026-01-06T00:00:00Z".parse().unwrap();
    let actor = Some(ana.id);
    let location = Some(back_room);
    let what = |what| HistoryFilter {
        what: Some(what),
        ..HistoryFilter::default()
    };
    let flow = |flow| HistoryFilter {
        flow: Some(flow),
        ..HistoryFilter::default()
    };
    let (from, until) = (Some(day), Some(day));
    for (filter, expected) in [
        (all.clone(), &[1, 4, -4, -1, 10][..]),
        (
            HistoryFilter {
                actor,
                ..all.clone()
            },
            &[4, -4, -1],
        ),
        (
            HistoryFilter {
                location,
                ..all.clone()
            },
            &[4],
        ),
        (what(What::Transfer), &[4, -4]),
        (what(What::Undo), &[1]),
        (what(What::Reason(Reason::Sold)), &[-1]),
        (what(What::Reason(Reason::Adjusted)), &[10]),
        (flow(Flow::In), &[1, 4, 10]),
        (flow(Flow::Out), &[-4, -1]),
        (
            HistoryFilter {
                from,
                ..all.clone()
            },
            &[1, 4, -4, -1],
        ),
        (
            HistoryFilter {
                until,
                ..all.clone()
            },
            &[10],
        ),
        (
            HistoryFilter {
                actor,
                until,
                ..all
            },
            &[],
        ),
    ] {
        let found = search(&db, &item, &filter, Edge::First, 10).await;
        assert_eq!(deltas(&found), expected, "{filter:?}");
        assert_eq!(found.stop, None);
    }
    let people = connection.movements().people(item.id, None).await.unwrap();
    let people: Vec<_> = people.into_iter().map(|(id, _)| id).collect();
    assert!(people.contains(&ana.id) && people.contains(&keeper.id));
}

#[tokio::test]
async fn what_is_rare_is_found_bit_by_bit_and_what_is_old_at_once() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").stock(1).await;
    let (id, home) = (item.id, item.home);
    // One a minute; each three thousandth takes away.
    let sql = format!(
        "insert into movements (posting_id, line_no, item_id, location_id, number, delta, before, after, hash, moved_at)
         select 1, 1 + n, {id}, {home}, 1 + n, 1, n, n + 1, sha256(''),
                '2026-01-05T09:00:00Z'::timestamptz + n * interval '1 minute'
         from generate_series(1, 9000) n;
         update movements set delta = -1, before = after + 1 where number % 3000 = 0;
         update levels set version = 9001, on_hand = 9001"
    );
    db.sql(&sql).await;
    let taken = HistoryFilter {
        flow: Some(Flow::Out),
        ..HistoryFilter::default()
    };
    let (mut seen, mut searches, mut edge) = (Vec::new(), 0, Edge::First);
    loop {
        let found = search(&db, &item, &taken, edge, 2).await;
        seen.extend(found.page.rows.iter().map(|row| row.after));
        searches += 1;
        edge = match (&found.stop, found.page.rows.last()) {
            (Some(stop), _) => Edge::After(stop.id),
            (None, Some(last)) if found.page.has_after => Edge::After(last.id),
            _ => break,
        };
    }
    assert_eq!((seen, searches), (vec![9000, 6000, 3000], 3));

    let until: Timestamp = "2026-01-05T09:30:30Z".parse().unwrap();
    let from = "2026-01-05T09:27:30Z".parse().ok();
    let early = HistoryFilter {
        from,
        until: Some(until),
        ..HistoryFilter::default()
    };
    let found = search(&db, &item, &early, Edge::First, 10).await;
    let after: Vec<i64> = found.page.rows.iter().map(|row| row.after).collect();
    assert_eq!((after, found.stop), (vec![31, 30, 29], None));
    let newer = search(&db, &item, &early, Edge::Before(found.page.rows[2].id), 10).await;
    let after: Vec<i64> = newer.page.rows.iter().map(|row| row.after).collect();
    assert_eq!(after, [31, 30]);
}
