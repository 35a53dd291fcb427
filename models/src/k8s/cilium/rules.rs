//! Rules and their entries: subjects, sections, and what the agent checks across fields.

use super::super::read::{Path, Reader, clip, fault, listing};
use super::super::{Place, Spanned};
use super::peers::{PeerField, PeerKind};
use super::ports::Where;
use super::{
    CiliumEntry, CiliumL7, CiliumPortRef, CiliumPorts, CiliumProtocol, CiliumRequirement, CiliumRule,
    CiliumSelector, CiliumSubject, LabelSource, STRICT, Section, TlsRestriction, exactly_one, explain, icmp,
    missing, peers, ports, refused_by_agent, remark, selector,
};
use crate::source::Span;
use crate::space::{Operator, Protocol, Requirement};
use crate::yaml::{Entry, Node, Value};

/// What is known about the object around a rule.
#[derive(Clone, Copy)]
pub(super) struct Context {
    pub(super) clusterwide: bool,
}

/// Longest `log.value`, in characters.
const LOG_LENGTH: usize = 32;

/// Reads `spec` or an entry of `specs`; `None` where its subject cannot be told.
pub(super) fn read(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    context: Context,
) -> Option<CiliumRule> {
    let before = reader.count();
    let fields = reader.fields(
        path,
        node,
        [
            "endpointSelector",
            "nodeSelector",
            "ingress",
            "ingressDeny",
            "egress",
            "egressDeny",
            "enableDefaultDeny",
            "description",
            "labels",
            "log",
        ],
        STRICT,
    );
    let complete = reader.count() == before;
    let [
        endpoints,
        nodes,
        ingress,
        ingress_deny,
        egress,
        egress_deny,
        default_deny,
        description,
        labels,
        log,
    ] = fields;
    let subject = read_subject(reader, path, node, (endpoints, nodes), context, complete);
    let of_nodes = nodes.is_some() && endpoints.is_none();
    let lists = [ingress, ingress_deny, egress, egress_deny];
    check_sections(reader, path, node, &lists, complete);
    let mut section = |section: Section, entry: Option<&Entry>| {
        let entry = entry?;
        let path = path.field(section.name());
        let entries = read_entries(reader, &path, &entry.value, Where { section, of_nodes });
        Some(Spanned::new(entries, entry.value.span))
    };
    let ingress = section(Section::Ingress, ingress);
    let ingress_deny = section(Section::IngressDeny, ingress_deny);
    let egress = section(Section::Egress, egress);
    let egress_deny = section(Section::EgressDeny, egress_deny);
    let [default_deny_ingress, default_deny_egress] =
        read_default_deny(reader, &path.field("enableDefaultDeny"), default_deny);
    remark(reader, &path.field("description"), description);
    read_labels(reader, &path.field("labels"), labels);
    read_log(reader, &path.field("log"), log);
    Some(CiliumRule {
        path: path.to_string().into(),
        subject: subject?,
        ingress,
        ingress_deny,
        egress,
        egress_deny,
        default_deny_ingress,
        default_deny_egress,
        span: node.span,
    })
}

fn read_subject(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    (endpoints, nodes): (Option<&Entry>, Option<&Entry>),
    context: Context,
    complete: bool,
) -> Option<Spanned<CiliumSubject>> {
    if endpoints.is_none() && nodes.is_none() {
        if complete {
            let message = format!("`{path}` has no `endpointSelector`");
            let all = if context.clusterwide { "every endpoint" } else { "every pod of the namespace" };
            reader.report(
                fault("invalid-policy", &path.field("endpointSelector"), node.span, message)
                    .help(format!("for {all}, write `endpointSelector: {{}}`")),
            );
        }
        return None;
    }
    exactly_one(reader, path, node.span, "`endpointSelector` and `nodeSelector`", &[endpoints, nodes]);
    if let (Some(nodes), false) = (nodes, context.clusterwide) {
        let message = "a CiliumNetworkPolicy has no `nodeSelector`";
        reader.report(
            refused_by_agent(&path.field("nodeSelector"), nodes.key_span, message)
                .help("nodes are a matter of a CiliumClusterwideNetworkPolicy"),
        );
    }
    let mut read = |name: &str, entry: Option<&Entry>| {
        let entry = entry?;
        Some((selector::read(reader, &path.field(name), &entry.value), entry.value.span))
    };
    let endpoints = read("endpointSelector", endpoints).map(|(selector, span)| {
        if context.clusterwide { (selector, span) } else { (without_namespace(selector, endpoints), span) }
    });
    let nodes = read("nodeSelector", nodes);
    match (endpoints, nodes) {
        (Some((selector, span)), _) => Some(Spanned::new(CiliumSubject::Endpoints(selector), span)),
        (None, Some((selector, span))) => Some(Spanned::new(CiliumSubject::Nodes(selector), span)),
        (None, None) => None,
    }
}

