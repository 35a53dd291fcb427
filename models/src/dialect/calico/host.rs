//! Host endpoints: nodes as subjects of policies (C-70 to C-73).
//!
//! A packet of a node's own meets failsafe ports, policies before connection tracking and before the translation of
//! Services, the tiers of all policies, and at last the profiles of the endpoint; what none of these allows is
//! denied.

use std::net::IpAddr;
use std::sync::Arc;

use super::super::{Enforcer, Lowered, Stage};
use super::rule;
use super::select::{Of, Scope, Thing};
use super::world::World;
use crate::cluster::Cluster;
use crate::k8s::{
    CalicoObject, CalicoPolicy, Expression, FelixConfiguration, HostAction, HostEndpoint, Meta, Profile,
    ProtoPort, Spanned, Test,
};
use crate::policy::{
    Action, Direction, Entity, Isolation, Mode, NamespaceSelector, NoMatch, ObjectRef, Peer, PeerMatch,
    Peers, PodSelector, Policy, PortItem, PortMatch, Ports, Priority, Provenance, Rule,
};
use crate::source::Span;
use crate::space::{Labels, PortSet, Protocol, Selector, Traffic, Truth};

/// The profile that allows everything, which every installation has.
const ALLOW_ALL: &str = "projectcalico-default-allow";

/// Ports that stay open whatever policies say (C-72).
const FAILSAFE_IN: [(Protocol, u16); 9] = [
    (Protocol::Tcp, 22),
    (Protocol::Udp, 68),
    (Protocol::Tcp, 179),
    (Protocol::Tcp, 2379),
    (Protocol::Tcp, 2380),
    (Protocol::Tcp, 5473),
    (Protocol::Tcp, 6443),
    (Protocol::Tcp, 6666),
    (Protocol::Tcp, 6667),
];
const FAILSAFE_OUT: [(Protocol, u16); 9] = [
    (Protocol::Udp, 53),
    (Protocol::Udp, 67),
    (Protocol::Tcp, 179),
    (Protocol::Tcp, 2379),
    (Protocol::Tcp, 2380),
    (Protocol::Tcp, 5473),
    (Protocol::Tcp, 6443),
    (Protocol::Tcp, 6666),
    (Protocol::Tcp, 6667),
];

/// A host endpoint of a node that the manifests show.
pub(super) struct Host<'a> {
    endpoint: &'a HostEndpoint,
    labels: Arc<Labels>,
    /// The node, and the pods on its network.
    end: PeerMatch,
    /// The pods that are known to run on it, by their addresses.
    pods: Vec<IpAddr>,
}

/// The labels of a host endpoint: its own, then those of its profiles, the first of which counts.
pub(super) fn labels(endpoint: &HostEndpoint, objects: &[CalicoObject]) -> Arc<Labels> {
    let mut labels = Labels::clone(&endpoint.labels.value);
    for name in &endpoint.profiles {
        for (key, value) in
            profile(objects, &name.value).into_iter().flat_map(|profile| profile.labels.iter())
        {
            if labels.get(key).is_none() {
                labels.insert(key, value);
            }
        }
    }
    Arc::new(labels)
}

fn profile<'a>(objects: &'a [CalicoObject], name: &str) -> Option<&'a Profile> {
    objects.iter().find_map(|object| match object {
        CalicoObject::Profile(profile) if *profile.meta.name.value == *name => Some(profile),
        _ => None,
    })
}

/// The configuration of a node where there is one, and that of all.
fn felix<'a>(objects: &'a [CalicoObject], node: &str) -> impl Iterator<Item = &'a FelixConfiguration> {
    let named = move |wanted: String| {
        objects.iter().find_map(move |object| match object {
            CalicoObject::Felix(felix) if *felix.meta.name.value == *wanted => Some(felix),
            _ => None,
        })
    };
    [named(format!("node.{node}")), named("default".to_owned())].into_iter().flatten()
}

fn block(address: &IpAddr) -> PeerMatch {
    PeerMatch::Block { cidr: (*address).into(), except: Vec::new() }
}

/// The host endpoints of nodes that the manifests show: nothing else tells whose a policy's packets are.
pub(super) fn hosts(cluster: &Cluster) -> Vec<Host<'_>> {
    let endpoints = cluster.calico.iter().filter_map(|object| match object {
        CalicoObject::HostEndpoint(endpoint) => host(cluster, endpoint),
        _ => None,
    });
    endpoints.collect()
}

