//! What network plugins make of policies (P-1 to P-32).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod antrea;
mod detection;
mod docs;
mod own_kinds;
mod profiles;
mod world;
