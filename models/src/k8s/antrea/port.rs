//! `ports` and `protocols` of a rule.

use std::ops::RangeInclusive;

use super::super::pod::{in_range, transport};
use super::super::read::{Path, Reader, Unknown, fault};
use super::super::{Spanned, syntax};
use crate::space::Protocol;
use crate::yaml::{Entry, Node, Value};

/// What traffic an entry matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AntreaPort {
    /// Ports of a protocol; all where `None`.
    Numbers {
        /// The protocol; TCP where it is left out.
        protocol: Protocol,
        /// The ports.
        ports: Option<RangeInclusive<u16>>,
        /// Of flows that begin at some ports only.
        from_some: bool,
    },
    /// What the destination pod calls so.
    Name {
        /// The protocol that it must have.
        protocol: Protocol,
        /// The name.
        name: Box<str>,
        /// Of flows that begin at some ports only.
        from_some: bool,
    },
    /// ICMP messages.
    Icmp {
        /// Their type; any where `None`.
        kind: Option<u8>,
        /// Their code; any where `None`.
        code: Option<u8>,
    },
    /// IGMP, which no flow of npv's is.
    Igmp,
}

/// Reads `ports`.
pub(super) fn ports(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
) -> Vec<Spanned<AntreaPort>> {
    let mut ports = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty port, which is every TCP port");
        } else if let Some(port) = port(reader, &path, item) {
            ports.push(Spanned::new(port, item.span));
        }
    }
    ports
}

fn port(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node) -> Option<AntreaPort> {
    let names = ["protocol", "port", "endPort", "sourcePort", "sourceEndPort"];
    let [protocol, port, end, source, source_end] = reader.fields(path, item, names, Unknown::Refused(&[]));
    let protocol = transport(reader, &path.field("protocol"), protocol);
    let from_some = source.is_some();
    let first_source = number(reader, &path.field("sourcePort"), source);
    if let Some(entry) = source_end {
        let last = number(reader, &path.field("sourceEndPort"), Some(entry));
        if source.is_none() || last < first_source {
            let message = "`sourceEndPort` needs a `sourcePort` that is no higher";
            reader.report(fault("invalid-policy", &path.field("sourceEndPort"), entry.value.span, message));
        }
    }
    let end_path = path.field("endPort");
    let Some(entry) = port else {
        if let Some(end) = end {
            let message = "`endPort` needs a `port` at which the range begins";
            reader.report(fault("invalid-policy", &end_path, end.value.span, message));
        }
        return Some(AntreaPort::Numbers { protocol: protocol?, ports: None, from_some });
    };
    let path = path.field("port");
    if let Value::Str(name) = &entry.value.value {
        if let Some(end) = end {
            let message = "`endPort` needs a numeric `port`";
            reader.report(fault("invalid-policy", &end_path, end.value.span, message));
        }
        return match syntax::port_name(name) {
            Ok(()) => Some(AntreaPort::Name { protocol: protocol?, name: name.clone(), from_some }),
            Err(wrong) => {
                reader.malformed(&path, entry.value.span, name, wrong);
                None
            }
        };
    }
    let first = number(reader, &path, Some(entry))?;
    let last = match end {
        Some(end) => number(reader, &end_path, Some(end))?,
        None => first,
    };
    if let (true, Some(end)) = (last < first, end) {
        let message = format!("`endPort` {last} is below `port` {first}");
        let finding = fault("invalid-policy", &end_path, end.value.span, message);
        reader.report(finding.related(entry.value.span, "the range begins here"));
        return None;
    }
    Some(AntreaPort::Numbers { protocol: protocol?, ports: Some(first..=last), from_some })
}

fn number(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) -> Option<u16> {
    let number = reader.integer(path, entry)?;
    in_range(reader, path, &entry?.value, number)
}

/// Reads `protocols`.
pub(super) fn protocols(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
) -> Vec<Spanned<AntreaPort>> {
    let mut all = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        let [icmp, igmp] = reader.fields(&path, item, ["icmp", "igmp"], Unknown::Refused(&[]));
        if let Some(entry) = icmp {
            let path = path.field("icmp");
            let [kind, code] =
                reader.fields(&path, &entry.value, ["icmpType", "icmpCode"], Unknown::Refused(&[]));
            let mut byte = |name, entry: Option<&Entry>| {
                let number = reader.integer(&path.field(name), entry)?;
                u8::try_from(number).ok()
            };
            let (kind, code) = (byte("icmpType", kind), byte("icmpCode", code));
            all.push(Spanned::new(AntreaPort::Icmp { kind, code }, item.span));
        } else if igmp.is_some() {
            all.push(Spanned::new(AntreaPort::Igmp, item.span));
        } else if let Some(entry) = item.entries().iter().find(|entry| &*entry.key == "icmp") {
            // `icmp: {}` and `icmp:` are every message.
            let all_messages = AntreaPort::Icmp { kind: None, code: None };
            all.push(Spanned::new(all_messages, entry.value.span));
        } else {
            let message = format!("`{path}` names no protocol");
            reader.report(
                fault("invalid-policy", &path, item.span, message).help("write `icmp: {}` or `igmp: {}`"),
            );
        }
    }
    all
}
