//! The audit log: it only grows, and nothing that changes rights goes without a row.

use serde_json::{Value, json};
use ticker_domain::user::Role;
use ticker_postgres::Access as _;
use ticker_postgres::audit::AuditAction;
use ticker_testkit::TestDatabase;

const ROWS: &str =
    "select concat_ws(' ', user_id, auth_epoch, action, coalesce(actor_id::text, '-'),
                           coalesce(before ->> 'role', '-'), after ->> 'role')
                    from audit_events order by user_id, auth_epoch";

#[tokio::test]
async fn a_change_that_speaks_for_itself_has_one_row_and_one_that_does_not_has_one_too() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Admin).await;
    let mut tx = db.database().begin().await.unwrap();
    let before = tx.audit().before(ana.id).await.unwrap();
    tx.users().set_role(ana.id, Role::Manager).await.unwrap();
    tx.audit()
        .insert(None, AuditAction::RoleChanged, ana.id, Some(before))
        .await
        .unwrap();
    // As the release before this one does.
    tx.users().set_role(ana.id, Role::Staff).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        db.texts(ROWS).await,
        [
            "1 1 unattributed - - admin",
            "1 2 role_changed - admin manager",
            "1 3 unattributed - manager staff"
        ]
    );
    assert_eq!(db.violations().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_does_not_change_rights_leaves_no_row() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Admin).await;
    let mut tx = db.database().begin().await.unwrap();
    let before = tx.audit().before(ana.id).await.unwrap();
    tx.users().set_role(ana.id, Role::Admin).await.unwrap();
    tx.users()
        .rehash_password(ana.id, "another", "yet another")
        .await
        .unwrap();
    tx.audit()
        .insert(Some(ana.id), AuditAction::RoleChanged, ana.id, Some(before))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(db.texts(ROWS).await, ["1 1 unattributed - - admin"]);
}

#[tokio::test]
async fn a_row_tells_who_they_were_and_no_secret() {
    let db = TestDatabase::new().await;
    let ana = db.user_named("ana", "Ana Bell", Role::Admin).await;
    let mut tx = db.database().begin().await.unwrap();
    let before = tx.audit().before(ana.id).await.unwrap();
    let hash = "$argon2id$not-to-be-seen";
    tx.users().set_password(ana.id, hash, true).await.unwrap();
    tx.audit()
        .insert(
            Some(ana.id),
            AuditAction::PasswordReset,
            ana.id,
            Some(before),
        )
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let facts = |must_change: bool| {
        json!({"username": "ana", "display_name": "Ana Bell", "role": "admin", "disabled": false,
               "must_change_password": must_change})
    };
    let last = "select json_build_array(before, after) from audit_events order by id desc limit 1";
    let seen: Value = serde_json::from_str(&db.texts(last).await[0]).unwrap();
    assert_eq!(seen, json!([facts(false), facts(true)]));
    let secrets = "select 1 from audit_events where audit_events::text like '%argon2%'";
    assert_eq!(db.texts(secrets).await, [""; 0]);
}

#[tokio::test]
async fn a_missing_row_is_a_violation() {
    let db = TestDatabase::new().await;
    let ana = db.user(Role::Admin).await;
    for role in [Role::Manager, Role::Staff] {
        let mut tx = db.database().begin().await.unwrap();
        tx.users().set_role(ana.id, role).await.unwrap();
        tx.commit().await.unwrap();
    }
    for (epoch, said) in [
        (1, "I7: user 1: no audit row says how they began"),
        (2, "I7: user 1: 2 audit rows for epochs 1 to 3"),
        (3, "I7: user 1: 2 audit rows for epochs 1 to 3"),
    ] {
        db.sql(&format!(
            "create table kept as select * from audit_events where auth_epoch = {epoch};
             delete from audit_events where auth_epoch = {epoch}"
        ))
        .await;
        assert_eq!(db.violations().await, [said]);
        db.sql("insert into audit_events overriding system value table kept; drop table kept")
            .await;
    }
    db.sql("set session_replication_role = replica; update users set auth_epoch = auth_epoch + 1")
        .await;
    assert_eq!(
        db.violations().await,
        ["I7: user 1: 3 audit rows for epochs 1 to 4"]
    );
}
