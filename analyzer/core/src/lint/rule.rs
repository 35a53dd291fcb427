//! What a lint rule is: a name, a level, a documentation page and a check.

use std::fmt;

use npv_models::diagnostic::{Finding, Severity};
use npv_models::source::Span;
use npv_symbolic::lint::Facts;

use super::Context;

/// What kind of mistake a lint rule speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// The API server would refuse the object, or read it other than it looks.
    Validity,
    /// A policy or a part of it has no effect.
    Dead,
    /// An earlier or a wider rule hides another.
    Shadow,
    /// Two policies say different things about one flow.
    Conflict,
    /// More is open than was meant.
    Exposure,
    /// Traffic that must flow does not.
    BrokenPath,
    /// Not wrong, but in the way of whoever reads it next.
    Hygiene,
}

impl Category {
    /// All categories, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Validity,
        Self::Dead,
        Self::Shadow,
        Self::Conflict,
        Self::Exposure,
        Self::BrokenPath,
        Self::Hygiene,
    ];

    /// The name as configuration and formats write it: kebab-case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Validity => "validity",
            Self::Dead => "dead",
            Self::Shadow => "shadow",
            Self::Conflict => "conflict",
            Self::Exposure => "exposure",
            Self::BrokenPath => "broken-path",
            Self::Hygiene => "hygiene",
        }
    }

    /// The heading of its part of the documentation.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Validity => "Validity: refused or misread by the API server",
            Self::Dead => "Dead: without effect",
            Self::Shadow => "Shadow: hidden by another rule",
            Self::Conflict => "Conflict: policies that disagree",
            Self::Exposure => "Exposure: wider than meant",
            Self::BrokenPath => "Broken paths: what must flow and does not",
            Self::Hygiene => "Hygiene",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who finds what a lint rule reports.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Reading the configuration does, before anything else is read.
    Configuration,
    /// Looking through the exceptions does, when everything else has been found.
    Exceptions,
    /// Reading does: the findings are in the snapshot before any lint rule runs.
    Reading,
    /// This function, from the whole snapshot.
    Snapshot(fn(&Context<'_>, &mut Vec<Finding>)),
    /// This function, from what is proved of the policies.
    Proof(fn(&Context<'_>, &Facts, &mut Vec<Finding>)),
}

/// A lint rule. Its documentation page is the doc comment of its definition.
#[derive(Debug)]
pub struct Rule {
    /// Kebab-case; reads as *allow this* and names the pattern, not the remedy.
    pub name: &'static str,
    /// What kind of mistake it speaks of.
    pub category: Category,
    /// How bad its findings are unless configured.
    pub severity: Severity,
    /// It only runs on request.
    pub pedantic: bool,
    /// The doc comment, line by line, with the space that follows `///`.
    pub(super) doc: &'static str,
    /// Who finds what it reports.
    pub check: Check,
}

impl Rule {
    /// A finding of this rule with its default severity.
    pub(crate) fn finding(&self, span: Span, message: impl Into<String>) -> Finding {
        Finding::new(self.name, self.severity, span, message)
    }

    /// Whether its findings may have another level, exceptions and a place in a baseline. What the API server
    /// refuses and what npv could not read is left out of every answer: without a word about that, the answer
    /// would be about another cluster.
    /// Nor is a proof that failed for want of patience one that nothing is wrong.
    pub fn may_be_silenced(&self) -> bool {
        self.category != Category::Validity && self.name != "undecided-rule"
    }

    /// The documentation in Markdown: a summary, then what, why, an example, the fix and when the rule
    /// stays silent, each under a heading of level two.
    pub fn doc(&self) -> String {
        self.doc.lines().map(|line| line.strip_prefix(' ').unwrap_or(line)).fold(
            String::with_capacity(self.doc.len()),
            |mut page, line| {
                page.push_str(line);
                page.push('\n');
                page
            },
        )
    }

    /// The first paragraph of the documentation, on one line.
    pub fn summary(&self) -> String {
        let doc = self.doc();
        let first = doc.trim_start().split("\n\n").next().unwrap_or_default();
        first.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The text under one heading of the documentation; `None` where it has no such heading.
    pub fn section(&self, title: &str) -> Option<String> {
        let doc = self.doc();
        let mut inside = false;
        let mut fenced = false;
        let mut found = None;
        for line in doc.lines() {
            fenced ^= line.starts_with("```");
            if !fenced && let Some(heading) = line.strip_prefix("## ") {
                inside = heading == title;
                if inside {
                    found = Some(String::new());
                }
            } else if inside && let Some(text) = &mut found {
                text.push_str(line);
                text.push('\n');
            }
        }
        found.map(|text| text.trim().to_owned())
    }

    /// What the page says of the rule besides its documentation: category, level and whether it is on.
    pub fn level(&self) -> String {
        let severity = match self.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        let pedantic = if self.pedantic { ", pedantic: off unless asked for" } else { "" };
        format!("{}, {severity}{pedantic}", self.category)
    }

    /// The whole page, as `npv rule NAME` prints it.
    pub fn page(&self) -> String {
        format!("# {}\n\n*{}*\n\n{}", self.name, self.level(), self.doc())
    }
}

/// Defines a lint rule: the doc comment is its documentation page.
macro_rules! lint_rule {
    (
        $(#[doc = $doc:literal])+
        $vis:vis static $id:ident = {
            name: $name:literal,
            category: $category:ident,
            severity: $severity:ident,
            $(pedantic: $pedantic:literal,)?
            check: $check:expr $(,)?
        };
    ) => {
        $(#[doc = $doc])+
        $vis static $id: $crate::lint::Rule = $crate::lint::Rule {
            name: $name,
            category: $crate::lint::Category::$category,
            severity: npv_models::diagnostic::Severity::$severity,
            pedantic: false $(|| $pedantic)?,
            doc: concat!($($doc, "\n"),+),
            check: $check,
        };
    };
}
pub(super) use lint_rule;
