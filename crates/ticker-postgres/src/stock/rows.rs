//! The list's rows: what they hold, and in which order they stand.

use jiff_sqlx::ToSqlx as _;
use sqlx::{Postgres, QueryBuilder};
use ticker_domain::id::{ItemId, LocationId};
use ticker_domain::page::{Direction, Edge};
use ticker_domain::stock_list::{SortValue, StockCursor, StockQuery, StockSort};

use super::search::{self, Found, Frequent};
use super::{numbers, walk};

/// Items by their ids.
pub(super) fn these(items: &[ItemId], location: Option<LocationId>) -> QueryBuilder<Postgres> {
    let mut sql = select(location);
    sql.push("items i");
    push_joins(&mut sql, location);
    sql.push(" where i.id = any(")
        .push_bind(numbers(items))
        .push(") order by i.id");
    sql
}

/// A page of a list that is read as a whole and sorted.
pub(super) fn sorted(query: &StockQuery, found: &Found) -> QueryBuilder<Postgres> {
    let filter = &query.filter;
    let mut sql = select(filter.location);
    sql.push("(");
    match found {
        Found::Unasked => {
            walk::push_whole(&mut sql, filter);
            sql.push(") listed join items i on i.id = listed.id");
        }
        found => {
            search::push_found(&mut sql, filter, found);
            sql.push(") i");
        }
    }
    push_joins(&mut sql, filter.location);
    if let Some(cursor) = cursor(query) {
        let column = column(query.sort, filter.location);
        sql.push(format!(" where ({column}, i.id) {} (", beyond(query)));
        push_value(&mut sql, &cursor.value);
        sql.push(", ").push_bind(cursor.item.0).push(")");
    }
    push_order(&mut sql, query);
    sql
}

/// A page of a list, found in a walk along it.
pub(super) fn walked(query: &StockQuery, frequent: Option<&Frequent>) -> QueryBuilder<Postgres> {
    let location = query.filter.location;
    let mut sql = select(location);
    sql.push("(");
    walk::push_page(&mut sql, query, frequent);
    sql.push(") listed join items i on i.id = listed.id");
    push_joins(&mut sql, location);
    push_order(&mut sql, query);
    sql
}

/// The list's columns, up to what they are read from.
fn select(location: Option<LocationId>) -> QueryBuilder<Postgres> {
    let quantity = quantity(location);
    QueryBuilder::new(format!(
        "select i.id, i.name, i.sku, i.unit, i.category_id, c.name as category_name,
                o.id as location_id, o.name as location_name, {quantity} as quantity, i.total, i.status,
                (select coalesce(sum(version), 0)::bigint from levels where item_id = i.id) as stock_version,
                i.changed_at, i.archived_at is not null as archived
         from "
    ))
}

/// `o` is the location that a row acts at, `l` its level there.
fn push_joins(sql: &mut QueryBuilder<Postgres>, location: Option<LocationId>) {
    sql.push(" join categories c on c.id = i.category_id join locations o on o.id = ");
    match location {
        None => sql.push("i.home_location_id"),
        Some(location) => sql
            .push_bind(location.0)
            .push(" left join levels l on l.item_id = i.id and l.location_id = o.id"),
    };
}

fn push_order(sql: &mut QueryBuilder<Postgres>, query: &StockQuery) {
    let column = column(query.sort, query.filter.location);
    let order = order(query);
    sql.push(format!(
        " order by {column}{order}, i.id{order} limit {}",
        limit(query)
    ));
}

fn quantity(location: Option<LocationId>) -> &'static str {
    if location.is_some() {
        "coalesce(l.on_hand, 0)"
    } else {
        "i.total"
    }
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

/// Whether the page is read from its smallest row on: the page before another is read backwards.
pub(super) fn is_ascending(query: &StockQuery) -> bool {
    let is_backwards = matches!(query.edge, Edge::Before(_));
    (query.direction == Direction::Ascending) != is_backwards
}

/// In which direction the page is read, as `order by` says it.
pub(super) fn order(query: &StockQuery) -> &'static str {
    if is_ascending(query) { "" } else { " desc" }
}

/// How the page's rows compare with the cursor.
pub(super) fn beyond(query: &StockQuery) -> &'static str {
    if is_ascending(query) { ">" } else { "<" }
}

/// The row beside which the page begins.
pub(super) fn cursor(query: &StockQuery) -> Option<&StockCursor> {
    match &query.edge {
        Edge::First => None,
        Edge::After(cursor) | Edge::Before(cursor) => Some(cursor),
    }
}

/// A row more than the page holds, which tells whether there are more.
pub(super) fn limit(query: &StockQuery) -> u32 {
    u32::from(query.size) + 1
}

pub(super) fn push_value(sql: &mut QueryBuilder<Postgres>, value: &SortValue) {
    match value {
        SortValue::Text(text) => sql.push_bind(text.clone()),
        SortValue::Integer(integer) => sql.push_bind(*integer),
        SortValue::Time(time) => sql.push_bind(time.to_sqlx()),
    };
}
