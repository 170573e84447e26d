//! Every statement against a real Postgres, in a database of the test's own.

mod connections;
mod grants;
mod history;
mod invariants;
mod items;
mod ledger;
mod ledger_races;
mod migrations;
mod places;
mod sessions;
mod stock;
mod stock_pages;
mod users;
