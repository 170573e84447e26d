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

/// An index that is made beside others waits for whoever began before it. That may take long, a backup does.
#[tokio::test]
async fn whoever_has_read_for_long_is_waited_for() {
    let db = TestDatabase::new().await;
    db.sql("drop owned by ticker_owner cascade").await;
    let mut reader = db.superuser().await;
    let begin = "begin isolation level repeatable read; select count(*) from pg_class";
    sqlx::raw_sql(begin).execute(&mut reader).await.unwrap();
    let let_go = async {
        // Longer than any other lock is waited for.
        let waiting = "select pid from pg_stat_activity
                       where datname = current_database() and wait_event = 'virtualxid'
                         and clock_timestamp() - query_start > interval '2500 ms'";
        db.until(waiting, 1).await;
        reader.close().await.unwrap();
    };
    let owner = owner(&db);
    let (migrated, ()) = tokio::join!(migrate(&owner), let_go);
    migrated.unwrap();
}

/// What runs outside a transaction may have been done, wholly or in part, when its process ends: nothing says so.
#[tokio::test]
async fn what_was_interrupted_is_done_again() {
    let db = TestDatabase::new().await;
    db.item("Hex bolt").stock(3).await;
    let versions: Vec<String> = sqlx::migrate!("../../migrations")
        .iter()
        .filter(|migration| migration.no_tx)
        .map(|migration| migration.version.to_string())
        .collect();
    assert!(versions.len() > 10, "{versions:?}");
    let interrupt = format!(
        "delete from _sqlx_migrations where version in ({});
         update pg_index set indisvalid = false where indexrelid = 'items_search_text_idx'::regclass",
        versions.join(", ")
    );
    db.sql(&interrupt).await;
    let indexes = "select indexrelid::regclass from pg_index where indrelid in
                       (select oid from pg_class where relnamespace = 'public'::regnamespace)
                   order by indexrelid::regclass::text";
    let before = db.texts(indexes).await;
    assert_eq!(migrate(&owner(&db)).await.unwrap(), versions.len());
    assert_eq!(db.texts(indexes).await, before);
    let invalid = "select indexrelid::regclass from pg_index where not indisvalid";
    assert_eq!(db.texts(invalid).await, [""; 0]);
}

/// Reads nothing that others change, so it can be run again.
const VALIDATION: &str =
    "delete from _sqlx_migrations where description = 'validate posting kinds'";

#[tokio::test]
async fn a_table_that_somebody_holds_is_not_waited_for_by_everybody() {
    let db = TestDatabase::new().await;
    db.sql(VALIDATION).await;
    let mut holder = db.superuser().await;
    let hold = "begin; lock table postings in access exclusive mode";
    sqlx::raw_sql(hold).execute(&mut holder).await.unwrap();
    let error = migrate(&owner(&db)).await.unwrap_err();
    assert_eq!(error.kind(), DatabaseErrorKind::Locked, "{error}");
    holder.close().await.unwrap();
    assert_eq!(migrate(&owner(&db)).await.unwrap(), 1);
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
