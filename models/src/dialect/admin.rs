//! The tiers around NetworkPolicy: ClusterNetworkPolicy, AdminNetworkPolicy and
//! BaselineAdminNetworkPolicy (S-60 to S-68).

use std::sync::Arc;

use super::{Context, Lowered, Stage, antrea, calico};
use crate::cni::Plugin;
use crate::k8s::{
    self, AdminAction, AdminPeer, AdminPods, AdminPolicy, AdminPort, AdminRule, AdminTier, Spanned,
};
use crate::policy::{
    Action, Direction, Isolation, NamespaceSelector, ObjectRef, Peer, PeerMatch, Peers, PodSelector, Policy,
    PortItem, PortMatch, Ports, Priority, Profile, Provenance, Rule,
};
use crate::space::{DomainName, PortSet, Traffic};

/// The places of the tiers among those of the network plugin (S-60).
const ADMIN: i32 = 100;
pub(super) const NETWORK_POLICY: i32 = 200;
const BASELINE: i32 = 300;

/// The group of the API's own kinds.
const GROUP: &str = "policy.networking.k8s.io";

/// Where policies of one tier have the same priority, their order is undefined (S-62). npv takes kind and
/// name, so that AdminNetworkPolicy comes before ClusterNetworkPolicy.
pub(super) fn lower(policy: &k8s::Policy, context: &Context<'_>) -> Lowered {
    let (policy, group) = match policy {
        k8s::Policy::Admin(policy) => (policy, GROUP),
        k8s::Policy::AwsCluster(policy) => (policy, "networking.k8s.aws"),
        _ => return Lowered::new(),
    };
    let (name, order) = match policy.tier {
        AdminTier::Admin => ("Admin", Priority::number(ADMIN)),
        AdminTier::Baseline => ("Baseline", Priority::number(BASELINE)),
    };
    let order = match context.cni.plugin {
        Plugin::Calico => return on_calico(policy, context),
        //
        Plugin::Antrea => antrea::place_of_admin(policy.kind, policy.tier),
        _ => order,
    };
    let stage = Stage { fixed: Some(Profile::ADMIN), ..Stage::ordered(name, order) };
    vec![(stage, lower_policy(policy, group, None))]
}

/// Calico has AdminNetworkPolicies from 3.29 on, the baseline from 3.30 on, and ClusterNetworkPolicies from 3.32 on
/// (C-62, C-63).
fn on_calico(policy: &AdminPolicy, context: &Context<'_>) -> Lowered {
    let since = match policy.kind {
        k8s::AdminKind::Admin => (3, 29),
        k8s::AdminKind::Baseline => (3, 30),
        k8s::AdminKind::Cluster => (3, 32),
    };
    if context.cni.version < since {
        return Lowered::new();
    }
    let given = policy.priority.map(|priority| priority.value);
    let given = given.filter(|_| policy.tier == AdminTier::Admin);
    let (stage, priority) = calico::admin(context, given, &policy.meta.name.value);
    vec![(stage, Policy { priority, ..lower_policy(policy, GROUP, Some(context)) })]
}

/// Lowers a policy; what is beside pods in the namespaces of a peer counts in this context.
fn lower_policy(policy: &AdminPolicy, group: &'static str, sets: Option<&Context<'_>>) -> Policy {
    let ports = match policy.kind {
        k8s::AdminKind::Cluster if group == GROUP => "protocols",
        _ => "ports",
    };
    let rules = |direction: Direction, rules: &[AdminRule]| {
        let rules =
            rules.iter().enumerate().map(|(index, rule)| lower_rule(ports, direction, (index, rule), sets));
        let rules: Vec<Rule> = rules.collect();
        // S-66: an empty list says as little as none.
        (!rules.is_empty()).then_some(rules)
    };
    Policy {
        object: Arc::new(ObjectRef {
            group,
            kind: policy.kind.name(),
            namespace: None,
            name: policy.meta.name.value.clone(),
        }),
        name_span: policy.meta.name.span,
        priority: policy
            .priority
            .map_or_else(Priority::last, |priority| Priority::number(i32::from(priority.value))),
        subject: selector(&policy.subject.value),
        also: Vec::new(),
        subject_span: policy.subject.span,
        ingress: rules(Direction::Ingress, &policy.ingress),
        egress: rules(Direction::Egress, &policy.egress),
        // S-66
        isolation: Isolation::NONE,
        inert: Vec::new(),
    }
}

