//! Which items a page shows, where too many match to sort them all: a walk along an index that stands in the
//! list's order.
//!
//! Each statement here gives ids. Where an index holds everything that is filtered by, a walk reads what it
//! shows and nothing else. Where it does not, what matches may stand far from where the walk begins: it is
//! looked for among the next entries only ([`WINDOW`], [`COVERED_WINDOW`]), and a page that is not filled from
//! these has to be sorted out of all that match. Whatever fills it is the page: nothing that matches stands before.
//!
//! Orders are written such that only the index meant for it can give them: a planner that believes in other
//! numbers can only be wrong about it where another way is as good.

use sqlx::{Postgres, QueryBuilder};
use ticker_domain::stock::StockStatus;
use ticker_domain::stock_list::{SortValue, StockFilter, StockQuery, StockSort};

use super::rows::{beyond, cursor, is_ascending, limit, order, push_value};
use super::search::{Frequent, push_terms};

/// Smaller and greater than any item's id.
const ID_BELOW_ALL: i64 = i64::MIN;
const ID_ABOVE_ALL: i64 = i64::MAX;
/// Where every item stands in `stock_places`.
const ANYWHERE: i64 = 0;
/// Among how many entries of an index is looked, each of them in its table as well: some milliseconds.
const WINDOW: u32 = 2_000;
/// The same where the index holds all that is asked.
const COVERED_WINDOW: u32 = 10_000;
/// The same from where a word first stands: to sort all that have it, each is read in a page of its table.
const WORD_WINDOW: u32 = 40_000;

/// The ids of all items that match, in no order.
pub(super) fn push_whole(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter) {
    sql.push("select p.item_id as id from stock_places p where");
    push_places(sql, filter);
    // Nothing outside may choose another way for the sake of its order.
    sql.push(" offset 0");
}

/// The ids of a page, and of the row behind it; of what a search finds that finds many.
pub(super) fn push_page(
    sql: &mut QueryBuilder<Postgres>,
    query: &StockQuery,
    frequent: Option<&Frequent>,
) {
    let filter = &query.filter;
    match query.sort {
        _ if is_windowed(query) => push_from_window(sql, query, frequent),
        StockSort::Category if filter.category.is_none() => push_by_category(sql, query),
        StockSort::Status => push_by_status(sql, query),
        // All of one group: their ids break the tie.
        _ => {
            push_by_id(sql, query, None, &begins(query));
            push_order(sql, query, &[], "id");
        }
    }
}

/// Whether a page of what a frequent search finds may be filled in a walk: along the names of those in use, if
/// what it finds is spread or it is known where it begins.
pub(super) fn may_find(query: &StockQuery, frequent: &Frequent) -> bool {
    let is_likely =
        frequent.between.is_some() || is_expected(COVERED_WINDOW, limit(query), frequent);
    query.sort == StockSort::Name && !query.filter.archived && is_likely
}

/// Whether what matches is looked for among the next entries of an index that does not hold all that is
/// filtered by: a page that is not filled may be so because they were too few.
pub(super) fn is_narrowed(query: &StockQuery, frequent: Option<&Frequent>) -> bool {
    let filter = &query.filter;
    let (category, status) = (filter.category.is_some(), filter.status.is_some());
    match query.sort {
        _ if !is_windowed(query) => false,
        StockSort::Name if is_by_category(filter, frequent) => status,
        StockSort::Name => category || status || frequent.is_some(),
        StockSort::Quantity => category || filter.location.is_some(),
        StockSort::Location => category || status,
        _ => category || status || filter.location.is_some(),
    }
}

/// Whether there are more entries than a page was looked for among.
pub(super) fn push_is_more(
    sql: &mut QueryBuilder<Postgres>,
    query: &StockQuery,
    frequent: Option<&Frequent>,
) {
    sql.push("select exists (select from (");
    push_window(sql, query, frequent);
    let last = window(query, frequent) - 1;
    sql.push(format!(") w offset {last})"));
}

/// Whether the order is one of what items have, not of groups that they fall into.
fn is_windowed(query: &StockQuery) -> bool {
    match query.sort {
        StockSort::Name | StockSort::Sku | StockSort::Quantity | StockSort::Changed => true,
        StockSort::Location => query.filter.location.is_none(),
        StockSort::Category | StockSort::Status | StockSort::Id => false,
    }
}

