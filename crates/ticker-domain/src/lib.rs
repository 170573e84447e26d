//! What Ticker knows and decides, and nothing about how it is stored, shown or served.
//!
//! Start here to learn the nouns. Each module is named after a feature, and the same noun names the
//! feature in every other crate:
//!
//! - [`ledger`]: postings, movements and the one function that decides them.
//! - [`stock`]: stock status and the thresholds that it follows from.
//! - [`scan`]: from the code on something to the item that it is.
//! - [`item`], [`location`], [`category`]: what is kept, where, and how it is grouped; [`group`]: what
//!   locations and categories have in common.
//! - [`bulk`]: one change for many items.
//! - [`user`], [`permission`], [`password`]: who works here and what they may do.
//! - [`spreadsheet`]: texts that a spreadsheet must not run.
//!
//! The crate is pure: no IO, no async, no clock, no randomness. Times and keys come in as arguments,
//! so every decision can be tested by calling it. Text from outside becomes a type here once
//! ([`item::ItemName::parse`] and its kin) and is trusted from then on.

pub mod bulk;
pub mod category;
pub mod group;
pub mod history;
pub mod id;
pub mod item;
pub mod ledger;
pub mod location;
pub mod page;
pub mod password;
pub mod permission;
pub mod scan;
pub mod search;
pub mod spreadsheet;
pub mod stock;
pub mod stock_list;
pub mod text;
pub mod user;
