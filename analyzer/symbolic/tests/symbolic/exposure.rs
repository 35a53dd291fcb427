//! Exposure: readable, and exact.

use std::net::IpAddr;

use npv_models::decide::{End, PodEnd, Profile, Verdict, decide};
use npv_models::policy::{Direction, NamespaceSelector, PodSelector, PolicySet};
use npv_models::space::{IpSet, Selector};
use npv_symbolic::exposure::{Exposure, PeerSet};
use npv_symbolic::session::{Options, Session};
use npv_symbolic::spec::{EndPart, EndSpec, PodSpec, Question};
use proptest::prelude::*;

use crate::common::{self, OwnedEnd, OwnedFlow};
use crate::manifests::Manifests;

fn selector(selector: &PodSelector) -> String {
    match &selector.namespaces {
        NamespaceSelector::Named(name) => format!("{name}: {}", selector.pods),
        NamespaceSelector::Labels(labels) => format!("[{labels}]: {}", selector.pods),
    }
}

fn addresses(set: &IpSet) -> String {
    set.ranges().map(|(first, last)| npv_models::space::cidr_text(first, last)).collect::<Vec<_>>().join(", ")
}

fn text(exposure: &Exposure) -> Vec<String> {
    let peer = |peer: &PeerSet| match peer {
        PeerSet::Everybody => "everybody".to_owned(),
        PeerSet::Pods { selector: pods, ports, not_ports, addresses: at } => {
            assert!(not_ports.is_empty());
            let port: String = ports.iter().map(|port| format!(" on {port}")).collect();
            let at = at.as_ref().map(|at| format!(" at {}", addresses(at))).unwrap_or_default();
            format!("pods {}{port}{at}", selector(pods))
        }
        PeerSet::Nodes { selector, addresses: at } => {
            let at = at.as_ref().map(|at| format!(" at {}", addresses(at))).unwrap_or_default();
            format!("nodes {selector}{at}")
        }
        PeerSet::Addresses(set) => format!("addresses {}", addresses(set)),
    };
    assert_eq!(exposure.unknown, None);
    let line = |exposed: &npv_symbolic::exposure::Exposed| {
        format!("{}: {}", exposed.traffic, exposed.peers.iter().map(peer).collect::<Vec<_>>().join("; "))
    };
    exposure.open.iter().map(line).collect()
}

fn of_app(policies: &str, app: &str, direction: Direction) -> Vec<String> {
    let manifests = Manifests::read(policies);
    let pod = PodSpec {
        namespace: "shop".into(),
        labels: [("app", app)].into_iter().collect(),
        ..PodSpec::default()
    };
    let questions = [Question::between(EndSpec::from(EndPart::Pod(pod.clone())), EndSpec::anybody())];
    let mut session =
        Session::new(&[&manifests.policies], Profile::default(), Options::default(), &questions);
    text(&session.exposure(0, &pod, direction))
}

#[test]
fn reads_as_the_policies_do() {
    let policies = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress:
    - from: [{namespaceSelector: {matchLabels: {role: ingress}}}]
      ports: [{port: 8080}]
    - from: [{namespaceSelector: {matchLabels: {team: sre}}, podSelector: {matchLabels: {app: prometheus}}}]
      ports: [{port: 9090}, {port: 8080}]
    - from: [{podSelector: {}}]
    - from: [{podSelector: {matchLabels: {app: api}}}]
  egress:
    - to: [{podSelector: {matchLabels: {app: api}}}]
      ports: [{port: http}]
    - to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]
      ports: [{port: 443}]
";
    assert_eq!(
        of_app(policies, "web", Direction::Ingress),
        [
            "all: pods shop: {}",
            "TCP 8080,9090: pods [team=sre]: app=prometheus",
            "TCP 8080: pods [role=ingress]: {}",
        ]
    );
    assert_eq!(
        of_app(policies, "web", Direction::Egress),
        [
            "TCP all: pods shop: app=api on http",
            "TCP 443: pods [{}]: {} at 0.0.0.0/5, 8.0.0.0/7, 11.0.0.0/8, 12.0.0.0/6, 16.0.0.0/4, 32.0.0.0/3, 64.0.0.0/2, 128.0.0.0/1; \
             nodes {} at 0.0.0.0/5, 8.0.0.0/7, 11.0.0.0/8, 12.0.0.0/6, 16.0.0.0/4, 32.0.0.0/3, 64.0.0.0/2, 128.0.0.0/1; \
             addresses 0.0.0.0/5, 8.0.0.0/7, 11.0.0.0/8, 12.0.0.0/6, 16.0.0.0/4, 32.0.0.0/3, 64.0.0.0/2, 128.0.0.0/1",
        ]
    );
    assert_eq!(of_app(policies, "db", Direction::Ingress), [""; 0]);
    let nothing = "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {containers: []}}";
    assert_eq!(of_app(nothing, "db", Direction::Ingress), ["all: everybody"]);
}

#[test]
fn what_a_denial_leaves_is_said_in_selectors() {
    let policies = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: admin-10-deny-guests, namespace: shop}
spec:
  podSelector: {}
  ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: tenant, operator: In, values: [guest, trial]}]}}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: pods, namespace: shop}
spec: {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}
";
    assert_eq!(of_app(policies, "web", Direction::Ingress), ["all: pods [tenant notin (guest, trial)]: {}"]);
}

