//! The stock list's pages: in every order the whole list, each row once.

use ticker_domain::page::{Direction, Edge};
use ticker_domain::stock_list::{StockCursor, StockFilter, StockQuery, StockSort};
use ticker_postgres::Access as _;
use ticker_postgres::stock::StockRow;
use ticker_testkit::TestDatabase;

use crate::stock::page;

/// Twenty-three items in which every column has ties.
async fn shop_with_ties() -> TestDatabase {
    let db = TestDatabase::new().await;
    for number in 0..23_i64 {
        let category = ["Bolts", "bolts and nuts", "Äpfel"][usize::try_from(number % 3).unwrap()];
        let home = ["Shop floor", "Back room"][usize::try_from(number % 2).unwrap()];
        if number % 4 == 0 {
            db.clock().advance(jiff::SignedDuration::from_micros(7));
        }
        let name = format!("Thing {}", (number * 7) % 23);
        let item = db
            .item(&name)
            .sku(&format!("s-{}", (number * 5) % 23))
            .category(category)
            .home(home);
        let item = if number % 5 == 0 {
            item
        } else {
            item.stock(number % 4 + 1)
        };
        let item = if number % 6 == 0 {
            item.stock_at("Shop floor", 2)
        } else {
            item
        };
        item.await;
    }
    db
}

/// The whole list in one statement, written apart from the one that is tested.
async fn whole(db: &TestDatabase, query: &StockQuery) -> Vec<i64> {
    let down = query.direction == Direction::Descending;
    let shop = query.filter.location.map_or(0, |location| location.0);
    let column = match query.sort {
        StockSort::Name => "i.name",
        StockSort::Sku => "i.sku",
        StockSort::Quantity if shop > 0 => "coalesce(l.on_hand, 0)",
        StockSort::Quantity => "i.total",
        StockSort::Category => "c.name",
        StockSort::Location if shop > 0 => "i.id",
        StockSort::Location => "h.name",
        StockSort::Status => {
            "case i.status when 'out' then 1 when 'low' then 2 when 'ok' then 3 else 4 end"
        }
        StockSort::Changed => "i.changed_at",
        StockSort::Id => "i.id",
    };
    let direction = if down { "desc" } else { "asc" };
    let inside = if shop > 0 {
        format!("l.item_id is not null or h.id = {shop}")
    } else {
        "true".into()
    };
    let sql = format!(
        "select i.id from items i
         join categories c on c.id = i.category_id
         join locations h on h.id = i.home_location_id
         left join levels l on l.location_id = {shop} and l.item_id = i.id
         where {inside}
         order by {column} {direction}, i.id {direction}"
    );
    db.texts(&sql)
        .await
        .iter()
        .map(|id| id.parse().unwrap())
        .collect()
}

#[tokio::test]
async fn pages_are_the_whole_list_in_every_order_forwards_and_backwards() {
    let db = shop_with_ties().await;
    let shop = db.location("Shop floor").await;
    for sort in StockSort::ALL {
        for direction in [Direction::Ascending, Direction::Descending] {
            for location in [None, Some(shop)] {
                let filter = StockFilter {
                    location,
                    ..StockFilter::default()
                };
                let query = StockQuery {
                    filter,
                    sort,
                    direction,
                    edge: Edge::First,
                    size: 4,
                };
                let expected = whole(&db, &query).await;
                let what = format!("{sort:?} {direction:?} {location:?}");
                let last = walk_forwards(&db, query.clone(), &expected, &what).await;
                walk_backwards(&db, query, last, &expected, &what).await;
            }
        }
    }
}

/// A row's cursor as it comes back from a URL.
fn cursor(row: &StockRow, sort: StockSort) -> StockCursor {
    StockCursor::decode(&row.cursor(sort).encode(), sort).unwrap()
}

async fn walk_forwards(
    db: &TestDatabase,
    mut query: StockQuery,
    expected: &[i64],
    what: &str,
) -> StockRow {
    let mut seen = Vec::new();
    loop {
        let page = page(db, &query).await;
        assert_eq!(page.has_before, !seen.is_empty(), "{what}");
        assert!(!page.rows.is_empty() && page.rows.len() <= 4, "{what}");
        seen.extend(page.rows.iter().map(|row| row.item.0));
        let last = page.rows.last().unwrap().clone();
        if !page.has_after {
            assert_eq!(seen, expected, "{what}");
            return last;
        }
        query.edge = Edge::After(cursor(&last, query.sort));
    }
}

async fn walk_backwards(
    db: &TestDatabase,
    mut query: StockQuery,
    last: StockRow,
    expected: &[i64],
    what: &str,
) {
    let mut seen = vec![last.item.0];
    let mut first = last;
    loop {
        query.edge = Edge::Before(cursor(&first, query.sort));
        let page = page(db, &query).await;
        assert!(page.has_after && page.rows.len() <= 4, "{what}");
        seen.splice(0..0, page.rows.iter().map(|row| row.item.0));
        if !page.has_before {
            assert_eq!(seen, expected, "backwards {what}");
            return;
        }
        first = page.rows[0].clone();
    }
}

#[tokio::test]
async fn a_cursor_from_anywhere_is_answered() {
    let db = shop_with_ties().await;
    for (text, sort) in [
        ("9.", StockSort::Name),
        ("-9223372036854775808.%_\\'", StockSort::Sku),
        (
            "9223372036854775807.9223372036854775807",
            StockSort::Quantity,
        ),
        ("1.-9223372036854775808", StockSort::Id),
        ("1.0", StockSort::Changed),
        // The first and the last moment that jiff knows.
        ("1.-377705023201000000", StockSort::Changed),
        ("1.253402207200999999", StockSort::Changed),
    ] {
        for direction in [Direction::Ascending, Direction::Descending] {
            let Ok(cursor) = StockCursor::decode(text, sort) else {
                continue;
            };
            for edge in [Edge::After(cursor.clone()), Edge::Before(cursor)] {
                let query = StockQuery {
                    sort,
                    direction,
                    edge,
                    size: 4,
                    ..StockQuery::default()
                };
                db.connect()
                    .await
                    .stock()
                    .list(&query)
                    .await
                    .unwrap_or_else(|error| panic!("{text}: {error}"));
            }
        }
    }
}
