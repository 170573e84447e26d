//! The schema: whether it is what this release needs, and several who bring it up to date at once.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _};
use ticker_postgres::migrations::{SchemaState, migrate, schema_state};
use ticker_postgres::{Database, DatabaseErrorKind, DatabaseSettings};
use ticker_testkit::TestDatabase;

fn owner(db: &TestDatabase) -> Database {
    Database::lazy_for_migrations(&db.owner_settings()).unwrap()
}

#[tokio::test]
async fn a_migrated_database_is_ready_and_stays_as_it_is() {
    let db = TestDatabase::new().await;
    assert_eq!(
        schema_state(db.database()).await.unwrap(),
        SchemaState::Ready
    );
    assert_eq!(migrate(&owner(&db)).await.unwrap(), 0);
}

#[tokio::test]
async fn an_older_schema_is_behind_and_a_newer_one_is_ready() {
    let db = TestDatabase::new().await;
    let needed = db.texts("select max(version) from _sqlx_migrations").await[0]
        .parse()
        .unwrap();
    db.sql(
        "insert into _sqlx_migrations values (99999999999999, 'newer', now(), true, '\\x00', 1)",
    )
    .await;
    assert_eq!(
        schema_state(db.database()).await.unwrap(),
        SchemaState::Ready
    );
    assert_eq!(
        migrate(&owner(&db)).await.unwrap(),
        0,
        "a newer release has been here"
    );
    db.sql("delete from _sqlx_migrations").await;
    let behind = SchemaState::Behind { found: 0, needed };
    assert_eq!(schema_state(db.database()).await.unwrap(), behind);
    db.sql("drop table _sqlx_migrations").await;
    assert_eq!(schema_state(db.database()).await.unwrap(), behind);
}

#[tokio::test]
async fn from_nothing_to_ready_by_two_at_once() {
    let db = TestDatabase::new().await;
    db.sql("drop owned by ticker_owner cascade").await;
    let (one, other) = (owner(&db), owner(&db));
    let (first, second) = tokio::join!(migrate(&one), migrate(&other));
    assert_eq!(
        (first.is_ok(), second.is_ok()),
        (true, true),
        "{first:?} {second:?}"
    );
    assert_eq!(schema_state(&one).await.unwrap(), SchemaState::Ready);
}

#[tokio::test]
async fn whoever_migrates_waits_as_long_as_the_one_before_needs() {
    let db = TestDatabase::new().await;
    // The lock that sqlx takes while it migrates, held for longer than any other lock is waited for.
    let mut slow = db.superuser().await;
    let take = format!("select pg_advisory_lock({})", lock_id(db.name()));
    sqlx::raw_sql(AssertSqlSafe(take))
        .execute(&mut slow)
        .await
        .unwrap();
    let let_go = async {
        db.until_blocked(1).await;
        sqlx::raw_sql("select pg_sleep(3)")
            .execute(&mut slow)
            .await
            .unwrap();
        slow.close().await.unwrap();
    };
    let other = owner(&db);
    let (migrated, ()) = tokio::join!(migrate(&other), let_go);
    assert_eq!(migrated.unwrap(), 0);
}

/// sqlx 0.9: a constant times the CRC-32 (IEEE) of the database's name.
fn lock_id(database: &str) -> i64 {
    let crc = database.bytes().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    });
    0x3d32_ad9e * i64::from(!crc)
}

#[tokio::test]
async fn a_database_that_is_not_there_is_unavailable() {
    let settings = DatabaseSettings {
        url: "postgres://nobody@127.0.0.1:1/ticker".into(),
        password: None,
        connections_max: 1,
    };
    let begun = std::time::Instant::now();
    let error = schema_state(&Database::lazy(&settings).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), DatabaseErrorKind::Unavailable, "{error}");
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
}
