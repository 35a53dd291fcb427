//! S-3, S-4, S-6, S-60 to S-66: how policies, tiers and layers combine, and what explains the verdict.

use npv_models::decide::{Decision, End, Verdict};
use npv_models::policy::Direction::{Egress, Ingress};
use npv_models::policy::{
    Action, Isolation, Mode, NoMatch, PeerMatch, Policy, PolicySet, Priority, Rule, Tier,
};
use npv_models::space::Protocol::Tcp;

use super::ask::*;

fn web() -> Pod {
    Pod::new("shop", "web", "app=web")
}

fn cart() -> Pod {
    Pod::new("shop", "cart", "app=cart")
}

fn everyone(name: &str, rules: Vec<Rule>) -> Policy {
    policy(name, across("", ""), Ingress, rules)
}

fn from_web(action: Action) -> Rule {
    rule(action).peer(PeerMatch::Pods(local("shop", "app=web")))
}

/// Whether `shop/web` reaches `shop/cart`.
fn reaches(set: &PolicySet) -> bool {
    allowed(set, web().end(), cart().end())
}

/// `tier/policy/action/does a rule decide` of each step.
fn steps(decision: &Decision<'_>) -> Vec<String> {
    decision
        .steps
        .iter()
        .map(|step| {
            let by = if step.rule.is_some() { "rule" } else { "no match" };
            let (side, layer, tier) = (step.direction, step.layer, &*step.tier.name);
            format!("{side} {layer} {tier} {} {} {by}", step.policy.object.name, step.action.name())
        })
        .collect()
}

#[test]
fn without_policies_everything_is_allowed() {
    assert!(reaches(&PolicySet::default()));
    assert!(reaches(&policies(vec![])));
    assert!(ask(&PolicySet::default(), web().end(), cart().end()).steps.is_empty());
}

#[test]
fn s3_isolation_is_per_pod() {
    let set = policies(vec![policy("p", local("shop", "app=other"), Ingress, vec![])]);
    let decision = ask(&set, web().end(), cart().end());
    assert_eq!(decision.verdict(), Verdict::Allow);
    assert!(decision.steps.is_empty(), "the tier has nothing to say");
}

#[test]
fn s6_no_rules_deny_and_an_empty_rule_allows() {
    assert!(!reaches(&policies(vec![everyone("p", vec![])])));
    assert!(reaches(&policies(vec![everyone("p", vec![allow()])])));
}

#[test]
fn s4_a_union_has_no_order() {
    let deny = || everyone("deny-all", vec![]);
    let open = || everyone("open", vec![from_web(Action::Allow)]);
    assert!(reaches(&policies(vec![deny(), open()])));
    assert!(reaches(&policies(vec![open(), deny()])));
}

#[test]
fn s4_in_a_union_only_allow_rules_have_a_say() {
    let set = policies(vec![everyone("p", vec![rule(Action::Deny), rule(Action::Log), allow()])]);
    assert!(reaches(&set));
    for action in [Action::Deny, Action::Log, Action::Pass] {
        assert!(!reaches(&policies(vec![everyone("p", vec![rule(action)])])), "{action:?}");
    }
}

#[test]
fn s4_steps_name_the_rule_or_the_isolating_policy() {
    let set = policies(vec![
        policy("deny-all", across("", ""), Ingress, vec![]),
        policy("open", local("shop", "app=cart"), Ingress, vec![rule(Action::Log), from_web(Action::Allow)]),
    ]);
    let decision = ask(&set, web().end(), cart().end());
    assert_eq!(steps(&decision), ["ingress CNI NetworkPolicy open allow rule"]);
    let rules = set.layers[0].tiers[0].policies[1].ingress.as_ref().unwrap();
    assert!(std::ptr::eq(decision.steps[0].rule.unwrap(), &raw const rules[1]));
    assert!(decision.steps[0].peer.is_some());
    let decision = ask(&set, address("10.0.0.1"), cart().end());
    assert_eq!(steps(&decision), ["ingress CNI NetworkPolicy deny-all deny no match"]);
}

