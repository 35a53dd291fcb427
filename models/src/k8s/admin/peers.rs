//! Peers, and the selection of pods that subjects and peers share.

use ipnet::IpNet;

use super::super::read::{Path, Reader, Unknown, fault};
use super::super::{Spanned, selector, syntax};
use super::{AdminKind, AdminPeer, AdminPods, Api, at_most, at_most_one, former};
use crate::diagnostic::Severity;
use crate::space::{Selector, mask};
use crate::yaml::{Entry, Node, Value};

/// Most entries of `networks` and of `domainNames`.
const ADDRESSES: usize = 25;

/// Reads a `from` or `to` list.
pub(super) fn read(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
    api: &Api,
    name: &str,
) -> Vec<Spanned<AdminPeer>> {
    let items = reader.list(path, list);
    at_most(reader, path, items, api.limit);
    if let Some(list) = list
        && matches!(&list.value.value, Value::Seq(items) if items.is_empty())
    {
        let message = format!("`{name}` is empty: the rule would match nothing");
        reader.report(fault("invalid-policy", path, list.value.span, message));
    }
    let mut peers = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = path.item(index);
        match &item.value {
            Value::Null => reader.null_item(&path, item, "an empty peer, which is invalid"),
            Value::Map(_) => {
                let peer = read_peer(reader, &path, item, api, name == "to");
                peers.extend(peer.map(|peer| Spanned::new(peer, item.span)));
            }
            _ => reader.wrong_type(&path, item, "a mapping"),
        }
    }
    peers
}

/// Exactly one field that says whom the peer means.
///
/// A peer without any that npv knows is an error: the API server refuses it, or knows a field of a later
/// version. Other errors take their policy out of the analysis. This one does not, because an answer
/// without the policy would let through what a denial with such a peer stops: the peer is read as
/// [`AdminPeer::Unknown`], which fails closed, and the answer is marked as incomplete (S-67).
fn read_peer(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    item: &Node,
    api: &Api,
    egress: bool,
) -> Option<AdminPeer> {
    let before = reader.findings.len();
    let unknown = Unknown::Refused(&[]);
    let fields = match (egress, api.kind != AdminKind::Baseline) {
        (true, true) => {
            reader.fields(path, item, ["namespaces", "pods", "nodes", "networks", "domainNames"], unknown)
        }
        (true, false) => {
            let [namespaces, pods, nodes, networks] =
                reader.fields(path, item, ["namespaces", "pods", "nodes", "networks"], unknown);
            [namespaces, pods, nodes, networks, None]
        }
        (false, _) => {
            let [namespaces, pods] = reader.fields(path, item, ["namespaces", "pods"], unknown);
            [namespaces, pods, None, None, None]
        }
    };
    former::explain(reader, before, former::PODS);
    if fields.iter().all(Option::is_none) {
        if reader.findings.len() == before {
            reader.report(
                fault("invalid-policy", path, item.span, "the peer is empty: it must say whom it means")
                    .help("for the pods of all namespaces, write `namespaces: {}`"),
            );
        }
        for finding in reader.findings.iter_mut().skip(before) {
            finding.incomplete |= finding.severity == Severity::Error;
            finding.help.push(
                "npv knows no field of this peer: an accepting rule matches nothing by it, any other denies all"
                    .into(),
            );
        }
        return Some(AdminPeer::Unknown);
    }
    at_most_one(reader, path, "a peer", &fields);
    let [namespaces, pods, nodes, networks, domains] = fields;
    let selected = read_pods(reader, path, namespaces, pods, api).map(AdminPeer::Pods);
    let nodes =
        nodes.map(|nodes| AdminPeer::Nodes(selector::read(reader, &path.field("nodes"), &nodes.value)));
    let networks = networks.map(|networks| {
        let path = path.field("networks");
        AdminPeer::Networks(read_addresses(reader, &path, &networks.value, |reader, path, item| {
            read_network(reader, path, item, api)
        }))
    });
    let domains = domains.map(|domains| {
        let path = path.field("domainNames");
        AdminPeer::DomainNames(read_addresses(reader, &path, &domains.value, read_domain))
    });
    selected.or(nodes).or(networks).or(domains)
}

