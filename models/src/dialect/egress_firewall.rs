//! OVN-Kubernetes' EgressFirewall: an enforcement point of its own for what leaves the cluster.

use std::sync::Arc;

use super::{Context, Enforcer, Lowered, Stage};
use crate::k8s::{self, FirewallPeer, FirewallRule};
use crate::policy::{
    Action, Isolation, NamespaceSelector, ObjectRef, Peer, PeerMatch, Peers, PodSelector, Policy, PortItem,
    PortMatch, Ports, Priority, Profile, Provenance, Rule,
};
use crate::space::{DomainName, PortSet, Selector, Traffic};

/// The first rule that matches decides; what none matches passes. No rule is about pods.
pub(super) fn lower(policy: &k8s::Policy, _: &Context<'_>) -> Lowered {
    let k8s::Policy::EgressFirewall(policy) = policy else { return Lowered::new() };
    let meta = &policy.meta;
    let rules: Vec<Rule> =
        policy.rules.iter().enumerate().map(|(index, rule)| lower_rule(index, rule)).collect();
    let stage = Stage {
        enforcer: Enforcer::EgressFirewall,
        fixed: Some(Profile { blocks_match_pods: false, ..Profile::ADMIN }),
        ..Stage::ordered("EgressFirewall", Priority::default())
    };
    let lowered = Policy {
        object: Arc::new(ObjectRef {
            group: "k8s.ovn.org",
            kind: "EgressFirewall",
            namespace: Some(meta.namespace.clone()),
            name: meta.name.value.clone(),
        }),
        name_span: meta.name.span,
        priority: Priority::default(),
        subject: PodSelector {
            namespaces: NamespaceSelector::Named(meta.namespace.clone()),
            pods: Selector::EVERYTHING,
        },
        also: Vec::new(),
        subject_span: meta.name.span,
        ingress: None,
        egress: Some(rules),
        isolation: Isolation::NONE,
        inert: Vec::new(),
    };
    vec![(stage, lowered)]
}

fn lower_rule(index: usize, rule: &FirewallRule) -> Rule {
    let path = format!("spec.egress[{index}]");
    let matches = match &rule.to.value {
        FirewallPeer::Block(cidr) => PeerMatch::Block { cidr: *cidr, except: Vec::new() },
        FirewallPeer::Domain(name) => PeerMatch::Domain(DomainName::from(&**name)),
        FirewallPeer::Nodes(nodes) => PeerMatch::Nodes(nodes.clone()),
    };
    let to = Provenance { path: format!("{path}.to").into(), span: rule.to.span };
    let ports = rule.ports.iter().enumerate().map(|(index, port)| {
        let (protocol, number) = port.value;
        let ports = number.map_or_else(PortSet::full, PortSet::single);
        PortItem {
            matches: PortMatch::Numbers(Traffic::of(protocol, ports)),
            requests: None,
            provenance: Provenance { path: format!("{path}.ports[{index}]").into(), span: port.span },
        }
    });
    Rule {
        peers: Peers::Listed(vec![Peer { matches, provenance: to }]),
        ports: if rule.ports.is_empty() { Ports::All } else { Ports::Listed(ports.collect()) },
        ..Rule::new(
            if rule.allows { Action::Allow } else { Action::Deny },
            Provenance { path: path.as_str().into(), span: rule.span },
        )
    }
}
