//! S-60 to S-62, S-66, S-68: which tier, policy and rule decides.

use super::world::{anp, banp, cnp, np, on, world};

const FLOW: &str = "red/client -> red/server:80/tcp";

fn ingress(action: &str) -> String {
    format!("ingress: [{{action: {action}, from: [{{namespaces: {{}}}}]}}]")
}

#[test]
fn admin_then_network_policy_then_baseline() {
    let open = np("red", "{podSelector: {}, ingress: [{}]}");
    let shut = np("red", "{podSelector: {}}");
    for (admin, network, baseline, allowed, last) in [
        ("Deny", Some(&open), "Accept", false, "ingress Admin a deny"),
        ("Accept", Some(&shut), "Deny", true, "ingress Admin a allow"),
        ("Pass", Some(&open), "Deny", true, "ingress NetworkPolicy np allow"),
        ("Pass", Some(&shut), "Accept", false, "ingress NetworkPolicy np deny"),
        ("Pass", None, "Deny", false, "ingress Baseline b deny"),
        ("Pass", None, "Accept", true, "ingress Baseline b allow"),
        // S-61: a pass in the baseline leads to the default, which is to allow.
        ("Pass", None, "Pass", true, "ingress Baseline b pass"),
    ] {
        let mut text = cnp("a", "Admin", 5, &ingress(admin)) + &cnp("b", "Baseline", 5, &ingress(baseline));
        text.push_str(network.map_or("", |text| text));
        let world = world(&text);
        assert_eq!(world.allows(FLOW), allowed, "{text}");
        assert_eq!(world.steps(FLOW).last().map(String::as_str), Some(last), "{text}");
    }
}

#[test]
fn the_network_policy_of_the_other_direction_is_not_final() {
    // The server is isolated for egress only, so the baseline decides about its ingress.
    let text = np("red", "{podSelector: {}, policyTypes: [Egress], egress: [{}]}")
        + &cnp("b", "Baseline", 5, &ingress("Deny"));
    let world = world(&text);
    assert_eq!(world.steps(FLOW), ["egress NetworkPolicy np allow", "ingress Baseline b deny"]);
}

#[test]
fn a_pass_in_the_baseline_skips_the_rest_of_it() {
    let pass = cnp("first", "Baseline", 1, &ingress("Pass"));
    let text = pass + &cnp("second", "Baseline", 2, &ingress("Deny")) + &banp(&ingress("Deny"));
    assert!(world(&text).allows(FLOW));
}

#[test]
fn lower_priorities_come_first_whatever_their_kind_and_name() {
    for (one, other, allowed) in [(1, 2, true), (2, 1, false), (0, 1000, true), (1000, 0, false)] {
        let accept = cnp("z", "Admin", one, &ingress("Accept"));
        assert_eq!(
            world(&(accept.clone() + &cnp("a", "Admin", other, &ingress("Deny")))).allows(FLOW),
            allowed
        );
        assert_eq!(world(&(accept + &anp("a", other, &ingress("Deny")))).allows(FLOW), allowed);
        let allow = anp("z", one, &ingress("Allow"));
        assert_eq!(world(&(cnp("a", "Admin", other, &ingress("Deny")) + &allow)).allows(FLOW), allowed);
    }
}

/// S-62: undefined; npv takes kind and name, and a lint rule says so.
#[test]
fn equal_priorities_are_taken_by_kind_and_name() {
    let (deny, accept) = (ingress("Deny"), ingress("Accept"));
    assert!(!world(&(cnp("b", "Admin", 5, &accept) + &cnp("a", "Admin", 5, &deny))).allows(FLOW));
    assert!(world(&(cnp("a", "Admin", 5, &accept) + &cnp("b", "Admin", 5, &deny))).allows(FLOW));
    assert!(!world(&(cnp("a", "Admin", 5, &accept) + &anp("z", 5, &deny))).allows(FLOW));
    // In different tiers it is no question.
    assert!(world(&(cnp("z", "Admin", 5, &accept) + &cnp("a", "Baseline", 5, &deny))).allows(FLOW));
}

#[test]
fn rules_of_a_policy_in_their_order() {
    let rules = |first: &str, second: &str| {
        let peers = "from: [{namespaces: {matchLabels: {team: red}}}]";
        format!("ingress: [{{action: {first}, {peers}}}, {{action: {second}, from: [{{namespaces: {{}}}}]}}]")
    };
    let text = cnp("a", "Admin", 5, &rules("Accept", "Deny"));
    world(&text).check(&[(FLOW, true), ("blue/client -> red/server:80/tcp", false)]);
    let text = cnp("a", "Admin", 5, &rules("Deny", "Accept"));
    world(&text).check(&[(FLOW, false), ("blue/client -> red/server:80/tcp", true)]);
    // A pass does not shield from what is before it, and shields from what comes after it.
    let text = cnp("a", "Admin", 5, &rules("Pass", "Deny")) + &cnp("b", "Admin", 6, &ingress("Deny"));
    world(&text).check(&[(FLOW, true), ("blue/client -> red/server:80/tcp", false)]);
}

#[test]
fn s66_nothing_isolates() {
    for rules in [
        "ingress: []",
        "ingress: [], egress: []",
        "egress: [{action: Deny, to: [{networks: [203.0.113.0/24]}]}]",
    ] {
        for text in
            [cnp("a", "Admin", 5, rules), cnp("a", "Baseline", 5, rules), anp("a", 5, rules), banp(rules)]
        {
            world(&text).check(&[
                (FLOW, true),
                ("203.0.113.9 -> red/server:80/tcp", true),
                ("red/client -> 8.8.8.8:53/udp", true),
            ]);
        }
    }
    // Accepting one peer denies no other.
    let text =
        cnp("a", "Admin", 5, "ingress: [{action: Accept, from: [{namespaces: {matchLabels: {team: red}}}]}]");
    assert!(world(&text).allows("blue/client -> red/server:80/tcp"));
}

#[test]
fn s60_the_two_directions_are_apart() {
    // Accepted on its way out is not accepted on its way in.
    let egress = "egress: [{action: Accept, to: [{namespaces: {}}]}]";
    let text = cnp("out", "Admin", 1, egress) + &cnp("in", "Admin", 2, &ingress("Deny"));
    let world = world(&text);
    assert_eq!(world.steps(FLOW), ["egress Admin out allow", "ingress Admin in deny"]);
}

#[test]
fn s68_the_baseline_of_v1alpha1_is_last() {
    let text = banp(&ingress("Allow")) + &cnp("b", "Baseline", 1000, &ingress("Deny"));
    assert_eq!(world(&text).steps(FLOW), ["ingress Baseline b deny"]);
    let text = banp(&ingress("Deny")) + &anp("a", 1000, &ingress("Pass"));
    assert_eq!(world(&text).steps(FLOW), ["ingress Admin a pass", "ingress Baseline default deny"]);
    let text =
        banp(&ingress("Deny")) + &np("red", "{podSelector: {matchLabels: {app: server}}, ingress: [{}]}");
    world(&text).check(&[(FLOW, true), ("red/server -> red/client:80/tcp", false)]);
}

#[test]
fn a_subject_limits_what_a_policy_does() {
    let text = on("{namespaces: {matchLabels: {team: red}}}", "a", "Admin", 5, &ingress("Deny"));
    world(&text).check(&[(FLOW, false), ("red/client -> blue/server:80/tcp", true)]);
}
