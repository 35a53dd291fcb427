//! S-7, S-10 to S-19, S-43, S-46, S-64, S-67: whom a policy selects and whom a peer matches.

use npv_models::decide::{End, PodEnd, Profile, Verdict};
use npv_models::policy::Direction::{Egress, Ingress};
use npv_models::policy::{Action, PeerMatch, Peers, PolicySet, Rule};
use npv_models::space::{Family, IpSet, Protocol};

use super::ask::*;

/// `shop/cart` lets in what the peer matches.
fn from(peer: PeerMatch) -> PolicySet {
    policies(vec![policy("guard", local("shop", "app=cart"), Ingress, vec![allow().peer(peer)])])
}

/// `shop/cart` may connect to what the peer matches.
fn to(peer: PeerMatch) -> PolicySet {
    policies(vec![policy("guard", local("shop", "app=cart"), Egress, vec![allow().peer(peer)])])
}

fn cart() -> Pod {
    Pod::new("shop", "cart", "app=cart")
}

fn lets_in(peer: PeerMatch, src: End<'_>) -> bool {
    allowed(&from(peer), src, cart().end())
}

fn lets_out(peer: PeerMatch, dst: End<'_>) -> bool {
    allowed(&to(peer), cart().end(), dst)
}

fn pods(namespaces: &str, labels: &str) -> PeerMatch {
    PeerMatch::Pods(across(namespaces, labels))
}

#[test]
fn s7_no_peers_is_everybody() {
    let set = policies(vec![policy("guard", local("shop", ""), Ingress, vec![allow()])]);
    let node = Node::new("n1", "", "192.168.0.1");
    let host = Pod::new("infra", "agent", "").on_host_network();
    for src in [Pod::new("other", "a", "").end(), End::Node(node.end()), host.end(), address("2001:db8::1")] {
        assert!(allowed(&set, src, cart().end()));
    }
}

#[test]
fn an_empty_list_of_the_ir_matches_nobody() {
    let rule = Rule { peers: Peers::Listed(Vec::new()), ..allow() };
    let set = policies(vec![policy("guard", local("shop", ""), Ingress, vec![rule])]);
    assert!(!allowed(&set, Pod::new("shop", "web", "").end(), cart().end()));
}

#[test]
fn s10_s46_an_empty_subject_is_every_pod_of_the_policys_namespace_only() {
    let set = policies(vec![policy("deny", local("shop", ""), Ingress, vec![])]);
    let web = Pod::new("web", "web", "");
    assert!(!allowed(&set, web.end(), cart().end()));
    assert!(!allowed(&set, web.end(), Pod::new("shop", "bare", "").end()));
    assert!(allowed(&set, cart().end(), web.end()));
    assert!(allowed(&set, web.end(), Pod::new("shopping", "cart", "app=cart").end()));
}

#[test]
fn s11_a_pod_selector_alone_means_the_own_namespace() {
    let peer = || PeerMatch::Pods(local("shop", "app=web"));
    assert!(lets_in(peer(), Pod::new("shop", "web", "app=web").end()));
    assert!(!lets_in(peer(), Pod::new("shop", "web", "app=web2").end()));
    assert!(!lets_in(peer(), Pod::new("test", "web", "app=web").end()));
    assert!(!lets_in(peer(), address("10.0.0.1")));
}

#[test]
fn s12_every_namespace_is_still_no_address_and_no_node() {
    let node = Node::new("n1", "", "192.168.0.1");
    assert!(lets_in(pods("", ""), Pod::new("anywhere", "web", "").end()));
    assert!(!lets_in(pods("", ""), address("10.0.0.1")));
    assert!(!lets_in(pods("", ""), address("2001:db8::1")));
    assert!(!lets_in(pods("", ""), End::Node(node.end())));
}

