//! Many mutants in one build.
//!
//! Building takes longer than testing, so functions that have mutants get them all at once: each as a
//! body of its own in front of the true one, entered where the environment variable [`CHOICE`] has its
//! number. What cannot be built that way is left for a build of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use super::Mutant;
use super::scratch::apply;

/// The variable that says which mutant is alive.
pub(super) const CHOICE: &str = "NPV_MUTANT";

/// The files of a checkout with all mutants in them that can be there together.
pub(super) struct Batch {
    /// Every changed file, from the top of the checkout, and its text.
    pub(super) files: BTreeMap<&'static str, String>,
    /// The numbers of the mutants that are in it.
    pub(super) inside: BTreeSet<usize>,
    /// Which lines of a file, from 1, belong to which mutants.
    lines: Vec<(&'static str, Range<usize>, Vec<usize>)>,
}

impl Batch {
    /// Puts the mutants into the files below a folder, except those that are refused. Their numbers start
    /// at 1.
    pub(super) fn new(folder: &Path, mutants: &[&Mutant], refused: &BTreeSet<usize>) -> Result<Self, String> {
        let mut of_file: BTreeMap<&'static str, Vec<(usize, &Mutant)>> = BTreeMap::new();
        for (index, mutant) in mutants.iter().enumerate().filter(|(index, _)| !refused.contains(&(index + 1)))
        {
            of_file.entry(mutant.file).or_default().push((index + 1, mutant));
        }
        let mut batch = Self { files: BTreeMap::new(), inside: BTreeSet::new(), lines: Vec::new() };
        for (file, mutants) in of_file {
            let text =
                std::fs::read_to_string(folder.join(file)).map_err(|error| format!("`{file}`: {error}"))?;
            batch.file(file, &text, &mutants)?;
        }
        Ok(batch)
    }

    fn file(&mut self, file: &'static str, text: &str, mutants: &[(usize, &Mutant)]) -> Result<(), String> {
        // Per body: its mutants, with what they make of it.
        let mut bodies: BTreeMap<(usize, usize), Vec<(usize, String)>> = BTreeMap::new();
        for (number, mutant) in mutants {
            // Says what is wrong with a mutant that is out of date.
            apply(text, mutant)?;
            let at = text.find(mutant.find).unwrap_or_default();
            if let Some(body) = body(text, at..at + mutant.find.len()) {
                let inside = text.get(body.clone()).unwrap_or_default();
                bodies
                    .entry((body.start, body.end))
                    .or_default()
                    .push((*number, inside.replacen(mutant.find, mutant.replace, 1)));
            }
        }
        let mut result = String::new();
        let mut done = 0;
        for ((start, end), mutants) in bodies {
            if start < done {
                // A function in a function that has mutants of its own.
                continue;
            }
            result.push_str(text.get(done..start).unwrap_or_default());
            let first = result.lines().count();
            result.push_str(&choice());
            for (number, body) in &mutants {
                result.push_str(&alternative(*number, body));
                self.inside.insert(*number);
            }
            result.push_str(text.get(start..end).unwrap_or_default());
            let last = result.lines().count();
            let numbers = mutants.into_iter().map(|(number, _)| number).collect();
            self.lines.push((file, first..last + 2, numbers));
            done = end;
        }
        result.push_str(text.get(done..).unwrap_or_default());
        self.files.insert(file, result);
        Ok(())
    }

