//! One set of manifests, one answer per plugin.

use npv_models::cni::{Cni, DeviationKind, Plugin, SHEETS};
use npv_models::decide::Verdict::{Allow, Deny, Unknown};
use npv_models::space::Protocol;

use crate::world::under;

fn policy(name: &str, spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n---\n"
    )
}

fn kinds(cni: &str, text: &str) -> Vec<(DeviationKind, String)> {
    let world = under(cni, text);
    world.deviations().into_iter().map(|one| (one.kind, one.instead)).collect()
}

#[test]
fn a_name_and_a_version_make_a_plugin() {
    let cni = Cni::parse("cilium@v1.16.3").unwrap();
    assert_eq!((cni.plugin, cni.version, cni.written().as_str()), (Plugin::Cilium, (1, 16), "cilium@1.16"));
    assert_eq!(Cni::parse("eks").unwrap().name, "aws-vpc-cni");
    assert_eq!(Cni::parse("canal").unwrap().plugin, Plugin::Calico);
    assert_eq!(Cni::parse("k3s").unwrap().to_string(), "k3s");
    assert!(Cni::parse("k3s@1.30").unwrap_err().contains("write `k3s`"));
    assert!(Cni::parse("cilium@new").unwrap_err().contains("`cilium@1.20`"));
    assert!(Cni::parse("cillium").unwrap_err().contains("`cilium`"));
    for sheet in SHEETS {
        assert_eq!(Cni::parse(sheet.name).unwrap().sheet().name, sheet.name);
    }
}

#[test]
fn p1_and_p3_who_enforces_nothing_lets_everything_through() {
    let deny = policy("deny", "{podSelector: {}, policyTypes: [Ingress, Egress]}");
    for (cni, verdict) in
        [("upstream", Deny), ("flannel", Allow), ("none", Allow), ("k3s", Deny), ("terway", Deny)]
    {
        assert_eq!(under(cni, &deny).tcp("ops/probe", "shop/web", 80), verdict, "{cni}");
    }
    let [(kind, instead)] = &kinds("flannel", &deny)[..] else { panic!() };
    assert_eq!((*kind, instead.as_str()), (DeviationKind::NotEnforced, "enforces no policies"));
}

#[test]
fn p4_a_kind_that_nobody_watches_has_no_effect() {
    let admin = |priority: u32| {
        format!(
            "{{apiVersion: policy.networking.k8s.io/v1alpha1, kind: AdminNetworkPolicy, metadata: {{name: guard}}, spec: {{
              priority: {priority}, subject: {{namespaces: {{}}}},
              ingress: [{{action: Deny, from: [{{namespaces: {{matchLabels: {{team: ops}}}}}}]}}]}}}}\n---\n"
        )
    };
    for (cni, priority, verdict) in [
        ("upstream", 100, Deny),
        ("k3s", 10, Allow),
        ("cilium", 10, Allow),
        ("calico@3.28", 10, Allow),
        ("calico@3.30", 10, Deny),
        ("calico@3.32", 10, Allow),
        ("ovn-kubernetes", 99, Deny),
        ("ovn-kubernetes", 100, Allow),
        // By the build, which nothing shows.
        ("kindnet", 10, Unknown),
    ] {
        assert_eq!(
            under(cni, &admin(priority)).tcp("ops/probe", "shop/web", 80),
            verdict,
            "{cni} {priority}"
        );
    }
    assert!(kinds("ovn-kubernetes", &admin(100))[0].1.contains("the highest that it takes is 99"));
}

#[test]
fn p10_blocks_match_neither_pods_nor_nodes_in_cilium() {
    let text = policy(
        "out",
        "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}",
    );
    for (cni, pod, host) in [("upstream", Allow, Allow), ("gke", Deny, Deny), ("calico", Allow, Allow)] {
        let world = under(cni, &text);
        assert_eq!(world.tcp("shop/web", "ops/probe", 80), pod, "{cni}");
        assert_eq!(world.tcp("shop/web", "ops/other", 80), host, "{cni}");
        assert_eq!(world.tcp("shop/web", "203.0.113.9", 80), Allow, "{cni}");
    }
    assert_eq!(kinds("cilium", &text)[0].0, DeviationKind::BlockOnPods);
    assert!(kinds("upstream", &text).is_empty());
}

#[test]
fn p12_without_end_port_only_the_first_port_opens() {
    let text = policy(
        "range",
        "{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 8000, endPort: 8010}]}]}",
    );
    for (cni, first, other) in [
        ("upstream", Allow, Allow),
        ("weave", Allow, Deny),
        ("cilium@1.16", Allow, Deny),
        ("cilium@1.17", Allow, Allow),
        ("kube-ovn", Allow, Unknown),
    ] {
        let world = under(cni, &text);
        let at = |port| world.tcp("ops/probe", "shop/web", port);
        assert_eq!([at(8000), at(8001), at(8011)], [first, other, Deny], "{cni}");
    }
    let world = under("weave", &text);
    let [deviation] = &world.deviations()[..] else { panic!() };
    assert_eq!(world.text(deviation.span), "{port: 8000, endPort: 8010}");
    assert_eq!(deviation.instead, "ignores `endPort`: only port 8000 opens");
}

