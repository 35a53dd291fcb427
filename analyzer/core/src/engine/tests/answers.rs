use npv_models::decide::Profile;
use npv_models::policy::{Action, Direction, Mode, NoMatch, PeerMatch, PolicySet, PortMatch, Tier};
use npv_models::space::Protocol;

use super::world::*;
use crate::engine::{Assumed, EndpointKind, Engine, TrafficId};

fn shop() -> World {
    let mut world = World::default();
    world.namespace("mon", "team=ops");
    world.workload("prometheus", "app=prometheus");
    world.namespace("shop", "team=web");
    world.workload("cart", "app=cart");
    world.workload("db", "app=db");
    world.workload("web", "app=web");
    world
}

#[test]
fn nothing_is_denied_without_policies() {
    let engine = shop().engine(&PolicySet::default());
    assert_eq!(
        names(&engine),
        [
            "mon/prometheus[Deployment]",
            "shop/cart[Deployment]",
            "shop/db[Deployment]",
            "shop/web[Deployment]",
            "external-1"
        ]
    );
    // Four workloads to four and to the outside, which reaches the four; all classes are one but the outside.
    assert_eq!(listing(&engine).len(), 4 * 5 + 4);
    assert!(listing(&engine).iter().all(|line| line.ends_with(": all")));
    assert_eq!(engine.row(id(&engine, "external-1")).len(), 4);
}

#[test]
fn union_of_rules_with_isolation_by_direction() {
    let policies = network_policies(vec![
        policy(pods("shop", ""), Some(vec![]), None),
        policy(
            pods("shop", "app=db"),
            Some(vec![
                allow(
                    vec![PeerMatch::Pods(pods("shop", "app=cart")), PeerMatch::Pods(pods("shop", "app=web"))],
                    vec![tcp(5432)],
                ),
                allow(vec![PeerMatch::Pods(pods_in("team=ops", "app=prometheus"))], vec![tcp(9187)]),
                allow(vec![PeerMatch::Pods(pods("shop", "app=web"))], vec![tcp(5433)]),
            ]),
            None,
        ),
        policy(
            pods("shop", "app=web"),
            None,
            Some(vec![allow(vec![PeerMatch::Pods(pods("shop", ""))], vec![tcp(5433)])]),
        ),
    ]);
    let engine = shop().engine(&policies);
    assert_eq!(
        listing(&engine),
        [
            "mon/prometheus[Deployment] -> mon/prometheus[Deployment]: all",
            "mon/prometheus[Deployment] -> shop/db[Deployment]: TCP 9187",
            "mon/prometheus[Deployment] -> external-1: all",
            "shop/cart[Deployment] -> mon/prometheus[Deployment]: all",
            "shop/cart[Deployment] -> shop/db[Deployment]: TCP 5432",
            "shop/cart[Deployment] -> external-1: all",
            "shop/db[Deployment] -> mon/prometheus[Deployment]: all",
            "shop/db[Deployment] -> external-1: all",
            "shop/web[Deployment] -> shop/db[Deployment]: TCP 5433",
            "external-1 -> mon/prometheus[Deployment]: all",
        ]
    );
    let (web, cart, db) =
        ["web", "cart", "db"].map(|name| id(&engine, &format!("shop/{name}[Deployment]"))).into();
    let sides = engine.between(web, cart);
    assert_eq!(engine.traffic(sides.egress).to_string(), "TCP 5433");
    assert!(sides.ingress.is_none() && sides.both.is_none());
    assert!(engine.isolated(web, Direction::Egress) && engine.isolated(web, Direction::Ingress));
    assert!(!engine.isolated(db, Direction::Egress));
}

