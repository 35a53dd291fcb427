//! `networking.k8s.io/v1` NetworkPolicy, validated as the API server does.

use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::meta::Root;
use super::pod::{in_range, transport};
use super::read::{Path, Reader, Unknown, clip, closest, fault, listing, remove, replace};
use super::registry::Kind;
use super::{Meta, Object, Policy, Spanned, selector, syntax};
use crate::policy::Direction;
use crate::source::Span;
use crate::space::{Protocol, Selector, mask};
use crate::yaml::{Entry, Node, Value};

pub(super) const KIND: Kind =
    Kind { policy: true, versions: &["v1"], ..Kind::new("networking.k8s.io", "NetworkPolicy", decode) };

/// The group in which NetworkPolicy began; the same shape, the same defaults.
pub(super) const LEGACY_KIND: Kind =
    Kind { policy: true, versions: &["v1beta1"], ..Kind::new("extensions", "NetworkPolicy", decode) };

/// Amazon's: a NetworkPolicy whose egress peers can be domains.
pub(super) const AWS_KIND: Kind = Kind {
    policy: true,
    versions: &["v1alpha1"],
    ..Kind::new("networking.k8s.aws", "ApplicationNetworkPolicy", decode_aws)
};

/// A NetworkPolicy, defaults not yet applied.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkPolicy {
    /// Its name and place.
    pub meta: Meta,
    /// Whom it applies to; `None` where it is left out or null (S-10).
    pub pod_selector: Option<Spanned<Selector>>,
    /// `policyTypes`; `None` where it is left out or empty (S-1).
    pub policy_types: Option<Spanned<Vec<Direction>>>,
    /// The `ingress` list; `None` where it is left out or null.
    pub ingress: Option<Spanned<Vec<NetworkPolicyRule>>>,
    /// The `egress` list; `None` where it is left out or null.
    pub egress: Option<Spanned<Vec<NetworkPolicyRule>>>,
}

impl NetworkPolicy {
    /// Every selector in it.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        let rules = [&self.ingress, &self.egress].into_iter().flatten().flat_map(|rules| &rules.value);
        let peers = rules.flat_map(|rule| &rule.peers).flat_map(|peer| match &peer.value {
            NetworkPolicyPeer::Pods { namespaces, pods } => [namespaces.as_ref(), pods.as_ref()],
            NetworkPolicyPeer::Block { .. } | NetworkPolicyPeer::Domains(_) => [None, None],
        });
        self.pod_selector.as_ref().map(|selector| &selector.value).into_iter().chain(peers.flatten())
    }
}

/// An entry of an `ingress` or `egress` list.
#[derive(Clone, Debug)]
pub struct NetworkPolicyRule {
    /// `from` or `to`; empty where it is left out (S-7).
    pub peers: Vec<Spanned<NetworkPolicyPeer>>,
    /// `ports`; empty where it is left out (S-8).
    pub ports: Vec<Spanned<NetworkPolicyPort>>,
    /// The list entry.
    pub span: Span,
}

impl PartialEq for NetworkPolicyRule {
    fn eq(&self, other: &Self) -> bool {
        (&self.peers, &self.ports) == (&other.peers, &other.ports)
    }
}

/// An entry of a `from` or `to` list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NetworkPolicyPeer {
    /// Pods by namespace and labels; at least one of the two is there.
    Pods {
        /// `namespaceSelector`; `None` is the policy's own namespace (S-11).
        namespaces: Option<Selector>,
        /// `podSelector`; `None` is every pod there (S-12).
        pods: Option<Selector>,
    },
    /// Addresses.
    Block {
        /// The block, host bits cleared (S-18).
        cidr: IpNet,
        /// Blocks strictly inside it that are taken out (S-17).
        except: Vec<IpNet>,
    },
    /// Names of domains, in lower case and without the final dot; only in egress rules of Amazon's kind.
    Domains(Vec<Box<str>>),
}

/// An entry of a `ports` list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkPolicyPort {
    /// Its protocol; TCP where it is left out (S-20).
    pub protocol: Protocol,
    /// Which ports; `None` is every port of the protocol (S-21).
    pub port: Option<PortRef>,
}

