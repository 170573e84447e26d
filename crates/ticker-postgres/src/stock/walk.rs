//! Which items a page shows: a walk along an index that stands in the list's order, or all that match.
//!
//! Each statement here gives ids. Its order is such that only the index meant for it can give it; a planner
//! that believes in other numbers can only be wrong about it where another way is as good.

use sqlx::{Postgres, QueryBuilder};
use ticker_domain::stock::StockStatus;
use ticker_domain::stock_list::{SortValue, StockFilter, StockQuery, StockSort};

use super::rows::{beyond, cursor, is_ascending, limit, order, push_value};
use super::search::{Found, push_terms};

/// Smaller and greater than any item's id.
const ID_BELOW_ALL: i64 = i64::MIN;
const ID_ABOVE_ALL: i64 = i64::MAX;
/// Where every item stands in `stock_places`.
const ANYWHERE: i64 = 0;

/// The ids of all items that match, in no order.
pub(super) fn push_whole(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter, found: &Found) {
    sql.push("select p.item_id as id from stock_places p");
    push_places(sql, filter, found);
    // Nothing outside may choose another way for the sake of its order.
    sql.push(" offset 0");
}

/// The ids of a page, and of the row behind it.
pub(super) fn push_page(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, found: &Found) {
    let filter = &query.filter;
    match query.sort {
        StockSort::Name => push_by_name(sql, query, found),
        StockSort::Sku => push_items(sql, query, found, "i.sku"),
        StockSort::Quantity if filter.location.is_some() => push_levels(sql, query, found),
        StockSort::Quantity => push_positions(sql, query, found, "total"),
        StockSort::Changed => push_positions(sql, query, found, "changed_at"),
        StockSort::Category if filter.category.is_none() => {
            push_groups(sql, query, found, "categories", "category_id");
        }
        StockSort::Location if filter.location.is_none() => {
            push_groups(sql, query, found, "locations", "home_location_id");
        }
        StockSort::Status if filter.status.is_none() => push_statuses(sql, query, found),
        // All of one group: their ids break the tie.
        StockSort::Id | StockSort::Category | StockSort::Location | StockSort::Status => {
            push_by_id(sql, query, found);
        }
    }
}

fn push_by_name(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, found: &Found) {
    if let (Some(_), None) = (query.filter.category, query.filter.location) {
        return push_items(sql, query, found, "i.name");
    }
    sql.push("select p.item_id as id from stock_places p");
    push_places(sql, &query.filter, found);
    push_edge(sql, query, "p.name", "p.item_id");
    push_order(sql, query, "p.name", "p.item_id");
}

fn push_items(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, found: &Found, column: &str) {
    sql.push("select i.id from items i");
    push_items_at(sql, &query.filter);
    sql.push(" where true");
    push_item_conditions(sql, &query.filter, found);
    push_edge(sql, query, column, "i.id");
    push_order(sql, query, column, "i.id");
}

fn push_by_id(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, found: &Found) {
    sql.push("select i.id from items i where true");
    push_probe(sql, &query.filter);
    push_item_conditions(sql, &query.filter, found);
    if let Some(cursor) = cursor(query) {
        push_begin(sql, query, &["i.id"], cursor.item.0);
    }
    sql.push(format!(
        " order by i.id{} limit {}",
        order(query),
        limit(query)
    ));
}

/// By what changes with every press.
fn push_positions(
    sql: &mut QueryBuilder<Postgres>,
    query: &StockQuery,
    found: &Found,
    column: &str,
) {
    let filter = &query.filter;
    sql.push("select s.item_id as id from stock_positions s");
    if filter.parts() > usize::from(filter.archived) {
        sql.push(" join items i on i.id = s.item_id");
        push_items_at(sql, filter);
    }
    sql.push(format!(" where s.archived = {}", filter.archived));
    if filter.parts() > usize::from(filter.archived) {
        push_item_conditions(sql, filter, found);
    }
    let column = format!("s.{column}");
    push_edge(sql, query, &column, "s.item_id");
    push_order(sql, query, &column, "s.item_id");
}

