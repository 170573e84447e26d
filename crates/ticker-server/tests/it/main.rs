//! The binary `ticker` as operators and the container's runtime see it: its process, its exit codes and
//! its lines.

mod commands;
mod container;
mod dashboards;
mod deploy;
mod program;
mod serve;
mod settings;