/// Whether names are those of one category in use, which have an index of their own.
fn is_by_category(filter: &StockFilter, frequent: Option<&Frequent>) -> bool {
    filter.category.is_some() && filter.location.is_none() && !filter.archived && frequent.is_none()
}

/// Among how many entries is looked.
fn window(query: &StockQuery, frequent: Option<&Frequent>) -> u32 {
    match query.sort {
        _ if !is_narrowed(query, frequent) => limit(query),
        StockSort::Name if is_by_category(&query.filter, frequent) => WINDOW,
        StockSort::Name => match frequent {
            Some(frequent)
                if frequent.between.is_some()
                    && is_expected(WORD_WINDOW, limit(query), frequent) =>
            {
                WORD_WINDOW
            }
            _ => COVERED_WINDOW,
        },
        _ => WINDOW,
    }
}

/// Whether so many of what a search finds are among so many entries, if they are spread evenly.
fn is_expected(entries: u32, found: u32, frequent: &Frequent) -> bool {
    i64::from(entries) / frequent.one_in.max(1) >= found.into()
}

fn push_from_window(
    sql: &mut QueryBuilder<Postgres>,
    query: &StockQuery,
    frequent: Option<&Frequent>,
) {
    let filter = &query.filter;
    sql.push("select w.id from (");
    push_window(sql, query, frequent);
    sql.push(") w");
    match (query.sort, frequent) {
        (StockSort::Name, None) => {
            sql.push(" where true");
            push_category_and_status(sql, filter, "w");
        }
        (sort, _) => {
            let is_level = sort == StockSort::Quantity && filter.location.is_some();
            if is_level || filter.category.is_some() || filter.status.is_some() {
                sql.push(" join items i on i.id = w.id where");
                push_in_use(sql, filter);
                push_item(sql, filter);
            } else {
                sql.push(" where true");
            }
            if !is_level {
                push_probe(sql, filter, "w.id");
            }
        }
    }
    if let Some(frequent) = frequent {
        push_terms(sql, "w.search_text", &frequent.terms);
    }
    push_order(sql, query, &["w.key"], "w.id");
}

/// The next entries of an index in the list's order: ids, with what they are sorted by as `key`.
fn push_window(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, frequent: Option<&Frequent>) {
    let (filter, entries) = (&query.filter, window(query, frequent));
    let (key, id) = match (query.sort, frequent) {
        (StockSort::Name, Some(frequent)) => {
            sql.push("select i.id, i.name as key, i.search_text from items i where");
            push_in_use(sql, filter);
            if let Some(between) = &frequent.between {
                push_between(sql, query, between);
                push_order_to(sql, query, &["i.name"], "i.id", entries);
                return;
            }
            ("i.name", "i.id")
        }
        (StockSort::Name, None) if is_by_category(filter, frequent) => {
            sql.push("select i.id, i.name as key, i.category_id, i.status from items i where");
            push_in_use(sql, filter);
            push_category(sql, filter, "i.category_id");
            ("i.name", "i.id")
        }
        (StockSort::Name, None) => {
            sql.push("select p.item_id as id, p.name as key, p.category_id, p.status from stock_places p where");
            push_place(sql, filter);
            ("p.name", "p.item_id")
        }
        (StockSort::Sku, _) => {
            sql.push("select i.id, i.sku as key from items i where");
            push_in_use(sql, filter);
            ("i.sku", "i.id")
        }
        (StockSort::Quantity, _) if filter.location.is_some() => {
            return push_levels(sql, query, entries);
        }
        (StockSort::Quantity, _) => return push_totals(sql, query, entries),
        (StockSort::Location, _) => return push_homes(sql, query, entries),
        _ => {
            sql.push("select s.item_id as id, s.changed_at as key from stock_positions s where");
            sql.push(format!(" s.archived = {}", filter.archived));
            ("s.changed_at", "s.item_id")
        }
    };
    push_edge(sql, query, key, id);
    push_order_to(sql, query, &[key], id, entries);
}

