//! Ports and what is asked of their traffic: `toPorts` (K-30 to K-35, K-42 to K-49).

use std::ops::RangeInclusive;

use super::super::Spanned;
use super::super::read::{Path, Reader, clip, closest, fault, listing, replace};
use super::{
    CiliumHttpRule, DomainPattern, STRICT, at_most, explain, http, missing, names, refused_by_agent, rules,
};
use crate::diagnostic::{Finding, Severity};
use crate::space::Protocol;
use crate::yaml::{Entry, Node, Value};

/// Most ports of an item.
const PORTS: usize = 40;

/// An item of `toPorts`: ports, and what is asked of the traffic on them.
#[derive(Clone, Debug)]
pub struct CiliumPorts {
    /// Which ports; none at all where the list is empty or left out (K-35).
    pub ports: Vec<Spanned<CiliumPort>>,
    /// `rules`, where the list in it is not empty.
    pub l7: Option<Spanned<CiliumL7>>,
    /// What lets some of the traffic pass only, by means that npv does not model (K-49).
    pub tls: Vec<Spanned<TlsRestriction>>,
    /// The list entry.
    pub span: crate::source::Span,
}

impl PartialEq for CiliumPorts {
    fn eq(&self, other: &Self) -> bool {
        (&self.ports, &self.l7, &self.tls) == (&other.ports, &other.l7, &other.tls)
    }
}

/// Means of Cilium's proxy to look into connections (K-49).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TlsRestriction {
    /// `serverNames`: only these names in the client's TLS greeting.
    ServerNames,
    /// `terminatingTLS`: only clients that speak TLS with this certificate.
    Terminating,
    /// `originatingTLS`: only servers that speak TLS with a certificate that is trusted.
    Originating,
    /// `listener`: whatever a listener of Envoy lets through.
    Listener,
}

/// What may be asked of traffic.
#[derive(Clone, Debug, PartialEq)]
pub enum CiliumL7 {
    /// `http`: requests that any of these matches (K-43).
    Http(Vec<Spanned<CiliumHttpRule>>),
    /// `dns`: questions for names that any of these matches (K-42).
    Dns(Vec<Spanned<DomainPattern>>),
}

/// An entry of a `ports` list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CiliumPort {
    /// Of which protocol.
    pub protocol: CiliumProtocol,
    /// Which of its ports.
    pub port: CiliumPortRef,
}

/// A protocol (K-30).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CiliumProtocol {
    /// `ANY`, or left out: TCP, UDP and SCTP.
    Any,
    /// One of these.
    One(Protocol),
    /// One without ports; the name as policies write it.
    Other(&'static str),
}

impl CiliumProtocol {
    /// As policies write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Any => "ANY",
            Self::One(protocol) => protocol.name(),
            Self::Other(name) => name,
        }
    }
}

/// Ports of a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CiliumPortRef {
    /// `"0"`: every port (K-32).
    All,
    /// These (K-31).
    Numbers(RangeInclusive<u16>),
    /// What the destination pod calls so, in lower case (K-33).
    Name {
        /// The name.
        name: Box<str>,
        /// `endPort`: on the way in, the ports from the named one to this one.
        last: Option<u16>,
    },
}

/// Protocols without ports, which Cilium takes only where an option says so.
const WITHOUT_PORTS: [&str; 7] = ["VRRP", "IGMP", "GRE", "IPIP", "IPV6", "ESP", "AH"];

/// Fields of which a deny knows nothing.
const OF_ALLOWS: &[(&str, &str)] = &[
    ("rules", "a deny looks at addresses and ports only: allow the requests that may pass instead"),
    ("serverNames", "a deny looks at addresses and ports only"),
    ("terminatingTLS", "a deny looks at addresses and ports only"),
    ("originatingTLS", "a deny looks at addresses and ports only"),
    ("listener", "a deny looks at addresses and ports only"),
];

/// Where a `toPorts` is.
#[derive(Clone, Copy)]
pub(super) struct Where {
    pub(super) section: super::Section,
    /// The rule applies to nodes.
    pub(super) of_nodes: bool,
}

