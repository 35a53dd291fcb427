//! The mutants. A new engine is a file here and a line in [`SUITES`].

mod engine;
mod fix;
mod query;
mod reference;
mod symbolic;

use super::Suite;

/// Every engine that has mutants.
pub(super) const SUITES: &[Suite] = &[
    reference::SUITE,
    engine::SUITE,
    symbolic::SUITE,
    query::PROVE,
    query::EXPOSED,
    query::CONFLICTS,
    fix::SUITE,
];
