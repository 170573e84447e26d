//! The operations, each against a real Postgres of the test's own.

mod demo;
mod items;
mod operation;
mod rights;
mod stock;
mod users;
