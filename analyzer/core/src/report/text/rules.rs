//! `npv rule`: a list with categories, or the pages of the rules that were asked for.

use std::io::{self, Write};

use npv_models::diagnostic::Severity;

use crate::report::{Ink, Page, RulesReport};

pub(super) fn write(report: &RulesReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    if report.pages {
        return report.rules.iter().try_for_each(|rule| markdown(&rule.page(), page));
    }
    let width = report.rules.iter().map(|rule| rule.name.len()).max().unwrap_or(0);
    let categories = report.rules.iter().map(|rule| rule.category.name().len()).max().unwrap_or(0);
    for rule in report.rules {
        let (severity, ink) = match rule.severity {
            Severity::Error => ("error  ", Ink::Denied),
            Severity::Warning => ("warning", Ink::Caution),
            Severity::Note => ("note   ", Ink::Faint),
        };
        let pedantic = if rule.pedantic { " (pedantic)" } else { "" };
        writeln!(
            page,
            "{}{}  {}  {:categories$}  {}{pedantic}",
            page.ink(Ink::Heading, rule.name),
            " ".repeat(width - rule.name.len()),
            page.ink(ink, severity),
            rule.category.name(),
            rule.summary()
        )?;
    }
    Ok(())
}

/// Markdown with its headings in bold and its code set off, where the page can show that.
fn markdown(text: &str, page: &mut Page<'_>) -> io::Result<()> {
    let mut fenced = false;
    for line in text.trim_end().lines() {
        if line.starts_with("```") {
            fenced = !fenced;
            writeln!(page, "{}", page.ink(Ink::Faint, line))?;
        } else if fenced {
            writeln!(page, "{}", page.ink(Ink::Place, line))?;
        } else if line.starts_with('#') {
            writeln!(page, "{}", page.ink(Ink::Heading, line))?;
        } else {
            writeln!(page, "{line}")?;
        }
    }
    Ok(())
}