/// Reads `namespaces` and `pods`, and returns the first that is there.
pub(super) fn read_pods(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    namespaces: Option<&Entry>,
    pods: Option<&Entry>,
    api: &Api,
) -> Option<AdminPods> {
    let namespaces = namespaces.map(|namespaces| {
        let before = reader.findings.len();
        let namespaces = selector::read(reader, &path.field("namespaces"), &namespaces.value);
        former::explain(reader, before, former::NAMESPACES);
        AdminPods { namespaces, pods: Selector::EVERYTHING, whole: true }
    });
    let pods = pods.map(|pods| read_namespaced(reader, &path.field("pods"), &pods.value, api));
    namespaces.or(pods)
}

fn read_namespaced(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, api: &Api) -> AdminPods {
    let before = reader.findings.len();
    let [namespaces, pods] =
        reader.fields(path, node, ["namespaceSelector", "podSelector"], Unknown::Refused(&[]));
    former::explain(reader, before, former::POD_SETS);
    // Where a field has another name or type, that is the error.
    let complete = reader.findings.len() == before;
    // The API server refuses the policy, and everybody else reads "all": it is clear what is meant.
    let mut missing = |name: &str, help: &str| {
        if complete {
            let message = format!("`{path}` has no `{name}`");
            reader.report(fault("invalid-policy", &path.field(name), node.span, message).help(help));
            reader.clear.push(path.field(name).to_string());
        }
    };
    if namespaces.is_none() && api.kind != AdminKind::Cluster {
        missing("namespaceSelector", "for all namespaces, write `namespaceSelector: {}`");
    }
    if pods.is_none() {
        missing("podSelector", "for all pods, write `podSelector: {}`");
    }
    let mut read = |name, entry: Option<&Entry>| {
        let entry = entry?;
        Some(selector::read(reader, &path.field(name), &entry.value))
    };
    AdminPods {
        // S-63: unlike in a NetworkPolicy, left out means all.
        namespaces: read("namespaceSelector", namespaces).unwrap_or_default(),
        pods: read("podSelector", pods).unwrap_or_default(),
        whole: false,
    }
}

/// A list of distinct texts, from one to [`ADDRESSES`].
fn read_addresses<T>(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    read: impl Fn(&mut Reader<'_>, &Path<'_>, &Node) -> Option<T>,
) -> Vec<Spanned<T>> {
    let items = reader.items(path, node);
    at_most(reader, path, items, ADDRESSES);
    if matches!(&node.value, Value::Seq(items) if items.is_empty()) {
        reader.report(fault("invalid-policy", path, node.span, format!("`{path}` is empty")));
    }
    let mut values = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let first = items
            .iter()
            .take(index)
            .find(|first| first.as_str().is_some() && first.as_str() == item.as_str());
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty text, which is invalid");
            continue;
        }
        if let (Some(first), Some(text)) = (first, item.as_str()) {
            reader.report(
                fault("invalid-policy", &path, item.span, format!("`{text}` is there twice"))
                    .related(first.span, "first here"),
            );
        }
        values.extend(read(reader, &path, item).map(|value| Spanned::new(value, item.span)));
    }
    values
}

fn read_network(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node, api: &Api) -> Option<IpNet> {
    let text = reader.text(path, item)?;
    match syntax::cidr(text).and_then(|net| if api.masked { syntax::masked(net) } else { Ok(mask(net)) }) {
        Ok(net) => Some(net),
        Err(wrong) => {
            reader.malformed(path, item.span, text, wrong);
            None
        }
    }
}

fn read_domain(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node) -> Option<Box<str>> {
    let text = reader.text(path, item)?;
    match syntax::domain_name(text) {
        Ok(name) => Some(name.into()),
        Err(wrong) => {
            reader.malformed(path, item.span, text, wrong);
            None
        }
    }
}
