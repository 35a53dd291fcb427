//! `cargo xtask mutants`: does a wrong engine turn the tests red?
//!
//! Each mutant of [`table::SUITES`] is one wrong operator. They are applied one at a time to a copy of
//! the checkout, and the tests of their suite must fail. A mutant that survives is a test that is missing.

mod scratch;
mod table;

use std::time::{Duration, Instant};

use scratch::{Outcome, Scratch};

/// What is tested together: the mutants of one engine, and the tests that must notice them.
pub(crate) struct Suite {
    /// The engine.
    pub(crate) name: &'static str,
    /// Arguments of `cargo test`, in the order in which they are tried: the fastest first. One that fails
    /// is enough.
    pub(crate) tests: &'static [&'static [&'static str]],
    /// One wrong operator each.
    pub(crate) mutants: &'static [Mutant],
}

/// One change to one file.
pub(crate) struct Mutant {
    /// What it makes wrong, for people.
    pub(crate) about: &'static str,
    /// The file, from the top of the checkout.
    pub(crate) file: &'static str,
    /// What is replaced; it must occur exactly once in the file.
    pub(crate) find: &'static str,
    /// What it is replaced by.
    pub(crate) replace: &'static str,
}

/// A mutant in one line.
pub(crate) const fn mutant(
    about: &'static str,
    file: &'static str,
    find: &'static str,
    replace: &'static str,
) -> Mutant {
    Mutant { about, file, find, replace }
}

/// Runs the mutants whose suite or description contains one of the arguments; all without arguments.
/// `--list` only prints them.
///
/// # Errors
/// When the tests fail without any mutant, and when a mutant survives, does not build or cannot be applied.
pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    let (flags, words): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|argument| argument.starts_with('-'));
    if let Some(unknown) = flags.iter().find(|flag| **flag != "--list") {
        return Err(format!("no option `{unknown}`; there is `--list`"));
    }
    let wanted = |suite: &Suite, mutant: &Mutant| {
        let name = format!("{}: {}", suite.name, mutant.about);
        words.is_empty() || words.iter().any(|word| name.contains(word.as_str()))
    };
    if !flags.is_empty() {
        for suite in table::SUITES {
            for mutant in suite.mutants.iter().filter(|mutant| wanted(suite, mutant)) {
                println!("{}: {} ({})", suite.name, mutant.about, mutant.file);
            }
        }
        return Ok(());
    }
    crate::z3::provide()?;
    let scratch = Scratch::new()?;
    let mut failures = Vec::new();
    let mut caught = 0_usize;
    for suite in table::SUITES {
        let mutants: Vec<&Mutant> = suite.mutants.iter().filter(|mutant| wanted(suite, mutant)).collect();
        if mutants.is_empty() {
            continue;
        }
        let started = Instant::now();
        if let Some(red) = suite.tests.iter().find(|test| scratch.test(test, NO_LIMIT) != Outcome::Passed) {
            return Err(format!("`cargo test {}` must pass without any mutant", red.join(" ")));
        }
        // A mutant may loop; nothing honest takes this long when it was built before.
        let limit = started.elapsed() * 3 + Duration::from_secs(120);
        for mutant in mutants {
            let started = Instant::now();
            let verdict = scratch.with(mutant, || judge(&scratch, suite, limit))?;
            let seconds = started.elapsed().as_secs_f32();
            let (word, by) = match &verdict {
                Verdict::Caught(by) => ("caught", by.as_str()),
                Verdict::Survived => ("SURVIVED", ""),
                Verdict::Broken => ("DOES NOT BUILD", ""),
            };
            println!("{word:<9} {seconds:>5.1} s  {}: {}  {by}", suite.name, mutant.about);
            match verdict {
                Verdict::Caught(_) => caught += 1,
                Verdict::Survived | Verdict::Broken => failures.push(mutant.about),
            }
        }
    }
    println!("{caught} of {} mutants caught", caught + failures.len());
    if failures.is_empty() { Ok(()) } else { Err(format!("not caught: {}", failures.join("; "))) }
}

const NO_LIMIT: Duration = Duration::from_secs(60 * 60);

/// What became of a mutant.
enum Verdict {
    /// These tests failed.
    Caught(String),
    /// No test failed.
    Survived,
    /// The compiler refuses it, so that it says nothing about the tests.
    Broken,
}

fn judge(scratch: &Scratch, suite: &Suite, limit: Duration) -> Verdict {
    for test in suite.tests {
        match scratch.test(test, limit) {
            Outcome::Passed => {}
            Outcome::Failed => return Verdict::Caught(format!("by {}", test.join(" "))),
            Outcome::TimedOut => return Verdict::Caught("by running too long".to_owned()),
            Outcome::NotBuilt => return Verdict::Broken,
        }
    }
    Verdict::Survived
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_mutant_can_be_applied() {
        let mut wrong = Vec::new();
        for mutant in table::SUITES.iter().flat_map(|suite| suite.mutants) {
            let text = std::fs::read_to_string(crate::command::root().join(mutant.file)).unwrap_or_default();
            if let Err(message) = scratch::apply(&text, mutant) {
                wrong.push(message);
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn no_two_mutants_have_the_same_name() {
        for suite in table::SUITES {
            let names: BTreeSet<&str> = suite.mutants.iter().map(|mutant| mutant.about).collect();
            assert_eq!(names.len(), suite.mutants.len(), "{}", suite.name);
        }
    }
}
