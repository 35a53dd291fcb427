//! `npv rule --format json`.

use std::io::{self, Write};

use npv_models::diagnostic::Severity;
use serde::Serialize;

use super::{SCHEMA_VERSION, value};
use crate::report::{Page, RulesReport};

#[derive(Serialize)]
struct Rule<'a> {
    name: &'a str,
    category: String,
    severity: Severity,
    pedantic: bool,
    summary: String,
    doc: String,
}

pub(super) fn write(report: &RulesReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    write!(page, "{{\"schemaVersion\": {SCHEMA_VERSION},\n\"rules\": [")?;
    for (index, rule) in report.rules.iter().enumerate() {
        write!(page, "{}", if index == 0 { "\n" } else { ",\n" })?;
        value(
            page,
            &Rule {
                name: rule.name,
                category: rule.category.to_string(),
                severity: rule.severity,
                pedantic: rule.pedantic,
                summary: rule.summary(),
                doc: rule.doc(),
            },
        )?;
    }
    writeln!(page, "]}}")
}
