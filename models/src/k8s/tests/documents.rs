//! What is no object, what npv does not model, and what it does not care about.

use proptest::prelude::*;

use super::super::testing::{decode_all, slice, summary};
use super::super::{Decoder, Object, Policy, registry};
use crate::diagnostic::Severity;
use crate::source::{SourceId, Span};
use crate::yaml::{Entry, Node, Value};

#[test]
fn documents_that_are_no_objects() {
    for (text, places) in [
        ("just words\n", &["just words"][..]),
        ("- a\n- b\n", &["- a"]),
        ("42\n", &["42"]),
        ("kind: Pod\nmetadata: {name: a}\n", &["kind: Pod"]),
        ("apiVersion: v1\nmetadata: {name: a}\n", &["apiVersion: v1"]),
        ("apiVersion: ''\nkind: Pod\n", &["apiVersion: ''"]),
        ("apiVersion: v1\nkind: null\n", &["apiVersion: v1"]),
        ("apiVersion: 1\nkind: [a]\n", &["1", "[a]"]),
        ("replicas: 3\nimage: {}\n", &["replicas: 3"]),
    ] {
        let decoded = decode_all(text).remove(0);
        let wanted: Vec<(&str, &str)> = places.iter().map(|place| ("unreadable-document", *place)).collect();
        assert_eq!(summary(text, &decoded.findings), wanted, "{text}");
        assert!(decoded.findings.iter().all(|finding| finding.incomplete && !finding.help.is_empty()));
        assert!(decoded.object.is_none() && decoded.kind.is_none());
    }
}

#[test]
fn policies_that_are_not_modelled_are_never_passed_over_nor_read_by_kind_alone() {
    for (version, kind, object) in [
        ("crd.projectcalico.org/v2", "NetworkPolicy", "NetworkPolicy/shop/it"),
        ("projectcalico.org/v4", "GlobalNetworkPolicy", "GlobalNetworkPolicy/it"),
        ("cilium.io/v3", "CiliumNetworkPolicy", "CiliumNetworkPolicy/shop/it"),
        ("cilium.io/v3", "CiliumClusterwideNetworkPolicy", "CiliumClusterwideNetworkPolicy/it"),
        ("policy.networking.k8s.io/v1", "AdminNetworkPolicy", "AdminNetworkPolicy/it"),
        ("policy.networking.k8s.io/v1", "ClusterNetworkPolicy", "ClusterNetworkPolicy/it"),
        ("networking.istio.io/v1", "Sidecar", "Sidecar/shop/it"),
        ("policy.linkerd.io/v1alpha1", "AuthorizationPolicy", "AuthorizationPolicy/shop/it"),
        ("network.openshift.io/v1", "EgressNetworkPolicy", "EgressNetworkPolicy/shop/it"),
        ("never.heard.of/v1", "FancyNetworkPolicy", "FancyNetworkPolicy/shop/it"),
    ] {
        let text = format!(
            "apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: it\n  namespace: shop\nspec:\n  podSelector: {{}}\n"
        );
        let decoded = decode_all(&text).remove(0);
        assert_eq!(summary(&text, &decoded.findings), [("unsupported-policy", version)]);
        let finding = &decoded.findings[0];
        assert!(finding.incomplete && finding.severity == Severity::Error && !finding.help.is_empty());
        assert_eq!(finding.object.as_deref(), Some(object));
        assert!(decoded.object.is_none());
        assert_eq!(decoded.kind.as_deref(), Some(&*format!("{version}/{kind}")));
    }
}

