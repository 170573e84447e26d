//! An inventory, made behind Ticker's back in seconds instead of through its pages in minutes.

/// What makes `items` items with 1,000 of each at location 1, each by an opening movement that the ledger
/// holds for true: `ticker verify` recomputes its hash as `ticker_domain::ledger::chain` has it. All of it
/// happened long ago, when no key of it is remembered any more. The first user has to be there.
pub(crate) fn sql(items: u32) -> String {
    format!(
        "INSERT INTO categories (name, name_key) VALUES ('Things', 'things');
         INSERT INTO locations (name, name_key) VALUES ('Shop floor', 'shop floor');
         INSERT INTO items (name, name_key, sku, sku_key, unit, category_id, home_location_id, search_text,
                            total, changed_at, creation_key, created_at)
         SELECT 'Thing ' || n, 'thing ' || n, 'SKU-' || n, 'sku-' || n, 'pcs', 1, 1,
                'thing ' || n || ' sku-' || n, 1000, '2020-01-01Z', gen_random_uuid(), '2020-01-01Z'
         FROM generate_series(1, {items}) n;
         INSERT INTO postings (key, actor_id, reason, source, line_count, posted_at)
         SELECT gen_random_uuid(), (SELECT min(id) FROM users), 'opening', 'import', 1, '2020-01-01Z'
         FROM generate_series(1, {items});
         INSERT INTO movements (posting_id, line_no, item_id, location_id, number, delta, before, after, hash,
                                moved_at)
         SELECT id, 1, id, 1, 1, 1000, 0, 1000,
                sha256(decode(repeat('00', 32), 'hex')
                       || int8send(id) || int8send(1) || int8send(1)
                       || int8send(1000) || int8send(0) || int8send(1000)
                       || int8send(actor_id) || int8send((extract(epoch FROM posted_at) * 1000000)::bigint)
                       || uuid_send(key)
                       || int4send(octet_length(reason)) || convert_to(reason, 'UTF8')
                       || int4send(octet_length(source)) || convert_to(source, 'UTF8')
                       || int4send(0)),
                posted_at
         FROM postings ORDER BY id;
         INSERT INTO levels (item_id, location_id, on_hand, version, hash)
         SELECT item_id, location_id, after, number, hash FROM movements;"
    )
}
