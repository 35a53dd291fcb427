//! Whether a rule, a peer, a port or a selector matches, as far as the manifests tell.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{End, Flow, Outcome, PodEnd, Profile, Unmet};
use crate::policy::{
    Action, Direction, Entity, Layer, NamespaceSelector, Peer, PeerMatch, Peers, PodSelector, Policy,
    PortItem, PortMatch, Ports, Rule, Same, Tier, Tunnel, attribute,
};
use crate::space::{Family, IpSet, Label, Protocol, Request, RequestSet, Selector, Stars, Truth};

/// How one side sees a flow.
#[derive(Clone, Copy)]
pub(super) struct View<'v> {
    pub(super) profile: Profile,
    /// The family of the flow's packets; any where `None`.
    pub(super) family: Option<Family>,
    pub(super) flow: &'v Flow<'v>,
    /// The HTTP request that it is limited to.
    pub(super) request: Option<&'v Request>,
    pub(super) direction: Direction,
    /// It comes from the subject's own node, which only a rule keeps out (K-60).
    pub(super) exempt: bool,
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
    /// The policies of the tier that speak of the direction and may apply to the subject.
    pub(super) fn applying(&self, view: &View<'_>) -> Vec<(&Policy, Truth)> {
        let speaking = self.policies.iter().filter(|policy| policy.rules(view.direction).is_some());
        let applying = speaking.map(|policy| (policy, policy.applies(view)));
        applying.filter(|(_, applies)| applies.possible()).collect()
    }
}

impl Policy {
    /// Whether it applies to the subject. Pods that are their node to the network are none (S-37, S-63).
    pub(super) fn applies(&self, view: &View<'_>) -> Truth {
        let subject = view.flow.subject(view.direction);
        let pods = match subject {
            End::Pod(pod) if view.profile.sees(pod) => self.subject.truth(pod),
            _ => Truth::No,
        };
        pods.or(Truth::any(self.also.iter().map(|end| end.matches(view, subject, Action::Allow))))
    }
}

impl PodSelector {
    /// Namespace *and* labels (S-13), as far as they are known.
    pub fn truth(&self, pod: &PodEnd<'_>) -> Truth {
        let namespace = match (&self.namespaces, pod.namespace) {
            (NamespaceSelector::Named(name), Some(own)) => (**name == *own).into(),
            // S-84: nothing is known of where it is.
            (NamespaceSelector::Named(_), None) => Truth::Maybe,
            (NamespaceSelector::Labels(selector), _) => selector.truth(pod.namespace_labels),
        };
        namespace.and(self.pods.holds(&|key| {
            if attribute::is(key) { pod.attributes.at(key) } else { pod.labels.at(key) }
        }))
    }

    /// Namespace *and* labels (S-13), for certain.
    pub fn matches(&self, pod: &PodEnd<'_>) -> bool {
        self.truth(pod).certain()
    }
}

impl Rule {
    /// Which requests of the flow it matches: any of its peers *and* any of its ports (S-9), for certain and
    /// possibly.
    pub(super) fn matching(&self, view: &View<'_>) -> Outcome {
        let flow = view.flow;
        let own = self.own.truth(view, flow.subject(view.direction), self.action);
        let ends = own.and(self.peers.truth(view, flow.peer(view.direction), self.action));
        if ends == Truth::No {
            return Outcome { certain: RequestSet::none(), possible: RequestSet::none() };
        }
        let excluded = union(&self.not_ports, view);
        let ports = match &self.ports {
            // S-8.
            Ports::All => Outcome::allow(),
            Ports::Listed(items) => union(items, view),
        };
        let certain = ports.certain.difference(&excluded.possible);
        let possible = ports.possible.difference(&excluded.certain);
        Outcome { certain: if ends.certain() { certain } else { RequestSet::none() }, possible }
    }

