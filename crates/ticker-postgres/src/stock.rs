//! The stock list: items with what is on hand, filtered, sorted and read page by page.
//!
//! However many items there are, a page reads some hundred rows of them: in the order of an index where many
//! items match, else all that match, and sorts these. Which of the two is decided here, from counts that are
//! kept, rather than left to what the planner believes (docs/decisions/0017-lists-of-a-million-items.md).

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, QueryBuilder, Row as _};
use ticker_domain::id::{CategoryId, ItemId, LocationId};
use ticker_domain::page::Page;
use ticker_domain::search::terms;
use ticker_domain::stock::StockStatus;
use ticker_domain::stock_list::{
    ItemCount, SortValue, StockCursor, StockFilter, StockQuery, StockSort,
};

use crate::DatabaseError;
use crate::error::parse_stored;

mod counts;
mod rows;
mod search;
mod walk;

use self::search::{Found, Frequent};

/// Statements about the stock list.
#[derive(Debug)]
pub struct Stock<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// A row of the stock list.
#[derive(Clone, Debug)]
pub struct StockRow {
    /// The item.
    pub item: ItemId,
    /// Its name.
    pub name: String,
    /// Its stock keeping unit.
    pub sku: String,
    /// What one of it is called.
    pub unit: String,
    /// The category it belongs to.
    pub category: CategoryId,
    /// The category's name.
    pub category_name: String,
    /// Where a press on this row acts: the location filtered for, else the item's home.
    pub location: LocationId,
    /// The name of that location.
    pub location_name: String,
    /// The quantity shown: at the location filtered for, else over all locations.
    pub quantity: i64,
    /// On hand over all locations.
    pub total: i64,
    /// What the total means.
    pub status: StockStatus,
    /// How many movements the item has had, over all locations: of two pictures of it, the one with more
    /// is the newer.
    pub stock_version: i64,
    /// When the item or its stock last changed.
    pub changed_at: Timestamp,
    /// Whether the item is archived.
    pub archived: bool,
}

impl StockRow {
    /// Where the row stands in a list that is sorted by `sort`.
    #[must_use]
    pub fn cursor(&self, sort: StockSort) -> StockCursor {
        let value = match sort {
            StockSort::Name => SortValue::Text(self.name.clone()),
            StockSort::Sku => SortValue::Text(self.sku.clone()),
            StockSort::Quantity => SortValue::Integer(self.quantity),
            StockSort::Category => SortValue::Text(self.category_name.clone()),
            StockSort::Location => SortValue::Text(self.location_name.clone()),
            StockSort::Status => SortValue::Integer(self.status.rank()),
            StockSort::Changed => SortValue::Time(self.changed_at),
            StockSort::Id => SortValue::Integer(self.item.0),
        };
        StockCursor {
            value,
            item: self.item,
        }
    }
}

/// How many items a filter leaves, whatever status it asks for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StockCounts {
    /// With nothing on hand.
    pub out: ItemCount,
    /// At or below their minimum.
    pub low: ItemCount,
    /// In order.
    pub ok: ItemCount,
    /// Above their target.
    pub over: ItemCount,
    /// All of them.
    pub all: ItemCount,
}

impl StockCounts {
    /// Those with a status; all without.
    #[must_use]
    pub fn of(&self, status: Option<StockStatus>) -> ItemCount {
        match status {
            None => self.all,
            Some(StockStatus::Out) => self.out,
            Some(StockStatus::Low) => self.low,
            Some(StockStatus::Ok) => self.ok,
            Some(StockStatus::Over) => self.over,
        }
    }
}

/// A page of the stock list, with what else is known about the list.
#[derive(Clone, Debug)]
pub struct StockListing {
    /// The rows.
    pub page: Page<StockRow>,
    /// How many items the filter leaves.
    pub counts: StockCounts,
    /// What was looked for instead of the search, which nothing matches: a word was misspelt.
    pub corrected: Option<String>,
}

/// Up to so many items that match are counted, and all read and sorted. Where more do, a page is looked for
/// in a walk along an index first.
const SORTED_MAX: i64 = 1_000;

