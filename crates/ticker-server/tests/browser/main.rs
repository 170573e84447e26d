//! What people do with Ticker, told as stories and played in a real browser.
//!
//! Each story has a database, two replicas behind one address and a headless Chromium of its own, and most are
//! played twice: with JavaScript and without. They do what a person does (read a label, type, press) and
//! then look where a person cannot: into the ledger. A story that fails leaves a picture of the page, its
//! source and the server's log in `target/browser-failures/`.

mod absence;
mod accessibility;
mod admin;
mod bulk;
mod double_submits;
mod foreign_page;
mod groups;
mod harness;
mod hostile_names;
mod keyboard;
mod layout;
mod live;
mod live_pages;
mod live_replicas;
mod manager;
mod pages;
mod preferences;
mod presses;
mod reloads;
mod replicas;
mod scan;
mod screens;
mod shortcuts;
mod signed_out;
mod staff;
mod states;
mod telephone;
mod transfer;
mod two_people;
mod undo;
mod weight;
