//! Reads the Markdown files and compares.

use std::fmt::Write;
use std::path::Path;

use npv_analyzer::lint;
use npv_analyzer::snapshot::Snapshot;
use npv_models::diagnostic::{Finding, Role, Severity};
use npv_models::source::Span;

use super::check;

/// What is written under a line of a manifest.
#[derive(Debug)]
struct Expected {
    file: usize,
    /// Of the line it speaks of, counted from 1, in the text with its expectations.
    line: u32,
    columns: (u32, u32),
    related: bool,
    severity: String,
    rule: String,
    message: String,
    says: Vec<String>,
}

#[derive(Debug, Default)]
struct Section {
    title: String,
    texts: Vec<(String, String)>,
    fixed: Vec<String>,
    expected: Vec<Expected>,
}

/// The rules that a file is about, and its sections.
fn parse(name: &str, text: &str) -> (Vec<String>, Vec<Section>) {
    let mut rules = Vec::new();
    let mut sections: Vec<Section> = Vec::new();
    let mut block: Option<(bool, String)> = None;
    for line in text.lines() {
        if let Some((fixed, content)) = &mut block {
            if line != "```" {
                content.push_str(line);
                content.push('\n');
                continue;
            }
            let section =
                sections.last_mut().unwrap_or_else(|| panic!("{name}: a block before the first section"));
            if *fixed {
                section.fixed.push(std::mem::take(content));
            } else {
                let file = section.texts.len();
                section.expected.extend(expectations(name, file, content));
                section.texts.push((format!("{file}.yaml"), std::mem::take(content)));
            }
            block = None;
        } else if let Some(title) = line.strip_prefix("# ") {
            rules = title.split(", ").map(str::to_owned).collect();
        } else if let Some(title) = line.strip_prefix("## ") {
            sections.push(Section { title: title.to_owned(), ..Section::default() });
        } else if let Some(kind) = line.strip_prefix("```") {
            assert!(matches!(kind, "yaml" | "yaml fixed"), "{name}: a block of kind `{kind}`");
            block = Some((kind == "yaml fixed", String::new()));
        }
    }
    assert!(block.is_none(), "{name}: the last block does not end");
    (rules, sections)
}

/// Whether a line of a manifest is an expectation.
fn is_expectation(line: &str) -> bool {
    let mark = line.trim_start().strip_prefix('#').map(str::trim_start);
    mark.is_some_and(|mark| mark.starts_with('^') || mark.starts_with('~') || mark.starts_with("= \""))
}

fn quoted(text: &str) -> String {
    let inner = text.trim().strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or_else(|| panic!("not in quotes: {text}")).to_owned()
}

fn expectations(name: &str, file: usize, text: &str) -> Vec<Expected> {
    let mut found: Vec<Expected> = Vec::new();
    let mut about = 0;
    for (number, line) in (1_u32..).zip(text.lines()) {
        if !is_expectation(line) {
            about = number;
            continue;
        }
        let mark = line.trim_start().trim_start_matches('#').trim_start();
        if let Some(says) = mark.strip_prefix("= ") {
            let last = found.last_mut().unwrap_or_else(|| panic!("{name}: `=` without a finding"));
            last.says.push(quoted(says));
            continue;
        }
        let start = (line.len() - mark.len()) as u32 + 1;
        let len = mark.find(|char| char != '^' && char != '~').unwrap_or(mark.len());
        let rest = mark[len..].trim();
        let (head, message) =
            rest.split_once(']').unwrap_or_else(|| panic!("{name}: no `[rule]` in: {line}"));
        let (severity, rule) =
            head.split_once('[').unwrap_or_else(|| panic!("{name}: no `[rule]` in: {line}"));
        found.push(Expected {
            file,
            line: about,
            columns: (start, start + len as u32),
            related: mark.starts_with('~'),
            severity: severity.to_owned(),
            rule: rule.to_owned(),
            message: quoted(message),
            says: Vec::new(),
        });
    }
    found
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// File number, line and columns on the first line.
fn place(snapshot: &Snapshot, span: Span) -> (usize, u32, (u32, u32)) {
    let source = snapshot.sources.get(span.source).expect("the finding is in a text");
    let (start, end) = (source.position(span.start), source.position(span.end));
    let end = if start.line == end.line {
        end.column
    } else {
        source.line(start.line).trim_end().chars().count() as u32 + 1
    };
    (span.source.0 as usize, start.line, (start.column, end))
}

fn says(finding: &Finding, text: &str) -> bool {
    let labels = finding.locations.iter().filter_map(|location| location.label.as_deref());
    let fix = finding.fix.iter().flat_map(|fix| [Some(fix.description.as_str()), fix.example.as_deref()]);
    labels.chain(fix.flatten()).chain(finding.help.iter().map(String::as_str)).any(|have| have.contains(text))
}

fn matches(snapshot: &Snapshot, finding: &Finding, expected: &Expected) -> bool {
    if finding.rule != expected.rule {
        return false;
    }
    let wanted = (expected.file, expected.line, expected.columns);
    if expected.related {
        return finding.locations.iter().any(|location| {
            location.role == Role::Related
                && place(snapshot, location.span) == wanted
                && location.label.as_deref().is_some_and(|label| label.contains(&expected.message))
        });
    }
    finding.span().is_some_and(|span| place(snapshot, span) == wanted)
        && severity(finding) == expected.severity
        && finding.message.contains(&expected.message)
        && expected.says.iter().all(|text| says(finding, text))
}

fn show(snapshot: &Snapshot, finding: &Finding) -> String {
    let mut out = format!("{}[{}] {}\n", severity(finding), finding.rule, finding.message);
    let (_, _, (from, to)) = finding.span().map(|span| place(snapshot, span)).unwrap_or_default();
    // As it would be written under the line, to be judged before it is.
    let carets = "^".repeat(to.saturating_sub(from) as usize);
    let gap = " ".repeat(from.saturating_sub(2) as usize);
    let _ = writeln!(out, "#{gap}{carets} {}[{}] \"\"", severity(finding), finding.rule);
    for location in &finding.locations {
        let (file, line, (from, to)) = place(snapshot, location.span);
        let label = location.label.as_deref().unwrap_or_default();
        let _ = writeln!(out, "    {:?} {file}.yaml:{line}:{from}-{to} {label}", location.role);
    }
    for help in &finding.help {
        let _ = writeln!(out, "    help: {help}");
    }
    if let Some(fix) = &finding.fix {
        let _ = writeln!(out, "    fix: {} {:?}", fix.description, fix.edits);
        let _ = writeln!(out, "{}", fix.example.as_deref().unwrap_or_default());
    }
    out
}

/// The texts with the edits of all findings applied, without expectations.
fn fixed(snapshot: &Snapshot, findings: &[&Finding]) -> Vec<String> {
    let mut edits: Vec<_> =
        findings.iter().filter_map(|finding| finding.fix.as_ref()).flat_map(|fix| &fix.edits).collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.span));
    edits.dedup();
    snapshot
        .sources
        .iter()
        .map(|(id, source)| {
            let mut text = source.text().to_owned();
            for edit in edits.iter().filter(|edit| edit.span.source == id) {
                text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.replacement);
            }
            bare(&text)
        })
        .collect()
}

