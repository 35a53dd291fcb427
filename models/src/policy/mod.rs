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
use crate::space::{Protocol, Selector, Traffic};

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
    /// Every policy with its layer and tier, in evaluation order.
    pub fn policies(&self) -> impl Iterator<Item = (&Layer, &Tier, &Policy)> {
        self.layers.iter().flat_map(|layer| {
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
    pub name: &'static str,
    /// In the order in which a flow meets them.
    pub tiers: Vec<Tier>,
}

/// How the rules of a tier combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Policies by priority, rules in their order: the first rule that matches decides (S-61).
    FirstMatch,
    /// A flow is allowed when any rule allows it; there is neither order nor deny (S-4), and a rule with
    /// any other action has no say.
    Union,
    /// A matching deny wins over any matching allow, and that over any matching pass.
    DenyWins,
}

/// Which endpoints take part in a tier, per direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Participation {
    /// Every pod; a policy affects only the flows that its rules match (S-66).
    Everybody,
    /// The pods that at least one policy of the tier selects for that direction: they are isolated (S-3).
    Selected,
}

/// What happens to a flow of a participant that no rule of the tier matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NoMatch {
    /// The next tier decides.
    NextTier,
    /// It is denied.
    Deny,
    /// It is allowed.
    Allow,
}

/// Choices that the API leaves to the network plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// `ipBlock` also matches the addresses of pods (S-16). Upstream: yes.
    pub blocks_match_pods: bool,
    /// Selectors see pods on the host network (S-37). Upstream: no.
    pub selectors_see_host_network: bool,
}

impl Profile {
    /// What the admin APIs leave to nobody: networks match the addresses of pods (S-64), pods on the host network
    /// are no subjects and no peers (S-63).
    pub const ADMIN: Self = Self { blocks_match_pods: true, selectors_see_host_network: false };
}

impl Default for Profile {
    fn default() -> Self {
        Self { blocks_match_pods: true, selectors_see_host_network: false }
    }
}

/// An ordered stage of a layer.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Its name as the field uses it: `Admin`, `NetworkPolicy`, `Baseline`.
    pub name: &'static str,
    /// How rules combine.
    pub mode: Mode,
    /// Who takes part.
    pub participation: Participation,
    /// What happens when no rule matches a participant's flow.
    pub no_match: NoMatch,
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
}

/// The object that a policy or rule comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace; `None` for a cluster-scoped object.
    pub namespace: Option<Box<str>>,
    /// Its name.
    pub name: Box<str>,
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
    /// Lower comes first; equal for all policies of a tier without priorities.
    pub priority: i32,
    /// Whom it applies to.
    pub subject: PodSelector,
    /// Where the subject is written; the name where it is left out.
    pub subject_span: Span,
    /// Rules for connections to the subject; `None` when the policy says nothing of ingress. An empty
    /// list still isolates in a tier of [`Participation::Selected`] (S-6).
    pub ingress: Option<Vec<Rule>>,
    /// Rules for connections from the subject; as `ingress`.
    pub egress: Option<Vec<Rule>>,
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
}

impl Action {
    /// `allow`, `deny`, `pass`, `log`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Pass => "pass",
            Self::Log => "log",
        }
    }
}

/// How far a rule's meaning is captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precision {
    /// The IR means exactly what the manifest means.
    Exact,
    /// The IR matches at least what the manifest matches.
    Over,
    /// The IR matches at most what the manifest matches.
    Under,
    /// Part of the rule is not modelled.
    Unsupported {
        /// What is not modelled.
        why: Box<str>,
        /// Where it is written.
        span: Span,
    },
}

/// One rule of a policy: an entry of its `ingress` or `egress` list.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its own name, in dialects whose rules have one.
    pub name: Option<Box<str>>,
    /// Who may be at the other end.
    pub peers: Peers,
    /// Over what.
    pub ports: Ports,
    /// What happens to a matching flow.
    pub action: Action,
    /// The list entry.
    pub provenance: Provenance,
    /// How far the meaning is captured.
    pub precision: Precision,
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

/// Whom a peer matches.
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
    /// Addresses that a domain name resolves to, `*.` standing for one or more labels (S-64). No manifest
    /// says which: matches nothing in a rule that allows, every address outside the cluster in one that
    /// denies or passes.
    Domain(Box<str>),
    /// A peer that npv does not know: matches nothing in a rule that allows, everybody in one that
    /// denies or passes (S-67).
    Unknown,
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
    /// The list entry.
    pub provenance: Provenance,
}

/// What an entry of a `ports` list matches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortMatch {
    /// Ports by number.
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
