//! The reference semantics: one flow at a time, deliberately naive.
//!
//! Everything else is tested against [`decide`], so it follows the semantics rule by rule and
//! optimises nothing. [`nearest`] explains a denial: which rules come closest to allowing the flow.

mod family;
mod matching;
mod why;

pub use crate::policy::Profile;
pub use why::{Near, Part, Unmet, nearest};

use std::net::IpAddr;

use crate::cluster::ContainerPort;
use crate::policy::{
    Action, Direction, Layer, Mode, NoMatch, Participation, Peer, Policy, PolicySet, Rule, Tier,
};
use crate::space::{Family, Labels, Protocol};
use matching::View;

/// One end of a flow, as concrete as a packet needs.
#[derive(Clone, Copy, Debug)]
pub enum End<'a> {
    /// A pod.
    Pod(PodEnd<'a>),
    /// A node, or a process on its network.
    Node(NodeEnd<'a>),
    /// An address outside the cluster.
    Address(IpAddr),
}

/// A pod at the end of a flow.
#[derive(Clone, Copy, Debug)]
pub struct PodEnd<'a> {
    /// Its name, where one certain pod is meant: a pod cannot block itself (S-36).
    pub name: Option<&'a str>,
    /// The name of its namespace; `None` for an assumed pod of which nothing is known, which only a
    /// selector of everything matches (S-84).
    pub namespace: Option<&'a str>,
    /// The labels of its namespace.
    pub namespace_labels: &'a Labels,
    /// Its own labels.
    pub labels: &'a Labels,
    /// The ports that its containers declare.
    pub ports: &'a [ContainerPort],
    /// It uses its node's network (S-37).
    pub host_network: bool,
    /// Its known addresses.
    pub addresses: &'a [IpAddr],
    /// The node that it is known to run on: which nodes' selectors see it while it is on the host
    /// network (S-64), and which node's probes always reach it (S-35). `None` where pods in general are
    /// meant.
    pub node: Option<&'a NodeEnd<'a>>,
}

/// A node at the end of a flow.
#[derive(Clone, Copy, Debug)]
pub struct NodeEnd<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its labels.
    pub labels: &'a Labels,
    /// Its known addresses.
    pub addresses: &'a [IpAddr],
}

/// The first packet of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    /// Where it comes from.
    pub src: End<'a>,
    /// Where it goes to, after Service translation (S-30).
    pub dst: End<'a>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its destination port.
    pub port: u16,
}

/// Whether a flow, or one side of it, is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is allowed.
    Allow,
    /// It is denied.
    Deny,
}

/// What one tier had to say about one side of a flow. Tiers that the endpoint takes no part in, and
/// where no rule matched, have nothing to say and no step.
#[derive(Clone, Copy, Debug)]
pub struct Step<'p> {
    /// Which side.
    pub direction: Direction,
    /// The layer's name.
    pub layer: &'static str,
    /// The tier.
    pub tier: &'p Tier,
    /// What the tier decided; `Pass` hands over to the next tier.
    pub action: Action,
    /// The policy whose rule decided. Where a participant's flow matched no rule: the first policy that
    /// isolates the endpoint.
    pub policy: &'p Policy,
    /// The rule that decided; `None` where no rule matched.
    pub rule: Option<&'p Rule>,
    /// The entry of the rule's peers that matched; `None` where the rule matches everybody.
    pub peer: Option<&'p Peer>,
}

/// Why a side is allowed without any policy being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exemption {
    /// Both ends are the same pod, which cannot block itself (S-36): both sides are allowed.
    Itself,
    /// The source is the node that the destination runs on (S-35): the ingress side is allowed.
    OwnNode,
}

/// The verdict on a flow with its reasons.
#[derive(Clone, Debug)]
pub struct Decision<'p> {
    /// What the source's side says.
    pub egress: Verdict,
    /// What the destination's side says.
    pub ingress: Verdict,
    /// The address family that both sides were asked for; `None` where the ends are known to have none in
    /// common. Of two families that both can use, the one that is allowed or, where none is, by more sides.
    pub family: Option<Family>,
    /// Why a side is allowed whatever the policies say.
    pub exemption: Option<Exemption>,
    /// The tiers that had a say, egress first, in evaluation order. After a layer has denied, the others
    /// are still asked.
    pub steps: Vec<Step<'p>>,
}

impl Decision<'_> {
    /// Allowed by both sides (S-5).
    pub fn verdict(&self) -> Verdict {
        if self.egress == Verdict::Allow && self.ingress == Verdict::Allow {
            Verdict::Allow
        } else {
            Verdict::Deny
        }
    }
}

/// Decides one flow: it is allowed where both sides allow it in the same address family (S-16).
pub fn decide<'p>(policies: &'p PolicySet, profile: Profile, flow: &Flow<'_>) -> Decision<'p> {
    let over = |family| decide_over(policies, profile, flow, family);
    let allowing = |decision: &Decision<'_>| {
        [decision.egress, decision.ingress].iter().filter(|verdict| **verdict == Verdict::Allow).count()
    };
    let families = flow.families().into_iter().map(over);
    let best = families.reduce(|best, next| if allowing(&next) > allowing(&best) { next } else { best });
    best.unwrap_or_else(|| over(None))
}