/// By quantity, status by status, merged: each stands by its quantity.
fn push_totals(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, entries: u32) {
    let filter = &query.filter;
    sql.push("select id, key from (");
    for (place, status) in statuses(filter).into_iter().enumerate() {
        sql.push(if place > 0 { " union all (" } else { "(" });
        sql.push("select s.item_id as id, s.total as key from stock_positions s where");
        sql.push(format!(" s.archived = {}", filter.archived));
        sql.push(format!(" and s.status = '{}'", status.as_str()));
        push_edge(sql, query, "s.total", "s.item_id");
        push_order_to(sql, query, &["s.total"], "s.item_id", entries);
        sql.push(")");
    }
    sql.push(") merged");
    push_order_to(sql, query, &["key"], "id", entries);
}

/// By the quantity at the location filtered for: items with a level there, and those that are only at home
/// there and so have nothing on hand. Those of other filters are among them.
fn push_levels(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, entries: u32) {
    let filter = &query.filter;
    let at = filter.location.map_or(ANYWHERE, |location| location.0);
    sql.push("select id, key from (");
    sql.push("(select l.item_id as id, l.on_hand as key from levels l where l.location_id = ");
    sql.push_bind(at);
    push_edge(sql, query, "l.on_hand", "l.item_id");
    push_order_to(sql, query, &["l.on_hand"], "l.item_id", entries);
    sql.push(") union all (select p.item_id, 0::bigint from stock_places p");
    sql.push(" where not p.has_level and p.location_id > 0 and p.location_id = ");
    sql.push_bind(at);
    sql.push(format!(" and p.archived = {}", filter.archived));
    sql.push(format!(" and p.item_id {} ", beyond(query)));
    sql.push_bind(begins_among(query, 0));
    push_order_to(sql, query, &[], "p.item_id", entries);
    sql.push(")) both_kinds");
    push_order_to(sql, query, &["key"], "id", entries);
}

/// Home by home in the order of their names, each by id. What holds a home together is said as a range, so that
/// its items come in the order of the index that begins with it, and from no other.
fn push_homes(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, entries: u32) {
    let ascending = is_ascending(query);
    sql.push("select i.id, g.name as key from locations g cross join lateral (");
    sql.push("select i.id from items i where");
    push_in_use(sql, &query.filter);
    sql.push(format!(
        " and (i.home_location_id, i.id) {} (g.id, ",
        beyond(query)
    ));
    Begins::InGroup("g.name").push(sql, query);
    let (within, end) = (if ascending { "<" } else { ">" }, id_before_all(!ascending));
    sql.push(format!(
        ") and (i.home_location_id, i.id) {within} (g.id, '{end}'::bigint)"
    ));
    push_order_to(sql, query, &["i.home_location_id"], "i.id", entries);
    sql.push(") i");
    push_group_edge(sql, query);
    push_order_to(sql, query, &["g.name"], "i.id", entries);
}

/// Category by category in the order of their names, each by id.
fn push_by_category(sql: &mut QueryBuilder<Postgres>, query: &StockQuery) {
    sql.push("select p.id from categories g cross join lateral (");
    push_by_id(sql, query, Some("g.id"), &Begins::InGroup("g.name"));
    push_order(sql, query, &[], "id");
    sql.push(") p");
    push_group_edge(sql, query);
    push_order(sql, query, &["g.name"], "p.id");
}

/// Status by status, each by id.
fn push_by_status(sql: &mut QueryBuilder<Postgres>, query: &StockQuery) {
    let ascending = is_ascending(query);
    sql.push("select id from (select 0 as rank, 0::bigint as id where false");
    for status in statuses(&query.filter) {
        let rank = status.rank();
        let begins = match cursor(query).map(|cursor| (&cursor.value, cursor.item)) {
            Some((SortValue::Integer(at), item)) if *at == rank => item.0,
            Some((SortValue::Integer(at), _)) if (rank > *at) != ascending => continue,
            _ => id_before_all(ascending),
        };
        sql.push(format!(
            " union all (select {rank}, p.item_id from stock_places p where"
        ));
        push_status_walk(sql, query, None, status, &Begins::At(begins));
        sql.push(")");
    }
    sql.push(") listed");
    push_order(sql, query, &["rank"], "id");
}

