//! Findings as rustc shows them: message, lines, help, and a summary.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use annotate_snippets::{Group, Level};
use npv_models::diagnostic::{Applicability, Finding, Fix, Role, Severity};
use npv_models::source::SourceMap;

use super::snippet::{self, Mark};
use super::{aside, count, prove, wrap};
use crate::report::details::{rendered_by, says_more};
use crate::report::summary::{self, scope};
use crate::report::visible::visible;
use crate::report::{CheckReport, Enforcer, Ink, Look, Page};

/// More findings than this are counted by rule as well.
const MANY: usize = 10;

/// The answer of `npv check`.
pub(super) fn check(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    findings(report.findings, report.sources, page)?;
    let proofs = &report.proofs.proofs;
    prove::proofs(proofs, report.replay, report.sources, page)?;
    // A counterexample ends with an empty line of its own.
    if proofs.last().is_some_and(|proof| proof.outcome.holds() != Some(false)) {
        writeln!(page)?;
    }
    prove::assumptions(&report.proofs.assumptions, page)?;
    if !report.proofs.assumptions.is_empty() {
        writeln!(page)?;
    }
    by_rule(report, page)?;
    totals(report, page)?;
    prove::summary(proofs, page)?;
    mendable(report, page)
}

/// Findings, each followed by an empty line.
///
/// # Errors
/// What the page's stream returns.
pub fn findings(findings: &[Finding], sources: &SourceMap, page: &mut Page<'_>) -> io::Result<()> {
    let renderer = snippet::renderer(page.look());
    let mut examples: BTreeSet<&str> = BTreeSet::new();
    for finding in findings {
        let example = finding.fix.as_ref().and_then(|fix| fix.example.as_deref());
        // One namespace without a policy has as many findings as workloads, and one remedy.
        let again = example.is_some_and(|example| !examples.insert(example));
        let level = level(finding.severity);
        let title = title(finding, page.look());
        let (first, rest) = title.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
        let header = level.clone().primary_title(first).id(finding.rule);
        if rest.is_empty() {
            let group = body(Group::with_title(header), finding, sources, page.look(), again);
            snippet::write(page, &renderer.render(&[group]))?;
        } else {
            snippet::write(page, &renderer.render(&[Group::with_title(header)]))?;
            for line in rest {
                writeln!(page, "{HANGING}{}", page.ink(Ink::Heading, line))?;
            }
            let group = body(Group::with_level(level), finding, sources, page.look(), again);
            snippet::write(page, &renderer.render(&[group]))?;
        }
        for line in example.filter(|_| !again).unwrap_or_default().trim_end().lines() {
            writeln!(page, "        {}", visible(line))?;
        }
        writeln!(page)?;
    }
    Ok(())
}

/// What further lines of a title begin with.
const HANGING: &str = "    ";

/// The message in as many lines as the terminal needs, the first of which has the level and the rule before it.
fn title(finding: &Finding, look: Look) -> Vec<String> {
    let before = format!("{}[{}]: ", summary::level(finding.severity), finding.rule);
    let mut lines = wrap(&format!("{before}{}", visible(&finding.message)), look, HANGING.len());
    if let Some(first) = lines.first_mut() {
        *first = first.strip_prefix(&before).unwrap_or_default().to_owned();
    }
    lines
}

fn level(severity: Severity) -> Level<'static> {
    match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    }
}

/// What stands below a title. An example that is not shown `again` is above.
fn body<'a>(
    group: Group<'a>,
    finding: &'a Finding,
    sources: &'a SourceMap,
    look: Look,
    again: bool,
) -> Group<'a> {
    let marks: Vec<Mark<'a>> = finding
        .locations
        .iter()
        .filter(|location| location.role != Role::Hidden)
        .map(|location| Mark {
            span: location.span,
            primary: location.role == Role::Primary,
            label: Cow::Borrowed(location.label.as_deref().unwrap_or_default()),
        })
        .collect();
    let mut group = group.elements(snippet::elements(&marks, sources));
    if let Some(command) = rendered_by(finding, sources) {
        group = group.element(Level::NOTE.message(format!("this is the output of `{}`", visible(command))));
    }
    if let Some(witness) = &finding.witness {
        let flow = format!(
            "for example {} -> {} on {} {}",
            visible(&witness.src),
            visible(&witness.dst),
            witness.protocol,
            witness.port
        );
        group = group.element(Level::NOTE.message(aside(&flow, look)));
    }
    for help in &finding.help {
        group = group.element(Level::HELP.message(aside(&visible(help), look)));
    }
    if let Some(fix) = finding.fix.as_ref().filter(|fix| says_more(fix, finding)) {
        let end = match &fix.example {
            Some(_) if again => ", as above",
            Some(_) => ":",
            None => "",
        };
        let text = format!("{}{end}", visible(&fix.description));
        group = group.element(Level::HELP.message(aside(&text, look)));
    }
    group
}

