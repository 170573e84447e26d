//! Forgetting keys that nobody sends again. Postings and movements are never forgotten.

use sqlx::PgConnection;

use crate::DatabaseError;

/// Statements about the keys of postings that are not the ledger's own.
#[derive(Debug)]
pub struct PostingKeys<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

impl PostingKeys<'_> {
    /// Forgets at most `limit` keys that were answered more than so many days ago, by the database's clock,
    /// the oldest first, and returns how many these were: fewer than `limit` when no more are left.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.posting_keys.delete_expired", skip(self))]
    pub async fn delete_expired(&mut self, days: u32, limit: u32) -> Result<u64, DatabaseError> {
        let done = sqlx::query!(
            r#"delete from posting_keys where key in (
                   select key from posting_keys
                   where answered_at < now() - make_interval(hours => 24 * $1::bigint::integer)
                   order by answered_at limit $2
               )"#,
            i64::from(days),
            i64::from(limit)
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(done.rows_affected())
    }
}