/// Reads `toPorts`; `None` where it restricts nothing (K-35).
pub(super) fn read(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
    place: Where,
) -> Option<Spanned<Vec<CiliumPorts>>> {
    let items = reader.list(path, list);
    if items.is_empty() {
        return None;
    }
    let mut ports = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "no port, which the API server refuses");
        } else {
            ports.push(read_item(reader, &path, item, place));
        }
    }
    Some(Spanned::new(ports, list?.value.span))
}

fn read_item(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node, place: Where) -> CiliumPorts {
    let before = reader.findings.len();
    if place.section.denies() {
        let [ports] = reader.fields(path, item, ["ports"], STRICT);
        explain(reader, before, OF_ALLOWS);
        let ports = read_ports(reader, &path.field("ports"), ports, place.section.is_ingress());
        return CiliumPorts { ports, l7: None, tls: Vec::new(), span: item.span };
    }
    let names = ["ports", "rules", "serverNames", "terminatingTLS", "originatingTLS", "listener"];
    let [list, rules, server_names, terminating, originating, listener] =
        reader.fields(path, item, names, STRICT);
    let ports_path = path.field("ports");
    let ports = read_ports(reader, &ports_path, list, place.section.is_ingress());
    let l7 = rules.and_then(|entry| read_l7(reader, &path.field("rules"), entry));
    let mut tls = Vec::new();
    if let Some(entry) = server_names {
        names::read_server_names(reader, &path.field("serverNames"), entry);
        tls.push(Spanned::new(TlsRestriction::ServerNames, entry.key_span));
    }
    for (name, kind, entry) in [
        ("terminatingTLS", TlsRestriction::Terminating, terminating),
        ("originatingTLS", TlsRestriction::Originating, originating),
    ] {
        if let Some(entry) = entry {
            read_tls(reader, &path.field(name), entry);
            tls.push(Spanned::new(kind, entry.key_span));
        }
    }
    if let Some(entry) = listener {
        read_listener(reader, &path.field("listener"), entry);
        tls.push(Spanned::new(TlsRestriction::Listener, entry.key_span));
    }
    let item = CiliumPorts { ports, l7, tls, span: item.span };
    rules::check_l7(reader, path, &item, list, place);
    item
}

fn read_ports(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
    ingress: bool,
) -> Vec<Spanned<CiliumPort>> {
    let items = reader.list(path, list);
    at_most(reader, path, items.len(), PORTS, items.get(PORTS).map(|item| item.span));
    let mut ports = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "no port, which the API server refuses");
        } else {
            ports.extend(read_port(reader, &path, item, ingress).map(|port| Spanned::new(port, item.span)));
        }
    }
    ports
}

fn read_port(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node, ingress: bool) -> Option<CiliumPort> {
    let before = reader.count();
    let [port, last, protocol] = reader.fields(path, item, ["port", "endPort", "protocol"], STRICT);
    let protocol = read_protocol(reader, &path.field("protocol"), protocol);
    let last = last.and_then(|entry| read_last(reader, &path.field("endPort"), entry));
    let Some(port) = port else {
        if reader.count() == before {
            let message = "this port has no `port`";
            reader.report(
                refused_by_agent(&path.field("port"), item.span, message)
                    .help("for every port of the protocol, write `port: \"0\"`"),
            );
        }
        return None;
    };
    let port_path = path.field("port");
    let port_ref = read_number(reader, &port_path, &port.value, last);
    let (protocol, port_ref) = (protocol?, port_ref?);
    if let (CiliumPortRef::Name { last: Some(last), .. }, true) = (&port_ref, ingress)
        && *last > 0
    {
        let message = "npv does not model a range that begins at a named port";
        reader.report(
            Finding::new("unsupported-policy", Severity::Error, item.span, message)
                .key(path.field("endPort").to_string())
                .help("write the number of the port; npv takes the range for the named port alone")
                .incomplete(),
        );
    }
    if let CiliumProtocol::Other(name) = protocol {
        // The text counts, so that `00` is a port too.
        let named = matches!(port_ref, CiliumPortRef::Name { .. });
        if !named && port.value.as_str() != Some("0") {
            let message = format!("{name} has no ports: its `port` must be \"0\"");
            reader.report(refused_by_agent(&port_path, port.value.span, message));
            return None;
        }
    }
    Some(CiliumPort { protocol, port: port_ref })
}

