//! The whole check: every row of the ledger, a slice at a time.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{Invariants, Violation, rules};
use crate::DatabaseError;

/// A part of the ledger that is checked in one transaction. The whole is walked from [`Slice::FIRST`] to
/// the slice that has no next one. Each invariant holds at every instant and is asked within one slice, so
/// it does not matter that the ledger moves on between two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slice {
    /// Movements in the order of level and number, from the one after this.
    Movements {
        /// Its item.
        item: i64,
        /// Its location.
        location: i64,
        /// Its number.
        number: i64,
    },
    /// Items and their levels, from the item after this.
    Items(i64),
    /// Postings, from the one after this.
    Postings(i64),
    /// Keys that are still known, from the one after this.
    Keys(Uuid),
    /// The postings of one of so many parts of all keys.
    KeyPairs {
        /// The part, from 0.
        part: i64,
        /// How many there are.
        parts: i64,
    },
    /// Everybody.
    Users,
}

/// What checking a slice gave.
#[derive(Debug)]
pub struct Checked {
    /// What is broken.
    pub violations: Vec<Violation>,
    /// How many rows of the slice's kind were looked at; 0 where they were not counted.
    pub rows: usize,
    /// The slice to check next; none after the last.
    pub next: Option<Slice>,
}

/// Rows that one statement looks at: some tenths of a second each.
const MOVEMENTS: u32 = 20_000;
const POSTINGS: i64 = 20_000;
const KEYS: i64 = 20_000;
/// An item has some movements, all of which are summed up.
const ITEMS: i64 = 500;
/// Keys that are compared with one another at a time; 16 bytes each and what a hash takes.
const KEY_PAIRS: f32 = 500_000.0;

/// The movement at `($1, $2, $3)` comes first, for what follows it to lean on.
const MOVEMENTS_SLICE: &str = "
    with slice as (
        select * from movements where (item_id, location_id, number) >= ($1, $2, $3)
        order by item_id, location_id, number limit $4
    ), followed as (
        select slice.*, lag(number) over level as previous_number, lag(after) over level as previous_after,
               lag(hash) over level as previous_hash
        from slice window level as (partition by item_id, location_id order by number)
    ), links as (
        select * from followed where (item_id, location_id, number) > ($1, $2, $3)
    )";

const LEVELS_SLICE: &str = "
    with stored as (
        select * from levels where item_id = any($1)
    ), moved as (
        select item_id, location_id, count(*) as moves, sum(delta) as moved, max(number) as last
        from movements where item_id = any($1) group by 1, 2
    )";

const ITEM_IDS: &str = "select id from items where id > $1 order by 1 limit $2";
const POSTING_IDS: &str = "select id from postings where id > $1 order by 1 limit $2";
const KEY_IDS: &str = "select key from posting_keys where key > $1 order by 1 limit $2";

/// What is broken in a slice, how many rows it has, and which slice comes next.
type Found = (Vec<Violation>, usize, Slice);

impl Slice {
    /// Where the walk begins.
    pub const FIRST: Self = Self::Movements {
        item: 0,
        location: 0,
        number: 0,
    };

    /// What it consists of.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Movements { .. } => "movements",
            Self::Items(_) => "items",
            Self::Postings(_) => "postings",
            Self::Keys(_) | Self::KeyPairs { .. } => "keys",
            Self::Users => "users",
        }
    }
}