#[test]
fn the_step_names_the_peer_that_matched() {
    let rule = allow().peer(block("10.0.0.0/8")).peer(PeerMatch::Pods(local("shop", ""))).peer(block("::/0"));
    let set = policies(vec![everyone("p", vec![rule])]);
    let decision = ask(&set, web().end(), cart().end());
    assert!(matches!(decision.steps[0].peer.unwrap().matches, PeerMatch::Pods(_)));
    let open = policies(vec![everyone("p", vec![allow()])]);
    assert!(ask(&open, web().end(), cart().end()).steps[0].peer.is_none());
}

#[test]
fn s61_the_first_matching_rule_decides() {
    let admin = |rules| tiers(vec![ordered("Admin", vec![everyone("p", rules)])]);
    assert!(reaches(&admin(vec![from_web(Action::Allow), rule(Action::Deny)])));
    assert!(!reaches(&admin(vec![rule(Action::Deny), from_web(Action::Allow)])));
    assert!(!reaches(&admin(vec![rule(Action::Log), rule(Action::Deny), allow()])));
    let two =
        |first, second| tiers(vec![ordered("Admin", vec![everyone("a", first), everyone("b", second)])]);
    assert!(!reaches(&two(vec![rule(Action::Deny)], vec![allow()])));
    assert!(reaches(&two(vec![allow()], vec![rule(Action::Deny)])));
}

#[test]
fn s61_a_rule_that_does_not_match_is_passed_over() {
    let other = rule(Action::Deny).peer(PeerMatch::Pods(local("shop", "app=other")));
    let port = rule(Action::Deny).port(tcp(81));
    let set =
        tiers(vec![ordered("Admin", vec![everyone("p", vec![other, port, allow(), rule(Action::Deny)])])]);
    assert!(reaches(&set));
    assert!(!allowed_port(&set, web().end(), cart().end(), Tcp, 81));
}

#[test]
fn s60_tiers_in_order() {
    let admin = |action| ordered("Admin", vec![everyone("admin", vec![rule(action)])]);
    let isolating = || union(vec![everyone("np", vec![])]);
    let opening = || union(vec![everyone("np", vec![allow()])]);
    let baseline = |action| ordered("Baseline", vec![everyone("base", vec![rule(action)])]);
    assert!(reaches(&tiers(vec![admin(Action::Allow), isolating(), baseline(Action::Deny)])));
    assert!(!reaches(&tiers(vec![admin(Action::Deny), opening(), baseline(Action::Allow)])));
    assert!(reaches(&tiers(vec![admin(Action::Pass), opening(), baseline(Action::Deny)])));
    assert!(!reaches(&tiers(vec![admin(Action::Pass), isolating(), baseline(Action::Allow)])));
    assert!(!reaches(&tiers(vec![admin(Action::Pass), union(vec![]), baseline(Action::Deny)])));
    assert!(!reaches(&tiers(vec![union(vec![]), baseline(Action::Deny)])));
    assert!(
        reaches(&tiers(vec![admin(Action::Pass), union(vec![]), baseline(Action::Pass)])),
        "default allow"
    );
}

#[test]
fn s61_pass_skips_the_rest_of_its_tier() {
    let set = tiers(vec![ordered(
        "Admin",
        vec![
            everyone("a", vec![rule(Action::Pass), rule(Action::Deny)]),
            everyone("b", vec![rule(Action::Deny)]),
        ],
    )]);
    let decision = ask(&set, web().end(), cart().end());
    assert_eq!(decision.verdict(), Verdict::Allow);
    assert_eq!(steps(&decision), ["ingress CNI Admin a pass rule"]);
}

#[test]
fn s66_an_ordered_tier_does_not_isolate() {
    assert!(reaches(&tiers(vec![ordered("Admin", vec![everyone("p", vec![])])])));
    let other = rule(Action::Deny).peer(PeerMatch::Pods(local("shop", "app=other")));
    let decision_set = tiers(vec![ordered("Admin", vec![everyone("p", vec![other])])]);
    let decision = ask(&decision_set, web().end(), cart().end());
    assert_eq!(decision.verdict(), Verdict::Allow);
    assert!(decision.steps.is_empty());
}

