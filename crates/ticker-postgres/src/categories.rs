//! Categories of items.

use sqlx::PgConnection;
use ticker_domain::category::{Category, CategoryName};
use ticker_domain::id::CategoryId;

use crate::DatabaseError;

/// Statements about categories.
#[derive(Debug)]
pub struct Categories<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

impl Categories<'_> {
    /// The categories in use, by name.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn list(&mut self) -> Result<Vec<Category>, DatabaseError> {
        let rows = sqlx::query!(
            r#"select id, name from categories
               where archived_at is null order by name, id"#
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| Category {
                id: CategoryId(row.id),
                name: row.name,
            })
            .collect())
    }

    /// The category with this name, made if there is none.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn find_or_insert(
        &mut self,
        name: &CategoryName,
    ) -> Result<CategoryId, DatabaseError> {
        sqlx::query!(
            "insert into categories (name, name_key) values ($1, $2) on conflict (name_key) do nothing",
            name.as_str(),
            name.key(),
        )
        .execute(&mut *self.connection)
        .await?;
        let id = sqlx::query_scalar!("select id from categories where name_key = $1", name.key())
            .fetch_one(&mut *self.connection)
            .await?;
        Ok(CategoryId(id))
    }
}
