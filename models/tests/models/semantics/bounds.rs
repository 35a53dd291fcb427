//! What no manifest settles, and what only some requests pass: both bounds of a verdict.

use npv_models::decide::{End, Flow, PodEnd, Verdict, decide, decide_request};
use npv_models::policy::Direction::{Egress, Ingress};
use npv_models::policy::{
    Action, Entity, Isolation, PeerMatch, Policy, PolicySet, PortMatch, Profile, Rule, Same, attribute,
};
use npv_models::space::Protocol::{self, Icmp, Tcp, Udp};
use npv_models::space::{IpSet, PortSet, Request, Traffic, icmp_messages};

use super::ask::*;

fn web() -> Pod {
    Pod::new("shop", "web", "app=web")
}

fn cart() -> Pod {
    Pod::new("shop", "cart", "app=cart")
}

/// `shop/cart` lets in what the rule allows.
fn guard(rule: Rule) -> PolicySet {
    policies(vec![policy("guard", local("shop", "app=cart"), Ingress, vec![rule])])
}

fn from(peer: PeerMatch) -> PolicySet {
    guard(allow().peer(peer))
}

/// What `shop/cart` lets in from an end by a rule with this peer.
fn lets_in(peer: PeerMatch, src: End<'_>) -> &'static str {
    verdict(&from(peer), src, cart().end())
}

#[test]
fn s88_a_value_that_no_manifest_shows_may_be_any() {
    let job = Pod::new("shop", "job", "job-name=?,app=web");
    let asked = |selector: &str| lets_in(PeerMatch::Pods(local("shop", selector)), job.end());
    assert_eq!(asked("job-name"), "allow");
    assert_eq!(asked("!job-name"), "deny");
    for selector in ["job-name=a", "job-name!=a", "job-name in (a, b)", "job-name ^ a", "job-name ~ a"] {
        assert_eq!(asked(selector), "unknown", "{selector}");
    }
    assert_eq!(asked("job-name=a,app=api"), "deny", "it is no api in any case");
    assert_eq!(asked("app=web"), "allow");
    // The subject's labels count like any other.
    let set = policies(vec![policy("p", local("shop", "job-name=a"), Ingress, vec![])]);
    assert_eq!(verdict(&set, web().end(), job.end()), "unknown");
}

#[test]
fn s16_an_address_that_no_manifest_shows_is_somewhere_in_there() {
    let pod = web().somewhere_in("10.0.0.0/8").somewhere_in("192.168.0.0/16");
    for (text, wanted) in [
        ("0.0.0.0/0", "allow"),
        ("0.0.0.0/0 !10.0.0.0/8 !192.168.0.0/16", "deny"),
        ("0.0.0.0/0 !10.0.0.0/9", "unknown"),
        ("10.0.0.0/8", "unknown"),
        ("203.0.113.0/24", "deny"),
        ("::/0", "deny"),
    ] {
        assert_eq!(lets_in(block(text), pod.end()), wanted, "{text}");
        assert_eq!(
            lets_in(not(block(text)), pod.end()),
            match wanted {
                "allow" => "deny",
                "deny" => "allow",
                unknown => unknown,
            },
            "not {text}"
        );
    }
    let blind = Profile { blocks_match_pods: false, ..Profile::default() };
    let set = from(block("10.0.0.0/8"));
    let cart = cart();
    let flow = Flow { src: pod.end(), dst: cart.end(), protocol: Tcp, port: 80 };
    assert_eq!(decide(&set, blind, &flow).verdict(), Verdict::Deny);
}

#[test]
fn peers_are_combined_and_negated() {
    let pods = |labels: &str| PeerMatch::Pods(across("", labels));
    let all = || PeerMatch::All(vec![pods("app"), not(pods("app=web"))]);
    let api = Pod::new("x", "api", "app=api");
    let vague = Pod::new("x", "vague", "app=?");
    assert_eq!(lets_in(all(), web().end()), "deny");
    assert_eq!(lets_in(all(), api.end()), "allow");
    assert_eq!(lets_in(all(), vague.end()), "unknown");
    assert_eq!(lets_in(not(all()), web().end()), "allow");
    assert_eq!(lets_in(PeerMatch::Any(vec![pods("app=web"), pods("app=api")]), vague.end()), "unknown");
    // A negation of pods matches whoever is no pod.
    assert_eq!(lets_in(not(pods("app=web")), address("8.8.8.8")), "allow");
    assert_eq!(lets_in(PeerMatch::All(vec![]), address("8.8.8.8")), "allow");
    assert_eq!(lets_in(PeerMatch::Any(vec![]), web().end()), "deny");
}

#[test]
fn c46_a_rule_may_ask_what_its_own_end_is() {
    let rule = || {
        allow().own(PeerMatch::Pods(across("", "tier=front"))).peer(PeerMatch::Pods(across("", "app=web")))
    };
    let set = policies(vec![policy("p", local("shop", ""), Ingress, vec![rule()])]);
    let (front, back) = (Pod::new("shop", "a", "tier=front"), Pod::new("shop", "b", "tier=back"));
    assert!(allowed(&set, web().end(), front.end()));
    assert!(!allowed(&set, web().end(), back.end()));
    assert!(!allowed(&set, cart().end(), front.end()));
    let vague = Pod::new("shop", "c", "tier=?");
    assert_eq!(verdict(&set, web().end(), vague.end()), "unknown");
}

#[test]
fn c51_a_rule_may_leave_ports_out() {
    let rule = allow().port(numbers(Tcp, 80, 90)).not_port(tcp(85)).not_port(named(Tcp, "metrics"));
    let cart = cart().declares("metrics", Tcp, 81);
    let passes: Vec<u16> = [79, 80, 81, 85, 90, 91]
        .into_iter()
        .filter(|port| allowed_port(&guard(rule.clone()), web().end(), cart.end(), Tcp, *port))
        .collect();
    assert_eq!(passes, [80, 90]);
    let all_but = guard(allow().not_port(tcp(85)));
    assert!(allowed_port(&all_but, web().end(), cart.end(), Udp, 85));
    assert!(!allowed_port(&all_but, web().end(), cart.end(), Tcp, 85));
}

#[test]
fn service_accounts_are_asked_for_like_labels() {
    let robot = web().account("robot");
    assert_eq!(lets_in(account("robot"), robot.end()), "allow");
    assert_eq!(lets_in(account("other"), robot.end()), "deny");
    assert_eq!(lets_in(account("robot"), web().end()), "deny");
    let nowhere = IpSet::EMPTY;
    let assumed = PodEnd::assumed(&nowhere);
    assert_eq!(lets_in(account("robot"), End::Pod(assumed)), "unknown");
    // Nor has a label of that name anything to do with it.
    let labelled = Pod::new("shop", "web", &format!("{}=robot", attribute::ACCOUNT));
    assert_eq!(lets_in(account("robot"), labelled.end()), "deny");
}

#[test]
fn k24_entities() {
    let (own, other) = (OwnNode::new("n1", "", "192.168.0.1"), OwnNode::new("n2", "", "192.168.0.2"));
    let (own_end, other_end) = (own.end(), other.end());
    let cart = cart();
    let on_own = End::Pod(cart.pod(Some(&own_end)));
    let out = |entity, dst: End<'_>, subject: End<'_>| {
        let rule = allow().peer(PeerMatch::Entity(entity));
        let set = policies(vec![policy("out", local("shop", "app=cart"), Egress, vec![rule])]);
        verdict(&set, subject, dst)
    };
    for (entity, own, other, api, outside) in [
        (Entity::World, "deny", "deny", "unknown", "allow"),
        (Entity::OwnNode, "allow", "deny", "deny", "deny"),
        (Entity::OtherNode, "deny", "allow", "unknown", "deny"),
        (Entity::ApiServer, "unknown", "unknown", "allow", "deny"),
        (Entity::Ingress, "deny", "deny", "deny", "deny"),
    ] {
        assert_eq!(out(entity, End::Node(own_end), on_own), own, "{entity:?}");
        assert_eq!(out(entity, End::Node(other_end), on_own), other, "{entity:?}");
        assert_eq!(out(entity, End::Entity(Entity::ApiServer), on_own), api, "{entity:?}");
        assert_eq!(out(entity, address("8.8.8.8"), on_own), outside, "{entity:?}");
        assert_eq!(out(entity, web().end(), on_own), "deny", "{entity:?}");
        assert_eq!(out(entity, End::Entity(entity), on_own), "allow", "{entity:?}");
    }
    // Where the pod runs nobody knows.
    for entity in [Entity::OwnNode, Entity::OtherNode] {
        assert_eq!(out(entity, End::Node(own_end), cart.end()), "unknown", "{entity:?}");
    }
    let host = Pod::new("infra", "agent", "").on_host_network();
    assert_eq!(out(Entity::OwnNode, End::Pod(host.pod(Some(&own_end))), on_own), "allow");
    assert_eq!(out(Entity::OwnNode, End::Pod(host.pod(Some(&other_end))), on_own), "deny");
    assert_eq!(out(Entity::OtherNode, host.end(), on_own), "allow", "none says that they are on one node");
}

#[test]
fn a8_what_two_ends_have_in_common() {
    let pod = |namespace: &'static str, team: &str| {
        let pod = Pod::new(namespace, "a", "app=cart");
        let labels = labels(&format!("kubernetes.io/metadata.name={namespace},{team}"));
        Pod { namespace_labels: labels, ..pod }
    };
    let same = |same: Same, src: &Pod, dst: &Pod| {
        let everyone = across("", "");
        let set = policies(vec![policy("p", everyone, Ingress, vec![allow().peer(PeerMatch::Same(same))])]);
        verdict(&set, src.end(), dst.end())
    };
    let team = || Same::NamespaceLabels(vec!["team".into()]);
    let (red, blue, other_red) = (pod("a", "team=red"), pod("b", "team=blue"), pod("c", "team=red"));
    let other = Pod { name: "b", ..red.clone() };
    assert_eq!(same(Same::Namespace, &other, &red), "allow");
    assert_eq!(same(Same::Namespace, &other_red, &red), "deny");
    assert_eq!(same(team(), &other_red, &red), "allow");
    assert_eq!(same(team(), &blue, &red), "deny");
    // Nobody has in common what the one or the other lacks.
    let (none, vague) = (pod("d", ""), pod("e", "team=?"));
    assert_eq!(same(team(), &none, &pod("f", "")), "deny");
    assert_eq!(same(team(), &vague, &red), "unknown");
    assert_eq!(same(team(), &vague, &none), "deny");
    assert_eq!(same(team(), &pod("g", ".."), &red), "unknown");
}

