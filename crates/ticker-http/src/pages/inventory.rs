//! The stock list.

pub(crate) mod address;
pub(crate) mod export;
pub(crate) mod row;
pub(crate) mod view;

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use jiff::Timestamp;
use ticker_app::demo::LoadDemoError;
use ticker_app::stock::{StockCounts, StockList};
use ticker_domain::page::{Direction, Edge, PAGE_SIZE_DEFAULT, PAGE_SIZES};
use ticker_domain::permission::{ItemCreate, Permission, StockView};
use ticker_domain::stock::StockStatus;
use ticker_domain::stock_list::{ItemCount, StockFilter, StockQuery, StockSort};
use ticker_domain::user::Role;

use self::address::{Params, href};
use self::view::{Chip, Correction, Counted, Filters, Head, InventoryPage, Pages, Selection};
use super::bulk::view::Hidden;
use super::display::number;
use super::fields::Choice;
use super::layout::{Layout, Section};
use super::{left_toast, live_cursor, page, see_other_with};
use crate::access::May;
use crate::error::{HttpError, PageResult};
use crate::flash::Flash;
use crate::query::Query;
use crate::state::Web;

/// Shows a page of the list.
pub(crate) async fn list(
    State(web): State<Web>,
    May(by): May<StockView>,
    flash: Flash,
    Query(params): Query<Params>,
) -> PageResult {
    let query = address::read(&params).map_err(|bad| HttpError::bad_request(bad.to_string()))?;
    let cursor = live_cursor(&web, &by).await;
    let list = web.app.list_stock(&by, &query).await?;
    let layout = Layout::of(by.user(), Section::Inventory)
        .over_locations(list.locations.len())
        .with(left_toast(&flash))
        .live(cursor);
    let template = show(layout, by.user().role, &query, &list, web.clock.now());
    page(StatusCode::OK, &template)
}

/// Says how many items the list's filters leave, by status and in the words of the list: for a list that is open
/// while stock moves.
pub(crate) async fn counts(
    State(web): State<Web>,
    May(by): May<StockView>,
    Query(params): Query<Params>,
) -> PageResult {
    let query = address::read(&params).map_err(|bad| HttpError::bad_request(bad.to_string()))?;
    let counts = web.app.count_stock(&by, &query.filter).await?;
    let statuses = StockStatus::ALL.map(Some).into_iter().chain([None]);
    let counted = statuses.filter_map(|status| counted(&counts, status));
    let counts: BTreeMap<_, _> = counted.map(|one| (one.of, one.items)).collect();
    Ok(Json(counts).into_response())
}

/// Fills an empty inventory with the demo shop.
pub(crate) async fn load_demo(
    State(web): State<Web>,
    May(by): May<ItemCreate>,
    flash: Flash,
) -> PageResult {
    match web.app.load_demo(&by).await {
        Ok(shop) => {
            let (items, movements) = (shop.items, shop.movements);
            let done = format!("Loaded {items} items with {movements} movements");
            Ok(see_other_with("/", &flash, &done))
        }
        Err(error @ (LoadDemoError::NotEmpty | LoadDemoError::NoUsers)) => Err(
            HttpError::conflict(format!("The demo shop was not loaded: {error}.")),
        ),
        Err(LoadDemoError::Failure(failure)) => Err(failure.into()),
    }
}

fn show(
    layout: Layout,
    role: Role,
    query: &StockQuery,
    list: &StockList,
    now: Timestamp,
) -> InventoryPage {
    let may_adjust = role.may(Permission::StockAdjust);
    let filter = &query.filter;
    let is_filtered = !filter.is_open();
    let unfiltered = StockQuery {
        filter: StockFilter::default(),
        ..first_page(query)
    };
    let return_to = href(query);
    InventoryPage {
        layout,
        empty: !list.any_items,
        may_create: role.may(Permission::ItemCreate),
        chips: chips(query, list),
        clear_href: (is_filtered || list.page.rows.is_empty()).then(|| href(&unfiltered)),
        title: title(filter, list),
        filter_words: filter_words(filter, list),
        correction: correction(filter, list),
        heads: heads(query),
        pages: pages(query, list),
        selection: selection(role, query, list),
        rows: list
            .page
            .rows
            .iter()
            .map(|row| row::show(row, filter.location, &return_to, may_adjust, now))
            .collect(),
        filters: filters(query, list),
    }
}

