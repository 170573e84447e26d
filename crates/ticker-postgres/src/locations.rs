//! Locations of stock.

use sqlx::PgConnection;
use ticker_domain::id::LocationId;
use ticker_domain::location::{Location, LocationName};

use crate::DatabaseError;

/// Statements about locations.
#[derive(Debug)]
pub struct Locations<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

impl Locations<'_> {
    /// The locations in use, by name.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn list(&mut self) -> Result<Vec<Location>, DatabaseError> {
        let rows = sqlx::query!(
            r#"select id, name from locations
               where archived_at is null order by name, id"#
        )
        .fetch_all(&mut *self.connection)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| Location {
                id: LocationId(row.id),
                name: row.name,
            })
            .collect())
    }

    /// The location with this name, made if there is none.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn find_or_insert(
        &mut self,
        name: &LocationName,
    ) -> Result<LocationId, DatabaseError> {
        sqlx::query!(
            "insert into locations (name, name_key) values ($1, $2) on conflict (name_key) do nothing",
            name.as_str(),
            name.key(),
        )
        .execute(&mut *self.connection)
        .await?;
        let id = sqlx::query_scalar!("select id from locations where name_key = $1", name.key())
            .fetch_one(&mut *self.connection)
            .await?;
        Ok(LocationId(id))
    }
}
