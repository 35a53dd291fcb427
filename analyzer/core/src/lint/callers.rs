//! Whether somebody who must reach certain pods does, and which policy stops them.

use std::net::IpAddr;

use npv_models::cluster::{GroupId, Node, PodGroup, UnseenBy};
use npv_models::decide::{End, Flow, NodeEnd, PodEnd};
use npv_models::diagnostic::Witness;
use npv_models::policy::{Action, Direction, NamespaceSelector, PeerMatch, Peers, Rule};
use npv_models::space::{IpSet, Protocol};

use super::blame::{Culprit, culprit, denial};
use super::context::{Context, Placed};
use super::traffic::toward;
use crate::engine::{EndpointId, EndpointKind};

/// Who must reach somebody.
#[derive(Clone, Debug)]
pub(super) enum Caller {
    /// Pods that the manifests show. One of these groups that gets through is enough.
    Pods(Vec<GroupId>),
    /// Pods that no manifest shows: whether a selector of namespaces matches them is not known.
    Unseen,
    /// The API server: at these addresses, or at any where they are not known.
    ApiServer(Vec<IpAddr>),
    /// A load balancer of the cloud: at addresses of its own or the nodes', never at a pod's.
    Balancer,
}

/// What keeps a caller out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop<'a> {
    /// What stops it.
    pub(super) culprit: Culprit<'a>,
    /// On which side of the connection it stands.
    pub(super) direction: Direction,
    /// A caller that is stopped; `None` where the caller is no endpoint of the manifests.
    pub(super) src: Option<EndpointId>,
    /// Pods that it does not reach.
    pub(super) dst: EndpointId,
}

impl Stop<'_> {
    /// The flow that is denied; `name` is what the caller is called where it is no endpoint.
    pub(super) fn witness(
        &self,
        context: &Context<'_>,
        name: &str,
        protocol: Protocol,
        port: u16,
    ) -> Witness {
        let id = |id: EndpointId| context.engine.endpoint(id).map_or_else(String::new, |end| end.id.clone());
        Witness {
            src: self.src.map_or_else(|| name.to_owned(), id),
            dst: id(self.dst),
            protocol: protocol.name(),
            port,
        }
    }
}

/// The addresses of the API server, as the Endpoints of the Service `kubernetes` give them.
pub(super) fn api_server(context: &Context<'_>) -> Caller {
    let cluster = context.cluster();
    let service = cluster.service("default", "kubernetes");
    let orphans = cluster.orphans.iter().filter(|orphan| {
        &*orphan.service == "kubernetes" && cluster.namespace_name(orphan.namespace) == "default"
    });
    let endpoints = service.iter().flat_map(|service| &service.endpoints);
    let endpoints = endpoints.chain(orphans.flat_map(|orphan| &orphan.endpoints));
    Caller::ApiServer(endpoints.map(|endpoint| endpoint.address).collect())
}

/// What keeps a caller from a port of the pods of a group; `None` where it gets through to all of them,
/// or where the manifests cannot tell.
pub(super) fn stop<'a>(
    context: &Context<'a>,
    caller: &Caller,
    group: GroupId,
    protocol: Protocol,
    port: u16,
) -> Option<Stop<'a>> {
    let pods = context.pods.group(group).filter(|pods| context.pods.visible(pods))?;
    context.endpoints_of(group).iter().find_map(|&dst| match caller {
        Caller::Pods(callers) => from_pods(context, callers, (dst, group), protocol, port),
        Caller::Unseen => from_unseen(context, pods, (dst, group), protocol, port),
        Caller::ApiServer(_) | Caller::Balancer => {
            let addresses: &[IpAddr] = match caller {
                Caller::ApiServer(addresses) => addresses,
                _ => &[],
            };
            let admitted = |id: EndpointId| {
                let sides = context.engine.possibly_between(id, dst);
                context.engine.traffic(sides.ingress).touches(protocol, port)
            };
            let servers = || context.outside().filter(|(_, end)| may_be_at(&end.kind, addresses));
            if servers().any(|(id, _)| admitted(id)) {
                return None;
            }
            let src = servers().find_map(|(_, end)| outside_end(context, &end.kind, addresses));
            blamed(context, group, (src, dst), protocol, port)
        }
    })
}

