//! `npv trace --format json`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::IpAddr;

use npv_models::decide::{Cause, Verdict, Which};
use npv_models::policy::Direction;
use npv_models::source::SourceMap;
use npv_models::space::{Protocol, Traffic};
use serde::Serialize;

use super::check::write_diagnostics;
use super::reach::Requests;
use super::{Place, SCHEMA_VERSION, plugin, value};
use crate::query::trace::{self, Decided, Default, Overall, Part, Party};
use crate::report::{Page, TraceReport};

#[derive(Serialize)]
struct Step<'a> {
    side: Direction,
    layer: &'a str,
    tier: &'a str,
    object: Option<&'a str>,
    rule: Option<&'a str>,
    action: &'a str,
    at: Option<Place<'a>>,
    /// The part of the traffic that the step is about.
    traffic: &'a Traffic,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<Also<'a>>,
}

#[derive(Serialize)]
struct Also<'a> {
    object: &'a str,
    at: Option<Place<'a>>,
}

#[derive(Serialize)]
struct Near<'a> {
    side: Direction,
    object: &'a str,
    rule: &'a str,
    at: Option<Place<'a>>,
    unmet: &'a [String],
}

/// A step on the way to a Service or a URL.
#[derive(Serialize)]
struct Hop<'a> {
    text: &'a str,
    stops: bool,
    at: Option<Place<'a>>,
}

impl<'a> Hop<'a> {
    fn of(hop: &'a trace::Hop, sources: &'a SourceMap) -> Self {
        Self { text: &hop.text, stops: hop.stops, at: hop.span.and_then(|span| Place::of(span, sources)) }
    }
}

/// Where a path to a Service or a URL ends.
#[derive(Serialize)]
struct Backend<'a> {
    id: &'a str,
    protocol: Protocol,
    port: Option<u16>,
    verdict: &'static str,
}

impl<'a> Backend<'a> {
    fn of(backend: &'a trace::Backend) -> Self {
        let verdict = if backend.reached { "allow" } else { "deny" };
        Self { id: &backend.id, protocol: backend.protocol, port: backend.port, verdict }
    }
}

/// An end of a part. As a whole answer names its ends as they were asked for, its parts say who they are.
#[derive(Serialize)]
struct End<'a> {
    id: &'a str,
    seen: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ranges: Option<Vec<(IpAddr, IpAddr)>>,
}

impl<'a> End<'a> {
    fn of(party: &'a Party) -> Self {
        let ranges = party.addresses.as_ref().map(|addresses| addresses.ranges().collect());
        Self { id: &party.id, seen: &party.seen, ranges }
    }
}

/// The answer for one pair of ends.
#[derive(Serialize)]
pub(super) struct Answer<'a> {
    verdict: &'static str,
    src: End<'a>,
    dst: End<'a>,
    protocol: Option<Protocol>,
    port: Option<u16>,
    traffic: &'a Traffic,
    egress: Traffic,
    ingress: Traffic,
    steps: Vec<Step<'a>>,
    nearest: Vec<Near<'a>>,
}

impl<'a> Answer<'a> {
    pub(super) fn of(part: &'a Part, sources: &'a SourceMap) -> Self {
        let (protocol, port) = single(part);
        Self {
            verdict: verdict(part),
            src: End::of(&part.src),
            dst: End::of(&part.dst),
            protocol,
            port,
            traffic: &part.allowed,
            egress: allowed(&part.egress),
            ingress: allowed(&part.ingress),
            steps: steps(part, sources),
            nearest: nearest(part, sources),
        }
    }
}

pub(super) fn write(report: &TraceReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    writeln!(page, "{{\"schemaVersion\": {SCHEMA_VERSION},")?;
    writeln!(page, "\"complete\": {},", report.complete)?;
    plugin::write(report.plugin, report.sources, page)?;
    // The answer as a whole has the shape of its parts, so that who asks for one flow need not know of parts.
    let verdicts: Vec<&str> = report.trace.parts.iter().map(verdict).collect();
    let same = verdicts.windows(2).all(|pair| pair.first() == pair.last());
    let of_parts = verdicts.first().filter(|_| same).copied().unwrap_or("mixed");
    let verdict = report.trace.overall.map_or(of_parts, Overall::name);
    let (protocol, port) = report.over.unzip();
    field(page, "verdict", &verdict)?;
    let depends = depends(&report.trace.parts, report.sources);
    if !depends.is_empty() {
        field(page, "depends", &depends)?;
    }
    let requests: Vec<Requests> =
        report.trace.parts.iter().flat_map(|part| Requests::of(&part.allowed)).collect();
    if !requests.is_empty() {
        field(page, "requests", &requests)?;
    }
    field(page, "src", &report.src)?;
    field(page, "dst", &report.dst)?;
    field(page, "protocol", &protocol)?;
    field(page, "port", &port)?;
    let steps: Vec<Step<'_>> = match report.trace.parts.as_slice() {
        [only] => steps(only, report.sources),
        _ => Vec::new(),
    };
    field(page, "steps", &steps)?;
    if !report.trace.hops.is_empty() {
        let hops: Vec<Hop<'_>> = report.trace.hops.iter().map(|hop| Hop::of(hop, report.sources)).collect();
        field(page, "path", &hops)?;
        let backends: Vec<Backend<'_>> = report.trace.backends.iter().map(Backend::of).collect();
        field(page, "backends", &backends)?;
    }
    write!(page, "\"parts\": [")?;
    for (index, part) in report.trace.parts.iter().enumerate() {
        write!(page, "{}", if index == 0 { "\n" } else { ",\n" })?;
        value(page, &Answer::of(part, report.sources))?;
    }
    write!(page, "],\n\"notes\": ")?;
    value(page, &report.trace.notes)?;
    writeln!(page, ",")?;
    write_diagnostics(report.findings, report.sources, page)?;
    writeln!(page, "}}")
}

