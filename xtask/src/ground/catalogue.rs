//! The inventory of a wholesaler, made behind Ticker's back: names as catalogues have them, uneven categories and
//! locations, some of everything out, low, above its target or archived.

/// What makes `items` items, and `movements` of them at their homes: a tenth of the first item, the rest shared by
/// nearly all. The movements' hashes are zeros, so `ticker verify` cannot be asked about it. The first user has to
/// be there. Drawn from the items' numbers, so each time the same.
pub(crate) fn sql(items: u32, movements: u32) -> String {
    format!(
        "{HELPERS}
         INSERT INTO categories (name, name_key)
         SELECT 'Category ' || n, 'category ' || n FROM generate_series(1, 200) n;
         INSERT INTO locations (name, name_key) SELECT 'Aisle ' || n, 'aisle ' || n FROM generate_series(1, 50) n;
         -- Entered as a whole afterwards, which is quicker.
         DROP INDEX items_search_text_idx;
         INSERT INTO items (name, name_key, sku, sku_key, barcode, barcode_key, unit, category_id, home_location_id,
                            minimum, target, reorder_multiple, search_text, total, changed_at, archived_at,
                            creation_key, created_at)
         SELECT name, lower(name), sku, lower(sku), barcode, barcode, 'pcs',
                1 + floor(200 * catalogue.draw(n, 1) ^ 2), 1 + floor(50 * catalogue.draw(n, 2) ^ 3),
                minimum, 4 * minimum, 10, lower(name || ' ' || sku || ' ' || barcode),
                CASE WHEN stocked < 0.02 THEN 0
                     WHEN stocked < 0.06 THEN minimum
                     WHEN stocked < 0.07 THEN 4 * minimum + 11
                     ELSE 3 * minimum END,
                timestamptz '2020-01-01Z' + n * interval '1 minute',
                CASE WHEN catalogue.draw(n, 4) < 0.02 THEN timestamptz '2026-01-01Z' END,
                gen_random_uuid(), '2020-01-01Z'
         FROM (SELECT n, catalogue.draw(n, 3) AS stocked, 1 + floor(20 * catalogue.draw(n, 5))::int AS minimum,
                      upper(left(noun, 3)) || '-' || lpad(n::text, 7, '0') AS sku,
                      '200' || lpad(n::text, 10, '0') AS barcode,
                      initcap(noun) || ' ' || catalogue.material(n) || ' ' || catalogue.size(n) || ', '
                          || catalogue.maker(n) || ' ' || n AS name
               FROM (SELECT n, catalogue.noun(n) AS noun FROM generate_series(1, {items}) n) numbered) described;
         INSERT INTO postings (key, actor_id, reason, source, line_count, posted_at)
         SELECT gen_random_uuid(), (SELECT min(id) FROM users), 'adjusted', 'page', 1,
                timestamptz '2026-11-28Z' - ({movements} - n) * interval '5 seconds'
         FROM generate_series(1, {movements}) n;
         INSERT INTO movements (posting_id, line_no, item_id, location_id, number, delta, before, after, hash, moved_at)
         SELECT moved.id, 1, item, home_location_id, number, delta, 50 - least(delta, 0), 50 + greatest(delta, 0),
                catalogue.no_hash(), posted_at
         FROM (SELECT id, posted_at, CASE id / 10 % 2 WHEN 0 THEN 1 ELSE -1 END AS delta,
                      CASE WHEN id % 10 = 0 THEN 1 ELSE 1 + id % {items} END AS item,
                      CASE WHEN id % 10 = 0 THEN id / 10 ELSE 1 + id / {items} END AS number
               FROM postings) moved JOIN items ON items.id = item
         ORDER BY moved.id;
         INSERT INTO levels (item_id, location_id, on_hand, version, hash)
         SELECT id, home_location_id, total, coalesce(number, 1), catalogue.no_hash()
         FROM items LEFT JOIN (SELECT item_id, max(number) AS number FROM movements GROUP BY item_id) moved
              ON item_id = id;
         INSERT INTO levels (item_id, location_id, on_hand, version, hash)
         SELECT id, location_id, 0, 1, catalogue.no_hash()
         FROM (SELECT id, home_location_id, (1 + floor(50 * catalogue.draw(id, 12)))::bigint AS location_id
               FROM items WHERE catalogue.draw(id, 13) < 0.3) also
         WHERE location_id <> home_location_id;
         CREATE INDEX items_search_text_idx ON items USING gin (search_text gin_trgm_ops)
             WITH (gin_pending_list_limit = 512);"
    )
}

/// Words of catalogues, drawn evenly from a hash of the item's number; some materials are more usual than others.
const HELPERS: &str = "
    CREATE SCHEMA catalogue;
    CREATE FUNCTION catalogue.draw(n bigint, of_what int) RETURNS float8 LANGUAGE sql IMMUTABLE
    RETURN (abs(hashint8extended(n, of_what)) % 1000003) / 1000003.0;
    CREATE FUNCTION catalogue.pick(words text, drawn float8) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN split_part(words, ' ', 1 + floor(drawn * regexp_count(words, ' ') + drawn)::int);
    CREATE FUNCTION catalogue.noun(n bigint) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN catalogue.pick('screw bolt nut washer anchor hinge bracket nail rivet clamp battery cable lamp bulb switch \
socket fuse adapter charger connector hose valve tap gasket pipe elbow reducer flange pump filter glove helmet goggles \
mask vest boot apron tape glue sealant paint brush roller varnish primer spanner hammer drill saw chisel pliers level \
ruler knife blade file pen pencil marker notebook folder stapler envelope label toner paper cleaner sponge bucket mop \
broom towel bag detergent bleach polish bearing belt chain sprocket gear shaft coupling spring seal lubricant sensor \
relay motor fan heater thermostat controller display keyboard mouse monitor printer scanner router',
        catalogue.draw(n, 6));
    CREATE FUNCTION catalogue.material(n bigint) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN catalogue.pick('stainless brass zinc copper plastic rubber steel aluminium nylon ceramic wooden digital \
galvanised black white red blue green yellow heavy light compact industrial universal',
        catalogue.draw(n, 7) ^ 1.5);
    CREATE FUNCTION catalogue.size(n bigint) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN catalogue.pick('M3 M4 M5 M6 M8 M10 M12 10mm 12mm 16mm 20mm 25mm 32mm 40mm 50mm 1l 5l 10l small medium \
large XL 10-pack 100-pack',
        catalogue.draw(n, 8));
    CREATE FUNCTION catalogue.maker(n bigint) RETURNS text LANGUAGE sql IMMUTABLE
    RETURN initcap(
        catalogue.pick('ka lo mi ne ru sa ti vo xe zu bra cle dro fli gra hal jor kre lum mar', catalogue.draw(n, 9))
        || catalogue.pick('ban cor dex fen gol hin jak kin lor mon nix pol rin sol tan von wex yor zan tek',
                          catalogue.draw(n, 10))
        || catalogue.pick('a o ix er um is ley son ton ware max lux tec gart berg holm dale wick ford land',
                          catalogue.draw(n, 11)));
    CREATE FUNCTION catalogue.no_hash() RETURNS bytea LANGUAGE sql IMMUTABLE
    RETURN decode(repeat('00', 32), 'hex');";