fn from_pods<'a>(
    context: &Context<'a>,
    callers: &[GroupId],
    (dst, group): (EndpointId, GroupId),
    protocol: Protocol,
    port: u16,
) -> Option<Stop<'a>> {
    let mut stopped = None;
    for &caller in callers {
        for &src in context.endpoints_of(caller) {
            let sides = context.engine.possibly_between(src, dst);
            if context.engine.traffic(sides.both).touches(protocol, port) {
                return None;
            }
            let leaves = context.engine.traffic(sides.egress).touches(protocol, port);
            stopped.get_or_insert((caller, src, leaves));
        }
    }
    let (caller, src, leaves) = stopped?;
    let (at, direction) = if leaves { (group, Direction::Ingress) } else { (caller, Direction::Egress) };
    let pods = context.pods.group(group)?;
    let speaks = |_: Placed<'_>, rule: &Rule| {
        !toward(&rule.ports, Some(pods)).is_all() && speaks_of(rule, pods, protocol, port)
    };
    let ends = end_at(context, src, caller).zip(end_at(context, dst, group));
    let flow = ends.map(|(src, dst)| Flow { src, dst, protocol, port });
    let culprit = culprit(context, (at, direction), flow.as_ref(), speaks)?;
    Some(Stop { culprit, direction, src: Some(src), dst })
}

fn speaks_of(rule: &Rule, pods: &PodGroup, protocol: Protocol, port: u16) -> bool {
    toward(&rule.ports, Some(pods)).touches(protocol, port)
}

fn from_unseen<'a>(
    context: &Context<'a>,
    pods: &PodGroup,
    (dst, group): (EndpointId, GroupId),
    protocol: Protocol,
    port: u16,
) -> Option<Stop<'a>> {
    let flow = Flow { src: unknown(), dst: end_at(context, dst, group)?, protocol, port };
    let own = context.cluster().namespace_name(pods.namespace);
    if let Some(culprit) = denial(context, &flow, Direction::Ingress) {
        // A rule that is asked earlier may know the caller.
        let known = before(context, group, &culprit)
            .filter(|rule| matches!(rule.action, Action::Allow | Action::Pass))
            .any(|rule| speaks_of(rule, pods, protocol, port) && may_match_unseen(context, rule, own));
        return (!known).then_some(Stop { culprit, direction: Direction::Ingress, src: None, dst });
    }
    // Who admits any address admits everybody, or at least somebody whom the manifests do not show.
    let from_outside = context.outside().any(|(id, end)| {
        matches!(end.kind, EndpointKind::External(_))
            && context
                .engine
                .traffic(context.engine.possibly_between(id, dst).ingress)
                .touches(protocol, port)
    });
    let may_admit = || {
        let rules =
            context.selecting(group).filter_map(|placed| placed.policy.rules(Direction::Ingress)).flatten();
        rules
            .filter(|rule| speaks_of(rule, pods, protocol, port))
            .any(|rule| may_match_unseen(context, rule, own))
    };
    if from_outside || may_admit() {
        return None;
    }
    blamed(context, group, (None, dst), protocol, port)
}

/// The rules for connections to the pods of a group that are asked before one of them.
fn before<'a>(
    context: &Context<'a>,
    group: GroupId,
    culprit: &Culprit<'a>,
) -> impl Iterator<Item = &'a Rule> {
    let selecting = context.selecting(group).take_while(|placed| placed.index <= culprit.placed.index);
    let rules = selecting.filter_map(|placed| placed.policy.rules(Direction::Ingress)).flatten();
    rules.take_while(|rule| !culprit.rule.is_some_and(|deciding| std::ptr::eq(deciding, *rule)))
}