/// The same list from its beginning.
fn first_page(query: &StockQuery) -> StockQuery {
    StockQuery {
        edge: Edge::First,
        ..query.clone()
    }
}

fn selection(role: Role, query: &StockQuery, list: &StockList) -> Selection {
    let mut query = first_page(query);
    if list.corrected.is_some() {
        // What is selected is what is shown, not what was typed.
        query.filter.search.clone_from(&list.corrected);
    }
    let matching = Counted {
        of: (!query.filter.archived).then(|| word(query.filter.status)),
        items: in_words(list.counts.of(query.filter.status)),
    };
    let is_part = list.page.has_before || list.page.has_after;
    let named = address::fields(&query).into_iter();
    let hidden = named.map(|(name, value)| Hidden::of((name, value.as_str())));
    Selection {
        hidden: hidden.collect(),
        may_change: role.may(Permission::BulkApply),
        may_move: list.locations.len() > 1,
        all_matching: is_part.then_some(matching),
    }
}

/// The columns that can be sorted by, in words.
fn sort_label(sort: StockSort) -> &'static str {
    match sort {
        StockSort::Name => "Name",
        StockSort::Sku => "SKU",
        StockSort::Quantity => "Quantity",
        StockSort::Category => "Category",
        StockSort::Location => "Location",
        StockSort::Status => "Status",
        StockSort::Changed => "Last change",
        StockSort::Id => "Time of adding",
    }
}

fn filters(query: &StockQuery, list: &StockList) -> Filters {
    let filter = &query.filter;
    let with_all =
        |all: &str, rest: Vec<Choice>| std::iter::once(Choice::new("", all)).chain(rest).collect();
    let number_of = |id: Option<String>| id.unwrap_or_default();
    Filters {
        search: filter.search.clone().unwrap_or_default(),
        category: number_of(filter.category.map(|id| id.to_string())),
        categories: with_all(
            "All categories",
            list.categories
                .iter()
                .map(|one| Choice::new(one.id, &one.name))
                .collect(),
        ),
        location: number_of(filter.location.map(|id| id.to_string())),
        locations: with_all(
            "All locations",
            list.locations
                .iter()
                .map(|one| Choice::new(one.id, &one.name))
                .collect(),
        ),
        status: filter.status.map_or("", StockStatus::as_str),
        sort: query.sort.as_str(),
        sort_default: StockSort::default().as_str(),
        sort_label: sort_label(query.sort),
        sorts: StockSort::ALL
            .into_iter()
            .filter(|sort| *sort != StockSort::Location || list.locations.len() != 1)
            .map(|sort| Choice::new(sort.as_str(), sort_label(sort)))
            .collect(),
        descending: query.direction == Direction::Descending,
        size: query.size.to_string(),
        size_default: PAGE_SIZE_DEFAULT.to_string(),
        sizes: PAGE_SIZES
            .map(|size| Choice::new(size, size.to_string()))
            .into(),
        archived: filter.archived,
    }
}

fn chips(query: &StockQuery, list: &StockList) -> Vec<Chip> {
    let shown = &query.filter;
    let at = |status, archived| {
        let filter = StockFilter {
            status,
            archived,
            ..shown.clone()
        };
        href(&StockQuery {
            filter,
            ..first_page(query)
        })
    };
    // While archived items are listed, their statuses are not offered, and the others are not counted.
    let count = |status| counted(&list.counts, status).filter(|_| !shown.archived);
    let all = Chip {
        word: "",
        label: "All",
        count: count(None),
        href: at(None, false),
        current: shown.status.is_none() && !shown.archived,
    };
    let statuses = StockStatus::ALL.map(|status| Chip {
        word: status.as_str(),
        label: status.label(),
        count: count(Some(status)),
        href: at(Some(status), false),
        current: shown.status == Some(status) && !shown.archived,
    });
    let archived = Chip {
        word: "archived",
        label: "Archived",
        count: shown.archived.then(|| Counted {
            of: None,
            items: in_words(list.counts.all),
        }),
        href: at(None, true),
        current: shown.archived,
    };
    std::iter::once(all)
        .chain(statuses)
        .chain([archived])
        .collect()
}