#[test]
fn what_may_happen_is_kept_apart_from_what_must() {
    let vague = Pod::new("shop", "job", "app=?");
    let pods = |labels: &str| PeerMatch::Pods(local("shop", labels));
    // It may be denied, and then it is allowed by nobody.
    let set = |rules| tiers(vec![ordered("Admin", vec![policy("p", across("", ""), Ingress, rules)])]);
    let may_deny = rule(Action::Deny).peer(pods("app=job"));
    assert_eq!(verdict(&set(vec![may_deny.clone()]), vague.end(), cart().end()), "unknown");
    assert_eq!(verdict(&set(vec![allow(), may_deny.clone()]), vague.end(), cart().end()), "allow");
    let decision_set = set(vec![may_deny.clone(), allow()]);
    let decision = ask(&decision_set, vague.end(), cart().end());
    assert_eq!(decision.verdict(), Verdict::Unknown);
    let certain: Vec<(Action, bool)> =
        decision.steps.iter().map(|step| (step.action, step.certain)).collect();
    assert_eq!(certain, [(Action::Deny, false), (Action::Allow, true)]);
    // Either way it is denied.
    assert_eq!(verdict(&set(vec![may_deny, rule(Action::Deny)]), vague.end(), cart().end()), "deny");
    let unknown = set(vec![rule(Action::Unknown)]);
    assert_eq!(verdict(&unknown, web().end(), cart().end()), "unknown");
    let before = set(vec![rule(Action::Unknown), rule(Action::Deny)]);
    assert_eq!(verdict(&before, web().end(), cart().end()), "unknown");
    let wins = |actions: &[Action]| {
        let rules = actions.iter().map(|action| rule(*action)).collect();
        tiers(vec![deny_wins(vec![policy("p", across("", ""), Ingress, rules)])])
    };
    assert_eq!(verdict(&wins(&[Action::Allow, Action::Unknown]), web().end(), cart().end()), "unknown");
    assert_eq!(verdict(&wins(&[Action::Deny, Action::Unknown]), web().end(), cart().end()), "deny");
}

