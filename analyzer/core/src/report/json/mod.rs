//! JSON for programs: versioned, described by the schemas in `docs/schema`, written as a stream.

mod check;
pub(super) mod diff;
mod equivalence;
mod exposure;
mod intended;
mod plugin;
mod prove;
mod reach;
mod rules;
mod trace;
mod walk;

use std::io::{self, Write};

use npv_models::source::{SourceMap, Span};
use serde::Serialize;

use super::html::Document;
use super::{Format, FullReport, Page};

pub(super) use check::{Diagnostic, Excepted, Summary};
pub(super) use plugin::PluginOf;
pub(super) use prove::Assertion;
pub(super) use reach::{Condition, Endpoint};
pub(super) use trace::Depends;

/// The version of every shape. It changes when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

pub(super) const FORMAT: Format = Format {
    name: "json",
    doc: "for programs; the shapes are described in docs/schema",
    check: Some(check::write),
    reach: Some(reach::write),
    trace: Some(trace::write),
    diff: Some(diff::write),
    radius: Some(walk::radius),
    chains: Some(walk::chains),
    prove: Some(prove::write),
    config: Some(crate::config::show_json),
    equivalence: Some(equivalence::write),
    exposure: Some(exposure::write),
    intended: Some(intended::write),
    rules: Some(rules::write),
    report: Some(report),
};

/// A place in a manifest.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Place<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

impl<'a> Place<'a> {
    /// The place of a span; `None` where the span is of no source.
    pub(super) fn of(span: Span, sources: &'a SourceMap) -> Option<Self> {
        let place = sources.locate(span)?;
        Some(Self {
            file: place.file,
            line: place.start.line,
            column: place.start.column,
            end_line: place.end.line,
            end_column: place.end.column,
        })
    }
}

/// Writes a value on one line.
fn value<T: Serialize>(page: &mut Page<'_>, value: &T) -> io::Result<()> {
    serde_json::to_writer(page, value).map_err(io::Error::from)
}

/// Writes what an HTML report holds.
fn report(report: &FullReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    value(page, &Document::of(report))?;
    writeln!(page)
}