#[test]
fn s60_directions_are_apart() {
    let set = tiers(vec![
        ordered("Admin", vec![policy("out", across("", "app=web"), Egress, vec![allow()])]),
        union(vec![policy("in", local("shop", ""), Ingress, vec![])]),
    ]);
    let decision = ask(&set, web().end(), cart().end());
    assert_eq!((decision.egress, decision.ingress), (Verdict::Allow, Verdict::Deny));
    assert_eq!(
        steps(&decision),
        ["egress CNI Admin out allow rule", "ingress CNI NetworkPolicy in deny no match"]
    );
}

#[test]
fn where_a_denial_wins_order_is_irrelevant() {
    use Action::{Allow, Deny, Log, Pass};

    let set = |actions: &[Action]| {
        tiers(vec![deny_wins(actions.iter().map(|action| everyone("p", vec![from_web(*action)])).collect())])
    };
    for (actions, expected) in [
        (&[Allow, Deny] as &[Action], false),
        (&[Deny, Allow], false),
        (&[Allow], true),
        (&[Log, Allow], true),
        (&[Log], false),
        (&[Pass], true),
        (&[Pass, Allow], true),
        (&[Pass, Deny], false),
        (&[Pass, Allow, Deny], false),
    ] {
        assert_eq!(reaches(&set(actions)), expected, "{actions:?}");
    }
    let unmatched = set(&[Allow, Deny]);
    assert!(!allowed(&unmatched, address("10.0.0.1"), cart().end()), "the tier isolates");
}

#[test]
fn where_a_denial_wins_an_allow_is_final_and_a_pass_is_not() {
    let after = || ordered("Baseline", vec![everyone("base", vec![rule(Action::Deny)])]);
    let set = |action| tiers(vec![deny_wins(vec![everyone("p", vec![rule(action)])]), after()]);
    assert!(reaches(&set(Action::Allow)));
    assert!(!reaches(&set(Action::Pass)));
    let both = deny_wins(vec![everyone("p", vec![rule(Action::Pass), rule(Action::Allow)])]);
    assert!(reaches(&tiers(vec![both, after()])), "an allow wins over a pass");
}

#[test]
fn what_no_rule_matches_where_a_policy_isolates_and_where_it_does_not() {
    let deny_after = || ordered("Last", vec![everyone("last", vec![rule(Action::Deny)])]);
    let tier = |isolation, no_match| {
        let subject = local("shop", "app=cart");
        let policy = Policy { isolation, ..policy("p", subject, Ingress, vec![]) };
        tier("T", Mode::FirstMatch, no_match, vec![policy])
    };
    let out = Isolation { ingress: false, egress: true };
    let table = [
        (Isolation::BOTH, NoMatch::Deny, false),
        (Isolation::BOTH, NoMatch::Allow, true),
        (Isolation::BOTH, NoMatch::NextTier, false),
        (Isolation::NONE, NoMatch::Allow, false),
        (out, NoMatch::Allow, false),
    ];
    for (isolation, no_match, expected) in table {
        let set = tiers(vec![tier(isolation, no_match), deny_after()]);
        assert_eq!(reaches(&set), expected, "{isolation:?} {no_match:?}");
    }
    // Denied where no other tier would deny it.
    assert!(!reaches(&tiers(vec![tier(Isolation::BOTH, NoMatch::Deny)])));
    assert!(reaches(&tiers(vec![tier(Isolation::NONE, NoMatch::Deny)])));
    assert!(reaches(&tiers(vec![tier(out, NoMatch::Deny)])));
    let allowing = tiers(vec![tier(Isolation::BOTH, NoMatch::Allow), deny_after()]);
    assert_eq!(steps(&ask(&allowing, web().end(), cart().end())), ["ingress CNI T p allow no match"]);
}

