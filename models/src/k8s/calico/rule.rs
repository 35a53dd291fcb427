//! Rules, and what their parts demand of each other (C-50 to C-57, C-90).

use std::collections::HashSet;

use ipnet::IpNet;

use super::super::Spanned;
use super::super::read::{Path, Reader, Unknown, clip, fault};
use super::super::syntax;
use super::entity::{self, says};
use super::text::choice;
use super::{CalicoEntity, CalicoProtocol, Form, Icmp, icmp, protocol, spanned};
use crate::policy::Direction;
use crate::source::Span;
use crate::space::Family;
use crate::yaml::{Entry, Node, Value};

/// An entry of an `ingress` or `egress` list.
#[derive(Clone, Debug)]
pub struct CalicoRule {
    /// What it does with what it matches.
    pub action: CalicoAction,
    /// `ipVersion`.
    pub family: Option<Family>,
    /// `protocol`; all protocols where it is left out (C-53).
    pub protocol: Option<Spanned<CalicoProtocol>>,
    /// `notProtocol`.
    pub not_protocol: Option<Spanned<CalicoProtocol>>,
    /// `icmp`.
    pub icmp: Option<Spanned<Icmp>>,
    /// `notICMP`.
    pub not_icmp: Option<Spanned<Icmp>>,
    /// `source`.
    pub source: CalicoEntity,
    /// `destination`.
    pub destination: CalicoEntity,
    /// Where `source` and `destination` are written; the list entry where they are left out.
    pub places: [Span; 2],
    /// `http` (C-56).
    pub http: Option<Spanned<HttpMatch>>,
    /// The list entry.
    pub span: Span,
}

impl PartialEq for CalicoRule {
    fn eq(&self, other: &Self) -> bool {
        let key = |rule: &Self| {
            (rule.action, rule.family, rule.protocol, rule.not_protocol, rule.icmp, rule.not_icmp)
        };
        key(self) == key(other)
            && (&self.source, &self.destination, &self.http)
                == (&other.source, &other.destination, &other.http)
    }
}

impl CalicoRule {
    /// The side that is the subject's, and the other one (C-46).
    pub const fn sides(&self, direction: Direction) -> (&CalicoEntity, &CalicoEntity) {
        match direction {
            Direction::Ingress => (&self.destination, &self.source),
            Direction::Egress => (&self.source, &self.destination),
        }
    }
}

/// What a rule does (C-14).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CalicoAction {
    /// Final.
    Allow,
    /// Final.
    Deny,
    /// A line in a log; the next rule is asked.
    Log,
    /// The next tier is asked.
    Pass,
}

/// Requests of a rule (C-56).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpMatch {
    /// `methods`; any where it is empty.
    pub methods: Vec<Box<str>>,
    /// `paths`; any where it is empty.
    pub paths: Vec<HttpPath>,
}

/// An entry of `paths`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HttpPath {
    /// `exact`.
    Exact(Box<str>),
    /// `prefix`.
    Prefix(Box<str>),
}

/// What the object around a rule demands of it.
#[derive(Clone, Copy)]
pub(super) struct Around {
    pub(super) form: Form,
    pub(super) direction: Direction,
    /// It is a policy; a profile is asked for less.
    pub(super) policy: bool,
    /// It is in a namespace.
    pub(super) namespaced: bool,
}

/// Reads an `ingress` or `egress` list; `None` where it is left out.
pub(super) fn read(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
    around: Around,
) -> Option<Spanned<Vec<CalicoRule>>> {
    let list = list?;
    let mut rules = Vec::new();
    for (index, item) in reader.list(path, Some(list)).iter().enumerate() {
        let path = path.item(index);
        match &item.value {
            Value::Null => reader.null_item(&path, item, "a rule without an action, which is invalid"),
            Value::Map(_) => rules.extend(read_rule(reader, &path, item, around)),
            _ => reader.wrong_type(&path, item, "a mapping"),
        }
    }
    Some(spanned(rules, list))
}

