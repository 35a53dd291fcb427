//! Cluster-wide policies of the API group `policy.networking.k8s.io`: ClusterNetworkPolicy, and
//! AdminNetworkPolicy and BaselineAdminNetworkPolicy, which it replaces.
//!
//! Their shapes differ in names and limits, not in meaning, so that all decode to one
//! [`AdminPolicy`]. Validation is that of the upstream definitions; fields of earlier versions are
//! refused with a word on what they became, never dropped: a dropped selector selects everything.

mod former;
mod peers;
mod ports;
mod rules;

use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::meta::Root;
use super::read::{Path, Reader, Unknown, closest, fault, listing, replace};
use super::registry::Kind;
use super::{Meta, Object, Policy, Spanned};
use crate::source::Span;
use crate::space::{Protocol, Selector};
use crate::yaml::{Entry, Node, Value};

const GROUP: &str = "policy.networking.k8s.io";

/// A cluster-scoped policy of the group.
const fn kind(
    name: &'static str,
    versions: &'static [&'static str],
    decode: fn(&mut Reader<'_>, Root<'_>) -> Option<Object>,
) -> Kind {
    Kind { policy: true, namespaced: false, versions, ..Kind::new(GROUP, name, decode) }
}

pub(super) const CLUSTER: Kind =
    kind("ClusterNetworkPolicy", &["v1alpha2"], |reader, root| decode(reader, root, &Api::CLUSTER));

/// The shape that v1alpha2 has, but for the syntax of networks.
pub(super) const CLUSTER_BETA: Kind = kind("ClusterNetworkPolicy", &["v1beta1"], |reader, root| {
    decode(reader, root, &Api { masked: true, ..Api::CLUSTER })
});

/// Amazon's: the model of v1alpha2 with the ports of v1alpha1.
pub(super) const AWS: Kind = Kind {
    policy: true,
    namespaced: false,
    versions: &["v1alpha1"],
    ..Kind::new("networking.k8s.aws", "ClusterNetworkPolicy", |reader, root| {
        match decode(reader, root, &Api { limit: 100, named_protocols: false, ..Api::CLUSTER })? {
            Object::Policy(Policy::Admin(policy)) => Some(Object::Policy(Policy::AwsCluster(policy))),
            other => Some(other),
        }
    })
};

pub(super) const ADMIN: Kind =
    kind("AdminNetworkPolicy", &["v1alpha1"], |reader, root| decode(reader, root, &Api::ADMIN));

pub(super) const BASELINE: Kind =
    kind("BaselineAdminNetworkPolicy", &["v1alpha1"], |reader, root| decode(reader, root, &Api::BASELINE));

/// A cluster-wide policy of any of the three kinds.
#[derive(Clone, Debug, PartialEq)]
pub struct AdminPolicy {
    /// Which kind it is.
    pub kind: AdminKind,
    /// Its name; it is in no namespace.
    pub meta: Meta,
    /// Where in the order of evaluation it stands (S-60).
    pub tier: AdminTier,
    /// `priority`, 0 to 1000, lower first; `None` for a BaselineAdminNetworkPolicy, which has none (S-68).
    pub priority: Option<Spanned<u16>>,
    /// The pods that it applies to.
    pub subject: Spanned<AdminPods>,
    /// The `ingress` list; without rules the policy does not speak of ingress (S-66).
    pub ingress: Vec<AdminRule>,
    /// The `egress` list; as `ingress`.
    pub egress: Vec<AdminRule>,
}

impl AdminPolicy {
    /// Every selector of pods and namespaces in it.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        let peers = self.ingress.iter().chain(&self.egress).flat_map(|rule| &rule.peers);
        let pods = peers.filter_map(|peer| match &peer.value {
            AdminPeer::Pods(pods) => Some(pods),
            _ => None,
        });
        pods.chain([&self.subject.value]).flat_map(|pods| [&pods.namespaces, &pods.pods])
    }
}

/// The kinds of cluster-wide policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AdminKind {
    /// ClusterNetworkPolicy, v1alpha2 and v1beta1.
    Cluster,
    /// AdminNetworkPolicy, v1alpha1.
    Admin,
    /// BaselineAdminNetworkPolicy, v1alpha1.
    Baseline,
}

impl AdminKind {
    /// As manifests write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cluster => "ClusterNetworkPolicy",
            Self::Admin => "AdminNetworkPolicy",
            Self::Baseline => "BaselineAdminNetworkPolicy",
        }
    }
}

/// The tiers around that of NetworkPolicies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AdminTier {
    /// Before NetworkPolicies.
    Admin,
    /// After NetworkPolicies, for pods that none of them isolates.
    Baseline,
}

/// Pods by namespace and labels. An empty selector of namespaces selects all of them (S-63).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminPods {
    /// In which namespaces.
    pub namespaces: Selector,
    /// With which labels; everything where only namespaces are selected.
    pub pods: Selector,
    /// It is written as `namespaces`, which Calico takes for more than pods (C-62).
    pub whole: bool,
}