/// The subject without the namespace that its `matchLabels` name as a label of Kubernetes: the agent puts the
/// policy's own in its place (K-4).
fn without_namespace(selector: CiliumSelector, entry: Option<&Entry>) -> CiliumSelector {
    const NAMESPACE: &str = "io.kubernetes.pod.namespace";
    let labels = entry.and_then(|entry| entry.value.get("matchLabels"));
    let named = labels.and_then(|labels| labels.get(&format!("k8s:{NAMESPACE}")));
    match named.and_then(Node::as_str) {
        Some(name) => selector.without(&CiliumRequirement {
            source: LabelSource::Kubernetes,
            requirement: Requirement::new(NAMESPACE, Operator::In, [name]),
        }),
        None => selector,
    }
}

/// At least one section must be there, and one of them must have an entry (K-16).
fn check_sections(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    lists: &[Option<&Entry>; 4],
    complete: bool,
) {
    let names = Section::ALL.map(Section::name);
    let first = lists.iter().flatten().min_by_key(|entry| entry.key_span.start);
    let Some(first) = first else {
        if complete {
            let message = format!("`{path}` has none of {}", listing(&names));
            reader.report(
                fault("invalid-policy", path, node.span, message)
                    .help("to deny all ingress, write `ingress: [{}]`: an entry that matches nobody"),
            );
        }
        return;
    };
    if lists.iter().flatten().all(|entry| is_empty_list(&entry.value)) {
        let message = "the rule has no entry at all, so that Cilium refuses it";
        reader.report(refused_by_agent(&path.field(&first.key), first.key_span, message).help(format!(
            "to deny all {}, write `{}: [{{}}]`: an entry that matches nobody",
            first.key, first.key
        )));
    }
}

fn is_empty_list(node: &Node) -> bool {
    matches!(&node.value, Value::Seq(items) if items.is_empty())
}

/// Advice for fields in the wrong direction or section.
const MISPLACED_INGRESS: &[(&str, &str)] = &[
    ("toEndpoints", "an ingress entry says `fromEndpoints`"),
    ("toEntities", "an ingress entry says `fromEntities`"),
    ("toCIDR", "an ingress entry says `fromCIDR`"),
    ("toCIDRSet", "an ingress entry says `fromCIDRSet`"),
    ("toNodes", "an ingress entry says `fromNodes`"),
    ("toFQDNs", "names are a matter of egress: no address that comes in has one"),
    ("toServices", "Services are a matter of egress"),
    ("from", "Cilium has a field for each kind of peer: `fromEndpoints`, `fromCIDR`, `fromEntities`"),
    ("ports", "Cilium's field is `toPorts`, with a list of `ports` in each item"),
];
const MISPLACED_EGRESS: &[(&str, &str)] = &[
    ("fromEndpoints", "an egress entry says `toEndpoints`"),
    ("fromEntities", "an egress entry says `toEntities`"),
    ("fromCIDR", "an egress entry says `toCIDR`"),
    ("fromCIDRSet", "an egress entry says `toCIDRSet`"),
    ("fromNodes", "an egress entry says `toNodes`"),
    ("to", "Cilium has a field for each kind of peer: `toEndpoints`, `toCIDR`, `toFQDNs`, `toEntities`"),
    ("ports", "Cilium's field is `toPorts`, with a list of `ports` in each item"),
];

fn read_entries(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, place: Where) -> Vec<CiliumEntry> {
    let mut entries = Vec::new();
    for (index, item) in reader.items(path, node).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "no entry, which the API server refuses");
        } else {
            entries.push(read_entry(reader, &path, item, place));
        }
    }
    entries
}

/// The fields of an entry.
struct Fields<'n> {
    peers: Vec<PeerField<'n>>,
    requires: (&'static str, Option<&'n Entry>),
    ports: Option<&'n Entry>,
    icmps: Option<&'n Entry>,
    authentication: Option<&'n Entry>,
}