fn read_rule(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node, around: Around) -> Option<CalicoRule> {
    let names = [
        "action",
        "ipVersion",
        "protocol",
        "notProtocol",
        "icmp",
        "notICMP",
        "source",
        "destination",
        "http",
        "metadata",
    ];
    let [action, version, protocol, not_protocol, icmp, not_icmp, source, destination, http, metadata] =
        reader.fields(path, item, names, Unknown::Refused(&[]));
    let form = around.form;
    if action.is_none() {
        let message = "the rule has no `action`";
        reader.report(
            fault(reader.invalid(), &path.field("action"), item.span, message)
                .help("write `action: Allow`, `Deny`, `Pass` or `Log`"),
        );
    }
    let action = action.and_then(|entry| read_action(reader, &path.field("action"), &entry.value, form));
    let family = read_family(reader, &path.field("ipVersion"), version);
    let written = Written { protocol, source, destination, http, version };
    let rule = CalicoRule {
        action: action.unwrap_or(CalicoAction::Deny),
        family: family.map(|family| family.value),
        protocol: protocol::read(reader, &path.field("protocol"), protocol, form),
        not_protocol: protocol::read(reader, &path.field("notProtocol"), not_protocol, form),
        icmp: icmp::read(reader, &path.field("icmp"), icmp, form),
        not_icmp: icmp::read(reader, &path.field("notICMP"), not_icmp, form),
        source: entity::read(reader, &path.field("source"), source, form),
        destination: entity::read(reader, &path.field("destination"), destination, form),
        places: [source, destination].map(|side| side.map_or(item.span, |side| side.value.span)),
        http: http.map(|entry| spanned(read_http(reader, &path.field("http"), &entry.value, form), entry)),
        span: item.span,
    };
    check_annotations(reader, &path.field("metadata"), metadata);
    check_ports(reader, path, &rule, &written);
    if form == Form::Api {
        check_icmp(reader, path, &rule, &written);
        check_families(reader, path, &rule);
        check_service_ports(reader, path, &rule, &written);
        check_http(reader, path, action, &rule, &written);
        if around.policy {
            check_place(reader, path, &written, around);
        }
    }
    action.is_some().then_some(rule)
}

/// Where the fields of a rule stand.
struct Written<'n> {
    protocol: Option<&'n Entry>,
    source: Option<&'n Entry>,
    destination: Option<&'n Entry>,
    http: Option<&'n Entry>,
    version: Option<&'n Entry>,
}

impl<'n> Written<'n> {
    const fn sides(&self) -> [(&'static str, Option<&'n Entry>); 2] {
        [("source", self.source), ("destination", self.destination)]
    }
}

/// A field of a mapping, with its key.
fn field<'n>(parent: Option<&'n Entry>, name: &str) -> Option<&'n Entry> {
    parent?.value.entries().iter().rev().find(|entry| &*entry.key == name)
}

fn read_action(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, form: Form) -> Option<CalicoAction> {
    const ACTIONS: [(&str, CalicoAction); 4] = [
        ("Allow", CalicoAction::Allow),
        ("Deny", CalicoAction::Deny),
        ("Log", CalicoAction::Log),
        ("Pass", CalicoAction::Pass),
    ];
    // What is stored may be in any case: Felix lowers all but `Pass`.
    let lowered = |text: &str| ACTIONS.iter().take(3).find(|(name, _)| name.eq_ignore_ascii_case(text));
    if form == Form::Stored
        && let Some((_, action)) = node.as_str().and_then(lowered)
    {
        return Some(*action);
    }
    choice(reader, path, node, "actions", &ACTIONS)
}

fn read_family(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) -> Option<Spanned<Family>> {
    let entry = entry?;
    let family = match reader.integer(path, Some(entry))? {
        4 => Family::V4,
        6 => Family::V6,
        other => {
            let message = format!("{other} is no version of IP: there are 4 and 6");
            reader.report(fault(reader.invalid(), path, entry.value.span, message));
            return None;
        }
    };
    Some(spanned(family, entry))
}

fn read_http(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, form: Form) -> HttpMatch {
    let [methods, paths] = reader.fields(path, node, ["methods", "paths"], Unknown::Refused(&[]));
    let mut http = HttpMatch::default();
    let mut seen = HashSet::new();
    let path_of_methods = path.field("methods");
    for (index, item) in reader.list(&path_of_methods, methods).iter().enumerate() {
        let path = path_of_methods.item(index);
        let Some(method) = reader.text(&path, item) else { continue };
        if !seen.insert(method) && form == Form::Api {
            let message = format!("the method `{}` is there twice", clip(method));
            reader.report(fault("invalid-policy", &path, item.span, message));
        }
        http.methods.push(method.into());
    }
    let path_of_paths = path.field("paths");
    for (index, item) in reader.list(&path_of_paths, paths).iter().enumerate() {
        http.paths.extend(read_http_path(reader, &path_of_paths.item(index), item, form));
    }
    http
}