/// By the quantity at the location filtered for: items with a level there, and those that are only at home
/// there and so have nothing on hand.
fn push_levels(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, found: &Found) {
    let filter = &query.filter;
    let Some(location) = filter.location else {
        return push_positions(sql, query, found, "total");
    };
    let order = order(query);
    sql.push("select id from ((select s.on_hand, s.item_id as id from levels s join items i on i.id = s.item_id");
    sql.push(" where s.location_id = ").push_bind(location.0);
    push_item_conditions(sql, filter, found);
    push_edge(sql, query, "s.on_hand", "s.item_id");
    push_order(sql, query, "s.on_hand", "s.item_id");
    sql.push(
        ") union all (select 0, p.item_id from stock_places p join items i on i.id = p.item_id",
    );
    sql.push(" where not p.has_level and p.location_id > 0 and p.location_id = ");
    sql.push_bind(location.0);
    push_item_conditions(sql, filter, found);
    if let Some(cursor) = cursor(query) {
        // Where among those with 0 the page begins.
        let begins = match (&cursor.value, is_ascending(query)) {
            (SortValue::Integer(0), _) => cursor.item.0,
            (SortValue::Integer(on_hand), is_ascending) if (*on_hand < 0) == is_ascending => {
                id_before_all(is_ascending)
            }
            (_, is_ascending) => id_before_all(!is_ascending),
        };
        push_begin(sql, query, &["p.item_id", "i.id"], begins);
    }
    let limit = limit(query);
    sql.push(format!(" order by p.item_id{order} limit {limit}"));
    sql.push(format!(
        ")) listed order by on_hand{order}, id{order} limit {limit}"
    ));
}

/// Group by group, each by id: categories or locations by their names. What holds a group together is said
/// as a range, so that its items come in the order of the index that begins with the group, and from no other.
fn push_groups(
    sql: &mut QueryBuilder<Postgres>,
    query: &StockQuery,
    found: &Found,
    groups: &str,
    column: &str,
) {
    let (order, limit, ascending) = (order(query), limit(query), is_ascending(query));
    sql.push(format!(
        "select i.id from {groups} g cross join lateral (select i.id from items i"
    ));
    sql.push(format!(
        " where (i.{column}, i.id) {} (g.id, ",
        beyond(query)
    ));
    let all = id_before_all(ascending);
    match cursor(query) {
        None => sql.push(format!("'{all}'::bigint")),
        Some(cursor) => {
            sql.push("case when g.name = ");
            push_value(sql, &cursor.value);
            sql.push(" then ").push_bind(cursor.item.0);
            sql.push(format!(" else '{all}'::bigint end"))
        }
    };
    let (within, end) = (if ascending { "<" } else { ">" }, id_before_all(!ascending));
    sql.push(format!(
        ") and (i.{column}, i.id) {within} (g.id, '{end}'::bigint)"
    ));
    push_probe(sql, &query.filter);
    push_item_conditions(sql, &query.filter, found);
    sql.push(format!(
        " order by i.{column}{order}, i.id{order} limit {limit}) i"
    ));
    if let Some(cursor) = cursor(query) {
        sql.push(format!(" where g.name {}= ", beyond(query)));
        push_value(sql, &cursor.value);
    }
    sql.push(format!(
        " order by g.name{order}, i.id{order} limit {limit}"
    ));
}