#[test]
fn s13_namespace_and_pod_selector_in_one_peer_are_both_needed() {
    let ns = "kubernetes.io/metadata.name=web";
    assert!(lets_in(pods(ns, "app=web"), Pod::new("web", "a", "app=web").end()));
    assert!(!lets_in(pods(ns, "app=web"), Pod::new("web", "a", "app=api").end()));
    assert!(!lets_in(pods(ns, "app=web"), Pod::new("api", "a", "app=web").end()));
    let apart = || allow().peer(pods(ns, "")).peer(PeerMatch::Pods(local("shop", "app=web")));
    let set = policies(vec![policy("guard", local("shop", "app=cart"), Ingress, vec![apart()])]);
    assert!(allowed(&set, Pod::new("web", "a", "app=api").end(), cart().end()));
    assert!(allowed(&set, Pod::new("shop", "a", "app=web").end(), cart().end()));
    assert!(!allowed(&set, Pod::new("api", "a", "app=web").end(), cart().end()));
}

#[test]
fn s43_absent_labels() {
    let bare = Pod::new("x", "a", "");
    let web = Pod::new("x", "a", "app=web");
    let empty = Pod::new("x", "a", "app=");
    let table = [
        ("app=web", [false, true, false]),
        ("app!=web", [true, false, true]),
        ("app in (web, api)", [false, true, false]),
        ("app notin (web, api)", [true, false, true]),
        ("app", [false, true, true]),
        ("!app", [true, false, false]),
        ("app=", [false, false, true]),
        ("", [true, true, true]),
        ("app;app!=web", [false, false, true]),
    ];
    for (selector, expected) in table {
        let got = [&bare, &web, &empty].map(|pod| lets_in(pods("", selector), pod.end()));
        assert_eq!(got, expected, "`{selector}` against no app, app=web, app=\"\"");
    }
}

#[test]
fn s42_of_an_undefined_namespace_only_the_name_is_known() {
    let web = Pod::new("x", "web", "");
    assert!(lets_in(pods("kubernetes.io/metadata.name=x", ""), web.end()));
    for selector in ["team!=red", "team=red", "team", "!team"] {
        let undefined = Pod { namespace_labels: web.namespace_labels.clone().opened(), ..web.clone() };
        assert_eq!(
            verdict(&from(pods(selector, "")), undefined.end(), cart().end()),
            "unknown",
            "{selector}"
        );
        // Of one that is defined, all is known.
        assert_eq!(lets_in(pods(selector, ""), web.end()), selector.contains('!'), "{selector}");
    }
    assert!(lets_in(pods("kubernetes.io/metadata.name=x,!team", ""), web.end()));
}

#[test]
fn s84_an_assumed_pod_may_be_anyone_for_who_asks() {
    let space = IpSet::net("10.0.0.0/8".parse().unwrap());
    let assumed = End::Pod(PodEnd::assumed(&space));
    assert!(lets_in(pods("", ""), assumed));
    for peer in [pods("", "!app"), pods("team!=red", ""), PeerMatch::Pods(local("shop", ""))] {
        assert_eq!(verdict(&from(peer), assumed, cart().end()), "unknown");
    }
    let everyone = policies(vec![policy("p", across("", ""), Egress, vec![])]);
    assert_eq!(verdict(&everyone, assumed, cart().end()), "deny");
    let named = policies(vec![policy("p", across("", "!app"), Egress, vec![])]);
    assert_eq!(verdict(&named, assumed, cart().end()), "unknown");
    // Which ports it declares is not known either.
    let by_name = policies(vec![policy("p", local("shop", ""), Egress, vec![allow().port(named_tcp())])]);
    assert_eq!(verdict(&by_name, cart().end(), assumed), "unknown");
    assert!(!allowed_port(&by_name, cart().end(), assumed, Protocol::Udp, 80));
    assert_eq!(ask_port(&by_name, cart().end(), assumed, Protocol::Udp, 80).verdict(), Verdict::Deny);
}

fn named_tcp() -> npv_models::policy::PortMatch {
    named(Protocol::Tcp, "web")
}