    /// What it asks of the flow besides its peers and ports, and is not so for certain.
    pub(super) fn asks_otherwise(&self, view: &View<'_>) -> Vec<Unmet<'static>> {
        let own = self.own.truth(view, view.flow.subject(view.direction), self.action);
        let excluded = union(&self.not_ports, view);
        let own = (!own.certain()).then_some(Unmet::OwnEnd);
        let left_out = (!excluded.possible.is_empty()).then_some(Unmet::LeftOut);
        own.into_iter().chain(left_out).collect()
    }

    /// Whether the rule matches some of the flow for certain.
    pub(super) fn matches(&self, view: &View<'_>) -> bool {
        !self.matching(view).certain.is_empty()
    }

    /// The entry of the rule's peers that matches: the first that does for certain, else the first that may;
    /// `None` also where it lists none.
    pub(super) fn matching_peer(&self, view: &View<'_>) -> Option<&Peer> {
        let Peers::Listed(peers) = &self.peers else { return None };
        let end = view.flow.peer(view.direction);
        let truth = |peer: &Peer| peer.matches.matches(view, end, self.action);
        let certain = peers.iter().find(|peer| truth(peer).certain());
        certain.or_else(|| peers.iter().find(|peer| truth(peer).possible()))
    }
}

impl Peers {
    /// Whether any entry matches (S-7, S-9).
    fn truth(&self, view: &View<'_>, end: &End<'_>, action: Action) -> Truth {
        match self {
            Self::Anyone => Truth::Yes,
            Self::Listed(peers) => {
                Truth::any(peers.iter().map(|peer| peer.matches.matches(view, end, action)))
            }
        }
    }
}

impl PeerMatch {
    /// Whether the peer of a rule with this action matches the end.
    pub(super) fn matches(&self, view: &View<'_>, end: &End<'_>, action: Action) -> Truth {
        let part = |part: &Self| part.matches(view, end, action);
        match self {
            Self::Pods(selector) => match end {
                End::Pod(pod) if view.profile.sees(pod) => selector.truth(pod),
                // S-12: selectors never match an address or a node.
                _ => Truth::No,
            },
            Self::Block { cidr, except } => view.in_block(end, cidr, except),
            Self::Nodes(selector) => match end {
                End::Node(node) => selector.truth(node.labels),
                // S-64: a pod on the host network is its node.
                End::Pod(pod) if pod.host_network => match pod.node {
                    Some(node) => selector.truth(node.labels),
                    None => of_unknown_node(selector),
                },
                End::Entity(Entity::OwnNode | Entity::OtherNode) => of_unknown_node(selector),
                _ => Truth::No,
            },
            Self::Domain(name) => match end {
                End::Domain(asked) if name.covers(asked) => Truth::Yes,
                // K-41: an address that is no answer for a name is none of it.
                End::Domain(asked) if name.stars() == Stars::Characters && !name.may_meet(asked) => Truth::No,
                End::Address(_) if name.stars() == Stars::Characters => Truth::No,
                // No manifest says what a name resolves to: it can be any address outside the cluster.
                End::Domain(_) | End::Address(_) => Truth::Maybe,
                _ => Truth::No,
            },
            Self::Entity(entity) => view.is_entity(*entity, end),
            Self::Same(same) => view.has_same(same, end),
            Self::All(parts) => Truth::all(parts.iter().map(part)),
            Self::Any(parts) => Truth::any(parts.iter().map(part)),
            Self::Not(inner) => !inner.matches(view, end, action.closing_otherwise()),
            // What cannot be told fails closed: it is not let in, and not let past a denial (S-67).
            Self::Unknown => match action {
                Action::Allow | Action::Log => Truth::No,
                Action::Deny | Action::Pass => Truth::Yes,
                Action::Unknown => Truth::Maybe,
            },
        }
    }
}

fn of_unknown_node(selector: &Selector) -> Truth {
    if selector.is_everything() { Truth::Yes } else { Truth::Maybe }
}

impl View<'_> {
    /// The tunnel in which the layer sees the flow, with whether that is certain.
    pub(super) fn tunnel<'l>(&self, layer: &'l Layer) -> Option<(&'l Tunnel, Truth)> {
        let through = |tunnel: &Tunnel| {
            let src = tunnel.src.matches(self, &self.flow.src, Action::Allow);
            src.and(tunnel.dst.matches(self, &self.flow.dst, Action::Allow))
        };
        let found = layer.tunnels.iter().map(|tunnel| (tunnel, through(tunnel)));
        found.into_iter().find(|(_, through)| through.possible())
    }

    /// Whether a block matches an end: by an address of the flow's family (S-16, S-17, S-19).
    fn in_block(&self, end: &End<'_>, cidr: &IpNet, except: &[IpNet]) -> Truth {
        let of_family = |family: Family| self.family.is_none_or(|own| own == family);
        if !self.profile.blocks_match(end) {
            return match end {
                // K-21, K-24: an API server outside the cluster is an address there.
                End::Entity(Entity::ApiServer) => Truth::Maybe,
                _ => Truth::No,
            };
        }
        let known = end.known_addresses();
        if !known.is_empty() {
            let mut of_family = known.iter().filter(|address| of_family(Family::of(**address)));
            return of_family.any(|address| in_block(*address, cidr, except)).into();
        }
        let block = except.iter().fold(IpSet::net(*cidr), |rest, hole| rest.difference(&IpSet::net(*hole)));
        let within = match end {
            End::Pod(pod) => pod.within.clone(),
            End::Node(node) => node.within.clone(),
            End::Entity(_) => IpSet::full().of(Family::V4),
            // Whatever it resolves to can be in there.
            End::Domain(_) => return Truth::Maybe,
            End::Address(_) => IpSet::EMPTY,
        };
        let family = Family::of(cidr.addr());
        let there = within.of(family);
        if !of_family(family) || there.is_empty() || !there.intersects(&block) {
            Truth::No
        } else if there.is_subset(&block) {
            Truth::Yes
        } else {
            Truth::Maybe
        }
    }

    /// Whether an end is what the subject calls so (K-24, K-26).
    fn is_entity(&self, entity: Entity, end: &End<'_>) -> Truth {
        let subject = self.flow.subject(self.direction);
        let node_of = |end: &End<'_>| match end {
            End::Pod(pod) => pod.node.map(|node| node.name.to_owned()),
            End::Node(node) => Some(node.name.to_owned()),
            _ => None,
        };
        match (entity, end) {
            (Entity::World, End::Address(_) | End::Domain(_)) => Truth::Yes,
            (Entity::World, End::Entity(Entity::ApiServer)) => Truth::Maybe,
            (Entity::OwnNode | Entity::OtherNode, End::Node(_)) => match (node_of(subject), node_of(end)) {
                (Some(own), Some(there)) => ((own == there) == (entity == Entity::OwnNode)).into(),
                _ => Truth::Maybe,
            },
            // Two pods of which nothing says so are not on one node: as a node is not the pod's own (S-35).
            (Entity::OwnNode | Entity::OtherNode, End::Pod(pod)) if !self.profile.sees(pod) => {
                let together = node_of(subject).is_some() && node_of(subject) == node_of(end);
                (together == (entity == Entity::OwnNode)).into()
            }
            (Entity::OtherNode, End::Entity(Entity::ApiServer)) => Truth::Maybe,
            (entity, End::Entity(there)) => (entity == *there).into(),
            // K-24: an API server may be a node or an address outside.
            (Entity::ApiServer, End::Node(_)) => Truth::Maybe,
            _ => Truth::No,
        }
    }

    /// Whether an end has something in common with the subject.
    fn has_same(&self, same: &Same, end: &End<'_>) -> Truth {
        let (End::Pod(own), End::Pod(there)) = (self.flow.subject(self.direction), end) else {
            return Truth::No;
        };
        if !self.profile.sees(there) {
            return Truth::No;
        }
        match same {
            Same::Namespace => match (own.namespace, there.namespace) {
                (Some(own), Some(there)) => (own == there).into(),
                _ => Truth::Maybe,
            },
            Same::NamespaceLabels(keys) => Truth::all(keys.iter().map(|key| {
                match (own.namespace_labels.at(key), there.namespace_labels.at(key)) {
                    (Label::Absent, _) | (_, Label::Absent) => Truth::No,
                    (Label::Is(own), Label::Is(there)) => (own == there).into(),
                    _ => Truth::Maybe,
                }
            })),
        }
    }
}

