//! PostgreSQL for development and tests: found or installed, and run as a private cluster that knows
//! nothing of the system's.

mod cluster;
mod orphan;
mod place;
mod server;

pub(crate) use cluster::{Cluster, Purpose};
pub(crate) use orphan::stop_orphan;
pub(crate) use place::{Place, TemporaryPlace};
pub(crate) use server::{Server, ensure};