/// An entry of an `ingress` or `egress` list.
#[derive(Clone, Debug)]
pub struct AdminRule {
    /// Its name.
    pub name: Option<Box<str>>,
    /// What it does with what it matches.
    pub action: AdminAction,
    /// `from` or `to`; never empty.
    pub peers: Vec<Spanned<AdminPeer>>,
    /// `protocols` or `ports`; empty where it is left out, which is all traffic (S-65).
    pub ports: Vec<Spanned<AdminPort>>,
    /// The list entry.
    pub span: Span,
}

impl PartialEq for AdminRule {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.action, &self.peers, &self.ports)
            == (&other.name, other.action, &other.peers, &other.ports)
    }
}

/// What a rule does (S-61).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AdminAction {
    /// `Accept`, in v1alpha1 `Allow`.
    Accept,
    /// `Deny`.
    Deny,
    /// `Pass`: skip the rest of the tier.
    Pass,
}

/// An entry of a `from` or `to` list.
#[derive(Clone, Debug, PartialEq)]
pub enum AdminPeer {
    /// `namespaces` or `pods`.
    Pods(AdminPods),
    /// `nodes`: Node objects by their labels; only in egress rules (S-64).
    Nodes(Selector),
    /// `networks`: blocks of addresses, those of pods included; only in egress rules (S-64).
    Networks(Vec<Spanned<IpNet>>),
    /// `domainNames`, in lower case and without the final dot; only in egress rules (S-64).
    DomainNames(Vec<Spanned<Box<str>>>),
    /// Nothing that npv knows (S-67). A finding says what is there.
    Unknown,
}

/// An entry of a `protocols` or `ports` list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminPort {
    /// Ports of one protocol.
    Numbers(Protocol, RangeInclusive<u16>),
    /// Ports that the destination pod calls so, whatever their protocol (S-65).
    Name(Box<str>),
}

/// In what the kinds and versions differ.
struct Api {
    kind: AdminKind,
    /// The tier; `None` where the policy itself says it.
    tier: Option<AdminTier>,
    /// Most entries of `ingress` and `egress`, of `from` and `to`, and of `protocols` or `ports`.
    limit: usize,
    actions: &'static [(&'static str, AdminAction)],
    /// Networks must not have host bits.
    masked: bool,
    /// Ports stand in `protocols`, by the name of their protocol.
    named_protocols: bool,
}

impl Api {
    const CLUSTER: Self = Self {
        kind: AdminKind::Cluster,
        tier: None,
        limit: 25,
        actions: &[("Accept", AdminAction::Accept), ("Deny", AdminAction::Deny), ("Pass", AdminAction::Pass)],
        masked: false,
        named_protocols: true,
    };
    const ADMIN: Self = Self {
        kind: AdminKind::Admin,
        tier: Some(AdminTier::Admin),
        limit: 100,
        actions: &[("Allow", AdminAction::Accept), ("Deny", AdminAction::Deny), ("Pass", AdminAction::Pass)],
        masked: false,
        named_protocols: false,
    };
    const BASELINE: Self = Self {
        kind: AdminKind::Baseline,
        tier: Some(AdminTier::Baseline),
        actions: &[("Allow", AdminAction::Accept), ("Deny", AdminAction::Deny)],
        ..Self::ADMIN
    };

    /// What a rule calls its ports.
    const fn ports(&self) -> &'static str {
        if self.named_protocols { "protocols" } else { "ports" }
    }
}

fn decode(reader: &mut Reader<'_>, root: Root<'_>, api: &Api) -> Option<Object> {
    if api.kind == AdminKind::Baseline && root.metadata.is_some() && !is_default(&root.meta) {
        let path = Path::Root.field("metadata");
        let message = "the only BaselineAdminNetworkPolicy of a cluster is named `default`";
        reader
            .report(fault("invalid-policy", &path.field("name"), root.meta.name.span, message).help(
                "name it `default`; ClusterNetworkPolicy allows several policies in the Baseline tier",
            ));
    }
    let path = Path::Root.field("spec");
    let Some(spec) = root.spec else {
        let span = root.node.entries().iter().find(|entry| &*entry.key == "spec");
        let span = span.map_or(root.meta.name.span, |entry| entry.key_span);
        reader.report(fault("invalid-policy", &path, span, "the policy has no `spec`"));
        return None;
    };
    let before = reader.findings.len();
    let [tier, priority, subject, ingress, egress] = match api.kind {
        AdminKind::Cluster => reader.fields(
            &path,
            &spec.value,
            ["tier", "priority", "subject", "ingress", "egress"],
            Unknown::Refused(&[]),
        ),
        AdminKind::Admin => {
            let names = ["priority", "subject", "ingress", "egress"];
            let [priority, subject, ingress, egress] =
                reader.fields(&path, &spec.value, names, Unknown::Refused(&[]));
            [None, priority, subject, ingress, egress]
        }
        AdminKind::Baseline => {
            let names = ["subject", "ingress", "egress"];
            let [subject, ingress, egress] = reader.fields(&path, &spec.value, names, Unknown::Refused(&[]));
            [None, None, subject, ingress, egress]
        }
    };
    former::explain(reader, before, former::SPEC);
    let has_fields = matches!(spec.value.value, Value::Map(_));
    let mut required = |name: &str, entry: Option<&Entry>, help: &str| {
        if entry.is_none() && has_fields {
            let message = format!("the policy has no `{name}`");
            reader.report(fault("invalid-policy", &path.field(name), spec.key_span, message).help(help));
        }
    };
    if api.kind == AdminKind::Cluster {
        required("tier", tier, "write `tier: Admin` or `tier: Baseline`");
    }
    if api.kind != AdminKind::Baseline {
        required("priority", priority, "write a number from 0, which comes first, to 1000");
    }
    required("subject", subject, "for the pods of all namespaces, write `subject: {namespaces: {}}`");
    let tier = match api.tier {
        Some(tier) => Some(tier),
        None => tier.and_then(|entry| read_tier(reader, &path.field("tier"), &entry.value)),
    };
    let priority = priority.and_then(|entry| read_priority(reader, &path.field("priority"), entry));
    let subject = subject.and_then(|entry| read_subject(reader, &path.field("subject"), &entry.value, api));
    let ingress = rules::read(reader, &path.field("ingress"), ingress, api, "from");
    let egress = rules::read(reader, &path.field("egress"), egress, api, "to");
    Some(Object::Policy(Policy::Admin(Box::new(AdminPolicy {
        kind: api.kind,
        meta: root.meta,
        tier: tier?,
        priority,
        subject: subject?,
        ingress,
        egress,
    }))))
}

