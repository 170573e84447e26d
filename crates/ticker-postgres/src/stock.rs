//! The stock list: items with what is on hand, filtered, sorted and read page by page.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::{PgConnection, Postgres, QueryBuilder, Row as _};
use ticker_domain::id::{CategoryId, ItemId, LocationId};
use ticker_domain::page::{Direction, Edge, Page};
use ticker_domain::stock::StockStatus;
use ticker_domain::stock_list::{SortValue, StockCursor, StockFilter, StockQuery, StockSort};
use ticker_domain::text;

use crate::DatabaseError;
use crate::error::parse_stored;

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

/// How many items a filter leaves, by status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StockCounts {
    /// With nothing on hand.
    pub out: i64,
    /// At or below their minimum.
    pub low: i64,
    /// In order.
    pub ok: i64,
    /// Above their target.
    pub over: i64,
}

impl StockCounts {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> i64 {
        self.out + self.low + self.ok + self.over
    }

    /// Those with a status.
    #[must_use]
    pub fn of(&self, status: StockStatus) -> i64 {
        match status {
            StockStatus::Out => self.out,
            StockStatus::Low => self.low,
            StockStatus::Ok => self.ok,
            StockStatus::Over => self.over,
        }
    }
}

impl Stock<'_> {
    /// A page of the stock list.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.stock.page", skip_all)]
    pub async fn page(&mut self, query: &StockQuery) -> Result<Page<StockRow>, DatabaseError> {
        let mut sql = select_rows(query.filter.location);
        push_filter(&mut sql, &query.filter);
        let backwards = matches!(query.edge, Edge::Before(_));
        let ascending = (query.direction == Direction::Ascending) != backwards;
        if let Edge::After(cursor) | Edge::Before(cursor) = &query.edge {
            push_edge(&mut sql, query, ascending, cursor);
        }
        let order = if ascending { "" } else { " desc" };
        sql.push(format!(
            " order by {}{order}, i.id{order} limit ",
            column(query.sort, query.filter.location)
        ));
        sql.push_bind(i64::from(query.size) + 1);
        let rows = sql.build().fetch_all(&mut *self.connection).await?;
        let rows = rows.iter().map(read_row).collect::<Result<_, _>>()?;
        Ok(Page::from_read(rows, query.size, &query.edge))
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
        let mut sql = select_rows(location);
        sql.push(" where i.id = ").push_bind(item.0);
        let row = sql.build().fetch_optional(&mut *self.connection).await?;
        row.as_ref().map(read_row).transpose()
    }

    /// How many items the filter leaves by status, whatever status it asks for itself.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.stock.counts", skip_all)]
    pub async fn counts(&mut self, filter: &StockFilter) -> Result<StockCounts, DatabaseError> {
        let mut sql = QueryBuilder::new("select i.status, count(*) from items i ");
        push_level_join(&mut sql, filter.location);
        push_filter(
            &mut sql,
            &StockFilter {
                status: None,
                ..filter.clone()
            },
        );
        sql.push(" group by i.status");
        let mut counts = StockCounts::default();
        for row in sql.build().fetch_all(&mut *self.connection).await? {
            let count: i64 = row.try_get(1)?;
            match parse_stored("items.status", row.try_get(0)?)? {
                StockStatus::Out => counts.out = count,
                StockStatus::Low => counts.low = count,
                StockStatus::Ok => counts.ok = count,
                StockStatus::Over => counts.over = count,
            }
        }
        Ok(counts)
    }
}

/// The list's columns and joins. `o` is the location that a row acts at, `l` its level there.
fn select_rows(location: Option<LocationId>) -> QueryBuilder<Postgres> {
    let quantity = quantity(location);
    let mut sql = QueryBuilder::new(format!(
        "select i.id, i.name, i.sku, i.unit, i.category_id, c.name as category_name,
                o.id as location_id, o.name as location_name, {quantity} as quantity, i.total, i.status,
                (select coalesce(sum(version), 0)::bigint from levels where item_id = i.id) as stock_version,
                i.changed_at, i.archived_at is not null as archived
         from items i join categories c on c.id = i.category_id "
    ));
    push_level_join(&mut sql, location);
    sql.push(" join locations o on o.id = ");
    match location {
        Some(location) => sql.push_bind(location.0),
        None => sql.push("i.home_location_id"),
    };
    sql
}

fn quantity(location: Option<LocationId>) -> &'static str {
    if location.is_some() {
        "coalesce(l.on_hand, 0)"
    } else {
        "i.total"
    }
}

fn push_level_join(sql: &mut QueryBuilder<Postgres>, location: Option<LocationId>) {
    if let Some(location) = location {
        sql.push(" left join levels l on l.item_id = i.id and l.location_id = ");
        sql.push_bind(location.0);
    }
}

fn push_filter(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter) {
    let archived = if filter.archived {
        "is not null"
    } else {
        "is null"
    };
    sql.push(format!(" where i.archived_at {archived}"));
    if let Some(search) = &filter.search {
        sql.push(" and i.search_text like ");
        sql.push_bind(format!("%{}%", escape_like(&text::fold_for_search(search))));
    }
    if let Some(category) = filter.category {
        sql.push(" and i.category_id = ").push_bind(category.0);
    }
    if let Some(location) = filter.location {
        sql.push(" and (l.item_id is not null or i.home_location_id = ");
        sql.push_bind(location.0).push(")");
    }
    if let Some(status) = filter.status {
        sql.push(" and i.status = ").push_bind(status.as_str());
    }
}

fn push_edge(
    sql: &mut QueryBuilder<Postgres>,
    query: &StockQuery,
    ascending: bool,
    cursor: &StockCursor,
) {
    let beyond = if ascending { ">" } else { "<" };
    sql.push(format!(
        " and ({}, i.id) {beyond} (",
        column(query.sort, query.filter.location)
    ));
    match &cursor.value {
        SortValue::Text(text) => sql.push_bind(text.clone()),
        SortValue::Integer(integer) => sql.push_bind(*integer),
        SortValue::Time(time) => sql.push_bind(time.to_sqlx()),
    };
    sql.push(", ").push_bind(cursor.item.0).push(")");
}

fn column(sort: StockSort, location: Option<LocationId>) -> &'static str {
    match sort {
        StockSort::Name => "i.name",
        StockSort::Sku => "i.sku",
        StockSort::Quantity => quantity(location),
        StockSort::Category => "c.name",
        StockSort::Location => "o.name",
        // The places that `StockStatus::rank` gives, as bigint like the cursor's.
        StockSort::Status => "array_position(array['out', 'low', 'ok', 'over'], i.status)::bigint",
        StockSort::Changed => "i.changed_at",
        StockSort::Id => "i.id",
    }
}

/// Makes a text stand for itself in a LIKE pattern.
fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('%', "\\%")
        .replace('_', "\\_")
}

fn read_row(row: &sqlx::postgres::PgRow) -> Result<StockRow, DatabaseError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_wildcards_stand_for_themselves() {
        assert_eq!(escape_like(r"50%_\"), r"50\%\_\\");
    }
}