/// Ports of a protocol.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortRef {
    /// These (S-22).
    Numbers(RangeInclusive<u16>),
    /// What the destination pod calls so (S-24).
    Name(Box<str>),
}

fn decode(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let policy = with_spec(reader, root, false)?;
    Some(Object::Policy(Policy::NetworkPolicy(Box::new(policy))))
}

fn decode_aws(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let policy = with_spec(reader, root, true)?;
    Some(Object::Policy(Policy::AwsApplication(Box::new(policy))))
}

/// Reads a policy, which must have a `spec`.
fn with_spec(reader: &mut Reader<'_>, root: Root<'_>, domains: bool) -> Option<NetworkPolicy> {
    // Old servers write a status, which says nothing.
    if root.spec.is_none() {
        let path = Path::Root.field("spec");
        let span = root.node.entries().iter().find(|entry| &*entry.key == "spec");
        let span = span.map_or(root.meta.name.span, |entry| entry.key_span);
        reader.report(
            fault("invalid-policy", &path, span, "the policy has no `spec`")
                .help("kubectl would read this as: deny all ingress to every pod of the namespace")
                .help("write `spec: {podSelector: {}, policyTypes: [Ingress]}` if that is what you mean"),
        );
        return None;
    }
    Some(read_with(reader, root, &[], domains))
}

/// Reads the fields of a NetworkPolicy. Those that stand beside them are somebody else's.
pub(super) fn read(
    reader: &mut Reader<'_>,
    root: Root<'_>,
    beside: &'static [&'static str],
) -> NetworkPolicy {
    read_with(reader, root, beside, false)
}

/// The same, whose egress peers can be domains or not.
fn read_with(
    reader: &mut Reader<'_>,
    root: Root<'_>,
    beside: &'static [&'static str],
    domains: bool,
) -> NetworkPolicy {
    let path = Path::Root.field("spec");
    let names = ["podSelector", "policyTypes", "ingress", "egress"];
    let [subject, types, ingress, egress] = root
        .spec
        .map_or([None; 4], |spec| reader.fields(&path, &spec.value, names, Unknown::Refused(beside)));
    let pod_selector = subject.map(|entry| {
        Spanned::new(selector::read(reader, &path.field("podSelector"), &entry.value), entry.value.span)
    });
    let policy_types = types.and_then(|entry| read_types(reader, &path.field("policyTypes"), &entry.value));
    let mut rules = |name, peers, entry: Option<&Entry>| {
        let entry = entry?;
        let rules = read_rules(reader, &path.field(name), &entry.value, peers, domains && peers == "to");
        Some(Spanned::new(rules, entry.value.span))
    };
    let ingress = rules("ingress", "from", ingress);
    let egress = rules("egress", "to", egress);
    NetworkPolicy { meta: root.meta, pod_selector, policy_types, ingress, egress }
}

fn read_types(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<Spanned<Vec<Direction>>> {
    const NAMES: [&str; 2] = ["Ingress", "Egress"];
    let items = reader.items(path, node);
    if items.len() > 2 {
        let message = "`policyTypes` has more than two entries";
        reader.report(fault("invalid-policy", path, node.span, message));
    }
    let mut types = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "the empty type, which is invalid");
            continue;
        }
        match reader.text(&path, item) {
            Some("Ingress") => types.push(Direction::Ingress),
            Some("Egress") => types.push(Direction::Egress),
            Some(text) => {
                let message = format!("`{}` is no policy type: there are {}", clip(text), listing(&NAMES));
                let finding = fault("invalid-policy", &path, item.span, message);
                reader.report(match closest(text, &NAMES) {
                    Some(name) => finding.help(format!("did you mean `{name}`?")).fix(replace(
                        item.span,
                        text,
                        name,
                        format!("write `{name}`"),
                    )),
                    None => finding,
                });
            }
            None => {}
        }
    }
    (!items.is_empty()).then(|| Spanned::new(types, node.span))
}

