//! The pool: what it hands out is clean, and there is an end to waiting.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use ticker_domain::category::CategoryName;
use ticker_postgres::{Access as _, Database, DatabaseErrorKind};
use ticker_testkit::TestDatabase;

/// Begins a transaction, and is cancelled after so many steps.
async fn begin_and_go_away(database: &Database, steps: u32) {
    let mut begin = pin!(database.begin());
    for _ in 0..steps {
        let done = poll_fn(|context| Poll::Ready(begin.as_mut().poll(context).is_ready())).await;
        if done {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// sqlx 0.9.0 hands a connection back that is inside a transaction if the future that begins it is
/// dropped; whatever the next borrower writes vanishes with it.
#[tokio::test]
async fn a_cancelled_begin_does_not_swallow_the_next_write() {
    let db = TestDatabase::new().await;
    let mut written = Vec::new();
    for attempt in 0..20 {
        let database = db.replica(1);
        // Connected already, so that the cancellation falls into the transaction's begin.
        database
            .connect()
            .await
            .unwrap()
            .categories()
            .list()
            .await
            .unwrap();
        begin_and_go_away(&database, 1 + attempt % 3).await;
        let name = format!("Category {attempt}");
        let category = CategoryName::parse(&name).unwrap();
        database
            .connect()
            .await
            .unwrap()
            .categories()
            .find_or_insert(&category)
            .await
            .unwrap();
        database.close().await;
        written.push(name);
    }
    let kept = db.texts("select name from categories order by id").await;
    assert_eq!(kept, written);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_leaves_nothing() {
    let db = TestDatabase::new().await;
    let database = db.replica(1);
    let category = CategoryName::parse("Garden").unwrap();
    let mut tx = database.begin().await.unwrap();
    tx.categories().find_or_insert(&category).await.unwrap();
    drop(tx);
    let listed = database
        .connect()
        .await
        .unwrap()
        .categories()
        .list()
        .await
        .unwrap();
    assert!(listed.is_empty());

    // Nor does one that failed.
    let mut tx = database.begin().await.unwrap();
    tx.categories().find_or_insert(&category).await.unwrap();
    tx.sessions()
        .insert(&[0; 32], ticker_domain::id::UserId(9), 1)
        .await
        .unwrap_err();
    drop(tx);
    database
        .connect()
        .await
        .unwrap()
        .categories()
        .find_or_insert(&category)
        .await
        .unwrap();
    assert_eq!(db.texts("select name from categories").await, ["Garden"]);
}

#[tokio::test]
async fn waiting_for_a_connection_ends() {
    let db = TestDatabase::new().await;
    let database = db.replica(1);
    let held = database.connect().await.unwrap();
    let usage = database.pool_usage();
    assert_eq!((usage.open, usage.idle, usage.max), (1, 0, 1));
    assert_eq!(usage.posting, 0);
    drop(database.begin_posting().await.unwrap());
    assert_eq!(database.pool_usage().posting, 1);
    let begun = std::time::Instant::now();
    let error = database.begin().await.unwrap_err();
    assert_eq!(error.kind(), DatabaseErrorKind::Unavailable, "{error}");
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    drop(held);
    database.begin().await.unwrap();
}

async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

/// Reads through a pool's connections, all at once, and waits until they are back.
async fn use_all(database: &Database) {
    drop(database.begin_posting().await.unwrap());
    let mut held = Vec::new();
    for _ in 0..database.pool_usage().max {
        held.push(database.connect().await.unwrap());
    }
    drop(held);
    until(|| database.pool_usage().idle == database.pool_usage().max).await;
}

#[tokio::test]
async fn after_one_broken_connection_the_others_are_not_trusted() {
    let db = TestDatabase::new().await;
    let database = db.replica(4);
    use_all(&database).await;
    let mut first = database.connect().await.unwrap();
    db.sql("select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name = 'ticker' and pid <> pg_backend_pid()")
        .await;
    let error = first.categories().list().await.unwrap_err();
    assert_eq!(error.kind(), DatabaseErrorKind::Unavailable, "{error}");
    drop(first);
    // Which is found out when it comes back to the pool.
    until(|| database.pool_usage().open < 4).await;
    for _ in 0..4 {
        let mut next = database.connect().await.unwrap();
        assert_eq!(next.categories().list().await.unwrap(), []);
    }
    // Nor is the one that batches go through.
    database.begin_posting().await.unwrap();
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended() {
    let db = TestDatabase::new().await;
    // Read through a view that sleeps, since this crate runs no statement but its own.
    db.sql(
        "alter table categories rename to real_categories;
         create view categories as select c.* from real_categories c, pg_sleep(30);
         grant select on categories to ticker_app;
         insert into real_categories (name, name_key) values ('Slow', 'slow')",
    )
    .await;
    let begun = std::time::Instant::now();
    let error = db.connect().await.categories().list().await.unwrap_err();
    assert_eq!(error.kind(), DatabaseErrorKind::Unavailable, "{error}");
    assert!(
        begun.elapsed() < Duration::from_secs(9),
        "{:?}",
        begun.elapsed()
    );
}
