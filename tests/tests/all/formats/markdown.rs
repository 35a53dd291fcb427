//! The Markdown summary: a table of which every row is whole, whatever the names are.

use std::fmt::Write as _;
use std::fs;

use npv_tests::npv::npv;

use super::{assert_harmless, beside, check, fixtures, hostile, inputs};

/// The rows of the table, each with its four cells.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let table = text.lines().skip_while(|line| *line != "|---|---|---|---|").skip(1);
    let rows = table.take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let inner = row.strip_prefix("| ").and_then(|row| row.strip_suffix(" |")).unwrap();
        inner.split(" | ").collect()
    })
    .collect()
}

/// Outside of code, nothing is markup but the line breaks that npv writes.
fn assert_no_markup(cell: &str) {
    let mut rest = cell.to_owned();
    // Code first: from a run of backticks to the next one of the same length.
    while let Some(start) = rest.find('`') {
        let tail = &rest[start..];
        let fence = tail.len() - tail.trim_start_matches('`').len();
        let body = &tail[fence..];
        let mut end = 0;
        let closed = loop {
            let Some(at) = body[end..].find('`') else { break None };
            let run = body[end + at..].len() - body[end + at..].trim_start_matches('`').len();
            if run == fence {
                break Some(end + at);
            }
            end += at + run;
        };
        assert!(closed.is_some(), "code without an end: {cell}");
        let end = closed.unwrap();
        let code = &body[..end];
        assert!(!code.replace("\\|", "").contains('|'), "the end of a cell: {code}");
        rest = format!("{}{}", &rest[..start], &body[end + fence..]);
    }
    let rest = rest.replace("<br>", "").replace("&#", "");
    assert!(!rest.contains(['*', '_', '<', '>', '[', ']', '#', '@', '|', '`', '!']), "{rest} in\n{cell}");
}

#[test]
fn every_finding_has_a_row() {
    for (directory, path) in inputs() {
        let (findings, text, run) = beside(&directory, &path, "markdown");
        let rows = rows(&text);
        assert_eq!(rows.len(), findings.len(), "{path}\n{text}");
        for finding in &findings {
            let at = &finding["locations"][0];
            let place = format!("`{}:{}`", at["file"].as_str().unwrap(), at["line"]);
            let rule = format!("`{}`", finding["rule"].as_str().unwrap());
            let there = |row: &&Vec<&str>| row[1] == rule && row[2] == place;
            let row =
                rows.iter().find(there).unwrap_or_else(|| std::panic::panic_any(format!("{place}\n{text}")));
            assert_eq!(row[0], finding["severity"]);
        }
        assert_eq!(text.contains("**Incomplete**"), run.status == 3, "{path}\n{text}");
    }
}

#[test]
fn names_are_no_markup() {
    let directory = tempfile::tempdir().unwrap();
    hostile(directory.path());
    let ([text], _) = check(directory.path(), ".", ["markdown"]);
    assert_harmless(&text);
    let rows = rows(&text);
    assert!(rows.len() >= 10, "{text}");
    for row in rows {
        for cell in row {
            assert_no_markup(cell);
        }
    }
}

#[test]
fn a_comment_is_never_too_long() {
    let directory = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for index in 0..1_000 {
        writeln!(
            text,
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: shop-{index}}}\n\
             spec: {{containers: [{{name: c, image: c}}]}}\n---"
        )
        .unwrap();
    }
    fs::write(directory.path().join("a.yaml"), text).unwrap();
    let run = npv(directory.path(), ["check", "--format", "markdown"]);
    assert!(run.stdout.len() < 65_536, "{} bytes", run.stdout.len());
    let rows = rows(&run.stdout).len();
    assert!(rows > 100, "{rows}");
    assert!(run.stdout.contains(&format!("\n{} findings more", 1_000 - rows)), "{rows}");
    let clean = npv(&fixtures(), ["check", "invalid", "--format", "markdown"]);
    assert!(clean.stdout.starts_with("### npv check: 2 errors, 1 warning\n"), "{clean}");
}