fn read_last(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry) -> Option<u16> {
    let number = reader.integer(path, Some(entry))?;
    let last = u16::try_from(number).ok();
    if last.is_none() {
        let message = format!("{number} is no port: ports go to 65535");
        reader.report(fault("invalid-policy", path, entry.value.span, message));
    }
    last
}

fn read_number(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    last: Option<u16>,
) -> Option<CiliumPortRef> {
    let Value::Str(text) = &node.value else {
        // The right type has a fix: quotes.
        reader.text(path, node)?;
        return None;
    };
    let number = number(text);
    if let Some(first) = number.filter(|_| !is_name(text)) {
        // K-31: an end below the port is ignored.
        return Some(match first {
            0 => CiliumPortRef::All,
            _ => CiliumPortRef::Numbers(first..=last.unwrap_or(first).max(first)),
        });
    }
    if is_name(text) {
        return Some(CiliumPortRef::Name { name: text.to_ascii_lowercase().into(), last });
    }
    let range = text.split_once(['-', ':']).and_then(|(first, last)| {
        Some((first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?))
    });
    let message = format!("`{}` is neither a port number nor the name of a port", clip(text));
    let finding = if passes_schema(text) {
        refused_by_agent(path, node.span, message)
    } else {
        fault("invalid-policy", path, node.span, message)
    };
    reader.report(match range {
        Some((first, last)) => {
            finding.help(format!("write the range as `port: \"{first}\"` and `endPort: {last}`"))
        }
        None if text.len() > 15 => finding.help("the name of a port has at most 15 characters"),
        None => finding,
    });
    None
}

/// The name of a port: letters and digits, single dashes between them, at least one letter, at most 15 characters.
fn is_name(text: &str) -> bool {
    text.len() <= 15
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && text
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Whether the schema takes a text for a port: it looks for a digit at the beginning, or for the name of a port at
/// the end, whatever else is there.
fn passes_schema(text: &str) -> bool {
    let tail = text.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).next().unwrap_or_default();
    let tail = tail.rsplit("--").next().unwrap_or_default();
    text.starts_with(|c: char| c.is_ascii_digit())
        || !tail.ends_with('-') && tail.contains(|c: char| c.is_ascii_alphabetic())
}

/// A number as the agent reads it, which is how Go reads literals: one with a leading zero is octal, and digits may
/// have an underscore between them.
fn number(text: &str) -> Option<u16> {
    let digits: String = text.split('_').collect();
    if text.split('_').any(str::is_empty) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match digits.strip_prefix('0') {
        Some("") | None => digits.parse().ok(),
        Some(octal) => u16::from_str_radix(octal, 8).ok(),
    }
}

fn read_protocol(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) -> Option<CiliumProtocol> {
    let Some(entry) = entry else { return Some(CiliumProtocol::Any) };
    let text = reader.text(path, &entry.value)?;
    if text == "ANY" {
        return Some(CiliumProtocol::Any);
    }
    if let Some(protocol) = Protocol::from_name(text) {
        return Some(CiliumProtocol::One(protocol));
    }
    if let Some(name) = WITHOUT_PORTS.into_iter().find(|name| *name == text) {
        return Some(CiliumProtocol::Other(name));
    }
    let names = ["TCP", "UDP", "SCTP", "ANY"];
    let message = format!("`{}` is none of the protocols {}", clip(text), listing(&names));
    let finding = fault("invalid-policy", path, entry.value.span, message);
    let upper = text.to_ascii_uppercase();
    let meant = names.into_iter().find(|name| *name == upper).or_else(|| closest(text, &names));
    reader.report(match (meant, upper.as_str()) {
        (_, "ICMP" | "ICMPV6") => {
            finding.help("ICMP types go into `icmps`, beside `toPorts` in an entry of its own")
        }
        (Some(name), _) => finding.help(format!("did you mean `{name}`?")).fix(replace(
            entry.value.span,
            text,
            name,
            format!("write `{name}`"),
        )),
        (None, _) => finding,
    });
    None
}

