//! Quoted values whose further lines are not indented more than their key: kubectl accepts them, the grammar of YAML
//! does not. Such line breaks are overwritten by a character that marks them and occurs nowhere else, so that all offsets
//! stay, and the value gets its breaks back when it has been read.

use std::ops::Range;

use super::separator::is_separator;

/// Of these, the first that a document does not have stands for its line breaks, and for every blank around them.
const MARKS: [char; 10] = ['~', '`', '^', '|', '%', '@', '&', '?', ';', '!'];

/// More lines than this are not joined: each costs a look at the whole document.
const MOST_JOINED: usize = 100;

/// Where the document starts that contains `at`.
pub(super) fn document_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let mut end = before.len();
    while let Some(line) = before.get(..end).and_then(|text| text.rfind("\n---")) {
        if text.get(line + 1..).and_then(|rest| rest.lines().next()).is_some_and(is_separator) {
            return line + 1;
        }
        end = line;
    }
    0
}

/// A document with those lines joined that stand too far left.
pub(super) struct Joined<'t> {
    /// The document as it is written.
    written: &'t str,
    /// What stands for its line breaks.
    mark: char,
}

/// Joins the lines that stand too far left. `error` says where the first of them stands, if any is left.
pub(super) fn join_lines(
    document: &str,
    error: impl Fn(&str) -> Option<usize>,
) -> Option<(String, Joined<'_>)> {
    let mark = MARKS.into_iter().find(|mark| !document.contains(*mark))?;
    let mut text = document.to_owned();
    for _ in 0..MOST_JOINED {
        let Some(at) = error(&text) else { return Some((text, Joined { written: document, mark })) };
        let before = text.get(..at)?;
        let start = before.trim_end_matches([' ', '\t', '\r', '\n']).len();
        // The blanks behind the error belong to the line too: it may stand at the start of the content or before.
        let blanks = text.get(at..)?.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let marks = String::from(mark).repeat(at + blanks - start);
        if !text.get(start..at)?.contains('\n') {
            return None;
        }
        text.replace_range(start..at + blanks, &marks);
    }
    None
}

impl Joined<'_> {
    /// A value with its line breaks folded as YAML does: one is a blank, of several one less than there are. `joined` is
    /// the text of the value, which stands at `range` of the document.
    pub(super) fn fold(&self, value: &str, joined: &str, range: Range<usize>) -> String {
        let mark = self.mark;
        let mut runs = Vec::new();
        let mut at = 0;
        while let Some(start) = joined.get(at..).and_then(|rest| rest.find(mark)).map(|found| at + found) {
            let length = joined.get(start..).unwrap_or_default().chars().take_while(|&c| c == mark).count();
            let run = range.start + start..range.start + start + length;
            runs.push(self.written.get(run).unwrap_or_default().matches('\n').count());
            at = start + length;
        }
        let mut folded = String::with_capacity(value.len());
        let mut rest = value;
        for breaks in runs {
            let Some(start) = rest.find(mark) else { break };
            folded.push_str(rest.get(..start).unwrap_or_default());
            if breaks <= 1 {
                folded.push(' ');
            } else {
                folded.extend(std::iter::repeat_n('\n', breaks - 1));
            }
            rest = rest.get(start..).unwrap_or_default().trim_start_matches(mark);
        }
        folded.push_str(rest);
        folded
    }
}
