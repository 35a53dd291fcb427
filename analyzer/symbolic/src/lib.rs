//! Open-world questions about policies: answers for every possible cluster, not only the one in the
//! manifests.

pub mod assertion;
mod canonical;
pub mod encode;
pub mod exposure;
pub mod lint;
pub mod query;
pub mod rules;
pub mod session;
pub mod snapshot;
pub mod solver;
pub mod spec;
pub mod term;
pub mod vocabulary;
pub mod witness;
pub mod world;
