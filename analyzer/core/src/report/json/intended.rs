//! `npv reach --intended --format json`.

use std::io::{self, Write};

use serde::Serialize;

use super::check::write_diagnostics;
use super::{Place, SCHEMA_VERSION, value};
use crate::report::{IntendedReport, Page};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    src: &'a str,
    service: &'a str,
    protocol: &'static str,
    port: u16,
    verdict: &'static str,
    denied_by: Option<&'a str>,
    by: &'a str,
    at: Option<Place<'a>>,
}

pub(super) fn write(report: &IntendedReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    writeln!(page, "{{\"schemaVersion\": {SCHEMA_VERSION},")?;
    writeln!(page, "\"complete\": {},", report.complete)?;
    write!(page, "\"intended\": [")?;
    for (index, need) in report.needs.iter().enumerate() {
        write!(page, "{}", if index == 0 { "\n" } else { ",\n" })?;
        let row = Row {
            src: &need.src,
            service: &need.service,
            protocol: need.protocol.name(),
            port: need.port,
            verdict: need.met.name(),
            denied_by: need.denied_by.as_deref(),
            by: &need.by,
            at: Place::of(need.at, report.sources),
        };
        value(page, &row)?;
    }
    writeln!(page, "],")?;
    write_diagnostics(report.findings, report.sources, page)?;
    writeln!(page, "}}")
}
