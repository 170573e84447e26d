//! The operations, each against a real Postgres of the test's own.

mod audit;
mod bulk;
mod bulk_undo;
mod demo;
mod group_merges;
mod groups;
mod hints;
mod items;
mod ledger;
mod live;
mod operation;
mod operation_jobs;
mod power;
mod rights;
mod scan;
mod stock;
mod users;
