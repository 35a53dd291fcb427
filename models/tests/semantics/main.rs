//! What [`npv_models::decide`] must say, rule by rule: each test names the rules that it pins down.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod build;
mod ends;
mod explanation;
mod peers;
mod ports;
mod tiers;
