//! Addresses of the pages that are read.

use anyhow::Result;

use crate::ground::{DATABASE, Ground};
use crate::percent::encoded;

/// A name, and the addresses that are read under it.
type Pages = Vec<(String, Vec<String>)>;

/// What lists are filtered by.
const FILTERS: [&str; 9] = [
    "status=out",
    "status=low",
    "status=over",
    "category=1",
    "category=150",
    "location=1",
    "location=40",
    "category=3&status=low",
    "location=2&category=3",
];
/// Sorts, each with what a cursor holds of `items i` and where the row stands that the 10,000th page begins beside.
const SORTS: [(&str, &str, &str); 8] = [
    ("name", "i.name", "i.name"),
    ("sku", "i.sku", "i.sku"),
    ("quantity", "i.total::text", "i.total"),
    (
        "changed",
        "(extract(epoch from i.changed_at) * 1000000)::bigint::text",
        "i.changed_at",
    ),
    ("category", "c.name", "c.name"),
    ("location", "o.name", "o.name"),
    ("status", PLACE_OF_STATUS, PLACE_OF_STATUS),
    ("id", "i.id::text", "i.id"),
];
const PLACE_OF_STATUS: &str = "array_position(array['out', 'low', 'ok', 'over'], i.status)";
/// Rows before the 10,000th page of 50, as far as there are so many.
const DEEP_ROWS: u32 = 9_999 * 50;

/// The first page; the first and the 10,000th of each sort; each filter; combinations that are asked for daily;
/// and pages of the longest history.
pub(super) fn deep(ground: &Ground) -> Result<Pages> {
    let mut pages: Pages = vec![("first page".to_owned(), vec!["/".to_owned()])];
    let mut also = |name: String, address: String| pages.push((name, vec![address]));
    for (sort, value, by) in SORTS {
        also(
            format!("by {sort}, descending"),
            format!("/?sort={sort}&dir=desc"),
        );
        let cursor = ground.cluster.sql(
            DATABASE,
            &format!(
                "SELECT i.id || '.' || {value}
                 FROM items i JOIN categories c ON c.id = i.category_id JOIN locations o ON o.id = i.home_location_id
                 WHERE i.archived_at IS NULL ORDER BY {by}, i.id
                 OFFSET (SELECT least({DEEP_ROWS}, count(*) / 2) FROM items WHERE archived_at IS NULL) LIMIT 1"
            ),
        )?;
        let address = format!("/?sort={sort}&after={}", encoded(cursor.trim_end()));
        also(format!("by {sort}, 10,000th page"), address);
    }
    for filter in FILTERS {
        also(filter.to_owned(), format!("/?{filter}"));
    }
    for combined in [
        "status=low&sort=quantity&dir=desc",
        "status=over&sort=sku",
        "category=150&sort=changed&dir=desc",
        "location=1&sort=quantity&dir=desc",
        "archived=1&sort=location",
    ] {
        also(combined.to_owned(), format!("/?{combined}"));
    }
    let oldest = ground.cluster.sql(
        DATABASE,
        "SELECT id FROM movements WHERE item_id = 1 ORDER BY id OFFSET 100 LIMIT 1",
    )?;
    also("history".to_owned(), "/items/1/history".to_owned());
    also(
        "history, its end".to_owned(),
        format!("/items/1/history?after={}", oldest.trim()),
    );
    also("item with its chart".to_owned(), "/items/1".to_owned());
    Ok(pages)
}

/// Parts of what items are called, and words with one slip; of items drawn evenly.
pub(super) fn searches(ground: &Ground) -> Result<Pages> {
    let drawn = |of_what: u32, columns: &str| {
        format!(
            "SELECT {columns} FROM (
                 SELECT n, catalogue.noun(id) AS noun, catalogue.material(id) AS material,
                        lower(catalogue.maker(id)) AS maker, sku
                 FROM (SELECT n, 1 + floor(catalogue.draw(n, {of_what}) * (SELECT count(*) FROM items))::bigint AS id
                       FROM generate_series(1, 400) n) numbers JOIN items USING (id)) drawn"
        )
    };
    let parts = drawn(
        21,
        "CASE n % 5 WHEN 0 THEN left(noun, 4) WHEN 1 THEN substr(material, 2, 4) WHEN 2 THEN left(maker, 5)
                    WHEN 3 THEN noun || ' ' || left(maker, 5) ELSE substr(sku, 3, 8) END",
    );
    // One letter left out, another instead, two exchanged; in numbers nothing is guessed at.
    let slips = drawn(
        22,
        "CASE n % 4 WHEN 0 THEN overlay(maker placing '' FROM 3 FOR 1)
                    WHEN 1 THEN overlay(material placing 'q' FROM 3 FOR 1)
                    WHEN 2 THEN overlay(maker placing substr(maker, 4, 1) || substr(maker, 3, 1) FROM 3 FOR 2)
                    ELSE noun || ' ' || overlay(maker placing '' FROM 4 FOR 1) END",
    );
    [("part of a word", parts), ("one slip", slips)]
        .into_iter()
        .map(|(name, sql)| {
            let found = ground.cluster.sql(DATABASE, &sql)?;
            let addresses = found.lines().map(|text| format!("/?q={}", encoded(text)));
            Ok((name.to_owned(), addresses.collect()))
        })
        .collect()
}
