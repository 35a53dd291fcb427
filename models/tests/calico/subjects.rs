//! Whom policies apply to (C-20 to C-34).

use crate::world::{PODS, gnp, np, world};

/// Those to whom nobody gets, because a policy without rules selects them.
#[track_caller]
fn selected(policy: String) -> Vec<&'static str> {
    let world = world(&[policy]);
    PODS.into_iter().filter(|pod| world.reach(pod, "80/tcp").is_empty()).collect()
}

fn by(selector: &str) -> Vec<&'static str> {
    selected(gnp("it", &format!("{{types: [Ingress], selector: \"{selector}\"}}")))
}

#[test]
fn c20_types_follow_from_the_rules() {
    let verdicts = |spec: &str| {
        let world = world(&[np("red/it", spec)]);
        ["blue/mon -> red/web:80/tcp", "red/web -> blue/mon:80/tcp"].map(|flow| world.verdict(flow))
    };
    assert_eq!(verdicts("{}"), ["deny", "allow"]);
    assert_eq!(verdicts("{ingress: [{action: Deny}]}"), ["deny", "allow"]);
    assert_eq!(verdicts("{egress: [{action: Deny}]}"), ["allow", "deny"]);
    assert_eq!(verdicts("{ingress: [{action: Deny}], egress: [{action: Deny}]}"), ["deny", "deny"]);
    assert_eq!(verdicts("{types: [Egress], ingress: [{action: Deny}]}"), ["allow", "deny"]);
    assert_eq!(verdicts("{types: [Ingress], egress: [{action: Deny}]}"), ["deny", "allow"]);
}

#[test]
fn c2_what_is_stored_without_types_is_for_both() {
    let stored = |spec: &str| {
        let text = format!(
            "{{apiVersion: crd.projectcalico.org/v1, kind: NetworkPolicy, metadata: {{name: default.it, namespace: red}}, spec: {spec}}}"
        );
        let world = world(&[text]);
        ["blue/mon -> red/web:80/tcp", "red/web -> blue/mon:80/tcp"].map(|flow| world.verdict(flow))
    };
    assert_eq!(stored("{ingress: [{action: Allow}]}"), ["allow", "deny"]);
    assert_eq!(stored("{types: [Ingress], ingress: [{action: Allow}]}"), ["allow", "allow"]);
}

#[test]
fn c21_without_a_selector_all_are_selected() {
    assert_eq!(selected(np("red/it", "{}")), ["red/web", "red/api", "red/db"]);
    assert_eq!(selected(gnp("it", "{}")), PODS);
}

#[test]
fn c22_namespaces_are_selected_by_their_labels() {
    let by = |selector: &str| selected(gnp("it", &format!("{{namespaceSelector: \"{selector}\"}}")));
    assert_eq!(by("team == 'red'"), ["red/web", "red/api", "red/db"]);
    assert_eq!(by("team != 'red'"), ["blue/web", "blue/mon", "plain/bare"]);
    assert_eq!(by("!has(team)"), ["plain/bare"]);
    assert_eq!(by("all()"), PODS);
    assert_eq!(
        by("projectcalico.org/name in {'red', 'plain'}"),
        ["red/web", "red/api", "red/db", "plain/bare"]
    );
    assert_eq!(by("kubernetes.io/metadata.name == 'blue'"), ["blue/web", "blue/mon"]);
    let both = "{namespaceSelector: has(env) || team == 'blue', selector: app == 'web'}";
    assert_eq!(selected(gnp("it", both)), ["red/web", "blue/web"]);
}