fn host<'a>(cluster: &'a Cluster, endpoint: &'a HostEndpoint) -> Option<Host<'a>> {
    let HostEndpoint { node, addresses, .. } = endpoint;
    let index = cluster.nodes.binary_search_by(|known| (*known.name).cmp(&node.value)).ok()?;
    let node = cluster.nodes.get(index)?;
    let addresses = node.addresses.iter().chain(addresses.iter().map(|address| &address.value));
    let addresses: Vec<PeerMatch> = addresses.map(block).collect();
    let every_node = PeerMatch::Nodes(Selector::EVERYTHING);
    let end = if addresses.is_empty() {
        let name = node.labels.get("kubernetes.io/hostname")?;
        PeerMatch::Nodes(Selector::label("kubernetes.io/hostname", name))
    } else {
        PeerMatch::All(vec![every_node, PeerMatch::Any(addresses)])
    };
    let pods = cluster.groups.iter().filter(|group| !group.host_network).flat_map(|group| &group.members);
    let pods = pods.filter(|pod| pod.node.as_ref() == Some(&node.name)).flat_map(|pod| &*pod.addresses);
    Some(Host { endpoint, labels: labels(endpoint, &cluster.calico), end, pods: pods.copied().collect() })
}

/// The nodes that a policy applies to (C-22): those of endpoints that its selectors select. Where it selects namespaces
/// or accounts, Felix reads `all()` as what has one.
pub(super) fn subjects(world: &World<'_>, policy: &CalicoPolicy) -> Vec<PeerMatch> {
    selected(world, policy).into_iter().map(|host| host.end.clone()).collect()
}

/// The host endpoints that a policy applies to.
pub(super) fn met<'w>(world: &'w World<'_>, policy: &CalicoPolicy) -> impl Iterator<Item = &'w HostEndpoint> {
    selected(world, policy).into_iter().map(|host| host.endpoint)
}

fn selected<'w, 'a>(world: &'w World<'a>, policy: &CalicoPolicy) -> Vec<&'w Host<'a>> {
    if !policy.kind.is_global() {
        return Vec::new();
    }
    let nobody = Thing { namespace: None, labels: &Labels::NONE };
    let accounts = policy.service_account_selector.as_ref().map(|selector| &selector.value);
    // No host endpoint has an account.
    if accounts.is_some_and(|selector| {
        !nobody.is(Of::Accounts, selector).certain() || selector.any(&|part| *part == Expression::All)
    }) {
        return Vec::new();
    }
    let limited = policy.namespace_selector.is_some() || accounts.is_some();
    let endpoints = policy.selector.as_ref().map(|selector| {
        selector.value.map(&|part| match part {
            Expression::All if limited => Expression::label("projectcalico.org/namespace", Test::Has),
            other => other.clone(),
        })
    });
    let scope = Scope {
        namespaces: policy.namespace_selector.as_ref().map(|selector| &selector.value),
        endpoints: endpoints.as_ref(),
        ..Scope::default()
    };
    let selects =
        |host: &&Host<'_>| scope.holds(Thing { namespace: None, labels: &host.labels }) == Truth::Yes;
    world.hosts.iter().filter(selects).collect()
}

/// A tier of policies for hosts before all others: those before connection tracking, then those before translation.
pub(super) fn early(world: &World<'_>, policy: &CalicoPolicy) -> Stage {
    let untracked = policy.do_not_track.is_some_and(|flag| flag.value);
    let (place, what) = if untracked { (1, "doNotTrack") } else { (2, "preDNAT") };
    let tier = &*policy.tier.value;
    let rank = world.tiers.rank(tier);
    stage(-f64::MAX, &format!("{place} {rank:09}"), &format!("{tier} ({what})"), NoMatch::NextTier)
}

fn stage(order: f64, tie: &str, name: &str, no_match: NoMatch) -> Stage {
    Stage {
        enforcer: Enforcer::Cni,
        order: Priority::tied(Some(order), tie),
        name: name.into(),
        mode: Mode::FirstMatch,
        no_match,
        pass: None,
        fixed: None,
    }
}

const fn every_pod() -> PodSelector {
    PodSelector { namespaces: NamespaceSelector::Labels(Selector::EVERYTHING), pods: Selector::EVERYTHING }
}

const FAILSAFE: &str = "failsafe";

/// What an object does to some ends that is no policy.
fn policy(
    kind: &'static str,
    meta: &Meta,
    also: Vec<PeerMatch>,
    rules: [Vec<Rule>; 2],
    isolation: Isolation,
) -> Policy {
    let [ingress, egress] = rules;
    Policy {
        object: Arc::new(ObjectRef {
            group: "projectcalico.org",
            kind,
            namespace: None,
            name: meta.name.value.clone(),
        }),
        name_span: meta.name.span,
        priority: Priority::default(),
        subject: PodSelector { pods: Selector::nothing(), ..every_pod() },
        also,
        subject_span: meta.name.span,
        ingress: Some(ingress),
        egress: Some(egress),
        isolation,
        inert: Vec::new(),
    }
}