impl Profile {
    /// Whether blocks can match an end at all.
    pub(super) fn blocks_match(self, end: &End<'_>) -> bool {
        match end {
            End::Address(_) | End::Domain(_) => true,
            // S-16; a pod on the host network has its node's addresses, whatever pods have (S-37).
            End::Pod(pod) if !pod.host_network => self.blocks_match_pods,
            End::Pod(_)
            | End::Node(_)
            | End::Entity(Entity::ApiServer | Entity::OwnNode | Entity::OtherNode) => self.blocks_match_nodes,
            End::Entity(_) => false,
        }
    }

    /// The known addresses by which blocks can match an end, of both families.
    pub(super) fn addresses<'e>(self, end: &'e End<'_>) -> &'e [IpAddr] {
        if self.blocks_match(end) { end.known_addresses() } else { &[] }
    }
}

/// S-17, S-19: in the block, of the same family, and in none of the blocks taken out of it.
pub(super) fn in_block(address: IpAddr, cidr: &IpNet, except: &[IpNet]) -> bool {
    cidr.contains(&address) && !except.iter().any(|hole| hole.contains(&address))
}

/// The requests that any of some entries match (S-9).
fn union(items: &[PortItem], view: &View<'_>) -> Outcome {
    let nothing = Outcome { certain: RequestSet::none(), possible: RequestSet::none() };
    items.iter().fold(nothing, |all, item| all.or(&item.matching(view)))
}

