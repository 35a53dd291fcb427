//! The mutants. A new engine is a file here and a line in [`SUITES`].

mod engine;
mod reference;

use super::Suite;

/// Every engine that has mutants.
pub(super) const SUITES: &[Suite] = &[reference::SUITE, engine::SUITE];
