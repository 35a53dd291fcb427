//! `npv reach --transitive` and `npv trace --through`, as JSON.

use std::io::{self, Write};

use npv_models::space::Traffic;
use serde::Serialize;

use super::check::write_diagnostics;
use super::reach::Endpoint;
use super::{SCHEMA_VERSION, value};
use crate::query::walk::{Chains, Radius};
use crate::report::{Page, WalkReport};

#[derive(Serialize)]
struct Reached<'a> {
    endpoint: Endpoint<'a>,
    hops: u32,
    via: &'a str,
    traffic: &'a Traffic,
}

#[derive(Serialize)]
struct From<'a> {
    start: Endpoint<'a>,
    reached: Vec<Reached<'a>>,
}

pub(super) fn radius(report: &WalkReport<'_, Radius>, page: &mut Page<'_>) -> io::Result<()> {
    write(report, "radius", page, |radius| From {
        start: Endpoint::of(&radius.start),
        reached: radius
            .reached
            .iter()
            .map(|reached| Reached {
                endpoint: Endpoint::of(&reached.party),
                hops: reached.hops,
                via: &reached.via,
                traffic: &reached.traffic,
            })
            .collect(),
    })
}

#[derive(Serialize)]
struct Hop<'a> {
    src: &'a str,
    dst: &'a str,
    all: bool,
    traffic: &'a Traffic,
}

#[derive(Serialize)]
struct Between<'a> {
    src: Endpoint<'a>,
    dst: Endpoint<'a>,
    chains: Vec<Vec<Hop<'a>>>,
    more: bool,
    chokepoints: &'a [String],
}

pub(super) fn chains(report: &WalkReport<'_, Chains>, page: &mut Page<'_>) -> io::Result<()> {
    write(report, "through", page, |answer| Between {
        src: Endpoint::of(&answer.src),
        dst: Endpoint::of(&answer.dst),
        chains: answer
            .chains
            .iter()
            .map(|chain| {
                let hops = chain.iter().map(|hop| Hop {
                    src: &hop.src,
                    dst: &hop.dst,
                    all: hop.traffic.is_all(),
                    traffic: &hop.traffic,
                });
                hops.collect()
            })
            .collect(),
        more: answer.more,
        chokepoints: &answer.chokepoints,
    })
}

fn write<'a, T, J: Serialize>(
    report: &'a WalkReport<'a, T>,
    name: &str,
    page: &mut Page<'_>,
    shape: impl Fn(&'a T) -> J,
) -> io::Result<()> {
    writeln!(page, "{{\"schemaVersion\": {SCHEMA_VERSION},")?;
    writeln!(page, "\"complete\": {},", report.complete)?;
    write!(page, "\"{name}\": [")?;
    for (index, answer) in report.answers.iter().enumerate() {
        write!(page, "{}", if index == 0 { "\n" } else { ",\n" })?;
        value(page, &shape(answer))?;
    }
    writeln!(page, "],")?;
    write_diagnostics(report.findings, report.sources, page)?;
    writeln!(page, "}}")
}
