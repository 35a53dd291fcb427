//! The mutants. A new engine is a file here and a line in [`SUITES`].

mod engine;
mod reference;
mod symbolic;

use super::Suite;

/// Every engine that has mutants.
pub(super) const SUITES: &[Suite] = &[reference::SUITE, engine::SUITE, symbolic::SUITE];
