//! Antrea's own kinds.

use npv_models::decide::Verdict::{Allow, Deny, Unknown};
use npv_models::space::{Protocol, icmp_messages};

use crate::world::{lenient, under};

/// A ClusterNetworkPolicy.
fn policy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: crd.antrea.io/v1beta1\nkind: ClusterNetworkPolicy\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n---\n"
    )
}

const WEB: &str = "appliedTo: [{podSelector: {matchLabels: {app: web}}}]";
const ISOLATES: &str = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: shop}\n\
                        spec: {podSelector: {matchLabels: {app: web}}}\n---\n";

#[test]
fn a1_tiers_stand_around_network_policies() {
    let allow = |tier: &str| {
        policy("allow", &format!("tier: {tier}, priority: 5, {WEB}, ingress: [{{action: Allow}}]"))
    };
    let drop = |tier: &str| {
        policy("drop", &format!("tier: {tier}, priority: 5, {WEB}, ingress: [{{action: Drop}}]"))
    };
    for (text, verdict) in [
        (allow("emergency"), Allow),
        (drop("application"), Deny),
        (format!("{ISOLATES}{}", allow("application")), Allow),
        // What a NetworkPolicy isolates the baseline does not open.
        (format!("{ISOLATES}{}", allow("baseline")), Deny),
        (drop("baseline"), Deny),
        // Capitals make no difference.
        (format!("{}{}", allow("SecurityOps"), drop("platform")), Allow),
        (format!("{}{}", allow("platform"), drop("SecurityOps")), Deny),
    ] {
        assert_eq!(under("auto", &text).tcp("ops/probe", "shop/web", 80), verdict, "{text}");
    }
}

#[test]
fn a3_policies_of_one_priority_interleave_by_the_place_of_their_rules() {
    let one = policy(
        "one",
        &format!("priority: 5, {WEB}, ingress: [{{action: Drop, ports: [{{port: 1}}]}}, {{action: Allow}}]"),
    );
    let two =
        policy("two", &format!("priority: 5, {WEB}, ingress: [{{action: Drop, ports: [{{port: 80}}]}}]"));
    for text in [format!("{one}{two}"), format!("{two}{one}")] {
        let world = under("auto", &text);
        assert_eq!(
            world.tcp("ops/probe", "shop/web", 80),
            Deny,
            "the first rule of two, before the second of one"
        );
        assert_eq!(world.tcp("ops/probe", "shop/web", 81), Allow);
    }
    let later = policy("two", &format!("priority: 5.5, {WEB}, ingress: [{{action: Drop}}]"));
    assert_eq!(under("auto", &format!("{later}{one}")).tcp("ops/probe", "shop/web", 80), Allow);
}

#[test]
fn a4_a_pass_leads_to_network_policies_and_to_the_baseline() {
    let pass = policy("pass", &format!("tier: emergency, priority: 1, {WEB}, ingress: [{{action: Pass}}]"));
    let drop = policy("drop", &format!("tier: platform, priority: 1, {WEB}, ingress: [{{action: Drop}}]"));
    let last = policy(
        "last",
        &format!("tier: baseline, priority: 1, {WEB}, ingress: [{{action: Drop, ports: [{{port: 80}}]}}]"),
    );
    let at = |text: String, port| under("auto", &text).tcp("ops/probe", "shop/web", port);
    assert_eq!(at(format!("{pass}{drop}"), 80), Allow);
    assert_eq!(at(format!("{pass}{drop}{ISOLATES}"), 80), Deny);
    // Without a NetworkPolicy the baseline is what comes next.
    assert_eq!(at(format!("{pass}{drop}{last}"), 80), Deny);
    assert_eq!(at(format!("{pass}{drop}{last}"), 81), Allow);
}

#[test]
fn a5_to_a10_whom_policies_and_peers_mean() {
    let from = |peer: &str| {
        policy("from", &format!("priority: 1, {WEB}, ingress: [{{action: Drop, from: [{peer}]}}]"))
    };
    for (peer, api, probe, outside) in [
        ("{podSelector: {matchLabels: {app: probe}}}", Allow, Deny, Allow),
        ("{namespaceSelector: {}}", Deny, Deny, Allow),
        ("{namespaces: {match: Self}}", Deny, Allow, Allow),
        ("{namespaces: {sameLabels: [team]}}", Deny, Allow, Allow),
        // The subject's namespace lacks one: nobody.
        ("{namespaces: {sameLabels: [team, env]}}", Allow, Allow, Allow),
        ("{namespaces: {match: Self}, podSelector: {matchLabels: {app: none}}}", Allow, Allow, Allow),
        ("{ipBlock: {cidr: 10.0.0.0/16, except: [10.0.1.0/24]}}", Deny, Allow, Allow),
        ("{ipBlock: {cidr: 0.0.0.0/0}}", Deny, Deny, Deny),
        ("{serviceAccount: {namespace: ops, name: default}}", Allow, Deny, Allow),
        ("{group: unknown}", Allow, Allow, Allow),
    ] {
        let world = under("antrea", &from(peer));
        assert_eq!(world.tcp("shop/api", "shop/web", 80), api, "{peer}");
        assert_eq!(world.tcp("ops/probe", "shop/web", 80), probe, "{peer}");
        assert_eq!(world.tcp("203.0.113.9", "shop/web", 80), outside, "{peer}");
    }
    let own = "apiVersion: crd.antrea.io/v1beta1\nkind: NetworkPolicy\nmetadata: {name: own, namespace: shop}\nspec: {priority: 1, \
               appliedTo: [{podSelector: {}}], ingress: [{action: Drop, from: [{podSelector: {}}]}]}\n";
    let world = under("auto", own);
    assert_eq!(world.tcp("shop/api", "shop/web", 80), Deny);
    assert_eq!(world.tcp("ops/probe", "shop/web", 80), Allow, "podSelector alone is its own namespace");
}

