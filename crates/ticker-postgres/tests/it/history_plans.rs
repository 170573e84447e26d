//! How much of a long history its pages read: whatever is asked for, a bounded part, and no table as a whole.

use jiff::Timestamp;
use ticker_domain::history::{Flow, HistoryFilter, What};
use ticker_domain::id::{ItemId, LocationId, MovementId, UserId};
use ticker_domain::ledger::Reason;
use ticker_domain::page::Edge;
use ticker_postgres::Access as _;
use ticker_testkit::TestDatabase;

use crate::meter::Meter;
use crate::stock_plans::big_shop;

const ITEM: ItemId = ItemId(1);
const MOVEMENTS: i64 = 40_000;
/// A page without a filter: its movements with their postings, people, undos.
const PAGE_MAX: i64 = 1_500;
/// A filtered page looks at 4,096 movements and their postings, however rare what it wants is.
const FILTERED_MAX: i64 = 3 * 4_096 + PAGE_MAX;
/// Plans are made anew five times, then perhaps once for all that follow.
const RUNS: i64 = 7;

/// An item with many movements, and another that has been moved as often since.
async fn busy_shop() -> TestDatabase {
    // By SQL alone: what the meter reads is known when every connection of the application has ended.
    let db = big_shop(2_000).await;
    db.sql(&format!(
        "insert into users (username, username_key, username_skeleton, display_name, role, password_hash,
                            must_change_password)
         values ('ana', 'ana', 'ana', 'Ana', 'staff', '', false);
         delete from levels where item_id <= 2;
         insert into postings (key, actor_id, reason, source, line_count, posted_at)
         select gen_random_uuid(), 1, 'sold', 'page', 1, timestamptz '2026-01-05Z' + n * interval '1 minute'
         from generate_series(1, 2 * {MOVEMENTS}) n;
         insert into movements (posting_id, line_no, item_id, location_id, number, delta, before, after, hash, moved_at)
         select id, 1, 1 + (id - 1) / {MOVEMENTS}, 1, 1 + (id - 1) % {MOVEMENTS}, 1 - id % 2 * 2, 5 + id % 2, 6 - id % 2,
                sha256(''), posted_at
         from postings order by id;
         insert into levels (item_id, location_id, on_hand, version, hash)
         select item, 1, 5, {MOVEMENTS}, sha256('') from generate_series(1, 2) item",
    ))
    .await;
    db.sql("vacuum analyze").await;
    db
}

#[tokio::test]
async fn a_long_history_costs_what_its_page_shows() {
    let db = busy_shop().await;
    let mut meter = Meter::of(&db).await;
    let middle = MovementId(MOVEMENTS / 2);
    let time = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let open = HistoryFilter::default;
    let edges = [Edge::First, Edge::After(middle), Edge::Before(middle)];
    for (filter, max) in [
        (open(), PAGE_MAX),
        // A time is found by halves, whatever comes after it.
        (
            HistoryFilter {
                from: time("2026-02-01T00:00:00Z"),
                until: time("2026-02-20T00:00:00Z"),
                ..open()
            },
            FILTERED_MAX,
        ),
        // Nothing is wanted, and that is looked for.
        (
            HistoryFilter {
                actor: Some(UserId(9_999)),
                ..open()
            },
            FILTERED_MAX,
        ),
        (
            HistoryFilter {
                location: Some(LocationId(2)),
                ..open()
            },
            FILTERED_MAX,
        ),
        (
            HistoryFilter {
                what: Some(What::Reason(Reason::Found)),
                ..open()
            },
            FILTERED_MAX,
        ),
        (
            HistoryFilter {
                flow: Some(Flow::Out),
                ..open()
            },
            FILTERED_MAX,
        ),
    ] {
        for edge in &edges {
            let (rows, entries) = meter
                .reading_of(&db, async |connection| {
                    for _ in 0..RUNS {
                        let found = connection.movements().search(ITEM, &filter, edge, 50).await;
                        found.unwrap();
                    }
                })
                .await;
            assert_eq!(rows, 0, "{filter:?} {edge:?} reads a table in order");
            let entries = entries / RUNS;
            assert!(
                entries <= max,
                "{filter:?} {edge:?} reads {entries} entries"
            );
        }
    }
}

#[tokio::test]
async fn a_chart_of_a_long_history_looks_up_each_day() {
    let db = busy_shop().await;
    let mut meter = Meter::of(&db).await;
    let first: Timestamp = "2026-01-20T00:00:00Z".parse().unwrap();
    let (rows, entries) = meter
        .reading_of(&db, async |connection| {
            for _ in 0..RUNS {
                let totals = connection.movements().day_ends(ITEM, first, 31).await;
                assert_eq!(totals.unwrap().len(), 31);
                let people = connection.movements().people(ITEM, None).await;
                assert_eq!(people.unwrap().len(), 1);
            }
        })
        .await;
    assert_eq!(rows, 0, "a table is read in order");
    // Sixteen look-ups a day halve 40,000 movements; people are those of the latest 500 postings or so.
    let entries = entries / RUNS;
    assert!(entries <= 31 * 20 + 3_000, "{entries} entries are read");
}