fn filter_words(filter: &StockFilter, list: &StockList) -> Vec<String> {
    let unknown = || "that does not exist".to_owned();
    let category = filter.category.map(|id| {
        let found = list.categories.iter().find(|one| one.id == id);
        format!(
            "category {}",
            found.map_or_else(unknown, |one| one.name.clone())
        )
    });
    let location = filter.location.map(|id| {
        let found = list.locations.iter().find(|one| one.id == id);
        format!(
            "location {}",
            found.map_or_else(unknown, |one| one.name.clone())
        )
    });
    [
        filter
            .search
            .as_ref()
            .map(|text| format!("“{text}” in name, SKU or barcode")),
        category,
        location,
        filter
            .status
            .map(|status| format!("status {}", status.label())),
        filter.archived.then(|| "been archived".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What tells this list from others among a browser's tabs and in its history: `“bolt”, Low · Inventory`.
fn title(filter: &StockFilter, list: &StockList) -> String {
    let category = list
        .categories
        .iter()
        .find(|one| Some(one.id) == filter.category);
    let location = list
        .locations
        .iter()
        .find(|one| Some(one.id) == filter.location);
    let parts = [
        filter.search.as_ref().map(|text| format!("“{text}”")),
        category.map(|one| one.name.clone()),
        location.map(|one| one.name.clone()),
        filter.status.map(|status| status.label().to_owned()),
        filter.archived.then(|| "Archived".to_owned()),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() {
        "Inventory".to_owned()
    } else {
        format!("{} · Inventory", parts.join(", "))
    }
}

/// What is shown instead of what was looked for.
fn correction(filter: &StockFilter, list: &StockList) -> Option<Correction> {
    let (searched, shown) = (filter.search.clone()?, list.corrected.clone()?);
    Some(Correction { searched, shown })
}

/// How many have a status, or any; nothing where nothing is known of how many.
fn counted(counts: &StockCounts, status: Option<StockStatus>) -> Option<Counted> {
    let items = counts.of(status);
    (items != ItemCount::MoreThan(0)).then(|| Counted {
        of: Some(word(status)),
        items: in_words(items),
    })
}

/// What counts are called for script.
fn word(status: Option<StockStatus>) -> &'static str {
    status.map_or("all", StockStatus::as_str)
}

/// `980,020`, or `1,000+` where counting ended there.
fn in_words(items: ItemCount) -> String {
    match items {
        ItemCount::Exactly(items) => number(items),
        ItemCount::MoreThan(items) => number(items) + "+",
    }
}

fn heads(query: &StockQuery) -> Vec<Head> {
    let sortable = |class, sort: StockSort| {
        let is_current = query.sort == sort;
        let direction = match query.direction {
            Direction::Ascending if is_current => Direction::Descending,
            _ => Direction::Ascending,
        };
        let sorted = match query.direction {
            _ if !is_current => "",
            Direction::Ascending => "ascending",
            Direction::Descending => "descending",
        };
        let href = href(&StockQuery {
            sort,
            direction,
            ..first_page(query)
        });
        Head {
            class,
            label: sort_label(sort),
            sorted,
            href,
        }
    };
    vec![
        sortable("sku", StockSort::Sku),
        sortable("name", StockSort::Name),
        sortable("category", StockSort::Category),
        sortable("location", StockSort::Location),
        sortable("state-cell", StockSort::Status),
        sortable("changed", StockSort::Changed),
        sortable("steps end", StockSort::Quantity),
    ]
}

fn pages(query: &StockQuery, list: &StockList) -> Pages {
    let rows = &list.page.rows;
    let matching = list.counts.of(query.filter.status);
    let shown = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let noun = if matching == ItemCount::Exactly(1) {
        "item"
    } else {
        "items"
    };
    let at = |edge| {
        href(&StockQuery {
            edge,
            ..query.clone()
        })
    };
    Pages {
        summary: if shown < matching.at_least() {
            format!("{} of {} {noun}", number(shown), in_words(matching))
        } else {
            format!("{} {noun}", in_words(matching))
        },
        newer: rows
            .first()
            .filter(|_| list.page.has_before)
            .map(|row| at(Edge::Before(row.cursor(query.sort)))),
        older: rows
            .last()
            .filter(|_| list.page.has_after)
            .map(|row| at(Edge::After(row.cursor(query.sort)))),
    }
}
