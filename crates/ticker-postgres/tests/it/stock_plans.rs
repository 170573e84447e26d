//! How much of a big inventory a list reads: whatever is asked for, some thousand rows at most, and no table as
//! a whole. What is counted is what PostgreSQL has counted, of the very statements that run.

use ticker_domain::id::{CategoryId, ItemId, LocationId};
use ticker_domain::page::{Direction, Edge};
use ticker_domain::stock::StockStatus;
use ticker_domain::stock_list::{SortValue, StockCursor, StockFilter, StockQuery, StockSort};
use ticker_postgres::Access as _;
use ticker_testkit::TestDatabase;

use crate::meter::Meter;

const ITEMS: u32 = 40_000;
/// A category with most items, and one with a few.
pub(crate) const BIG: CategoryId = CategoryId(8);
const SMALL: CategoryId = CategoryId(1);
/// A location where most items are, and one where a few are.
pub(crate) const SHOP: LocationId = LocationId(5);
const SHED: LocationId = LocationId(1);
/// A category and a location that no item has.
const UNUSED: CategoryId = CategoryId(9);
const EMPTY: LocationId = LocationId(6);
/// Those that come next.
const FAR_CATEGORY: i64 = 10;
const FAR_LOCATION: i64 = 7;
/// What a list may read, entries of indexes included. Whatever is rarer than one in so many is read as a
/// whole, a thousand items at most, and each of them costs some entries: its place, itself, its levels.
const READ_MAX: i64 = 7_000;
/// Plans are made anew five times, then perhaps once for all that follow.
const RUNS: i64 = 7;

/// So many items in eight categories and at five locations: the first has few, the last most, and one more of
/// each nothing.
pub(crate) async fn big_shop(items: u32) -> TestDatabase {
    let db = TestDatabase::new().await;
    let sql = format!(
        "insert into categories (name, name_key) select 'Group ' || n, n from generate_series(1, 9) n;
         insert into locations (name, name_key) select 'Place ' || n, n from generate_series(1, 6) n;
         insert into items (name, name_key, sku, sku_key, unit, category_id, home_location_id, minimum, target,
                            search_text, total, changed_at, archived_at, creation_key, created_at)
         select name, name, 'S-' || n, 'S-' || n, 'pcs', case when n % 211 = 0 then 1 else least(8, 2 + n % 101 % 12) end,
                case when n % 307 = 0 then 1 else least(5, 2 + n % 97 % 11) end,
                10, 500, lower(name) || ' s-' || n,
                case when n % 37 = 0 then 0 when n % 1999 = 0 then 900 else 5 + n % 90 end,
                timestamptz '2026-01-01Z' + n * 7919 % {items} * interval '1 s',
                case when n % 25 = 3 then timestamptz '2026-02-01Z' end, gen_random_uuid(), '2026-01-01Z'
         from (select n, (array['Steel', 'Brass', 'Oak', 'Nylon'])[1 + n % 4] || ' '
                         || (array['bolt', 'nut', 'battery', 'hinge', 'bracket'])[1 + n % 5] || ' M' || n as name
               from (select n * 7907 % {items} as n from generate_series(1, {items}) n) shuffled) named;
         insert into levels (item_id, location_id, on_hand, version, hash)
         select id, home_location_id, total, 1, sha256('') from items where id % 10 > 0"
    );
    db.sql(&sql).await;
    db.sql("vacuum analyze").await;
    db
}

impl Meter {
    /// Lists of one filter and sort in both directions read no table in order, and of indexes a bounded part.
    async fn check(&mut self, db: &TestDatabase, queries: &[StockQuery], max: i64) {
        let (rows, entries) = self
            .reading_of(db, async |connection| {
                for query in queries {
                    for _ in 0..RUNS {
                        let listing = connection.stock().list(query).await.unwrap();
                        let filter = &query.filter;
                        let is_empty =
                            filter.category == Some(UNUSED) || filter.location == Some(EMPTY);
                        assert_eq!(listing.page.rows.is_empty(), is_empty, "{query:?}");
                    }
                }
            })
            .await;
        let entries = entries / RUNS / i64::try_from(queries.len()).unwrap();
        assert_eq!(rows, 0, "{queries:?} read a table in order");
        assert!(entries <= max, "{queries:?} read {entries} entries");
    }

