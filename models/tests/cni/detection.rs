//! Which plugin a cluster has, from what is installed in it.

use npv_models::cni::Plugin;
use npv_models::decide::Verdict::{Allow, Deny};

use crate::world::{World, under};

const DENY: &str = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}}
";

fn daemon_set(name: &str, containers: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {{name: {name}, namespace: kube-system}}\nspec:\n  \
         selector: {{matchLabels: {{a: b}}}}\n  template:\n    metadata: {{labels: {{a: b}}}}\n    spec: {{hostNetwork: true, \
         containers: [{containers}]}}\n"
    )
}

fn config_map(name: &str, data: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: kube-system}}\ndata: {{{data}}}\n"
    )
}

fn auto(documents: &[String]) -> World {
    let mut all = documents.to_vec();
    all.push(DENY.to_owned());
    under("auto", &all.join("---\n"))
}

/// The name with its version, and whether it enforces anything.
fn found(documents: &[String]) -> (String, bool) {
    let detected = auto(documents).detected();
    (detected.cni.to_string(), detected.cni.traits.enforces())
}

#[test]
fn each_plugin_by_what_it_installs() {
    let cilium =
        || daemon_set("cilium", "{name: cilium-agent, image: 'quay.io/cilium/cilium:v1.16.5@sha256:00'}");
    let calico = |version| {
        daemon_set("calico-node", &format!("{{name: calico-node, image: quay.io/calico/node:v{version}}}"))
    };
    let flannel = || daemon_set("kube-flannel-ds", "{name: kube-flannel, image: f}");
    for (documents, name, enforces) in [
        (vec![cilium()], "cilium 1.16", true),
        (vec![calico("3.30.1")], "calico 3.30", true),
        (vec![daemon_set("anetd", "{name: cilium-agent}")], "gke-dataplane-v2 1.20", true),
        (vec![daemon_set("azure-cns", "{name: cns}"), cilium()], "azure-cilium 1.16", true),
        (vec![flannel()], "flannel", false),
        (vec![flannel(), daemon_set("canal", "{name: calico-node, image: quay.io/calico/node:v3.29.0}")], "canal 3.29", true),
        (vec![daemon_set("kube-flannel-ds", "{name: kube-flannel}, {name: kube-network-policies}")], "kube-network-policies", true),
        (vec![daemon_set("weave-net", "{name: weave}, {name: weave-npc}")], "weave", true),
        (vec![daemon_set("weave-net", "{name: weave}")], "weave, policies off", false),
        (vec![daemon_set("kube-router", "{name: r, args: [--run-router=true, --run-firewall=false]}")], "kube-router, policies off", false),
        (vec![daemon_set("kube-router", "{name: r, args: [--run-firewall=false]}"), cilium()], "cilium 1.16", true),
        (vec![daemon_set("kindnet", "{name: kindnet}")], "kindnet", true),
        (vec![daemon_set("ovnkube-node", "{name: ovn}")], "ovn-kubernetes", true),
        (vec![daemon_set("antrea-agent", "{name: antrea-agent, image: antrea/antrea-agent-ubuntu:v2.2.0}")], "antrea 2.2", true),
        (vec!["apiVersion: operator.openshift.io/v1\nkind: Network\nmetadata: {name: cluster}\nspec: {defaultNetwork: {type: OVNKubernetes}}\n".to_owned()], "ovn-kubernetes", true),
        (vec!["apiVersion: operator.tigera.io/v1\nkind: Installation\nmetadata: {name: default}\nspec: {cni: {type: AmazonVPC}}\n".to_owned(),
              daemon_set("aws-node", "{name: aws-node}")], "calico 3.31", true),
        (vec![], "upstream", true),
    ] {
        assert_eq!(found(&documents), (name.to_owned(), enforces), "{documents:?}");
    }
}

#[test]
fn what_contradicts_itself_is_upstream_and_says_what_it_is() {
    let documents =
        [daemon_set("cilium", "{name: cilium-agent}"), daemon_set("calico-node", "{name: calico-node}")];
    let detected = auto(&documents).detected();
    assert_eq!(detected.cni.plugin, Plugin::Upstream);
    let seen: Vec<String> = detected.evidence.iter().map(|one| one.object.to_string()).collect();
    assert_eq!(seen, ["DaemonSet/kube-system/cilium", "DaemonSet/kube-system/calico-node"]);
}

