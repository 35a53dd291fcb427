//! One row per rule of validation: what is written, and which text each finding points at.

use super::super::testing::{decode_all, slice, span_of, summary};
use super::super::{Object, Policy};

/// A policy with this `spec`, indented by two.
fn policy(spec: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: it\n  namespace: shop\nspec:\n{spec}"
    )
}

fn ingress(rule: &str) -> String {
    policy(&format!("  podSelector: {{}}\n  ingress:\n    - {rule}\n"))
}

fn selector(selector: &str) -> String {
    policy(&format!("  podSelector: {selector}\n"))
}

/// Decodes one policy and compares rule and place of every finding, and the texts that they must hold.
#[track_caller]
fn refused(text: &str, wanted: &[(&str, &str, &str)]) {
    let decoded = decode_all(text).remove(0);
    let found = summary(text, &decoded.findings);
    let places: Vec<(&str, &str)> = wanted.iter().map(|(rule, place, _)| (*rule, *place)).collect();
    assert_eq!(found, places, "{text}\n{:#?}", decoded.findings);
    assert!(decoded.object.is_none(), "an invalid policy takes no part: {text}");
    for (finding, (_, _, says)) in decoded.findings.iter().zip(wanted) {
        let all = format!("{} | {}", finding.message, finding.help.join(" | "));
        assert!(all.contains(says), "`{says}` in `{all}`");
        assert_eq!(finding.object.as_deref(), Some("NetworkPolicy/shop/it"));
        assert!(!finding.incomplete && !finding.help.is_empty());
    }
}

#[track_caller]
fn accepted(text: &str) {
    let decoded = decode_all(text).remove(0);
    assert_eq!(decoded.findings, [], "{text}");
    assert!(matches!(decoded.object, Some(Object::Policy(Policy::NetworkPolicy(_)))));
}

#[test]
fn peers() {
    for (rule, place, says) in [
        ("from: [{}]", "{}", "the peer is empty"),
        ("from: [{podSelector: null}]", "{podSelector: null}", "the peer is empty"),
        ("from: [{podSelector: {}, ipBlock: {cidr: 10.0.0.0/8}}]", "ipBlock", "must not be in one peer"),
        ("from: [{ipBlock: {cidr: 10.0.0.0/8}, namespaceSelector: {}}]", "ipBlock", "`namespaceSelector`"),
        ("from: [{ipBlock: {}}]", "{}", "no `cidr`"),
        ("from: [{ipBlock: {cidr: null}}]", "{cidr: null}", "no `cidr`"),
        ("from: [{ipBlock: {cidr: ''}}]", "''", "block of addresses"),
        ("from: [{ipBlock: {cidr: 10.0.0.0/33}}]", "10.0.0.0/33", "from 0 to 32"),
        ("from: [{ipBlock: {cidr: 10.0.0.1}}]", "10.0.0.1", "write `10.0.0.1/32`"),
        ("from: [{ipBlock: {cidr: 010.0.0.0/8}}]", "010.0.0.0/8", "write `10.0.0.0/8`"),
        ("from: [{ipBlock: {cidr: '::/129'}}]", "'::/129'", "from 0 to 128"),
        ("from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.0.0.0/8]}}]", "10.0.0.0/8", "the whole block"),
        ("from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]", "11.0.0.0/16", "not inside"),
        ("from: [{ipBlock: {cidr: 10.0.0.0/8, except: [0.0.0.0/0]}}]", "0.0.0.0/0", "not inside"),
        ("from: [{ipBlock: {cidr: 0.0.0.0/0, except: ['fd00::/8']}}]", "'fd00::/8'", "not inside"),
        ("from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1]}}]", "10.1", "put it in quotes"),
    ] {
        let rules = if place == "10.1" { "wrong-type" } else { "invalid-policy" };
        refused(&ingress(rule), &[(rules, place, says)]);
    }
    // S-18, S-17: host bits are masked on both sides before they are compared.
    accepted(&ingress("from: [{ipBlock: {cidr: 10.1.2.3/8, except: [10.9.9.9/16, 10.0.0.0/9]}}]"));
    accepted(&ingress("from: [{ipBlock: {cidr: '2001:db8::1/32', except: ['2001:db8::/48']}}]"));
    accepted(&ingress("from: [{podSelector: {}, namespaceSelector: null, ipBlock: null}]"));
    accepted(&ingress("{from: [], ports: null}"));
}

