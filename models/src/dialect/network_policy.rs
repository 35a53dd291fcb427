//! NetworkPolicy v1: a union of what policies allow to the pods that any of them isolates.

use std::sync::Arc;

use super::admin::NETWORK_POLICY;
use super::{Context, Lowered, Stage, aws, calico, cilium};
use crate::cni::{NamedPorts, Plugin, Traits};
use crate::k8s::{
    self, Meta, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, PortRef, Spanned,
};
use crate::policy::{
    Action, Direction, Inert, Isolation, Mode, NamespaceSelector, ObjectRef, Peer, PeerMatch, Peers,
    PodSelector, Policy, PortItem, PortMatch, Ports, Priority, Provenance, Rule,
};
use crate::space::{DomainName, PortSet, Protocol, Selector, Traffic, Truth};

/// Applies the defaults of the API and spells out what they mean (S-1 to S-26).
pub(super) fn lower(policy: &k8s::Policy, context: &Context<'_>) -> Lowered {
    let (policy, group, kind) = match policy {
        k8s::Policy::NetworkPolicy(policy) => (policy, "networking.k8s.io", "NetworkPolicy"),
        k8s::Policy::AwsApplication(policy) => (policy, "networking.k8s.aws", "ApplicationNetworkPolicy"),
        _ => return Lowered::new(),
    };
    match context.cni.plugin {
        // C-60.
        Plugin::Calico => {
            let Meta { namespace, name, .. } = &policy.meta;
            let (stage, priority) = calico::kubernetes(context, namespace, &name.value);
            return vec![(stage, Policy { priority, ..lower_policy(policy, in_effect) })];
        }
        // K-55.
        Plugin::Cilium => return cilium::lower_kubernetes(policy, context),
        _ => {}
    }
    let mut lowered = lower_policy(policy, in_effect);
    if kind != "NetworkPolicy" {
        lowered.object = Arc::new(ObjectRef { group, kind, ..(*lowered.object).clone() });
    }
    let traits = &context.cni.traits;
    if traits.end_port == Truth::Maybe || traits.named_ports == NamedPorts::Unknown {
        for rules in [&mut lowered.ingress, &mut lowered.egress].into_iter().flatten() {
            *rules = std::mem::take(rules).into_iter().flat_map(|rule| doubt(rule, traits)).collect();
        }
    }
    let parts = if context.by_length { aws::by_length(&lowered) } else { vec![lowered] };
    parts.into_iter().map(|policy| (stage(context), policy)).collect()
}

/// The tier of NetworkPolicies, and of what is added up with them.
pub(super) fn stage(context: &Context<'_>) -> Stage {
    if context.cni.plugin == Plugin::Cilium {
        return cilium::stage();
    }
    let stage = Stage::union("NetworkPolicy", Priority::number(NETWORK_POLICY));
    if context.by_length { Stage { mode: Mode::FirstMatch, ..stage } } else { stage }
}

/// A rule as far as a plugin is known to follow it, and the rest, of which that is unknown.
fn doubt(rule: Rule, traits: &Traits) -> Vec<Rule> {
    let Ports::Listed(items) = &rule.ports else { return vec![rule] };
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for item in items {
        match &item.matches {
            PortMatch::Named { .. } if traits.named_ports == NamedPorts::Unknown => {
                unknown.push(item.clone());
            }
            PortMatch::Numbers(traffic) if traits.end_port == Truth::Maybe => {
                let first = Protocol::EVERY.into_iter().find_map(|protocol| {
                    let ports = traffic.ports(protocol);
                    let range =
                        matches!(ports.intervals(), [(first, last)] if first < last) && !ports.is_full();
                    Some((protocol, ports.first().filter(|_| range)?))
                });
                match first {
                    Some((protocol, first)) => {
                        let matches = PortMatch::Numbers(Traffic::of(protocol, PortSet::single(first)));
                        known.push(PortItem { matches, ..item.clone() });
                        unknown.push(item.clone());
                    }
                    None => known.push(item.clone()),
                }
            }
            _ => known.push(item.clone()),
        }
    }
    if unknown.is_empty() {
        return vec![rule];
    }
    let rest = Rule { action: Action::Unknown, ports: Ports::Listed(unknown), ..rule.clone() };
    vec![Rule { ports: Ports::Listed(known), ..rule }, rest]
}