#[test]
fn a_policy_whose_kind_is_misspelt_is_never_passed_over() {
    for (version, kind, meant) in [
        ("networking.k8s.io/v1", "networkpolicy", "NetworkPolicy"),
        ("networking.k8s.io/v1", "NetworkPolicies", "NetworkPolicy"),
        ("networking.k8s.io/v1", "NetworkPolcy", "NetworkPolicy"),
        ("extensions/v1beta1", "Networkpolicy", "NetworkPolicy"),
        ("policy.networking.k8s.io/v1alpha2", "ClusterNetworkpolicy", "ClusterNetworkPolicy"),
        ("policy.networking.k8s.io/v1alpha1", "BaselineAdminNetworkPolicys", "BaselineAdminNetworkPolicy"),
    ] {
        let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: {{name: it}}\n");
        let decoded = decode_all(&text).remove(0);
        assert_eq!(summary(&text, &decoded.findings), [("unsupported-policy", kind)]);
        let finding = &decoded.findings[0];
        assert!(finding.incomplete && finding.help.iter().any(|help| help.contains(&format!("`{meant}`"))));
    }
}

#[test]
fn other_kinds_are_only_counted() {
    for (version, kind) in [
        ("policy/v1", "PodDisruptionBudget"),
        ("monitoring.coreos.com/v1", "PrometheusRule"),
        ("serving.knative.dev/v1", "Revision"),
        ("networking.k8s.io/v1", "ServiceCIDR"),
        ("networking.k8s.io/v1", "IPAddress"),
        ("networking.k8s.io/v1", "NetworkPolicyList"),
        ("example.com/v1", "Service"),
        ("example.com/v1", "Deployment"),
        ("management.cattle.io/v3", "Node"),
    ] {
        // Nobody looks into them.
        let text = format!("apiVersion: {version}\nkind: {kind}\nmetadata: 12\nspec: {{a: 1, a: 2}}\n");
        let decoded = decode_all(&text).remove(0);
        assert_eq!(decoded.findings, []);
        assert!(decoded.object.is_none());
        assert_eq!(decoded.kind.as_deref(), Some(&*format!("{version}/{kind}")));
    }
}

#[test]
fn a_known_kind_in_the_wrong_built_in_group_is_not_lost() {
    let text = "apiVersion: v1\nkind: Deployment\nmetadata: {name: a}\n";
    let decoded = decode_all(text).remove(0);
    assert_eq!(summary(text, &decoded.findings), [("unreadable-document", "v1")]);
    assert!(decoded.findings[0].help[0].contains("`apps`"));
    assert!(decoded.findings[0].incomplete);
}

fn trees() -> impl Strategy<Value = Node> {
    let names = prop::sample::select(vec![
        "apiVersion",
        "kind",
        "metadata",
        "name",
        "namespace",
        "labels",
        "annotations",
        "ownerReferences",
        "controller",
        "spec",
        "status",
        "template",
        "jobTemplate",
        "containers",
        "initContainers",
        "ports",
        "containerPort",
        "protocol",
        "port",
        "endPort",
        "targetPort",
        "podSelector",
        "namespaceSelector",
        "matchLabels",
        "matchExpressions",
        "key",
        "operator",
        "values",
        "ingress",
        "egress",
        "from",
        "to",
        "policyTypes",
        "ipBlock",
        "cidr",
        "except",
        "selector",
        "subsets",
        "addresses",
        "endpoints",
        "conditions",
        "domain",
        "devices",
        "interfaces",
        "hostNetwork",
        "podIP",
        "podIPs",
        "ip",
        "type",
        "nodePort",
        "replicas",
    ]);
    let words = prop::sample::select(vec![
        "",
        "a",
        "TCP",
        "tcp",
        "In",
        "Exists",
        "Ingress",
        "10.0.0.0/8",
        "::/0",
        "80",
        "http",
        "None",
        "ä/ö",
        "Pod",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![any::<i64>(), 0..70_000_i64].prop_map(Value::Int),
        any::<f64>().prop_map(Value::Float),
        words.prop_map(|text| Value::Str(text.into())),
        "\\PC*".prop_map(|text| Value::Str(text.into())),
    ];
    let span = (0..100_u32, 0..100_u32).prop_map(|(start, end)| Span::new(SourceId(0), start, end));
    let node = (leaf, span.clone()).prop_map(|(value, span)| Node { value, span });
    node.prop_recursive(6, 64, 6, move |inner| {
        let entry = (names.clone(), span.clone(), inner.clone());
        let entry = entry.prop_map(|(key, key_span, value)| Entry { key: key.into(), key_span, value });
        let value = prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::Seq),
            prop::collection::vec(entry, 0..20).prop_map(Value::Map),
        ];
        (value, span.clone()).prop_map(|(value, span)| Node { value, span })
    })
}

