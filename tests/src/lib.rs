//! Shared parts of the tests.

pub mod answers;
pub mod matrix;
pub mod npv;
pub mod page;
pub mod place;
pub mod worlds;

use proptest::test_runner::Config;

/// A property test of this many cases, with time for shrinking; what the environment asks of proptest
/// (`PROPTEST_CASES`, `PROPTEST_MAX_SHRINK_ITERS`) comes first.
pub fn cases(count: u32) -> Config {
    let asked = Config::default();
    let is_set = |name| std::env::var_os(name).is_some();
    Config {
        cases: if is_set("PROPTEST_CASES") { asked.cases } else { count },
        max_shrink_iters: if is_set("PROPTEST_MAX_SHRINK_ITERS") { asked.max_shrink_iters } else { 50_000 },
        ..asked
    }
}