fn read_http_path(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node, form: Form) -> Option<HttpPath> {
    let [exact, prefix] = reader.fields(path, item, ["exact", "prefix"], Unknown::Refused(&[]));
    let (exact_says, prefix_says) = (says(exact), says(prefix));
    if let (Some(_), Some(other), Form::Api) = (exact_says, prefix_says, form) {
        let message = "a path must not be both `exact` and `prefix`";
        reader.report(
            fault("invalid-policy", &path.field("prefix"), other.key_span, message)
                .help("write them as two entries of the list: then either may match"),
        );
    }
    if let (None, None, Form::Api, Value::Map(_)) = (exact_says, prefix_says, form, &item.value) {
        let message = "the path has neither `exact` nor `prefix`";
        reader.report(fault("invalid-policy", path, item.span, message));
    }
    let mut read = |name: &str, entry: Option<&Entry>| -> Option<Box<str>> {
        let entry = entry?;
        let path = path.field(name);
        let text = reader.text(&path, &entry.value)?;
        let wrong = !text.starts_with('/') || text.contains(['?', ' ', '#']);
        if wrong && form == Form::Api {
            let message = format!(
                "`{}` is no path: it must begin with `/` and hold none of `?`, `#` and blanks",
                clip(text)
            );
            reader.report(fault("invalid-policy", &path, entry.value.span, message));
        }
        Some(text.into())
    };
    let exact = read("exact", exact_says).map(HttpPath::Exact);
    let prefix = read("prefix", prefix_says).map(HttpPath::Prefix);
    exact.or(prefix)
}

/// Annotations say nothing about traffic, but their keys are checked.
fn check_annotations(reader: &mut Reader<'_>, path: &Path<'_>, metadata: Option<&Entry>) {
    let Some(metadata) = metadata else { return };
    let [annotations] = reader.fields(path, &metadata.value, ["annotations"], Unknown::Refused(&[]));
    let path = path.field("annotations");
    for entry in annotations.map_or(&[][..], |annotations| reader.entries(&path, &annotations.value)) {
        let path = path.field(&entry.key);
        reader.text(&path, &entry.value);
        if let Err(wrong) = syntax::label_key(&entry.key.to_lowercase()) {
            reader.malformed(&path, entry.key_span, &entry.key, wrong);
        }
    }
}

/// Only TCP, UDP and SCTP have ports (C-51).
fn check_ports(reader: &mut Reader<'_>, path: &Path<'_>, rule: &CalicoRule, written: &Written<'_>) {
    let has_ports = rule.protocol.is_some_and(|protocol| protocol.value.transport().is_some());
    // What is wrong with the protocol has been said.
    if has_ports || written.protocol.is_some() && rule.protocol.is_none() {
        return;
    }
    for (side, entry) in written.sides() {
        for name in ["ports", "notPorts"] {
            let Some(ports) = says(field(entry, name)).filter(|ports| !ports.value.is_null()) else {
                continue;
            };
            let message = format!("`{name}` needs the protocol: `TCP`, `UDP` or `SCTP`");
            let side = path.field(side);
            let finding = fault(reader.invalid(), &side.field(name), ports.key_span, message);
            reader.report(match (rule.protocol, rule.not_protocol) {
                (Some(protocol), _) => {
                    finding.related(protocol.span, "this protocol has no ports").help(format!(
                        "remove the ports, or write a rule for each protocol that has some instead of `{}`",
                        protocol.value
                    ))
                }
                (None, Some(not)) => finding
                    .related(not.span, "says only what it is not")
                    .help("write a rule with `protocol` for each protocol that is meant"),
                (None, None) => {
                    finding.help("write `protocol: TCP` beside `action`, and a rule for each other protocol")
                }
            });
        }
    }
}

fn check_icmp(reader: &mut Reader<'_>, path: &Path<'_>, rule: &CalicoRule, written: &Written<'_>) {
    let is_icmp = rule.protocol.is_some_and(|protocol| protocol.value.is_named(&["ICMP", "ICMPv6"]));
    let unread = written.protocol.is_some() && rule.protocol.is_none();
    if let (Some(icmp), false, false) = (rule.icmp, is_icmp, unread) {
        let message = "`icmp` needs `protocol: ICMP` or `protocol: ICMPv6`";
        let finding = fault("invalid-policy", &path.field("icmp"), icmp.span, message);
        reader.report(match rule.protocol {
            Some(protocol) => {
                finding.related(protocol.span, "the protocol").help("by its name, not by its number")
            }
            None => finding.help("write the protocol beside `action`"),
        });
    }
    let Some((family, version)) = rule.family.zip(written.version) else { return };
    for (name, protocol) in [("protocol", rule.protocol), ("notProtocol", rule.not_protocol)] {
        let Some(protocol) = protocol else { continue };
        let needs = match () {
            () if protocol.value.is_named(&["ICMP"]) => Family::V4,
            () if protocol.value.is_named(&["ICMPv6"]) => Family::V6,
            () => continue,
        };
        if needs != family {
            let message = format!("`{}` needs `ipVersion: {}`", protocol.value, version_of(needs));
            reader.report(
                fault("invalid-policy", &path.field("ipVersion"), version.value.span, message)
                    .related(protocol.span, format!("`{name}`"))
                    .help("correct either, or leave `ipVersion` out"),
            );
        }
    }
}

