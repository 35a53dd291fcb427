//! What comes closest to allowing a denied flow.

use npv_models::decide::{End, Flow, Profile, decide, nearest};
use npv_models::policy::Direction::{Egress, Ingress};
use npv_models::policy::{Action, PeerMatch, PolicySet};
use npv_models::space::Protocol::{self, Tcp, Udp};

use super::ask::*;

/// `policy: condition; condition` of each candidate, the nearest first.
fn near(set: &PolicySet, src: End<'_>, dst: End<'_>, protocol: Protocol, port: u16) -> Vec<String> {
    let flow = Flow { src, dst, protocol, port };
    let decision = decide(set, Profile::default(), &flow);
    nearest(&decision, Profile::default(), &flow)
        .iter()
        .map(|near| {
            let unmet: Vec<String> = near.unmet.iter().map(ToString::to_string).collect();
            format!("{}: {}", near.policy.object.name, unmet.join("; "))
        })
        .collect()
}

fn pods(labels: &str) -> PeerMatch {
    PeerMatch::Pods(local("shop", labels))
}

#[test]
fn a_mistyped_label_is_nearest() {
    let set = policies(vec![
        policy("deny", local("shop", ""), Ingress, vec![]),
        policy("db", local("shop", "app=cart"), Ingress, vec![allow().peer(pods("app=database"))]),
        policy(
            "front",
            local("shop", "app=cart"),
            Ingress,
            vec![allow().peer(pods("app=frontend")).port(tcp(80))],
        ),
        policy(
            "two",
            local("shop", "app=cart"),
            Ingress,
            vec![allow().peer(pods("app=frontend")).port(tcp(81))],
        ),
    ]);
    let (web, cart) = (Pod::new("shop", "web", "app=front-end"), Pod::new("shop", "cart", "app=cart"));
    assert_eq!(
        near(&set, web.end(), cart.end(), Tcp, 80),
        [
            "front: label app=frontend wanted, pod has app=front-end",
            "two: label app=frontend wanted, pod has app=front-end; port TCP 81 wanted, TCP 80 asked",
            "db: label app=database wanted, pod has app=front-end",
        ]
    );
}

#[test]
fn an_address_of_the_other_family_is_said_to_be_one() {
    let rule = |text| vec![allow().peer(block(text))];
    let set = policies(vec![
        policy("out", local("x", "app=left"), Egress, rule("10.9.0.0/24")),
        policy("in", local("x", "app=right"), Ingress, rule("fd09::/64")),
        policy("far", local("x", "app=right"), Ingress, rule("fd08::/64")),
    ]);
    let left = Pod::new("x", "left", "app=left").address("10.9.0.1").address("fd09::1");
    let right = Pod::new("x", "right", "app=right").address("10.9.0.2").address("fd09::2");
    assert_eq!(
        near(&set, left.end(), right.end(), Tcp, 80),
        [
            "in: fd09::1 is in fd09::/64, but this connection is over IPv4",
            "far: an address in fd08::/64 wanted, fd09::1 is outside",
        ]
    );
}

#[test]
fn an_allowed_flow_has_no_explanation() {
    let set = policies(vec![policy("p", local("shop", ""), Ingress, vec![allow().port(tcp(80))])]);
    let (web, cart) = (Pod::new("shop", "web", ""), Pod::new("shop", "cart", ""));
    assert!(near(&set, web.end(), cart.end(), Tcp, 80).is_empty());
    assert_eq!(near(&set, web.end(), cart.end(), Udp, 80), ["p: protocol TCP wanted, UDP asked"]);
    assert_eq!(near(&set, web.end(), cart.end(), Tcp, 8080), ["p: port TCP 80 wanted, TCP 8080 asked"]);
}

#[test]
fn a_policy_whose_subject_is_mistyped() {
    let set = policies(vec![
        policy("deny", local("shop", ""), Ingress, vec![]),
        policy("open", local("shop", "app=crat"), Ingress, vec![allow()]),
        policy("elsewhere", local("other", ""), Ingress, vec![allow()]),
    ]);
    let (web, cart) = (Pod::new("shop", "web", ""), Pod::new("shop", "cart", "app=cart"));
    assert_eq!(
        near(&set, web.end(), cart.end(), Tcp, 80),
        ["open: policy's subject: label app=crat wanted, pod has app=cart"]
    );
}

