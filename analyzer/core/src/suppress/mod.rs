//! Exceptions: comments beside a line, annotations of an object, entries of the configuration.
//!
//! An exception names its rule and its reason. One that is used up, expired, or never was one is a finding itself:
//! exceptions that nobody looks after are how a gate rots.

mod comment;
mod gather;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use npv_models::diagnostic::{Applicability, Edit, Finding, Fix, Role};
use npv_models::source::{SourceId, SourceMap, Span};
use serde::Serialize;

use crate::config::{Configured, Date};
use crate::lint::{self, EXPIRED_SUPPRESSION, Rule, UNUSED_SUPPRESSION};
use crate::load::Exclude;
use crate::snapshot::Snapshot;

/// What an exception is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Means {
    /// A comment on the line, or above it.
    Comment,
    /// An annotation of the object.
    Annotation,
    /// An entry of `npv.yaml`.
    Configuration,
}

/// A finding that is as it should be.
#[derive(Clone, Debug)]
pub struct Suppressed {
    /// What was found.
    pub finding: Finding,
    /// Why it is as it should be.
    pub reason: String,
    /// How that is written.
    pub means: Means,
    /// Where it is written.
    pub at: Span,
}

/// What an exception applies to.
#[derive(Clone, Debug)]
enum Scope {
    /// A line of a text, counted from 1.
    Line(SourceId, u32),
    /// An object, by its name and by what stands in it.
    Object(Box<str>, Span),
    /// What matches an object's name and a file's, where these are given.
    Matching(Option<String>, Option<Exclude>),
}

/// An exception of one rule.
#[derive(Clone, Debug)]
struct Exception {
    rule: &'static Rule,
    /// Where the rule is named.
    at: Span,
    reason: String,
    scope: Scope,
    means: Means,
    /// From the day after on it is none.
    expires: Option<(Date, Span)>,
    /// What to take away where it is of no use.
    whole: Option<Span>,
    /// It speaks of something that has been read.
    seen: bool,
}

/// What the day and the configuration say.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    /// The configuration, which may have exceptions.
    pub configured: &'a Configured,
    /// The day on which exceptions are to be valid.
    pub today: Date,
    /// The inputs that are named on the command line.
    pub named: &'a [PathBuf],
}

impl Circumstances<'_> {
    /// Whether a file is among what has been read.
    pub fn read(&self, file: &Path) -> bool {
        self.configured.reads(self.named, file)
    }
}

/// Takes the findings out that are as they should be, and adds what is wrong with the exceptions. `runs` says
/// whether a rule runs: nothing can be said of the exceptions of one that does not.
pub fn suppress(
    findings: Vec<Finding>,
    snapshot: &Snapshot,
    circumstances: Circumstances<'_>,
    runs: impl Fn(&Rule) -> bool,
) -> (Vec<Finding>, Vec<Suppressed>) {
    let gather::Gathered { exceptions, wrong } = gather::gather(snapshot, circumstances);
    let index = Index::new(&exceptions, circumstances.today);
    let mut used = vec![false; exceptions.len()];
    let mut left = Vec::new();
    let mut suppressed = Vec::new();
    for finding in findings {
        let may = lint::rule(finding.rule).is_some_and(Rule::may_be_silenced) && !finding.incomplete;
        let applying =
            if may { index.applying(&finding, &exceptions, &snapshot.sources) } else { Vec::new() };
        for &number in &applying {
            if let Some(used) = used.get_mut(number) {
                *used = true;
            }
        }
        match applying.first().and_then(|&number| exceptions.get(number)) {
            Some(exception) => suppressed.push(Suppressed {
                finding,
                reason: exception.reason.clone(),
                means: exception.means,
                at: exception.at,
            }),
            None => left.push(finding),
        }
    }
    left.extend(wrong);
    for (exception, used) in exceptions.iter().zip(used) {
        if let Some((day, at)) = exception.expires.filter(|(day, _)| *day < circumstances.today) {
            left.push(expired(exception, day, at));
        } else if !used && exception.seen && runs(exception.rule) {
            left.push(unused(exception, &snapshot.sources));
        }
    }
    left.retain(|finding| lint::rule(finding.rule).is_none_or(|rule| !rule.may_be_silenced() || runs(rule)));
    (left, suppressed)
}

fn expired(exception: &Exception, day: Date, at: Span) -> Finding {
    let name = exception.rule.name;
    EXPIRED_SUPPRESSION
        .finding(at, format!("this exception of `{name}` expired after {day}"))
        .label("no longer in force")
        .help("correct what it excepts, or give it a new day with its reason")
        .key(format!("{name} {}", exception.reason))
}

fn unused(exception: &Exception, sources: &SourceMap) -> Finding {
    let name = exception.rule.name;
    let nothing = match exception.means {
        Means::Comment => "on this line",
        Means::Annotation => "on this object",
        Means::Configuration => "that this exception describes",
    };
    let finding = UNUSED_SUPPRESSION
        .finding(exception.at, format!("`{name}` finds nothing {nothing}"))
        .label("nothing to ignore")
        .help("remove it: what it excepted has been corrected, or it stands at the wrong place")
        .key(format!("{name} {}", exception.reason));
    let finding = match &exception.scope {
        Scope::Object(object, _) => finding.object(&**object),
        Scope::Line(..) | Scope::Matching(..) => finding,
    };
    match exception.whole.and_then(|span| removal(span, sources)) {
        Some(edit) => finding.fix(Fix {
            description: "remove the comment".to_owned(),
            applicability: Applicability::Safe,
            edits: vec![edit],
            example: None,
        }),
        None => finding,
    }
}

