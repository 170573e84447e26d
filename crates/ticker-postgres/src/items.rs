//! Items and their details.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::PgConnection;
use ticker_domain::id::{CategoryId, ItemId, LocationId};
use ticker_domain::item::{Barcode, ItemDetails};
use ticker_domain::stock::{StockStatus, Thresholds};
use uuid::Uuid;

use crate::DatabaseError;
use crate::error::parse_stored;

/// Statements about items.
#[derive(Debug)]
pub struct Items<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// An item as it stands.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its identifier.
    pub id: ItemId,
    /// Its name.
    pub name: String,
    /// Its stock keeping unit.
    pub sku: String,
    /// What a scanner reads.
    pub barcode: Option<String>,
    /// What one of it is called.
    pub unit: String,
    /// The category it belongs to.
    pub category: CategoryId,
    /// The category's name.
    pub category_name: String,
    /// Where a press changes it.
    pub home_location: LocationId,
    /// The home location's name.
    pub home_location_name: String,
    /// When to reorder and up to how many.
    pub thresholds: Thresholds,
    /// On hand over all locations, in the item's unit.
    pub total: i64,
    /// What the total means.
    pub status: StockStatus,
    /// How often the details were edited, and the version that an edit must name.
    pub version: i64,
    /// When the item or its stock last changed.
    pub changed_at: Timestamp,
    /// When it was archived, if it is.
    pub archived_at: Option<Timestamp>,
}

/// Why details cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum StoreItemError {
    /// Another item, archived or not, has the name.
    #[error("another item has this name")]
    NameTaken,
    /// Another item has the SKU.
    #[error("another item has this SKU")]
    SkuTaken,
    /// Another item has the barcode.
    #[error("another item has this barcode")]
    BarcodeTaken,
    /// The same form was sent before: the item is there.
    #[error("this item was added before")]
    AddedBefore,
    /// There is no such category.
    #[error("there is no such category")]
    UnknownCategory,
    /// There is no such location.
    #[error("there is no such location")]
    UnknownLocation,
    /// The database fails.
    #[error(transparent)]
    Database(DatabaseError),
}

impl From<sqlx::Error> for StoreItemError {
    fn from(error: sqlx::Error) -> Self {
        let error = DatabaseError::from(error);
        match error.constraint() {
            Some("items_name_key_key") => Self::NameTaken,
            Some("items_sku_key_key") => Self::SkuTaken,
            Some("items_barcode_key_key") => Self::BarcodeTaken,
            Some("items_creation_key_key") => Self::AddedBefore,
            Some("items_category_id_fkey") => Self::UnknownCategory,
            Some("items_home_location_id_fkey") => Self::UnknownLocation,
            _ => Self::Database(error),
        }
    }
}