fn read_entry(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node, place: Where) -> CiliumEntry {
    let Fields { peers, requires, ports, icmps, authentication } = if place.section.is_ingress() {
        ingress_fields(reader, path, item)
    } else {
        egress_fields(reader, path, item)
    };
    if place.section.denies() {
        let names = peers.iter().find(|field| field.kind == PeerKind::Domains).and_then(|field| field.entry);
        for (entry, help) in [(authentication, DENY_AUTHENTICATION), (names, DENY_NAMES)] {
            if let Some(entry) = entry {
                let message = format!("`{path}` has no field `{}`: it denies", entry.key);
                let path = path.field(&entry.key);
                reader.report(fault("unknown-field", &path, entry.key_span, message).help(help));
            }
        }
    }
    peers::former(reader, path, requires.0, requires.1);
    let peers = peers::read(reader, path, &peers);
    let ports_list = ports::read(reader, &path.field("toPorts"), ports, place);
    let icmp_list = icmp::read(reader, &path.field("icmps"), icmps);
    if let (Some(_), Some(_), Some(icmps), Some(ports)) = (&ports_list, &icmp_list, icmps, ports) {
        let message = "`icmps` and `toPorts` must not be in one entry";
        reader.report(
            refused_by_agent(&path.field("icmps"), icmps.key_span, message)
                .related(ports.key_span, "the other one")
                .help("write an entry for each: then either may match"),
        );
    }
    let authentication =
        authentication.and_then(|entry| read_authentication(reader, &path.field("authentication"), entry));
    CiliumEntry { peers, ports: ports_list, icmps: icmp_list, authentication, span: item.span }
}

/// What is said of fields that only allows have.
const DENY_AUTHENTICATION: &str = "a deny asks nobody for a proof";
const DENY_NAMES: &str = "names can only be allowed: deny the addresses, or allow nothing but the names";

fn ingress_fields<'n>(reader: &mut Reader<'_>, path: &Path<'_>, item: &'n Node) -> Fields<'n> {
    const NAMES: [&str; 10] = [
        "fromEndpoints",
        "fromCIDR",
        "fromCIDRSet",
        "fromEntities",
        "fromNodes",
        "fromGroups",
        "fromRequires",
        "toPorts",
        "icmps",
        "authentication",
    ];
    let before = reader.findings.len();
    let [endpoints, cidr, set, entities, nodes, groups, requires, ports, icmps, authentication] =
        reader.fields(path, item, NAMES, STRICT);
    explain(reader, before, MISPLACED_INGRESS);
    let field = |name, kind, entry| PeerField { name, kind, entry };
    Fields {
        peers: vec![
            field("fromEndpoints", PeerKind::Endpoints, endpoints),
            field("fromCIDR", PeerKind::Cidr, cidr),
            field("fromCIDRSet", PeerKind::CidrSet, set),
            field("fromEntities", PeerKind::Entities, entities),
            field("fromNodes", PeerKind::Nodes, nodes),
            field("fromGroups", PeerKind::Groups, groups),
        ],
        requires: ("fromRequires", requires),
        ports,
        icmps,
        authentication,
    }
}

fn egress_fields<'n>(reader: &mut Reader<'_>, path: &Path<'_>, item: &'n Node) -> Fields<'n> {
    const NAMES: [&str; 12] = [
        "toEndpoints",
        "toCIDR",
        "toCIDRSet",
        "toEntities",
        "toNodes",
        "toGroups",
        "toServices",
        "toFQDNs",
        "toRequires",
        "toPorts",
        "icmps",
        "authentication",
    ];
    let before = reader.findings.len();
    let [
        endpoints,
        cidr,
        set,
        entities,
        nodes,
        groups,
        services,
        domains,
        requires,
        ports,
        icmps,
        authentication,
    ] = reader.fields(path, item, NAMES, STRICT);
    explain(reader, before, MISPLACED_EGRESS);
    let field = |name, kind, entry| PeerField { name, kind, entry };
    Fields {
        peers: vec![
            field("toEndpoints", PeerKind::Endpoints, endpoints),
            field("toCIDR", PeerKind::Cidr, cidr),
            field("toCIDRSet", PeerKind::CidrSet, set),
            field("toEntities", PeerKind::Entities, entities),
            field("toNodes", PeerKind::Nodes, nodes),
            field("toGroups", PeerKind::Groups, groups),
            field("toServices", PeerKind::Services, services),
            field("toFQDNs", PeerKind::Domains, domains),
        ],
        requires: ("toRequires", requires),
        ports,
        icmps,
        authentication,
    }
}

/// A place where a proof is asked for.
fn read_authentication(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry) -> Option<Place> {
    const MODES: [&str; 3] = ["disabled", "required", "test-always-fail"];
    let before = reader.count();
    let [mode] = reader.fields(path, &entry.value, ["mode"], STRICT);
    let Some(mode) = mode else {
        if reader.count() == before {
            missing(reader, path, "mode", entry.key_span);
        }
        return None;
    };
    let path = path.field("mode");
    let text = reader.text(&path, &mode.value)?;
    if !MODES.contains(&text) {
        let message = format!("`{}` is none of the modes {}", clip(text), listing(&MODES));
        reader.report(fault("invalid-policy", &path, mode.value.span, message));
    }
    (text != "disabled").then(|| Spanned::new((), entry.key_span))
}

