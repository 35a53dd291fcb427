//! Antrea: its own tiers around NetworkPolicy.
//!
//! Rules sort by tier, priority of the policy and place in its list, so that two policies of one priority interleave:
//! each rule becomes a policy of its own.

mod members;

use std::sync::Arc;

use super::admin::NETWORK_POLICY;
use super::{Context, Lowered, Stage};
use crate::k8s::{
    self, AdminKind, AdminTier, AntreaAction, AntreaApplied, AntreaObject, AntreaPeer, AntreaPolicy,
    AntreaPort, AntreaRelation, AntreaRule, Spanned,
};
use crate::policy::{
    Action, Direction, Isolation, NamespaceSelector, ObjectRef, Peer, PeerMatch, Peers, PodSelector, Policy,
    PortItem, PortMatch, Ports, Priority, Profile, Provenance, Rule, Same,
};
use crate::space::{DomainName, PortSet, Protocol, Selector, Traffic, icmp_messages};
use members::Members;

/// The place of a tier with this priority among those of the network plugin: behind NetworkPolicies from 253 on, which
/// is `baseline`.
fn place(priority: u8) -> Priority {
    let from = if priority >= 253 { NETWORK_POLICY } else { NETWORK_POLICY - 100 };
    Priority::tied(Some(f64::from(from) + f64::from(priority) / 10.0), "")
}

/// The places that Antrea gives to the cluster-wide kinds of the API.
pub(super) fn place_of_admin(kind: AdminKind, tier: AdminTier) -> Priority {
    match (kind, tier) {
        (AdminKind::Cluster, AdminTier::Admin) => Priority::tied(place(220).order(), "cluster"),
        (AdminKind::Cluster, AdminTier::Baseline) => Priority::tied(place(253).order(), "cluster"),
        // Behind all of Antrea's own but its baseline.
        (_, AdminTier::Admin) => Priority::tied(place(252).order(), "admin"),
        (_, AdminTier::Baseline) => Priority::tied(place(254).order(), "admin"),
    }
}

/// Lowers a policy of Antrea's own kinds: one for each rule and each entry of what it applies to.
pub(super) fn lower(policy: &k8s::Policy, context: &Context<'_>) -> Lowered {
    let k8s::Policy::Antrea(policy) = policy else { return Lowered::new() };
    let stage = stage(policy, context);
    let object = Arc::new(ObjectRef {
        group: "crd.antrea.io",
        kind: policy.kind(),
        namespace: (!policy.clusterwide).then(|| policy.meta.namespace.clone()),
        name: policy.meta.name.value.clone(),
    });
    let own = (!policy.clusterwide).then_some(&*policy.meta.namespace);
    let members = Members { cluster: context.cluster, namespace: own };
    let mut lowered = Lowered::new();
    for (direction, rules) in [(Direction::Ingress, &policy.ingress), (Direction::Egress, &policy.egress)] {
        for (index, rule) in rules.iter().enumerate() {
            let made = lower_rule(direction, index, rule, &members);
            let applied = if rule.applied_to.is_empty() { &policy.applied_to } else { &rule.applied_to };
            for applied in applied {
                for subject in subjects(applied, &members) {
                    let rules = Some(made.clone());
                    let (ingress, egress) =
                        if direction == Direction::Ingress { (rules, None) } else { (None, rules) };
                    let policy = Policy {
                        object: Arc::clone(&object),
                        name_span: policy.meta.name.span,
                        priority: Priority::tied(Some(policy.priority.value), format!("{index:06}")),
                        subject,
                        also: Vec::new(),
                        subject_span: applied.span,
                        ingress,
                        egress,
                        //
                        isolation: Isolation::NONE,
                        inert: Vec::new(),
                    };
                    lowered.push((stage.clone(), policy));
                }
            }
        }
    }
    lowered
}

/// The tier of a policy. One that is not there has been refused.
fn stage(policy: &AntreaPolicy, context: &Context<'_>) -> Stage {
    let name = policy.tier.as_ref().map_or("application", |tier| &tier.value);
    let own = context.cluster.antrea.iter().find_map(|object| match object {
        AntreaObject::Tier(tier) if *tier.meta.name.value == *name => Some(tier.priority.value),
        _ => None,
    });
    let (name, priority) = k8s::built_in_tier(name).unwrap_or((name, own.unwrap_or(250)));
    Stage {
        // a pass skips all of Antrea's own but the baseline.
        pass: Some(Priority::number(NETWORK_POLICY)),
        fixed: Some(Profile::ADMIN),
        ..Stage::ordered(name, place(priority))
    }
}

/// The pods that an entry of `appliedTo` means.
fn subjects(applied: &Spanned<AntreaApplied>, members: &Members<'_>) -> Vec<PodSelector> {
    match &applied.value {
        AntreaApplied::Pods { namespaces, pods } => vec![members.pods(namespaces.as_ref(), pods.as_ref())],
        AntreaApplied::Group(name) => members.subjects(name),
        AntreaApplied::Account { namespace, name } => vec![members.account(namespace, name)],
        AntreaApplied::Other => Vec::new(),
    }
}

