//! Readiness, and the ledger's checks.

use ticker_app::operation::{Finding, NotReady, VIOLATIONS_MAX, VerifyProgress};
use ticker_app::{App, AppSettings, SystemClock};
use ticker_auth::{Anyone, Operator};
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

fn broken(findings: &[Finding]) -> Vec<&str> {
    findings
        .iter()
        .flat_map(|finding| &finding.violations)
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn the_check_names_every_invariant_and_what_breaks_it() {
    let db = TestDatabase::new().await;
    db.item("AA batteries").stock(10).await;
    let app = db.app();
    let mut seen = Vec::new();
    let sound = app.verify_ledger(Operator, |progress| seen.push(progress));
    let sound = sound.await.unwrap();
    let names: Vec<&str> = sound.iter().map(|finding| finding.invariant.name).collect();
    assert_eq!(
        names,
        ["I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9"]
    );
    assert_eq!(broken(&sound), [""; 0]);
    let movements = VerifyProgress {
        noun: "movements",
        checked: 1,
    };
    assert!(seen.contains(&movements), "{seen:?}");
    db.sql("update items set total = 11").await;
    let found = app.verify_ledger(Operator, |_| ()).await.unwrap();
    assert_eq!(broken(&found), ["item 1: total 11, levels sum up to 10"]);
}

#[tokio::test]
async fn more_places_are_counted_than_named() {
    let db = TestDatabase::new().await;
    db.item("AA batteries").stock(10).await;
    db.sql(
        "insert into items (name, name_key, sku, sku_key, unit, category_id, home_location_id, search_text,
                            changed_at, creation_key, created_at, total)
         select 'x' || n, 'x' || n, 'x' || n, 'x' || n, unit, category_id, home_location_id, '', now(),
                gen_random_uuid(), now(), 1
         from items, generate_series(1, 1234) n",
    )
    .await;
    let found = db.app().verify_ledger(Operator, |_| ()).await.unwrap();
    let totals = &found[8];
    assert_eq!(
        (totals.count, totals.violations.len()),
        (1234, VIOLATIONS_MAX)
    );
}

#[tokio::test]
async fn the_check_since_the_last_one_says_what_is_broken_until_it_is_not() {
    let db = TestDatabase::new().await;
    db.item("AA batteries").stock(10).await;
    let app = db.app();
    let recent = async || {
        app.verify_ledger_since_last(Operator, |_| ())
            .await
            .unwrap()
    };
    // Movements wait for older transactions of the whole cluster, other tests' among them.
    while db.texts("select 1 from proven_levels").await.is_empty() {
        assert_eq!(broken(&recent().await), [""; 0]);
    }
    db.sql("update levels set on_hand = 9").await;
    assert_eq!(
        broken(&recent().await),
        [""; 0],
        "nothing has moved: the whole check sees it"
    );
    db.sql("update ledger_checks set xid = '0'").await;
    let said = [
        "item 1 at location 1: on hand 9, movements sum up to 10",
        "item 1: total 10, levels sum up to 9",
    ];
    while db.texts("select 1 from ledger_violations").await.is_empty() {
        recent().await;
    }
    assert_eq!(broken(&recent().await), said);
    db.sql("update levels set on_hand = 10").await;
    assert_eq!(broken(&recent().await), [""; 0]);
}
