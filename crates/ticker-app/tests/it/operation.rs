//! Readiness, the ledger's check, and tidying up.

use std::time::Duration;

use ticker_app::operation::NotReady;
use ticker_app::{App, AppSettings, SystemClock};
use ticker_auth::{Anyone, Operator};
use ticker_domain::user::Role;
use ticker_postgres::sessions::SessionLifetime;
use ticker_postgres::{Database, DatabaseSettings};
use ticker_testkit::TestDatabase;

#[tokio::test]
async fn it_is_ready_when_the_database_answers_with_the_schema_that_is_needed() {
    let db = TestDatabase::new().await;
    let app = db.app();
    app.check_ready(Anyone).await.unwrap();
    db.sql("delete from _sqlx_migrations").await;
    let behind = app.check_ready(Anyone).await.unwrap_err();
    assert!(
        matches!(behind, NotReady::SchemaBehind { found: 0, .. }),
        "{behind:?}"
    );
    assert!(behind.to_string().contains("ticker migrate"), "{behind}");

    let url = "postgres://nobody@127.0.0.1:1/ticker".to_owned();
    let nowhere = DatabaseSettings {
        url,
        password: None,
        connections_max: 1,
    };
    let settings = AppSettings {
        password_chars_min: 12,
    };
    let database = Database::lazy(&nowhere).unwrap();
    let app = App::new(database, std::sync::Arc::new(SystemClock), settings).unwrap();
    let error = app.check_ready(Anyone).await.unwrap_err();
    assert!(matches!(error, NotReady::Database(_)), "{error:?}");
}

#[tokio::test]
async fn the_check_names_every_invariant_and_what_breaks_it() {
    let db = TestDatabase::new().await;
    db.item("AA batteries").stock(10).await;
    let app = db.app();
    let names = |findings: &[ticker_app::operation::Finding]| -> Vec<&str> {
        findings
            .iter()
            .map(|finding| finding.invariant.name)
            .collect()
    };
    let sound = app.verify_ledger(Operator).await.unwrap();
    assert_eq!(
        names(&sound),
        ["I1", "I2", "I3", "I4", "I5", "I6", "I8", "I9"]
    );
    assert!(sound.iter().all(|finding| finding.violations.is_empty()));
    db.sql("update items set total = 11").await;
    let broken = app.verify_ledger(Operator).await.unwrap();
    let violations: Vec<&String> = broken
        .iter()
        .flat_map(|finding| &finding.violations)
        .collect();
    assert_eq!(violations, ["item 1: total 11, levels sum up to 10"]);
}

#[tokio::test]
async fn expired_sessions_are_forgotten() {
    let db = TestDatabase::new().await;
    db.user(Role::Staff).await;
    db.user(Role::Staff).await;
    db.sql("update sessions set last_seen_at = now() - interval '2 hours' where user_id = 1")
        .await;
    let lifetime = SessionLifetime {
        idle: Duration::from_hours(1),
        absolute: Duration::from_hours(24),
    };
    assert_eq!(
        db.app()
            .forget_expired_sessions(Anyone, lifetime)
            .await
            .unwrap(),
        1
    );
    assert_eq!(db.texts("select user_id from sessions").await, ["2"]);
}