#[test]
fn a_policy_that_may_select_may_isolate() {
    let vague = Pod::new("shop", "job", "app=?");
    let rules = vec![allow().port(tcp(80))];
    let set = policies(vec![policy("p", local("shop", "app=job"), Ingress, rules)]);
    // The bounds do not see that what the rule does not allow the default does.
    assert_eq!(verdict(&set, web().end(), vague.end()), "unknown");
    assert_eq!(ask_port(&set, web().end(), vague.end(), Tcp, 81).verdict(), Verdict::Unknown);
}

#[test]
fn k60_the_own_node_is_kept_out_by_a_rule_only() {
    let strict = Profile { own_node_can_be_denied: true, ..Profile::default() };
    let node = OwnNode::new("n1", "", "192.168.0.1");
    let end = node.end();
    let cart = cart();
    let dst = End::Pod(cart.pod(Some(&end)));
    let set = |rules: Vec<Rule>| tiers(vec![deny_wins(vec![policy("p", local("shop", ""), Ingress, rules)])]);
    for src in [End::Node(end), End::Entity(Entity::OwnNode)] {
        assert!(allowed_with(strict, &set(vec![]), src, dst), "isolation alone keeps nobody's node out");
        assert!(!allowed_with(strict, &set(vec![rule(Action::Deny)]), src, dst));
        assert!(allowed(&set(vec![rule(Action::Deny)]), src, dst));
    }
    assert!(!allowed_with(strict, &set(vec![]), web().end(), dst));
}