fn text(value: &str) -> Node {
    Node { value: Value::Str(value.into()), span: Span::new(SourceId(0), 0, 0) }
}

proptest! {
    /// Whatever the tree, decoding ends and does not panic; nor does what is made of the result.
    #[test]
    fn any_tree_can_be_decoded(
        kind in prop::sample::select(registry::names()),
        metadata in trees(),
        spec in trees(),
        status in trees(),
        list in trees(),
    ) {
        let (group, kind) = kind;
        let version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
        let fields = [
            ("apiVersion", text(&version)),
            ("kind", text(kind)),
            ("metadata", metadata),
            ("spec", spec),
            ("status", status),
            ("subsets", list.clone()),
            ("endpoints", list),
        ];
        let nowhere = Span::new(SourceId(0), 0, 0);
        let entries = fields.map(|(key, value)| Entry { key: key.into(), key_span: nowhere, value });
        let node = Node { value: Value::Map(entries.into()), span: nowhere };
        let decoder = Decoder::new("default");
        let mut builder = crate::cluster::Builder::new();
        for _ in 0..2 {
            let decoded = decoder.decode(&node);
            prop_assert!(decoded.kind.is_some());
            decoded.object.into_iter().for_each(|object| builder.add(object));
        }
        let inventory = builder.finish();
        prop_assert_eq!(inventory.findings, []);
        crate::dialect::lower(&inventory.policies, &inventory.cluster, &crate::cni::Cni::default());
    }

    #[test]
    fn any_document_can_be_decoded(tree in trees()) {
        Decoder::new("default").decode(&tree);
    }
}

/// What nobody has filled in is no error, and stays where it can be read.
#[test]
fn placeholders_are_no_errors() {
    let text = "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: '${APP}', namespace: '${NS}', annotations: {note: '{{ any }}'}}
spec:
  podSelector: {matchLabels: {app: '{{ app }}'}}
  ingress:
    - from: [{namespaceSelector: {matchLabels: {team: <team>}}}]
      ports: [{port: '${PORT}'}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: block, namespace: shop}
spec: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: '${CIDR}'}}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: ${REPLICAS}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: a, image: '${IMAGE}', ports: [{containerPort: '${PORT}'}]}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {replicas: many, template: {spec: {containers: []}}}
";
    let decoded = decode_all(text);
    let unfilled: Vec<Vec<&str>> = decoded
        .iter()
        .map(|decoded| {
            let placeholders = decoded.placeholders.iter();
            placeholders
                .map(|found| {
                    assert!(slice(text, found.span).contains(&*found.value));
                    &*found.value
                })
                .collect()
        })
        .collect();
    assert_eq!(
        unfilled,
        [
            &["${NS}", "${APP}", "{{ app }}", "<team>", "${PORT}"][..],
            &["${CIDR}"],
            &["${REPLICAS}", "${PORT}"],
            &[]
        ]
    );
    assert_eq!(decoded.iter().map(|decoded| decoded.findings.len()).collect::<Vec<_>>(), [0, 0, 0, 1]);
    let Some(Object::Policy(policy)) = &decoded[0].object else { panic!("{:?}", decoded[0]) };
    let Policy::NetworkPolicy(policy) = policy else { panic!("{policy:?}") };
    assert_eq!((&*policy.meta.name.value, &*policy.meta.namespace), ("${APP}", "${NS}"));
    // Without its only block the list would admit everybody.
    assert_eq!(decoded[1].object, None);
    assert!(decoded[2].object.is_some());
}