#[test]
fn a9_groups_by_what_they_have() {
    let group = |name: &str, spec: &str| {
        format!(
            "apiVersion: crd.antrea.io/v1beta1\nkind: ClusterGroup\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n---\n"
        )
    };
    let groups = [
        group("probes", "podSelector: {matchLabels: {app: probe}}"),
        group("nets", "ipBlocks: [{cidr: 203.0.113.0/24}]"),
        group("behind", "serviceReference: {namespace: shop, name: api}"),
        group("both", "childGroups: [probes, nets]"),
        group("deep", "childGroups: [both]"),
        "apiVersion: v1\nkind: Service\nmetadata: {name: api, namespace: shop}\nspec: {selector: {app: api}, ports: [{port: 80}]}\n---\n".to_owned(),
    ]
    .concat();
    let drop = |name: &str| {
        policy("drop", &format!("priority: 1, {WEB}, ingress: [{{action: Drop, from: [{{group: {name}}}]}}]"))
    };
    for (name, api, probe, outside) in [
        ("probes", Allow, Deny, Allow),
        ("nets", Allow, Allow, Deny),
        ("behind", Deny, Allow, Allow),
        ("both", Allow, Deny, Deny),
        ("deep", Allow, Allow, Allow),
    ] {
        let world = under("auto", &format!("{groups}{}", drop(name)));
        assert_eq!(world.tcp("shop/api", "shop/web", 80), api, "{name}");
        assert_eq!(world.tcp("ops/probe", "shop/web", 80), probe, "{name}");
        assert_eq!(world.tcp("203.0.113.9", "shop/web", 80), outside, "{name}");
    }
    for (name, verdict) in [("behind", Deny), ("nets", Allow)] {
        let applied = policy(
            "to",
            &format!("priority: 1, appliedTo: [{{group: {name}}}], ingress: [{{action: Drop}}]"),
        );
        let world = under("auto", &format!("{groups}{applied}"));
        assert_eq!(world.tcp("ops/probe", "shop/api", 80), verdict, "{name}");
    }
}

#[test]
fn a12_ports_and_protocols() {
    let text = policy(
        "ports",
        &format!(
            "priority: 1, {WEB}, ingress: [{{action: Drop, ports: [{{port: http}}, {{protocol: UDP}}, {{port: 100, endPort: 102}}], \
             protocols: [{{icmp: {{icmpType: 8}}}}]}}, {{action: Drop, ports: [{{port: 500, sourcePort: 1000}}]}}]"
        ),
    );
    let world = under("auto", &text);
    let verdict = |protocol, port| world.over("ops/probe", "shop/web", protocol, port);
    for (protocol, port, wanted) in [
        (Protocol::Tcp, 8080, Deny),
        (Protocol::Tcp, 80, Allow),
        (Protocol::Udp, 9, Deny),
        (Protocol::Tcp, 102, Deny),
        (Protocol::Tcp, 103, Allow),
        // Some of its flows.
        (Protocol::Tcp, 500, Unknown),
        (Protocol::Icmp, icmp_messages(8, Some(0)).first().unwrap(), Deny),
        (Protocol::Icmp, icmp_messages(0, Some(0)).first().unwrap(), Allow),
    ] {
        assert_eq!(verdict(protocol, port), wanted, "{protocol} {port}");
    }
}

#[test]
fn a11_domains_and_the_apex() {
    let text = policy(
        "out",
        &format!("priority: 1, {WEB}, egress: [{{action: Drop, to: [{{fqdn: '*example.com'}}]}}]"),
    );
    let world = under("auto", &text);
    assert_eq!(world.tcp("shop/web", "203.0.113.9", 80), Unknown);
    assert_eq!(world.tcp("shop/web", "shop/api", 80), Allow);
}