/// Status by status, each by id.
fn push_statuses(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, found: &Found) {
    let (order, limit, ascending) = (order(query), limit(query), is_ascending(query));
    sql.push("select id from (select 0 as rank, 0::bigint as id where false");
    for status in StockStatus::ALL {
        let rank = status.rank();
        let begins = match cursor(query).map(|cursor| (&cursor.value, cursor.item)) {
            Some((SortValue::Integer(at), item)) if *at == rank => item.0,
            Some((SortValue::Integer(at), _)) if (rank > *at) != ascending => continue,
            _ => id_before_all(ascending),
        };
        let filter = StockFilter {
            status: Some(status),
            ..query.filter.clone()
        };
        sql.push(format!(
            " union all (select {rank}, p.item_id from stock_places p"
        ));
        push_places(sql, &filter, found);
        if asks_items(&filter, found) {
            push_begin(sql, query, &["i.id"], begins);
        }
        sql.push(format!(" and (p.status, p.item_id) {} (", beyond(query)));
        sql.push_bind(status.as_str());
        sql.push(", ").push_bind(begins);
        sql.push(format!(
            ") order by p.status{order}, p.item_id{order} limit {limit})"
        ));
    }
    sql.push(format!(
        ") listed order by rank{order}, id{order} limit {limit}"
    ));
}

/// What of `stock_places p` matches; `i` is joined where it has to be asked.
fn push_places(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter, found: &Found) {
    if asks_items(filter, found) {
        sql.push(" join items i on i.id = p.item_id");
    }
    sql.push(" where p.location_id = ");
    sql.push_bind(filter.location.map_or(ANYWHERE, |location| location.0));
    sql.push(format!(" and p.archived = {}", filter.archived));
    if let Some(status) = filter.status {
        sql.push(" and p.status = ").push_bind(status.as_str());
    }
    if let Some(category) = filter.category {
        sql.push(" and i.category_id = ").push_bind(category.0);
    }
    push_found(sql, found, "p.item_id");
}

/// Narrows items to those at the location filtered for, asking each of them: joined, the whole location could
/// be read, and for each group anew.
fn push_probe(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter) {
    if let Some(location) = filter.location {
        sql.push(
            " and (select true from stock_places p where p.item_id = i.id and p.location_id = ",
        );
        sql.push_bind(location.0).push(")");
    }
}

/// Whether `stock_places` cannot tell what matches.
fn asks_items(filter: &StockFilter, found: &Found) -> bool {
    filter.category.is_some() || matches!(found, Found::Many(_))
}

/// Where in the order of ids the page begins, said of each table: joined by merging, one that has not been told
/// would be read from its beginning.
fn push_begin(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, ids: &[&str], begins: i64) {
    for id in ids {
        sql.push(format!(" and {id} {} ", beyond(query)));
        sql.push_bind(begins);
    }
}

/// Narrows items to those at the location filtered for.
fn push_items_at(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter) {
    if let Some(location) = filter.location {
        sql.push(" join stock_places p on p.item_id = i.id and p.location_id = ");
        sql.push_bind(location.0);
    }
}

/// What of `items i` matches, but for the location.
fn push_item_conditions(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter, found: &Found) {
    sql.push(if filter.archived {
        " and i.archived_at is not null"
    } else {
        " and i.archived_at is null"
    });
    if let Some(status) = filter.status {
        sql.push(" and i.status = ").push_bind(status.as_str());
    }
    if let Some(category) = filter.category {
        sql.push(" and i.category_id = ").push_bind(category.0);
    }
    push_found(sql, found, "i.id");
}

fn push_found(sql: &mut QueryBuilder<Postgres>, found: &Found, id: &str) {
    match found {
        Found::Unasked => {}
        Found::Items(items) => {
            sql.push(format!(" and {id} = any("));
            sql.push_bind(items.clone()).push(")");
        }
        Found::Many(terms) => push_terms(sql, terms),
    }
}

fn push_edge(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, column: &str, id: &str) {
    if let Some(cursor) = cursor(query) {
        sql.push(format!(" and ({column}, {id}) {} (", beyond(query)));
        push_value(sql, &cursor.value);
        sql.push(", ").push_bind(cursor.item.0).push(")");
    }
}

fn push_order(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, column: &str, id: &str) {
    let (order, limit) = (order(query), limit(query));
    sql.push(format!(
        " order by {column}{order}, {id}{order} limit {limit}"
    ));
}

fn id_before_all(is_ascending: bool) -> i64 {
    if is_ascending {
        ID_BELOW_ALL
    } else {
        ID_ABOVE_ALL
    }
}