/// What the agent checks of `rules` and its neighbours (K-42, K-43, K-49).
pub(super) fn check_l7(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    item: &CiliumPorts,
    list: Option<&Entry>,
    place: Where,
) {
    let ingress = place.section.is_ingress();
    let tls = |kind| item.tls.iter().find(|restriction| restriction.value == kind);
    if let (Some(listener), true) = (tls(TlsRestriction::Listener), ingress) {
        let message = "a `listener` is for egress only";
        reader.report(refused_by_agent(&path.field("listener"), listener.span, message));
    }
    let Some(l7) = &item.l7 else { return };
    let rules_path = path.field("rules");
    let mut refuse = |path: &Path<'_>, span: Span, message: &str, help: Option<&str>| {
        let finding = refused_by_agent(path, span, message);
        reader.report(match help {
            Some(help) => finding.help(help),
            None => finding,
        });
    };
    if let (Some(names), None) = (tls(TlsRestriction::ServerNames), tls(TlsRestriction::Terminating)) {
        let message = "`serverNames` beside `rules` needs `terminatingTLS`";
        refuse(&path.field("serverNames"), names.span, message, Some("requests inside TLS cannot be seen"));
    }
    if let Some(listener) = tls(TlsRestriction::Listener) {
        let message = "a `listener` must not stand beside `rules`";
        refuse(&path.field("listener"), listener.span, message, None);
    }
    let dns = matches!(l7.value, CiliumL7::Dns(_));
    if place.of_nodes && (ingress || !dns) {
        refuse(&rules_path, l7.span, "rules for nodes cannot look into traffic", None);
    } else if ingress && dns {
        refuse(&rules_path.field("dns"), l7.span, "DNS rules are for egress only", None);
    }
    if dns && item.ports.is_empty() && list.is_none_or(|list| is_empty_list(&list.value)) {
        let help = "write `ports: [{port: \"53\", protocol: ANY}]`";
        refuse(&rules_path.field("dns"), l7.span, "DNS rules need a port", Some(help));
    }
    let ports_path = path.field("ports");
    for (index, port) in item.ports.iter().enumerate() {
        let path = ports_path.item(index);
        if !dns && port.value.protocol != CiliumProtocol::One(Protocol::Tcp) {
            let message = format!("HTTP rules need `protocol: TCP`, not {}", port.value.protocol.name());
            let help = "write `protocol: TCP` beside the port";
            refuse(&path.field("protocol"), port.span, &message, Some(help));
        }
        check_range(&mut refuse, &path, port, dns);
    }
}

fn check_range(
    refuse: &mut impl FnMut(&Path<'_>, Span, &str, Option<&str>),
    path: &Path<'_>,
    port: &Spanned<super::CiliumPort>,
    dns: bool,
) {
    match &port.value.port {
        CiliumPortRef::All => {
            refuse(
                &path.field("port"),
                port.span,
                "port 0, which is every port, must not stand beside `rules`",
                None,
            );
        }
        CiliumPortRef::Numbers(range) if dns && range.start() != range.end() => {
            refuse(&path.field("endPort"), port.span, "DNS rules do not take a range of ports", None);
        }
        CiliumPortRef::Numbers(_) | CiliumPortRef::Name { .. } => {}
    }
}

fn read_default_deny(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: Option<&Entry>,
) -> [Option<Spanned<bool>>; 2] {
    let Some(entry) = entry else { return [None, None] };
    let [ingress, egress] = reader.fields(path, &entry.value, ["ingress", "egress"], STRICT);
    [("ingress", ingress), ("egress", egress)].map(|(name, entry)| {
        let value = reader.flag(&path.field(name), entry);
        entry.map(|entry| Spanned::new(value, entry.value.span))
    })
}

fn read_labels(reader: &mut Reader<'_>, path: &Path<'_>, list: Option<&Entry>) {
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        let before = reader.count();
        let [key, value, source] = reader.fields(&path, item, ["key", "value", "source"], STRICT);
        if key.is_none() && reader.count() == before {
            missing(reader, &path, "key", item.span);
        }
        for (name, entry) in [("key", key), ("value", value), ("source", source)] {
            remark(reader, &path.field(name), entry);
        }
    }
}

fn read_log(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) {
    let Some(entry) = entry else { return };
    let [value] = reader.fields(path, &entry.value, ["value"], STRICT);
    let path = path.field("value");
    if let (Some(text), Some(entry)) = (reader.string(&path, value), value)
        && (text.chars().count() > LOG_LENGTH || text.chars().any(char::is_control))
    {
        let message = format!("`value` may have {LOG_LENGTH} characters, all of them printable");
        reader.report(fault("invalid-policy", &path, entry.value.span, message));
    }
}
