//! The tiers around NetworkPolicy, from YAML to verdicts (S-60 to S-69): what the upstream conformance
//! cases test, and what they leave out.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that panics has failed"
)]

mod ends;
mod order;
mod ports;
mod world;