    /// A search that finds something reads no table in order, and of indexes a bounded part.
    async fn search(&mut self, db: &TestDatabase, query: &StockQuery, max: i64) {
        let (rows, entries) = self
            .reading_of(db, async |connection| {
                let listing = connection.stock().list(query).await.unwrap();
                assert!(!listing.page.rows.is_empty(), "{query:?}");
            })
            .await;
        assert_eq!(rows, 0, "{query:?} reads a table in order");
        assert!(entries <= max, "{query:?} reads {entries} entries");
    }
}

fn filters() -> Vec<StockFilter> {
    let mut filters = Vec::new();
    let mut filter = |change: &dyn Fn(&mut StockFilter)| {
        let mut filter = StockFilter::default();
        change(&mut filter);
        filters.push(filter);
    };
    let (ok, over) = (Some(StockStatus::Ok), Some(StockStatus::Over));
    filter(&|_| {});
    filter(&|f| f.archived = true);
    filter(&|f| f.category = Some(BIG));
    filter(&|f| f.category = Some(SMALL));
    filter(&|f| f.location = Some(SHOP));
    filter(&|f| f.location = Some(SHED));
    filter(&|f| f.status = ok);
    filter(&|f| f.status = over);
    filter(&|f| (f.category, f.status) = (Some(BIG), ok));
    filter(&|f| (f.category, f.status) = (Some(BIG), over));
    filter(&|f| (f.location, f.status) = (Some(SHOP), ok));
    filter(&|f| (f.location, f.status) = (Some(SHOP), over));
    filter(&|f| (f.location, f.category) = (Some(SHOP), Some(BIG)));
    filter(&|f| (f.location, f.category) = (Some(SHOP), Some(SMALL)));
    filter(&|f| (f.location, f.category, f.status) = (Some(SHOP), Some(BIG), over));
    filter(&|f| (f.category, f.archived) = (Some(BIG), true));
    // Nothing is there.
    filter(&|f| (f.location, f.category) = (Some(EMPTY), Some(BIG)));
    filter(&|f| (f.location, f.category) = (Some(SHOP), Some(UNUSED)));
    filters
}

#[tokio::test]
async fn no_list_reads_more_than_a_fraction_of_a_big_inventory() {
    let db = big_shop(ITEMS).await;
    let mut meter = Meter::of(&db).await;
    for filter in filters() {
        for sort in StockSort::ALL {
            let queries =
                [Direction::Ascending, Direction::Descending].map(|direction| StockQuery {
                    filter: filter.clone(),
                    sort,
                    direction,
                    ..StockQuery::default()
                });
            meter.check(&db, &queries, READ_MAX).await;
        }
    }
}

#[tokio::test]
async fn a_page_deep_in_the_list_reads_as_much_as_the_first() {
    let db = big_shop(ITEMS).await;
    let mut meter = Meter::of(&db).await;
    for sort in StockSort::ALL {
        for location in [None, Some(SHOP)] {
            let filter = StockFilter {
                location,
                ..StockFilter::default()
            };
            let middle = ItemId(i64::from(ITEMS / 2));
            let database = db.replica(1);
            let mut connection = database.connect().await.unwrap();
            let row = connection.stock().row(middle, location).await.unwrap();
            let cursor: StockCursor = row.unwrap().cursor(sort);
            drop(connection);
            database.close().await;
            let edges = [Edge::After(cursor.clone()), Edge::Before(cursor)];
            let queries = edges.map(|edge| StockQuery {
                filter: filter.clone(),
                sort,
                edge,
                ..StockQuery::default()
            });
            meter.check(&db, &queries, READ_MAX).await;
        }
    }
}