/// Whether a rule may speak of pods that no manifest shows: of any namespace but the pods' own, in which
/// the manifests would show them - all but those that an operator makes.
pub(super) fn may_match_unseen(context: &Context<'_>, rule: &Rule, own: &str) -> bool {
    match &rule.peers {
        Peers::Anyone => true,
        Peers::Listed(peers) => peers.iter().any(|peer| match &peer.matches {
            PeerMatch::Pods(selector) => match &selector.namespaces {
                NamespaceSelector::Named(name) => {
                    // What is deployed there unseen may be the caller; what an account makes is of its own.
                    let deployed = || {
                        let mut unseen = context.cluster().unseen_in(own);
                        unseen.any(|unseen| matches!(unseen.by, UnseenBy::Release { .. } | UnseenBy::Unread))
                    };
                    **name != *own || context.pods.select(selector, false).open || deployed()
                }
                NamespaceSelector::Labels(_) => true,
            },
            _ => true,
        }),
    }
}

fn blamed<'a>(
    context: &Context<'a>,
    group: GroupId,
    (src, dst): (Option<End<'_>>, EndpointId),
    protocol: Protocol,
    port: u16,
) -> Option<Stop<'a>> {
    let pods = context.pods.group(group)?;
    let ends = src.zip(end_at(context, dst, group));
    let flow = ends.map(|(src, dst)| Flow { src, dst, protocol, port });
    let speaks = |_: Placed<'_>, rule: &Rule| speaks_of(rule, pods, protocol, port);
    let culprit = culprit(context, (group, Direction::Ingress), flow.as_ref(), speaks)?;
    Some(Stop { culprit, direction: Direction::Ingress, src: None, dst })
}

/// Whether an endpoint outside of the pods may be somebody at one of these addresses, or at any where they are
/// not known.
pub(super) fn may_be_at(kind: &EndpointKind, addresses: &[IpAddr]) -> bool {
    match kind {
        EndpointKind::External(set) => {
            addresses.is_empty() || addresses.iter().any(|&address| set.contains(address))
        }
        EndpointKind::Nodes(_) => true,
        EndpointKind::Pods { .. } | EndpointKind::Assumed(_) => false,
    }
}

/// One of those that such an endpoint stands for.
pub(super) fn outside_end<'a>(
    context: &Context<'a>,
    kind: &EndpointKind,
    addresses: &[IpAddr],
) -> Option<End<'a>> {
    match kind {
        EndpointKind::External(set) => {
            let known = addresses.iter().copied().find(|address| set.contains(*address));
            known.or_else(|| set.first()).map(End::Address)
        }
        EndpointKind::Nodes(nodes) => {
            let node = context.cluster().nodes.get(*nodes.first()? as usize)?;
            let Node { name, labels, addresses, .. } = node;
            Some(End::Node(NodeEnd { name, labels, addresses, ..NodeEnd::default() }))
        }
        EndpointKind::Pods { .. } | EndpointKind::Assumed(_) => None,
    }
}

/// A pod of which nothing is known (S-84).
pub(super) fn unknown<'a>() -> End<'a> {
    static NOWHERE: IpSet = IpSet::EMPTY;
    End::Pod(PodEnd::assumed(&NOWHERE))
}

/// A pod of a group that the endpoint holds, with its addresses.
pub(super) fn end_at<'a>(context: &Context<'a>, endpoint: EndpointId, group: GroupId) -> Option<End<'a>> {
    let pods = context.pods.group(group)?;
    let End::Pod(pod) = end(context, pods)? else { return None };
    let part = context.engine.endpoint(endpoint)?.part_of(group);
    let position = part.and_then(|positions| positions.first()).copied().unwrap_or_default();
    let addresses = pods.members.get(position as usize).map_or(&[][..], |member| &member.addresses);
    Some(End::Pod(PodEnd { addresses, ..pod }))
}

/// Any pod of a group, addresses and node left open.
pub(super) fn end<'a>(context: &Context<'a>, group: &'a PodGroup) -> Option<End<'a>> {
    let namespace = context.cluster().namespaces.get(group.namespace.0 as usize)?;
    Some(End::Pod(PodEnd {
        namespace: Some(&namespace.name),
        namespace_labels: &namespace.labels,
        labels: &group.labels,
        attributes: &group.attributes,
        ports: &group.ports,
        host_network: group.host_network,
        ..PodEnd::default()
    }))
}