#[test]
fn a2_own_tiers() {
    let tier =
        "apiVersion: crd.antrea.io/v1beta1\nkind: Tier\nmetadata: {name: own}\nspec: {priority: 10}\n---\n";
    let allow = policy("allow", &format!("tier: own, priority: 9, {WEB}, ingress: [{{action: Allow}}]"));
    let drop = policy("drop", &format!("tier: emergency, priority: 1, {WEB}, ingress: [{{action: Drop}}]"));
    assert_eq!(under("auto", &format!("{tier}{allow}{drop}")).tcp("ops/probe", "shop/web", 80), Allow);
    let (world, findings) = lenient("antrea", &format!("{allow}{drop}"));
    assert_eq!(findings, ["invalid-policy: there is no tier `own`"]);
    assert_eq!(world.tcp("ops/probe", "shop/web", 80), Deny, "a refused policy takes no part");
}

#[test]
fn a15_what_the_webhook_refuses() {
    for (spec, message) in [
        (format!("{WEB}, ingress: [{{action: Drop}}]"), "no `priority`"),
        (format!("priority: 0, {WEB}"), "go from 1 to 10000"),
        ("priority: 1, ingress: [{action: Drop}]".to_owned(), "neither has any of its rules"),
        (
            format!("priority: 1, {WEB}, ingress: [{{action: Drop, appliedTo: [{{podSelector: {{}}}}]}}]"),
            "on one of the two",
        ),
        (format!("priority: 1, {WEB}, ingress: [{{action: Deny}}]"), "none of the actions"),
        (
            format!("priority: 1, tier: baseline, {WEB}, ingress: [{{action: Pass}}]"),
            "nothing comes after the baseline",
        ),
        (
            format!(
                "priority: 1, {WEB}, ingress: [{{action: Drop, from: [{{group: a, podSelector: {{}}}}]}}]"
            ),
            "`group` must stand alone",
        ),
        (
            format!("priority: 1, {WEB}, ingress: [{{action: Drop, from: [{{fqdn: example.com}}]}}]"),
            "only egress rules",
        ),
        (format!("priority: 1, {WEB}, ingress: [{{action: Drop, from: [{{}}]}}]"), "the peer is empty"),
        (
            format!("priority: 1, {WEB}, ingress: [{{name: a, action: Drop}}, {{name: a, action: Drop}}]"),
            "the name `a`",
        ),
        (
            format!(
                "priority: 1, {WEB}, ingress: [{{action: Drop, from: [{{namespaces: {{match: Other}}}}]}}]"
            ),
            "is no match",
        ),
        (
            format!("priority: 1, {WEB}, ingress: [{{action: Drop, ports: [{{port: 9, endPort: 8}}]}}]"),
            "below `port`",
        ),
        (format!("priority: 1, {WEB}, ingress: [{{action: Drop, form: []}}]"), "no field `form`"),
    ] {
        let (world, findings) = lenient("antrea", &policy("bad", &spec));
        assert!(findings.len() == 1 && findings[0].contains(message), "{spec}: {findings:?}");
        assert!(world.written.is_empty(), "{spec}");
    }
    let (_, findings) = lenient(
        "antrea",
        "apiVersion: crd.antrea.io/v1beta1\nkind: Tier\nmetadata: {name: t}\nspec: {priority: 250}\n",
    );
    assert!(findings[0].contains("the tier `application`"), "{findings:?}");
}

#[test]
fn what_is_not_modelled_is_incomplete_and_leaves_the_rest() {
    for rule in ["toServices: [{name: a, namespace: b}]", "l7Protocols: [{http: {}}]"] {
        let text = policy(
            "some",
            &format!(
                "priority: 1, {WEB}, egress: [{{action: Allow, {rule}}}, {{action: Drop, ports: [{{port: 80}}]}}]"
            ),
        );
        let (world, findings) = lenient("antrea", &text);
        assert!(findings.len() == 1 && findings[0].starts_with("unsupported-policy"), "{findings:?}");
        let wanted = if rule.starts_with("to") { Deny } else { Unknown };
        assert_eq!(world.tcp("shop/web", "ops/probe", 80), wanted, "{rule}");
    }
}

#[test]
fn a16_the_apis_cluster_wide_kinds_are_behind_gates() {
    let admin = "{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {name: guard}, spec: {priority: 1,
        subject: {namespaces: {}}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}}\n---\n";
    assert_eq!(under("antrea", admin).tcp("ops/probe", "shop/web", 80), Allow);
    let gate = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: antrea-config, namespace: kube-system}\ndata: {a: \"  AdminNetworkPolicy: true\"}\n---\n";
    assert_eq!(under("auto", &format!("{gate}{admin}")).tcp("ops/probe", "shop/web", 80), Deny);
    let allow =
        policy("allow", &format!("tier: application, priority: 9, {WEB}, ingress: [{{action: Allow}}]"));
    assert_eq!(
        under("auto", &format!("{gate}{admin}{allow}")).tcp("ops/probe", "shop/web", 80),
        Allow,
        "Antrea's own first"
    );
}