/// Whether the name is the one that the API asks for; also where there is none, which is another finding.
fn is_default(meta: &Meta) -> bool {
    meta.name.value.is_empty() || (!meta.generated && &*meta.name.value == "default")
}

fn read_tier(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<AdminTier> {
    choice(reader, path, node, "tiers", &[("Admin", AdminTier::Admin), ("Baseline", AdminTier::Baseline)])
}

/// One of a few names.
fn choice<T: Copy>(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    what: &str,
    choices: &[(&'static str, T)],
) -> Option<T> {
    let text = reader.text(path, node)?;
    if let Some((_, choice)) = choices.iter().find(|(name, _)| *name == text) {
        return Some(*choice);
    }
    let names: Vec<&'static str> = choices.iter().map(|(name, _)| *name).collect();
    let message = format!("`{text}` is none of the {what} {}", listing(&names));
    let finding = fault("invalid-policy", path, node.span, message);
    reader.report(match former::choice(text, &names).or_else(|| closest(text, &names)) {
        Some(name) => finding.help(format!("did you mean `{name}`?")).fix(replace(
            node.span,
            text,
            name,
            format!("write `{name}`"),
        )),
        None => finding,
    });
    None
}

fn read_priority(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry) -> Option<Spanned<u16>> {
    let number = reader.integer(path, Some(entry))?;
    if let Ok(priority @ 0..=1000) = u16::try_from(number) {
        return Some(Spanned::new(priority, entry.value.span));
    }
    let message = format!("{number} is no priority: priorities go from 0 to 1000");
    reader.report(fault("invalid-policy", path, entry.value.span, message));
    None
}

/// Exactly one of `namespaces` and `pods` (S-63).
fn read_subject(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    api: &Api,
) -> Option<Spanned<AdminPods>> {
    let before = reader.findings.len();
    let fields = reader.fields(path, node, ["namespaces", "pods"], Unknown::Refused(&[]));
    former::explain(reader, before, former::PODS);
    if fields.iter().all(Option::is_none) && reader.findings.len() == before {
        let message = "the subject is empty: it must say whom the policy applies to";
        reader.report(
            fault("invalid-policy", path, node.span, message)
                .help("for the pods of all namespaces, write `namespaces: {}`"),
        );
    }
    at_most_one(reader, path, "the subject", &fields);
    let [namespaces, pods] = fields;
    let pods = peers::read_pods(reader, path, namespaces, pods, api)?;
    Some(Spanned::new(pods, node.span))
}

/// Reports every field after the first that is there.
fn at_most_one(reader: &mut Reader<'_>, path: &Path<'_>, what: &str, fields: &[Option<&Entry>]) {
    let mut entries: Vec<&Entry> = fields.iter().flatten().copied().collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    let Some((first, others)) = entries.split_first() else { return };
    for other in others {
        let message = format!("{what} must not have both `{}` and `{}`", first.key, other.key);
        reader.report(
            fault("invalid-policy", &path.field(&other.key), other.key_span, message)
                .related(first.key_span, "the other one"),
        );
    }
}

/// Reports the first entry that is one too many.
fn at_most(reader: &mut Reader<'_>, path: &Path<'_>, items: &[Node], limit: usize) {
    if let Some(item) = items.get(limit) {
        let message = format!("`{path}` has {} entries, and may have {limit}", items.len());
        reader.report(fault("invalid-policy", &path.item(limit), item.span, message));
    }
}