fn lower_rule(
    ports_name: &str,
    direction: Direction,
    (index, rule): (usize, &AdminRule),
    sets: Option<&Context<'_>>,
) -> Rule {
    let path = format!("spec.{direction}[{index}]");
    let peers_name = match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    };
    let peers = rule.peers.iter().enumerate();
    let safe = rule.action != AdminAction::Accept;
    let peers = peers.flat_map(|(index, peer)| {
        let path = format!("{path}.{peers_name}[{index}]");
        let mut peers = lower_peer(&path, peer);
        if let (AdminPeer::Pods(AdminPods { namespaces, whole: true, .. }), Some(sets)) = (&peer.value, sets)
        {
            let blocks = calico::in_namespaces(sets, namespaces, safe);
            let provenance = Provenance { path: path.into(), span: peer.span };
            peers.extend(blocks.map(|matches| Peer { matches, provenance: provenance.clone() }));
        }
        peers
    });
    let ports = rule.ports.iter().enumerate().map(|(index, port)| PortItem {
        matches: lower_port(&port.value),
        requests: None,
        provenance: Provenance { path: format!("{path}.{ports_name}[{index}]").into(), span: port.span },
    });
    let unknown = rule.peers.iter().find(|peer| peer.value == AdminPeer::Unknown);
    let action = match rule.action {
        AdminAction::Accept => Action::Allow,
        // S-67: what fails closed must not skip the denials that come after it.
        AdminAction::Pass if unknown.is_none() => Action::Pass,
        AdminAction::Pass | AdminAction::Deny => Action::Deny,
    };
    Rule {
        name: rule.name.clone(),
        // The definitions refuse a list without peers; what is left of an erroneous one matches nobody.
        peers: Peers::Listed(peers.collect()),
        // S-65: no default protocol.
        ports: if rule.ports.is_empty() { Ports::All } else { Ports::Listed(ports.collect()) },
        ..Rule::new(action, Provenance { path: path.as_str().into(), span: rule.span })
    }
}

/// One peer of the IR for each block and domain, so that an answer can name the very one.
fn lower_peer(path: &str, peer: &Spanned<AdminPeer>) -> Vec<Peer> {
    let whole =
        |matches| vec![Peer { matches, provenance: Provenance { path: path.into(), span: peer.span } }];
    match &peer.value {
        AdminPeer::Pods(pods) => whole(PeerMatch::Pods(selector(pods))),
        AdminPeer::Nodes(nodes) => whole(PeerMatch::Nodes(nodes.clone())),
        AdminPeer::Networks(networks) => {
            let block = |net: &Spanned<_>| PeerMatch::Block { cidr: net.value, except: Vec::new() };
            each(path, "networks", networks, block)
        }
        AdminPeer::DomainNames(domains) => {
            each(path, "domainNames", domains, |domain| PeerMatch::Domain(DomainName::from(&*domain.value)))
        }
        AdminPeer::Unknown => whole(PeerMatch::Unknown),
    }
}

fn each<T>(
    path: &str,
    list: &str,
    items: &[Spanned<T>],
    matches: impl Fn(&Spanned<T>) -> PeerMatch,
) -> Vec<Peer> {
    let items = items.iter().enumerate();
    items
        .map(|(index, item)| Peer {
            matches: matches(item),
            provenance: Provenance { path: format!("{path}.{list}[{index}]").into(), span: item.span },
        })
        .collect()
}

/// S-63: namespaces by their labels, whatever namespace; everything where nothing is asked.
fn selector(pods: &AdminPods) -> PodSelector {
    PodSelector { namespaces: NamespaceSelector::Labels(pods.namespaces.clone()), pods: pods.pods.clone() }
}

fn lower_port(port: &AdminPort) -> PortMatch {
    match port {
        AdminPort::Numbers(protocol, range) => {
            PortMatch::Numbers(Traffic::of(*protocol, PortSet::range(*range.start(), *range.end())))
        }
        AdminPort::Name(name) => PortMatch::Named { protocol: None, name: name.clone() },
    }
}