const fn version_of(family: Family) -> u8 {
    match family {
        Family::V4 => 4,
        Family::V6 => 6,
    }
}

/// All blocks of a rule are of one family, that of `ipVersion` where it is there (C-55).
fn check_families(reader: &mut Reader<'_>, path: &Path<'_>, rule: &CalicoRule) {
    let lists: [(&str, &str, &[Spanned<IpNet>]); 4] = [
        ("source", "nets", &rule.source.nets),
        ("source", "notNets", &rule.source.not_nets),
        ("destination", "nets", &rule.destination.nets),
        ("destination", "notNets", &rule.destination.not_nets),
    ];
    let of = |net: &Spanned<IpNet>| if net.value.addr().is_ipv4() { Family::V4 } else { Family::V6 };
    let first = lists.iter().flat_map(|(_, _, nets)| *nets).next();
    for (side, name, nets) in lists {
        let side = path.field(side);
        let list = side.field(name);
        for (index, net) in nets.iter().enumerate() {
            let path = list.item(index);
            if let Some(family) = rule.family.filter(|family| *family != of(net)) {
                let message =
                    format!("`{}` is not of the rule's `ipVersion: {}`", net.value, version_of(family));
                reader.report(fault("invalid-policy", &path, net.span, message));
            } else if let Some(first) = first.filter(|first| of(first) != of(net)) {
                let message = "a rule must not have blocks of both IPv4 and IPv6";
                reader.report(
                    fault("invalid-policy", &path, net.span, message)
                        .related(first.span, "of the other family")
                        .help("write a rule for each family"),
                );
            }
        }
    }
}

/// The ports of a Service that is a destination are its own (C-48).
fn check_service_ports(reader: &mut Reader<'_>, path: &Path<'_>, rule: &CalicoRule, written: &Written<'_>) {
    let Some(services) = &rule.destination.services else { return };
    let path = path.field("destination");
    for name in ["ports", "notPorts"] {
        let Some(ports) = says(field(written.destination, name)).filter(|ports| !ports.value.is_null())
        else {
            continue;
        };
        let message =
            format!("`{name}` must not stand beside `services`, which stands for the ports of its endpoints");
        reader.report(
            fault("invalid-policy", &path.field(name), ports.key_span, message)
                .related(services.span, "the Service")
                .help("remove the ports"),
        );
    }
}

/// Requests narrow only what ingress rules allow (C-56).
fn check_http(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    action: Option<CalicoAction>,
    rule: &CalicoRule,
    written: &Written<'_>,
) {
    let Some(http) = written.http else { return };
    if action.is_some_and(|action| action != CalicoAction::Allow) {
        let message = "`http` is only for rules that allow";
        reader.report(fault("invalid-policy", &path.field("http"), http.key_span, message));
    }
    if let Some(protocol) = rule.protocol.filter(|protocol| !protocol.value.is_named(&["TCP"])) {
        let message = "a rule with `http` has `protocol: TCP` or none";
        reader.report(
            fault("invalid-policy", &path.field("protocol"), protocol.span, message)
                .related(http.key_span, "the requests")
                .help("write `TCP`"),
        );
    }
}

/// Services stand at the far end of a rule, and requests in ingress.
fn check_place(reader: &mut Reader<'_>, path: &Path<'_>, written: &Written<'_>, around: Around) {
    let (near, far) = match around.direction {
        Direction::Ingress => ("destination", "source"),
        Direction::Egress => ("source", "destination"),
    };
    for (name, entry) in written.sides() {
        let Some(services) = field(entry, "services").filter(|services| !services.value.is_null()) else {
            continue;
        };
        let side = path.field(name);
        if name == near {
            let message = format!("`services` must not be the {near} of an {} rule", around.direction);
            reader.report(
                fault("invalid-policy", &side.field("services"), services.key_span, message)
                    .help(format!("write it as the `{far}`")),
            );
        } else if !around.namespaced
            && says(services.value.entries().iter().find(|entry| &*entry.key == "namespace")).is_none()
        {
            let message = "a Service that a policy of the whole cluster names needs its `namespace`";
            let path = side.field("services");
            reader.report(
                fault("invalid-policy", &path.field("namespace"), services.value.span, message)
                    .help("write `namespace:` beside `name:`"),
            );
        }
    }
    if let (Some(http), Direction::Egress) = (written.http, around.direction) {
        let message = "`http` must not be in an egress rule";
        reader.report(fault("invalid-policy", &path.field("http"), http.key_span, message));
    }
}