#[test]
fn each_entry_of_a_peer_list_is_a_candidate() {
    let rule = allow()
        .peer(PeerMatch::Pods(across("team=blue", "app=web")))
        .peer(PeerMatch::Pods(local("web", "")))
        .peer(block("10.0.0.0/8"))
        .peer(PeerMatch::Nodes(selector("pool=red")))
        .peer(PeerMatch::Domain("example.com".into()))
        .peer(PeerMatch::Unknown);
    let set = policies(vec![policy("p", local("shop", ""), Ingress, vec![rule])]);
    let (web, cart) = (Pod::new("shop", "web", ""), Pod::new("shop", "cart", ""));
    assert_eq!(
        near(&set, web.end(), cart.end(), Tcp, 80),
        [
            "p: namespace web wanted, pod is in shop",
            "p: an address in 10.0.0.0/8 wanted, none is known",
            "p: a node wanted, the other end is none",
            "p: namespace label team=blue wanted, namespace has no label team; \
             label app=web wanted, pod has no label app",
            "p: example.com wanted, what it resolves to is not known",
            "p: a peer that npv does not know allows nothing",
        ]
    );
}

#[test]
fn addresses_and_nodes() {
    let rule = allow()
        .peer(block("10.0.0.0/8 !10.1.0.0/16"))
        .peer(PeerMatch::Pods(across("", "")))
        .peer(PeerMatch::Nodes(selector("pool=red")));
    let set = policies(vec![policy("p", local("shop", ""), Ingress, vec![rule])]);
    let cart = Pod::new("shop", "cart", "");
    let no_pod = "p: pods wanted, selectors never match an address, a node or the host network";
    assert_eq!(
        near(&set, address("10.1.2.3"), cart.end(), Tcp, 80),
        [
            "p: 10.1.2.3 is in 10.0.0.0/8 but in its exception 10.1.0.0/16",
            no_pod,
            "p: a node wanted, the other end is none"
        ]
    );
    assert_eq!(
        near(&set, address("11.1.2.3"), cart.end(), Tcp, 80)[0],
        "p: an address in 10.0.0.0/8 wanted, 11.1.2.3 is outside"
    );
    let node = Node::new("n1", "pool=blue", "192.168.0.1");
    assert_eq!(
        near(&set, End::Node(node.end()), cart.end(), Tcp, 80)[0],
        "p: node label pool=red wanted, node has pool=blue"
    );
    let agent = Pod::new("shop", "agent", "").on_host_network();
    assert_eq!(
        near(&set, agent.end(), cart.end(), Tcp, 80)[0],
        "p: node label pool=red wanted, node has no label pool"
    );
}

#[test]
fn named_ports() {
    let rule = |name| allow().port(named(Tcp, name));
    let set = policies(vec![policy("p", local("shop", ""), Ingress, vec![rule("http"), rule("htpp")])]);
    let (web, cart) = (Pod::new("shop", "web", ""), Pod::new("shop", "cart", "").declares("http", Tcp, 7070));
    assert_eq!(
        near(&set, web.end(), cart.end(), Tcp, 80),
        [
            "p: port TCP 7070 wanted, TCP 80 asked",
            "p: TCP port named htpp wanted, the destination declares none",
        ]
    );
}

#[test]
fn a_rule_that_comes_too_late() {
    let everyone = || across("", "");
    let open = |labels| allow().peer(PeerMatch::Pods(across("", labels)));
    let set = tiers(vec![ordered(
        "Admin",
        vec![
            policy("a", everyone(), Egress, vec![open("app=db"), rule(Action::Deny)]),
            policy("b", everyone(), Egress, vec![open("")]),
        ],
    )]);
    let (web, cart) = (Pod::new("shop", "web", ""), Pod::new("shop", "cart", "app=cart"));
    assert_eq!(
        near(&set, web.end(), cart.end(), Tcp, 80),
        ["a: label app=db wanted, pod has app=cart", "b: Policy/a decides first"]
    );
    let wins = tiers(vec![deny_wins(vec![
        policy("b", everyone(), Egress, vec![open("")]),
        policy("a", everyone(), Egress, vec![rule(Action::Deny)]),
    ])]);
    assert_eq!(near(&wins, web.end(), cart.end(), Tcp, 80), ["b: Policy/a decides first"]);
}