#[test]
fn c23_accounts_are_selected_by_their_labels() {
    let by = |selector: &str| selected(gnp("it", &format!("{{serviceAccountSelector: \"{selector}\"}}")));
    assert_eq!(by("trust == 'high'"), ["red/web"]);
    assert_eq!(by("has(trust)"), ["red/web", "blue/web"]);
    assert_eq!(by("trust != 'high'"), ["red/api", "red/db", "blue/web", "blue/mon", "plain/bare"]);
    assert_eq!(by("projectcalico.org/name == 'default'"), ["red/api", "red/db", "blue/mon", "plain/bare"]);
    assert_eq!(selected(np("blue/it", "{serviceAccountSelector: has(trust)}")), ["blue/web"]);
    let both = "{serviceAccountSelector: trust == 'low' || projectcalico.org/name == 'default', selector: has(tier)}";
    assert_eq!(selected(gnp("it", both)), ["red/api", "blue/mon"]);
}

#[test]
fn c31_selectors_and_absent_labels() {
    assert_eq!(by("app == 'web'"), ["red/web", "blue/web"]);
    assert_eq!(by("app != 'web'"), ["red/api", "red/db", "blue/mon", "plain/bare"]);
    assert_eq!(by("!app == 'web'"), by("app != 'web'"));
    assert_eq!(by("app in {'db', 'mon'}"), ["red/db", "blue/mon"]);
    assert_eq!(by("app not in {'db', 'web'}"), ["red/api", "blue/mon", "plain/bare"]);
    assert_eq!(by("app in {}"), [""; 0]);
    assert_eq!(by("app not in {}"), PODS);
    assert_eq!(by("tier starts with 'back'"), ["red/api", "blue/mon"]);
    assert_eq!(by("tier ends with 'office'"), ["blue/mon"]);
    assert_eq!(by("tier contains 'k-o'"), ["blue/mon"]);
    assert_eq!(by("!tier contains 'back'"), ["red/web", "red/db", "blue/web", "plain/bare"]);
    assert_eq!(by("has(app) && !has(tier)"), ["red/db", "blue/web"]);
    assert_eq!(by("app == 'web' && tier == 'front' || app == 'db'"), ["red/web", "red/db"]);
    assert_eq!(by("app == 'web' && (tier == 'front' || app == 'db')"), ["red/web"]);
    assert_eq!(by("!(has(tier) || app == 'db')"), ["blue/web", "plain/bare"]);
}

#[test]
fn c34_calico_adds_labels() {
    assert_eq!(by("projectcalico.org/namespace == 'blue'"), ["blue/web", "blue/mon"]);
    assert_eq!(by("projectcalico.org/namespace != 'red' && has(app)"), ["blue/web", "blue/mon"]);
    assert_eq!(by("projectcalico.org/orchestrator == 'k8s'"), PODS);
    assert_eq!(by("projectcalico.org/orchestrator != 'k8s'"), [""; 0]);
    assert_eq!(by("projectcalico.org/serviceaccount == 'web'"), ["red/web", "blue/web"]);
    assert_eq!(by("projectcalico.org/serviceaccount == 'default' && has(tier)"), ["red/api", "blue/mon"]);
    // Where a namespace or a label will do, no one selector says it.
    assert_eq!(
        by(
            "projectcalico.org/namespace == 'plain' || app == 'db' || projectcalico.org/serviceaccount == 'web'"
        ),
        ["red/web", "red/db", "blue/web", "plain/bare"]
    );
    assert_eq!(by("!(projectcalico.org/namespace == 'red' || app == 'mon')"), ["blue/web", "plain/bare"]);
    assert_eq!(
        by("(projectcalico.org/namespace == 'red' || app == 'mon') && has(tier)"),
        ["red/web", "red/api", "blue/mon"]
    );
    assert_eq!(selected(np("red/it", "{selector: projectcalico.org/namespace == 'blue'}")), [""; 0]);
}

#[test]
fn c70_pods_on_the_host_network_are_no_endpoints() {
    let world = world(&[gnp("it", "{types: [Ingress, Egress]}")]);
    world.check(&[
        ("203.0.113.5 -> red/agent:80/tcp", "allow"),
        ("red/agent -> 203.0.113.5:80/tcp", "allow"),
        ("203.0.113.5 -> red/web:80/tcp", "deny"),
    ]);
}
