//! Tiers and order (C-10 to C-17).

use crate::world::{OUTSIDE, PODS, gnp, np, object, tier, world};

fn rest(without: &[&str]) -> Vec<&'static str> {
    PODS.into_iter().chain([OUTSIDE]).filter(|end| !without.contains(end)).collect()
}

#[test]
fn c10_tiers_ascend_by_order_then_by_name() {
    let on_web = |tier: &str, action: &str| {
        gnp(
            &format!("{tier}.web"),
            &format!(
                "{{tier: {tier}, selector: app == 'web', types: [Ingress], ingress: [{{action: {action}}}]}}"
            ),
        )
    };
    let verdict = |first: &str, second: &str| {
        let objects = [tier("aa", first), tier("bb", second), on_web("aa", "Allow"), on_web("bb", "Deny")];
        world(&objects).verdict("red/db -> red/web:80/tcp")
    };
    assert_eq!(verdict("{order: 1}", "{order: 2}"), "allow");
    assert_eq!(verdict("{order: 2}", "{order: 1}"), "deny");
    assert_eq!(verdict("{order: -1.5}", "{order: -1}"), "allow");
    assert_eq!(verdict("{order: 7}", "{order: 7}"), "allow", "a name decides between equals");
    assert_eq!(verdict("{}", "{order: 999999}"), "deny", "none is 1,000,000");
    assert_eq!(verdict("{}", "{order: 1000001}"), "allow");
}

#[test]
fn c11_what_no_rule_matches_meets_the_default_action() {
    let objects = |action: &str| {
        let policy = gnp(
            "ops.web",
            "{tier: ops, selector: app == 'web', types: [Ingress], ingress: [{action: Allow, protocol: UDP}]}",
        );
        world(&[tier("ops", action), policy])
    };
    for action in ["{order: 1}", "{order: 1, defaultAction: Deny}"] {
        objects(action).check(&[("red/db -> red/web:80/tcp", "deny"), ("red/db -> red/web:80/udp", "allow")]);
    }
    objects("{order: 1, defaultAction: Pass}").check(&[("red/db -> red/web:80/tcp", "allow")]);
    // The tier `default` denies, whoever is in it.
    let policy =
        gnp("web", "{selector: app == 'web', types: [Ingress], ingress: [{action: Allow, protocol: UDP}]}");
    world(&[policy]).check(&[("red/db -> red/web:80/tcp", "deny"), ("red/db -> red/web:80/udp", "allow")]);
}

#[test]
fn c12_a_tier_counts_for_whom_its_policies_select_and_for_their_types() {
    let policy = gnp("ops.web", "{tier: ops, selector: app == 'web', types: [Ingress]}");
    let world = world(&[tier("ops", "{order: 1}"), policy]);
    world.check(&[
        ("red/db -> red/web:80/tcp", "deny"),
        ("red/web -> red/db:80/tcp", "allow"),
        ("red/db -> red/api:80/tcp", "allow"),
    ]);
}

#[test]
fn c13_policies_of_a_tier_sort_by_order_then_by_key() {
    let verdict =
        |first: String, second: String| world(&[first, second]).verdict("blue/mon -> red/web:80/tcp");
    let rule = |order: &str, action: &str| {
        format!("{{{order}selector: app == 'web', types: [Ingress], ingress: [{{action: {action}}}]}}")
    };
    assert_eq!(
        verdict(gnp("b", &rule("order: 1, ", "Allow")), gnp("a", &rule("order: 2, ", "Deny"))),
        "allow"
    );
    assert_eq!(
        verdict(gnp("b", &rule("order: 2.5, ", "Allow")), gnp("a", &rule("order: 2.25, ", "Deny"))),
        "deny"
    );
    assert_eq!(
        verdict(gnp("b", &rule("order: -1, ", "Allow")), gnp("a", &rule("order: 0, ", "Deny"))),
        "allow"
    );
    assert_eq!(
        verdict(gnp("b", &rule("order: 1e300, ", "Allow")), gnp("a", &rule("", "Deny"))),
        "allow",
        "none is last"
    );
    assert_eq!(verdict(gnp("b", &rule("", "Allow")), gnp("a", &rule("", "Deny"))), "deny");
    assert_eq!(verdict(gnp("a-b", &rule("", "Allow")), gnp("a", &rule("", "Deny"))), "deny");
    // `default.z` comes before `red/default.a`, and `blue/..` before it.
    assert_eq!(verdict(gnp("z", &rule("", "Allow")), np("red/a", &rule("", "Deny"))), "allow");
    let in_blue = "{selector: app == 'mon', types: [Egress], egress: [{action: Allow}]}";
    let all = "{types: [Egress], egress: [{action: Deny}]}";
    assert_eq!(verdict(np("blue/z", in_blue), gnp("z", all)), "allow");
    assert_eq!(
        verdict(np("blue/z", in_blue), gnp("default.z", all)),
        "allow",
        "the stored name has the tier"
    );
}