fn read_rules(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    peers_name: &'static str,
    domains: bool,
) -> Vec<NetworkPolicyRule> {
    let mut rules = Vec::new();
    for (index, item) in reader.items(path, node).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty rule, which allows everything");
            continue;
        }
        let [peers, ports] = reader.fields(&path, item, [peers_name, "ports"], Unknown::Refused(&[]));
        rules.push(NetworkPolicyRule {
            peers: read_peers(reader, &path.field(peers_name), peers, domains),
            ports: read_ports(reader, &path.field("ports"), ports),
            span: item.span,
        });
    }
    rules
}

fn read_peers(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
    domains: bool,
) -> Vec<Spanned<NetworkPolicyPeer>> {
    let mut peers = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty peer, which is invalid");
        } else {
            let named = if domains { read_domains(reader, &path, item) } else { None };
            let peer = named.or_else(|| read_peer(reader, &path, item));
            peers.extend(peer.map(|peer| Spanned::new(peer, item.span)));
        }
    }
    peers
}

/// A peer that is domains, alone; `None` where it names none.
fn read_domains(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node) -> Option<NetworkPolicyPeer> {
    item.get("domainNames").filter(|names| !names.is_null())?;
    let [names] = reader.fields(path, item, ["domainNames"], Unknown::Refused(&[]));
    let path = path.field("domainNames");
    let mut domains = Vec::new();
    for (index, item) in reader.list(&path, names).iter().enumerate() {
        let path = path.item(index);
        let Some(text) = reader.text(&path, item) else { continue };
        match syntax::domain_name(text) {
            Ok(name) => domains.push(name.into()),
            Err(wrong) => reader.malformed(&path, item.span, text, wrong),
        }
    }
    Some(NetworkPolicyPeer::Domains(domains))
}

fn read_peer(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node) -> Option<NetworkPolicyPeer> {
    let before = reader.count();
    let [pods, namespaces, block] =
        reader.fields(path, item, ["podSelector", "namespaceSelector", "ipBlock"], Unknown::Refused(&[]));
    let mut read = |name, entry: Option<&Entry>| {
        entry.map(|entry| selector::read(reader, &path.field(name), &entry.value))
    };
    let namespaces_selector = read("namespaceSelector", namespaces);
    let pods_selector = read("podSelector", pods);
    let Some(block) = block else {
        if pods.is_none() && namespaces.is_none() {
            // A misspelt or ill-typed peer has been reported as what it is.
            if reader.count() == before {
                reader.report(
                    fault("invalid-policy", path, item.span, "the peer is empty: it must say whom it means")
                        .help("for everybody, leave the whole list out; for every pod of the namespace, write `podSelector: {}`"),
                );
            }
            return None;
        }
        return Some(NetworkPolicyPeer::Pods { namespaces: namespaces_selector, pods: pods_selector });
    };
    if let Some(other) = pods.or(namespaces) {
        let message = format!("`ipBlock` and `{}` must not be in one peer", other.key);
        reader.report(
            fault("invalid-policy", path, block.key_span, message)
                .related(other.key_span, "the other one")
                .help("write them as two entries of the list: then either may match"),
        );
    }
    read_block(reader, &path.field("ipBlock"), &block.value)
}

fn read_block(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<NetworkPolicyPeer> {
    let [cidr, except] = reader.fields(path, node, ["cidr", "except"], Unknown::Refused(&[]));
    let is_mapping = matches!(node.value, Value::Map(_));
    if cidr.is_none() && is_mapping {
        reader.report(fault("invalid-policy", &path.field("cidr"), node.span, "the block has no `cidr`"));
    }
    let span = cidr.map(|entry| entry.value.span);
    let cidr = cidr.and_then(|entry| read_cidr(reader, &path.field("cidr"), &entry.value));
    let path = path.field("except");
    let mut blocks = Vec::new();
    for (index, item) in reader.list(&path, except).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty block, which is invalid");
            continue;
        }
        let Some(hole) = read_cidr(reader, &path, item) else { continue };
        if let (Some(cidr), Some(span)) = (cidr, span)
            && !(cidr.contains(&hole) && cidr.prefix_len() < hole.prefix_len())
        {
            let message = if cidr == hole {
                format!("`{hole}` takes out the whole block")
            } else {
                format!("`{hole}` is not inside the block `{cidr}`")
            };
            let finding = fault("invalid-policy", &path, item.span, message)
                .related(span, "the block")
                .help("an exception must be smaller than its `cidr` and inside it");
            // What is apart from the block takes nothing out of it.
            let apart = !hole.contains(&cidr) && !cidr.contains(&hole);
            reader.report(if apart { finding.fix(remove(item)) } else { finding });
        }
        blocks.push(hole);
    }
    Some(NetworkPolicyPeer::Block { cidr: cidr?, except: blocks })
}

