//! Whom policies apply to, and who is at the other end.

use ipnet::IpNet;

use super::super::Spanned;
use super::super::read::{Path, Reader, Unknown, clip, fault, listing};
use super::super::{selector, syntax};
use super::unmodelled;
use crate::space::{Selector, mask};
use crate::yaml::{Entry, Node};

/// An entry of an `appliedTo` list.
#[derive(Clone, Debug, PartialEq)]
pub enum AntreaApplied {
    /// Pods by namespace and labels; at least one of the two is there.
    Pods {
        /// `namespaceSelector`; `None` is every namespace in a ClusterNetworkPolicy, else the policy's own.
        namespaces: Option<Selector>,
        /// `podSelector`; `None` is every pod there.
        pods: Option<Selector>,
    },
    /// The members of a ClusterGroup or Group.
    Group(Box<str>),
    /// The pods under a ServiceAccount.
    Account {
        /// The account's namespace.
        namespace: Box<str>,
        /// Its name.
        name: Box<str>,
    },
    /// Something that is no pod: a Service's NodePort, nodes, machines outside the cluster.
    Other,
}

/// An entry of a `from` or `to` list.
#[derive(Clone, Debug, PartialEq)]
pub enum AntreaPeer {
    /// Pods by namespace and labels, as in `appliedTo`.
    Pods {
        /// `namespaceSelector`.
        namespaces: Option<Selector>,
        /// `podSelector`.
        pods: Option<Selector>,
    },
    /// Pods of namespaces that have something in common with that of the subject.
    Related {
        /// What.
        relation: AntreaRelation,
        /// `podSelector`, which narrows it.
        pods: Option<Selector>,
    },
    /// Addresses, those of pods included.
    Block {
        /// The block, host bits cleared.
        cidr: IpNet,
        /// Blocks that are taken out: later rules decide about them.
        except: Vec<IpNet>,
    },
    /// The members of a ClusterGroup or Group.
    Group(Box<str>),
    /// The pods under a ServiceAccount.
    Account {
        /// The account's namespace.
        namespace: Box<str>,
        /// Its name.
        name: Box<str>,
    },
    /// Nodes by their labels.
    Nodes(Selector),
    /// A domain; `*` stands for any text.
    Domain(Box<str>),
    /// Machines outside the cluster that objects describe, which npv does not model.
    Unknown,
}

/// What namespaces have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AntreaRelation {
    /// `match: Self`: they are one.
    Same,
    /// `sameLabels`: they have these labels, with the same values.
    Labels(Vec<Box<str>>),
}

/// Reads an `appliedTo` list.
pub(super) fn applied(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
    clusterwide: bool,
) -> Vec<Spanned<AntreaApplied>> {
    let mut all = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty entry, which is invalid");
        } else if let Some(applied) = applied_entry(reader, &path, item, clusterwide) {
            all.push(Spanned::new(applied, item.span));
        }
    }
    all
}

fn applied_entry(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    item: &Node,
    clusterwide: bool,
) -> Option<AntreaApplied> {
    let names = [
        "podSelector",
        "namespaceSelector",
        "group",
        "serviceAccount",
        "service",
        "nodeSelector",
        "externalEntitySelector",
    ];
    let before = reader.count();
    let fields = reader.fields(path, item, names, Unknown::Refused(&[]));
    alone(reader, path, &fields, 2, clusterwide);
    let [pods, namespaces, group, account, service, nodes, entities] = fields;
    if let Some(entry) = group {
        let text = reader.text(&path.field("group"), &entry.value)?;
        return Some(AntreaApplied::Group(text.into()));
    }
    if let Some(entry) = account {
        let (namespace, name) = read_account(reader, &path.field("serviceAccount"), &entry.value)?;
        return Some(AntreaApplied::Account { namespace, name });
    }
    if let Some(entry) = service.or(nodes).or(entities) {
        let what = format!("`{}` in `appliedTo`", entry.key);
        reader.report(unmodelled(&path.field(&entry.key), entry.key_span, &what));
        return Some(AntreaApplied::Other);
    }
    let (namespaces, pods) = read_selectors(reader, path, namespaces, pods);
    if namespaces.is_none() && pods.is_none() {
        if reader.count() == before {
            let message = "the entry is empty: it must say whom it means";
            let finding = fault("invalid-policy", path, item.span, message);
            reader.report(finding.help("for every pod, write `podSelector: {}`"));
        }
        return None;
    }
    Some(AntreaApplied::Pods { namespaces, pods })
}