impl Items<'_> {
    /// The item, archived or not.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn find(&mut self, id: ItemId) -> Result<Option<Item>, DatabaseError> {
        let row = sqlx::query!(
            r#"select i.id, i.name, i.sku, i.barcode, i.unit, i.category_id, c.name as category_name,
                      i.home_location_id, l.name as home_location_name, i.minimum, i.target,
                      i.reorder_multiple, i.total, i.status, i.version,
                      i.changed_at as "changed_at: jiff_sqlx::Timestamp",
                      i.archived_at as "archived_at: jiff_sqlx::Timestamp"
               from items i
               join categories c on c.id = i.category_id
               join locations l on l.id = i.home_location_id
               where i.id = $1"#,
            id.0
        )
        .fetch_optional(&mut *self.connection)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let thresholds =
            Thresholds::new(row.minimum, row.target, row.reorder_multiple).map_err(|_| {
                DatabaseError::UnknownValue {
                    column: "items.minimum",
                    value: format!("{row:?}"),
                }
            })?;
        Ok(Some(Item {
            id: ItemId(row.id),
            name: row.name,
            sku: row.sku,
            barcode: row.barcode,
            unit: row.unit,
            category: CategoryId(row.category_id),
            category_name: row.category_name,
            home_location: LocationId(row.home_location_id),
            home_location_name: row.home_location_name,
            thresholds,
            total: row.total,
            status: parse_stored("items.status", &row.status)?,
            version: row.version,
            changed_at: row.changed_at.to_jiff(),
            archived_at: row.archived_at.map(jiff_sqlx::Timestamp::to_jiff),
        }))
    }

    /// The item with this name, by its key.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn find_by_name(&mut self, key: &str) -> Result<Option<ItemId>, DatabaseError> {
        let id = sqlx::query_scalar!("select id from items where name_key = $1", key)
            .fetch_optional(&mut *self.connection)
            .await?;
        Ok(id.map(ItemId))
    }

    /// The item with this SKU, by its key.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn find_by_sku(&mut self, key: &str) -> Result<Option<ItemId>, DatabaseError> {
        let id = sqlx::query_scalar!("select id from items where sku_key = $1", key)
            .fetch_optional(&mut *self.connection)
            .await?;
        Ok(id.map(ItemId))
    }

    /// The item with this barcode, by its key.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn find_by_barcode(&mut self, key: &str) -> Result<Option<ItemId>, DatabaseError> {
        let id = sqlx::query_scalar!("select id from items where barcode_key = $1", key)
            .fetch_optional(&mut *self.connection)
            .await?;
        Ok(id.map(ItemId))
    }

    /// Holds off whoever adds or changes items until the transaction ends, after waiting for those who
    /// are at it for as long as they need. The transaction's statements have no time limit from then on.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn hold_off_writes(&mut self) -> Result<(), DatabaseError> {
        let sql = "set local lock_timeout = 0; set local statement_timeout = 0;
                   lock table items in share row exclusive mode";
        sqlx::raw_sql(sql).execute(&mut *self.connection).await?;
        Ok(())
    }

    /// Whether there is any item, archived or not.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn any(&mut self) -> Result<bool, DatabaseError> {
        Ok(
            sqlx::query_scalar!(r#"select exists (select from items) as "any!""#)
                .fetch_one(&mut *self.connection)
                .await?,
        )
    }

    /// The item that was added under this key.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn find_by_creation_key(
        &mut self,
        key: Uuid,
    ) -> Result<Option<ItemId>, DatabaseError> {
        let id = sqlx::query_scalar!("select id from items where creation_key = $1", key)
            .fetch_optional(&mut *self.connection)
            .await?;
        Ok(id.map(ItemId))
    }

    /// Adds an item without stock.
    ///
    /// # Errors
    /// [`StoreItemError`] names what is taken or missing.
    pub async fn insert(
        &mut self,
        creation_key: Uuid,
        details: &ItemDetails,
        at: Timestamp,
    ) -> Result<ItemId, StoreItemError> {
        let barcode = details.barcode.as_ref();
        let id = sqlx::query_scalar!(
            r#"insert into items (name, name_key, sku, sku_key, barcode, barcode_key, unit, category_id,
                                  home_location_id, minimum, target, reorder_multiple, search_text,
                                  changed_at, created_at, creation_key)
               values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15)
               returning id"#,
            details.name.as_str(),
            details.name.key(),
            details.sku.as_str(),
            details.sku.key(),
            barcode.map(Barcode::as_str),
            barcode.map(Barcode::key),
            details.unit.as_str(),
            details.category.0,
            details.home_location.0,
            details.thresholds.minimum(),
            details.thresholds.target(),
            details.thresholds.reorder_multiple(),
            details.search_text(),
            at.to_sqlx() as _,
            creation_key,
        )
        .fetch_one(&mut *self.connection)
        .await?;
        Ok(ItemId(id))
    }

    /// Replaces the details of an item that is still at `seen_version`, and returns its new version;
    /// `None` if there is no such item at that version.
    ///
    /// # Errors
    /// [`StoreItemError`] names what is taken or missing.
    pub async fn update(
        &mut self,
        id: ItemId,
        seen_version: i64,
        details: &ItemDetails,
        at: Timestamp,
    ) -> Result<Option<i64>, StoreItemError> {
        let barcode = details.barcode.as_ref();
        let version = sqlx::query_scalar!(
            r#"update items
               set name = $3, name_key = $4, sku = $5, sku_key = $6, barcode = $7, barcode_key = $8,
                   unit = $9, category_id = $10, home_location_id = $11, minimum = $12, target = $13,
                   reorder_multiple = $14, search_text = $15, changed_at = $16, version = version + 1
               where id = $1 and version = $2
               returning version"#,
            id.0,
            seen_version,
            details.name.as_str(),
            details.name.key(),
            details.sku.as_str(),
            details.sku.key(),
            barcode.map(Barcode::as_str),
            barcode.map(Barcode::key),
            details.unit.as_str(),
            details.category.0,
            details.home_location.0,
            details.thresholds.minimum(),
            details.thresholds.target(),
            details.thresholds.reorder_multiple(),
            details.search_text(),
            at.to_sqlx() as _,
        )
        .fetch_optional(&mut *self.connection)
        .await?;
        Ok(version)
    }

    /// Archives an item or restores it, and tells whether there is such an item. Doing so twice is as
    /// good as once.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn set_archived(
        &mut self,
        id: ItemId,
        archived: bool,
        at: Timestamp,
    ) -> Result<bool, DatabaseError> {
        let done = sqlx::query!(
            r#"update items
               set archived_at = case when $2 then coalesce(archived_at, $3) end,
                   changed_at = case when (archived_at is null) = $2 then $3 else changed_at end
               where id = $1"#,
            id.0,
            archived,
            at.to_sqlx() as _,
        )
        .execute(&mut *self.connection)
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
