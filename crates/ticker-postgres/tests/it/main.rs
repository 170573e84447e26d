//! Every statement against a real Postgres, in a database of the test's own.

mod audit;
mod connections;
mod day_ends;
mod grants;
mod groups;
mod history;
mod invariants;
mod invariants_recent;
mod items;
mod jobs;
mod ledger;
mod ledger_races;
mod live;
mod migrations;
mod places;
mod posting_keys;
mod scans;
mod sessions;
mod stock;
mod stock_pages;
mod stock_surveys;
mod undos;
mod users;
