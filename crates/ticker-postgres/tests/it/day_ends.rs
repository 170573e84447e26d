//! What was on hand when days ended: as movements say, however many there are.

use jiff::{SignedDuration, Timestamp};
use ticker_postgres::Access as _;
use ticker_testkit::TestDatabase;

const HOURS_A_DAY: i64 = 24;

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

#[tokio::test]
async fn a_day_ends_with_what_its_last_movement_left_at_each_location() {
    let db = TestDatabase::new().await;
    let begin = db.clock().timestamp();
    let item = db.item("AA batteries").await;
    let other = db.item("C batteries").stock(99).await;
    let back_room = db.location("Back room").await;
    // What each of the days leaves: moved once, twice, not at all, at the other location.
    db.stock(item.level(), 5).await;
    db.clock().advance(hours(HOURS_A_DAY));
    db.stock(item.level(), 7).await;
    db.stock(item.level(), -4).await;
    db.clock().advance(hours(2 * HOURS_A_DAY));
    db.stock(item.level_at(back_room), 10).await;
    db.stock(other.level(), 1).await;
    let mut connection = db.connect().await;
    let first = begin - hours(1);
    let totals = connection.movements().day_ends(item.id, first, 5).await;
    assert_eq!(totals.unwrap(), [0, 5, 8, 8, 18]);
    // A movement of that very moment belongs to the day that begins.
    let totals = connection.movements().day_ends(item.id, begin, 2).await;
    assert_eq!(totals.unwrap(), [0, 5]);
    let nothing = db.item("D batteries").await;
    let totals = connection.movements().day_ends(nothing.id, first, 3).await;
    assert_eq!(totals.unwrap(), [0, 0, 0]);
}

#[tokio::test]
async fn every_moment_among_many_movements_is_found() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").stock(1).await;
    let (id, home) = (item.id, item.home);
    // One a minute, of one unit, so that on hand is the number of minutes that have passed.
    let sql = format!(
        "insert into movements (posting_id, line_no, item_id, location_id, number, delta, before, after, hash, moved_at)
         select 1, 1 + n, {id}, {home}, 1 + n, 1, n, n + 1, sha256(''), '2026-01-05T09:00:00Z'::timestamptz + n * interval '1 minute'
         from generate_series(1, 5000) n;
         update levels set version = 5001, on_hand = 5001"
    );
    db.sql(&sql).await;
    let first: Timestamp = "2026-01-05T09:30:30Z".parse().unwrap();
    let mut connection = db.connect().await;
    let totals = connection.movements().day_ends(item.id, first, 4).await;
    let day = 24 * 60;
    assert_eq!(totals.unwrap(), [31, 31 + day, 31 + 2 * day, 31 + 3 * day]);
}
