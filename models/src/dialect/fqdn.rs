//! Google's FQDNNetworkPolicy: isolates egress, and adds up with NetworkPolicies.

use std::sync::Arc;

use super::{Context, Lowered, network_policy};
use crate::k8s::{self, FqdnRule};
use crate::policy::{
    Action, Isolation, NamespaceSelector, ObjectRef, Peer, PeerMatch, Peers, PodSelector, Policy, PortItem,
    PortMatch, Ports, Priority, Provenance, Rule,
};
use crate::space::{DomainName, PortSet, Protocol, Stars, Traffic};

pub(super) fn lower(policy: &k8s::Policy, context: &Context<'_>) -> Lowered {
    let k8s::Policy::Fqdn(policy) = policy else { return Lowered::new() };
    let meta = &policy.meta;
    let rules = policy.rules.iter().enumerate().map(|(index, rule)| lower_rule(index, rule));
    let lowered = Policy {
        object: Arc::new(ObjectRef {
            group: "networking.gke.io",
            kind: "FQDNNetworkPolicy",
            namespace: Some(meta.namespace.clone()),
            name: meta.name.value.clone(),
        }),
        name_span: meta.name.span,
        priority: Priority::default(),
        subject: PodSelector {
            namespaces: NamespaceSelector::Named(meta.namespace.clone()),
            pods: policy.subject.value.clone(),
        },
        also: Vec::new(),
        subject_span: policy.subject.span,
        ingress: None,
        egress: Some(rules.collect()),
        isolation: Isolation::BOTH,
        inert: Vec::new(),
    };
    vec![(network_policy::stage(context), lowered)]
}

fn lower_rule(index: usize, rule: &FqdnRule) -> Rule {
    let path = format!("spec.egress[{index}]");
    let peers = rule.domains.iter().enumerate().map(|(index, domain)| Peer {
        matches: PeerMatch::Domain(DomainName::new(domain.value.clone(), Stars::Characters)),
        provenance: Provenance { path: format!("{path}.matches[{index}]").into(), span: domain.span },
    });
    let ports = rule.ports.iter().enumerate().map(|(index, port)| {
        let (protocol, number) = port.value;
        let numbers = number.map_or_else(PortSet::full, PortSet::single);
        let of = |protocol| Traffic::of(protocol, numbers.clone());
        let traffic = match protocol {
            Some(protocol) => of(protocol),
            None => of(Protocol::Tcp).union(&of(Protocol::Udp)),
        };
        PortItem {
            matches: PortMatch::Numbers(traffic),
            requests: None,
            provenance: Provenance { path: format!("{path}.ports[{index}]").into(), span: port.span },
        }
    });
    Rule {
        peers: Peers::Listed(peers.collect()),
        ports: if rule.ports.is_empty() { Ports::All } else { Ports::Listed(ports.collect()) },
        ..Rule::new(Action::Allow, Provenance { path: path.as_str().into(), span: rule.span })
    }
}
