//! What tests need: a real Postgres of their own, a clock that stands still, people and things.
//!
//! ```no_run
//! # async fn test() {
//! use ticker_domain::permission::StockAdjust;
//! use ticker_domain::user::Role;
//! use ticker_testkit::TestDatabase;
//!
//! let db = TestDatabase::new().await;
//! let ana = db.user(Role::Staff).await;
//! let batteries = db.item("AA batteries").stock(40).await;
//! let by = ana.grant::<StockAdjust>();
//! let app = db.app();
//! # let _ = (batteries, by, app);
//! # }
//! ```
//!
//! Each [`TestDatabase`] is a database of its own, copied from a template that the first test of a run
//! migrates, and dropped with the value. Tests reach it as the application does: with a login that has
//! the application's rights and no more. [`TestDatabase::sql`] does what only a superuser may.
//!
//! A dev-dependency only. Everything here panics where a test could not go on.

mod clock;
mod database;
mod items;
mod template;
mod users;

pub use self::clock::FrozenClock;
pub use self::database::TestDatabase;
pub use self::items::{TestItem, TestItemBuilder};
pub use self::users::{PASSWORD, TestUser};

/// A new random key, for postings and forms.
#[must_use]
pub fn key() -> ticker_domain::ledger::IdempotencyKey {
    ticker_domain::ledger::IdempotencyKey(uuid::Uuid::new_v4())
}