/// Whether the end is one of the peers.
fn among(peer: &PeerSet, end: &End<'_>, port: u16, protocol: npv_models::space::Protocol) -> bool {
    let at = |set: &Option<IpSet>, known: &[IpAddr]| {
        set.as_ref().is_none_or(|set| known.iter().any(|address| set.contains(*address)))
    };
    match (peer, end) {
        (PeerSet::Everybody, _) => true,
        (PeerSet::Pods { selector, ports, not_ports, addresses }, End::Pod(pod)) if !pod.host_network => {
            let namespaces = match &selector.namespaces {
                NamespaceSelector::Named(name) => pod.namespace == Some(&**name),
                NamespaceSelector::Labels(labels) => labels.matches(pod.namespace_labels),
            };
            let on = |name: &str| {
                let declared = pod.ports.iter().filter(|declared| declared.name.as_deref() == Some(name));
                declared.into_iter().any(|declared| (declared.number, declared.protocol) == (port, protocol))
            };
            let declares = ports.iter().all(|name| on(name)) && !not_ports.iter().any(|name| on(name));
            namespaces && selector.pods.matches(pod.labels) && declares && at(addresses, pod.addresses)
        }
        (PeerSet::Nodes { selector, addresses }, End::Node(node)) => {
            selector.matches(node.labels) && at(addresses, node.addresses)
        }
        (
            PeerSet::Nodes { selector, addresses },
            End::Pod(PodEnd { host_network: true, node, addresses: known, .. }),
        ) => node.is_some_and(|node| selector.matches(node.labels)) && at(addresses, known),
        (PeerSet::Addresses(set), End::Address(address)) => set.contains(*address),
        _ => false,
    }
}

/// Policies that nearly all apply to every pod, so that there is something to say of any.
fn broad() -> impl Strategy<Value = PolicySet> {
    (common::kubernetes(), any::<usize>()).prop_map(|(mut policies, narrow)| {
        let all = policies.layers.iter_mut().flat_map(|layer| &mut layer.tiers);
        for (index, policy) in all.flat_map(|tier| &mut tier.policies).enumerate() {
            if index != narrow % 8 {
                let namespaces = NamespaceSelector::Labels(Selector::EVERYTHING);
                policy.subject = PodSelector { namespaces, pods: Selector::EVERYTHING };
            }
        }
        policies
    })
}

proptest! {
    #![proptest_config(common::cases(600))]

    #[test]
    fn is_exact(
        policies in broad(), blocks_match_pods in any::<bool>(), egress in any::<bool>(),
        subject in common::pod(), flows in proptest::collection::vec(common::possible_flow(), 30),
    ) {
        let profile = Profile { blocks_match_pods, ..Profile::default() };
        let OwnedEnd::Pod { namespace, namespace_labels, labels, ports, .. } = &subject else { return Ok(()) };
        let (namespace, mut namespace_labels) = (namespace.clone().or(Some("elsewhere".into())), namespace_labels.clone());
        namespace_labels.insert("kubernetes.io/metadata.name", namespace.as_deref().unwrap_or_default());
        let pod = PodSpec {
            namespace: namespace.as_deref().unwrap_or("elsewhere").into(),
            namespace_labels: Some(namespace_labels.clone()),
            labels: labels.clone(),
            ports: ports.clone(),
            host_network: false,
        };
        let questions = [Question::between(EndSpec::from(EndPart::Pod(pod.clone())), EndSpec::anybody())];
        let mut session = Session::new(&[&policies], profile, Options::default(), &questions);
        let direction = if egress { Direction::Egress } else { Direction::Ingress };
        let exposure = session.exposure(0, &pod, direction);
        prop_assert_eq!(&exposure.unknown, &None);
        for mut flow in flows {
            let own = OwnedEnd::Pod {
                name: Some("self".into()),
                namespace: namespace.clone(),
                namespace_labels: namespace_labels.clone(),
                labels: labels.clone(),
                attributes: npv_models::space::Labels::default(),
                ports: ports.clone(),
                host_network: false,
                addresses: Vec::new(),
                node: None,
            };
            let peer = if egress { &mut flow.dst } else { &mut flow.src };
            match peer {
                // Of the same namespace means with the same labels of the namespace; with an address.
                OwnedEnd::Pod { namespace: theirs, namespace_labels: known, addresses, .. } => {
                    if *theirs == namespace {
                        *known = namespace_labels.clone();
                    }
                    if addresses.is_empty() {
                        addresses.push("203.0.113.7".parse().unwrap());
                    }
                }
                OwnedEnd::Node(_, _, addresses) if addresses.is_empty() => {
                    addresses.push("203.0.113.7".parse().unwrap());
                }
                OwnedEnd::Node(..) | OwnedEnd::Address(_) => {}
            }
            let flow = if egress { OwnedFlow { src: own, ..flow } } else { OwnedFlow { dst: own, ..flow } };
            let (verdict, listed) = flow.with(|flow| {
                let decision = decide(&policies, profile, flow);
                let (verdict, peer) =
                    if egress { (decision.egress, &flow.dst) } else { (decision.ingress, &flow.src) };
                let listed = exposure.open.iter().any(|exposed| {
                    exposed.traffic.contains(flow.protocol, flow.port)
                        && exposed.peers.iter().any(|set| among(set, peer, flow.port, flow.protocol))
                });
                (verdict, listed)
            });
            prop_assert_eq!(listed, verdict == Verdict::Allow, "{:?} {:?}", exposure, flow);
        }
    }
}