#[test]
fn ports() {
    for (port, rule, place, says) in [
        ("{endPort: 90}", "invalid-policy", "90", "needs a `port`"),
        ("{port: http, endPort: 90}", "invalid-policy", "90", "needs a numeric `port`"),
        ("{port: 90, endPort: 80}", "invalid-policy", "80", "below"),
        ("{port: 90, endPort: 65536}", "invalid-policy", "65536", "from 1 to 65535"),
        ("{port: 0}", "invalid-policy", "0", "from 1 to 65535"),
        ("{port: -1}", "invalid-policy", "-1", "from 1 to 65535"),
        ("{port: 65536}", "invalid-policy", "65536", "from 1 to 65535"),
        ("{port: 99999999999}", "invalid-policy", "99999999999", "from 1 to 65535"),
        ("{port: '80'}", "invalid-policy", "'80'", "write `80`"),
        ("{port: '8000-8080'}", "invalid-policy", "'8000-8080'", "`endPort: 8080`"),
        ("{port: HTTP}", "invalid-policy", "HTTP", "write `http`"),
        ("{port: ''}", "invalid-policy", "''", "must not be empty"),
        ("{port: web--ui}", "invalid-policy", "web--ui", "`--`"),
        ("{port: a-very-long-name}", "invalid-policy", "a-very-long-name", "15 characters"),
        ("{port: 80.5}", "wrong-type", "80.5", "a port number or the name of a port"),
        ("{port: on}", "wrong-type", "on", "is a boolean"),
        ("{port: [80]}", "wrong-type", "[80]", "is a list"),
        ("{port: 80, endPort: '90'}", "wrong-type", "'90'", "without quotes"),
        ("{port: 80, endPort: x}", "wrong-type", "x", "is a string"),
        ("{port: 80, protocol: tcp}", "invalid-policy", "tcp", "write `TCP`"),
        ("{port: 80, protocol: ''}", "invalid-policy", "''", "`TCP`, `UDP` and `SCTP`"),
        ("{protocol: ICMP}", "invalid-policy", "ICMP", "`TCP`, `UDP` and `SCTP`"),
        ("{protocol: 6}", "wrong-type", "6", "put it in quotes"),
        ("{port: 80, name: web}", "unknown-field", "name", "`endPort`, `port` and `protocol`"),
        ("{port: 80, endport: 90}", "unknown-field", "endport", "did you mean `endPort`?"),
        ("80", "wrong-type", "80", "not a mapping"),
        ("null", "null-rule", "null", "every TCP port"),
    ] {
        refused(&ingress(&format!("ports: [{port}]")), &[(rule, place, says)]);
    }
    for port in [
        "{port: 80}",
        "{port: 80.0}",
        "{port: 8e1}",
        "{port: 0x50}",
        "{port: 65535}",
        "{port: 1, endPort: 65535}",
        "{port: 80, endPort: 80}",
        "{port: http}",
        "{protocol: SCTP}",
        "{protocol: null, port: null, endPort: null}",
        "{}",
    ] {
        accepted(&ingress(&format!("ports: [{port}]")));
    }
}

