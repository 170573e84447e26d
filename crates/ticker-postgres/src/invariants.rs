//! The ledger's invariants, I1 to I9, each a query that must return no row, and two ways to ask them.
//!
//! [`Slice`] walks the whole ledger, a slice a transaction, and trusts nothing that was ever checked
//! before. [`Invariants::check_recent`] reads what has moved since it was last called, and rests on what
//! it has proven then. Both put the same questions, which stand in `rules`.

use sqlx::PgConnection;

use crate::DatabaseError;

mod recent;
mod rules;
mod whole;

pub use self::recent::{LedgerCheck, RecentProgress};
pub use self::whole::{Checked, Slice};

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
}

/// Every invariant.
pub const INVARIANTS: [Invariant; 9] = [
    invariant("I1", "on hand is the sum of its movements"),
    invariant("I2", "each movement begins where the one before it ended"),
    invariant(
        "I3",
        "movements are numbered without gaps, and the last number is the level's version",
    ),
    invariant("I4", "nothing is negative"),
    invariant(
        "I5",
        "every line of a posting is there, and what it is said to take back or to belong to is so",
    ),
    invariant(
        "I6",
        "a key has one effect within 7 days, and as long names its posting",
    ),
    invariant("I7", "every admin change has its audit row"),
    invariant("I8", "the hash chains verify"),
    invariant("I9", "an item's total is the sum of its levels"),
];

const fn invariant(name: &'static str, rule: &'static str) -> Invariant {
    Invariant { name, rule }
}

/// A place where an invariant is broken.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Violation {
    /// The invariant's name.
    pub invariant: String,
    /// The item that is to be checked again, if it is about one.
    item_id: Option<i64>,
    /// The posting that is to be checked again, if it is about one.
    posting_id: Option<i64>,
    /// Where, and what is there.
    pub place: String,
}

impl Invariants<'_> {
    /// Where one invariant is broken in the whole ledger: at most `limit` places, none when it holds.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn violations(
        &mut self,
        invariant: &Invariant,
        limit: usize,
    ) -> Result<Vec<String>, DatabaseError> {
        let mut places = Vec::new();
        let mut next = Some(Slice::FIRST);
        while let Some(slice) = next {
            let checked = self.check_slice(slice).await?;
            let broken = checked.violations.into_iter();
            places.extend(
                broken
                    .filter(|violation| violation.invariant == invariant.name)
                    .map(|violation| violation.place),
            );
            next = checked.next.filter(|_| places.len() < limit);
        }
        places.truncate(limit);
        Ok(places)
    }

    /// Lets this transaction read one snapshot and nothing else, without a limit of time a statement.
    ///
    /// # Errors
    /// [`DatabaseError`] if the database fails.
    pub async fn begin_reading(&mut self) -> Result<(), DatabaseError> {
        self.set("read only").await
    }

    async fn begin_recent(&mut self) -> Result<(), DatabaseError> {
        self.set("read write").await
    }

    async fn set(&mut self, mode: &'static str) -> Result<(), DatabaseError> {
        // One core at most, and no compiling of statements that run for tenths of a second.
        let sql = format!(
            "set transaction isolation level repeatable read, {mode};
             set local statement_timeout = 0; set local max_parallel_workers_per_gather = 0; set local jit = off"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
            .execute(&mut *self.connection)
            .await?;
        Ok(())
    }
}