    /// The mutants that the compiler's short messages are about: with any of a function, all of it, because
    /// what is wrong with one may be said of another.
    pub(super) fn blamed(&self, messages: &str) -> BTreeSet<usize> {
        let mut blamed = BTreeSet::new();
        for message in messages.lines().filter(|message| message.contains(": error")) {
            let mut parts = message.split(':');
            let (Some(path), Some(Ok(line))) = (parts.next(), parts.next().map(str::parse::<usize>)) else {
                continue;
            };
            let here =
                self.lines.iter().filter(|(file, lines, _)| path.ends_with(file) && lines.contains(&line));
            blamed.extend(here.flat_map(|(_, _, numbers)| numbers));
        }
        blamed
    }
}

/// Asks, once for each function, which mutant is alive.
fn choice() -> String {
    format!(
        "static CHOICE: std::sync::OnceLock<usize> = std::sync::OnceLock::new();\n\
         let choice_of_mutant = *CHOICE.get_or_init(|| std::env::var(\"{CHOICE}\")\
         .ok().and_then(|text| text.parse().ok()).unwrap_or(0));\n"
    )
}

fn alternative(number: usize, body: &str) -> String {
    format!("if choice_of_mutant == {number} {{ return {{{body}}}; }}\n")
}

/// What is between the braces of the innermost function around a place, by the layout that rustfmt gives
/// it; `None` where the place is not within one.
fn body(text: &str, place: Range<usize>) -> Option<Range<usize>> {
    let mut starts: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    starts.insert(0, 0);
    let line = |index: usize| {
        let start = starts.get(index)?;
        text.get(*start..starts.get(index + 1).copied().unwrap_or(text.len()))
    };
    let here = starts.partition_point(|start| *start <= place.start).checked_sub(1)?;
    for first in (0..=here).rev() {
        let header = line(first)?;
        let indent = header.len() - header.trim_start().len();
        let words = header.trim_start();
        let words = words.strip_prefix("pub(crate) ").or(words.strip_prefix("pub(super) ")).unwrap_or(words);
        let words = words.strip_prefix("pub ").unwrap_or(words);
        if !words.starts_with("fn ") {
            continue;
        }
        let opening =
            (first..starts.len()).find(|index| line(*index).is_some_and(|line| line.ends_with("{\n")))?;
        let closing_line = format!("{}}}\n", " ".repeat(indent));
        let closing = (opening..starts.len()).find(|index| line(*index) == Some(closing_line.as_str()))?;
        let body = *starts.get(opening + 1)?..*starts.get(closing)?;
        if body.start <= place.start && place.end <= body.end {
            return Some(body);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
impl Engine {
    pub(crate) fn add(&self, more: u32)
    where
        Self: Sized,
    {
        if more == 1 {
            self.one();
        }
    }

    const fn zero() -> u32 {
        0
    }
}

fn last(\n    of: u32,\n) -> u32 {
    of - 1
}
";

    #[test]
    fn a_body_is_found_by_its_layout() {
        let around = |find: &str| {
            let at = TEXT.find(find).unwrap();
            body(TEXT, at..at + find.len()).and_then(|body| TEXT.get(body))
        };
        assert_eq!(around("of - 1"), Some("    of - 1\n"));
        let add = around("self.one()").unwrap();
        assert!(add.starts_with("        if more") && add.ends_with("        }\n"), "{add}");
        assert_eq!(around("        0\n"), None);
        assert_eq!(around("Sized"), None);
        assert_eq!(around("more: u32"), None);
    }

    #[test]
    fn errors_are_blamed_on_the_mutants_of_their_function() {
        let mutants = [
            super::super::mutant("one", "a.rs", "more == 1", "more == 2"),
            super::super::mutant("two", "a.rs", "self.one()", "self.two()"),
            super::super::mutant("three", "a.rs", "of - 1", "of"),
        ];
        let numbered: Vec<_> =
            mutants.iter().enumerate().map(|(index, mutant)| (index + 1, mutant)).collect();
        let mut batch = Batch { files: BTreeMap::new(), inside: BTreeSet::new(), lines: Vec::new() };
        batch.file("a.rs", TEXT, &numbered).unwrap();
        assert_eq!(batch.inside, BTreeSet::from([1, 2, 3]));
        let text = &batch.files["a.rs"];
        let line = 1 + text.lines().position(|line| line.contains("self.two()")).unwrap();
        let message = |line: usize, kind: &str| format!("src/a.rs:{line}:9: {kind}: no such method\n");
        assert_eq!(batch.blamed(&message(line, "error[E0599]")), BTreeSet::from([1, 2]));
        assert_eq!(batch.blamed(&message(line, "warning")), BTreeSet::new());
        let last = text.lines().count() - 2;
        assert_eq!(batch.blamed(&message(last, "error")), BTreeSet::from([3]));
    }
}