#[test]
fn policies_apply_to_nodes_that_they_name() {
    let nodes = PeerMatch::Nodes(selector("pool=infra"));
    let host = Policy { also: vec![nodes], ..policy("host", across("nobody=here", ""), Ingress, vec![]) };
    let set = tiers(vec![deny_wins(vec![host])]);
    let (infra, work) =
        (OwnNode::new("n1", "pool=infra", "192.168.0.1"), OwnNode::new("n2", "", "192.168.0.2"));
    assert!(!allowed(&set, web().end(), End::Node(infra.end())));
    assert!(allowed(&set, web().end(), End::Node(work.end())));
    let infra_end = infra.end();
    let agent = Pod::new("x", "agent", "").on_host_network();
    assert!(!allowed(&set, web().end(), End::Pod(agent.pod(Some(&infra_end)))));
    assert_eq!(verdict(&set, web().end(), agent.end()), "unknown");
}

fn request(text: &str) -> Request {
    let (method, path) = text.split_once(' ').unwrap();
    Request::new(method, path)
}

#[test]
fn some_requests_pass() {
    let rule = allow().http(tcp(80), requests("GET /api/"));
    let set = guard(rule);
    let (web, cart) = (web(), cart());
    assert_eq!(verdict(&set, web.end(), cart.end()), "partial");
    let decision = ask(&set, web.end(), cart.end());
    assert_eq!(decision.outcome.certain, requests("GET /api/"));
    let flow = Flow { src: web.end(), dst: cart.end(), protocol: Tcp, port: 80 };
    for (text, wanted) in
        [("GET /api/a", Verdict::Allow), ("POST /api/a", Verdict::Deny), ("GET /other", Verdict::Deny)]
    {
        let decision = decide_request(&set, Profile::default(), &flow, Some(&request(text)));
        assert_eq!(decision.verdict(), wanted, "{text}");
    }
    assert!(!allowed_port(&set, web.end(), cart.end(), Tcp, 81));
    assert!(!allowed_port(
        &guard(allow().http(numbers(Udp, 80, 80), requests("GET"))),
        web.end(),
        cart.end(),
        Udp,
        80
    ));
    // What the rules say together is all.
    let all = allow().http(tcp(80), requests("GET")).http(tcp(80), requests("GET").complement());
    assert_eq!(verdict(&guard(all), web.end(), cart.end()), "allow");
    // What npv knows by its words only depends on the request, too.
    let token = guard(allow().http(tcp(80), requests("if a valid token")));
    assert_eq!(verdict(&token, web.end(), cart.end()), "partial");
    let decision = decide_request(&token, Profile::default(), &flow, Some(&request("GET /")));
    assert_eq!(decision.verdict(), Verdict::Partial);
    let vague = Pod::new("shop", "job", "app=?");
    let both = guard(allow().peer(PeerMatch::Pods(local("shop", "app=a"))).http(tcp(80), requests("GET")));
    assert_eq!(verdict(&both, vague.end(), cart.end()), "unknown");
}

