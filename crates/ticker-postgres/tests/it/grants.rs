//! What the application's login cannot do, whatever its program tries.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use ticker_testkit::TestDatabase;

const INSUFFICIENT_PRIVILEGE: &str = "42501";

async fn application(db: &TestDatabase) -> PgConnection {
    let settings = db.settings(1);
    let options = PgConnectOptions::from_str(&settings.url).unwrap();
    options
        .password(&settings.password.unwrap())
        .connect()
        .await
        .unwrap()
}

/// The SQLSTATE that a statement ends with; "done" if it does not fail.
async fn state(connection: &mut PgConnection, sql: &str) -> String {
    let result = sqlx::raw_sql(AssertSqlSafe(format!("begin; {sql}")))
        .execute(&mut *connection)
        .await;
    sqlx::raw_sql("rollback").execute(connection).await.unwrap();
    match result {
        Ok(_) => "done".to_owned(),
        Err(sqlx::Error::Database(error)) => error.code().unwrap().into_owned(),
        Err(error) => panic!("{sql}: {error}"),
    }
}

#[tokio::test]
async fn the_past_cannot_be_changed() {
    let db = TestDatabase::new().await;
    db.item("AA batteries").stock(10).await;
    let mut connection = application(&db).await;
    for sql in [
        "update movements set delta = 1",
        "update movements set hash = hash where false",
        "delete from movements",
        "truncate movements",
        "truncate movements, postings, posting_keys cascade",
        "update postings set note = 'forged'",
        "delete from postings",
        "truncate postings cascade",
        "update undos set posting_id = posting_id",
        "delete from undos",
        "truncate undos",
        "update bulk_postings set posting_id = posting_id",
        "delete from bulk_postings",
        "delete from bulk_changes",
        "update posting_keys set posting_id = posting_id",
        "update audit_events set actor_id = 1",
        "delete from audit_events",
        "update group_events set actor_id = 1",
        "delete from group_events",
        "truncate group_events",
        "truncate audit_events",
        "delete from levels",
        "truncate levels",
        "delete from items",
        "delete from users",
        "delete from locations",
        "delete from categories",
    ] {
        assert_eq!(
            state(&mut connection, sql).await,
            INSUFFICIENT_PRIVILEGE,
            "{sql}"
        );
    }
}

#[tokio::test]
async fn the_schema_and_its_guards_cannot_be_changed() {
    let db = TestDatabase::new().await;
    let mut connection = application(&db).await;
    for sql in [
        "drop table movements",
        "drop table postings cascade",
        "alter table movements drop constraint movements_balance_check",
        "alter table movements add column forged text",
        "alter table movements rename to past",
        "alter table movements owner to ticker_app",
        "alter table movements disable trigger all",
        "drop index movements_item_id_idx",
        "drop trigger users_auth_epoch_audit on users",
        "alter table users disable trigger users_auth_epoch_audit",
        "create table forged (id bigint)",
        "create function forged() returns int language sql as 'select 1'",
        "create rule forged as on insert to movements do instead nothing",
        "create trigger forged before insert on movements execute function forged()",
        "create schema forged",
        "set role ticker_owner",
        "set session_replication_role = replica",
        "alter role ticker_app superuser",
        "update _sqlx_migrations set success = false",
        "delete from _sqlx_migrations",
        "insert into _sqlx_migrations select * from _sqlx_migrations",
    ] {
        assert_eq!(
            state(&mut connection, sql).await,
            INSUFFICIENT_PRIVILEGE,
            "{sql}"
        );
    }
    // A grant by somebody who holds some rights, but not to give them away, only warns.
    let grant = "grant delete on movements to ticker_app; delete from movements";
    assert_eq!(state(&mut connection, grant).await, INSUFFICIENT_PRIVILEGE);
}

#[tokio::test]
async fn what_the_application_does_is_allowed() {
    let db = TestDatabase::new().await;
    db.item("AA batteries").stock(10).await;
    let mut connection = application(&db).await;
    for sql in [
        "select * from movements, postings, posting_keys, levels, items, users, sessions, categories, locations",
        "select * from _sqlx_migrations",
        "update levels set on_hand = on_hand",
        "update items set total = total",
        "update users set auth_epoch = auth_epoch + 1",
        "delete from sessions",
        "delete from posting_keys",
    ] {
        assert_eq!(state(&mut connection, sql).await, "done", "{sql}");
    }
}

#[tokio::test]
async fn no_table_was_forgotten() {
    let db = TestDatabase::new().await;
    // A new table needs a line in its migration's grants, and a thought here.
    let rights = db
        .texts(
            "select concat_ws(' ', c.relname, case when has_table_privilege('ticker_app', c.oid, 'select') then 'select' end,
                 case when has_table_privilege('ticker_app', c.oid, 'insert') then 'insert' end,
                 case when has_table_privilege('ticker_app', c.oid, 'update') then 'update' end,
                 case when has_table_privilege('ticker_app', c.oid, 'delete') then 'delete' end,
                 case when has_table_privilege('ticker_app', c.oid, 'truncate') then 'truncate' end)
             from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' order by 1",
        )
        .await;
    assert_eq!(
        rights,
        [
            "_sqlx_migrations select",
            "audit_events select insert",
            "bulk_changes select insert update",
            "bulk_postings select insert",
            "categories select insert update",
            "group_events select insert",
            "group_merges select insert update",
            "item_changes select delete",
            "item_changes_forgotten select update",
            "items select insert update",
            "jobs select insert update",
            "ledger_checks select update",
            "ledger_violations select insert delete",
            "levels select insert update",
            "locations select insert update",
            "movements select insert",
            "posting_keys select insert delete",
            "postings select insert",
            "proven_levels select insert update",
            "search_word_uses select insert delete",
            "search_words select",
            "sessions select insert update delete",
            "stock_counts select insert delete",
            "stock_places select",
            "stock_positions select",
            "stock_surveys select update",
            "undos select insert",
            "users select insert update",
        ]
    );
}
