//! `npv reach --format json`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

use npv_models::space::{PortSet, Protocol, RequestSet, Traffic};
use serde::Serialize;

use super::check::write_diagnostics;
use super::trace::Depends;
use super::{SCHEMA_VERSION, plugin, value};
use crate::query::reach::{Party, PartyKind, Shaded};
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
    /// What passes for certain, whole.
    traffic: Traffic,
    #[serde(flatten)]
    condition: Condition<'a>,
}

/// What of a connection is more than a set of ports that pass.
#[derive(Serialize)]
pub(in crate::report) struct Condition<'a> {
    /// The ports of which some requests pass, which `requests` describe.
    #[serde(skip_serializing_if = "Ports::is_empty")]
    partial: Ports,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    requests: Vec<Requests>,
    /// What may pass, depending on what no manifest shows.
    #[serde(skip_serializing_if = "Ports::is_empty")]
    unknown: Ports,
    /// What `unknown` depends on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depends: Vec<Depends<'a>>,
}

/// Ports by protocol, protocols without any left out.
#[derive(Serialize)]
#[serde(transparent)]
pub(in crate::report) struct Ports(BTreeMap<&'static str, Vec<(u16, u16)>>);

impl Ports {
    pub(in crate::report) fn of(traffic: &Traffic) -> Self {
        let ports =
            Protocol::ALL.map(|protocol| (protocol.name(), traffic.ports(protocol).intervals().to_vec()));
        Self(ports.into_iter().filter(|(_, intervals)| !intervals.is_empty()).collect())
    }

    pub(in crate::report) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Some ports with the requests that pass over them.
#[derive(Serialize)]
pub(in crate::report) struct Requests {
    ports: Ports,
    http: RequestSet,
}

impl Requests {
    /// All of some traffic that is partial.
    pub(in crate::report) fn of(traffic: &Traffic) -> Vec<Self> {
        let partial = traffic.partial();
        let of = |(protocol, ports, requests): (Protocol, &PortSet, &RequestSet)| Self {
            ports: Ports::of(&Traffic::of(protocol, ports.clone())),
            http: requests.clone(),
        };
        partial.map(of).collect()
    }
}

impl<'a> Connection<'a> {
    fn of(src: &'a str, dst: &'a str, link: &Shaded<'_>, depends: Vec<Depends<'a>>) -> Self {
        let whole = link.traffic.whole();
        Self { src, dst, all: whole.is_all(), condition: Condition::of(link, depends), traffic: whole }
    }
}

impl<'a> Condition<'a> {
    /// Of a connection, with what it depends on.
    pub(in crate::report) fn of(link: &Shaded<'_>, depends: Vec<Depends<'a>>) -> Self {
        let partial = link.traffic.touched().difference(&link.traffic.whole());
        // What may pass in part is not known of the whole port, unless a part passes for certain.
        let unknown = link.unknown.touched().difference(&link.traffic.touched());
        Self {
            partial: Ports::of(&partial),
            requests: Requests::of(&link.traffic),
            unknown: Ports::of(&unknown),
            depends,
        }
    }
}

pub(super) fn write(report: &ReachReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    writeln!(page, "{{\"schemaVersion\": {SCHEMA_VERSION},")?;
    writeln!(page, "\"complete\": {},", report.complete)?;
    plugin::write(report.plugin, report.sources, page)?;
    write!(page, "\"endpoints\": [")?;
    for (index, party) in report.reach.parties.iter().enumerate() {
        write!(page, "{}", if index == 0 { "\n" } else { ",\n" })?;
        value(page, &Endpoint::of(party))?;
    }
    write!(page, "],\n\"connections\": [")?;
    let mut separator = "\n";
    report.reach.each_shaded(|link| {
        let (Some(src), Some(dst)) = (report.reach.parties.get(link.src), report.reach.parties.get(link.dst))
        else {
            return Ok(());
        };
        write!(page, "{separator}")?;
        separator = ",\n";
        let (src, dst) = (&*src.id, &*dst.id);
        let causes =
            if link.unknown.is_empty() { Vec::new() } else { report.depends.of(report.reach, &link) };
        let depends = causes.iter().map(|cause| Depends::of(cause, report.sources)).collect();
        value(page, &Connection::of(src, dst, &link, depends))
    })?;
    writeln!(page, "],")?;
    write_diagnostics(report.findings, report.sources, page)?;
    writeln!(page, "}}")
}