#[test]
fn p3_amazons_plugin_is_off_unless_something_switches_it_on() {
    let agent = |value: &str, mode: &str| {
        daemon_set(
            "aws-node",
            &format!(
                "{{name: aws-node, image: amazon-k8s-cni:v1.20.0, env: [{{name: NETWORK_POLICY_ENFORCING_MODE, value: {mode}}}]}}, \
                 {{name: aws-eks-nodeagent, args: [--enable-network-policy={value}]}}"
            ),
        )
    };
    let switch =
        |value: &str| config_map("amazon-vpc-cni", &format!("enable-network-policy-controller: '{value}'"));
    assert_eq!(auto(&[agent("false", "standard")]).tcp("ops/probe", "shop/web", 80), Allow);
    assert_eq!(auto(&[agent("true", "standard")]).tcp("ops/probe", "shop/web", 80), Deny);
    assert_eq!(auto(&[agent("false", "standard"), switch("true")]).tcp("ops/probe", "shop/web", 80), Deny);
    let off = auto(&[agent("false", "standard"), switch("false")]);
    let detected = off.detected();
    assert!(!detected.cni.traits.enforces());
    let says: Vec<&str> = detected.evidence.iter().map(|one| &*one.says).collect();
    assert!(says.contains(&"has `--enable-network-policy=false`"), "{says:?}");
    let last = detected.evidence.last().unwrap();
    assert_eq!(off.text(last.span), "--enable-network-policy=false");
    // P-28: without a policy, too.
    assert_eq!(auto(&[agent("true", "strict")]).tcp("ops/probe", "shop/api", 80), Deny);
    assert_eq!(auto(&[agent("true", "standard")]).tcp("ops/probe", "shop/api", 80), Allow);
    assert_eq!(auto(&[agent("false", "strict")]).tcp("ops/probe", "shop/api", 80), Allow);
}

#[test]
fn p2_ciliums_own_switches() {
    let with = |data: &str| auto(&[config_map("cilium-config", data)]);
    for (data, selected, other) in [
        ("enable-policy: default", Deny, Allow),
        ("enable-policy: always", Deny, Deny),
        ("enable-policy: never", Allow, Allow),
        ("enable-k8s-networkpolicy: 'false'", Allow, Allow),
        ("policy-audit-mode: 'true'", Allow, Allow),
    ] {
        let world = with(data);
        assert_eq!(world.tcp("ops/probe", "shop/web", 80), selected, "{data}");
        assert_eq!(world.tcp("ops/probe", "shop/api", 80), other, "{data}");
    }
    assert!(with("policy-cidr-match-mode: nodes").detected().cni.profile.blocks_match_nodes);
    assert!(!with("enable-policy: default").detected().cni.profile.blocks_match_nodes);
    assert!(with("enable-sctp: 'true'").detected().cni.traits.sctp.certain());
}

#[test]
fn p3_terway_in_its_modes() {
    let eni = |switch: &str, kind: &str| {
        config_map(
            "eni-config",
            &format!(
                "10-terway.conf: '{{\"type\": \"terway\", \"eniip_virtual_type\": \"{kind}\"}}', disable_network_policy: '{switch}'"
            ),
        )
    };
    assert_eq!(found(&[eni("true", "datapathv2")]), ("terway 1.20, policies off".to_owned(), false));
    assert_eq!(found(&[eni("false", "datapathv2")]), ("terway 1.20".to_owned(), true));
    assert_eq!(found(&[eni("false", "Veth")]), ("terway-veth 3.31".to_owned(), true));
    // Somebody else's ConfigMap of that name.
    assert_eq!(found(&[config_map("eni-config", "a: b")]).0, "upstream");
}

#[test]
fn p4_antreas_gates() {
    let gates = |text: &str| auto(&[config_map("antrea-config", &format!("antrea-agent.conf: \"{text}\""))]);
    assert!(gates("featureGates:\\n  AdminNetworkPolicy: true\\n").detected().cni.traits.admin.certain());
    assert!(!gates("featureGates:\\n#  AdminNetworkPolicy: true\\n").detected().cni.traits.admin.possible());
}

#[test]
fn policies_of_one_plugins_own_kind_tell_where_nothing_else_does() {
    let own = "apiVersion: crd.antrea.io/v1beta1\nkind: ClusterNetworkPolicy\nmetadata: {name: a}\nspec:\n  priority: 1\n  \
               appliedTo: [{podSelector: {}}]\n"
        .to_owned();
    assert_eq!(found(std::slice::from_ref(&own)).0, "antrea 2.5");
    assert_eq!(found(&[own, daemon_set("kindnet", "{name: kindnet}")]).0, "kindnet");
}