/// Something that an unknown verdict depends on.
#[derive(Serialize)]
pub(in crate::report) struct Depends<'a> {
    on: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<&'static str>,
    at: Option<Place<'a>>,
}

impl<'a> Depends<'a> {
    pub(in crate::report) fn of(cause: &Cause, sources: &'a SourceMap) -> Self {
        let end = cause.end.map(|end| match end {
            Which::Src => "src",
            Which::Dst => "dst",
        });
        Self { on: cause.unknown.to_string(), end, at: Place::of(cause.span, sources) }
    }
}

/// What the parts of an answer depend on, each once.
fn depends<'a>(parts: &'a [Part], sources: &'a SourceMap) -> Vec<Depends<'a>> {
    let sides = parts.iter().flat_map(|part| part.egress.iter().chain(&part.ingress));
    let causes: BTreeSet<&Cause> = sides.flat_map(|side| &side.depends).collect();
    causes.into_iter().map(|cause| Depends::of(cause, sources)).collect()
}

fn field<T: Serialize>(page: &mut Page<'_>, name: &str, content: &T) -> io::Result<()> {
    write!(page, "\"{name}\": ")?;
    value(page, content)?;
    writeln!(page, ",")
}

fn verdict(part: &Part) -> &'static str {
    part.verdict().map_or("mixed", Verdict::name)
}

/// The one flow that was asked for, if it was one.
fn single(part: &Part) -> (Option<Protocol>, Option<u16>) {
    part.asked.first().filter(|_| !part.asked.is_all()).unzip()
}

fn allowed(side: &[Decided]) -> Traffic {
    side.iter().fold(Traffic::NONE, |all, decided| all.union(&decided.certain))
}

fn sides(part: &Part) -> impl Iterator<Item = (Direction, &Decided)> {
    let egress = part.egress.iter().map(|decided| (Direction::Egress, decided));
    egress.chain(part.ingress.iter().map(|decided| (Direction::Ingress, decided)))
}

fn steps<'a>(part: &'a Part, sources: &'a SourceMap) -> Vec<Step<'a>> {
    let mut steps = Vec::new();
    for (side, decided) in sides(part) {
        steps.extend(decided.steps.iter().map(|step| {
            Step {
                side,
                layer: &step.layer,
                tier: &step.tier,
                object: Some(&step.object),
                rule: step.rule.as_deref(),
                action: step.action.name(),
                at: Place::of(step.span, sources),
                traffic: &decided.traffic,
                why: None,
                also: step
                    .also
                    .iter()
                    .map(|(object, span)| Also { object, at: Place::of(*span, sources) })
                    .collect(),
            }
        }));
        // What nobody decides is a step too: a reader must not take an empty list for a denial.
        if let Some(default) = decided.default {
            steps.push(Step {
                side,
                layer: "",
                tier: "default",
                object: None,
                rule: None,
                action: "allow",
                at: None,
                traffic: &decided.traffic,
                why: Some(why(default)),
                also: Vec::new(),
            });
        }
    }
    steps
}

fn why(default: Default) -> &'static str {
    match default {
        Default::NotSelected => "not-selected",
        Default::Undecided => "undecided",
        Default::NoPod => "no-pod",
        Default::Itself => "itself",
        Default::OwnNode => "own-node",
    }
}

fn nearest<'a>(part: &'a Part, sources: &'a SourceMap) -> Vec<Near<'a>> {
    sides(part)
        .flat_map(|(side, decided)| {
            decided.near.iter().map(move |near| Near {
                side,
                object: &near.object,
                rule: &near.rule,
                at: Place::of(near.span, sources),
                unmet: &near.unmet,
            })
        })
        .collect()
}