/// Decides one flow whose packets are of one address family, which is one of [`Flow::families`].
pub fn decide_over<'p>(
    policies: &'p PolicySet,
    profile: Profile,
    flow: &Flow<'_>,
    family: Option<Family>,
) -> Decision<'p> {
    let view = View { profile, family };
    let mut steps = Vec::new();
    if is_itself(flow) {
        let exemption = Some(Exemption::Itself);
        return Decision { egress: Verdict::Allow, ingress: Verdict::Allow, family, exemption, steps };
    }
    let egress = side(policies, view, flow, Direction::Egress, &mut steps);
    if is_from_own_node(profile, flow) {
        let exemption = Some(Exemption::OwnNode);
        return Decision { egress, ingress: Verdict::Allow, family, exemption, steps };
    }
    let ingress = side(policies, view, flow, Direction::Ingress, &mut steps);
    Decision { egress, ingress, family, exemption: None, steps }
}

/// S-36: one certain pod talks to itself.
fn is_itself(flow: &Flow<'_>) -> bool {
    match (&flow.src, &flow.dst) {
        (End::Pod(src), End::Pod(dst)) => {
            src.name.is_some()
                && src.name == dst.name
                && src.namespace.is_some()
                && src.namespace == dst.namespace
        }
        _ => false,
    }
}

/// S-35: the source is the destination's own node, or, since their traffic is the node's (S-37), a pod
/// on that node's network.
fn is_from_own_node(profile: Profile, flow: &Flow<'_>) -> bool {
    let from = match &flow.src {
        End::Node(node) => Some(node.name),
        End::Pod(pod) if !profile.sees(pod) => pod.node.map(|node| node.name),
        End::Pod(_) | End::Address(_) => None,
    };
    match &flow.dst {
        End::Pod(pod) => from.is_some() && from == pod.node.map(|node| node.name),
        End::Node(_) | End::Address(_) => false,
    }
}

/// One side of a flow: every layer must allow it.
fn side<'p>(
    policies: &'p PolicySet,
    view: View,
    flow: &Flow<'_>,
    direction: Direction,
    steps: &mut Vec<Step<'p>>,
) -> Verdict {
    // Policies apply to pods only.
    let End::Pod(pod) = flow.subject(direction) else { return Verdict::Allow };
    let mut verdict = Verdict::Allow;
    for layer in &policies.layers {
        if enforce(layer, view, flow, pod, direction, steps) == Verdict::Deny {
            verdict = Verdict::Deny;
        }
    }
    verdict
}

/// One layer: the tiers in their order, until one decides; where none does, the flow is allowed (S-60).
fn enforce<'p>(
    layer: &'p Layer,
    view: View,
    flow: &Flow<'_>,
    pod: &PodEnd<'_>,
    direction: Direction,
    steps: &mut Vec<Step<'p>>,
) -> Verdict {
    for tier in &layer.tiers {
        let view = View { profile: tier.profile(view.profile), ..view };
        // Nor to those that are their node to the network (S-37, S-63).
        if !view.profile.sees(pod) {
            continue;
        }
        let applying = tier.applying(pod, direction);
        // S-3: without a policy that selects it, the pod is not isolated.
        if tier.participation == Participation::Selected && applying.is_empty() {
            continue;
        }
        let mut step = |action, policy, rule, peer| {
            steps.push(Step { direction, layer: layer.name, tier, action, policy, rule, peer });
        };
        if let Some((policy, rule, peer)) = deciding(tier, &applying, view, flow, direction) {
            step(rule.action, policy, Some(rule), peer);
            match rule.action {
                Action::Allow => return Verdict::Allow,
                Action::Deny => return Verdict::Deny,
                Action::Pass | Action::Log => continue,
            }
        }
        let (action, verdict) = match tier.no_match {
            NoMatch::NextTier => continue,
            NoMatch::Deny => (Action::Deny, Verdict::Deny),
            NoMatch::Allow => (Action::Allow, Verdict::Allow),
        };
        if let Some(policy) = applying.first() {
            step(action, policy, None, None);
        }
        return verdict;
    }
    Verdict::Allow
}

/// The rule of the tier that decides, among those that match the flow. A rule that logs never does.
fn deciding<'p>(
    tier: &Tier,
    applying: &[&'p Policy],
    view: View,
    flow: &Flow<'_>,
    direction: Direction,
) -> Option<(&'p Policy, &'p Rule, Option<&'p Peer>)> {
    let mut matching = Vec::new();
    for policy in applying {
        for rule in policy.rules(direction).unwrap_or_default() {
            if rule.matches(view, flow, direction) {
                matching.push((*policy, rule, rule.matching_peer(view, flow, direction)));
            }
        }
    }
    let first = |action| matching.iter().find(|(_, rule, _)| rule.action == action).copied();
    match tier.mode {
        // S-61: in order of priority and position.
        Mode::FirstMatch => matching.iter().find(|(_, rule, _)| rule.action != Action::Log).copied(),
        // S-4: whatever is allowed by any rule; nothing else has a say.
        Mode::Union => first(Action::Allow),
        Mode::DenyWins => {
            first(Action::Deny).or_else(|| first(Action::Allow)).or_else(|| first(Action::Pass))
        }
    }
}
