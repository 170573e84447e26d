//! What the invariants ask. Each question reads rows that its asker has named in a `with` before it, so
//! that the whole check and the recent one cannot mean different things.
//!
//! Every question returns `(invariant, item_id, posting_id, place)`, one row a violation.

/// Of `links`: movements of a level, each beside the one before it (nulls for the first).
///
/// The posting is fetched row by row (`offset 0` keeps it so, here and below): for a slice, a hash of all
/// postings would cost more than the rest.
pub(super) const CHAINS: &str = "
    select broken.invariant, m.item_id, null::bigint as posting_id, broken.place
    from (
        select links.*, sha256(
                   coalesce(previous_hash, decode(repeat('00', 32), 'hex'))
                   || int8send(item_id) || int8send(location_id) || int8send(number)
                   || int8send(delta) || int8send(before) || int8send(after)
                   || int8send(p.actor_id)
                   || int8send((extract(epoch from moved_at) * 1000000)::bigint)
                   || uuid_send(p.key)
                   || int4send(octet_length(p.reason)) || convert_to(p.reason, 'UTF8')
                   || int4send(octet_length(p.source)) || convert_to(p.source, 'UTF8')
                   || int4send(octet_length(coalesce(p.note, '')))
                   || convert_to(coalesce(p.note, ''), 'UTF8')
               ) as expected
        from links
        left join lateral (select * from postings where id = links.posting_id offset 0) p on true
    ) m
    cross join lateral (
        select 'I2' as invariant,
               format('item %s at location %s: movement %s begins at %s after %s',
                      item_id, location_id, number, before, coalesce(previous_after, 0)) as place
        where before <> coalesce(previous_after, 0)
        union all
        select 'I3', format('item %s at location %s: movement %s follows %s',
                            item_id, location_id, number, coalesce(previous_number, 0))
        where number <> coalesce(previous_number, 0) + 1
        union all
        select 'I4', format('movement %s: from %s to %s', id, before, after)
        where before < 0 or after < 0
        union all
        select 'I8', format('item %s at location %s: the hash of movement %s does not follow',
                            item_id, location_id, number)
        where hash is distinct from expected
    ) broken
    where before <> coalesce(previous_after, 0) or number <> coalesce(previous_number, 0) + 1
       or before < 0 or after < 0 or hash is distinct from expected";

/// Of the items `$1`, whose levels have moved as `moved` says: how often, by how much, up to which number.
pub(super) const LEVELS: &str = "
    select 'I1' as invariant, item_id, null::bigint as posting_id,
           format('item %s at location %s: on hand %s, movements sum up to %s',
                  item_id, location_id, coalesce(on_hand, 0), coalesce(moved, 0)) as place
    from stored full join moved using (item_id, location_id)
    where on_hand is distinct from moved
    union all
    select 'I3', item_id, null,
           format('item %s at location %s: %s movements numbered up to %s, version %s',
                  item_id, location_id, coalesce(moves, 0), coalesce(last, 0), coalesce(version, 0))
    from stored full join moved using (item_id, location_id)
    where (moves, last) is distinct from (version, version)
    union all
    select 'I4', item_id, null, format('item %s at location %s: on hand %s', item_id, location_id, on_hand)
    from stored where on_hand < 0
    union all
    select 'I4', id, null, format('item %s: total %s', id, total)
    from items where id = any($1) and total < 0
    union all
    select 'I8', l.item_id, null,
           format('item %s at location %s: its hash is not its last movement''s', l.item_id, l.location_id)
    from stored l cross join lateral (
        select hash from movements m
        where (m.item_id, m.location_id, m.number) = (l.item_id, l.location_id, l.version) offset 0
    ) m
    where m.hash <> l.hash
    union all
    select 'I9', i.id, null, format('item %s: total %s, levels sum up to %s', i.id, i.total, coalesce(l.sum, 0))
    from items i left join (select item_id, sum(on_hand) as sum from stored group by 1) l on l.item_id = i.id
    where i.id = any($1) and i.total <> coalesce(l.sum, 0)";

