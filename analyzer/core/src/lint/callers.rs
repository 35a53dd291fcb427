//! Whether somebody who must reach certain pods does, and which policy stops them.

use std::net::IpAddr;

use npv_models::cluster::{GroupId, PodGroup};
use npv_models::decide::{End, Flow, PodEnd, Verdict, decide};
use npv_models::diagnostic::Witness;
use npv_models::policy::{Direction, NamespaceSelector, PeerMatch, Peers, Rule};
use npv_models::space::Protocol;

use super::blame::blame;
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
}

/// What keeps a caller out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop<'a> {
    /// The policy that a person would edit.
    pub(super) placed: Placed<'a>,
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
        Caller::ApiServer(addresses) => {
            let admitted = |id: EndpointId| {
                let sides = context.engine.between(id, dst);
                context.engine.traffic(sides.ingress).contains(protocol, port)
            };
            let called = context.outside().any(|(id, end)| {
                let speaks = match &end.kind {
                    EndpointKind::External(set) => {
                        addresses.is_empty() || addresses.iter().any(|&address| set.contains(address))
                    }
                    EndpointKind::Nodes(_) => true,
                    EndpointKind::Pods { .. } | EndpointKind::Assumed => false,
                };
                speaks && admitted(id)
            });
            (!called).then(|| blamed(context, group, dst, protocol, port)).flatten()
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
            let sides = context.engine.between(src, dst);
            if context.engine.traffic(sides.both).contains(protocol, port) {
                return None;
            }
            let leaves = context.engine.traffic(sides.egress).contains(protocol, port);
            stopped.get_or_insert((caller, src, leaves));
        }
    }
    let (caller, src, leaves) = stopped?;
    let (at, direction) = if leaves { (group, Direction::Ingress) } else { (caller, Direction::Egress) };
    let pods = context.pods.group(group)?;
    let speaks =
        |rule: &Rule| !toward(&rule.ports, Some(pods)).is_all() && speaks_of(rule, pods, protocol, port);
    let placed = blame(context, at, direction, speaks)
        .or_else(|| denier(context, context.pods.group(caller)?, pods, direction, protocol, port))?;
    Some(Stop { placed, direction, src: Some(src), dst })
}

fn speaks_of(rule: &Rule, pods: &PodGroup, protocol: Protocol, port: u16) -> bool {
    toward(&rule.ports, Some(pods)).contains(protocol, port)
}

fn from_unseen<'a>(
    context: &Context<'a>,
    pods: &PodGroup,
    (dst, group): (EndpointId, GroupId),
    protocol: Protocol,
    port: u16,
) -> Option<Stop<'a>> {
    // Who admits any address admits everybody, or at least somebody whom the manifests do not show.
    let from_outside = context.outside().any(|(id, end)| {
        matches!(end.kind, EndpointKind::External(_))
            && context.engine.traffic(context.engine.between(id, dst).ingress).contains(protocol, port)
    });
    let own = context.cluster().namespace_name(pods.namespace);
    let may_admit = || {
        let rules =
            context.selecting(group).filter_map(|placed| placed.policy.rules(Direction::Ingress)).flatten();
        rules.filter(|rule| speaks_of(rule, pods, protocol, port)).any(|rule| may_match_unseen(rule, own))
    };
    if from_outside || may_admit() {
        return None;
    }
    blamed(context, group, dst, protocol, port)
}

/// Whether a rule may speak of pods that no manifest shows: of any namespace but the pods' own, in which
/// the manifests would show them.
pub(super) fn may_match_unseen(rule: &Rule, own: &str) -> bool {
    match &rule.peers {
        Peers::Anyone => true,
        Peers::Listed(peers) => peers.iter().any(|peer| match &peer.matches {
            PeerMatch::Pods(selector) => match &selector.namespaces {
                NamespaceSelector::Named(name) => **name != *own,
                NamespaceSelector::Labels(_) => true,
            },
            PeerMatch::Block { .. } | PeerMatch::Nodes(_) | PeerMatch::Domain(_) | PeerMatch::Unknown => true,
        }),
    }
}

fn blamed<'a>(
    context: &Context<'a>,
    group: GroupId,
    dst: EndpointId,
    protocol: Protocol,
    port: u16,
) -> Option<Stop<'a>> {
    let pods = context.pods.group(group)?;
    let placed = blame(context, group, Direction::Ingress, |rule| speaks_of(rule, pods, protocol, port))?;
    Some(Stop { placed, direction: Direction::Ingress, src: None, dst })
}

/// The policy of an ordered tier that denies a flow between two groups.
pub(super) fn denier<'a>(
    context: &Context<'a>,
    src: &'a PodGroup,
    dst: &'a PodGroup,
    direction: Direction,
    protocol: Protocol,
    port: u16,
) -> Option<Placed<'a>> {
    let flow = Flow { src: end(context, src)?, dst: end(context, dst)?, protocol, port };
    let decision = decide(&context.snapshot.policies, context.snapshot.profile, &flow);
    if decision.verdict() == Verdict::Allow {
        return None;
    }
    let policy = decision.steps.iter().rev().find(|step| step.direction == direction)?.policy;
    context.policies().iter().copied().find(|placed| std::ptr::eq(placed.policy, policy))
}

/// Any pod of a group, addresses and node left open.
pub(super) fn end<'a>(context: &Context<'a>, group: &'a PodGroup) -> Option<End<'a>> {
    let namespace = context.cluster().namespaces.get(group.namespace.0 as usize)?;
    Some(End::Pod(PodEnd {
        name: None,
        namespace: Some(&namespace.name),
        namespace_labels: &namespace.labels,
        labels: &group.labels,
        ports: &group.ports,
        host_network: group.host_network,
        addresses: &[],
        node: None,
    }))
}