#[test]
fn selectors() {
    let long = "x".repeat(64);
    let long = long.as_str();
    let expressions = |text: &str| format!("{{matchExpressions: [{text}]}}");
    for (text, rule, place, says) in [
        (
            expressions("{key: a, operator: In}"),
            "invalid-policy",
            "{key: a, operator: In}",
            "at least one value",
        ),
        (expressions("{key: a, operator: NotIn, values: []}"), "invalid-policy", "[]", "at least one value"),
        (expressions("{key: a, operator: Exists, values: [b]}"), "invalid-policy", "[b]", "use `In`"),
        (
            expressions("{key: a, operator: DoesNotExist, values: [b]}"),
            "invalid-policy",
            "[b]",
            "use `NotIn`",
        ),
        (
            expressions("{key: a, operator: Gt, values: ['1']}"),
            "invalid-policy",
            "Gt",
            "none of the operators",
        ),
        (expressions("{key: a, operator: in, values: [b]}"), "invalid-policy", "in", "did you mean `In`?"),
        (expressions("{key: a, operator: Exist}"), "invalid-policy", "Exist", "did you mean `Exists`?"),
        (expressions("{operator: Exists}"), "invalid-policy", "{operator: Exists}", "no `key`"),
        (expressions("{key: a}"), "invalid-policy", "{key: a}", "no `operator`"),
        (expressions("{key: '', operator: Exists}"), "invalid-policy", "''", "must not be empty"),
        (expressions("{key: a/b/c, operator: Exists}"), "invalid-policy", "a/b/c", "at most one prefix"),
        (expressions("{key: a, operator: In, values: [b c]}"), "invalid-policy", "b c", "must consist of"),
        (expressions("{key: a, operator: In, values: [1]}"), "wrong-type", "1", "put it in quotes"),
        (expressions("{key: a, operator: In, values: b}"), "wrong-type", "b", "not a list"),
        (expressions("{key: a, operator: In, values: [null]}"), "null-rule", "null", "the empty value"),
        (expressions("null"), "null-rule", "null", "neither key nor operator"),
        (
            expressions("{key: a, operator: Exists, value: b}"),
            "unknown-field",
            "value",
            "did you mean `values`?",
        ),
        ("{matchLabels: {app: on}}".into(), "wrong-type", "on", "put it in quotes"),
        ("{matchLabels: {app: 1.10}}".into(), "wrong-type", "1.10", "put it in quotes"),
        ("{matchLabels: {app: [web]}}".into(), "wrong-type", "[web]", "is a list, not a string"),
        ("{matchLabels: {app: a b}}".into(), "invalid-policy", "a b", "must consist of"),
        ("{matchLabels: {-a: b}}".into(), "invalid-policy", "-a", "must consist of"),
        (format!("{{matchLabels: {{a: {long}}}}}"), "invalid-policy", long, "63 characters"),
        (format!("{{matchLabels: {{{long}: a}}}}"), "invalid-policy", long, "63 characters"),
        ("{matchLabels: [a]}".into(), "wrong-type", "[a]", "not a mapping"),
        ("{matchlabels: {app: web}}".into(), "unknown-field", "matchlabels", "did you mean `matchLabels`?"),
        ("{app: web}".into(), "unknown-field", "app", "`matchExpressions` and `matchLabels`"),
        ("web".into(), "wrong-type", "web", "not a mapping"),
    ] {
        refused(&selector(&text), &[(rule, place, says)]);
        // The same selector as a peer.
        for peer in ["podSelector", "namespaceSelector"] {
            refused(&ingress(&format!("from: [{{{peer}: {text}}}]")), &[(rule, place, says)]);
        }
    }
    for text in [
        "null",
        "{}",
        "{matchLabels: null, matchExpressions: []}",
        "{matchLabels: {app: null}}",
        "{matchLabels: {app: 2024-01-01, sha: 123e4567}}",
        "{matchExpressions: [{key: a, operator: In, values: ['']}, {key: b, operator: Exists, values: []}]}",
    ] {
        accepted(&selector(text));
    }
}

#[test]
fn top_level() {
    for (spec, rule, place, says) in [
        (
            "  podSelector: {}\n  policyTypes: [Ingres]\n",
            "invalid-policy",
            "Ingres",
            "did you mean `Ingress`?",
        ),
        (
            "  podSelector: {}\n  policyTypes: [egress]\n",
            "invalid-policy",
            "egress",
            "did you mean `Egress`?",
        ),
        ("  podSelector: {}\n  policyTypes: [Both]\n", "invalid-policy", "Both", "`Ingress` and `Egress`"),
        (
            "  podSelector: {}\n  policyTypes: [Egress, Egress, Ingress]\n",
            "invalid-policy",
            "[Egress, Egress, Ingress]",
            "more than two",
        ),
        ("  podSelector: {}\n  policyTypes: [null]\n", "null-rule", "null", "the empty type"),
        ("  podSelector: {}\n  policyTypes: Ingress\n", "wrong-type", "Ingress", "not a list"),
        (
            "  podSelector: {}\n  policytypes: [Ingress]\n",
            "unknown-field",
            "policytypes",
            "did you mean `policyTypes`?",
        ),
        ("  podSelector: {}\n  ingress: [null]\n", "null-rule", "null", "allows everything"),
        ("  podSelector: {}\n  egress: [{to: [null]}]\n", "null-rule", "null", "an empty peer"),
        ("  podSelector: {}\n  ingress: {from: []}\n", "wrong-type", "{from: []}", "not a list"),
        ("  podSelector: {}\n  ingress: [{to: []}]\n", "unknown-field", "to", "`from` and `ports`"),
        ("  podSelector: {}\n  egress: [{form: []}]\n", "unknown-field", "form", "`ports` and `to`"),
        ("  podSelector: {}\n  podSelector: {}\n", "duplicate-key", "podSelector", "the last one"),
        ("  podSelector: {matchLabels: {a: b, a: b}}\n", "duplicate-key", "a", "is there twice"),
    ] {
        refused(&policy(spec), &[(rule, place, says)]);
    }
    accepted(&policy("  podSelector: {}\n  policyTypes: []\n  ingress: null\n  egress: []\n"));
    accepted(&policy("  podSelector: {}\n  policyTypes: [Egress, Egress]\nstatus: {}\n"));
    accepted(&policy("  {}\n"));
}

