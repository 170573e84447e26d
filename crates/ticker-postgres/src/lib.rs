//! Everything that is SQL. No other crate (but the tests' kit) knows that there is a database.
//!
//! ```no_run
//! # async fn example(database: ticker_postgres::Database) -> Result<(), ticker_postgres::DatabaseError> {
//! use ticker_postgres::Access as _;
//!
//! // One statement, or several reads that need not agree with each other:
//! let locations = database.connect().await?.locations().list().await?;
//!
//! // Several statements that happen together or not at all:
//! let mut tx = database.begin().await?;
//! let item = tx.items().find(ticker_domain::id::ItemId(7)).await?;
//! tx.commit().await?;
//! # Ok(()) }
//! ```
//!
//! Each feature has a module, named after its noun, and an accessor on [`Access`] of the same name.
//! What is not there is `None`; a violated constraint becomes the domain's error, recognised by the
//! constraint's name; everything else is a [`DatabaseError`].

pub mod audit;
pub mod bulk_changes;
pub mod categories;
mod database;
mod error;
pub mod group_merges;
pub mod groups;
pub mod hints;
pub mod invariants;
pub mod items;
pub mod jobs;
pub mod ledger;
pub mod live;
pub mod locations;
pub mod migrations;
pub mod movements;
pub mod posting_keys;
pub mod scans;
pub mod sessions;
pub mod stock;
pub mod stock_surveys;
pub mod users;

pub use self::database::{
    Access, BadDatabaseUrl, Connection, Database, DatabaseSettings, PoolUsage, Transaction,
};
pub use self::error::{DatabaseError, DatabaseErrorKind};