/// All by their ids, status by status: each stands by id in an index that begins with what is filtered by.
fn push_by_id(
    sql: &mut QueryBuilder<Postgres>,
    query: &StockQuery,
    category: Option<&str>,
    begins: &Begins,
) {
    sql.push("select id from (");
    for (place, status) in statuses(&query.filter).into_iter().enumerate() {
        sql.push(if place > 0 { " union all (" } else { "(" });
        sql.push("select p.item_id as id from stock_places p where");
        push_status_walk(sql, query, category, status, begins);
        sql.push(")");
    }
    sql.push(") merged");
}

/// What of `stock_places p` matches with one status, by id; of the category filtered for, or that of an
/// expression.
fn push_status_walk(
    sql: &mut QueryBuilder<Postgres>,
    query: &StockQuery,
    category: Option<&str>,
    status: StockStatus,
    begins: &Begins,
) {
    push_place(sql, &query.filter);
    let is_of_category = category.is_some() || query.filter.category.is_some();
    let grouped_by: &[&str] = if is_of_category {
        &["p.category_id", "p.status"]
    } else {
        &["p.status"]
    };
    let columns = grouped_by.join(", ");
    let ascending = is_ascending(query);
    let (within, all) = (if ascending { "<" } else { ">" }, id_before_all(!ascending));
    // As ranges: beside an equation PostgreSQL would look for the status, and pass by all ids up to this one.
    for (comparison, is_end) in [(beyond(query), false), (within, true)] {
        sql.push(format!(" and ({columns}, p.item_id) {comparison} ("));
        match (category, query.filter.category) {
            (Some(category), _) => _ = sql.push(format!("{category}, ")),
            (None, Some(category)) => _ = sql.push_bind(category.0).push(", "),
            (None, None) => {}
        }
        sql.push(format!("'{}', ", status.as_str()));
        if is_end {
            sql.push(format!("'{all}'::bigint"));
        } else {
            begins.push(sql, query);
        }
        sql.push(")");
    }
    push_order(sql, query, grouped_by, "p.item_id");
}

/// The statuses that are asked for.
fn statuses(filter: &StockFilter) -> Vec<StockStatus> {
    let asked = |status: &StockStatus| filter.status.is_none_or(|asked| asked == *status);
    StockStatus::ALL.into_iter().filter(asked).collect()
}

/// What of `stock_places p` matches.
fn push_places(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter) {
    push_place(sql, filter);
    push_category_and_status(sql, filter, "p");
}

/// Where in `stock_places p` those stand that are at the location filtered for.
fn push_place(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter) {
    sql.push(" p.location_id = ");
    sql.push_bind(filter.location.map_or(ANYWHERE, |location| location.0));
    sql.push(format!(" and p.archived = {}", filter.archived));
}

/// Narrows what has an item's category and status.
fn push_category_and_status(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter, of: &str) {
    push_category(sql, filter, &format!("{of}.category_id"));
    push_status(sql, filter, &format!("{of}.status"));
}

fn push_category(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter, column: &str) {
    if let Some(category) = filter.category {
        sql.push(format!(" and {column} = ")).push_bind(category.0);
    }
}

fn push_status(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter, column: &str) {
    if let Some(status) = filter.status {
        sql.push(format!(" and {column} = "));
        sql.push_bind(status.as_str());
    }
}

/// Narrows `items i` to those of the category and status filtered for.
pub(super) fn push_item(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter) {
    push_category_and_status(sql, filter, "i");
}

/// Narrows `items i` to those in use, or to archived ones.
pub(super) fn push_in_use(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter) {
    sql.push(if filter.archived {
        " i.archived_at is not null"
    } else {
        " i.archived_at is null"
    });
}

/// Narrows items to those at the location filtered for, asking each of them: joined, the whole location could
/// be read.
pub(super) fn push_probe(sql: &mut QueryBuilder<Postgres>, filter: &StockFilter, id: &str) {
    if let Some(location) = filter.location {
        sql.push(format!(
            " and (select true from stock_places p where p.item_id = {id} and p.location_id = "
        ));
        sql.push_bind(location.0).push(")");
    }
}