fn read_cidr(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<IpNet> {
    let text = reader.text(path, node)?;
    match syntax::cidr(text) {
        Ok(net) => Some(mask(net)),
        Err(wrong) => {
            reader.malformed(path, node.span, text, wrong);
            None
        }
    }
}

fn read_ports(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
) -> Vec<Spanned<NetworkPolicyPort>> {
    let mut ports = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty port, which is every TCP port");
            continue;
        }
        let [protocol, port, end] =
            reader.fields(&path, item, ["protocol", "port", "endPort"], Unknown::Refused(&[]));
        let protocol = transport(reader, &path.field("protocol"), protocol);
        let port = read_port(reader, &path, port, end);
        if let (Some(protocol), Ok(port)) = (protocol, port) {
            ports.push(Spanned::new(NetworkPolicyPort { protocol, port }, item.span));
        }
    }
    ports
}

/// Reads `port` and `endPort`; `Err` where they make no sense, which has been reported.
fn read_port(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    port: Option<&Entry>,
    end: Option<&Entry>,
) -> Result<Option<PortRef>, ()> {
    let end_path = path.field("endPort");
    let end_number = end.map(|entry| (reader.integer(&end_path, Some(entry)), entry.value.span));
    let Some(port) = port else {
        if let Some((_, span)) = end_number {
            let message = "`endPort` needs a `port` at which the range begins";
            reader.report(fault("invalid-policy", &end_path, span, message));
            return Err(());
        }
        return Ok(None);
    };
    let path = path.field("port");
    if let Some(number) = port.value.as_int() {
        let first = in_range(reader, &path, &port.value, number).ok_or(());
        let Some(end) = end else { return first.map(|first| Some(PortRef::Numbers(first..=first))) };
        let last = end_number.and_then(|(last, _)| last).ok_or(())?;
        if last < number {
            let message = format!("`endPort` {last} is below `port` {number}");
            reader.report(
                fault("invalid-policy", &end_path, end.value.span, message)
                    .related(port.value.span, "the range begins here"),
            );
            return Err(());
        }
        let last = in_range(reader, &end_path, &end.value, last).ok_or(())?;
        return first.map(|first| Some(PortRef::Numbers(first..=last)));
    }
    let Value::Str(name) = &port.value.value else {
        reader.wrong_type(&path, &port.value, "a port number or the name of a port");
        return Err(());
    };
    let valid = syntax::port_name(name);
    if let Some((_, span)) = end_number {
        let message = "`endPort` needs a numeric `port`";
        reader.report(fault("invalid-policy", &end_path, span, message).related(port.value.span, "a name"));
    }
    match valid {
        Ok(()) if end.is_none() => Ok(Some(PortRef::Name(name.clone()))),
        Ok(()) => Err(()),
        Err(_) if end.is_none() && reader.placeholder(name, port.value.span) => {
            Ok(Some(PortRef::Name(name.clone())))
        }
        Err(wrong) => {
            range_or_name(reader, &path, &port.value, name, wrong);
            Err(())
        }
    }
}

/// Reports an invalid name of a port; one that looks like a range gets the way to write ranges.
fn range_or_name(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    name: &str,
    wrong: syntax::Malformed,
) {
    let range = name.split_once(['-', ':']).and_then(|(first, last)| {
        Some((first.trim().parse::<u16>().ok()?, last.trim().parse::<u16>().ok()?))
    });
    let Some((first, last)) = range else {
        return reader.malformed(path, node.span, name, wrong);
    };
    let message = format!("`{}` is neither a port number nor the name of a port", clip(name));
    let help = format!("write the range as `port: {first}` and `endPort: {last}`");
    reader.report(fault("invalid-policy", path, node.span, message).help(help));
}
