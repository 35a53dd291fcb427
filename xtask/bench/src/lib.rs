//! Generated clusters, and how long npv takes for them.

pub mod manifest;
pub mod measure;
pub mod memory;
pub mod plan;
pub mod proofs;
pub mod random;
pub mod table;