#[test]
fn metadata() {
    let with = |metadata: &str| {
        format!("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {metadata}\nspec: {{}}\n")
    };
    for (metadata, rule, place, says) in [
        ("{name: My_Policy}", "invalid-policy", "My_Policy", "write `my-policy`"),
        ("{name: it, namespace: a.b}", "invalid-policy", "a.b", "`.`"),
        ("{name: 12}", "wrong-type", "12", "put it in quotes"),
        ("{name: ''}", "invalid-policy", "''", "is empty"),
        ("{namespace: shop}", "invalid-policy", "{namespace: shop}", "is missing"),
        ("null", "invalid-policy", "apiVersion: networking.k8s.io/v1", "no `metadata`"),
        ("{name: it, namespce: shop}", "unknown-field", "namespce", "did you mean `namespace`?"),
        ("{name: it, labels: {a: 1}}", "wrong-type", "1", "put it in quotes"),
        ("{name: it, labels: {a: b c}}", "invalid-policy", "b c", "must consist of"),
        ("{name: it, annotations: {a: true}}", "wrong-type", "true", "put it in quotes"),
        ("{name: it, name: it}", "duplicate-key", "name", "is there twice"),
    ] {
        let text = with(metadata);
        let decoded = decode_all(&text).remove(0);
        assert_eq!(summary(&text, &decoded.findings), [(rule, place)]);
        let all = format!("{} | {}", decoded.findings[0].message, decoded.findings[0].help.join(" | "));
        assert!(all.contains(says), "`{says}` in `{all}`");
        // A name in the wrong syntax, or one that is no text, changes nothing of what the policy means.
        let clear = ["My_Policy", "a.b", "b c", "12"].iter().any(|name| metadata.contains(name));
        assert_eq!(decoded.object.is_some(), clear, "{metadata}");
    }
    accepted(&with(
        "{generateName: Some-, annotations: {'any thing': \"at all\"}, managedFields: [], uid: x}",
    ));
}

#[test]
fn a_policy_without_spec_is_refused_at_its_name() {
    let text = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: it\n";
    let decoded = decode_all(text).remove(0);
    assert_eq!(summary(text, &decoded.findings), [("invalid-policy", "it")]);
    let decoded = decode_all(&format!("{text}spec:\n")).remove(0);
    assert_eq!(summary(&format!("{text}spec:\n"), &decoded.findings), [("invalid-policy", "spec")]);
}

#[test]
fn all_errors_of_a_policy_are_reported_in_the_order_of_the_text() {
    let text = policy(
        "  podSelector:
    matchExpressions:
      - {key: app, operator: In, values: []}
  ingress:
    - from:
        - ipBlock: {cidr: 300.1.1.0/24}
        - podSelector: {}
          namespaceselector: {}
      ports:
        - port: 80
          endPort: 79
    - null
  egres:
    - {}
",
    );
    let found = decode_all(&text).remove(0);
    assert_eq!(
        summary(&text, &found.findings),
        [
            ("invalid-policy", "[]"),
            ("invalid-policy", "300.1.1.0/24"),
            ("unknown-field", "namespaceselector"),
            ("invalid-policy", "79"),
            ("null-rule", "null"),
            ("unknown-field", "egres"),
        ]
    );
    let keys: Vec<&str> = found.findings.iter().map(|finding| finding.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "spec.podSelector.matchExpressions[0].values",
            "spec.ingress[0].from[0].ipBlock.cidr",
            "spec.ingress[0].from[1].namespaceselector",
            "spec.ingress[0].ports[0].endPort",
            "spec.ingress[1]",
            "spec.egres",
        ]
    );
}

/// Applies the fix of the only finding and decodes the result.
fn mended(text: &str) -> String {
    let finding = decode_all(text).remove(0).findings.remove(0);
    let mut edits = finding.fix.expect("a fix").edits;
    edits.sort_by_key(|edit| edit.span);
    let mut mended = text.to_owned();
    for edit in edits.iter().rev() {
        mended.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.replacement);
    }
    accepted(&mended);
    mended
}

