//! Who is refused because of how it connects (M-10 to M-14).

use std::sync::Arc;

use super::{Lowered, Objects, ROOT, Tier, identity, in_the_mesh, of_server, pods_with};
use crate::cluster::{Cluster, Service};
use crate::cluster::{MeshServer, Proxy};
use crate::k8s::istio::{ClientTls, DestinationRule};
use crate::policy::{
    Action, Isolation, NamespaceSelector, ObjectRef, Peer, PeerMatch, Peers, PodSelector, Policy, PortItem,
    PortMatch, Ports, Priority, Provenance, Rule,
};
use crate::source::{SourceId, Span};
use crate::space::{Operator, PortSet, Protocol, Selector, Traffic};

/// What a server takes: ports past its proxy, and mutual TLS only where its mode is STRICT.
pub(super) fn lower(number: u32, server: &MeshServer, objects: &Objects<'_>) -> Lowered {
    let mut lowered = Lowered::new();
    let everywhere = NamespaceSelector::Labels(Selector::EVERYTHING);
    let subject = of_server(number, everywhere, &Selector::EVERYTHING);
    // M-6: past the proxy nothing of the mesh is asked.
    if !server.past.is_empty() {
        let at = Provenance { path: "".into(), span: nowhere() };
        let mut rule = Rule::new(Action::Allow, at);
        rule.ports = tcp(&server.past, None);
        let object =
            ObjectRef { group: "", kind: "Mesh", namespace: None, name: "ports past the proxy".into() };
        lowered.push(Tier::Mutual.with(policy(object, nowhere(), subject.clone(), vec![rule], 0)));
    }
    if server.strict.is_empty() {
        return lowered;
    }
    // Whoever has made a port of it strict is who refuses; the first that could.
    let Some(strict) = objects.peers.iter().find(|peer| {
        let modes = peer.ports.values().filter_map(|mode| mode.value).chain(peer.mode.map(|mode| mode.value));
        modes.into_iter().any(|mode| mode == crate::k8s::istio::MutualTls::Strict)
    }) else {
        return lowered;
    };
    let span = strict.mode.map_or(strict.meta.name.span, |mode| mode.span);
    let at = Provenance { path: "spec.mtls.mode".into(), span };
    let mut rule = Rule::new(Action::Deny, at.clone());
    let plaintext = PeerMatch::Not(Box::new(in_the_mesh()));
    rule.peers = Peers::Listed(vec![Peer { matches: plaintext, provenance: at }]);
    rule.ports = tcp(&server.strict, Some(span));
    let object = ObjectRef {
        group: "security.istio.io",
        kind: "PeerAuthentication",
        namespace: Some(strict.meta.namespace.clone()),
        name: strict.meta.name.value.clone(),
    };
    lowered.push(Tier::Mutual.with(policy(object, strict.meta.name.span, subject, vec![rule], 1)));
    lowered
}

/// TCP ports as those of a rule.
fn tcp(ports: &PortSet, span: Option<Span>) -> Ports {
    if ports.is_full() && span.is_none() {
        return Ports::All;
    }
    Ports::Listed(vec![PortItem {
        matches: PortMatch::Numbers(Traffic::of(Protocol::Tcp, ports.clone())),
        requests: None,
        provenance: Provenance { path: "".into(), span: span.unwrap_or_else(nowhere) },
    }])
}

fn nowhere() -> Span {
    Span::new(SourceId(0), 0, 0)
}

fn policy(object: ObjectRef, name_span: Span, subject: PodSelector, rules: Vec<Rule>, order: i32) -> Policy {
    Policy {
        object: Arc::new(object),
        name_span,
        priority: Priority::number(order),
        subject,
        also: Vec::new(),
        subject_span: name_span,
        ingress: Some(rules),
        egress: None,
        isolation: Isolation::NONE,
        inert: Vec::new(),
    }
}

