//! Ports: `protocols` of ClusterNetworkPolicy, `ports` of its predecessors.

use std::ops::RangeInclusive;

use super::super::pod::{in_range, transport};
use super::super::read::{Path, Reader, Unknown, fault};
use super::super::{Spanned, syntax};
use super::{AdminPort, Api, at_most, at_most_one, former};
use crate::space::Protocol;
use crate::yaml::{Entry, Node, Value};

/// The items of a list that may be left out but not be empty.
fn items<'n>(reader: &mut Reader<'_>, path: &Path<'_>, node: &'n Node, api: &Api) -> &'n [Node] {
    if let Value::Map(_) = &node.value {
        let finding = fault("wrong-type", path, node.span, format!("`{path}` is a mapping, not a list"));
        reader.report(finding.help(
            "earlier versions had `allPorts` and `list` here: leave the field out for all traffic, or write a list",
        ));
        return &[];
    }
    let items = reader.items(path, node);
    at_most(reader, path, items, api.limit);
    if matches!(&node.value, Value::Seq(items) if items.is_empty()) {
        reader.report(
            fault("invalid-policy", path, node.span, format!("`{path}` is empty"))
                .help("leave it out for all traffic"),
        );
    }
    items
}

/// Reads every entry of a list.
fn each(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    api: &Api,
    read: impl Fn(&mut Reader<'_>, &Path<'_>, &Node) -> Option<AdminPort>,
) -> Vec<Spanned<AdminPort>> {
    let mut ports = Vec::new();
    for (index, item) in items(reader, path, node, api).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty entry, which is invalid");
        } else {
            ports.extend(read(reader, &path, item).map(|port| Spanned::new(port, item.span)));
        }
    }
    ports
}

/// Reports a mapping that has none of its fields, unless something else is wrong with it.
fn not_empty(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, before: usize, help: &str) {
    if reader.findings.len() == before {
        let message = format!("`{path}` is empty");
        reader.report(fault("invalid-policy", path, node.span, message).help(help));
    }
}

/// Reads `protocols` (S-65).
pub(super) fn protocols(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    api: &Api,
) -> Vec<Spanned<AdminPort>> {
    each(reader, path, node, api, |reader, path, item| {
        let before = reader.findings.len();
        let names = ["tcp", "udp", "sctp", "destinationNamedPort"];
        let fields = reader.fields(path, item, names, Unknown::Refused(&[]));
        former::explain(reader, before, former::PROTOCOL);
        if fields.iter().all(Option::is_none) {
            not_empty(reader, path, item, before, "leave `protocols` out for all traffic");
            return None;
        }
        at_most_one(reader, path, "an entry of `protocols`", &fields);
        let [tcp, udp, sctp, name] = fields;
        let mut numbers = |name: &str, protocol: Protocol, entry: Option<&Entry>| {
            let range = destination(reader, &path.field(name), &entry?.value)?;
            Some(AdminPort::Numbers(protocol, range))
        };
        let tcp = numbers("tcp", Protocol::Tcp, tcp);
        let udp = numbers("udp", Protocol::Udp, udp);
        let sctp = numbers("sctp", Protocol::Sctp, sctp);
        let name =
            name.and_then(|entry| port_name(reader, &path.field("destinationNamedPort"), &entry.value));
        tcp.or(udp).or(sctp).or(name)
    })
}

