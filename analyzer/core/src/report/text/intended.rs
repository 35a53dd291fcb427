//! `npv reach --intended`: what the manifests ask for themselves, and whether policy lets it pass.

use std::io::{self, Write};

use super::{count, incomplete};
use crate::lint::{Met, Need};
use crate::report::visible::visible;
use crate::report::{Ink, IntendedReport, Page};

pub(super) fn write(report: &IntendedReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let flow = |need: &Need| {
        let (src, service) = (visible(&need.src), visible(&need.service));
        format!("{src} -> svc/{service}:{}/{}", need.port, need.protocol.name().to_ascii_lowercase())
    };
    let width = report.needs.iter().map(|need| flow(need).chars().count()).max().unwrap_or(0);
    for need in report.needs {
        let (ink, word) = match need.met {
            Met::Allowed => (Ink::Allowed, "allowed"),
            Met::Denied => (Ink::Denied, "denied"),
            Met::Unknown => (Ink::Caution, "unknown"),
        };
        write!(page, "{}  ", page.ink(ink, format!("{word:<7}")))?;
        let place = report.sources.locate(need.at);
        let at = place.map_or_else(String::new, |place| {
            format!(" at {}:{}:{}", visible(place.file), place.start.line, place.start.column)
        });
        let text = flow(need);
        write!(page, "{text:<width$}  {}", page.ink(Ink::Faint, format!("{}{at}", visible(&need.by))))?;
        match &need.denied_by {
            Some(policy) => writeln!(page, "  by `{}`", visible(policy))?,
            None => writeln!(page)?,
        }
    }
    if report.needs.is_empty() {
        writeln!(page, "no workload, route or monitor names a Service of these manifests")?;
    } else {
        let of = |met: Met| report.needs.iter().filter(|need| need.met == met).count();
        let (denied, unknown) = (of(Met::Denied), of(Met::Unknown));
        writeln!(
            page,
            "\n{} asked for: {denied} denied, {unknown} unknown",
            count(report.needs.len(), "flow")
        )?;
    }
    if !report.complete {
        writeln!(page, "{}", page.ink(Ink::Caution, incomplete(report.findings)))?;
    }
    Ok(())
}