#[test]
fn named_ports_are_the_destinations_in_both_directions() {
    let mut world = World::default();
    world.namespace("a", "");
    world.workload("one", "app=one").ports = [port("http", 8080), port("other", 1)].into();
    world.workload("three", "app=three");
    world.workload("two", "app=two").ports = [port("http", 9090)].into();
    let egress = network_policies(vec![policy(
        pods("a", "app=three"),
        None,
        Some(vec![allow(vec![], vec![named("http"), tcp(53)])]),
    )]);
    let engine = world.engine(&egress);
    assert_eq!(between(&engine, "a/three[Deployment]", "a/one[Deployment]"), "TCP 53,8080");
    assert_eq!(between(&engine, "a/three[Deployment]", "a/two[Deployment]"), "TCP 53,9090");
    assert_eq!(between(&engine, "a/three[Deployment]", "a/three[Deployment]"), "TCP 53");
    // S-26.
    assert_eq!(between(&engine, "a/three[Deployment]", "external-1"), "TCP 53");
    let ingress =
        network_policies(vec![policy(pods("a", ""), Some(vec![allow(vec![], vec![named("http")])]), None)]);
    let engine = world.engine(&ingress);
    assert_eq!(between(&engine, "external-1", "a/one[Deployment]"), "TCP 8080");
    assert_eq!(between(&engine, "a/one[Deployment]", "a/two[Deployment]"), "TCP 9090");
    assert_eq!(between(&engine, "a/one[Deployment]", "a/three[Deployment]"), "none");
    let any = PortMatch::Named { protocol: None, name: "http".into() };
    let udp = PortMatch::Named { protocol: Some(Protocol::Udp), name: "http".into() };
    for (wanted, port) in [("TCP 8080", any), ("none", udp)] {
        let ingress =
            network_policies(vec![policy(pods("a", ""), Some(vec![allow(vec![], vec![port])]), None)]);
        assert_eq!(between(&world.engine(&ingress), "external-1", "a/one[Deployment]"), wanted);
    }
}

#[test]
fn blocks_match_known_addresses_of_pods_and_are_merged_outside() {
    let mut world = World::default();
    world.namespace("a", "");
    world.workload("db", "app=db").members = vec![member("db-1", &["10.7.0.1"], None)];
    world.workload("in", "app=in").members = vec![member("in-1", &["10.1.0.1", "fd00::1"], None)];
    world.workload("out", "app=out").members = vec![member("out-1", &["10.0.0.1"], None)];
    let rules = vec![
        allow(vec![block("10.1.0.0/16 !10.1.9.0/24")], vec![tcp(1)]),
        allow(vec![block("172.16.0.0/12"), block("fd01::/64")], vec![tcp(1)]),
        allow(vec![block("192.168.0.0/16"), block("192.168.1.0/24")], vec![tcp(2)]),
    ];
    let policies = network_policies(vec![policy(pods("a", "app=db"), Some(rules), None)]);
    let engine = world.engine(&policies);
    assert_eq!(between(&engine, "a/in[Deployment]", "a/db[Deployment]"), "TCP 1");
    assert_eq!(between(&engine, "a/out[Deployment]", "a/db[Deployment]"), "none");
    let blocks: Vec<String> = engine
        .endpoints()
        .iter()
        .filter_map(|endpoint| match &endpoint.kind {
            EndpointKind::External(set) => Some(format!("{}: {}", endpoint.id, set.ranges().count())),
            _ => None,
        })
        .collect();
    // Everything else; 10.1/16 in two parts with 172.16/12 and fd01::/64; 192.168/16.
    assert_eq!(blocks, ["external-1: 7", "external-2: 4", "external-3: 1"]);
    assert_eq!(between(&engine, "external-2", "a/db[Deployment]"), "TCP 1");
    assert_eq!(between(&engine, "external-3", "a/db[Deployment]"), "TCP 2");
    assert_eq!(between(&engine, "external-1", "a/db[Deployment]"), "none");
    let profile = Profile { blocks_match_pods: false, ..Profile::default() };
    let engine = Engine::new(&world.cluster, &policies, profile);
    assert_eq!(between(&engine, "a/in[Deployment]", "a/db[Deployment]"), "none");
}

