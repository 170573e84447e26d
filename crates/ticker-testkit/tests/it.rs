//! The kit itself: databases of one's own, and the rights that tests have.

use ticker_domain::permission::{ItemCreate, StockAdjust};
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_testkit::TestDatabase;

#[tokio::test]
async fn two_databases_know_nothing_of_each_other() {
    let (one, other) = tokio::join!(TestDatabase::new(), TestDatabase::new());
    one.item("AA batteries").await;
    assert!(one.connect().await.items().any().await.unwrap());
    assert!(!other.connect().await.items().any().await.unwrap());
}

#[tokio::test]
async fn a_database_is_gone_with_its_value() {
    let watcher = TestDatabase::new().await;
    let name = {
        let db = TestDatabase::new().await;
        db.item("AA batteries").await;
        db.name().to_owned()
    };
    let left = format!("select datname from pg_database where datname = '{name}'");
    assert_eq!(watcher.texts(&left).await, Vec::<String>::new());
}

#[tokio::test]
async fn tests_reach_it_with_the_applications_rights() {
    let db = TestDatabase::new().await;
    let roles = "select rolname from pg_roles
                 where pg_has_role('ticker_test_app', oid, 'member') and rolname like 'ticker%' order by 1";
    assert_eq!(db.texts(roles).await, ["ticker_app", "ticker_test_app"]);
    let owner = "select rolname from pg_database join pg_roles r on r.oid = datdba
                 where datname = current_database()";
    assert_eq!(db.texts(owner).await, ["ticker_owner"]);
}

#[tokio::test]
async fn things_are_there_as_they_were_asked_for() {
    let db = TestDatabase::new().await;
    let item = db
        .item("AA batteries")
        .sku("BAT-AA")
        .barcode("2000000000015")
        .thresholds(5, 20, None)
        .stock(40)
        .stock_at("Back room", 2)
        .archived()
        .await;
    let found = db
        .connect()
        .await
        .items()
        .find(item.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (found.name.as_str(), found.sku.as_str(), found.total),
        ("AA batteries", "BAT-AA", 42)
    );
    assert!(found.archived_at.is_some());
    assert_eq!(db.violations().await, Vec::<String>::new());

    let manager = db.user(Role::Manager).await;
    let _ = (
        manager.grant::<StockAdjust>(),
        manager.grant::<ItemCreate>(),
    );
    assert_eq!(manager.signed_in().display_name, "Manager 1");
}