fn lower_rule(direction: Direction, index: usize, rule: &AntreaRule, members: &Members<'_>) -> Vec<Rule> {
    // it is about the addresses of Services, which no pod has.
    if rule.to_services {
        return Vec::new();
    }
    let path = format!("spec.{direction}[{index}]");
    let list = if direction == Direction::Ingress { "from" } else { "to" };
    let peers = rule.peers.iter().enumerate().map(|(index, peer)| Peer {
        matches: lower_peer(&peer.value, members),
        provenance: Provenance { path: format!("{path}.{list}[{index}]").into(), span: peer.span },
    });
    //
    let peers = if rule.peers.is_empty() { Peers::Anyone } else { Peers::Listed(peers.collect()) };
    let action = match rule.action {
        AntreaAction::Allow => Action::Allow,
        AntreaAction::Drop => Action::Deny,
        AntreaAction::Pass => Action::Pass,
    };
    let made = |action, ports| Rule {
        name: rule.name.as_ref().map(|name| name.value.clone()),
        peers: peers.clone(),
        ports,
        ..Rule::new(action, Provenance { path: path.as_str().into(), span: rule.span })
    };
    if rule.vague {
        return vec![made(Action::Unknown, ports(&path, rule, |_| true))];
    }
    if rule.ports.is_empty() {
        return vec![made(action, Ports::All)];
    }
    // what depends on the port that a flow begins at is some of its flows.
    let (some, whole): (Vec<_>, Vec<_>) = rule.ports.iter().partition(|port| from_some(&port.value));
    let mut rules = Vec::new();
    if !whole.is_empty() {
        rules.push(made(action, ports(&path, rule, |port| !from_some(port))));
    }
    if !some.is_empty() {
        rules.push(made(Action::Unknown, ports(&path, rule, from_some)));
    }
    rules
}

const fn from_some(port: &AntreaPort) -> bool {
    matches!(port, AntreaPort::Numbers { from_some: true, .. } | AntreaPort::Name { from_some: true, .. })
}

fn ports(path: &str, rule: &AntreaRule, wanted: impl Fn(&AntreaPort) -> bool) -> Ports {
    if rule.ports.is_empty() {
        return Ports::All;
    }
    let items = rule.ports.iter().enumerate().filter(|(_, port)| wanted(&port.value));
    let items = items.map(|(index, port)| PortItem {
        matches: lower_port(&port.value),
        requests: None,
        provenance: Provenance { path: format!("{path}.ports[{index}]").into(), span: port.span },
    });
    Ports::Listed(items.collect())
}

fn lower_port(port: &AntreaPort) -> PortMatch {
    match port {
        AntreaPort::Numbers { protocol, ports, .. } => {
            let set = ports
                .as_ref()
                .map_or_else(PortSet::full, |ports| PortSet::range(*ports.start(), *ports.end()));
            PortMatch::Numbers(Traffic::of(*protocol, set))
        }
        AntreaPort::Name { protocol, name, .. } => {
            PortMatch::Named { protocol: Some(*protocol), name: name.clone() }
        }
        AntreaPort::Icmp { kind, code } => {
            let messages = kind.map_or_else(PortSet::full, |kind| icmp_messages(kind, *code));
            let of = |protocol| Traffic::of(protocol, messages.clone());
            PortMatch::Numbers(of(Protocol::Icmp).union(&of(Protocol::Icmpv6)))
        }
        AntreaPort::Igmp => PortMatch::Numbers(Traffic::NONE),
    }
}

fn lower_peer(peer: &AntreaPeer, members: &Members<'_>) -> PeerMatch {
    match peer {
        AntreaPeer::Pods { namespaces, pods } => {
            PeerMatch::Pods(members.pods(namespaces.as_ref(), pods.as_ref()))
        }
        AntreaPeer::Related { relation, pods } => {
            //
            let same = PeerMatch::Same(match relation {
                AntreaRelation::Same => Same::Namespace,
                AntreaRelation::Labels(keys) => Same::NamespaceLabels(keys.clone()),
            });
            match pods {
                None => same,
                Some(pods) => PeerMatch::All(vec![
                    same,
                    PeerMatch::Pods(PodSelector {
                        namespaces: NamespaceSelector::Labels(Selector::EVERYTHING),
                        pods: pods.clone(),
                    }),
                ]),
            }
        }
        AntreaPeer::Block { cidr, except } => PeerMatch::Block { cidr: *cidr, except: except.clone() },
        AntreaPeer::Group(name) => members.peer(name),
        AntreaPeer::Account { namespace, name } => PeerMatch::Pods(members.account(namespace, name)),
        AntreaPeer::Nodes(nodes) => PeerMatch::Nodes(nodes.clone()),
        AntreaPeer::Domain(name) => domain(name),
        AntreaPeer::Unknown => PeerMatch::Unknown,
    }
}

/// `*foobar.com` is the domain itself, too, and what is below it.
fn domain(name: &str) -> PeerMatch {
    match name.strip_prefix('*') {
        Some(rest) if !rest.starts_with('.') => PeerMatch::Any(vec![
            PeerMatch::Domain(DomainName::from(rest)),
            PeerMatch::Domain(DomainName::from(&*format!("*.{rest}"))),
        ]),
        _ => PeerMatch::Domain(DomainName::from(name)),
    }
}
