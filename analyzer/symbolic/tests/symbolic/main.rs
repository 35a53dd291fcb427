//! The symbolic engine against the reference semantics, on random worlds, and its answers to questions
//! that people ask.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "in a test, a panic is a failure"
)]

#[cfg(feature = "z3")]
mod assertions;
mod common;
#[cfg(feature = "z3")]
mod exposure;
#[cfg(feature = "z3")]
mod free;
#[cfg(feature = "z3")]
mod laws;
#[cfg(feature = "z3")]
mod lint;
mod literal;
#[cfg(feature = "z3")]
mod manifests;
#[cfg(feature = "z3")]
mod questions;
