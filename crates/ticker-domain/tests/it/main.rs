//! The domain from outside: the ledger's decisions against a model, and who may do what.

mod chain;
mod decision;
mod model;
mod permission;
mod postings;