/// What host endpoints do by themselves.
pub(super) fn lower(world: &World<'_>) -> Lowered {
    let objects = &world.cluster.calico;
    let mut lowered = Lowered::new();
    for host in &world.hosts {
        let meta = &host.endpoint.meta;
        let also = || vec![host.end.clone()];
        let failsafe = policy("HostEndpoint", meta, also(), failsafe(objects, host), Isolation::NONE);
        lowered.push((stage(-f64::MAX, "0", FAILSAFE, NoMatch::NextTier), failsafe));
        let last = stage(f64::MAX, "9", "profiles", NoMatch::Deny);
        for (index, name) in (0_i32..).zip(&host.endpoint.profiles) {
            let rules = match profile(objects, &name.value) {
                Some(found) => {
                    let rules = [(Direction::Ingress, &found.ingress), (Direction::Egress, &found.egress)];
                    let rules = rules.map(|(direction, rules)| -> Vec<Rule> {
                        rules
                            .iter()
                            .enumerate()
                            .flat_map(|rule| rule::lower(world, "", direction, rule))
                            .collect()
                    });
                    policy("Profile", &found.meta, also(), rules, Isolation::NONE)
                }
                None if &*name.value == ALLOW_ALL => {
                    let allow = || vec![Rule::new(Action::Allow, at("spec.profiles", name.span))];
                    policy("HostEndpoint", meta, also(), [allow(), allow()], Isolation::NONE)
                }
                None => continue,
            };
            lowered.push((last.clone(), Policy { priority: Priority::number(index), ..rules }));
        }
        let denied = policy("HostEndpoint", meta, also(), [Vec::new(), Vec::new()], Isolation::BOTH);
        lowered.push((last, Policy { priority: Priority::last(), ..denied }));
    }
    lowered.extend(to_own_node(objects));
    lowered
}

fn at(path: &str, span: Span) -> Provenance {
    Provenance { path: path.into(), span }
}

/// A list of ports of a configuration.
type List = fn(&FelixConfiguration) -> Option<&Spanned<Vec<ProtoPort>>>;

/// What passes whatever policies say: the pods of the node itself, and failsafe ports (C-71, C-72).
fn failsafe(objects: &[CalicoObject], host: &Host<'_>) -> [Vec<Rule>; 2] {
    let HostEndpoint { meta, node, .. } = host.endpoint;
    let of = |field: &str, list: List, default: &[(Protocol, u16)]| {
        let mut rules = Vec::new();
        if !host.pods.is_empty() {
            let provenance = at("spec.node", node.span);
            let addresses = PeerMatch::Any(host.pods.iter().map(block).collect());
            let matches = PeerMatch::All(vec![PeerMatch::Pods(every_pod()), addresses]);
            let peers = Peers::Listed(vec![Peer { matches, provenance: provenance.clone() }]);
            rules.push(Rule {
                name: Some("pods of the node".into()),
                peers,
                ..Rule::new(Action::Allow, provenance)
            });
        }
        let configured = felix(objects, &node.value).find_map(list);
        let default = default.iter().map(|(protocol, number)| ProtoPort {
            protocol: *protocol,
            number: *number,
            net: None,
        });
        let (ports, span) = match configured {
            Some(list) => (list.value.clone(), list.span),
            None => (default.collect(), meta.name.span),
        };
        let provenance = at(&format!("spec.{field}"), span);
        rules.extend(ports.into_iter().map(|port| {
            let matches = PortMatch::Numbers(Traffic::of(port.protocol, PortSet::single(port.number)));
            let item = PortItem { matches, requests: None, provenance: provenance.clone() };
            let peers = port.net.map_or(Peers::Anyone, |cidr| {
                let matches = PeerMatch::Block { cidr, except: Vec::new() };
                Peers::Listed(vec![Peer { matches, provenance: provenance.clone() }])
            });
            let ports = Ports::Listed(vec![item]);
            Rule {
                name: Some("failsafe port".into()),
                peers,
                ports,
                ..Rule::new(Action::Allow, provenance.clone())
            }
        }));
        rules
    };
    [
        of("failsafeInboundHostPorts", |felix| felix.failsafe_in.as_ref(), &FAILSAFE_IN),
        of("failsafeOutboundHostPorts", |felix| felix.failsafe_out.as_ref(), &FAILSAFE_OUT),
    ]
}

/// Where Felix is told so, pods do not reach the node that they run on (C-71). What installs Calico tells it otherwise.
fn to_own_node(objects: &[CalicoObject]) -> Option<(Stage, Policy)> {
    let felix = felix(objects, "").find(|felix| felix.endpoint_to_host.is_some())?;
    let action = felix.endpoint_to_host.filter(|action| action.value == HostAction::Drop)?;
    let provenance = at("spec.defaultEndpointToHostAction", action.span);
    let peer = Peer { matches: PeerMatch::Entity(Entity::OwnNode), provenance: provenance.clone() };
    let rule = Rule { peers: Peers::Listed(vec![peer]), ..Rule::new(Action::Deny, provenance) };
    let rules = [Vec::new(), vec![rule]];
    let denied = policy("FelixConfiguration", &felix.meta, Vec::new(), rules, Isolation::NONE);
    let denied = Policy { subject: every_pod(), ingress: None, ..denied };
    Some((stage(-f64::MAX, "0", FAILSAFE, NoMatch::NextTier), denied))
}
