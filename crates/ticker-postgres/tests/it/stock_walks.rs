//! Lists that are too long to be sorted: pages found in a walk are those of the whole list, sorted here.

use std::collections::BTreeMap;

use ticker_domain::id::{ItemId, LocationId};
use ticker_domain::page::{Direction, Edge};
use ticker_domain::stock::StockStatus;
use ticker_domain::stock_list::{ItemCount, StockFilter, StockQuery, StockSort};
use ticker_postgres::Access as _;
use ticker_testkit::TestDatabase;

use crate::stock::list;
use crate::stock_plans::{BIG, SHOP, big_shop};

/// An item as the database has it.
#[derive(Clone, Debug)]
struct Item {
    id: i64,
    /// Where names, SKUs, categories and locations stand in the order of their texts.
    name: i64,
    sku: i64,
    category_id: i64,
    category: i64,
    home_id: i64,
    home: i64,
    total: i64,
    status: String,
    changed: i64,
    archived: bool,
    is_bolt: bool,
    levels: BTreeMap<i64, i64>,
}

async fn items(db: &TestDatabase) -> Vec<Item> {
    let rows = db
        .texts(
            "select concat_ws('|', i.id, dense_rank() over (order by i.name), dense_rank() over (order by i.sku),
                              i.category_id, dense_rank() over (order by c.name),
                              i.home_location_id, dense_rank() over (order by o.name), i.total, i.status,
                              (extract(epoch from i.changed_at) * 1000000)::bigint, i.archived_at is not null,
                              i.search_text like '%bolt%', (select string_agg(l.location_id || ':' || l.on_hand, ',') from levels l
                               where l.item_id = i.id))
             from items i join categories c on c.id = i.category_id
             join locations o on o.id = i.home_location_id",
        )
        .await;
    let read = |row: &String| {
        let parts: Vec<&str> = row.split('|').collect();
        let number = |place: usize| parts[place].parse::<i64>().unwrap();
        let levels = parts.get(12).map(|levels| levels.split(','));
        let level = |level: &str| {
            let (location, on_hand) = level.split_once(':').unwrap();
            (location.parse().unwrap(), on_hand.parse().unwrap())
        };
        Item {
            id: number(0),
            name: number(1),
            sku: number(2),
            category_id: number(3),
            category: number(4),
            home_id: number(5),
            home: number(6),
            total: number(7),
            status: parts[8].to_owned(),
            changed: number(9),
            archived: parts[10] == "t",
            is_bolt: parts[11] == "t",
            levels: levels.into_iter().flatten().map(level).collect(),
        }
    };
    rows.iter().map(read).collect()
}

/// The ids of the whole list.
fn whole(items: &[Item], query: &StockQuery) -> Vec<i64> {
    let filter = &query.filter;
    let at = filter.location.map(|location| location.0);
    let matches = |item: &&Item| {
        item.archived == filter.archived
            && filter
                .category
                .is_none_or(|category| item.category_id == category.0)
            && filter
                .status
                .is_none_or(|status| item.status == status.as_str())
            && (filter.search.is_none() || item.is_bolt)
            && at.is_none_or(|at| item.home_id == at || item.levels.contains_key(&at))
    };
    let key = |item: &Item| match query.sort {
        StockSort::Name => item.name,
        StockSort::Sku => item.sku,
        StockSort::Quantity => match at {
            None => item.total,
            Some(at) => item.levels.get(&at).copied().unwrap_or(0),
        },
        StockSort::Category => item.category,
        StockSort::Location => at.unwrap_or(item.home),
        StockSort::Status => item.status.parse::<StockStatus>().unwrap().rank(),
        StockSort::Changed => item.changed,
        StockSort::Id => item.id,
    };
    let mut found: Vec<&Item> = items.iter().filter(matches).collect();
    found.sort_by_key(|item| (key(item), item.id));
    if query.direction == Direction::Descending {
        found.reverse();
    }
    found.into_iter().map(|item| item.id).collect()
}

/// Goes from the first page on over a few, jumps to the middle and to the end, and from each of these back.
async fn walk_over(db: &TestDatabase, query: &StockQuery, expected: &[i64]) {
    let size = usize::from(query.size);
    let mut connection = db.connect().await;
    let mut at = vec![
        0,
        size,
        expected.len() / 2,
        expected.len().saturating_sub(size + 3),
    ];
    at.retain(|place| *place < expected.len());
    for place in at {
        let edge = match place.checked_sub(1) {
            None => Edge::First,
            Some(before) => {
                let item = ItemId(expected[before]);
                let row = connection.stock().row(item, query.filter.location).await;
                Edge::After(row.unwrap().unwrap().cursor(query.sort))
            }
        };
        let query = StockQuery {
            edge,
            ..query.clone()
        };
        let page = list(db, &query).await.page;
        let ids: Vec<i64> = page.rows.iter().map(|row| row.item.0).collect();
        let end = expected.len().min(place + size);
        assert_eq!(ids, expected[place..end], "{query:?}");
        assert_eq!(page.has_after, end < expected.len(), "{query:?}");
        let back = StockQuery {
            edge: Edge::Before(page.rows[0].cursor(query.sort)),
            ..query.clone()
        };
        let page = list(db, &back).await.page;
        let ids: Vec<i64> = page.rows.iter().map(|row| row.item.0).collect();
        let begin = place.saturating_sub(size);
        assert_eq!(ids, expected[begin..place], "{back:?}");
        assert_eq!(page.has_before, begin > 0, "{back:?}");
    }
}

