//! What the crate's users see of it: reading YAML, resolving a cluster, lowering policies and deciding flows.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test, a panic is a failure"
)]

mod admin;
mod demands;
mod laws;
mod routes;
mod semantics;
mod truths;
mod unseen;
mod yaml;
