//! What the lint rules are told: when they fire, and when they stay silent.

use npv_models::decide::Profile;
use npv_symbolic::lint::{Fact, Input, World, facts};

use crate::manifests::Manifests;

const CLUSTER: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: shop}}
---
apiVersion: v1
kind: Namespace
metadata: {name: monitoring, labels: {team: sre}}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web, tier: front}}
spec: {containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db, tier: back}}
spec: {containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: prometheus, namespace: monitoring, labels: {app: prometheus}}
spec: {containers: []}
---
apiVersion: v1
kind: Pod
metadata: {name: grafana, namespace: monitoring, labels: {app: grafana}}
spec: {containers: []}
";

fn policy(name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n"
    )
}

/// Every fact on a line, as far as text can tell.
fn lint(policies: &[(&str, &str)], snapshot_too: bool) -> Vec<String> {
    let policies: String = policies.iter().map(|(name, spec)| policy(name, spec)).collect();
    let manifests = Manifests::read(&format!("{CLUSTER}{policies}"));
    let input = Input {
        policies: &manifests.policies,
        profile: Profile::default(),
        cluster: &manifests.cluster,
        snapshot_too,
        budget: 0,
    };
    let found = facts(&input).unwrap();
    assert_eq!(found.unknown, []);
    let world = |world: &World| match world {
        World::EveryCluster => "",
        World::Snapshot => " here",
    };
    let group = |id: &npv_models::cluster::GroupId| {
        let workload = manifests.cluster.groups[id.0 as usize].workload;
        manifests.cluster.workloads[workload.0 as usize].name.to_string()
    };
    let text = |fact: &Fact| match fact {
        Fact::Shadowed { rule, by, world: at } => {
            format!("shadowed{}: {} by {}", world(at), manifests.rule(*rule), manifests.causes(by))
        }
        Fact::RedundantRule { rule, by, world: at } => {
            format!("redundant{}: {} by {}", world(at), manifests.rule(*rule), manifests.causes(by))
        }
        Fact::RedundantPolicy { policy, by, world: at } => {
            format!("redundant{}: {} by {}", world(at), manifests.policy(*policy), manifests.causes(by))
        }
        Fact::Overridden { rule, by, world: at, .. } => {
            format!("overridden{}: {} by {}", world(at), manifests.rule(*rule), manifests.causes(by))
        }
        Fact::OverlappingExcept { rule, except, admitted_by, addresses, .. } => format!(
            "except {except} of {}: {:?} by {}",
            manifests.rule(*rule),
            addresses.ranges().collect::<Vec<_>>(),
            manifests.rule(*admitted_by)
        ),
        Fact::WiderThanIntended { rule, first, meant, beyond } => format!(
            "wider: {} item {first}: {:?} and also {:?}",
            manifests.rule(*rule),
            meant.iter().map(group).collect::<Vec<_>>(),
            beyond.iter().map(group).collect::<Vec<_>>()
        ),
    };
    found.facts.iter().map(text).collect()
}

fn check(policies: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(lint(policies, false), expected);
}

#[test]
fn a_rule_inside_a_wider_one_is_redundant() {
    check(
        &[
            ("all", "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}"),
            (
                "web",
                "{podSelector: {matchLabels: {app: db}}, ingress: [\
                   {from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}, \
                   {from: [{namespaceSelector: {}}], ports: [{port: 9187}]}]}",
            ),
        ],
        &["redundant: web ingress 0 by all ingress 0"],
    );
}

#[test]
fn two_rules_together_can_make_a_third_redundant() {
    check(
        &[(
            "split",
            "{podSelector: {}, ingress: [\
               {from: [{podSelector: {matchExpressions: [{key: app, operator: Exists}]}}]}, \
               {from: [{podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}}]}, \
               {from: [{podSelector: {matchLabels: {tier: front}}}], ports: [{port: 80}]}, \
               {from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}",
        )],
        &["redundant: split ingress 2 by split ingress 0, split ingress 1"],
    );
}