#[test]
fn p15_a_name_takes_a_policy_of_weaves_away() {
    let deny = policy("deny", "{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: http}]}]}");
    assert_eq!(under("upstream", &deny).tcp("ops/probe", "shop/web", 81), Deny);
    assert_eq!(under("weave", &deny).tcp("ops/probe", "shop/web", 81), Allow);
    assert_eq!(under("kube-ovn", &deny).tcp("ops/probe", "shop/web", 8080), Unknown);
}

#[test]
fn p16_what_is_taken_out_of_a_block_is_denied_by_amazon() {
    let text = policy(
        "blocks",
        "{podSelector: {matchLabels: {app: web}}, ingress: [
          {from: [{ipBlock: {cidr: 172.16.0.0/12, except: [172.20.0.0/16]}}]},
          {from: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 80}]},
          {from: [{ipBlock: {cidr: 172.20.5.0/24}}], ports: [{port: 443}]}]}",
    );
    let (api, amazon) = (under("upstream", &text), under("aws-vpc-cni", &text));
    for (src, port, upstream, aws) in [
        ("172.20.1.1", 80, Allow, Deny),
        ("172.20.1.1", 81, Deny, Deny),
        // A smaller block is looked at before.
        ("172.20.5.1", 443, Allow, Allow),
        ("172.17.0.1", 81, Allow, Allow),
        ("8.8.8.8", 80, Allow, Allow),
        ("8.8.8.8", 81, Deny, Deny),
    ] {
        assert_eq!(api.tcp(src, "shop/web", port), upstream, "{src} {port}");
        assert_eq!(amazon.tcp(src, "shop/web", port), aws, "{src} {port}");
    }
}

#[test]
fn p17_and_p19_names_open_what_others_call_so() {
    let ingress = policy("in", "{podSelector: {}, ingress: [{ports: [{port: http}]}]}");
    assert_eq!(under("upstream", &ingress).tcp("ops/probe", "shop/web", 9090), Deny);
    assert_eq!(under("aws-vpc-cni", &ingress).tcp("ops/probe", "shop/web", 9090), Allow);
    let egress = policy(
        "out",
        "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}",
    );
    for (cni, pod, outside) in
        [("upstream", Allow, Deny), ("aws-vpc-cni", Deny, Deny), ("kube-router", Allow, Allow)]
    {
        let world = under(cni, &egress);
        assert_eq!(world.tcp("shop/web", "shop/api", 9090), pod, "{cni}");
        assert_eq!(world.tcp("shop/web", "203.0.113.9", 9090), outside, "{cni}");
        // A rule that opens nothing does not open everything.
        assert_eq!(world.tcp("shop/web", "shop/api", 1), Deny, "{cni}");
    }
}

#[test]
fn p18_and_p19_blocks_of_ipv6() {
    let text = policy(
        "six",
        "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: '::/0'}}]}]}",
    );
    for (cni, routed, other, four) in [
        ("upstream", Allow, Allow, Deny),
        ("kube-router", Allow, Deny, Deny),
        // Not installed.
        ("azure-npm", Allow, Allow, Allow),
    ] {
        let world = under(cni, &text);
        assert_eq!(world.tcp("shop/web", "2001:db8::1", 80), routed, "{cni}");
        assert_eq!(world.tcp("shop/web", "fe80::1", 80), other, "{cni}");
        assert_eq!(world.tcp("shop/web", "203.0.113.9", 80), four, "{cni}");
    }
}

#[test]
fn p21_a_peer_on_the_host_network_is_its_node_to_amazon() {
    let text = policy(
        "in",
        "{podSelector: {matchLabels: {app: api}}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: agent}}}]}]}",
    );
    assert_eq!(under("upstream", &text).tcp("ops/agent", "shop/api", 80), Deny);
    assert_eq!(under("aws-vpc-cni", &text).tcp("ops/agent", "shop/api", 80), Allow);
    assert_eq!(kinds("aws-vpc-cni", &text)[0].0, DeviationKind::HostPeer);
}

#[test]
fn p22_and_p23_a_node_and_its_own_pods() {
    let deny = policy("deny", "{podSelector: {}, policyTypes: [Ingress, Egress]}");
    for (cni, own, other) in
        [("upstream", Deny, Deny), ("azure-npm", Allow, Deny), ("weave", Allow, Deny), ("k3s", Deny, Deny)]
    {
        let world = under(cni, &deny);
        assert_eq!(world.tcp("shop/web", "ops/agent", 9100), own, "{cni}");
        assert_eq!(world.tcp("shop/web", "ops/other", 9100), other, "{cni}");
        assert_eq!(
            world.tcp("ops/agent", "shop/web", 80),
            Allow,
            "{cni}: the node's own pods are open to it"
        );
        assert_eq!(world.tcp("ops/other", "shop/web", 80), Deny, "{cni}");
    }
}

#[test]
fn p14_sctp_is_said_to_be_dropped() {
    let text = policy("in", "{podSelector: {}, ingress: [{ports: [{protocol: SCTP, port: 80}]}]}");
    assert_eq!(kinds("cilium", &text)[0].0, DeviationKind::Sctp);
    assert!(kinds("upstream", &text).is_empty());
    let sctp = |cni| under(cni, &text).over("ops/probe", "shop/web", Protocol::Sctp, 80);
    assert_eq!(sctp("upstream"), Allow);
}