/// Reads `tcp`, `udp` or `sctp`, which must have a port.
fn destination(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<RangeInclusive<u16>> {
    const ALL: &str = "for every port, write `destinationPort: {range: {start: 1, end: 65535}}`";
    let before = reader.findings.len();
    let [port] = reader.fields(path, node, ["destinationPort"], Unknown::Refused(&[]));
    let Some(port) = port else {
        not_empty(reader, path, node, before, ALL);
        return None;
    };
    let path = path.field("destinationPort");
    let before = reader.findings.len();
    let fields = reader.fields(&path, &port.value, ["number", "range"], Unknown::Refused(&[]));
    if fields.iter().all(Option::is_none) {
        not_empty(reader, &path, &port.value, before, ALL);
        return None;
    }
    at_most_one(reader, &path, "a port", &fields);
    let [number, range] = fields;
    let number = number.and_then(|entry| {
        let number = port_number(reader, &path.field("number"), entry)?;
        Some(number..=number)
    });
    let range = range.and_then(|entry| {
        let path = path.field("range");
        let [start, end] = reader.fields(&path, &entry.value, ["start", "end"], Unknown::Refused(&[]));
        read_range(reader, &path, &entry.value, start, end, true)
    });
    number.or(range)
}

/// Reads `ports` of v1alpha1 (S-68).
pub(super) fn ports(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    api: &Api,
) -> Vec<Spanned<AdminPort>> {
    each(reader, path, node, api, |reader, path, item| {
        let before = reader.findings.len();
        let names = ["portNumber", "portRange", "namedPort"];
        let fields = reader.fields(path, item, names, Unknown::Refused(&[]));
        former::explain(reader, before, former::PORT);
        if fields.iter().all(Option::is_none) {
            not_empty(reader, path, item, before, "leave `ports` out for all traffic");
            return None;
        }
        at_most_one(reader, path, "an entry of `ports`", &fields);
        let [number, range, name] = fields;
        let number = number.and_then(|entry| {
            let (path, node) = (path.field("portNumber"), &entry.value);
            let [protocol, port] = reader.fields(&path, node, ["protocol", "port"], Unknown::Refused(&[]));
            let protocol = transport(reader, &path.field("protocol"), protocol);
            let Some(port) = port else {
                missing(reader, &path, node, "port");
                return None;
            };
            let port = port_number(reader, &path.field("port"), port)?;
            Some(AdminPort::Numbers(protocol?, port..=port))
        });
        let range = range.and_then(|entry| {
            let (path, node) = (path.field("portRange"), &entry.value);
            let [protocol, start, end] =
                reader.fields(&path, node, ["protocol", "start", "end"], Unknown::Refused(&[]));
            let protocol = transport(reader, &path.field("protocol"), protocol);
            let range = read_range(reader, &path, node, start, end, false)?;
            Some(AdminPort::Numbers(protocol?, range))
        });
        let name = name.and_then(|entry| port_name(reader, &path.field("namedPort"), &entry.value));
        number.or(range).or(name)
    })
}

fn missing(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, name: &str) {
    if let Value::Map(_) = &node.value {
        let message = format!("`{path}` has no `{name}`");
        reader.report(fault("invalid-policy", &path.field(name), node.span, message));
    }
}

fn port_number(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry) -> Option<u16> {
    let number = reader.integer(path, Some(entry))?;
    in_range(reader, path, &entry.value, number)
}

/// Reads `start` and `end`. Where they must be `apart`, a range of one port is refused, as upstream does.
fn read_range(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    start: Option<&Entry>,
    end: Option<&Entry>,
    apart: bool,
) -> Option<RangeInclusive<u16>> {
    let (Some(first), Some(last)) = (start, end) else {
        for (name, entry) in [("start", start), ("end", end)] {
            match entry {
                Some(entry) => _ = port_number(reader, &path.field(name), entry),
                None => missing(reader, path, node, name),
            }
        }
        return None;
    };
    let start = port_number(reader, &path.field("start"), first);
    let end = port_number(reader, &path.field("end"), last);
    let (start, end) = (start?, end?);
    if end < start || (apart && end == start) {
        let message = if end == start {
            format!("a range must have more than one port: write `number: {start}`")
        } else {
            format!("`end` {end} is below `start` {start}")
        };
        reader.report(
            fault("invalid-policy", &path.field("end"), last.value.span, message)
                .related(first.value.span, "the range begins here"),
        );
        return None;
    }
    Some(start..=end)
}

fn port_name(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<AdminPort> {
    let name = reader.text(path, node)?;
    let Err(wrong) = syntax::port_name(name) else { return Some(AdminPort::Name(name.into())) };
    if name.parse::<u16>().is_ok() {
        let message = format!("`{name}` is not the name of a port, which must contain a letter");
        reader
            .report(fault("invalid-policy", path, node.span, message).help(
                "for a number, write `tcp: {destinationPort: {number: ..}}`, in v1alpha1 `portNumber`",
            ));
    } else {
        reader.malformed(path, node.span, name, wrong);
    }
    None
}
