//! Ticker over HTTP, against a real Postgres.

mod access;
mod adjust;
mod app;
mod assets;
mod bulk;
mod client_address;
mod counts;
mod csrf;
mod errors;
mod groups;
mod headers;
mod health;
mod history;
mod history_export;
mod input;
mod labels;
mod live;
mod log;
mod metrics;
mod next;
mod nonsense;
mod preferences;
mod scan;
mod sessions;
mod transfer;
mod undo;