#[test]
fn layers_meet_in_what_both_let_pass() {
    let layer_of = |name, rule: Rule| {
        layer(name, vec![union(vec![policy("p", local("shop", ""), Ingress, vec![rule])])])
    };
    let set = |first, second| PolicySet { layers: vec![layer_of("CNI", first), layer_of("mesh", second)] };
    let get = || allow().http(tcp(80), requests("GET"));
    let api = || allow().http(tcp(80), requests("/api/"));
    let both = set(get(), api());
    assert_eq!(ask(&both, web().end(), cart().end()).outcome.certain, requests("GET /api/"));
    let nothing = set(get(), allow().http(tcp(80), requests("POST")));
    assert_eq!(verdict(&nothing, web().end(), cart().end()), "deny");
}

#[test]
fn icmp_has_messages_in_place_of_ports() {
    let echo = PortMatch::Numbers(Traffic::of(Icmp, icmp_messages(8, None)));
    let set = guard(allow().port(echo));
    let message = |kind, code| icmp_messages(kind, Some(code)).first().unwrap();
    let asked = |protocol: Protocol, number| allowed_port(&set, web().end(), cart().end(), protocol, number);
    assert!(asked(Icmp, message(8, 0)) && asked(Icmp, message(8, 255)));
    assert!(!asked(Icmp, message(0, 0)) && !asked(Icmp, message(9, 0)));
    assert!(!asked(Protocol::Icmpv6, message(8, 0)) && !asked(Tcp, message(8, 0)));
    let isolation =
        Policy { isolation: Isolation::NONE, ..policy("p", local("shop", ""), Ingress, vec![allow()]) };
    assert!(allowed_port(&tiers(vec![deny_wins(vec![isolation])]), web().end(), cart().end(), Icmp, 1));
    assert_eq!(
        Traffic::of(Icmp, PortSet::full()).union(&Traffic::all()),
        Traffic::everything().difference(&Traffic::of(Protocol::Icmpv6, PortSet::full()))
    );
}