/// What matches stands at the list's other end, or where the newest items are: nobody walks to it.
#[tokio::test]
async fn what_stands_far_from_where_a_list_begins_is_not_walked_to() {
    let db = big_shop(ITEMS).await;
    // The last of the ids are at one place and of one category, with the most on hand and yet below their minimum.
    db.sql(&format!(
        "insert into categories (name, name_key) values ('Zz', 'zz');
         insert into locations (name, name_key) values ('Zz', 'zz');
         update items set home_location_id = {FAR_LOCATION}, category_id = {FAR_CATEGORY}, name = 'zz ' || name,
                          search_text = 'zz ' || search_text, sku = 'Z' || sku, total = 5000, minimum = 9000,
                          target = null, changed_at = changed_at + interval '1 year', archived_at = null
         where id > {ITEMS} * 19 / 20;
         delete from levels where item_id > {ITEMS} * 19 / 20",
    ))
    .await;
    db.sql("vacuum analyze").await;
    let mut meter = Meter::of(&db).await;
    let mut filters = [(); 4].map(|()| StockFilter::default());
    filters[0].status = Some(StockStatus::Low);
    filters[0].category = Some(CategoryId(FAR_CATEGORY));
    filters[1].category = Some(CategoryId(FAR_CATEGORY));
    filters[2].location = Some(LocationId(FAR_LOCATION));
    filters[3].search = Some("zz".to_owned());
    for filter in filters {
        for sort in StockSort::ALL {
            let query = StockQuery {
                filter: filter.clone(),
                sort,
                size: 200,
                ..StockQuery::default()
            };
            // What is looked among, then whether there is more, then all that match: places, items, groups.
            let looked_among = if sort == StockSort::Name {
                20_000
            } else {
                6_000
            };
            let max = looked_among + 6 * i64::from(ITEMS) / 20;
            meter.check(&db, &[query], max).await;
        }
    }
}

#[tokio::test]
async fn searches_read_what_they_find_and_little_else() {
    let db = big_shop(ITEMS).await;
    let mut meter = Meter::of(&db).await;
    for (search, sort) in [
        // One item, some hundred, thousands.
        ("steel m1234", StockSort::Name),
        ("m39", StockSort::Name),
        ("bolt", StockSort::Name),
        ("bolt", StockSort::Quantity),
        ("m1", StockSort::Sku),
        // Misspelt.
        ("stele m1234", StockSort::Name),
        ("hingge", StockSort::Name),
    ] {
        // The index of searches counts everything that it finds.
        let query = StockQuery {
            sort,
            ..searching_for(search)
        };
        meter.search(&db, &query, 45_000).await;
    }
}

/// All steel comes last, and all brass first: where a word stands is known.
#[tokio::test]
async fn a_frequent_word_is_read_from_where_it_stands() {
    let db = big_shop(ITEMS).await;
    let mut meter = Meter::of(&db).await;
    // Somebody's address names a row that is not among them.
    let far = |name: &str| {
        Edge::After(StockCursor {
            value: SortValue::Text(name.to_owned()),
            item: ItemId(1),
        })
    };
    for (search, direction, edge) in [
        ("steel", Direction::Ascending, Edge::First),
        ("tee", Direction::Ascending, Edge::First),
        ("brass", Direction::Descending, Edge::First),
        ("steel", Direction::Ascending, far("A")),
        ("brass", Direction::Descending, far("Z")),
    ] {
        let query = StockQuery {
            direction,
            edge,
            ..searching_for(search)
        };
        meter.search(&db, &query, 1_000).await;
    }
}

fn searching_for(search: &str) -> StockQuery {
    StockQuery {
        filter: StockFilter {
            search: Some(search.to_owned()),
            ..StockFilter::default()
        },
        ..StockQuery::default()
    }
}
