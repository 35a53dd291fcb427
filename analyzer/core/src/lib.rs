//! Reading manifests, the exact engine, queries, lint rules and output formats.

pub mod assertion;
pub mod baseline;
pub mod config;
mod duplicates;
pub mod engine;
pub mod fix;
pub mod graph;
pub mod lint;
pub mod load;
pub mod query;
pub mod report;
pub mod snapshot;
pub mod suppress;
mod unseen;
