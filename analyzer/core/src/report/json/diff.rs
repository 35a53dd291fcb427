//! `npv diff --format json`.

use std::convert::Infallible;
use std::io::{self, Write};

use npv_models::policy::Direction;
use npv_models::source::{SourceMap, Span};
use npv_models::space::Traffic;
use serde::Serialize;

use super::check::write_findings;
use super::reach::Endpoint;
use super::{Place, SCHEMA_VERSION, value};
use crate::query::diff::{End, Flow, Presence, Which, Why};
use crate::report::{DiffReport, Page, SideReport};

#[derive(Serialize)]
struct Connection<'a> {
    src: &'a str,
    dst: &'a str,
    all: bool,
    traffic: &'a Traffic,
    between: &'static str,
    why: Vec<Reason<'a>>,
}

#[derive(Serialize)]
struct Reason<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<Direction>,
    traffic: &'a Traffic,
    effect: &'static str,
    object: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    state: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Place<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Place<'a>>,
}

impl<'a> Reason<'a> {
    fn of(why: &'a Why, report: &'a DiffReport<'_>) -> Self {
        let place = |in_head: bool, side: &'a SideReport<'_>| {
            let (span, _) = why.at.filter(|(_, head)| *head == in_head)?;
            Place::of(span, side.sources)
        };
        Self {
            side: why.direction,
            traffic: &why.traffic,
            effect: why.effect.name(),
            object: &why.object,
            rule: why.rule.as_deref(),
            state: why.state.name(),
            message: why.text(),
            base: place(false, &report.base),
            head: place(true, &report.head),
        }
    }
}

/// `existing`, or what an end of a flow is.
pub(in crate::report) const fn between(presence: Presence) -> &'static str {
    match presence {
        Presence::Both => "existing",
        Presence::Added => "added",
        Presence::Removed => "removed",
    }
}

#[derive(Serialize)]
struct Policy<'a> {
    object: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Place<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Place<'a>>,
}

pub(super) fn write(report: &DiffReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    write_some(report, usize::MAX, page)
}

/// The answer with no more than so many flows that open, and so many that close.
pub(in crate::report) fn write_some(
    report: &DiffReport<'_>,
    most: usize,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let flows = &report.diff.flows;
    writeln!(page, "{{\"schemaVersion\": {SCHEMA_VERSION},")?;
    writeln!(page, "\"complete\": {},", report.complete())?;
    endpoints("endpoints", mentioned(report).into_iter().map(|(_, end)| end), page)?;
    for which in Which::ALL {
        write!(page, "\"{}\": [", which.name())?;
        let mut separator = "\n";
        let mut left = most;
        let ended = flows.each(which, |flow| {
            left = left.checked_sub(1).ok_or(None)?;
            write!(page, "{separator}").map_err(Some)?;
            separator = ",\n";
            connection(report, &flow, which, page).map_err(Some)
        });
        match ended {
            Err(Some(error)) => return Err(error),
            Ok(()) | Err(None) => writeln!(page, "],")?,
        }
    }
    for (name, presence) in [("endpointsAdded", Presence::Added), ("endpointsRemoved", Presence::Removed)] {
        endpoints(name, flows.ends.iter().filter(|end| end.presence == presence), page)?;
    }
    policies(report, page)?;
    write!(page, "\"findingsIntroduced\": ")?;
    write_findings(&report.diff.introduced, report.head.sources, page)?;
    write!(page, ",\n\"findingsResolved\": ")?;
    write_findings(&report.diff.resolved, report.base.sources, page)?;
    write!(page, ",\n\"base\": ")?;
    side(&report.base, page)?;
    write!(page, ",\n\"head\": ")?;
    side(&report.head, page)?;
    writeln!(page, "}}")
}

/// The ends that flows speak of, with their indices, in the order of output.
pub(in crate::report) fn mentioned<'a>(report: &DiffReport<'a>) -> Vec<(usize, &'a End)> {
    let flows = &report.diff.flows;
    let mut mentioned = vec![false; flows.ends.len()];
    for which in Which::ALL {
        let Ok(()) = flows.each(which, |flow| -> Result<(), Infallible> {
            for end in [flow.src, flow.dst] {
                mentioned.get_mut(end).into_iter().for_each(|place| *place = true);
            }
            Ok(())
        });
    }
    let ends = flows.ends.iter().enumerate().zip(mentioned);
    ends.filter(|(_, mentioned)| *mentioned).map(|(end, _)| end).collect()
}

fn endpoints<'a>(name: &str, ends: impl Iterator<Item = &'a End>, page: &mut Page<'_>) -> io::Result<()> {
    write!(page, "\"{name}\": [")?;
    for (index, end) in ends.enumerate() {
        write!(page, "{}", if index == 0 { "\n" } else { ",\n" })?;
        value(page, &Endpoint::of(&end.party))?;
    }
    writeln!(page, "],")
}

fn connection(report: &DiffReport<'_>, flow: &Flow<'_>, which: Which, page: &mut Page<'_>) -> io::Result<()> {
    let whys = report.why.why(flow, which);
    let id = |end: usize| report.diff.flows.ends.get(end).map_or("", |end| &*end.party.id);
    let connection = Connection {
        src: id(flow.src),
        dst: id(flow.dst),
        all: flow.traffic.is_all(),
        traffic: flow.traffic,
        between: between(flow.presence),
        why: whys.iter().map(|why| Reason::of(why, report)).collect(),
    };
    value(page, &connection)
}

fn policies(report: &DiffReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let place = |span: Option<Span>, sources| span.and_then(|span| Place::of(span, sources));
    for (name, has_base, has_head) in
        [("policiesAdded", false, true), ("policiesRemoved", true, false), ("policiesChanged", true, true)]
    {
        write!(page, "\"{name}\": [")?;
        let changes = report.diff.policies.iter();
        let wanted =
            changes.filter(|change| (change.base.is_some(), change.head.is_some()) == (has_base, has_head));
        for (index, change) in wanted.enumerate() {
            write!(page, "{}", if index == 0 { "\n" } else { ",\n" })?;
            let base = place(change.base, report.base.sources);
            let head = place(change.head, report.head.sources);
            value(page, &Policy { object: &change.object, base, head })?;
        }
        writeln!(page, "],")?;
    }
    Ok(())
}

fn side(side: &SideReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    write!(page, "{{\"name\": ")?;
    value(page, &side.name)?;
    write!(page, ", \"complete\": {}, \"diagnostics\": ", side.complete)?;
    let sources: &SourceMap = side.sources;
    write_findings(side.findings, sources, page)?;
    write!(page, "}}")
}