#[test]
fn fixes_mend_what_they_are_for() {
    for (broken, right) in [
        ("ports: [{port: '80'}]", "ports: [{port: 80}]"),
        ("ports: [{port: HTTP}]", "ports: [{port: http}]"),
        ("ports: [{port: 80, endPort: \"90\"}]", "ports: [{port: 80, endPort: 90}]"),
        ("ports: [{protocol: udp}]", "ports: [{protocol: UDP}]"),
        ("ports: [{protocol: \"udp\"}]", "ports: [{protocol: \"UDP\"}]"),
        ("from: [{podselector: {}}]", "from: [{podSelector: {}}]"),
        ("from: [{\"podselector\": {}}]", "from: [{\"podSelector\": {}}]"),
        ("from: [{ipBlock: {cidr: 10.0.0.1}}]", "from: [{ipBlock: {cidr: 10.0.0.1/32}}]"),
        (
            "from: [{podSelector: {matchLabels: {app: on}}}]",
            "from: [{podSelector: {matchLabels: {app: \"on\"}}}]",
        ),
    ] {
        assert_eq!(mended(&ingress(broken)), ingress(right));
    }
}

#[test]
fn thousands_of_errors_are_counted_and_long_texts_cut() {
    let long = "x".repeat(500);
    let fields: Vec<String> = (0..5000).map(|index| format!("  {long}{index}: 1\n")).collect();
    let text = policy(&fields.concat());
    let decoded = decode_all(&text).remove(0);
    assert_eq!(decoded.findings.len(), 1001);
    assert_eq!(decoded.findings[1000].message, "there are 4000 more errors in this object");
    for finding in &decoded.findings {
        assert!(finding.message.len() < 300 && finding.key.len() < 300, "{finding:?}");
        assert_eq!(finding.object.as_deref(), Some("NetworkPolicy/shop/it"));
    }
    assert!(decoded.object.is_none());
}

#[test]
fn duplicate_keys_name_both_places() {
    let text = policy("  podSelector: {}\n  ingress: []\n  ingress: [{}]  # again\n");
    let finding = decode_all(&text).remove(0).findings.remove(0);
    let second = text.rfind("ingress").unwrap() as u32;
    assert_eq!(finding.locations[0].span.start, second);
    assert_eq!(finding.locations[1].span.start, text.find("ingress").unwrap() as u32);
    assert_eq!(slice(&text, finding.locations[1].span), "ingress");
}

#[test]
fn spans_of_a_valid_policy_are_those_of_its_parts() {
    let text = policy(
        "  podSelector: {matchLabels: {a: b}}
  ingress:
    - from:
        - podSelector: {matchLabels: {c: d}}
      ports:
        - {port: 80}
",
    );
    let Some(Object::Policy(Policy::NetworkPolicy(policy))) = decode_all(&text).remove(0).object else {
        panic!("no policy")
    };
    assert_eq!(policy.meta.name.span, span_of(&text, "it\n").sub(1));
    assert_eq!(policy.pod_selector.unwrap().span, span_of(&text, "{matchLabels: {a: b}}"));
    let rule = &policy.ingress.as_ref().unwrap().value[0];
    assert_eq!(slice(&text, rule.span), "from:");
    assert_eq!(rule.peers[0].span, span_of(&text, "podSelector: {matchLabels: {c: d}}"));
    assert_eq!(rule.ports[0].span, span_of(&text, "{port: 80}"));
}

trait Shorten {
    fn sub(self, bytes: u32) -> Self;
}

impl Shorten for crate::source::Span {
    fn sub(self, bytes: u32) -> Self {
        Self::new(self.source, self.start, self.end - bytes)
    }
}

#[test]
fn the_legacy_group_has_the_same_shape_and_other_versions_are_unknown() {
    let text = ingress("from: [{podSelector: {}}]");
    let old = text.replace("networking.k8s.io/v1", "extensions/v1beta1");
    let decoded = decode_all(&old).remove(0);
    assert_eq!(decoded.object, decode_all(&text).remove(0).object);
    assert_eq!(summary(&old, &decoded.findings), [("deprecated-api-version", "extensions/v1beta1")]);
    for version in ["networking.k8s.io/v1beta1", "networking.k8s.io/v2", "extensions/v1", "v1", "apps/v1"] {
        let text = text.replace("networking.k8s.io/v1", version);
        let decoded = decode_all(&text).remove(0);
        assert!(decoded.object.is_none());
        assert_eq!(summary(&text, &decoded.findings), [("unsupported-policy", version)]);
        assert!(decoded.findings[0].incomplete);
        assert_eq!(decoded.findings[0].object.as_deref(), Some("NetworkPolicy/shop/it"));
    }
}
