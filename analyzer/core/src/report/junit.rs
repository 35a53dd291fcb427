//! JUnit XML, as CI servers read test results.
//!
//! Every lint rule is a test case that passes while nothing of it is found; each of its findings is a test case of
//! its own. A test case fails exactly where the finding fails the run, and is an error where npv left something
//! out; milder findings are its output.

use std::collections::BTreeMap;
use std::io;

use npv_models::diagnostic::Finding;

use super::assertion;
use super::details::{details, example};
use super::place::relative;
use super::summary::level;
use super::xml::Xml;
use super::{CheckReport, Format, Page};
use crate::lint::rules;

pub(super) const FORMAT: Format = Format {
    name: "junit",
    doc: "JUnit XML, for test reports; a rule without findings is a test that passes",
    check: Some(check),
    ..Format::NONE
};

/// What became of a test case.
enum Outcome {
    Passed,
    Failed,
    /// It could not be run.
    Error,
}

/// One test case.
struct Case {
    class: String,
    name: String,
    file: Option<(String, u32)>,
    outcome: Outcome,
    kind: &'static str,
    message: String,
    lines: Vec<String>,
}

/// Test cases that belong together.
struct Suite {
    name: &'static str,
    cases: Vec<Case>,
}

impl Suite {
    /// How many test cases there are, how many failed, and how many could not be run.
    fn counts(&self) -> [usize; 3] {
        let count = |what: fn(&Outcome) -> bool| self.cases.iter().filter(|case| what(&case.outcome)).count();
        [
            self.cases.len(),
            count(|outcome| matches!(outcome, Outcome::Failed)),
            count(|outcome| matches!(outcome, Outcome::Error)),
        ]
    }
}

fn check(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let suites: Vec<Suite> = std::iter::once(lint(report)).chain(assertions(report)).collect();
    let mut xml = Xml::new(page)?;
    let totals = suites.iter().map(Suite::counts).fold([0; 3], |totals, counts| {
        let mut counts = counts.into_iter();
        totals.map(|total| total + counts.next().unwrap_or(0))
    });
    open(&mut xml, "testsuites", "npv", totals)?;
    for suite in &suites {
        open(&mut xml, "testsuite", suite.name, suite.counts())?;
        suite.cases.iter().try_for_each(|case| write(&mut xml, case))?;
        xml.close()?;
    }
    xml.close()
}

fn open(xml: &mut Xml<'_, '_>, element: &'static str, name: &str, counts: [usize; 3]) -> io::Result<()> {
    let [tests, failures, errors] = counts.map(|count| count.to_string());
    xml.open(element, &[("name", name), ("tests", &tests), ("failures", &failures), ("errors", &errors)])
}

fn write(xml: &mut Xml<'_, '_>, case: &Case) -> io::Result<()> {
    let line = case.file.as_ref().map(|(_, line)| line.to_string());
    let mut attributes = vec![("classname", &*case.class), ("name", &*case.name)];
    if let (Some((file, _)), Some(line)) = (&case.file, &line) {
        attributes.extend([("file", &**file), ("line", &**line)]);
    }
    let element = match case.outcome {
        Outcome::Passed if case.lines.is_empty() => return xml.empty("testcase", &attributes),
        Outcome::Passed => "system-out",
        Outcome::Failed => "failure",
        Outcome::Error => "error",
    };
    xml.open("testcase", &attributes)?;
    let about: &[(&str, &str)] = match case.outcome {
        Outcome::Passed => &[],
        Outcome::Failed | Outcome::Error => &[("type", case.kind), ("message", &case.message)],
    };
    xml.text(element, about, &case.lines)?;
    xml.close()
}

/// The lint rules in their order, those that did not run left out.
fn lint(report: &CheckReport<'_>) -> Suite {
    let mut of_rule: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for finding in report.findings {
        of_rule.entry(finding.rule).or_default().push(finding);
    }
    let mut cases = Vec::new();
    for rule in rules() {
        let class = format!("npv.{}", rule.category);
        match of_rule.remove(rule.name) {
            Some(findings) => append(&mut cases, &class, &findings, report),
            None if rule.pedantic => {}
            None => cases.push(Case {
                class,
                name: rule.name.to_owned(),
                file: None,
                outcome: Outcome::Passed,
                kind: "",
                message: String::new(),
                lines: Vec::new(),
            }),
        }
    }
    for findings in of_rule.values() {
        append(&mut cases, "npv", findings, report);
    }
    Suite { name: "npv check", cases }
}

/// A test case for each assertion.
fn assertions(report: &CheckReport<'_>) -> Option<Suite> {
    let mut cases: Vec<Case> = Vec::new();
    for proof in &report.proofs.proofs {
        let first = cases.len();
        match assertion::finding(proof) {
            Some(finding) => append(&mut cases, "npv.assertion", &[&finding], report),
            None => cases.push(Case {
                class: "npv.assertion".to_owned(),
                name: String::new(),
                file: None,
                outcome: Outcome::Passed,
                kind: "",
                message: String::new(),
                lines: proof.notes.clone(),
            }),
        }
        // By its name, so that its history is one.
        let name = &proof.assertion.name;
        let taken = cases.iter().take(first).filter(|case| case.name == *name).count();
        let name = if taken > 0 { format!("{name} ({})", taken + 1) } else { name.clone() };
        if let Some(case) = cases.last_mut() {
            case.name = name;
        }
    }
    (!cases.is_empty()).then_some(Suite { name: "npv assertions", cases })
}

/// A test case for each finding of one rule, by names that tell them apart.
fn append(cases: &mut Vec<Case>, class: &str, findings: &[&Finding], report: &CheckReport<'_>) {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for finding in findings {
        let place = finding.span().and_then(|span| report.sources.locate(span));
        let file =
            place.map(|place| (relative(place.file, report.run.directory).into_owned(), place.start.line));
        let about = finding.object.as_deref().or_else(|| file.as_ref().map(|(file, _)| &**file));
        let name = match about {
            Some(about) => format!("{}: {about}", finding.rule),
            None => finding.rule.to_owned(),
        };
        let count = taken.entry(name.clone()).or_default();
        *count += 1;
        let name = if *count > 1 { format!("{name} ({count})") } else { name };
        let mut lines = Vec::new();
        if let (Some((file, line)), Some(place)) = (&file, place) {
            lines.push(format!("{file}:{line}:{}: {}", place.start.column, finding.message));
        } else {
            lines.push(finding.message.clone());
        }
        lines.extend(details(finding, report.sources));
        lines.extend(example(finding).map(|line| format!("  {line}")));
        cases.push(Case {
            class: class.to_owned(),
            name,
            file,
            outcome: match (report.fails(finding), finding.incomplete) {
                (true, true) => Outcome::Error,
                (true, false) => Outcome::Failed,
                (false, _) => Outcome::Passed,
            },
            kind: level(finding.severity),
            message: finding.message.clone(),
            lines,
        });
    }
}