impl Ports {
    /// Whether any entry certainly matches some of the flow (S-8, S-9).
    pub(super) fn matches(&self, view: &View<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Listed(items) => !union(items, view).certain.is_empty(),
        }
    }
}

impl PortItem {
    /// The requests of the flow that it matches.
    fn matching(&self, view: &View<'_>) -> Outcome {
        let requests = match (&self.requests, view.request) {
            (None, _) => RequestSet::all(),
            // Only what has ports carries requests.
            (Some(some), _) if !some.is_all() && !Protocol::ALL.contains(&view.flow.protocol) => {
                RequestSet::none()
            }
            (Some(requests), Some(request)) => requests.given(request),
            (Some(requests), None) => requests.clone(),
        };
        let none = RequestSet::none;
        let truth = self.matches.matches(view);
        Outcome {
            certain: if truth.certain() { requests.clone() } else { none() },
            possible: if truth.possible() { requests } else { none() },
        }
    }
}

impl PortMatch {
    /// Whether the entry matches the flow's protocol and destination port.
    pub(super) fn matches(&self, view: &View<'_>) -> Truth {
        let flow = view.flow;
        match self {
            // S-27: a number needs no declared port.
            Self::Numbers(traffic) => traffic.contains(flow.protocol, flow.port).into(),
            // S-24, S-25: the destination's declaration counts, in both directions.
            Self::Named { protocol, name } => match &flow.dst {
                // What an assumed pod declares is not known (S-84).
                End::Pod(pod) if pod.is_assumed() => {
                    let has_ports = Protocol::ALL.contains(&flow.protocol);
                    if has_ports && protocol.is_none_or(|wanted| wanted == flow.protocol) {
                        Truth::Maybe
                    } else {
                        Truth::No
                    }
                }
                End::Pod(pod) if view.profile.sees(pod) => pod
                    .ports
                    .iter()
                    .any(|declared| {
                        declared.name.as_ref() == Some(name)
                            && declared.number == flow.port
                            && declared.protocol == flow.protocol
                            && protocol.is_none_or(|wanted| wanted == flow.protocol)
                    })
                    .into(),
                // S-26: nothing else has named ports.
                _ => Truth::No,
            },
        }
    }
}
