//! The policy IR: what every policy dialect lowers to, so that every engine and every query
//! understands every dialect.
//!
//! A flow must pass *all* [`Layer`]s. Within a layer and for each direction apart, it meets the
//! [`Tier`]s in order until one decides; where none does, the layer allows it. A connection needs
//! the egress side of its source *and* the ingress side of its destination (S-5).

use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Serialize;

use crate::source::Span;
use crate::space::{DomainName, Protocol, RequestSet, Selector, Traffic};

/// Which side of a connection a rule speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Connections that reach the subject.
    Ingress,
    /// Connections that leave the subject.
    Egress,
}

impl Direction {
    /// Both, egress first: the order in which a packet meets them.
    pub const ALL: [Self; 2] = [Self::Egress, Self::Ingress];

    /// `ingress` or `egress`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// All policies, ready to be asked.
#[derive(Clone, Debug, Default)]
pub struct PolicySet {
    /// Independent enforcement points; a flow must pass every one.
    pub layers: Vec<Layer>,
}

impl PolicySet {
    /// Every policy with its layer and tier, in evaluation order; those of a layer that repeats others only there
    /// where they are first.
    pub fn policies(&self) -> impl Iterator<Item = (&Layer, &Tier, &Policy)> {
        self.layers.iter().filter(|layer| !layer.repeats()).flat_map(|layer| {
            layer
                .tiers
                .iter()
                .flat_map(move |tier| tier.policies.iter().map(move |policy| (layer, tier, policy)))
        })
    }
}

/// An independent enforcement point: the CNI, a service mesh.
#[derive(Clone, Debug)]
pub struct Layer {
    /// What enforces it, for people: `CNI`.
    pub name: Arc<str>,
    /// Connections that it sees as others: the first that matches counts.
    pub tunnels: Vec<Tunnel>,
    /// In the order in which a flow meets them.
    pub tiers: Vec<Tier>,
}

/// TCP connections that a layer sees as ones to another port, because a mesh carries them so: all ports between two
/// ends look like this one (M-52, L-6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// From whom.
    pub src: PeerMatch,
    /// To whom.
    pub dst: PeerMatch,
    /// The port that the layer sees.
    pub port: u16,
}

/// The name of the layer of Cilium's proxy for DNS (K-42).
pub const DNS_PROXY: &str = "DNS proxy";

impl Layer {
    /// Whether its policies are parts of those of an earlier layer, looked at once more.
    pub fn repeats(&self) -> bool {
        *self.name == *DNS_PROXY
    }
}

/// How the rules of a tier combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Policies by priority, rules in their order: the first rule that matches decides (S-61).
    FirstMatch,
    /// A flow is allowed when any rule allows it; there is neither order nor deny (S-4). What only a rule matches
    /// of which nobody knows whether it is followed may be allowed; rules with other actions have no say.
    Union,
    /// A matching deny wins over any matching allow, and that over any matching pass.
    DenyWins,
}

/// What happens to a flow of an end that a tier isolates where no rule of the tier matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoMatch {
    /// The next tier decides.
    NextTier,
    /// It is denied.
    Deny,
    /// It is allowed.
    Allow,
}

/// Whether a policy isolates the ends that it applies to, per direction: what no rule of its tier matches then
/// meets the tier's [`NoMatch`]; where no applying policy isolates, the next tier decides (S-3, S-66).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Isolation {
    /// For connections to the subject.
    pub ingress: bool,
    /// For connections from it.
    pub egress: bool,
}

impl Isolation {
    /// In each direction that it has rules for, be it an empty list (S-6).
    pub const BOTH: Self = Self { ingress: true, egress: true };
    /// It affects no flow but those that its rules match (S-66).
    pub const NONE: Self = Self { ingress: false, egress: false };

    /// For a direction.
    pub const fn of(self, direction: Direction) -> bool {
        match direction {
            Direction::Ingress => self.ingress,
            Direction::Egress => self.egress,
        }
    }
}

/// Choices that the API leaves to the network plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "independent choices")]
pub struct Profile {
    /// `ipBlock` also matches the addresses of pods (S-16). Upstream: yes.
    pub blocks_match_pods: bool,
    /// `ipBlock` also matches the addresses of nodes and of pods on their network. Upstream: yes (P-10).
    pub blocks_match_nodes: bool,
    /// Selectors see pods on the host network (S-37). Upstream: no.
    pub selectors_see_host_network: bool,
    /// A rule that denies holds for the pod's own node, too (K-60). Upstream: no (S-35).
    pub own_node_can_be_denied: bool,
}

