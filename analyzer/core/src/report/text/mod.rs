//! Text for people, with colour where it is a terminal's.

mod diff;
mod equivalence;
mod exposure;
mod findings;
mod fixes;
mod intended;
mod prove;
mod reach;
mod rules;
mod snippet;
mod trace;
mod walk;

pub use findings::findings;
pub use fixes::fixes;
pub(super) use prove::counterexample;

use npv_models::diagnostic::Finding;

use unicode_width::UnicodeWidthStr;

use super::summary::{count, left_out};
use super::{Format, Look};

pub(super) const FORMAT: Format = Format {
    name: "text",
    doc: "for people; coloured on a terminal",
    check: Some(findings::check),
    reach: Some(reach::write),
    trace: Some(trace::write),
    diff: Some(diff::write),
    radius: Some(walk::radius),
    chains: Some(walk::chains),
    prove: Some(prove::write),
    config: Some(crate::config::show),
    equivalence: Some(equivalence::write),
    exposure: Some(exposure::write),
    intended: Some(intended::write),
    rules: Some(rules::write),
    ..Format::NONE
};

/// The columns that text may use; `None` where lines may be as long as they like.
fn columns(look: Look) -> Option<usize> {
    look.width.map(|width| width.clamp(60, 160))
}

/// A text as lines that fit beside what takes up some columns already; words are never cut.
fn wrap(text: &str, look: Look, taken: usize) -> Vec<String> {
    let Some(columns) = columns(look) else { return vec![text.to_owned()] };
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if taken + line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A text below an excerpt, after `= note: ` or `= help: `, whose further lines are aligned with its first.
fn aside(text: &str, look: Look) -> String {
    // Room for a line number of five digits.
    wrap(text, look, 15).join("\n")
}

/// The line that says that an answer leaves something out.
fn incomplete(findings: &[Finding]) -> String {
    format!("incomplete: {}", left_out(findings))
}

#[cfg(test)]
mod tests {
    use super::{Look, wrap};

    #[test]
    fn only_a_terminal_has_an_edge() {
        let text = "the verdict is for the client's own address; `a-long-name-that-is-never-cut` stays whole";
        assert_eq!(wrap(text, Look::default(), 6), [text]);
        let look = Look { color: false, width: Some(60) };
        let lines = wrap(text, look, 6);
        assert_eq!(lines.join(" "), text);
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() <= 54), "{lines:?}");
    }
}
