//! The stock list: what it shows, what it finds, and what its filters leave.

use ticker_domain::id::{ItemId, LocationId};
use ticker_domain::page::Page;
use ticker_domain::stock::{StockStatus, Thresholds};
use ticker_domain::stock_list::{ItemCount, StockFilter, StockQuery};
use ticker_postgres::Access as _;
use ticker_postgres::stock::{StockCounts, StockListing, StockRow};
use ticker_testkit::{TestDatabase, key};

pub(crate) async fn page(db: &TestDatabase, query: &StockQuery) -> Page<StockRow> {
    list(db, query).await.page
}

pub(crate) async fn list(db: &TestDatabase, query: &StockQuery) -> StockListing {
    db.connect().await.stock().list(query).await.unwrap()
}

async fn names(db: &TestDatabase, filter: StockFilter) -> Vec<String> {
    let query = StockQuery {
        filter,
        size: 100,
        ..StockQuery::default()
    };
    page(db, &query)
        .await
        .rows
        .into_iter()
        .map(|row| row.name)
        .collect()
}

async fn found(db: &TestDatabase, search: &str) -> Vec<String> {
    names(
        db,
        StockFilter {
            search: Some(search.to_owned()),
            ..StockFilter::default()
        },
    )
    .await
}

#[tokio::test]
async fn a_row_says_what_there_is_and_where() {
    let db = TestDatabase::new().await;
    let item = db
        .item("AA batteries")
        .sku("BAT-AA")
        .unit("pack")
        .category("Batteries")
        .thresholds(5, 20, None)
        .stock(3)
        .stock_at("Back room", 2)
        .await;
    let row = page(&db, &StockQuery::default()).await.rows.remove(0);
    assert_eq!(
        (row.item, row.name.as_str(), row.sku.as_str()),
        (item.id, "AA batteries", "BAT-AA")
    );
    assert_eq!(
        (row.unit.as_str(), row.category_name.as_str()),
        ("pack", "Batteries")
    );
    assert_eq!(
        (row.location, row.location_name.as_str()),
        (item.home, "Shop floor")
    );
    assert_eq!(
        (row.quantity, row.total, row.status),
        (5, 5, StockStatus::Low)
    );
    assert_eq!(
        (row.changed_at, row.archived),
        (db.clock().timestamp(), false)
    );
    assert_eq!(row.stock_version, 2, "a movement at each of two locations");

    let back_room = db.location("Back room").await;
    let mut connection = db.connect().await;
    let there = connection
        .stock()
        .row(item.id, Some(back_room))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (there.location, there.quantity, there.total),
        (back_room, 2, 5)
    );
    let elsewhere = db.location("Shed").await;
    let there = connection
        .stock()
        .row(item.id, Some(elsewhere))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((there.location, there.quantity), (elsewhere, 0));
    assert_eq!(there.stock_version, 2, "of the item, not of the location");
    db.stock(item.level(), 1).await;
    db.stock(item.level(), -1).await;
    let after = connection.stock().row(item.id, None).await.unwrap();
    assert_eq!(after.unwrap().stock_version, 4, "one more each movement");
    assert!(
        connection
            .stock()
            .row(item.id, Some(LocationId(99)))
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        connection
            .stock()
            .row(ItemId(99), None)
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn rows_of_several_items_come_by_their_ids() {
    let db = TestDatabase::new().await;
    let first = db.item("Zinc").stock(1).stock_at("Shed", 4).await.id;
    let second = db.item("Aluminium").archived().await.id;
    let shed = db.location("Shed").await;
    let mut connection = db.connect().await;
    let rows = connection
        .stock()
        .rows(&[second, ItemId(99), first], Some(shed))
        .await
        .unwrap();
    let rows: Vec<_> = rows.iter().map(|row| (row.item, row.quantity)).collect();
    assert_eq!(rows, [(first, 4), (second, 0)]);
}

#[tokio::test]
async fn of_given_items_those_that_a_filter_leaves_are_told() {
    let db = TestDatabase::new().await;
    let nuts = db.item("Nuts M4").category("Nuts").stock(4).await.id;
    let bolts = db.item("Bolts M4").stock_at("Shed", 2).await.id;
    let gone = db.item("Nuts M5").category("Nuts").archived().await.id;
    db.item("Nuts M4 of others").category("Nuts").stock(4).await;
    let (category, shed) = (db.category("Nuts").await, db.location("Shed").await);
    let all = StockFilter::default;
    let search = |text: &str| Some(text.to_owned());
    for (filter, expected) in [
        (all(), &[nuts, bolts][..]),
        (
            StockFilter {
                category: Some(category),
                ..all()
            },
            &[nuts],
        ),
        (
            StockFilter {
                location: Some(shed),
                ..all()
            },
            &[bolts],
        ),
        (
            StockFilter {
                status: Some(StockStatus::Out),
                ..all()
            },
            &[],
        ),
        (
            StockFilter {
                archived: true,
                ..all()
            },
            &[gone],
        ),
        (
            StockFilter {
                search: search("m4 nut"),
                ..all()
            },
            &[nuts],
        ),
        (
            StockFilter {
                search: search("M4"),
                ..all()
            },
            &[nuts, bolts],
        ),
        (
            StockFilter {
                search: search("nutz"),
                ..all()
            },
            &[],
        ),
        (
            StockFilter {
                search: search("&"),
                ..all()
            },
            &[],
        ),
        (
            StockFilter {
                search: search(" "),
                ..all()
            },
            &[nuts, bolts],
        ),
    ] {
        let mut connection = db.connect().await;
        let matching = connection
            .stock()
            .matching_of(&[nuts, bolts, gone], &filter)
            .await
            .unwrap();
        assert_eq!(Vec::from_iter(matching), expected, "{filter:?}");
        let mut found = connection.stock().search_ids(&filter, 10).await.unwrap();
        found.retain(|id| [nuts, bolts, gone].contains(id));
        assert_eq!(found, expected, "{filter:?}");
    }
}

/// A search is planned without reading the whole table; what its caller does next is planned as ever.
#[tokio::test]
async fn a_search_leaves_its_callers_transaction_as_it_was() {
    let db = TestDatabase::new().await;
    let user = db.storekeeper().await.id;
    db.sql(
        "create function tell() returns trigger language plpgsql as
            $$ begin new.form = current_setting('enable_seqscan'); return new; end $$;
         create trigger tell before insert on bulk_changes for each row execute function tell();",
    )
    .await;
    let query = StockQuery {
        filter: StockFilter {
            search: Some("nuts".to_owned()),
            ..StockFilter::default()
        },
        ..StockQuery::default()
    };
    let mut tx = db.database().begin().await.unwrap();
    tx.stock().list(&query).await.unwrap();
    let now = db.clock().timestamp();
    let run = tx.bulk_changes().begin(key().0, user, "", None, now).await;
    assert_eq!(run.unwrap().form, "on");
}

#[tokio::test]
async fn a_search_looks_into_names_skus_and_barcodes_whatever_case_and_accents() {
    let db = TestDatabase::new().await;
    db.item("Crème Brûlée mix")
        .sku("FOOD-1")
        .barcode("2000000000015")
        .await;
    db.item("100% cotton rag").sku("RAG_1").await;
    db.item("1000 cotton rags").sku("RAGX1").await;
    db.item(r"Back\slash").await;
    db.item("Hex bolt M4 × 16").await;
    for (search, expected) in [
        ("creme brulee", &["Crème Brûlée mix"][..]),
        ("CRÈME", &["Crème Brûlée mix"]),
        ("  brûlée   MIX ", &["Crème Brûlée mix"]),
        ("food-1", &["Crème Brûlée mix"]),
        ("000000001", &["Crème Brûlée mix"]),
        ("100%", &["100% cotton rag"]),
        ("g_1", &["100% cotton rag"]),
        (r"k\s", &[r"Back\slash"]),
        ("m4 × 16", &["Hex bolt M4 × 16"]),
        // Nobody has × on their keyboard.
        ("m4 x 16", &["Hex bolt M4 × 16"]),
        ("cotton rag", &["100% cotton rag", "1000 cotton rags"]),
        ("'; drop table items; --", &[]),
        ("nothing like it", &[]),
    ] {
        assert_eq!(found(&db, search).await, expected, "{search:?}");
    }
    assert_eq!(found(&db, " ").await.len(), 5, "nothing looked for");
}

#[tokio::test]
async fn filters_narrow_and_counts_tell_what_is_behind_the_others() {
    let db = TestDatabase::new().await;
    db.item("A out")
        .thresholds(1, 5, None)
        .category("One")
        .await;
    db.item("B low")
        .thresholds(5, 9, None)
        .category("One")
        .stock(5)
        .await;
    db.item("C ok")
        .thresholds(5, 9, None)
        .category("Two")
        .stock(6)
        .home("Back room")
        .await;
    db.item("D over")
        .thresholds(5, 9, 3)
        .category("Two")
        .stock(13)
        .await;
    db.item("E ok, without thresholds")
        .category("Two")
        .stock_at("Back room", 1)
        .await;
    db.item("F archived")
        .category("Two")
        .stock(4)
        .archived()
        .await;
    let (one, two) = (db.category("One").await, db.category("Two").await);
    let back_room = db.location("Back room").await;
    let filter = |change: &dyn Fn(&mut StockFilter)| {
        let mut filter = StockFilter::default();
        change(&mut filter);
        filter
    };
    let everything = "A out|B low|C ok|D over|E ok, without thresholds";
    let cases = [
        (filter(&|_| {}), everything, [1, 1, 2, 1]),
        (
            filter(&|f| f.category = Some(one)),
            "A out|B low",
            [1, 1, 0, 0],
        ),
        (
            filter(&|f| (f.category, f.status) = (Some(two), Some(StockStatus::Over))),
            "D over",
            [0, 0, 2, 1],
        ),
        (
            filter(&|f| f.status = Some(StockStatus::Out)),
            "A out",
            [1, 1, 2, 1],
        ),
        (
            filter(&|f| f.location = Some(back_room)),
            "C ok|E ok, without thresholds",
            [0, 0, 2, 0],
        ),
        (filter(&|f| f.archived = true), "F archived", [0, 0, 1, 0]),
        (
            filter(&|f| (f.search, f.location) = (Some("thresholds".into()), Some(back_room))),
            "E ok, without thresholds",
            [0, 0, 1, 0],
        ),
        (filter(&|f| f.search = Some("zzz".into())), "", [0; 4]),
    ];
    for (filter, expected, [out, low, ok, over]) in cases {
        assert_eq!(
            names(&db, filter.clone()).await.join("|"),
            expected,
            "{filter:?}"
        );
        let query = StockQuery {
            filter,
            ..StockQuery::default()
        };
        let counts = list(&db, &query).await.counts;
        let all = ItemCount::Exactly(out + low + ok + over);
        let [out, low, ok, over] = [out, low, ok, over].map(ItemCount::Exactly);
        let expected = StockCounts {
            out,
            low,
            ok,
            over,
            all,
        };
        assert_eq!(counts, expected, "{query:?}");
        assert_eq!(counts.of(Some(StockStatus::Low)), low);
    }
}

#[tokio::test]
async fn names_sort_as_people_read_them() {
    let db = TestDatabase::new().await;
    for name in [
        "Bolt M10",
        "bolt M4",
        "Bolt M4 × 16",
        "Äpfel",
        "Zange",
        "apfelmus",
        "Bolt M4 × 9",
    ] {
        db.item(name).await;
    }
    let sorted = names(&db, StockFilter::default()).await;
    assert_eq!(
        sorted,
        [
            "Äpfel",
            "apfelmus",
            "bolt M4",
            "Bolt M4 × 9",
            "Bolt M4 × 16",
            "Bolt M10",
            "Zange"
        ]
    );
}

#[tokio::test]
async fn the_stored_status_is_the_domains() {
    let db = TestDatabase::new().await;
    db.item("AA batteries").await;
    db.sql(
        "insert into items (name, name_key, sku, sku_key, unit, category_id, home_location_id, minimum, target,
                            reorder_multiple, search_text, total, changed_at, creation_key, created_at)
         select n, n, n, n, 'pcs', 1, 1, minimum, target, multiple, n, total, now(), gen_random_uuid(), now()
         from unnest('{null, 0, 1, 3, 5}'::bigint[]) minimum, unnest('{null, 0, 3, 5, 8}'::bigint[]) target,
              unnest('{null, 1, 4, 1000000000000}'::bigint[]) multiple,
              unnest('{0, 1, 2, 3, 4, 5, 6, 8, 9, 12, 13, 1000000000000}'::bigint[]) total,
              lateral (select concat_ws('-', 'x', coalesce(minimum, -1), coalesce(target, -1),
                                        coalesce(multiple, -1), total) as n) named
         where target >= minimum or target is null or minimum is null",
    )
    .await;
    let rows = db
        .texts(
            "select concat_ws('|', total, coalesce(minimum, -1), coalesce(target, -1),
                              coalesce(reorder_multiple, -1), status) from items",
        )
        .await;
    assert!(rows.len() > 800, "{}", rows.len());
    for row in rows {
        let parts: Vec<&str> = row.split('|').collect();
        let number = |place: usize| parts[place].parse::<i64>().unwrap();
        let set = |place| Some(number(place)).filter(|value| *value >= 0);
        let thresholds = Thresholds::new(set(1), set(2), set(3)).unwrap();
        let expected = StockStatus::of(number(0), &thresholds);
        assert_eq!(parts[4].parse(), Ok(expected), "{row}");
    }
}