/// What is not shown, and why: `; 2 suppressed, 3 in the baseline`.
pub(super) fn left_out(report: &CheckReport<'_>) -> String {
    let counts = [(report.run.suppressed.len(), "suppressed"), (report.run.baseline, "in the baseline")];
    let counts = counts.iter().filter(|(number, _)| *number > 0);
    let counts: Vec<String> = counts.map(|(number, what)| format!("{number} {what}")).collect();
    if counts.is_empty() { String::new() } else { format!("; {}", counts.join(", ")) }
}

fn totals(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let counts = [Severity::Error, Severity::Warning, Severity::Note]
        .map(|severity| (report.count(severity), severity));
    if counts.iter().all(|(number, _)| *number == 0) {
        write!(page, "{}", page.ink(Ink::Allowed, "no findings"))?;
    } else {
        let mut separator = "";
        for (number, severity) in counts.into_iter().filter(|(number, _)| *number > 0) {
            write!(page, "{separator}{}", page.ink(ink(severity), count(number, summary::level(severity))))?;
            separator = ", ";
        }
    }
    let environments = match report.run.environments {
        [] => String::new(),
        names => {
            let names: Vec<_> = names.iter().map(|name| visible(name)).collect();
            format!("{} environments ({}), ", names.len(), names.join(", "))
        }
    };
    writeln!(page, " in {environments}{}{}", scope(report.inventory), left_out(report))?;
    Enforcer::of(report.scene.snapshot).write(report.sources, page)?;
    if !report.complete {
        writeln!(page, "{}", page.ink(Ink::Caution, super::incomplete(report.findings)))?;
    }
    Ok(())
}

/// How many findings each rule has, the worst first, where there are too many to keep in mind.
fn by_rule(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let mut counts: BTreeMap<(Severity, &str), usize> = BTreeMap::new();
    for finding in report.findings {
        *counts.entry((finding.severity, finding.rule)).or_default() += 1;
    }
    if report.findings.len() <= MANY || counts.len() < 2 {
        return Ok(());
    }
    let mut rows: Vec<_> = counts.into_iter().collect();
    rows.sort_by_key(|((severity, rule), number)| (Reverse((*severity, *number)), *rule));
    let width = rows.iter().map(|(_, number)| number.to_string().len()).max().unwrap_or(0);
    for ((severity, rule), number) in rows {
        let name = format!("{:7}", summary::level(severity));
        writeln!(page, "{number:>width$}  {}  {rule}", page.ink(ink(severity), name))?;
    }
    writeln!(page)
}

/// How many findings npv can mend itself.
fn mendable(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    // What has been rendered is mended where it comes from, by hand.
    let manifests = &report.scene.snapshot.manifests;
    let in_files = |fix: &Fix| {
        !fix.edits.is_empty() && fix.edits.iter().all(|edit| manifests.contains(&edit.span.source))
    };
    let count = |how| {
        let fixes = report.findings.iter().filter_map(|finding| finding.fix.as_ref());
        fixes.filter(|fix| fix.applicability == how && in_files(fix)).count()
    };
    let (safe, unsafe_) = (count(Applicability::Safe), count(Applicability::Unsafe));
    match (safe, unsafe_) {
        // What is left after an attempt is what npv does not mend.
        _ if report.run.fixing => Ok(()),
        // Whoever mends says which of them.
        _ if !report.run.environments.is_empty() => Ok(()),
        (0, 0) => Ok(()),
        (safe, 0) => writeln!(page, "`--fix` can mend {safe}"),
        (0, more) => writeln!(page, "`--fix --unsafe` can mend {more}, to be reviewed"),
        (safe, more) => {
            writeln!(page, "`--fix` can mend {safe}, `--fix --unsafe` {more} more, to be reviewed")
        }
    }
}

