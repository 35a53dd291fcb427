//! The reference semantics: one flow at a time, deliberately naive.
//!
//! Everything else is tested against this file, so it follows SEMANTICS rule by rule and optimises
//! nothing.

use std::net::IpAddr;

use crate::cluster::ContainerPort;
use crate::policy::{Action, Direction, Peer, Policy, PolicySet, Rule, Tier};
use crate::space::{Labels, Protocol};

/// Choices that the API leaves to the network plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Profile {
    /// `ipBlock` also matches the addresses of pods (S-16). Upstream: yes.
    pub blocks_match_pods: bool,
    /// Selectors see pods on the host network (S-37). Upstream: no.
    pub selectors_see_host_network: bool,
}

impl Default for Profile {
    fn default() -> Self {
        Self { blocks_match_pods: true, selectors_see_host_network: false }
    }
}

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
    /// The node that it is known to run on.
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

/// The verdict on a flow with its reasons.
#[derive(Clone, Debug)]
pub struct Decision<'p> {
    /// What the source's side says.
    pub egress: Verdict,
    /// What the destination's side says.
    pub ingress: Verdict,
    /// The tiers that had a say, egress first, in evaluation order.
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

/// Decides one flow.
pub fn decide<'p>(_policies: &'p PolicySet, _profile: Profile, _flow: &Flow<'_>) -> Decision<'p> {
    Decision { egress: Verdict::Allow, ingress: Verdict::Allow, steps: Vec::new() }
}