#[test]
fn both_sides_must_allow_the_same_address_family() {
    let engine = |addresses: [&[&str]; 2], out: &str, into: &str| {
        let mut world = World::default();
        world.namespace("a", "");
        let [left, right] = addresses;
        world.workload("left", "app=left").members = vec![member("left-1", left, None)];
        world.workload("right", "app=right").members = vec![member("right-1", right, None)];
        let rule = |text| Some(vec![allow(vec![block(text)], vec![])]);
        world.engine(&network_policies(vec![
            policy(pods("a", "app=left"), None, rule(out)),
            policy(pods("a", "app=right"), rule(into), None),
        ]))
    };
    let passes = |engine: &Engine| between(engine, "a/left[Deployment]", "a/right[Deployment]");
    let dual: [&[&str]; 2] = [&["10.0.0.1", "fd00::1"], &["10.0.0.2", "fd00::2"]];
    let apart = engine(dual, "10.0.0.0/8", "fd00::/64");
    assert_eq!(passes(&apart), "none");
    let sides = apart.between(id(&apart, "a/left[Deployment]"), id(&apart, "a/right[Deployment]"));
    assert_eq!((sides.egress, sides.ingress), (TrafficId::ALL, TrafficId::ALL));
    assert!(!listing(&apart).iter().any(|line| line.contains("left[Deployment] -> a/right")));
    for block in ["10.0.0.0/8", "fd00::/64"] {
        assert_eq!(passes(&engine(dual, block, block)), "all");
    }
    // The other end has one family only.
    assert_eq!(passes(&engine([&["10.0.0.1"], dual[1]], "fd00::/64", "10.0.0.0/8")), "none");
    assert_eq!(passes(&engine([&["10.0.0.1"], dual[1]], "10.0.0.0/8", "10.0.0.0/8")), "all");
    // Who is in no block, or of one family, needs no second plane.
    assert_eq!(apart.planes.len(), 2);
    assert_eq!(engine(dual, "10.1.0.0/16", "fd01::/64").planes.len(), 1);
    assert_eq!(engine([&["10.0.0.1"], &["fd00::2"]], "10.0.0.0/8", "fd00::/64").planes.len(), 1);
    // Addresses outside with the same connections stay one endpoint.
    let outside = engine(dual, "0.0.0.0/0", "::/0");
    let external = outside.endpoints().iter().filter(|endpoint| endpoint.outside);
    assert_eq!(external.count(), 2);
}

#[test]
fn pods_on_the_host_network_are_their_node() {
    let mut world = World::default();
    world.namespace("a", "");
    world.workload("db", "app=db");
    let agent = world.workload("host", "app=host");
    agent.host_network = true;
    agent.ports = [port("http", 80)].into();
    agent.members = vec![member("host-1", &["10.0.0.1"], Some("n1"))];
    world.node("n1", "pool=infra", &["10.0.0.1"]).node("n2", "", &["10.0.0.2"]);
    let everyone = || PeerMatch::Pods(pods_in("", ""));
    let deny_all = policy(pods("a", ""), Some(vec![allow(vec![everyone()], vec![])]), Some(vec![]));
    let engine = world.engine(&network_policies(vec![deny_all]));
    let host = "a/host[Deployment]";
    assert_eq!(between(&engine, host, "a/db[Deployment]"), "none");
    assert_eq!(between(&engine, host, "external-1"), "all");
    assert_eq!(between(&engine, "external-1", host), "all");
    assert_eq!(between(&engine, "{node}", "a/db[Deployment]"), "none");
    assert!(!engine.isolated(id(&engine, host), Direction::Ingress));
    let seen = Profile { selectors_see_host_network: true, ..Profile::default() };
    let deny_all = network_policies(vec![policy(
        pods("a", ""),
        Some(vec![allow(vec![everyone()], vec![])]),
        Some(vec![]),
    )]);
    let engine = Engine::new(&world.cluster, &deny_all, seen);
    assert_eq!(between(&engine, host, "external-1"), "none");
    assert_eq!(between(&engine, "external-1", host), "none");
    // By address and by node, and no named port.
    let by_address = network_policies(vec![policy(
        pods("a", "app=db"),
        Some(vec![allow(vec![block("10.0.0.1/32")], vec![tcp(1)])]),
        Some(vec![
            allow(vec![PeerMatch::Nodes(selector("pool=infra"))], vec![tcp(2), named("http")]),
            allow(vec![PeerMatch::Nodes(selector(""))], vec![tcp(3)]),
        ]),
    )]);
    let engine = world.engine(&by_address);
    assert_eq!(between(&engine, host, "a/db[Deployment]"), "TCP 1");
    assert_eq!(between(&engine, "{node n1}", "a/db[Deployment]"), "TCP 1");
    assert_eq!(between(&engine, "a/db[Deployment]", host), "TCP 2-3");
    assert_eq!(between(&engine, "a/db[Deployment]", "{node n1}"), "TCP 2-3");
    assert_eq!(between(&engine, "a/db[Deployment]", "{node n2}"), "TCP 3");
    assert_eq!(between(&engine, "a/db[Deployment]", "external-1"), "none");
}