#[test]
fn s17_boundaries_of_a_block_and_its_exceptions() {
    let peer = || block("10.0.0.0/8 !10.1.0.0/16 !10.1.128.0/17");
    let table = [
        ("9.255.255.255", false),
        ("10.0.0.0", true),
        ("10.0.255.255", true),
        ("10.1.0.0", false),
        ("10.1.200.1", false),
        ("10.1.255.255", false),
        ("10.2.0.0", true),
        ("10.255.255.255", true),
        ("11.0.0.0", false),
    ];
    for (text, expected) in table {
        assert_eq!(lets_in(peer(), address(text)), expected, "from {text}");
        assert_eq!(lets_out(peer(), address(text)), expected, "to {text}");
    }
}

#[test]
fn s17_an_exception_limits_its_own_block_only() {
    let rule = allow().peer(block("10.0.0.0/8 !10.1.0.0/16"));
    let again = allow().peer(block("10.1.2.0/24"));
    let set = policies(vec![policy("guard", local("shop", ""), Ingress, vec![rule, again])]);
    assert!(allowed(&set, address("10.1.2.3"), cart().end()));
    assert!(!allowed(&set, address("10.1.3.3"), cart().end()));
}

#[test]
fn s18_host_bits_do_not_matter() {
    assert!(lets_in(block("10.1.2.3/8"), address("10.200.0.1")));
}

#[test]
fn s19_families_are_apart() {
    assert!(!lets_in(block("0.0.0.0/0"), address("2001:db8::1")));
    assert!(!lets_in(block("0.0.0.0/0"), address("::ffff:10.0.0.1")));
    assert!(!lets_in(block("::/0"), address("10.0.0.1")));
    let peer = || block("2001:db8::/32 !2001:db8:0:1::/64");
    let table = [
        ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", false),
        ("2001:db8::", true),
        ("2001:db8:0:0:ffff:ffff:ffff:ffff", true),
        ("2001:db8:0:1::", false),
        ("2001:db8:0:1:ffff:ffff:ffff:ffff", false),
        ("2001:db8:0:2::", true),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true),
        ("2001:db9::", false),
    ];
    for (text, expected) in table {
        assert_eq!(lets_in(peer(), address(text)), expected, "from {text}");
    }
}

#[test]
fn s16_a_block_matches_the_known_addresses_of_pods_unless_the_profile_says_no() {
    let known = Pod::new("x", "web", "").address("10.1.2.3").address("2001:db8::3");
    let unknown = Pod::new("x", "web", "");
    let strict = Profile { blocks_match_pods: false, ..Profile::default() };
    for text in ["10.1.2.0/24", "2001:db8::/64", "10.1.2.3/32"] {
        let set = from(block(text));
        assert!(allowed(&set, known.end(), cart().end()));
        assert!(!allowed(&set, unknown.end(), cart().end()));
        assert!(!allowed_with(strict, &set, known.end(), cart().end()));
        assert!(allowed(&to(block(text)), cart().end(), known.end()));
        assert!(!allowed_with(strict, &to(block(text)), cart().end(), known.end()));
    }
    assert!(allowed_with(strict, &from(block("10.0.0.0/8")), address("10.1.2.3"), cart().end()));
}

#[test]
fn s16_one_and_the_same_address_must_be_in_the_block_and_in_no_exception() {
    let dual = Pod::new("x", "web", "").address("10.1.2.3").address("10.2.2.3");
    assert!(lets_in(block("10.0.0.0/8 !10.1.0.0/16"), dual.end()));
    assert!(!lets_in(block("10.1.0.0/16 !10.1.2.0/24"), dual.end()));
}