#[test]
fn of_several_that_make_a_rule_redundant_alone_the_first_is_named() {
    // The first names everybody too, in three parts.
    let not_a = "{key: app, operator: NotIn, values: [a]}";
    check(
        &[(
            "parts",
            &format!(
                "{{podSelector: {{}}, ingress: [\
                   {{from: [{{podSelector: {{matchLabels: {{app: a}}}}}}, \
                     {{podSelector: {{matchLabels: {{tier: x}}, matchExpressions: [{not_a}]}}}}, \
                     {{podSelector: {{matchExpressions: [{not_a}, {{key: tier, operator: NotIn, values: [x]}}]}}}}]}}, \
                   {{from: [{{podSelector: {{}}}}]}}, \
                   {{from: [{{podSelector: {{matchLabels: {{role: front}}}}}}]}}]}}"
            ),
        )],
        &["redundant: parts ingress 2 by parts ingress 0", "redundant: parts ingress 1 by parts ingress 0"],
    );
}

#[test]
fn of_twins_the_later_one_is_redundant() {
    let spec = "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}]}]}";
    check(
        &[("b-first", spec), ("a-second", spec)],
        &["redundant: a-second by b-first ingress 0, b-first isolates"],
    );
}

#[test]
fn a_default_deny_is_redundant_only_to_its_twin() {
    let allow = "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}";
    check(&[("deny", "{podSelector: {}}"), ("allow", allow)], &[]);
    check(&[("deny", "{podSelector: {}}"), ("narrow", "{podSelector: {matchLabels: {app: db}}}")], &[]);
    check(
        &[
            ("deny", "{podSelector: {}}"),
            ("allow", allow),
            ("again", "{podSelector: {}, policyTypes: [Ingress]}"),
        ],
        &["redundant: again by deny isolates"],
    );
}

#[test]
fn a_policy_that_isolates_more_is_needed_for_that() {
    check(
        &[
            ("some", "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}]}]}"),
            ("more", "{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}"),
        ],
        &[],
    );
}

#[test]
fn what_holds_only_here_is_said_to_hold_here() {
    let policies = [
        (
            "team",
            "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: sre}}}]}]}",
        ),
        (
            "scrape",
            "{podSelector: {matchLabels: {tier: back}}, ingress: [{from: [{namespaceSelector: \
               {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]}, {from: [{podSelector: {}}]}]}",
        ),
    ];
    check(&policies, &[]);
    assert_eq!(
        lint(&policies, true),
        ["redundant here: team by scrape ingress 0, scrape isolates"].map(String::from)
    );
}

#[test]
fn earlier_rules_of_whatever_action_shadow() {
    check(
        &[
            (
                "admin-10-deny-outside",
                "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: sre}}}]}]}",
            ),
            (
                "admin-20-allow-scrape",
                "{podSelector: {matchLabels: {app: db}}, ingress: [\
                   {from: [{namespaceSelector: {matchLabels: {team: sre}}, podSelector: {matchLabels: {app: prometheus}}}]}, \
                   {from: [{namespaceSelector: {matchLabels: {team: dev}}}]}]}",
            ),
            (
                "admin-30-pass-all",
                "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: sre}}}]}]}",
            ),
        ],
        &[
            "shadowed: admin-20-allow-scrape ingress 0 by admin-10-deny-outside ingress 0",
            "shadowed: admin-30-pass-all ingress 0 by admin-10-deny-outside ingress 0",
        ],
    );
}

#[test]
fn equal_priorities_do_not_shadow() {
    let peers = "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: sre}}}]}]}";
    check(&[("admin-10-deny-a", peers), ("admin-10-allow-b", peers)], &[]);
    check(
        &[("admin-5-deny-z", peers), ("admin-10-deny-a", peers), ("admin-10-allow-b", peers)],
        &[
            "shadowed: admin-10-allow-b ingress 0 by admin-5-deny-z ingress 0",
            "shadowed: admin-10-deny-a ingress 0 by admin-5-deny-z ingress 0",
        ],
    );
}

