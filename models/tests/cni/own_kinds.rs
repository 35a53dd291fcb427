//! The platforms' own kinds: OVN-Kubernetes, Amazon, Google.

use npv_models::decide::Verdict::{Allow, Deny, Unknown};

use crate::world::{lenient, under};

const FIREWALL: &str = "
apiVersion: k8s.ovn.org/v1
kind: EgressFirewall
metadata: {name: default, namespace: shop}
spec:
  egress:
    - {type: Allow, to: {cidrSelector: 203.0.113.0/24}, ports: [{protocol: TCP, port: 443}]}
    - {type: Allow, to: {dnsName: api.example.com}}
    - {type: Deny, to: {cidrSelector: 0.0.0.0/0}}
";

#[test]
fn a31_an_egress_firewall_is_beside_network_policies_and_never_about_pods() {
    let world = under("ovn-kubernetes", FIREWALL);
    assert_eq!(world.tcp("shop/web", "203.0.113.9", 443), Allow);
    // What a name resolves to may be anywhere.
    assert_eq!(world.tcp("shop/web", "203.0.113.9", 80), Unknown);
    assert_eq!(world.tcp("shop/web", "shop/api", 80), Allow);
    assert_eq!(world.tcp("ops/probe", "203.0.113.9", 80), Allow);
    let deny = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: shop}\n\
                spec: {podSelector: {}, policyTypes: [Egress]}\n---\n";
    let both = under("ovn-kubernetes", &format!("{deny}{FIREWALL}"));
    assert_eq!(both.tcp("shop/web", "203.0.113.9", 443), Deny, "both must let it pass");
    assert_eq!(under("k3s", FIREWALL).tcp("shop/web", "8.8.8.8", 80), Allow, "nobody watches it");
}

#[test]
fn a31_what_an_egress_firewall_must_be() {
    for (from, to, message) in [
        ("name: default", "name: mine", "named `default`"),
        ("type: Deny", "type: Drop", "`Drop` is no type"),
        ("cidrSelector: 0.0.0.0/0", "cidrSelector: 0.0.0.0", "must be a block"),
        ("{cidrSelector: 0.0.0.0/0}", "{}", "must have one of"),
    ] {
        let (_, findings) = lenient("auto", &FIREWALL.replace(from, to));
        assert!(findings.len() == 1 && findings[0].contains(message), "{to}: {findings:?}");
    }
}

#[test]
fn a40_amazons_own_kinds() {
    let text = "
apiVersion: networking.k8s.aws/v1alpha1
kind: ApplicationNetworkPolicy
metadata: {name: out, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Egress]
  egress:
    - to: [{domainNames: ['*.example.com']}]
      ports: [{port: 443}]
    - to: [{podSelector: {matchLabels: {app: api}}}]
---
apiVersion: networking.k8s.aws/v1alpha1
kind: ClusterNetworkPolicy
metadata: {name: guard}
spec:
  tier: Admin
  priority: 10
  subject: {namespaces: {matchLabels: {team: shop}}}
  egress:
    - name: no-9090
      action: Deny
      to: [{pods: {namespaceSelector: {}, podSelector: {}}}]
      ports: [{portNumber: {protocol: TCP, port: 9090}}]
";
    let world = under("auto", text);
    assert_eq!(world.detected().cni.name, "aws-vpc-cni");
    assert_eq!(world.tcp("shop/web", "shop/api", 80), Allow);
    assert_eq!(world.tcp("shop/web", "shop/api", 9090), Deny);
    assert_eq!(world.tcp("shop/web", "ops/probe", 80), Deny);
    assert_eq!(world.tcp("shop/web", "203.0.113.9", 443), Unknown);
    assert_eq!(world.tcp("shop/web", "203.0.113.9", 80), Deny);
    assert_eq!(under("calico", text).tcp("shop/web", "ops/probe", 80), Allow);
}

#[test]
fn a42_googles_domains_isolate_egress() {
    let text = "
apiVersion: networking.gke.io/v1alpha1
kind: FQDNNetworkPolicy
metadata: {name: out, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  egress:
    - matches: [{pattern: '*.example.com'}, {name: example.org}]
      ports: [{protocol: TCP, port: 443}]
";
    let world = under("auto", text);
    assert_eq!(world.detected().cni.name, "gke-dataplane-v2");
    for (domain, port, verdict) in [
        ("dns:api.example.com", 443, Allow),
        // A star is one label.
        ("dns:a.b.example.com", 443, Deny),
        ("dns:example.org", 443, Allow),
        ("dns:example.org", 80, Deny),
        // Cilium keeps what it has seen names resolve to apart from other addresses.
        ("203.0.113.9", 443, Deny),
    ] {
        assert_eq!(world.tcp("shop/web", domain, port), verdict, "{domain} {port}");
    }
    assert_eq!(world.tcp("shop/web", "shop/api", 443), Deny);
    assert_eq!(world.tcp("shop/api", "203.0.113.9", 80), Allow);
    assert_eq!(under("cilium", text).tcp("shop/web", "shop/api", 443), Allow, "only Google has it");
}
