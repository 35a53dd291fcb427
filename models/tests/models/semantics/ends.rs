//! S-5, S-35 to S-37, S-63: which ends policies apply to at all.

use npv_models::decide::{End, Exemption, Profile, Verdict};
use npv_models::policy::Direction::{Egress, Ingress};
use npv_models::policy::{PeerMatch, PolicySet};
use npv_models::space::Protocol::Tcp;

use super::ask::*;

const SEEING: Profile = Profile { selectors_see_host_network: true, ..Profile::ADMIN };

fn deny_all() -> PolicySet {
    policies(vec![
        policy("in", across("", ""), Ingress, vec![]),
        policy("out", across("", ""), Egress, vec![]),
    ])
}

#[test]
fn s5_both_sides_must_allow() {
    let (a, b, c) = (Pod::new("x", "a", "pod=a"), Pod::new("x", "b", "pod=b"), Pod::new("x", "c", ""));
    let set = policies(vec![
        policy("in", local("x", "pod=a"), Ingress, vec![]),
        policy("out", local("x", "pod=b"), Egress, vec![]),
    ]);
    let sides = |src: &Pod, dst: &Pod| {
        let decision = ask(&set, src.end(), dst.end());
        (decision.egress, decision.ingress, decision.verdict())
    };
    assert_eq!(sides(&b, &a), (Verdict::Deny, Verdict::Deny, Verdict::Deny));
    assert_eq!(sides(&c, &a), (Verdict::Allow, Verdict::Deny, Verdict::Deny));
    assert_eq!(sides(&b, &c), (Verdict::Deny, Verdict::Allow, Verdict::Deny));
    assert_eq!(sides(&a, &c), (Verdict::Allow, Verdict::Allow, Verdict::Allow));
    // S-3: isolated for ingress only, and for egress only.
    assert_eq!(sides(&c, &b), (Verdict::Allow, Verdict::Allow, Verdict::Allow));
}

#[test]
fn nothing_applies_to_nodes_and_addresses() {
    let set = deny_all();
    let (node, other) = (Node::new("n1", "", "192.168.0.1"), Node::new("n2", "", "192.168.0.2"));
    assert!(allowed(&set, address("10.0.0.1"), End::Node(node.end())));
    assert!(allowed(&set, End::Node(other.end()), End::Node(node.end())));
    let decision = ask(&set, address("10.0.0.1"), Pod::new("x", "a", "").end());
    assert_eq!((decision.egress, decision.ingress), (Verdict::Allow, Verdict::Deny));
}

#[test]
fn s35_a_node_reaches_its_own_pods() {
    let set = deny_all();
    let (own, other) = (Node::new("n1", "", "192.168.0.1"), Node::new("n2", "", "192.168.0.2"));
    let (own_end, other_end) = (own.end(), other.end());
    let pod = Pod::new("x", "a", "");
    let decision = ask(&set, End::Node(own.end()), End::Pod(pod.pod(Some(&own_end))));
    assert_eq!(decision.verdict(), Verdict::Allow);
    assert_eq!(decision.exemption, Some(Exemption::OwnNode));
    assert!(!allowed(&set, End::Node(own.end()), End::Pod(pod.pod(Some(&other_end)))));
    assert!(!allowed(&set, End::Node(own.end()), pod.end()), "its node is not known");
    assert!(!allowed(&set, End::Pod(pod.pod(Some(&own_end))), End::Node(own.end())), "not the other way");
    let neighbour = Pod::new("x", "b", "");
    let from_neighbour =
        ask(&set, End::Pod(neighbour.pod(Some(&own_end))), End::Pod(pod.pod(Some(&own_end))));
    assert_eq!(from_neighbour.ingress, Verdict::Deny);
    assert_eq!(from_neighbour.exemption, None);
}

#[test]
fn s35_s37_so_does_a_pod_on_that_nodes_network_unless_selectors_see_it() {
    let set = deny_all();
    let node = Node::new("n1", "", "192.168.0.1");
    let end = node.end();
    let agent = Pod::new("infra", "agent", "").on_host_network();
    let pod = Pod::new("x", "a", "");
    assert!(allowed(&set, End::Pod(agent.pod(Some(&end))), End::Pod(pod.pod(Some(&end)))));
    assert!(!allowed(&set, agent.end(), End::Pod(pod.pod(Some(&end)))));
    let open = policies(vec![policy("in", local("x", ""), Ingress, vec![])]);
    assert!(!allowed_with(SEEING, &open, End::Pod(agent.pod(Some(&end))), End::Pod(pod.pod(Some(&end)))));
}

#[test]
fn s36_a_pod_cannot_block_itself() {
    let set = deny_all();
    let pod = Pod::new("x", "a", "");
    let decision = ask(&set, pod.end(), pod.end());
    assert_eq!(decision.verdict(), Verdict::Allow);
    assert_eq!(decision.exemption, Some(Exemption::Itself));
    assert!(decision.steps.is_empty());
    assert!(!allowed(&set, pod.end(), Pod::new("y", "a", "").end()), "a namesake is another pod");
    assert!(!allowed(&set, pod.end(), Pod::new("x", "b", "").end()));
    let mut nameless = pod.pod(None);
    nameless.name = None;
    assert!(!allowed(&set, End::Pod(nameless), End::Pod(nameless)), "two pods of one template");
    let mut nowhere = pod.pod(None);
    nowhere.namespace = None;
    assert!(!allowed(&set, End::Pod(nowhere), End::Pod(nowhere)));
}

#[test]
fn s37_no_policy_applies_to_a_pod_on_the_host_network() {
    let set = deny_all();
    let agent = || Pod::new("x", "agent", "").on_host_network();
    let other = Pod::new("x", "other", "").on_host_network();
    assert!(allowed(&set, agent().end(), other.end()));
    assert!(allowed(&set, agent().end(), address("10.0.0.1")));
    assert!(!allowed_with(SEEING, &set, agent().end(), address("10.0.0.1")));
    assert!(!allowed_with(SEEING, &set, address("10.0.0.1"), agent().end()));
}

#[test]
fn s37_selectors_and_named_ports_do_not_see_the_host_network_but_blocks_do() {
    let agent = Pod::new("x", "agent", "app=agent")
        .on_host_network()
        .address("192.168.0.1")
        .declares("metrics", Tcp, 80);
    let cart = Pod::new("shop", "cart", "");
    let guard = |rule| policies(vec![policy("out", local("shop", ""), Egress, vec![rule])]);
    let by_label = guard(allow().peer(PeerMatch::Pods(across("", "app=agent"))));
    let by_block = guard(allow().peer(block("192.168.0.0/24")));
    let by_name = guard(allow().port(named(Tcp, "metrics")));
    assert!(!allowed(&by_label, cart.end(), agent.end()));
    assert!(allowed(&by_block, cart.end(), agent.end()));
    assert!(!allowed(&by_name, cart.end(), agent.end()));
    assert!(allowed_with(SEEING, &by_label, cart.end(), agent.end()));
    assert!(allowed_with(SEEING, &by_name, cart.end(), agent.end()));
    let blind = Profile { blocks_match_pods: false, ..Profile::default() };
    assert!(
        allowed_with(blind, &by_block, cart.end(), agent.end()),
        "the address is the node's, not a pod's"
    );
}