/// Of the postings `$1`.
///
/// Keys go when the database's clock says so, a moment before or after this transaction's: hence the
/// minute.
pub(super) const POSTINGS: &str = "
    select 'I5' as invariant, null::bigint as item_id, p.id as posting_id,
           format('posting %s: %s of %s lines', p.id, m.count, p.line_count) as place
    from postings p cross join lateral (
        select count(*), coalesce(max(line_no), 0) as last from movements where posting_id = p.id offset 0
    ) m
    where p.id = any($1) and (m.count, m.last) <> (p.line_count, p.line_count)
    union all
    select 'I5', null, p.id, format('posting %s: its actor %s does not exist', p.id, p.actor_id)
    from postings p
    where p.id = any($1) and not exists (select from users where id = p.actor_id)
    union all
    select 'I5', null, p.id, format('posting %s: is not the opposite of posting %s, which it takes back',
                                    p.id, u.undoes_id)
    from postings p
    join undos u on u.posting_id = p.id
    left join postings o on o.id = u.undoes_id
    where p.id = any($1) and (
        o.id is null or o.id >= p.id or o.reason <> p.reason
        or exists (
            select from movements where posting_id in (p.id, o.id)
            group by item_id, location_id having sum(delta) <> 0
        )
    )
    union all
    select 'I5', null, p.id, format('posting %s: is said to be taken back by posting %s, which does not exist',
                                    p.id, u.posting_id)
    from postings p
    join undos u on u.undoes_id = p.id
    where p.id = any($1) and not exists (select from postings where id = u.posting_id)
    union all
    select 'I5', b.item_id, p.id, format('posting %s: is not what bulk change %s did to item %s',
                                         p.id, b.bulk_change_id, b.item_id)
    from postings p
    join bulk_postings b on b.posting_id = p.id
    join bulk_changes c on c.id = b.bulk_change_id
    where p.id = any($1) and (
        exists (select from movements where posting_id = p.id and item_id <> b.item_id)
        or c.undoes_id is not null and not exists (
            select from undos u join bulk_postings o on o.posting_id = u.undoes_id
            where u.posting_id = p.id and o.bulk_change_id = c.undoes_id
        )
    )
    union all
    select 'I6', null, p.id, format('key %s: does not name posting %s', p.key, p.id)
    from postings p left join lateral (
        select posting_id from posting_keys where key = p.key offset 0
    ) k on true
    where p.id = any($1) and p.posted_at > now() - interval '7 days' + interval '1 minute'
      and k.posting_id is distinct from p.id";

/// Of the keys `$1`, which are still known.
pub(super) const KEYS: &str = "
    select 'I6' as invariant, null::bigint as item_id, p.id as posting_id,
           format('key %s: answered with posting %s of key %s', k.key, p.id, p.key) as place
    from posting_keys k cross join lateral (select id, key from postings where id = k.posting_id offset 0) p
    where k.key = any($1) and p.key <> k.key";

/// Of every `$1`-th key, counted by its hash, the rest being `$2`: few enough to be sorted in memory.
pub(super) const KEY_PAIRS: &str = "
    with twice as (
        select key from postings where (uuid_hash(key) & 2147483647) % $1 = $2 group by key having count(*) > 1
    )
    select 'I6' as invariant, null::bigint as item_id, id as posting_id,
           format('key %s: postings %s and %s within 7 days', key, earlier_id, id) as place
    from (
        select id, key, posted_at, lag(posted_at) over same as earlier_at, lag(id) over same as earlier_id
        from postings join twice using (key) window same as (partition by key order by posted_at, id)
    ) p
    where posted_at - earlier_at < interval '7 days'";

/// Of everybody: the row that a user begins with, and one for each epoch since.
pub(super) const USERS: &str = "
    select 'I7' as invariant, null::bigint as item_id, null::bigint as posting_id,
           case when first is null then format('user %s: no audit row says how they began', u.id)
                else format('user %s: %s audit rows for epochs %s to %s', u.id, rows, first, u.auth_epoch)
           end as place
    from users u cross join lateral (
        select count(*) as rows, min(auth_epoch) filter (where before is null) as first
        from audit_events where user_id = u.id
    ) a
    where first is null or rows <> u.auth_epoch - first + 1";
