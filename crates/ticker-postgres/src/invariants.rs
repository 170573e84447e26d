//! The ledger's invariants, each a query that must return no row. `docs/design` names them I1 to I9.

use sqlx::PgConnection;

use crate::DatabaseError;

/// Statements that check the ledger.
#[derive(Debug)]
pub struct Invariants<'c> {
    pub(crate) connection: &'c mut PgConnection,
}

/// A rule that the ledger keeps at every instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invariant {
    /// Its name in the papers, such as `I1`.
    pub name: &'static str,
    /// What it says.
    pub rule: &'static str,
    /// Returns one text per violation, saying where.
    query: &'static str,
}

/// Every invariant of the ledger that this release's schema can state.
pub const INVARIANTS: [Invariant; 8] = [
    Invariant {
        name: "I1",
        rule: "on hand is the sum of its movements",
        query: "select format('item %s at location %s: on hand %s, movements sum up to %s',
                              item_id, location_id, coalesce(on_hand, 0), coalesce(moved, 0))
                from levels full join
                     (select item_id, location_id, sum(delta) as moved from movements group by 1, 2) m
                     using (item_id, location_id)
                where on_hand is distinct from moved",
    },
    Invariant {
        name: "I2",
        rule: "each movement begins where the one before it ended",
        query: "select format('item %s at location %s: movement %s begins at %s after %s',
                              item_id, location_id, number, before, previous)
                from (select item_id, location_id, number, before,
                             coalesce(lag(after) over level, 0) as previous
                      from movements window level as (partition by item_id, location_id order by number)) m
                where before <> previous",
    },
    Invariant {
        name: "I3",
        rule: "movements are numbered without gaps, and the last number is the level's version",
        query: "select format('item %s at location %s: %s movements numbered up to %s, version %s',
                              item_id, location_id, moves, last, coalesce(version, 0))
                from levels full join
                     (select item_id, location_id, count(*) as moves, max(number) as last, min(number) as first
                      from movements group by 1, 2) m
                     using (item_id, location_id)
                where (moves, last, first) is distinct from (version, version, 1::bigint)",
    },
    Invariant {
        name: "I4",
        rule: "nothing is negative",
        query: "select format('item %s at location %s: on hand %s', item_id, location_id, on_hand)
                from levels where on_hand < 0
                union all
                select format('movement %s: from %s to %s', id, before, after)
                from movements where before < 0 or after < 0
                union all
                select format('item %s: total %s', id, total) from items where total < 0",
    },
    Invariant {
        name: "I5",
        rule: "every line of a posting is there",
        query: "select format('posting %s: %s of %s lines', p.id, count(m.id), p.line_count)
                from postings p left join movements m on m.posting_id = p.id
                group by p.id, p.line_count
                having (count(m.id), coalesce(max(m.line_no), 0)) <> (p.line_count, p.line_count)",
    },
    Invariant {
        name: "I6",
        rule: "a key has one effect",
        query: "select format('key %s: %s postings', key, count(*))
                from postings group by key having count(*) > 1
                union all
                select format('key %s: answered with posting %s of key %s', k.key, p.id, p.key)
                from posting_keys k join postings p on p.id = k.posting_id where p.key <> k.key",
    },
    Invariant {
        name: "I8",
        rule: "the hash chains verify",
        query: "select format('item %s at location %s: the hash of movement %s does not follow',
                              item_id, location_id, number)
                from (
                    select m.item_id, m.location_id, m.number, m.hash,
                           sha256(
                               coalesce(lag(m.hash) over level, decode(repeat('00', 32), 'hex'))
                               || int8send(m.item_id) || int8send(m.location_id) || int8send(m.number)
                               || int8send(m.delta) || int8send(m.before) || int8send(m.after)
                               || int8send(p.actor_id)
                               || int8send((extract(epoch from m.moved_at) * 1000000)::bigint)
                               || uuid_send(p.key)
                               || int4send(octet_length(p.reason)) || convert_to(p.reason, 'UTF8')
                               || int4send(octet_length(p.source)) || convert_to(p.source, 'UTF8')
                               || int4send(octet_length(coalesce(p.note, '')))
                               || convert_to(coalesce(p.note, ''), 'UTF8')
                           ) as expected
                    from movements m join postings p on p.id = m.posting_id
                    window level as (partition by m.item_id, m.location_id order by m.number)
                ) m
                where hash <> expected
                union all
                select format('item %s at location %s: its hash is not its last movement''s',
                              l.item_id, l.location_id)
                from levels l join movements m using (item_id, location_id)
                where m.number = l.version and m.hash <> l.hash",
    },
    Invariant {
        name: "I9",
        rule: "an item's total is the sum of its levels",
        query: "select format('item %s: total %s, levels sum up to %s', i.id, i.total, coalesce(l.sum, 0))
                from items i left join (select item_id, sum(on_hand) as sum from levels group by 1) l
                     on l.item_id = i.id
                where i.total <> coalesce(l.sum, 0)",
    },
];

impl Invariants<'_> {
    /// Where the invariant is broken: at most `limit` places, none when it holds.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn violations(
        &mut self,
        invariant: &Invariant,
        limit: u32,
    ) -> Result<Vec<String>, DatabaseError> {
        let places = sqlx::query_scalar(sqlx::AssertSqlSafe(format!(
            "select * from ({}) violations limit {limit}",
            invariant.query
        )));
        Ok(places.fetch_all(&mut *self.connection).await?)
    }

    /// Lifts the statement time limit of this transaction: a full check reads the whole ledger.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn allow_long_statements(&mut self) -> Result<(), DatabaseError> {
        sqlx::raw_sql("set transaction isolation level repeatable read, read only; set local statement_timeout = 0")
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }
}