#[test]
fn a_denial_of_the_admin_tier_overrides() {
    let scrape = "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: sre}}}], ports: [{port: 9090}]}]}";
    check(
        &[
            (
                "admin-10-deny-sre",
                "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: sre}}}]}]}",
            ),
            ("scrape", scrape),
        ],
        &["overridden: scrape ingress 0 by admin-10-deny-sre ingress 0"],
    );
    // Only a part of it.
    check(
        &[
            (
                "admin-10-deny-db",
                "{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{namespaceSelector: {}}]}]}",
            ),
            ("scrape", scrape),
        ],
        &[],
    );
    // What is passed on is for the next tier to decide.
    check(
        &[
            (
                "admin-5-pass-sre",
                "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: sre}}}]}]}",
            ),
            ("admin-10-deny-all", "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}"),
            ("scrape", scrape),
        ],
        &[],
    );
}

#[test]
fn a_baseline_denial_under_an_allowance_is_how_it_is_meant() {
    let all = "{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}";
    check(&[("allow", all), ("baseline-10-deny-all", all)], &[]);
    check(&[("deny", "{podSelector: {}}"), ("baseline-10-deny-all", all)], &[]);
    check(
        &[("deny", "{podSelector: {}}"), ("baseline-10-allow-all", all)],
        &["overridden: baseline-10-allow-all ingress 0 by deny isolates"],
    );
    check(
        &[("admin-10-allow-all", all), ("baseline-10-deny-all", all)],
        &["overridden: baseline-10-deny-all ingress 0 by admin-10-allow-all ingress 0"],
    );
}

#[test]
fn an_allowance_of_the_admin_tier_makes_the_same_one_redundant() {
    let sre = "{podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: sre}}}]}]}";
    check(
        &[
            ("admin-10-allow-sre", sre),
            (
                "scrape",
                "{podSelector: {}, ingress: [{from: [{podSelector: {}}]}, \
                   {from: [{namespaceSelector: {matchLabels: {team: sre}}}], ports: [{port: 9090}]}]}",
            ),
        ],
        &["redundant: scrape ingress 1 by admin-10-allow-sre ingress 0"],
    );
}

#[test]
fn excepted_addresses_let_in_elsewhere() {
    let rules = |ports: &str| {
        format!(
            "{{podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: 10.0.0.0/8, except: [10.1.0.0/16, 10.2.0.0/16]}}}}], \
             ports: [{{port: 443}}]}}, {{from: [{{ipBlock: {{cidr: 10.2.3.0/24}}}}], ports: {ports}}}]}}"
        )
    };
    check(
        &[("p", &rules("[{port: 400, endPort: 500}]"))],
        &["except 1 of p ingress 0: [(10.2.3.0, 10.2.3.255)] by p ingress 1"],
    );
    check(&[("p", &rules("[{port: 444}]"))], &[]);
    let block = "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}]}]}";
    let everybody = |app: &str| format!("{{podSelector: {{matchLabels: {{{app}}}}}, ingress: [{{}}]}}");
    check(
        &[("p", block), ("q", &everybody("tier: front"))],
        &["except 0 of p ingress 0: [(10.1.0.0, 10.1.255.255)] by q ingress 0"],
    );
    check(&[("p", block), ("q", &everybody("tier: back"))], &[]);
}

#[test]
fn two_items_where_one_was_meant() {
    let items =
        |from: &str| format!("{{podSelector: {{matchLabels: {{app: db}}}}, ingress: [{{from: {from}}}]}}");
    check(
        &[(
            "p",
            &items(
                "[{namespaceSelector: {matchLabels: {team: sre}}}, {podSelector: {matchLabels: {app: prometheus}}}]",
            ),
        )],
        &[r#"wider: p ingress 0 item 0: ["prometheus"] and also ["grafana"]"#],
    );
    // As one item it would match nobody, so two were meant.
    check(
        &[(
            "p",
            &items(
                "[{namespaceSelector: {matchLabels: {team: sre}}}, {podSelector: {matchLabels: {app: web}}}]",
            ),
        )],
        &[],
    );
    check(
        &[(
            "p",
            &items(
                "[{namespaceSelector: {matchLabels: {team: sre}}, podSelector: {matchLabels: {app: prometheus}}}]",
            ),
        )],
        &[],
    );
    check(&[("p", &items("[{namespaceSelector: {matchLabels: {team: sre}}}, {podSelector: {}}]"))], &[]);
}