/// The id beside which a walk by id begins.
enum Begins {
    /// This one.
    At(i64),
    /// The cursor's in the group that the cursor names; in any other the first. The name's expression.
    InGroup(&'static str),
}

impl Begins {
    fn push(&self, sql: &mut QueryBuilder<Postgres>, query: &StockQuery) {
        let all = id_before_all(is_ascending(query));
        match (self, cursor(query)) {
            (Self::At(id), _) => {
                sql.push_bind(*id);
            }
            (Self::InGroup(_), None) => {
                sql.push(format!("'{all}'::bigint"));
            }
            (Self::InGroup(name), Some(cursor)) => {
                sql.push(format!("case when {name} = "));
                push_value(sql, &cursor.value);
                sql.push(" then ").push_bind(cursor.item.0);
                sql.push(format!(" else '{all}'::bigint end"));
            }
        }
    }
}

/// Beside which id a list begins whose ids are all that it is sorted by.
fn begins(query: &StockQuery) -> Begins {
    let all = id_before_all(is_ascending(query));
    Begins::At(cursor(query).map_or(all, |cursor| cursor.item.0))
}

/// Beside which id those begin whose number is `number`.
fn begins_among(query: &StockQuery, number: i64) -> i64 {
    let ascending = is_ascending(query);
    match cursor(query).map(|cursor| (&cursor.value, cursor.item.0)) {
        Some((SortValue::Integer(at), item)) if *at == number => item,
        Some((SortValue::Integer(at), _)) if (*at > number) == ascending => {
            id_before_all(!ascending)
        }
        _ => id_before_all(ascending),
    }
}

/// From which of the groups `g` on a list goes on that is sorted by their names.
fn push_group_edge(sql: &mut QueryBuilder<Postgres>, query: &StockQuery) {
    if let Some(cursor) = cursor(query) {
        sql.push(format!(" where g.name {}= ", beyond(query)));
        push_value(sql, &cursor.value);
    }
}

/// From the page's edge or where what is looked for begins, whichever comes later, to where it ends. The walk would
/// begin at an edge that stands before and pass by all between.
fn push_between(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, between: &(String, String)) {
    let ascending = is_ascending(query);
    let (mut begin, mut end) = (&between.0, &between.1);
    if !ascending {
        (begin, end) = (end, begin);
    }
    let (beyond, all) = (beyond(query), id_before_all(ascending));
    sql.push(format!(
        " and i.name {}= ",
        if ascending { "<" } else { ">" }
    ));
    sql.push_bind(end.clone());
    sql.push(format!(" and (i.name, i.id) {beyond} ("));
    match cursor(query) {
        None => {
            sql.push_bind(begin.clone());
            sql.push(format!(", '{all}'::bigint)"));
        }
        Some(cursor) => {
            let later = if ascending { "greatest" } else { "least" };
            sql.push(format!("{later}("));
            sql.push_bind(begin.clone()).push(", ");
            push_value(sql, &cursor.value);
            sql.push(" collate natural_order), case when ");
            sql.push_bind(begin.clone());
            sql.push(format!(" {beyond} "));
            push_value(sql, &cursor.value);
            sql.push(format!(" collate natural_order then '{all}'::bigint else "));
            sql.push_bind(cursor.item.0).push(" end)");
        }
    }
}

fn push_edge(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, column: &str, id: &str) {
    if let Some(cursor) = cursor(query) {
        sql.push(format!(" and ({column}, {id}) {} (", beyond(query)));
        push_value(sql, &cursor.value);
        sql.push(", ").push_bind(cursor.item.0).push(")");
    }
}

fn push_order(sql: &mut QueryBuilder<Postgres>, query: &StockQuery, columns: &[&str], id: &str) {
    push_order_to(sql, query, columns, id, limit(query));
}

fn push_order_to(
    sql: &mut QueryBuilder<Postgres>,
    query: &StockQuery,
    columns: &[&str],
    id: &str,
    entries: u32,
) {
    let order = order(query);
    sql.push(" order by ");
    for column in columns {
        sql.push(format!("{column}{order}, "));
    }
    sql.push(format!("{id}{order} limit {entries}"));
}

fn id_before_all(is_ascending: bool) -> i64 {
    if is_ascending {
        ID_BELOW_ALL
    } else {
        ID_ABOVE_ALL
    }
}