#[test]
fn s16_both_sides_are_asked_in_the_same_address_family() {
    let left = Pod::new("x", "left", "app=left").address("10.9.0.1").address("fd09::1");
    let right = Pod::new("x", "right", "app=right").address("10.9.0.2").address("fd09::2");
    let set = |action, out: &str, into: &str| {
        let rule = |text| rule(action).peer(block(text));
        let egress = policy("out", local("x", "app=left"), Egress, vec![rule(out)]);
        let ingress = policy("in", local("x", "app=right"), Ingress, vec![rule(into)]);
        match action {
            Action::Allow => policies(vec![egress, ingress]),
            _ => tiers(vec![ordered("Admin", vec![egress, ingress])]),
        }
    };
    let apart = set(Action::Allow, "10.9.0.0/24", "fd09::/64");
    let decision = ask(&apart, left.end(), right.end());
    assert_eq!((decision.egress, decision.ingress), (Verdict::Allow, Verdict::Deny));
    assert_eq!(decision.family, Some(Family::V4));
    let together = set(Action::Allow, "fd09::/64", "fd09::/64");
    let decision = ask(&together, left.end(), right.end());
    assert_eq!((decision.verdict(), decision.family), (Verdict::Allow, Some(Family::V6)));
    // What is denied in one family passes in the other.
    let one = set(Action::Deny, "10.9.0.0/24", "10.9.0.0/24");
    assert_eq!(ask(&one, left.end(), right.end()).family, Some(Family::V6));
    assert!(allowed(&one, left.end(), right.end()));
    assert!(!allowed(&set(Action::Deny, "10.9.0.0/24", "fd09::/64"), left.end(), right.end()));
    // Who has one family only meets the other end in that.
    let narrow = Pod::new("x", "left", "app=left").address("10.9.0.1");
    let to_v6 = set(Action::Allow, "fd09::/64", "0.0.0.0/0");
    assert!(!allowed(&to_v6, narrow.end(), right.end()));
    assert!(!allowed(&to_v6, left.end(), right.end()));
    assert!(!allowed(&one, narrow.end(), right.end()));
    // Of whom no address is known may use either, as far as it may have addresses of it.
    let unknown = Pod::new("x", "left", "app=left");
    let from_all =
        policies(vec![policy("out", local("x", "app=left"), Egress, vec![allow().peer(block("fd09::/64"))])]);
    assert!(allowed(&from_all, unknown.end(), right.end()), "nothing is said of where it is");
    let in_v6 = unknown.clone().somewhere_in("fd09::/64");
    assert!(allowed(&from_all, in_v6.end(), right.end()));
    assert_eq!(verdict(&from_all, in_v6.somewhere_in("10.0.0.0/8").end(), right.end()), "unknown");
    assert_eq!(verdict(&from_all, unknown.somewhere_in("10.0.0.0/8").end(), right.end()), "deny");
    assert!(!allowed(&from_all, narrow.end(), right.end()));
    // An address fixes the family.
    assert!(allowed(&apart, left.end(), address("10.9.0.77")));
    assert!(!allowed(&apart, left.end(), address("fd09::77")));
    // Without a family in common each side is asked about the other end as it is known.
    let six = Pod::new("x", "right", "app=right").address("fd09::2");
    assert!(allowed(&set(Action::Allow, "fd09::/64", "10.9.0.0/24"), narrow.end(), six.end()));
    assert!(!allowed(&set(Action::Allow, "10.9.0.0/24", "10.9.0.0/24"), narrow.end(), six.end()));
}

