//! Whether a rule, a peer, a port or a selector matches.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{End, Flow, PodEnd, Profile};
use crate::policy::{
    Action, Direction, NamespaceSelector, Peer, PeerMatch, Peers, PodSelector, Policy, PortMatch, Ports,
    Rule, Tier,
};
use crate::space::{Family, Selector};

/// How a side sees the ends of a flow.
#[derive(Clone, Copy)]
pub(super) struct View {
    pub(super) profile: Profile,
    /// The family of the flow's packets; any where `None`.
    pub(super) family: Option<Family>,
}

impl Profile {
    /// Whether selectors and named ports see the pod; otherwise it is its node to the network (S-37).
    pub fn sees(self, pod: &PodEnd<'_>) -> bool {
        !pod.host_network || self.selectors_see_host_network
    }
}

impl<'a> Flow<'a> {
    /// The end that policies of this direction apply to.
    pub(super) fn subject(&self, direction: Direction) -> &End<'a> {
        match direction {
            Direction::Ingress => &self.dst,
            Direction::Egress => &self.src,
        }
    }

    /// The end that rules of this direction name as a peer.
    pub(super) fn peer(&self, direction: Direction) -> &End<'a> {
        match direction {
            Direction::Ingress => &self.src,
            Direction::Egress => &self.dst,
        }
    }
}

impl Tier {
    /// The policies of the tier that speak of the direction and select the pod.
    pub fn applying(&self, pod: &PodEnd<'_>, direction: Direction) -> Vec<&Policy> {
        self.policies
            .iter()
            .filter(|policy| policy.rules(direction).is_some() && policy.subject.matches(pod))
            .collect()
    }
}

impl PodSelector {
    /// Namespace *and* labels (S-13). Of an assumed pod nothing is known, so that only a selector of
    /// everything matches it (S-84).
    pub fn matches(&self, pod: &PodEnd<'_>) -> bool {
        let Some(namespace) = pod.namespace else {
            return self.pods.is_everything()
                && self.namespaces == NamespaceSelector::Labels(Selector::EVERYTHING);
        };
        let in_namespace = match &self.namespaces {
            NamespaceSelector::Named(name) => **name == *namespace,
            NamespaceSelector::Labels(selector) => selector.matches(pod.namespace_labels),
        };
        in_namespace && self.pods.matches(pod.labels)
    }
}

impl Rule {
    /// Whether the rule matches: any of its peers *and* any of its ports (S-9).
    pub(super) fn matches(&self, view: View, flow: &Flow<'_>, direction: Direction) -> bool {
        let from_or_to = match &self.peers {
            // S-7.
            Peers::Anyone => true,
            Peers::Listed(_) => self.matching_peer(view, flow, direction).is_some(),
        };
        from_or_to && self.ports.matches(view.profile, flow)
    }

    /// The first entry of the rule's peers that matches; `None` also where it lists none.
    pub(super) fn matching_peer(&self, view: View, flow: &Flow<'_>, direction: Direction) -> Option<&Peer> {
        let Peers::Listed(peers) = &self.peers else { return None };
        peers.iter().find(|peer| peer.matches.matches(view, flow.peer(direction), self.action))
    }
}

impl PeerMatch {
    /// Whether the peer of a rule with this action matches the end.
    pub(super) fn matches(&self, view: View, end: &End<'_>, action: Action) -> bool {
        // What cannot be told fails closed: it is not let in, and not let past a denial (S-67).
        let closes = matches!(action, Action::Deny | Action::Pass);
        match self {
            Self::Pods(selector) => match end {
                End::Pod(pod) => view.profile.sees(pod) && selector.matches(pod),
                // S-12: selectors never match an address or a node.
                End::Node(_) | End::Address(_) => false,
            },
            Self::Block { cidr, except } => {
                view.addresses(end).any(|address| in_block(address, cidr, except))
            }
            Self::Nodes(selector) => match end {
                End::Node(node) => selector.matches(node.labels),
                // S-64: a pod on the host network is its node; of a node that is not known only a
                // selector of everything is certain to match.
                End::Pod(pod) if pod.host_network => match pod.node {
                    Some(node) => selector.matches(node.labels),
                    None => selector.is_everything(),
                },
                End::Pod(_) | End::Address(_) => false,
            },
            // No manifest says what a name resolves to: it can be any address outside the cluster.
            Self::Domain(_) => closes && matches!(end, End::Address(_)),
            Self::Unknown => closes,
        }
    }
}

impl View {
    /// The addresses by which a block can match an end: those of the flow's family (S-16).
    fn addresses<'e>(self, end: &'e End<'_>) -> impl Iterator<Item = IpAddr> + use<'e> {
        let of_family =
            move |address: &IpAddr| self.family.is_none_or(|family| family == Family::of(*address));
        self.profile.addresses(end).iter().copied().filter(of_family)
    }
}

impl Profile {
    /// The addresses by which blocks can match an end, of both families.
    pub(super) fn addresses<'e>(self, end: &'e End<'_>) -> &'e [IpAddr] {
        match end {
            // S-16; a pod on the host network has its node's addresses, whatever pods have (S-37).
            End::Pod(pod) if !(pod.host_network || self.blocks_match_pods) => &[],
            End::Pod(_) | End::Node(_) | End::Address(_) => end.known_addresses(),
        }
    }
}

/// S-17, S-19: in the block, of the same family, and in none of the blocks taken out of it.
pub(super) fn in_block(address: IpAddr, cidr: &IpNet, except: &[IpNet]) -> bool {
    cidr.contains(&address) && !except.iter().any(|hole| hole.contains(&address))
}

impl Ports {
    /// Whether any entry matches the flow's protocol and destination port (S-8, S-9).
    pub(super) fn matches(&self, profile: Profile, flow: &Flow<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Listed(items) => items.iter().any(|item| item.matches.matches(profile, flow)),
        }
    }
}

impl PortMatch {
    /// Whether the entry matches the flow's protocol and destination port.
    pub(super) fn matches(&self, profile: Profile, flow: &Flow<'_>) -> bool {
        match self {
            // S-27: a number needs no declared port.
            Self::Numbers(traffic) => traffic.contains(flow.protocol, flow.port),
            // S-24, S-25: the destination's declaration counts, in both directions.
            Self::Named { protocol, name } => match &flow.dst {
                End::Pod(pod) if profile.sees(pod) => pod.ports.iter().any(|declared| {
                    declared.name.as_ref() == Some(name)
                        && declared.number == flow.port
                        && declared.protocol == flow.protocol
                        && protocol.is_none_or(|wanted| wanted == flow.protocol)
                }),
                // S-26: nothing else has named ports.
                End::Pod(_) | End::Node(_) | End::Address(_) => false,
            },
        }
    }
}
