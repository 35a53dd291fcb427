//! `npv reach --world any --format json`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

use npv_models::policy::NamespaceSelector;
use npv_models::space::{IpSet, Operator, Selector, Traffic};
use npv_symbolic::exposure::{Exposed, PeerSet};
use serde::Serialize;

use super::check::write_diagnostics;
use super::reach::Endpoint;
use super::{SCHEMA_VERSION, value};
use crate::query::exposure::{self, Row};
use crate::report::{ExposureReport, Page};

#[derive(Serialize)]
struct Workload<'a> {
    #[serde(flatten)]
    endpoint: Endpoint<'a>,
    exposure: Vec<Side<'a>>,
}

#[derive(Serialize)]
struct Side<'a> {
    direction: &'static str,
    governed: bool,
    open: Vec<Open<'a>>,
    unknown: Option<&'a str>,
}

#[derive(Serialize)]
struct Open<'a> {
    all: bool,
    traffic: &'a Traffic,
    peers: Vec<Peer<'a>>,
}

/// Some of the possible peers: in words, and as manifests would say it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Peer<'a> {
    kind: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace_selector: Option<LabelSelector<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pod_selector: Option<LabelSelector<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    node_selector: Option<LabelSelector<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    also_ports: &'a [Box<str>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    not_ports: &'a [Box<str>],
    #[serde(skip_serializing_if = "Option::is_none")]
    ranges: Option<Vec<(IpAddr, IpAddr)>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LabelSelector<'a> {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    match_labels: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    match_expressions: Vec<Expression<'a>>,
}

#[derive(Serialize)]
struct Expression<'a> {
    key: &'a str,
    operator: &'static str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    values: &'a [Box<str>],
}

impl<'a> LabelSelector<'a> {
    fn of(selector: &'a Selector) -> Self {
        let mut own = Self { match_labels: BTreeMap::new(), match_expressions: Vec::new() };
        for requirement in selector.requirements() {
            match (requirement.operator, requirement.values.as_slice()) {
                (Operator::In, [value]) if !own.match_labels.contains_key(&*requirement.key) => {
                    own.match_labels.insert(&requirement.key, value);
                }
                (operator, values) => own.match_expressions.push(Expression {
                    key: &requirement.key,
                    operator: operator.name(),
                    values,
                }),
            }
        }
        own
    }
}

impl<'a> Peer<'a> {
    fn of(peer: &'a PeerSet) -> Self {
        let mut own = Self {
            kind: "anybody",
            text: exposure::one(peer),
            namespace: None,
            namespace_selector: None,
            pod_selector: None,
            node_selector: None,
            port: None,
            also_ports: &[],
            not_ports: &[],
            ranges: None,
        };
        let ranges = |addresses: &IpSet| addresses.ranges().collect();
        match peer {
            PeerSet::Everybody => {}
            PeerSet::Pods { selector, ports, not_ports, addresses } => {
                own.kind = "pods";
                match &selector.namespaces {
                    NamespaceSelector::Named(name) => own.namespace = Some(name),
                    NamespaceSelector::Labels(labels) => {
                        own.namespace_selector = Some(LabelSelector::of(labels));
                    }
                }
                own.pod_selector = Some(LabelSelector::of(&selector.pods));
                if let Some((first, others)) = ports.split_first() {
                    (own.port, own.also_ports) = (Some(&**first), others);
                }
                own.not_ports = not_ports;
                own.ranges = addresses.as_ref().map(ranges);
            }
            PeerSet::Nodes { selector, addresses } => {
                own.kind = "nodes";
                own.node_selector = Some(LabelSelector::of(selector));
                own.ranges = addresses.as_ref().map(ranges);
            }
            PeerSet::Addresses(addresses) => {
                own.kind = "addresses";
                own.ranges = Some(ranges(addresses));
            }
        }
        own
    }
}

impl<'a> Workload<'a> {
    fn of(row: &'a Row) -> Self {
        let open = |exposed: &'a Exposed| Open {
            all: exposed.traffic.is_all(),
            traffic: &exposed.traffic,
            peers: exposed.peers.iter().map(Peer::of).collect(),
        };
        let sides = row.sides.iter().map(|side| Side {
            direction: side.direction.name(),
            governed: side.governed,
            open: side.open.iter().map(open).collect(),
            unknown: side.unknown.as_deref(),
        });
        Self { endpoint: Endpoint::of(&row.party), exposure: sides.collect() }
    }
}

pub(super) fn write(report: &ExposureReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    writeln!(page, "{{\"schemaVersion\": {SCHEMA_VERSION},")?;
    writeln!(page, "\"complete\": {},", report.complete)?;
    write!(page, "\"workloads\": [")?;
    for (index, row) in report.exposures.rows.iter().enumerate() {
        write!(page, "{}", if index == 0 { "\n" } else { ",\n" })?;
        value(page, &Workload::of(row))?;
    }
    write!(page, "],\n\"assumptions\": ")?;
    value(page, &report.exposures.assumptions)?;
    writeln!(page, ",")?;
    write_diagnostics(report.findings, report.sources, page)?;
    writeln!(page, "}}")
}
