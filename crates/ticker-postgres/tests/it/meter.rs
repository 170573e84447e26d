//! How much statements read, by PostgreSQL's own counters: what shows that an index is there and used.

use sqlx::PgConnection;
use ticker_postgres::Connection;
use ticker_testkit::TestDatabase;

/// Reads what PostgreSQL has counted.
pub(crate) struct Meter {
    connection: PgConnection,
}

impl Meter {
    pub(crate) async fn of(db: &TestDatabase) -> Self {
        Self {
            connection: db.superuser().await,
        }
    }

    /// What was read so far: rows of tables read in order, and entries of indexes.
    async fn reading(&mut self) -> (i64, i64) {
        let sql = "select (select sum(seq_tup_read)::bigint from pg_stat_user_tables
                           where relname in ('items', 'levels', 'stock_places', 'stock_positions', 'movements', 'postings')),
                          (select sum(idx_tup_read)::bigint from pg_stat_user_indexes)";
        sqlx::query_as(sql)
            .fetch_one(&mut self.connection)
            .await
            .unwrap()
    }

    /// What the statements of a connection read, by the time that it has ended.
    pub(crate) async fn reading_of<F>(&mut self, db: &TestDatabase, work: F) -> (i64, i64)
    where
        F: AsyncFnOnce(&mut Connection),
    {
        let (rows, entries) = self.reading().await;
        let database = db.replica(1);
        work(&mut database.connect().await.unwrap()).await;
        database.close().await;
        // A connection that ends adds what it has counted before it is gone.
        let gone = "select not exists (select from pg_stat_activity
                    where datname = current_database() and usename = 'ticker_test_app')";
        while !sqlx::query_scalar::<_, bool>(gone)
            .fetch_one(&mut self.connection)
            .await
            .unwrap()
        {
            tokio::task::yield_now().await;
        }
        let (rows_after, entries_after) = self.reading().await;
        (rows_after - rows, entries_after - entries)
    }
}