impl Profile {
    /// What the admin APIs leave to nobody: networks match the addresses of pods (S-64), pods on the host network
    /// are no subjects and no peers (S-63).
    pub const ADMIN: Self = Self {
        blocks_match_pods: true,
        blocks_match_nodes: true,
        selectors_see_host_network: false,
        own_node_can_be_denied: false,
    };
}

impl Default for Profile {
    fn default() -> Self {
        Self::ADMIN
    }
}

/// An ordered stage of a layer.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Its name as the field uses it: `Admin`, `NetworkPolicy`, `Baseline`.
    pub name: Arc<str>,
    /// How rules combine.
    pub mode: Mode,
    /// What happens when no rule matches a flow of an end that a policy of the tier isolates.
    pub no_match: NoMatch,
    /// The position in the layer of the tier that a pass leads to, a later one, or any number behind the last for none
    /// of them; the next where `None`.
    pub pass: Option<usize>,
    /// What its API says of the choices that others leave to the network plugin; `None` where the plugin's
    /// hold.
    pub fixed: Option<Profile>,
    /// In evaluation order: by priority, then by namespace and name.
    pub policies: Vec<Policy>,
}

impl Tier {
    /// The choices that hold in the tier, where the network plugin has made these.
    pub fn profile(&self, chosen: Profile) -> Profile {
        self.fixed.unwrap_or(chosen)
    }

    /// Whether a policy of the tier isolates ends, so that what is not allowed is denied.
    pub fn isolates(&self) -> bool {
        self.no_match == NoMatch::Deny
            && self.policies.iter().any(|policy| policy.isolation != Isolation::NONE)
    }
}

/// Where a policy stands among those of its tier: lower comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority {
    /// The order that it is given, as bits that sort like numbers.
    order: u64,
    /// What decides among equal orders: nothing where their order is undefined (S-62).
    pub tie: Box<str>,
}

impl Priority {
    /// Behind every number, with nothing to decide among equals.
    pub fn last() -> Self {
        Self::tied(None, "")
    }

    /// A whole number, with nothing to decide among equals.
    pub fn number(order: i32) -> Self {
        Self::tied(Some(f64::from(order)), "")
    }

    /// A number, the last where `None` (C-13), and what decides among equals.
    pub fn tied(order: Option<f64>, tie: impl Into<Box<str>>) -> Self {
        let order = order.map_or(u64::MAX, |order| {
            // Both zeros are one number; of negative numbers the bits sort the other way round.
            let bits = (order + 0.0).to_bits();
            if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
        });
        Self { order, tie: tie.into() }
    }
}

impl Priority {
    /// The order as a number; `None` where it has none (C-13).
    pub fn order(&self) -> Option<f64> {
        let bits = if self.order >> 63 == 1 { self.order & !(1 << 63) } else { !self.order };
        (self.order != u64::MAX).then(|| f64::from_bits(bits))
    }
}

/// The order; `last` where it has none.
impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.order() {
            Some(order) => write!(f, "{order}"),
            None => f.write_str("last"),
        }
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::number(0)
    }
}

/// The object that a policy or rule comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// The API group of its kind, `networking.k8s.io`: kinds of several groups share names.
    pub group: &'static str,
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace; `None` for a cluster-scoped object.
    pub namespace: Option<Box<str>>,
    /// Its name.
    pub name: Box<str>,
}

impl ObjectRef {
    /// In place of an API group: the network plugin itself, where it does something that no manifest asks for.
    pub const PLUGIN: &'static str = "@cni";
}

/// `Kind/namespace/name`, or `Kind/name`.
impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.kind, self.name),
            None => write!(f, "{}/{}", self.kind, self.name),
        }
    }
}

/// Where in the manifests something is written. No part of any equality of meaning.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// Path of the field in its object: `spec.ingress[0].from[1]`.
    pub path: Box<str>,
    /// What to show.
    pub span: Span,
}