impl Invariants<'_> {
    /// Checks a slice, and says which one comes next.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    #[tracing::instrument(name = "db.invariants.check_slice", skip(self))]
    pub async fn check_slice(&mut self, slice: Slice) -> Result<Checked, DatabaseError> {
        let (violations, rows, next) = match slice {
            Slice::Movements {
                item,
                location,
                number,
            } => self.check_movements((item, location, number)).await?,
            Slice::Items(after) => {
                let question = [LEVELS_SLICE, rules::LEVELS].concat();
                let listed = self.ids(ITEM_IDS, after, ITEMS).await?;
                let next = listed.last().map(|last| Slice::Items(*last));
                let violations = self.ask(&question, &listed).await?;
                (violations, listed.len(), next.unwrap_or(Slice::Postings(0)))
            }
            Slice::Postings(after) => {
                let listed = self.ids(POSTING_IDS, after, POSTINGS).await?;
                let next = listed.last().map(|last| Slice::Postings(*last));
                let violations = self.ask(rules::POSTINGS, &listed).await?;
                let then = Slice::Keys(Uuid::nil());
                (violations, listed.len(), next.unwrap_or(then))
            }
            Slice::Keys(after) => {
                let listed = self.ids(KEY_IDS, after, KEYS).await?;
                let violations = self.ask(rules::KEYS, &listed).await?;
                let next = match listed.last() {
                    Some(last) => Slice::Keys(*last),
                    None => self.key_pairs().await?,
                };
                (violations, listed.len(), next)
            }
            Slice::KeyPairs { part, parts } => self.check_key_pairs(part, parts).await?,
            Slice::Users => {
                return Ok(Checked {
                    violations: self.check_users().await?,
                    rows: 0,
                    next: None,
                });
            }
        };
        let next = Some(next);
        Ok(Checked {
            violations,
            rows,
            next,
        })
    }

    pub(super) async fn check_users(&mut self) -> Result<Vec<Violation>, DatabaseError> {
        Ok(sqlx::query_as(rules::USERS)
            .fetch_all(&mut *self.connection)
            .await?)
    }

    /// Asks about each of these ids or keys.
    pub(super) async fn ask<T>(
        &mut self,
        sql: &str,
        of: &[T],
    ) -> Result<Vec<Violation>, DatabaseError>
    where
        for<'a> &'a [T]: sqlx::Encode<'a, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        Ok(sqlx::query_as(AssertSqlSafe(sql.to_owned()))
            .bind(of)
            .fetch_all(&mut *self.connection)
            .await?)
    }

    async fn ids<T>(
        &mut self,
        sql: &'static str,
        after: T,
        limit: i64,
    ) -> Result<Vec<T>, DatabaseError>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres>
            + for<'a> sqlx::Encode<'a, sqlx::Postgres>
            + sqlx::Type<sqlx::Postgres>
            + Send
            + Unpin,
    {
        Ok(sqlx::query_scalar(sql)
            .bind(after)
            .bind(limit)
            .fetch_all(&mut *self.connection)
            .await?)
    }

    async fn check_movements(&mut self, after: (i64, i64, i64)) -> Result<Found, DatabaseError> {
        let (item, location, number) = after;
        let sql = [MOVEMENTS_SLICE, rules::CHAINS].concat();
        let violations = sqlx::query_as(AssertSqlSafe(sql))
            .bind(item)
            .bind(location)
            .bind(number)
            .bind(i64::from(MOVEMENTS))
            .fetch_all(&mut *self.connection)
            .await?;
        let slice: Vec<(i64, i64, i64)> = sqlx::query_as(
            "select item_id, location_id, number from movements
             where (item_id, location_id, number) >= ($1, $2, $3)
             order by item_id, location_id, number limit $4",
        )
        .bind(item)
        .bind(location)
        .bind(number)
        .bind(i64::from(MOVEMENTS))
        .fetch_all(&mut *self.connection)
        .await?;
        let next = match slice.last() {
            Some(&(item, location, number)) if slice.len() == MOVEMENTS as usize => {
                Slice::Movements {
                    item,
                    location,
                    number,
                }
            }
            _ => Slice::Items(0),
        };
        Ok((violations, slice.len(), next))
    }

    async fn check_key_pairs(&mut self, part: i64, parts: i64) -> Result<Found, DatabaseError> {
        let violations = sqlx::query_as(rules::KEY_PAIRS)
            .bind(parts)
            .bind(part)
            .fetch_all(&mut *self.connection)
            .await?;
        let part = part + 1;
        let next = if part < parts {
            Slice::KeyPairs { part, parts }
        } else {
            Slice::Users
        };
        Ok((violations, 0, next))
    }

    /// In how many parts to compare keys, as many postings as the statistics know of.
    async fn key_pairs(&mut self) -> Result<Slice, DatabaseError> {
        let parts: i64 = sqlx::query_scalar(
            "select 1 + greatest(0, reltuples / $1)::bigint from pg_class where oid = 'postings'::regclass",
        )
        .bind(KEY_PAIRS)
        .fetch_one(&mut *self.connection)
        .await?;
        Ok(Slice::KeyPairs { part: 0, parts })
    }
}
