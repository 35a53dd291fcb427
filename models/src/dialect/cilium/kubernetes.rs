//! NetworkPolicies as Cilium understands them (K-55 to K-57).

use super::labels;
use super::{Named, NamedPorts, before_1_20, ports, stage};
use crate::dialect::{Context, Lowered, network_policy};
use crate::k8s::{CiliumRequirement, LabelSource, NetworkPolicy, Section};
use crate::policy::{
    Direction, NamespaceSelector, PeerMatch, Peers, PodSelector, Policy, PortItem, PortMatch, Ports, Rule,
};
use crate::space::Selector;

/// Lowers a NetworkPolicy into the tier of Cilium's own policies.
pub(in crate::dialect) fn lower(policy: &NetworkPolicy, context: &Context<'_>) -> Lowered {
    lower_policy(policy, context).map(|policy| (stage(), policy)).into_iter().collect()
}

pub(super) fn lower_policy(policy: &NetworkPolicy, context: &Context<'_>) -> Option<Policy> {
    let mut lowered = network_policy::lower_policy(policy, in_effect);
    lowered.subject = seen(&lowered.subject)?;
    let names = NamedPorts::of(context);
    for (direction, rules) in
        [(Direction::Ingress, &mut lowered.ingress), (Direction::Egress, &mut lowered.egress)]
    {
        for rule in rules.iter_mut().flatten() {
            adapt(rule, direction, policy, context, &names);
        }
    }
    Some(lowered)
}

/// Rules count whatever the policy's types say; the types say what is isolated without any rule.
fn in_effect(policy: &NetworkPolicy, direction: Direction) -> bool {
    let rules = match direction {
        Direction::Ingress => &policy.ingress,
        Direction::Egress => &policy.egress,
    };
    rules.as_ref().is_some_and(|rules| !rules.value.is_empty())
        || network_policy::in_effect(policy, direction)
}

fn adapt(
    rule: &mut Rule,
    direction: Direction,
    policy: &NetworkPolicy,
    context: &Context<'_>,
    names: &NamedPorts,
) {
    if let Peers::Listed(peers) = &mut rule.peers {
        for peer in peers {
            match &peer.matches {
                PeerMatch::Pods(selector) => {
                    peer.matches = seen(selector).map_or(PeerMatch::Any(Vec::new()), PeerMatch::Pods);
                }
                // K-56: up to 1.19 a block brings the policy's own namespace with it.
                PeerMatch::Block { .. } if direction == Direction::Ingress && before_1_20(context) => {
                    let own = PeerMatch::Pods(PodSelector {
                        namespaces: NamespaceSelector::Named(policy.meta.namespace.clone()),
                        pods: Selector::EVERYTHING,
                    });
                    peer.matches = PeerMatch::Any(vec![peer.matches.clone(), own]);
                }
                _ => {}
            }
        }
    }
    let section = if direction == Direction::Ingress { Section::Ingress } else { Section::Egress };
    if let Ports::Listed(items) = &mut rule.ports {
        for PortItem { matches, .. } in items {
            if let PortMatch::Named { protocol: Some(protocol), name } = matches
                && let Named::Everywhere(number) = names.lookup(section, name, *protocol)
            {
                *matches = ports::numbered(*protocol, number);
            }
        }
    }
}

/// The pods as Cilium's identities show them (K-10); `None` where none can have such labels.
fn seen(selector: &PodSelector) -> Option<PodSelector> {
    let asked: Vec<CiliumRequirement> = selector
        .pods
        .requirements()
        .iter()
        .map(|requirement| CiliumRequirement {
            source: LabelSource::Kubernetes,
            requirement: requirement.clone(),
        })
        .collect();
    let pods = labels::pods(&asked)?;
    Some(PodSelector { namespaces: labels::both(&selector.namespaces, &pods.namespaces), pods: pods.pods })
}