/// Both tiers say the same, under every choice of the network plugin that the union follows.
#[test]
fn a_tier_may_leave_no_choice_to_the_network_plugin() {
    let mut world = World::default();
    world.namespace("a", "");
    let db = world.workload("db", "app=db");
    db.ports = [port("http", 80)].into();
    db.members = vec![member("db-1", &["10.1.0.1"], None)];
    world.workload("web", "app=web").members = vec![member("web-1", &["10.2.0.1"], None)];
    let agent = world.workload("host", "app=host");
    agent.host_network = true;
    agent.ports = [port("http", 80)].into();
    agent.members = vec![member("host-1", &["10.3.0.1"], Some("n1"))];
    world.node("n1", "", &["10.3.0.1"]);
    let (web, host) = ("a/web[Deployment]", "a/host[Deployment]");
    let to_db = |fixed: Option<Profile>| {
        let everybody = || pods_in("", "");
        let peers = vec![block("10.1.0.0/16"), PeerMatch::Pods(pods_in("", "app=host"))];
        let nodes = vec![PeerMatch::Nodes(selector("")), PeerMatch::Pods(pods_in("", ""))];
        let rules =
            vec![rule(Action::Deny, peers, vec![tcp(1)]), rule(Action::Deny, nodes, vec![named("http")])];
        let from = vec![rule(Action::Deny, vec![PeerMatch::Pods(pods_in("", "app=host"))], vec![tcp(2)])];
        let admin = Tier { fixed, ..ordered(vec![policy(everybody(), Some(from), Some(rules))]) };
        PolicySet { layers: vec![layer("CNI", vec![admin])] }
    };
    let all_but = |ports: &str| format!("TCP {ports}; UDP all; SCTP all");
    for (blocks_match_pods, selectors_see_host_network) in
        [(true, false), (false, false), (true, true), (false, true)]
    {
        let chosen = Profile { blocks_match_pods, selectors_see_host_network, ..Profile::ADMIN };
        let engine = Engine::new(&world.cluster, &to_db(Some(Profile::ADMIN)), chosen);
        assert_eq!(between(&engine, web, "a/db[Deployment]"), all_but("2-79,81-65535"), "{chosen:?}");
        assert_eq!(between(&engine, web, host), "all", "{chosen:?}");
        assert_eq!(between(&engine, host, web), "all", "{chosen:?}");
        assert_eq!(between(&engine, host, "a/db[Deployment]"), "all", "{chosen:?}");
        // Another tier follows them.
        let engine = Engine::new(&world.cluster, &to_db(None), chosen);
        let (blocked, seen) = (between(&engine, web, "a/db[Deployment]"), between(&engine, web, host));
        let of_block = if blocks_match_pods { "2-79,81-65535" } else { "1-79,81-65535" };
        assert_eq!(blocked, all_but(of_block), "{chosen:?}");
        let of_host = if selectors_see_host_network { all_but("2-79,81-65535") } else { "all".to_owned() };
        assert_eq!(seen, of_host, "{chosen:?}");
    }
}

