//! `cargo xtask mutants`: does a wrong engine turn the tests red?
//!
//! Each mutant of [`table::SUITES`] is one wrong operator. They are built into a copy of the checkout,
//! brought to life one at a time, and the tests of their suite must fail. A mutant that survives is a test
//! that is missing.

mod batch;
mod scratch;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use batch::Batch;
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
    let mut mutants = Vec::new();
    for suite in table::SUITES {
        let here = suite.mutants.iter().filter(|mutant| wanted(suite, mutant));
        mutants.extend(here.map(|mutant| (suite, mutant)));
    }
    let mut score = Score::default();
    Run { scratch: Scratch::new()?, mutants }.all(&mut score)?;
    let Score { caught, failures } = score;
    println!("{caught} of {} mutants caught", caught + failures.len());
    if failures.is_empty() { Ok(()) } else { Err(format!("not caught: {}", failures.join("; "))) }
}

const NO_LIMIT: Duration = Duration::from_secs(60 * 60);

/// What became of the mutants so far.
#[derive(Default)]
struct Score {
    caught: usize,
    failures: Vec<&'static str>,
}

/// What became of a mutant.
enum Verdict {
    /// These tests failed.
    Caught(String),
    /// No test failed.
    Survived,
    /// The compiler refuses it, so that it says nothing about the tests.
    Broken,
}

/// The mutants that are asked for, and where to try them.
struct Run {
    scratch: Scratch,
    mutants: Vec<(&'static Suite, &'static Mutant)>,
}

impl Run {
    /// First those that one build can hold, then the others one by one.
    fn all(&self, score: &mut Score) -> Result<(), String> {
        let only: Vec<&Mutant> = self.mutants.iter().map(|(_, mutant)| *mutant).collect();
        let mut refused = BTreeSet::new();
        let inside = loop {
            let batch = Batch::new(self.scratch.folder(), &only, &refused)?;
            let done =
                self.scratch.with(&batch.files, || -> Result<Option<BTreeSet<usize>>, String> {
                    if let Err(messages) = self.build(self.suites()) {
                        let blamed = batch.blamed(&messages);
                        return if blamed.is_empty() { Err(messages) } else { Ok(Some(blamed)) };
                    }
                    self.batch(&batch.inside, score)?;
                    Ok(None)
                })??;
            match done {
                Some(blamed) => refused.extend(blamed),
                None => break batch.inside,
            }
        };
        let mut suite_before = "";
        let mut limit = NO_LIMIT;
        for (index, (suite, mutant)) in self.mutants.iter().enumerate() {
            if inside.contains(&(index + 1)) {
                continue;
            }
            if suite_before != suite.name {
                self.build(vec![suite])?;
                limit = self.pass(suite)?;
                suite_before = suite.name;
            }
            let started = Instant::now();
            let path = self.scratch.folder().join(mutant.file);
            let text =
                std::fs::read_to_string(&path).map_err(|error| format!("`{}`: {error}", mutant.file))?;
            let files = BTreeMap::from([(mutant.file, scratch::apply(&text, mutant)?)]);
            let verdict = self.scratch.with(&files, || match self.build(vec![suite]) {
                Ok(()) => self.judge(suite, None, limit),
                Err(_) => Verdict::Broken,
            })?;
            score.add(suite, mutant, &verdict, started);
        }
        Ok(())
    }

    /// The suites that have mutants here.
    fn suites(&self) -> Vec<&'static Suite> {
        let mut suites: Vec<&Suite> = self.mutants.iter().map(|(suite, _)| *suite).collect();
        suites.dedup_by_key(|suite| suite.name);
        suites
    }

    /// Builds every test of some suites.
    fn build(&self, suites: Vec<&Suite>) -> Result<(), String> {
        for suite in suites {
            let mut built: &[&str] = &[];
            for test in suite.tests {
                // Filters say which tests of a binary run, not what is built.
                let target = test.split(|word| word.ends_with("::")).next().unwrap_or_default();
                if target != built {
                    self.scratch.build(target)?;
                    built = target;
                }
            }
        }
        Ok(())
    }

    /// Tries the mutants of a batch that has been built.
    fn batch(&self, inside: &BTreeSet<usize>, score: &mut Score) -> Result<(), String> {
        let mut suite_before = "";
        let mut limit = NO_LIMIT;
        for (index, (suite, mutant)) in self.mutants.iter().enumerate() {
            if !inside.contains(&(index + 1)) {
                continue;
            }
            if suite_before != suite.name {
                limit = self.pass(suite)?;
                suite_before = suite.name;
            }
            let started = Instant::now();
            score.add(suite, mutant, &self.judge(suite, Some(index + 1), limit), started);
        }
        Ok(())
    }

    /// Runs the tests of a suite without a mutant, and returns how long they may take with one.
    fn pass(&self, suite: &Suite) -> Result<Duration, String> {
        let started = Instant::now();
        if let Some(red) =
            suite.tests.iter().find(|test| self.scratch.test(test, None, NO_LIMIT) != Outcome::Passed)
        {
            return Err(format!("`cargo test {}` must pass without any mutant", red.join(" ")));
        }
        // A mutant may loop; nothing honest takes this long.
        Ok(started.elapsed() * 3 + Duration::from_secs(120))
    }

    fn judge(&self, suite: &Suite, alive: Option<usize>, limit: Duration) -> Verdict {
        for test in suite.tests {
            match self.scratch.test(test, alive, limit) {
                Outcome::Passed => {}
                Outcome::Failed => return Verdict::Caught(format!("by {}", test.join(" "))),
                Outcome::TimedOut => return Verdict::Caught("by running too long".to_owned()),
                Outcome::NotStarted => return Verdict::Broken,
            }
        }
        Verdict::Survived
    }
}

impl Score {
    fn add(&mut self, suite: &Suite, mutant: &Mutant, verdict: &Verdict, started: Instant) {
        let seconds = started.elapsed().as_secs_f32();
        let (word, by) = match verdict {
            Verdict::Caught(by) => ("caught", by.as_str()),
            Verdict::Survived => ("SURVIVED", ""),
            Verdict::Broken => ("DOES NOT BUILD", ""),
        };
        println!("{word:<9} {seconds:>5.1} s  {}: {}  {by}", suite.name, mutant.about);
        match verdict {
            Verdict::Caught(_) => self.caught += 1,
            Verdict::Survived | Verdict::Broken => self.failures.push(mutant.about),
        }
    }
}

#[cfg(test)]
mod tests {
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