/// A shop in which every column has ties over several pages, and every filter leaves too much to be sorted.
async fn shop_with_ties() -> TestDatabase {
    let db = big_shop(24_000).await;
    db.sql(
        "update items set changed_at = date_trunc('hour', changed_at), total = total / 30,
                          archived_at = case when id % 3 = 0 then timestamptz '2026-02-01Z' end;
         update levels set on_hand = on_hand / 30;
         insert into levels (item_id, location_id, on_hand, version, hash)
         select id, 2, id % 4, 1, sha256('') from items where id % 4 = 1
         on conflict do nothing",
    )
    .await;
    db
}

#[tokio::test]
async fn pages_of_a_long_list_are_those_of_the_whole_list() {
    let db = shop_with_ties().await;
    let items = items(&db).await;
    let mut filters = vec![StockFilter::default()];
    let mut also = |change: &dyn Fn(&mut StockFilter)| {
        let mut filter = StockFilter::default();
        change(&mut filter);
        filters.push(filter);
    };
    also(&|f| f.archived = true);
    also(&|f| f.category = Some(BIG));
    also(&|f| f.location = Some(LocationId(2)));
    also(&|f| f.status = Some(StockStatus::Out));
    also(&|f| (f.category, f.status) = (Some(BIG), Some(StockStatus::Low)));
    also(&|f| (f.location, f.archived) = (Some(SHOP), true));
    also(&|f| (f.location, f.status) = (Some(LocationId(2)), Some(StockStatus::Low)));
    also(&|f| (f.location, f.category) = (Some(SHOP), Some(BIG)));
    also(&|f| f.search = Some("bolt".into()));
    also(&|f| (f.search, f.archived) = (Some("bolt".into()), true));
    also(&|f| (f.search, f.category) = (Some("bolt".into()), Some(BIG)));
    also(&|f| (f.search, f.status) = (Some("bolt".into()), Some(StockStatus::Low)));
    also(&|f| (f.search, f.location) = (Some("bolt".into()), Some(SHOP)));
    for filter in filters {
        for sort in StockSort::ALL {
            for direction in [Direction::Ascending, Direction::Descending] {
                let query = StockQuery {
                    filter: filter.clone(),
                    sort,
                    direction,
                    edge: Edge::First,
                    size: 25,
                };
                let expected = whole(&items, &query);
                let is_long = expected.len() > 1_000;
                assert!(is_long, "{filter:?} leaves only {}", expected.len());
                walk_over(&db, &query, &expected).await;
            }
        }
        found_at_once(&db, &items, filter).await;
    }
}

/// The same list, as ids alone.
async fn found_at_once(db: &TestDatabase, items: &[Item], filter: StockFilter) {
    let query = StockQuery {
        filter,
        sort: StockSort::Id,
        direction: Direction::Ascending,
        edge: Edge::First,
        size: 25,
    };
    let expected = whole(items, &query);
    for max in [expected.len(), 30] {
        let mut connection = db.connect().await;
        let found = connection.stock().search_ids(&query.filter, max).await;
        let found: Vec<i64> = found.unwrap().into_iter().map(|item| item.0).collect();
        assert_eq!(found, expected[..max], "{query:?}");
    }
}

#[tokio::test]
async fn counting_ends_where_nobody_would_count() {
    let db = big_shop(24_000).await;
    let items = items(&db).await;
    let of = |filter: &StockFilter| {
        let query = StockQuery {
            filter: filter.clone(),
            ..StockQuery::default()
        };
        i64::try_from(whole(&items, &query).len()).unwrap()
    };
    let counted = async |filter: &StockFilter| {
        let query = StockQuery {
            filter: filter.clone(),
            ..StockQuery::default()
        };
        list(&db, &query).await.counts
    };
    // Of all, of a category, and of archived ones every number is kept.
    let everything = StockFilter::default();
    let category = StockFilter {
        category: Some(BIG),
        ..StockFilter::default()
    };
    let archived = StockFilter {
        archived: true,
        ..StockFilter::default()
    };
    for filter in [everything, category, archived] {
        assert_eq!(counted(&filter).await.all, ItemCount::Exactly(of(&filter)));
    }
    // Of a location each status is counted up to a thousand.
    let shop = StockFilter {
        location: Some(SHOP),
        ..StockFilter::default()
    };
    let over = StockFilter {
        status: Some(StockStatus::Over),
        ..shop.clone()
    };
    let counts = counted(&shop).await;
    assert_eq!(counts.ok, ItemCount::MoreThan(1_000));
    assert_eq!(counts.over, ItemCount::Exactly(of(&over)));
    assert!(
        matches!(counts.all, ItemCount::MoreThan(1_000..)),
        "{counts:?}"
    );
    // Of a frequent word only whether there are more.
    let bolts = StockFilter {
        search: Some("bolt".into()),
        ..StockFilter::default()
    };
    let counts = counted(&bolts).await;
    assert_eq!(
        (counts.all, counts.over),
        (ItemCount::MoreThan(1_000), ItemCount::MoreThan(0))
    );
    let over = StockFilter {
        status: Some(StockStatus::Over),
        ..bolts
    };
    let counts = counted(&over).await;
    assert!(
        matches!(counts.over, ItemCount::Exactly(1..100)),
        "{counts:?}"
    );
}