/// One policy object.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The object.
    pub object: Arc<ObjectRef>,
    /// The value of `metadata.name`.
    pub name_span: Span,
    /// Its place in its tier; equal for all policies of a tier without priorities.
    pub priority: Priority,
    /// The pods that it applies to.
    pub subject: PodSelector,
    /// The ends that it applies to besides these: nodes, entities.
    pub also: Vec<PeerMatch>,
    /// Where the subject is written; the name where it is left out.
    pub subject_span: Span,
    /// Rules for connections to the subject; `None` when the policy says nothing of ingress. An empty
    /// list isolates as well as another (S-6).
    pub ingress: Option<Vec<Rule>>,
    /// Rules for connections from the subject; as `ingress`.
    pub egress: Option<Vec<Rule>>,
    /// Whether it isolates its subject.
    pub isolation: Isolation,
    /// Rule lists that are written but have no effect, because the policy's types leave their direction
    /// out (S-2).
    pub inert: Vec<Inert>,
}

/// A rule list without effect.
#[derive(Clone, Debug)]
pub struct Inert {
    /// The direction that the policy's types leave out.
    pub direction: Direction,
    /// The list.
    pub provenance: Provenance,
    /// Number of rules in it; 0 for `egress: []`, which looks like a denial and is none (S-1).
    pub rules: usize,
    /// The value of `policyTypes`; `None` where it is left out.
    pub types_span: Option<Span>,
}

impl Policy {
    /// The rules for a direction; `None` when the policy does not speak of it.
    pub fn rules(&self, direction: Direction) -> Option<&[Rule]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }

    /// Whether no manifest asks for it: the network plugin does it by itself.
    pub fn is_implied(&self) -> bool {
        self.object.group == ObjectRef::PLUGIN
    }

    /// Whether it isolates its subject in a direction (S-3).
    pub fn isolates(&self, direction: Direction) -> bool {
        self.rules(direction).is_some() && self.isolation.of(direction)
    }
}

/// What a matching rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The layer allows the flow.
    Allow,
    /// The layer denies the flow.
    Deny,
    /// The rest of this tier is skipped.
    Pass,
    /// Nothing but a log line; the next rule is asked.
    Log,
    /// No manifest tells: a policy of a kind that npv does not model, an external authorizer.
    Unknown,
}

impl Action {
    /// An action for which the other answer is the closed one: under a negation, what a rule with this one cannot tell
    /// of a peer is to be taken the other way (S-67).
    #[must_use]
    pub const fn closing_otherwise(self) -> Self {
        match self {
            Self::Allow | Self::Log => Self::Deny,
            Self::Deny | Self::Pass => Self::Allow,
            Self::Unknown => Self::Unknown,
        }
    }

    /// `allow`, `deny`, `pass`, `log`, `unknown`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Pass => "pass",
            Self::Log => "log",
            Self::Unknown => "unknown",
        }
    }
}

/// One rule of a policy: an entry of its `ingress` or `egress` list.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its own name, in dialects whose rules have one.
    pub name: Option<Box<str>>,
    /// What the subject's own end has to be besides: Calico's source in egress (C-46).
    pub own: Peers,
    /// Who may be at the other end.
    pub peers: Peers,
    /// Over what.
    pub ports: Ports,
    /// Over what not (C-51).
    pub not_ports: Vec<PortItem>,
    /// What happens to a matching flow.
    pub action: Action,
    /// The list entry.
    pub provenance: Provenance,
}

impl Rule {
    /// A rule with an action that matches every flow.
    pub fn new(action: Action, provenance: Provenance) -> Self {
        Self {
            name: None,
            own: Peers::Anyone,
            peers: Peers::Anyone,
            ports: Ports::All,
            not_ports: Vec::new(),
            action,
            provenance,
        }
    }
}

/// The other end of a rule's flows.
#[derive(Clone, Debug)]
pub enum Peers {
    /// Everybody: pods, nodes and addresses (S-7).
    Anyone,
    /// Whoever any of these matches (S-9).
    Listed(Vec<Peer>),
}

/// One entry of a rule's `from` or `to` list.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Whom it matches.
    pub matches: PeerMatch,
    /// The list entry.
    pub provenance: Provenance,
}

/// Whom a peer matches: one term, or terms combined.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerMatch {
    /// Pods by namespace and labels; never an address outside the cluster (S-12), never a pod on the
    /// host network (S-37).
    Pods(PodSelector),
    /// Addresses, those of pods included where they are known (S-16).
    Block {
        /// The block, host bits cleared (S-18).
        cidr: IpNet,
        /// Blocks taken out of it (S-17).
        except: Vec<IpNet>,
    },
    /// Nodes by their labels, and with them the pods on their host network (S-64).
    Nodes(Selector),
    /// Addresses that a domain name resolves to. No manifest says which: of an address outside the cluster it is
    /// unknown (S-64), unless the plugin keeps those apart that it has seen names resolve to (K-41).
    Domain(DomainName),
    /// Something that every cluster has.
    Entity(Entity),
    /// Ends that have something in common with the subject.
    Same(Same),
    /// Whoever all of these match; everybody where there are none.
    All(Vec<PeerMatch>),
    /// Whoever any of these matches; nobody where there are none.
    Any(Vec<PeerMatch>),
    /// Whoever this does not match.
    Not(Box<PeerMatch>),
    /// A peer that npv does not know: matches nothing in a rule that allows, everybody in one that
    /// denies or passes (S-67).
    Unknown,
}