/// A policy, of whose directions those count that are in effect.
pub(super) fn lower_policy(
    policy: &NetworkPolicy,
    in_effect: fn(&NetworkPolicy, Direction) -> bool,
) -> Policy {
    let namespace = &policy.meta.namespace;
    let name = &policy.meta.name;
    let (subject, subject_span) = match &policy.pod_selector {
        Some(selector) => (selector.value.clone(), selector.span),
        // S-10
        None => (Selector::EVERYTHING, name.span),
    };
    let mut inert = Vec::new();
    let mut rules = |direction: Direction, list: Option<&Spanned<Vec<NetworkPolicyRule>>>| {
        if in_effect(policy, direction) {
            // S-6: nothing written and an empty list both allow nothing.
            let rules = list.map_or(&[][..], |list| &list.value);
            let rules = rules.iter().enumerate();
            return Some(rules.map(|(index, rule)| lower_rule(namespace, direction, index, rule)).collect());
        }
        inert.extend(list.map(|list| Inert {
            direction,
            provenance: Provenance { path: format!("spec.{direction}").into(), span: list.span },
            rules: list.value.len(),
            types_span: policy.policy_types.as_ref().map(|types| types.span),
        }));
        None
    };
    let ingress = rules(Direction::Ingress, policy.ingress.as_ref());
    let egress = rules(Direction::Egress, policy.egress.as_ref());
    Policy {
        object: Arc::new(ObjectRef {
            group: "networking.k8s.io",
            kind: "NetworkPolicy",
            namespace: Some(namespace.clone()),
            name: name.value.clone(),
        }),
        name_span: name.span,
        priority: Priority::default(),
        // S-46
        subject: PodSelector { namespaces: NamespaceSelector::Named(namespace.clone()), pods: subject },
        also: Vec::new(),
        subject_span,
        ingress,
        egress,
        isolation: Isolation::BOTH,
        inert,
    }
}

/// Whether a policy speaks of a direction (S-1, S-2).
pub(super) fn in_effect(policy: &NetworkPolicy, direction: Direction) -> bool {
    match (&policy.policy_types, direction) {
        (Some(types), _) => types.value.contains(&direction),
        (None, Direction::Ingress) => true,
        (None, Direction::Egress) => policy.egress.as_ref().is_some_and(|rules| !rules.value.is_empty()),
    }
}

fn lower_rule(namespace: &str, direction: Direction, index: usize, rule: &NetworkPolicyRule) -> Rule {
    let path = format!("spec.{direction}[{index}]");
    let peers_name = match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    };
    let at =
        |list: &str, index: usize, span| Provenance { path: format!("{path}.{list}[{index}]").into(), span };
    let peers = rule.peers.iter().enumerate().map(|(index, peer)| Peer {
        matches: lower_peer(namespace, &peer.value),
        provenance: at(peers_name, index, peer.span),
    });
    let ports = rule.ports.iter().enumerate().map(|(index, port)| PortItem {
        matches: lower_port(&port.value),
        requests: None,
        provenance: at("ports", index, port.span),
    });
    Rule {
        // S-7 and S-8: an empty list is no list.
        peers: if rule.peers.is_empty() { Peers::Anyone } else { Peers::Listed(peers.collect()) },
        ports: if rule.ports.is_empty() { Ports::All } else { Ports::Listed(ports.collect()) },
        ..Rule::new(Action::Allow, Provenance { path: path.as_str().into(), span: rule.span })
    }
}

fn lower_peer(namespace: &str, peer: &NetworkPolicyPeer) -> PeerMatch {
    match peer {
        NetworkPolicyPeer::Pods { namespaces, pods } => PeerMatch::Pods(PodSelector {
            namespaces: match namespaces {
                Some(selector) => NamespaceSelector::Labels(selector.clone()),
                // S-11
                None => NamespaceSelector::Named(namespace.into()),
            },
            // S-12
            pods: pods.clone().unwrap_or(Selector::EVERYTHING),
        }),
        NetworkPolicyPeer::Block { cidr, except } => PeerMatch::Block { cidr: *cidr, except: except.clone() },
        NetworkPolicyPeer::Domains(domains) => {
            let names = domains.iter().map(|domain| DomainName::from(&**domain));
            PeerMatch::Any(names.map(PeerMatch::Domain).collect())
        }
    }
}

fn lower_port(port: &NetworkPolicyPort) -> PortMatch {
    let numbers = |ports| PortMatch::Numbers(Traffic::of(port.protocol, ports));
    match &port.port {
        // S-21
        None => numbers(PortSet::full()),
        Some(PortRef::Numbers(range)) => numbers(PortSet::range(*range.start(), *range.end())),
        Some(PortRef::Name(name)) => PortMatch::Named { protocol: Some(port.protocol), name: name.clone() },
    }
}