/// What DestinationRules make of connections, against what servers take (M-12): plaintext to a server that refuses it,
/// mutual TLS to one that has no proxy or takes none.
pub(super) fn outside_the_mesh(objects: &Objects<'_>, cluster: &Cluster) -> Lowered {
    let mut lowered = Lowered::new();
    for rule in &objects.destinations {
        for service in services(rule, cluster) {
            for port in &service.ports {
                let of_port = rule.tls.ports.iter().find(|(number, _)| *number == port.port);
                let Some(tls) = of_port.map(|(_, tls)| tls).or(rule.tls.general.as_ref()) else { continue };
                for target in cluster.targets(service, port) {
                    let crate::cluster::Target::Pods { group, port } = target else { continue };
                    let Some(group) = cluster.groups.get(group.0 as usize) else { continue };
                    let number = group.attributes.get(super::SERVER).and_then(|number| number.parse().ok());
                    let Some(number): Option<u32> = number else { continue };
                    let Some(server) = cluster.mesh.as_ref().and_then(|servers| servers.get(number as usize))
                    else {
                        continue;
                    };
                    let fails = match tls.value {
                        ClientTls::Disable => server.proxy == Proxy::Sidecar && server.strict.contains(port),
                        ClientTls::IstioMutual => {
                            server.proxy == Proxy::None
                                || server.proxy == Proxy::Sidecar && server.plaintext.contains(port)
                        }
                        ClientTls::Other => false,
                    };
                    if !fails {
                        continue;
                    }
                    let namespace = cluster.namespace_name(group.namespace);
                    lowered.push(refused(rule, tls.span, namespace, number, group, port));
                }
            }
        }
    }
    lowered
}

/// The Services that a rule is about (M-60).
pub(super) fn services<'c>(rule: &DestinationRule, cluster: &'c Cluster) -> Vec<&'c Service> {
    let host = &*rule.host.value;
    let names = |service: &Service| {
        let namespace = cluster.namespace_name(service.namespace);
        let full = format!("{}.{namespace}.svc.cluster.local", service.name);
        let short = [format!("{}.{namespace}", service.name), format!("{}.{namespace}.svc", service.name)];
        let own = *namespace == *rule.meta.namespace && *service.name == *host;
        let wild = host.strip_prefix('*').is_some_and(|suffix| full.ends_with(suffix));
        own || full == host || short.iter().any(|short| short == host) || wild
    };
    cluster.services.iter().filter(|service| names(service)).collect()
}

/// A connection of the clients that the rule is for fails.
fn refused(
    rule: &DestinationRule,
    span: Span,
    namespace: &str,
    number: u32,
    group: &crate::cluster::PodGroup,
    port: u16,
) -> (super::Stage, Policy) {
    let at = Provenance { path: "spec.trafficPolicy.tls.mode".into(), span };
    let mut denial = Rule::new(Action::Deny, at.clone());
    // Only sidecars obey it: those of the rule's namespace, or all where it is the Service's or the root.
    let sidecars = pods_with(identity::PROXY, Operator::In, &[Proxy::Sidecar.name()]);
    let everywhere = *rule.meta.namespace == *namespace || *rule.meta.namespace == *ROOT;
    let clients = if everywhere {
        sidecars
    } else {
        let own = PodSelector {
            namespaces: NamespaceSelector::Named(rule.meta.namespace.clone()),
            pods: Selector::EVERYTHING,
        };
        PeerMatch::All(vec![sidecars, PeerMatch::Pods(own)])
    };
    denial.peers = Peers::Listed(vec![Peer { matches: clients, provenance: at }]);
    denial.ports = tcp(&PortSet::single(port), Some(span));
    let labels =
        group.labels.iter().map(|(key, value)| crate::space::Requirement::new(key, Operator::In, [value]));
    let subject = of_server(
        number,
        NamespaceSelector::Named(namespace.into()),
        &Selector::new(labels.collect::<Vec<_>>()),
    );
    let object = ObjectRef {
        group: "networking.istio.io",
        kind: "DestinationRule",
        namespace: Some(rule.meta.namespace.clone()),
        name: rule.meta.name.value.clone(),
    };
    Tier::Mutual.with(policy(object, rule.meta.name.span, subject, vec![denial], 2))
}