/// What older versions could look into (K-49).
const FORMER: &[(&str, &str)] = &[
    ("kafka", "Cilium 1.20 has no rules for Kafka: allow the port, or use a listener"),
    ("l7proto", "Cilium 1.20 has no parsers of its own any more: allow the port, or use a listener"),
    ("l7", "Cilium 1.20 has no parsers of its own any more: allow the port, or use a listener"),
];

fn read_l7(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry) -> Option<Spanned<CiliumL7>> {
    let before = reader.findings.len();
    let [http, dns] = reader.fields(path, &entry.value, ["http", "dns"], STRICT);
    explain(reader, before, FORMER);
    if reader.findings.len() == before || http.is_some() || dns.is_some() {
        super::exactly_one(reader, path, entry.value.span, "`http` and `dns`", &[http, dns]);
    }
    let rules = http::read(reader, &path.field("http"), http);
    let questions = names::read(reader, &path.field("dns"), dns);
    // K-43: an empty list asks nothing.
    let l7 = match (rules.is_empty(), questions.is_empty()) {
        (true, true) => return None,
        (false, _) => CiliumL7::Http(rules),
        (true, false) => CiliumL7::Dns(questions),
    };
    Some(Spanned::new(l7, http.or(dns)?.key_span))
}

fn read_tls(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry) {
    let names = ["secret", "trustedCA", "certificate", "privateKey"];
    let before = reader.count();
    let [secret, authority, certificate, key] = reader.fields(path, &entry.value, names, STRICT);
    match secret {
        Some(secret) => http::read_secret(reader, &path.field("secret"), secret),
        None if reader.count() == before => missing(reader, path, "secret", entry.key_span),
        None => {}
    }
    for (name, entry) in [("trustedCA", authority), ("certificate", certificate), ("privateKey", key)] {
        reader.string(&path.field(name), entry);
    }
}

/// A text that must not be empty.
fn filled(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) {
    if let (Some(""), Some(entry)) = (reader.string(path, entry), entry) {
        reader.report(fault("invalid-policy", path, entry.value.span, format!("`{path}` is empty")));
    }
}

fn read_listener(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry) {
    let before = reader.count();
    let [config, name, priority] =
        reader.fields(path, &entry.value, ["envoyConfig", "name", "priority"], STRICT);
    let complete = reader.count() == before;
    for (field, value) in [("envoyConfig", config), ("name", name)] {
        if value.is_none() && complete {
            missing(reader, path, field, entry.key_span);
        }
    }
    filled(reader, &path.field("name"), name);
    if let Some(number) = reader.integer(&path.field("priority"), priority)
        && !(1..=100).contains(&number)
        && let Some(entry) = priority
    {
        let message = format!("{number} is no priority of a listener: they go from 1 to 100");
        reader.report(fault("invalid-policy", &path.field("priority"), entry.value.span, message));
    }
    let Some(config) = config else { return };
    let path = path.field("envoyConfig");
    let before = reader.count();
    let [kind, name] = reader.fields(&path, &config.value, ["kind", "name"], STRICT);
    if name.is_none() && reader.count() == before {
        missing(reader, &path, "name", config.key_span);
    }
    filled(reader, &path.field("name"), name);
    let kinds = ["CiliumEnvoyConfig", "CiliumClusterwideEnvoyConfig"];
    if let (Some(text), Some(entry)) = (reader.string(&path.field("kind"), kind), kind)
        && !kinds.contains(&text)
    {
        let message = format!("`{}` is none of the kinds {}", clip(text), listing(&kinds));
        reader.report(fault("invalid-policy", &path.field("kind"), entry.value.span, message));
    }
}