/// Reads a `from` or `to` list.
pub(super) fn peers(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
    clusterwide: bool,
    egress: bool,
) -> Vec<Spanned<AntreaPeer>> {
    let mut all = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty peer, which is invalid");
        } else if let Some(peer) = peer(reader, &path, item, clusterwide, egress) {
            all.push(Spanned::new(peer, item.span));
        }
    }
    all
}

fn peer(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    item: &Node,
    clusterwide: bool,
    egress: bool,
) -> Option<AntreaPeer> {
    let names = [
        "podSelector",
        "namespaceSelector",
        "group",
        "serviceAccount",
        "nodeSelector",
        "externalEntitySelector",
        "ipBlock",
        "fqdn",
        "namespaces",
        "scope",
    ];
    let before = reader.count();
    let fields = reader.fields(path, item, names, Unknown::Refused(&[]));
    let [pods, namespaces, group, account, nodes, entities, block, domain, related, scope] = fields;
    let others = [pods, namespaces, group, account, nodes, entities, block, domain];
    alone(reader, path, &others, 2, clusterwide);
    if let Some(entry) = scope.filter(|entry| entry.value.as_str() == Some("ClusterSet")) {
        reader.report(unmodelled(&path.field("scope"), entry.value.span, "peers in other clusters"));
    }
    if let Some(entry) = related {
        let path = path.field("namespaces");
        if !clusterwide {
            let message = "only a ClusterNetworkPolicy has `namespaces`";
            reader.report(fault("invalid-policy", &path, entry.key_span, message));
        }
        if let Some(other) = namespaces {
            let message = "`namespaces` and `namespaceSelector` must not be in one peer";
            let finding = fault("invalid-policy", &path, entry.key_span, message);
            reader.report(finding.related(other.key_span, "the other one"));
        }
        let relation = read_relation(reader, &path, &entry.value)?;
        let pods = pods.map(|entry| selector::read(reader, &path.field("podSelector"), &entry.value));
        return Some(AntreaPeer::Related { relation, pods });
    }
    if let Some(entry) = group {
        return Some(AntreaPeer::Group(reader.text(&path.field("group"), &entry.value)?.into()));
    }
    if let Some(entry) = account {
        let (namespace, name) = read_account(reader, &path.field("serviceAccount"), &entry.value)?;
        return Some(AntreaPeer::Account { namespace, name });
    }
    if let Some(entry) = nodes {
        return Some(AntreaPeer::Nodes(selector::read(reader, &path.field("nodeSelector"), &entry.value)));
    }
    if let Some(entry) = entities {
        let path = path.field("externalEntitySelector");
        reader.report(unmodelled(&path, entry.key_span, "`externalEntitySelector`"));
        return Some(AntreaPeer::Unknown);
    }
    if let Some(entry) = block {
        let (cidr, except) = read_block(reader, &path.field("ipBlock"), &entry.value)?;
        return Some(AntreaPeer::Block { cidr, except });
    }
    if let Some(entry) = domain {
        let path = path.field("fqdn");
        if !egress {
            let message = "only egress rules can name a domain";
            reader.report(fault("invalid-policy", &path, entry.key_span, message));
        }
        return read_domain(reader, &path, &entry.value).map(AntreaPeer::Domain);
    }
    let (namespaces, pods) = read_selectors(reader, path, namespaces, pods);
    if namespaces.is_none() && pods.is_none() {
        if reader.count() == before {
            let message = "the peer is empty: it must say whom it means";
            let finding = fault("invalid-policy", path, item.span, message);
            reader.report(finding.help("for everybody, leave the whole list out"));
        }
        return None;
    }
    Some(AntreaPeer::Pods { namespaces, pods })
}

/// a field that says all by itself must stand alone; the first `together` may stand with each other. The
/// namespace of what is namespaced is its own.
fn alone(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    fields: &[Option<&Entry>],
    together: usize,
    clusterwide: bool,
) {
    let there: Vec<(usize, &Entry)> =
        fields.iter().enumerate().filter_map(|(index, entry)| Some((index, (*entry)?))).collect();
    if let Some((_, entry)) = there.iter().find(|(index, _)| *index >= together)
        && let Some((_, other)) = there.iter().find(|(_, other)| other.key != entry.key)
    {
        let message = format!("`{}` must stand alone", entry.key);
        let finding = fault("invalid-policy", &path.field(&entry.key), entry.key_span, message);
        reader.report(finding.related(other.key_span, "another one"));
    }
    if let (false, Some(Some(entry)), true) =
        (clusterwide, fields.get(1), path.to_string().contains("appliedTo"))
    {
        let message = "a NetworkPolicy applies to pods of its own namespace only";
        reader.report(fault("invalid-policy", &path.field(&entry.key), entry.key_span, message));
    }
}