#[test]
fn tiers_decide_in_order() {
    let db = || pods("shop", "app=db");
    let all = || pods_in("", "");
    let from = |name: &str| vec![PeerMatch::Pods(pods("shop", name))];
    let admin = ordered(vec![
        policy(
            all(),
            Some(vec![
                rule(Action::Log, vec![], vec![]),
                rule(Action::Allow, from("app=web"), vec![tcp(1), tcp(2)]),
            ]),
            None,
        ),
        policy(
            db(),
            Some(vec![
                rule(Action::Pass, from("app=cart"), vec![tcp(4)]),
                rule(Action::Deny, from(""), vec![tcp(1), tcp(3), tcp(4)]),
            ]),
            None,
        ),
    ]);
    let networks =
        union(vec![policy(db(), Some(vec![allow(from("app=cart"), vec![tcp(3), tcp(4), tcp(5)])]), None)]);
    let baseline = ordered(vec![policy(all(), Some(vec![rule(Action::Deny, vec![], vec![tcp(9)])]), None)]);
    let set = PolicySet { layers: vec![layer("CNI", vec![admin, networks, baseline])] };
    let engine = shop().engine(&set);
    // Allowed first; denied by the second policy; everything else is isolated.
    assert_eq!(between(&engine, "shop/web[Deployment]", "shop/db[Deployment]"), "TCP 1-2");
    // 3 is denied before the NetworkPolicy allows it, 4 is passed to it.
    assert_eq!(between(&engine, "shop/cart[Deployment]", "shop/db[Deployment]"), "TCP 4-5");
    // No NetworkPolicy isolates the cart: the baseline denies one port.
    assert_eq!(
        between(&engine, "shop/db[Deployment]", "shop/cart[Deployment]"),
        "TCP 1-8,10-65535; UDP all; SCTP all"
    );
    assert!(engine.isolated(id(&engine, "shop/db[Deployment]"), Direction::Ingress));
    assert!(!engine.isolated(id(&engine, "shop/cart[Deployment]"), Direction::Ingress));
}

#[test]
fn a_deny_wins_and_layers_all_count() {
    let web = || pods("shop", "app=web");
    let rules = || {
        vec![
            rule(Action::Allow, vec![], vec![tcp(1), tcp(2)]),
            rule(Action::Deny, vec![PeerMatch::Pods(pods("shop", "app=cart"))], vec![tcp(2), tcp(3)]),
            rule(Action::Pass, vec![], vec![tcp(2), tcp(4)]),
        ]
    };
    let deny_wins = tier("tier", Mode::DenyWins, NoMatch::Deny, vec![policy(web(), Some(rules()), None)]);
    let mesh = union(vec![policy(web(), Some(vec![allow(vec![], vec![tcp(1), tcp(4), tcp(5)])]), None)]);
    let engine = shop().engine(&PolicySet { layers: vec![layer("CNI", vec![deny_wins.clone()])] });
    assert_eq!(between(&engine, "shop/cart[Deployment]", "shop/web[Deployment]"), "TCP 1,4");
    assert_eq!(between(&engine, "shop/db[Deployment]", "shop/web[Deployment]"), "TCP 1-2,4");
    let engine =
        shop().engine(&PolicySet { layers: vec![layer("CNI", vec![deny_wins]), layer("mesh", vec![mesh])] });
    assert_eq!(between(&engine, "shop/db[Deployment]", "shop/web[Deployment]"), "TCP 1,4");
}