#[test]
fn a_policy_that_isolates_nobody_still_decides_what_it_matches() {
    let open = Policy { isolation: Isolation::NONE, ..everyone("open", vec![from_web(Action::Deny)]) };
    let set = |more: Vec<Policy>| tiers(vec![deny_wins([vec![open.clone()], more].concat())]);
    assert!(!reaches(&set(vec![])));
    assert!(allowed(&set(vec![]), address("10.0.0.1"), cart().end()), "nobody isolates");
    let isolating = everyone("shut", vec![rule(Action::Allow).port(tcp(81))]);
    assert!(!allowed(&set(vec![isolating]), address("10.0.0.1"), cart().end()));
}

#[test]
fn a_pass_may_lead_to_a_certain_tier() {
    let pass = ordered("First", vec![everyone("pass", vec![rule(Action::Pass)])]);
    let deny = |name: &str| ordered(name, vec![everyone(name, vec![rule(Action::Deny)])]);
    let to = |pass_to| Tier { pass: Some(pass_to), ..pass.clone() };
    assert!(!reaches(&tiers(vec![pass.clone(), deny("Second")])));
    assert!(reaches(&tiers(vec![to(2), deny("Second"), union(vec![])])));
    assert!(!reaches(&tiers(vec![to(2), deny("Second"), deny("Third")])));
    assert!(reaches(&tiers(vec![to(3), deny("Second"), deny("Third")])), "to the end");
    let decision_set = tiers(vec![to(2), deny("Second"), deny("Third")]);
    let steps = steps(&ask(&decision_set, web().end(), cart().end()));
    assert_eq!(steps, ["ingress CNI First pass pass rule", "ingress CNI Third Third deny rule"]);
    // What it does not match meets the tiers in their order.
    assert!(!reaches(&tiers(vec![Tier { policies: vec![], ..to(2) }, deny("Second")])));
}

#[test]
fn priorities_are_numbers_and_some_have_none() {
    let order = [-3.5, -1.0, 0.0, 0.5, 1000.0].map(|order| Priority::tied(Some(order), ""));
    let mut sorted = order.to_vec();
    sorted.push(Priority::last());
    sorted.reverse();
    sorted.sort();
    assert_eq!(sorted[..5], order);
    assert_eq!(sorted[5], Priority::last());
    assert_eq!(Priority::tied(Some(-0.0), ""), Priority::number(0));
    assert!(Priority::tied(Some(1.0), "a") < Priority::tied(Some(1.0), "b"));
    assert_eq!(order[0].order(), Some(-3.5));
    assert_eq!((order[3].to_string().as_str(), Priority::last().to_string().as_str()), ("0.5", "last"));
}

#[test]
fn a_policy_of_the_other_direction_does_not_isolate() {
    let set = policies(vec![policy("out", local("shop", ""), Egress, vec![])]);
    assert!(allowed(&set, address("10.0.0.1"), cart().end()));
    assert!(!allowed(&set, cart().end(), address("10.0.0.1")));
}

#[test]
fn every_layer_must_allow_and_every_layer_is_asked() {
    let open = || union(vec![everyone("open", vec![allow()])]);
    let shut = |name| union(vec![everyone(name, vec![])]);
    let set =
        |first, second| PolicySet { layers: vec![layer("CNI", vec![first]), layer("mesh", vec![second])] };
    assert!(reaches(&set(open(), open())));
    assert!(!reaches(&set(open(), shut("a"))));
    assert!(!reaches(&set(shut("a"), open())));
    let both = set(shut("a"), shut("b"));
    let decision = ask(&both, web().end(), cart().end());
    assert_eq!(
        steps(&decision),
        ["ingress CNI NetworkPolicy a deny no match", "ingress mesh NetworkPolicy b deny no match"]
    );
}

#[test]
fn s63_s64_cluster_policies_are_about_pods() {
    let rules = vec![rule(Action::Deny).peer(PeerMatch::Pods(across("", "")))];
    let set = tiers(vec![ordered("Admin", vec![everyone("p", rules)])]);
    let node = Node::new("n1", "", "192.168.0.1");
    let agent = Pod::new("infra", "agent", "").on_host_network();
    assert!(!reaches(&set));
    for src in [address("10.0.0.1"), End::Node(node.end()), agent.end()] {
        assert!(allowed(&set, src, cart().end()));
    }
    assert!(allowed(&set, web().end(), agent.end()), "a pod on the host network is never a subject");
}