#[test]
fn c14_the_first_match_decides() {
    let policy = |rules: &str| {
        gnp("web", &format!("{{selector: app == 'web', types: [Ingress], ingress: [{rules}]}}"))
    };
    let later = gnp("z-later", "{types: [Ingress], ingress: [{action: Allow}]}");
    let verdict = |rules: &str| world(&[policy(rules), later.clone()]).verdict("red/db -> red/web:80/tcp");
    assert_eq!(verdict("{action: Deny, protocol: TCP}, {action: Allow}"), "deny");
    assert_eq!(verdict("{action: Allow, protocol: TCP}, {action: Deny}"), "allow");
    assert_eq!(verdict("{action: Log}, {action: Deny}"), "deny", "a log line decides nothing");
    assert_eq!(verdict("{action: Log}"), "allow", "the next policy of the tier does");
    // C-16: behind the last tier there is nothing but the profile.
    assert_eq!(verdict("{action: Pass}, {action: Deny}"), "allow");
}

#[test]
fn c14_pass_skips_the_rest_of_the_tier() {
    let pass = gnp("ops.a", "{tier: ops, types: [Ingress], ingress: [{action: Pass, protocol: TCP}]}");
    let deny = gnp("ops.b", "{tier: ops, types: [Ingress], ingress: [{action: Deny}]}");
    let web = gnp("web", "{selector: app == 'web', types: [Ingress]}");
    let world = world(&[tier("ops", "{order: 1}"), pass, deny, web]);
    world.check(&[
        ("red/db -> red/web:80/tcp", "deny"),
        ("red/db -> red/api:80/tcp", "allow"),
        ("red/db -> red/api:80/udp", "deny"),
    ]);
    assert_eq!(world.steps("red/db -> red/web:80/tcp"), ["ops ops.a pass", "default web deny"]);
}

#[test]
fn c17_both_sides_count_and_profiles_allow_the_rest() {
    assert_eq!(world(&[]).reach("red/web", "80/tcp"), rest(&["red/web"]));
    let objects = [
        gnp(
            "out",
            "{selector: app == 'db', types: [Egress], egress: [{action: Deny, destination: {selector: app == 'web'}}, {action: Allow}]}",
        ),
        gnp(
            "in",
            "{selector: app == 'web', types: [Ingress], ingress: [{action: Deny, source: {selector: app == 'mon'}}, {action: Allow}]}",
        ),
    ];
    assert_eq!(world(&objects).reach("red/web", "80/tcp"), rest(&["red/web", "red/db", "blue/mon"]));
}

#[test]
fn c80_staged_policies_enforce_nothing() {
    let objects = [
        tier("ops", "{order: 1}"),
        object("StagedGlobalNetworkPolicy", "ops.all", "{tier: ops, types: [Ingress, Egress]}"),
        object("StagedNetworkPolicy", "red/all", "{types: [Ingress, Egress], ingress: [{action: Deny}]}"),
        object("StagedKubernetesNetworkPolicy", "red/knp", "{podSelector: {}}"),
    ];
    assert_eq!(world(&objects).reach("red/web", "80/tcp"), rest(&["red/web"]));
}