pub(super) fn read_selectors(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    namespaces: Option<&Entry>,
    pods: Option<&Entry>,
) -> (Option<Selector>, Option<Selector>) {
    let mut read = |name, entry: Option<&Entry>| {
        entry.map(|entry| selector::read(reader, &path.field(name), &entry.value))
    };
    (read("namespaceSelector", namespaces), read("podSelector", pods))
}

fn read_account(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<(Box<str>, Box<str>)> {
    let [namespace, name] = reader.fields(path, node, ["namespace", "name"], Unknown::Refused(&[]));
    let mut text = |field, entry: Option<&Entry>| {
        let text = reader.string(&path.field(field), entry).filter(|text| !text.is_empty());
        if text.is_none() && entry.is_none() {
            let message = format!("`{path}` has no `{field}`");
            reader.report(fault("invalid-policy", &path.field(field), node.span, message));
        }
        text.map(Box::from)
    };
    let (namespace, name) = (text("namespace", namespace), text("name", name));
    Some((namespace?, name?))
}

fn read_relation(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<AntreaRelation> {
    let [same, labels] = reader.fields(path, node, ["match", "sameLabels"], Unknown::Refused(&[]));
    if let (Some(_), Some(other)) = (same, labels) {
        let message = "`match` and `sameLabels` must not be together";
        reader.report(fault("invalid-policy", &path.field("sameLabels"), other.key_span, message));
    }
    if let Some(entry) = labels {
        let path = path.field("sameLabels");
        let mut keys = Vec::new();
        for (index, item) in reader.items(&path, &entry.value).iter().enumerate() {
            let path = path.item(index);
            let Some(text) = reader.text(&path, item) else { continue };
            match syntax::label_key(text) {
                Ok(()) => keys.push(text.into()),
                Err(wrong) => reader.malformed(&path, item.span, text, wrong),
            }
        }
        return Some(AntreaRelation::Labels(keys));
    }
    let path = path.field("match");
    let Some(entry) = same else {
        reader.report(fault("invalid-policy", &path, node.span, "`namespaces` is empty"));
        return None;
    };
    match reader.text(&path, &entry.value)? {
        "Self" => Some(AntreaRelation::Same),
        text => {
            let message = format!("`{}` is no match: there is {}", clip(text), listing(&["Self"]));
            reader.report(fault("invalid-policy", &path, entry.value.span, message));
            None
        }
    }
}

pub(super) fn read_block(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
) -> Option<(IpNet, Vec<IpNet>)> {
    let [cidr, except] = reader.fields(path, node, ["cidr", "except"], Unknown::Refused(&[]));
    let mut net = |path: &Path<'_>, node: &Node| {
        let text = reader.text(path, node)?;
        match syntax::cidr(text) {
            Ok(net) => Some(mask(net)),
            Err(wrong) => {
                reader.malformed(path, node.span, text, wrong);
                None
            }
        }
    };
    let block = cidr.and_then(|entry| net(&path.field("cidr"), &entry.value));
    let holes_path = path.field("except");
    let mut holes = Vec::new();
    for (index, item) in except.map_or(&[][..], |entry| entry.value.items()).iter().enumerate() {
        holes.extend(net(&holes_path.item(index), item));
    }
    if cidr.is_none() {
        reader.report(fault("invalid-policy", &path.field("cidr"), node.span, "the block has no `cidr`"));
    }
    Some((block?, holes))
}

/// `*` anywhere; only one at the start is more than npv can tell apart.
fn read_domain(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<Box<str>> {
    let text = reader.text(path, node)?;
    let lower = text.trim_end_matches('.').to_ascii_lowercase();
    let rest = lower.strip_prefix('*').unwrap_or(&lower);
    if rest.contains('*') {
        reader.report(unmodelled(path, node.span, "a `*` inside of a domain"));
        return None;
    }
    match syntax::domain_name(rest.trim_start_matches('.')) {
        Ok(_) => Some(lower.into()),
        Err(wrong) => {
            reader.malformed(path, node.span, text, wrong);
            None
        }
    }
}