impl Stock<'_> {
    /// A page of the stock list.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.stock.list", skip_all)]
    pub async fn list(&mut self, query: &StockQuery) -> Result<StockListing, DatabaseError> {
        let (found, corrected) = self.find(&query.filter).await?;
        let counts = self.count(&query.filter, &found).await?;
        let rows = match counts.of(query.filter.status) {
            ItemCount::Exactly(0) => Vec::new(),
            // A walk along everything is as short as can be, however few there are.
            ItemCount::Exactly(items) if items <= SORTED_MAX && query.filter.parts() > 0 => {
                self.sort(query, &found).await?
            }
            _ => self.walk(query, &found).await?,
        };
        let rows = rows.iter().map(read_row).collect::<Result<_, _>>()?;
        Ok(StockListing {
            page: Page::from_read(rows, query.size, &query.edge),
            counts,
            corrected,
        })
    }

    async fn sort(
        &mut self,
        query: &StockQuery,
        found: &Found,
    ) -> Result<Vec<PgRow>, DatabaseError> {
        let mut sql = rows::sorted(query, found);
        // Planned with what was found: how much that is decides.
        let rows = sql.build().persistent(false);
        Ok(rows.fetch_all(&mut *self.connection).await?)
    }

    /// Walks along the list where there is an index for it; sorts where the next entries of it do not fill a page.
    async fn walk(
        &mut self,
        query: &StockQuery,
        found: &Found,
    ) -> Result<Vec<PgRow>, DatabaseError> {
        let frequent = found.frequent();
        if frequent.is_some_and(|frequent| !walk::may_find(query, frequent)) {
            return self.sort(query, found).await;
        }
        // A plan that is made once serves any category or status, but not any two of them.
        let is_planned_once = query.filter.parts() <= 1 && frequent.is_none();
        let mut sql = rows::walked(query, frequent);
        let rows = sql.build().persistent(is_planned_once);
        let rows = rows.fetch_all(&mut *self.connection).await?;
        let is_filled = rows.len() > usize::from(query.size);
        if is_filled
            || !walk::is_narrowed(query, frequent)
            || !self.is_more(query, frequent).await?
        {
            return Ok(rows);
        }
        self.sort(query, found).await
    }

    /// Whether there are more entries than a page was looked for among.
    async fn is_more(
        &mut self,
        query: &StockQuery,
        frequent: Option<&Frequent>,
    ) -> Result<bool, DatabaseError> {
        let mut sql = QueryBuilder::new("");
        walk::push_is_more(&mut sql, query, frequent);
        let is_more = sql.build_query_scalar().persistent(false);
        Ok(is_more.fetch_one(&mut *self.connection).await?)
    }

    /// How many items a filter leaves, as its list says.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.stock.counts", skip_all)]
    pub async fn counts(&mut self, filter: &StockFilter) -> Result<StockCounts, DatabaseError> {
        let (found, _) = self.find(filter).await?;
        self.count(filter, &found).await
    }

    /// One row of the list, as it stands under the location filtered for.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn row(
        &mut self,
        item: ItemId,
        location: Option<LocationId>,
    ) -> Result<Option<StockRow>, DatabaseError> {
        Ok(self.rows(&[item], location).await?.pop())
    }

    /// Rows of the list by the ids of their items, as they stand under the location filtered for. Those that
    /// there are not are left out.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.stock.rows", skip_all)]
    pub async fn rows(
        &mut self,
        items: &[ItemId],
        location: Option<LocationId>,
    ) -> Result<Vec<StockRow>, DatabaseError> {
        let mut sql = rows::these(items, location);
        let rows = sql.build().fetch_all(&mut *self.connection).await?;
        rows.iter().map(read_row).collect()
    }

    /// The items that a filter leaves, by their ids, `max` at most, its search taken as it is spelt. One reading,
    /// and nothing counted: pages of a list would each search anew.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.stock.search_ids", skip_all)]
    pub async fn search_ids(
        &mut self,
        filter: &StockFilter,
        max: usize,
    ) -> Result<Vec<ItemId>, DatabaseError> {
        let (found, corrected) = self.find(filter).await?;
        if corrected.is_some() {
            return Ok(Vec::new());
        }
        let mut sql = QueryBuilder::new("select i.id from (");
        search::push_found(&mut sql, filter, &found);
        sql.push(") i order by i.id limit ");
        sql.push_bind(i64::try_from(max).unwrap_or(i64::MAX));
        let ids: Vec<i64> = sql
            .build_query_scalar()
            .persistent(false)
            .fetch_all(&mut *self.connection)
            .await?;
        Ok(ids.into_iter().map(ItemId).collect())
    }

    /// Those of the items that a filter leaves, its search taken as it is spelt.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.stock.matching_of", skip_all)]
    pub async fn matching_of(
        &mut self,
        items: &[ItemId],
        filter: &StockFilter,
    ) -> Result<BTreeSet<ItemId>, DatabaseError> {
        let search = filter.search.as_deref().unwrap_or_default();
        let terms = terms(search);
        if terms.is_empty() && !search.trim().is_empty() {
            return Ok(BTreeSet::new());
        }
        let mut sql = QueryBuilder::new("select i.id from (");
        search::push_found(&mut sql, filter, &Found::Items(numbers(items)));
        sql.push(") i where true");
        search::push_terms(&mut sql, "i.search_text", &terms);
        let matching: Vec<i64> = sql
            .build_query_scalar()
            .persistent(false)
            .fetch_all(&mut *self.connection)
            .await?;
        Ok(matching.into_iter().map(ItemId).collect())
    }
}

fn numbers(items: &[ItemId]) -> Vec<i64> {
    items.iter().map(|item| item.0).collect()
}

fn read_row(row: &PgRow) -> Result<StockRow, DatabaseError> {
    let changed_at: jiff_sqlx::Timestamp = row.try_get("changed_at")?;
    Ok(StockRow {
        item: ItemId(row.try_get("id")?),
        name: row.try_get("name")?,
        sku: row.try_get("sku")?,
        unit: row.try_get("unit")?,
        category: CategoryId(row.try_get("category_id")?),
        category_name: row.try_get("category_name")?,
        location: LocationId(row.try_get("location_id")?),
        location_name: row.try_get("location_name")?,
        quantity: row.try_get("quantity")?,
        total: row.try_get("total")?,
        status: parse_stored("items.status", row.try_get("status")?)?,
        stock_version: row.try_get("stock_version")?,
        changed_at: changed_at.to_jiff(),
        archived: row.try_get("archived")?,
    })
}