fn ink(severity: Severity) -> Ink {
    match severity {
        Severity::Error => Ink::Denied,
        Severity::Warning => Ink::Caution,
        Severity::Note => Ink::Heading,
    }
}

#[cfg(test)]
mod tests {
    use npv_models::source::{Origin, SourceId, Span};

    use super::*;

    fn shown(finding: Finding, sources: &SourceMap) -> String {
        let mut out = Vec::new();
        findings(&[finding], sources, &mut Page::new(&mut out, Look::default())).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_finding_needs_no_text_to_point_at() {
        let mut sources = SourceMap::default();
        let empty = sources.add("empty.yaml", "", Origin::File).unwrap();
        let at =
            |source| Finding::new("unreadable-document", Severity::Error, Span::new(source, 0, 0), "empty");
        assert_eq!(shown(at(empty), &sources), "error[unreadable-document]: empty\n--> empty.yaml:1:1\n\n");
        let nowhere = shown(at(SourceId(7)).help("look elsewhere"), &sources);
        assert!(nowhere.starts_with("error[unreadable-document]: empty\n"), "{nowhere}");
        assert!(nowhere.contains("help: look elsewhere"), "{nowhere}");
    }

    #[test]
    fn a_span_past_the_end_is_no_panic() {
        let mut sources = SourceMap::default();
        let id = sources.add("a.yaml", "a: 1\n", Origin::File).unwrap();
        for (start, end) in [(5, 5), (5, 99), (99, 99), (0, 99), (4, 5)] {
            let finding = Finding::new("wrong-type", Severity::Warning, Span::new(id, start, end), "a")
                .related(Span::new(id, end, end), "b");
            assert!(shown(finding, &sources).contains("a.yaml:"), "{start} {end}");
        }
    }

    #[test]
    fn a_long_line_is_cut_and_has_one_place() {
        let mut sources = SourceMap::default();
        let text = format!("a: {}b{}\n", "x".repeat(500), "y".repeat(500));
        let id = sources.add("long.yaml", text, Origin::File).unwrap();
        let finding = || Finding::new("wrong-type", Severity::Error, Span::new(id, 503, 504), "a");
        let text = shown(finding(), &sources);
        assert!(text.contains("--> long.yaml:1:504\n") && !text.contains(":::"), "{text}");
        let mut out = Vec::new();
        let look = Look { color: true, width: None };
        findings(&[finding()], &sources, &mut Page::new(&mut out, look)).unwrap();
        assert!(!String::from_utf8(out).unwrap().contains(":::"));
    }

    #[test]
    fn related_places_in_other_files_are_shown() {
        let mut sources = SourceMap::default();
        let one = sources.add("one.yaml", "a: 1\n", Origin::File).unwrap();
        let two =
            sources.add("two.yaml", "b: 2\nc: 3\n", Origin::Rendered { command: "helm".into() }).unwrap();
        let finding = Finding::new("wrong-type", Severity::Warning, Span::new(one, 3, 4), "a")
            .label("here")
            .related(Span::new(two, 8, 9), "and there")
            .hidden(Span::new(two, 0, 1));
        let text = shown(finding, &sources);
        assert!(text.contains("--> one.yaml:1:4") && text.contains("::: two.yaml:2:4"), "{text}");
        assert!(text.contains("and there") && !text.contains("b: 2"), "{text}");
    }

    fn written(findings: &[Finding], fixing: bool, look: Look) -> String {
        let mut sources = SourceMap::default();
        sources.add("a.yaml", "a: 1\n", Origin::File).unwrap();
        let snapshot = crate::snapshot::Snapshot {
            manifests: vec![SourceId(0)],
            ..crate::snapshot::Snapshot::default()
        };
        let engine = crate::engine::Engine::new(&snapshot.cluster, &snapshot.policies, snapshot.profile);
        let report = CheckReport {
            sources: &sources,
            findings,
            complete: true,
            proofs: &crate::query::prove::Proofs::default(),
            replay: &crate::report::Replay::default(),
            inventory: crate::query::inventory::Inventory::default(),
            run: crate::report::Run { fixing, ..crate::report::Run::default() },
            scene: crate::report::Scene {
                snapshot: &snapshot,
                engine: &engine,
                known: &[],
                inputs: &[],
                flags: &[],
            },
        };
        let mut out = Vec::new();
        check(&report, &mut Page::new(&mut out, look)).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn fixable(rule: &'static str, applicability: Applicability) -> Finding {
        let span = Span::new(SourceId(0), 0, 1);
        let edits = vec![npv_models::diagnostic::Edit { span, replacement: "b".to_owned() }];
        let fix = npv_models::diagnostic::Fix {
            description: "replace it".to_owned(),
            applicability,
            edits,
            example: None,
        };
        Finding::new(rule, Severity::Warning, span, "wrong").fix(fix)
    }

    #[test]
    fn what_npv_can_mend_is_said_once() {
        let (safe, unsafe_) = (fixable("a", Applicability::Safe), fixable("b", Applicability::Unsafe));
        let ends = |findings: &[Finding], fixing, end: &str| {
            let text = written(findings, fixing, Look::default());
            assert!(text.ends_with(end), "no `{end}` at the end of\n{text}");
        };
        ends(std::slice::from_ref(&safe), false, "\n`--fix` can mend 1\n");
        ends(std::slice::from_ref(&unsafe_), false, "\n`--fix --unsafe` can mend 1, to be reviewed\n");
        let both = [safe.clone(), unsafe_.clone(), unsafe_];
        ends(&both, false, "\n`--fix` can mend 1, `--fix --unsafe` 2 more, to be reviewed\n");
        ends(&both, true, "3 warnings in 0 files: 0 namespaces, 0 workloads, 0 policies\n");
        ends(&[fixable("c", Applicability::DisplayOnly)], false, "0 policies\n");
    }

    #[test]
    fn many_findings_are_counted_by_rule() {
        let of = |rule, severity| Finding::new(rule, severity, Span::new(SourceId(0), 0, 1), "wrong");
        let mut findings = vec![of("few", Severity::Warning); 2];
        findings.extend(vec![of("many", Severity::Warning); 10]);
        let text = written(&findings, false, Look::default());
        assert!(text.contains("\n\n10  warning  many\n 2  warning  few\n\n12 warnings in "), "{text}");
        findings.push(of("bad", Severity::Error));
        let text = written(&findings, false, Look::default());
        assert!(text.contains("\n\n 1  error    bad\n10  warning  many\n"), "{text}");
        assert!(!written(&findings[..10], false, Look::default()).contains("  warning  "));
    }

    #[test]
    fn an_example_is_shown_once_and_titles_fit_the_terminal() {
        let message =
            "no policy selects this, which is open to everybody in both directions, and to more than that";
        let of = |line: &str| {
            let fix = npv_models::diagnostic::Fix {
                description: "deny by default".to_owned(),
                applicability: Applicability::DisplayOnly,
                edits: Vec::new(),
                example: Some(format!("{line}: 1\n")),
            };
            Finding::new("no-policy", Severity::Warning, Span::new(SourceId(0), 0, 1), message).fix(fix)
        };
        let text = written(&[of("x"), of("x"), of("y")], false, Look { color: false, width: Some(60) });
        assert_eq!(text.matches("help: deny by default:\n").count(), 2, "{text}");
        assert_eq!(text.matches("help: deny by default, as above\n").count(), 1, "{text}");
        assert_eq!((text.matches("x: 1\n").count(), text.matches("y: 1\n").count()), (1, 1), "{text}");
        assert!(text.lines().all(|line| line.len() <= 60 || line.contains(" files: ")), "{text}");
        let title: Vec<&str> = text.lines().take_while(|line| !line.contains("-->")).map(str::trim).collect();
        assert_eq!(title.join(" "), format!("warning[no-policy]: {message}"));
        assert!(title.len() > 1, "{text}");
        // A log has no edge.
        let text = written(&[of("x")], false, Look::default());
        assert_eq!(text.lines().next().unwrap(), format!("warning[no-policy]: {message}"));
    }
}
