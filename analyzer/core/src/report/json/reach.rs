//! `npv reach --format json`.

use std::io::{self, Write};
use std::net::IpAddr;

use npv_models::space::Traffic;
use serde::Serialize;

use super::check::write_diagnostics;
use super::{SCHEMA_VERSION, value};
use crate::query::reach::{Party, PartyKind};
use crate::report::{Page, ReachReport};

/// An endpoint as programs read it.
#[derive(Serialize)]
pub(in crate::report) struct Endpoint<'a> {
    id: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pods: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ranges: Option<Vec<(IpAddr, IpAddr)>>,
}

impl<'a> Endpoint<'a> {
    pub(in crate::report) fn of(party: &'a Party) -> Self {
        let (namespace, name, pods, ranges) = match &party.kind {
            PartyKind::Workload { namespace, name, .. } => {
                (Some(&**namespace), Some(&**name), Some(party.pods), None)
            }
            PartyKind::Namespace => (None, Some(&*party.id), Some(party.pods), None),
            PartyKind::External(addresses) => (None, None, None, Some(addresses.ranges().collect())),
            PartyKind::Node | PartyKind::Assumed => (None, None, None, None),
        };
        Self { id: &party.id, kind: party.kind.name(), namespace, name, pods, ranges }
    }
}

#[derive(Serialize)]
struct Connection<'a> {
    src: &'a str,
    dst: &'a str,
    all: bool,
    traffic: &'a Traffic,
}

pub(super) fn write(report: &ReachReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    writeln!(page, "{{\"schemaVersion\": {SCHEMA_VERSION},")?;
    writeln!(page, "\"complete\": {},", report.complete)?;
    write!(page, "\"endpoints\": [")?;
    for (index, party) in report.reach.parties.iter().enumerate() {
        write!(page, "{}", if index == 0 { "\n" } else { ",\n" })?;
        value(page, &Endpoint::of(party))?;
    }
    write!(page, "],\n\"connections\": [")?;
    let mut separator = "\n";
    report.reach.each(|link| {
        let (Some(src), Some(dst)) = (report.reach.parties.get(link.src), report.reach.parties.get(link.dst))
        else {
            return Ok(());
        };
        write!(page, "{separator}")?;
        separator = ",\n";
        let (src, dst) = (&*src.id, &*dst.id);
        value(page, &Connection { src, dst, all: link.traffic.is_all(), traffic: &link.traffic })
    })?;
    writeln!(page, "],")?;
    write_diagnostics(report.findings, report.sources, page)?;
    writeln!(page, "}}")
}