/// The edit that takes a comment away: with its line where it is alone on it, else with the space before it.
fn removal(comment: Span, sources: &SourceMap) -> Option<Edit> {
    let text = sources.get(comment.source)?.text();
    let before = text.get(..comment.start as usize)?;
    let line = before.rfind('\n').map_or(0, |at| at + 1);
    let kept = line + before.get(line..)?.trim_end().len();
    let mut end = comment.end as usize;
    if kept == line {
        end += usize::from(text.get(end..)?.starts_with('\r'));
        end += usize::from(text.get(end..)?.starts_with('\n'));
    }
    let span = Span::new(comment.source, kept as u32, end as u32);
    Some(Edit { span, replacement: String::new() })
}

/// Exceptions by what they apply to.
struct Index<'e> {
    lines: BTreeMap<(SourceId, u32), Vec<usize>>,
    objects: BTreeMap<&'e str, Vec<usize>>,
    /// By where the object begins, with the others that begin there.
    places: BTreeMap<(SourceId, u32), Vec<usize>>,
    matching: Vec<usize>,
}

impl<'e> Index<'e> {
    fn new(exceptions: &'e [Exception], today: Date) -> Self {
        let mut index = Self {
            lines: BTreeMap::new(),
            objects: BTreeMap::new(),
            places: BTreeMap::new(),
            matching: Vec::new(),
        };
        for (number, exception) in exceptions.iter().enumerate() {
            if exception.expires.is_some_and(|(day, _)| day < today) {
                continue;
            }
            match &exception.scope {
                Scope::Line(source, line) => index.lines.entry((*source, *line)).or_default().push(number),
                Scope::Object(object, span) => {
                    index.objects.entry(object).or_default().push(number);
                    index.places.entry((span.source, span.start)).or_default().push(number);
                }
                Scope::Matching(..) => index.matching.push(number),
            }
        }
        index
    }

    /// The exceptions that apply to a finding.
    fn applying(&self, finding: &Finding, exceptions: &[Exception], sources: &SourceMap) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let places = finding.locations.iter().filter(|location| location.role != Role::Related);
        for span in places.map(|location| location.span) {
            let Some(source) = sources.get(span.source) else { continue };
            if !self.lines.is_empty() {
                let line = source.position(span.start).line;
                found.extend(self.lines.get(&(span.source, line)).into_iter().flatten());
            }
            // Objects do not overlap, so that the last one to begin before is the only one to ask.
            let begun = self.places.range(..=(span.source, span.start)).next_back();
            let within = |number: &&usize| match exceptions.get(**number).map(|exception| &exception.scope) {
                Some(Scope::Object(_, object)) => object.source == span.source && span.start < object.end,
                _ => false,
            };
            found.extend(begun.into_iter().flat_map(|(_, numbers)| numbers).filter(within));
        }
        if let Some(object) = finding.object.as_deref() {
            found.extend(self.objects.get(object).into_iter().flatten());
        }
        found.extend(self.matching.iter().filter(|number| {
            let exception = exceptions.get(**number);
            exception.is_some_and(|exception| exception.scope.describes(finding, sources))
        }));
        found.retain(|&number| {
            exceptions.get(number).is_some_and(|exception| exception.rule.name == finding.rule)
        });
        found
    }
}

impl Scope {
    /// Whether an entry of the configuration describes a finding.
    fn describes(&self, finding: &Finding, sources: &SourceMap) -> bool {
        let Self::Matching(object, path) = self else { return false };
        let names = |pattern: &String| {
            finding.object.as_deref().is_some_and(|object| matches_object(pattern, object))
        };
        let holds = |path: &Exclude| {
            let source = finding.span().and_then(|span| sources.get(span.source));
            source.is_some_and(|source| path.holds(source.name()))
        };
        object.as_ref().is_none_or(names) && path.as_ref().is_none_or(holds)
    }
}

/// Whether an object's name matches a pattern: `*` stands for any text without a `/`.
fn matches_object(pattern: &str, object: &str) -> bool {
    let (mut patterns, mut parts) = (pattern.split('/'), object.split('/'));
    loop {
        match (patterns.next(), parts.next()) {
            (None, None) => return true,
            (Some(pattern), Some(part)) if matches_part(pattern, part) => {}
            _ => return false,
        }
    }
}

fn matches_part(pattern: &str, part: &str) -> bool {
    let Some((start, mut rest)) = pattern.split_once('*') else { return pattern == part };
    let Some(mut part) = part.strip_prefix(start) else { return false };
    // Between two stars the first place will do; the last piece must be at the end.
    while let Some((piece, more)) = rest.split_once('*') {
        let Some(at) = part.find(piece) else { return false };
        part = part.get(at + piece.len()..).unwrap_or_default();
        rest = more;
    }
    part.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_objects() {
        for (pattern, object, does) in [
            ("Deployment/shop/web", "Deployment/shop/web", true),
            ("*/shop/*", "Deployment/shop/web", true),
            ("*/shop", "Deployment/shop/web", false),
            ("*", "Deployment/shop/web", false),
            ("Deployment/*/w*b", "Deployment/shop/web", true),
            ("Deployment/*/w*b", "Deployment/shop/wet", false),
            ("*/*/*-job-*", "Job/a/x-job-1-job-2", true),
            ("*/*/a*a", "Job/b/a", false),
            ("Deployment/shop/we", "Deployment/shop/web", false),
        ] {
            assert_eq!(matches_object(pattern, object), does, "{pattern} {object}");
        }
    }
}
