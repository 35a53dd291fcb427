//! What Cilium's policies mean, flow by flow: one table per rule of `docs/semantics.md`, asked of the reference.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod deny;
mod dns;
mod kubernetes;
mod peers;
mod ports;
mod requests;
mod subjects;
mod world;