fn bare(text: &str) -> String {
    text.lines().filter(|line| !is_expectation(line)).fold(String::new(), |text, line| text + line + "\n")
}

fn test_section(name: &str, rules: &[String], section: &Section) -> Result<bool, String> {
    let (snapshot, findings) = check(&section.texts);
    let findings: Vec<&Finding> =
        findings.iter().filter(|finding| rules.iter().any(|rule| rule == finding.rule)).collect();
    let mut wrong = String::new();
    let mut unexpected = findings.clone();
    for expected in &section.expected {
        let found = findings.iter().find(|finding| matches(&snapshot, finding, expected));
        match found {
            Some(found) if !expected.related => unexpected.retain(|finding| !std::ptr::eq(*finding, *found)),
            Some(_) => {}
            None => {
                let _ = writeln!(wrong, "  missing: {expected:?}");
            }
        }
    }
    for finding in unexpected {
        let _ = writeln!(wrong, "  unexpected: {}", show(&snapshot, finding));
    }
    if !section.fixed.is_empty() {
        let wanted: Vec<String> = section.fixed.clone();
        let have = fixed(&snapshot, &findings);
        if have != wanted {
            let _ = writeln!(wrong, "  the fixes give:\n{}", have.join("\n---8<---\n"));
        }
        let texts: Vec<_> = have.into_iter().map(|text| ("fixed.yaml".to_owned(), text)).collect();
        let (snapshot, left) = check(&texts);
        for finding in left.iter().filter(|finding| rules.iter().any(|rule| rule == finding.rule)) {
            let _ = writeln!(wrong, "  left after the fixes: {}", show(&snapshot, finding));
        }
    }
    if wrong.is_empty() {
        Ok(!section.expected.is_empty())
    } else {
        Err(format!("{name}, `{}`:\n{wrong}", section.title))
    }
}

fn files() -> Vec<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/analyzer/lint");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| {
        path.extension().is_some_and(|extension| extension == "md") && !path.ends_with("README.md")
    });
    files.sort();
    files
}

#[test]
fn every_rule_fires_and_stays_silent_as_written() {
    let files = files();
    let mut wrong = Vec::new();
    let mut fires = std::collections::BTreeSet::new();
    let mut silent = std::collections::BTreeSet::new();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (rules, sections) = parse(&name, &std::fs::read_to_string(&path).unwrap());
        for rule in &rules {
            assert!(lint::rule(rule).is_some(), "{name} is about `{rule}`, which is no rule");
        }
        for section in &sections {
            match test_section(&name, &rules, section) {
                Ok(true) => fires.extend(section.expected.iter().map(|expected| expected.rule.clone())),
                Ok(false) => silent.extend(rules.clone()),
                Err(text) => wrong.push(text),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What reading finds has tests of its own, and that a solver gives up is in `undecided.rs`.
    let here = |rule: &&&lint::Rule| {
        !matches!(rule.check, lint::Check::Reading | lint::Check::Configuration)
            && !matches!(rule.name, "undecided-rule" | "expired-suppression" | "stale-baseline")
    };
    for rule in lint::rules().iter().filter(here) {
        assert!(fires.contains(rule.name), "no section in which `{}` fires", rule.name);
        assert!(silent.contains(rule.name), "no section in which `{}` stays silent", rule.name);
    }
}

/// The manifests of every section, without its expectations.
pub(crate) fn manifests() -> Vec<(String, Vec<(String, String)>)> {
    let mut all = Vec::new();
    for path in files() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (_, sections) = parse(&name, &std::fs::read_to_string(&path).unwrap());
        for section in sections {
            let texts = section.texts.iter().map(|(file, text)| (file.clone(), bare(text))).collect();
            all.push((format!("{name}, {}", section.title), texts));
        }
    }
    all
}
