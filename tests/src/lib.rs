//! Shared parts of the tests.

pub mod worlds;

use proptest::test_runner::Config;

/// A property test of this many cases; `PROPTEST_CASES` overrides it.
pub fn cases(count: u32) -> Config {
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { Config::default().cases } else { count };
    Config { cases, max_shrink_iters: 50_000, ..Config::default() }
}