impl PeerMatch {
    /// Every term in it, those within others among them, with whether it is under a negation.
    pub fn terms(&self) -> Vec<(&Self, bool)> {
        let mut terms = Vec::new();
        let mut open = vec![(self, false)];
        while let Some((term, negated)) = open.pop() {
            match term {
                Self::All(parts) | Self::Any(parts) => {
                    open.extend(parts.iter().rev().map(|part| (part, negated)));
                }
                Self::Not(part) => open.push((part, !negated)),
                _ => terms.push((term, negated)),
            }
        }
        terms
    }
}

/// Something that every cluster has and that no selector or block stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Entity {
    /// Every address outside the cluster.
    World,
    /// The node that the subject runs on, and the pods on its network (K-24).
    OwnNode,
    /// The other nodes, and the pods on their network (K-24).
    OtherNode,
    /// The API server.
    ApiServer,
    /// The proxy of the network plugin that serves Ingresses and Gateways (K-24).
    Ingress,
    /// The pods by which the network plugin probes itself (K-24).
    Health,
}

impl Entity {
    /// `world`, `host`, `remote-node`, `kube-apiserver`, `ingress`, `health`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::World => "world",
            Self::OwnNode => "host",
            Self::OtherNode => "remote-node",
            Self::ApiServer => "kube-apiserver",
            Self::Ingress => "ingress",
            Self::Health => "health",
        }
    }
}

/// What an end has in common with the subject of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Same {
    /// It is a pod of the same namespace.
    Namespace,
    /// It is a pod, and the namespaces of both have the same values for these labels; nobody where the
    /// subject's lacks one.
    NamespaceLabels(Vec<Box<str>>),
}

/// Namespaces, by name or by labels.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NamespaceSelector {
    /// The one with this name: the policy's own (S-11, S-46).
    Named(Box<str>),
    /// Those whose labels match; an empty selector matches all (S-12).
    Labels(Selector),
}

/// Pods by namespace *and* labels (S-13).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodSelector {
    /// In which namespaces.
    pub namespaces: NamespaceSelector,
    /// With which labels; an empty selector matches every pod (S-10).
    pub pods: Selector,
}

/// A rule's ports.
#[derive(Clone, Debug)]
pub enum Ports {
    /// Every port of every protocol (S-8).
    All,
    /// Any of these (S-9).
    Listed(Vec<PortItem>),
}

/// One entry of a rule's `ports` list.
#[derive(Clone, Debug)]
pub struct PortItem {
    /// What it matches.
    pub matches: PortMatch,
    /// The requests that it is limited to; every one, and what is no request, where `None`. What is HTTP is over
    /// TCP, so such an entry has ports of nothing else.
    pub requests: Option<RequestSet>,
    /// The list entry.
    pub provenance: Provenance,
}

/// What an entry of a `ports` list matches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortMatch {
    /// Ports by number, and ICMP messages.
    Numbers(Traffic),
    /// A port by name, looked up on the *destination* pod in both directions (S-24, S-25); on anything
    /// but a pod it matches nothing (S-26).
    Named {
        /// The protocol that the port must have; any where `None`.
        protocol: Option<Protocol>,
        /// The container port's name.
        name: Box<str>,
    },
}

/// What some dialects see of pods besides their labels. Selectors ask for it like for labels, under keys that no
/// label can have.
pub mod attribute {
    /// The name of the ServiceAccount that a pod runs as.
    pub const ACCOUNT: &str = "@serviceaccount";

    /// The key of a label of that ServiceAccount.
    pub fn account_label(key: &str) -> String {
        format!("@serviceaccount/{key}")
    }

    /// Whether a key is one of these.
    pub fn is(key: &str) -> bool {
        key.starts_with('@')
    }

    /// Whether a key is for npv alone, and stands for nothing that a policy says.
    pub fn is_internal(key: &str) -> bool {
        key.starts_with("@mesh")
    }
}