#[test]
fn what_cannot_be_told_fails_closed() {
    let web = || pods("shop", "app=web");
    let engine = |action, peer: PeerMatch| {
        let egress = Some(vec![
            rule(action, vec![peer], vec![tcp(1)]),
            rule(Action::Allow, vec![], vec![tcp(2)]),
            rule(Action::Deny, vec![], vec![]),
        ]);
        shop().engine(&PolicySet {
            layers: vec![layer("CNI", vec![ordered(vec![policy(web(), None, egress)])])],
        })
    };
    let to = |engine: &Engine, dst: &str| between(engine, "shop/web[Deployment]", dst);
    assert_eq!(to(&engine(Action::Allow, PeerMatch::Unknown), "external-1"), "TCP 2");
    assert_eq!(to(&engine(Action::Deny, PeerMatch::Unknown), "shop/db[Deployment]"), "TCP 2");
    assert_eq!(to(&engine(Action::Pass, PeerMatch::Unknown), "shop/db[Deployment]"), "TCP 1-2");
    let domain = || PeerMatch::Domain("*.example.com".into());
    let allowed = engine(Action::Allow, domain());
    assert_eq!(to(&allowed, "{domain *.example.com}"), "TCP 1-2");
    assert_eq!(to(&allowed, "external-1"), "TCP 2 ? TCP 1");
    assert!(
        !listing(&allowed)
            .iter()
            .any(|line| line.starts_with("{domain") || line.starts_with("external-1 -> {"))
    );
    let denied = engine(Action::Deny, domain());
    assert_eq!(to(&denied, "external-1"), "TCP 2");
}

#[test]
fn an_assumed_pod_is_matched_by_everything_only() {
    let policies = network_policies(vec![
        policy(
            pods("shop", "app=web"),
            Some(vec![allow(vec![PeerMatch::Pods(pods_in("", ""))], vec![tcp(1)])]),
            None,
        ),
        policy(
            pods("shop", "app=db"),
            Some(vec![allow(vec![PeerMatch::Pods(pods_in("", "!x"))], vec![])]),
            None,
        ),
        policy(
            pods("shop", "app=cart"),
            Some(vec![allow(vec![PeerMatch::Pods(pods_in("!x", ""))], vec![])]),
            None,
        ),
    ]);
    let assumed = [Assumed::pod("{ingress-controller}")];
    let engine = Engine::with_assumed(&shop().cluster, &policies, Profile::default(), &assumed);
    assert_eq!(between(&engine, "{ingress-controller}", "shop/web[Deployment]"), "TCP 1");
    assert_eq!(between(&engine, "{ingress-controller}", "shop/db[Deployment]"), "none ? all");
    assert_eq!(between(&engine, "{ingress-controller}", "shop/cart[Deployment]"), "none ? all");
    assert_eq!(between(&engine, "external-1", "shop/web[Deployment]"), "none");
    // It may be one of the pods of the shop, which are isolated.
    assert_eq!(between(&engine, "shop/web[Deployment]", "{ingress-controller}"), "none ? all");
    assert_eq!(between(&engine, "{ingress-controller}", "external-1"), "all");
}

#[test]
fn selectors_are_answered_alike_whether_policies_use_them_or_not() {
    let world = shop();
    let asked = [
        pods("shop", "app=db"),
        pods("shop", "app!=db"),
        pods_in("team=web", "app"),
        pods_in("", "!app"),
        pods("none", ""),
        pods_in("team", "app=web"),
    ];
    let rules = asked.iter().map(|selector| allow(vec![PeerMatch::Pods(selector.clone())], vec![])).collect();
    let with = world.engine(&network_policies(vec![policy(pods("shop", ""), Some(rules), None)]));
    let without = world.engine(&PolicySet::default());
    let wanted: [&[u32]; 6] = [&[2], &[1, 3], &[1, 2, 3], &[], &[], &[3]];
    for (selector, wanted) in asked.iter().zip(wanted) {
        let groups: Vec<u32> = with.selects(selector).iter().map(|group| group.0).collect();
        assert_eq!(groups, wanted, "{selector:?}");
        assert_eq!(with.selects(selector), without.selects(selector));
    }
}
