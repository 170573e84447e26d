//! What Ticker does: one method of [`App`] a business operation.
//!
//! Each method takes its proof first (a [`Grant`](ticker_auth::Grant), or the visible
//! [`Anyone`](ticker_auth::Anyone) or [`Operator`](ticker_auth::Operator)), owns its transaction, and
//! knows neither SQL nor HTTP. Errors are enums; [`ErrorKind`] is all that a caller needs to answer
//! them.
//!
//! Whatever changes something runs in a task of its own that [`App::shut_down`] waits for: a client
//! that goes away cannot stop a posting halfway.

mod app;
pub mod bulk;
mod clock;
pub mod demo;
mod error;
pub mod group;
pub mod history;
pub mod item;
pub mod ledger;
pub mod live;
pub mod metrics;
pub mod operation;
pub mod scan;
pub mod stock;
pub mod user;

pub use self::app::{App, AppSettings};
pub use self::clock::{Clock, SystemClock};
pub use self::error::{ErrorKind, Failure};
