//! The whole check: every row of the ledger, a slice at a time.

use sqlx::{AssertSqlSafe, FromRow};
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
const MOVEMENTS: i64 = 20_000;
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

#[derive(FromRow)]
struct Place {
    item_id: i64,
    location_id: i64,
    number: i64,
    rows: i64,
}

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
        match slice {
            Slice::Movements {
                item,
                location,
                number,
            } => self.check_movements(item, location, number).await,
            Slice::Items(after) => {
                let ids = self
                    .ids(
                        "select id from items where id > $1 order by 1 limit $2",
                        after,
                        ITEMS,
                    )
                    .await?;
                let violations = self
                    .ask(&[LEVELS_SLICE, rules::LEVELS].concat(), &ids)
                    .await?;
                let next = ids
                    .last()
                    .map_or(Slice::Postings(0), |last| Slice::Items(*last));
                Ok(Checked::of(violations, &ids, next))
            }
            Slice::Postings(after) => {
                let ids = self
                    .ids(
                        "select id from postings where id > $1 order by 1 limit $2",
                        after,
                        POSTINGS,
                    )
                    .await?;
                let violations = self.ask(rules::POSTINGS, &ids).await?;
                let next = ids
                    .last()
                    .map_or(Slice::Keys(Uuid::nil()), |last| Slice::Postings(*last));
                Ok(Checked::of(violations, &ids, next))
            }
            Slice::Keys(after) => {
                let keys = self
                    .ids(
                        "select key from posting_keys where key > $1 order by 1 limit $2",
                        after,
                        KEYS,
                    )
                    .await?;
                let violations = self.ask(rules::KEYS, &keys).await?;
                let next = match keys.last() {
                    Some(last) => Slice::Keys(*last),
                    None => self.key_pairs().await?,
                };
                Ok(Checked::of(violations, &keys, next))
            }
            Slice::KeyPairs { part, parts } => {
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
                Ok(Checked::of(violations, &[(); 0], next))
            }
            Slice::Users => Ok(Checked {
                violations: self.check_users().await?,
                rows: 0,
                next: None,
            }),
        }
    }

    pub(super) async fn check_users(&mut self) -> Result<Vec<Violation>, DatabaseError> {
        Ok(sqlx::query_as(rules::USERS)
            .fetch_all(&mut *self.connection)
            .await?)
    }

    async fn check_movements(
        &mut self,
        item: i64,
        location: i64,
        number: i64,
    ) -> Result<Checked, DatabaseError> {
        let sql = [MOVEMENTS_SLICE, rules::CHAINS].concat();
        let violations = sqlx::query_as(AssertSqlSafe(sql))
            .bind(item)
            .bind(location)
            .bind(number)
            .bind(MOVEMENTS)
            .fetch_all(&mut *self.connection)
            .await?;
        let end: Option<Place> = sqlx::query_as(
            "with slice as (
                 select item_id, location_id, number from movements
                 where (item_id, location_id, number) >= ($1, $2, $3)
                 order by item_id, location_id, number limit $4
             )
             select *, (select count(*) from slice) as rows from slice
             order by item_id desc, location_id desc, number desc limit 1",
        )
        .bind(item)
        .bind(location)
        .bind(number)
        .bind(MOVEMENTS)
        .fetch_optional(&mut *self.connection)
        .await?;
        Ok(match end {
            Some(end) if end.rows == MOVEMENTS => Checked {
                violations,
                rows: usize::try_from(end.rows).unwrap_or(0),
                next: Some(Slice::Movements {
                    item: end.item_id,
                    location: end.location_id,
                    number: end.number,
                }),
            },
            end => Checked {
                violations,
                rows: end.map_or(0, |end| usize::try_from(end.rows).unwrap_or(0)),
                next: Some(Slice::Items(0)),
            },
        })
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

impl Checked {
    fn of<T>(violations: Vec<Violation>, rows: &[T], next: Slice) -> Self {
        Self {
            violations,
            rows: rows.len(),
            next: Some(next),
        }
    }
}