#[test]
fn s64_nodes_by_label_and_the_pods_on_their_network() {
    let red = Node::new("n1", "pool=red", "192.168.0.1");
    let red_end = red.end();
    let blue = Node::new("n2", "pool=blue", "192.168.0.2");
    let agent = Pod::new("infra", "agent", "pool=red").on_host_network();
    let plain = Pod::new("infra", "plain", "pool=red");
    let nodes = |text: &str| PeerMatch::Nodes(selector(text));
    assert!(lets_out(nodes("pool=red"), End::Node(red.end())));
    assert!(!lets_out(nodes("pool=red"), End::Node(blue.end())));
    assert!(lets_out(nodes("pool=red"), End::Pod(agent.pod(Some(&red_end)))));
    assert!(!lets_out(nodes("pool=blue"), End::Pod(agent.pod(Some(&red_end)))));
    for selector in ["pool=red", "!pool"] {
        let unknown = verdict(&to(nodes(selector)), cart().end(), agent.end());
        assert_eq!(unknown, "unknown", "its node is not known, {selector}");
    }
    assert!(lets_out(nodes(""), agent.end()), "any node will do");
    assert!(!lets_out(nodes(""), End::Pod(plain.pod(Some(&red_end)))), "a pod is no node");
    assert!(!lets_out(nodes(""), address("192.168.0.1")));
    assert!(lets_out(block("192.168.0.0/24"), End::Node(red.end())));
    assert!(!lets_out(block("192.168.1.0/24"), End::Node(red.end())));
}

/// An Admin tier with this rule before one that says the opposite about everything.
fn before_the_opposite(action: Action, peer: PeerMatch) -> PolicySet {
    let opposite = if action == Action::Allow { Action::Deny } else { Action::Allow };
    let rules = vec![rule(action).peer(peer), rule(opposite)];
    tiers(vec![
        ordered("Admin", vec![policy("p", across("", ""), Egress, rules)]),
        ordered("Baseline", vec![policy("last", across("", ""), Egress, vec![rule(Action::Deny)])]),
    ])
}

#[test]
fn s67_an_unknown_peer_fails_closed() {
    let web = Pod::new("x", "web", "");
    let set = before_the_opposite(Action::Allow, PeerMatch::Unknown);
    assert!(!allowed(&set, cart().end(), web.end()));
    assert!(!allowed(&set, cart().end(), address("10.0.0.1")));
    for action in [Action::Deny, Action::Pass] {
        let set = before_the_opposite(action, PeerMatch::Unknown);
        assert!(!allowed(&set, cart().end(), web.end()), "{action:?}");
        assert!(!allowed(&set, cart().end(), address("10.0.0.1")), "{action:?}");
    }
}

#[test]
fn s67_so_does_what_is_no_unknown_peer() {
    let web = Pod::new("x", "web", "");
    for action in [Action::Allow, Action::Deny, Action::Pass] {
        let set = before_the_opposite(action, not(PeerMatch::Unknown));
        assert!(!allowed(&set, cart().end(), web.end()), "{action:?}");
    }
}

#[test]
fn s64_what_a_domain_resolves_to_is_not_known() {
    let web = Pod::new("x", "web", "");
    let domain = || PeerMatch::Domain("*.example.com".into());
    for action in [Action::Allow, Action::Deny] {
        let set = before_the_opposite(action, domain());
        assert_eq!(verdict(&set, cart().end(), address("10.0.0.1")), "unknown");
        let certain = if action == Action::Allow { "allow" } else { "deny" };
        assert_eq!(verdict(&set, cart().end(), End::Domain(&"a.example.com".into())), certain);
        assert_eq!(
            verdict(&set, cart().end(), End::Domain(&"example.com".into())),
            "unknown",
            "by the same address"
        );
        assert_eq!(allowed(&set, cart().end(), web.end()), action == Action::Deny, "no pod is a domain");
    }
}

#[test]
fn peers_are_looked_for_at_the_right_end() {
    // The subject has the peer's labels and the other end has not.
    let set = from(PeerMatch::Pods(local("shop", "app=cart")));
    assert!(!allowed(&set, Pod::new("shop", "web", "app=web").end(), cart().end()));
    let set = to(PeerMatch::Pods(local("shop", "app=cart")));
    assert!(!allowed(&set, cart().end(), Pod::new("shop", "web", "app=web").end()));
    assert!(allowed_port(&set, Pod::new("shop", "web", "").end(), cart().end(), Protocol::Udp, 53));
}
