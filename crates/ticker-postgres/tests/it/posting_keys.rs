//! Forgetting keys: after their time by the database's clock, and nothing but the key.

use ticker_postgres::Access as _;
use ticker_testkit::TestDatabase;

#[tokio::test]
async fn keys_are_kept_for_their_days_and_forgotten_a_chunk_at_a_time() {
    let db = TestDatabase::new().await;
    let item = db.item("AA batteries").await;
    for delta in 1..=7 {
        db.stock(item.level(), delta).await;
    }
    for (posting, age) in [
        (1, "7 days 1 hour"),
        (2, "7 days 1 second"),
        (3, "400 days"),
        (4, "7 days 2 hours"),
        (5, "6 days 23 hours"),
        (6, "1 minute"),
        (7, "-1 hour"),
    ] {
        db.sql(&format!(
            "update posting_keys set answered_at = now() - interval '{age}' where posting_id = {posting}"
        ))
        .await;
    }
    let left = "select posting_id from posting_keys order by 1";
    let mut connection = db.connect().await;
    let mut keys = connection.posting_keys();
    assert_eq!(keys.delete_expired(7, 3).await.unwrap(), 3);
    assert_eq!(
        db.texts(left).await,
        ["2", "5", "6", "7"],
        "the oldest first"
    );
    assert_eq!(keys.delete_expired(7, 3).await.unwrap(), 1);
    assert_eq!(keys.delete_expired(7, 3).await.unwrap(), 0);
    assert_eq!(db.texts(left).await, ["5", "6", "7"]);
    assert_eq!(db.texts("select count(*) from postings").await, ["7"]);
    assert_eq!(db.violations().await, Vec::<String>::new());
}
