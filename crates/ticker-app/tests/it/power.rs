//! Work that fails half way.

use ticker_testkit::TestDatabase;

/// From now on no row of a table becomes one of which `condition` says so of `new`, until [`comes_back`].
pub(crate) async fn goes_out(db: &TestDatabase, table: &str, condition: &str) {
    db.sql(&format!(
        "create or replace function fail() returns trigger language plpgsql as
            $$ begin raise exception 'the power is out'; end $$;
         create or replace trigger fail before update on {table} for each row
            when ({condition}) execute function fail();"
    ))
    .await;
}

/// The table can be changed again.
pub(crate) async fn comes_back(db: &TestDatabase, table: &str) {
    db.sql(&format!("drop trigger fail on {table}")).await;
}
