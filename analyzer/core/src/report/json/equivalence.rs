//! `npv prove --equivalent --format json`.

use std::io::{self, Write};

use serde::Serialize;

use super::check::write_findings;
use super::prove::Flow;
use super::trace::Answer;
use super::{SCHEMA_VERSION, value};
use crate::query::equivalence::Change;
use crate::report::{EquivalenceReport, Page, Replay, SideReport};

/// A flow that one side allows, and what the other says of it.
#[derive(Serialize)]
struct Difference<'a> {
    allowed: Flow<'a>,
    denied: Answer<'a>,
}

pub(super) fn write(report: &EquivalenceReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    writeln!(page, "{{\"schemaVersion\": {SCHEMA_VERSION},")?;
    writeln!(page, "\"complete\": {},", report.complete())?;
    write!(page, "\"equivalent\": ")?;
    value(page, &report.answer.holds())?;
    let (base, head) = (&report.base, &report.head);
    for (name, change, sides, replay) in [
        ("opened", &report.answer.opened, [head, base], &report.replay.1),
        ("closed", &report.answer.closed, [base, head], &report.replay.0),
    ] {
        write!(page, ",\n\"{name}\": ")?;
        value(page, &difference(change, sides, replay))?;
    }
    let unknown =
        [&report.answer.opened, &report.answer.closed].into_iter().find_map(|change| match change {
            Change::Unknown(why) => Some(why),
            Change::Nothing | Change::Flow { .. } => None,
        });
    write!(page, ",\n\"unknown\": ")?;
    value(page, &unknown)?;
    write!(page, ",\n\"assumptions\": ")?;
    value(page, &report.answer.assumptions)?;
    for (name, side) in [("base", base), ("head", head)] {
        write!(page, ",\n\"{name}\": {{\"name\": ")?;
        value(page, &side.name)?;
        write!(page, ", \"complete\": {}, \"diagnostics\": ", side.complete)?;
        write_findings(side.findings, side.sources, page)?;
        write!(page, "}}")?;
    }
    writeln!(page, "}}")
}

fn difference<'a>(
    change: &'a Change,
    [allowing, denying]: [&SideReport<'a>; 2],
    replay: &'a Replay,
) -> Option<Difference<'a>> {
    let Change::Flow { allowed, denied } = change else { return None };
    let file = replay.files.first().and_then(Option::as_deref);
    Some(Difference {
        allowed: Flow::of(allowed, &replay.arguments, file, allowing.sources),
        denied: Answer::of(denied, denying.sources),
    })
}
