//! Safe fixes of random policies change no verdict, by the reference semantics, and leave nothing to fix.

use std::collections::BTreeMap;

use npv_analyzer::engine::Engine;
use npv_analyzer::fix::{self, Checked, Outcome, Request};
use npv_analyzer::lint::{self, Context};
use npv_analyzer::snapshot::{Options, Snapshot};
use npv_models::decide::{Flow, Verdict, decide};
use npv_models::space::Protocol;
use npv_tests::cases;
use npv_worlds::{Inventory, Spaces, Who};
use proptest::prelude::*;

const PODS: &str = "apiVersion: v1
kind: Namespace
metadata: {name: x, labels: {team: blue}}
---
apiVersion: v1
kind: Namespace
metadata: {name: z}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: x, labels: {app: a, tier: front}}
spec: {containers: [{name: c, ports: [{name: web, containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: b, namespace: x, labels: {app: b}}
spec: {containers: [{name: c, ports: [{name: web, containerPort: 81}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: c, namespace: z, labels: {app: a}}
spec: {containers: [{name: c}]}
";

fn subjects() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["{}", "{matchLabels: {app: a}}", "{matchLabels: {tier: front}}"])
}

fn peers() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "podSelector: {}",
        "podSelector: {matchLabels: {app: a}}",
        "namespaceSelector: {}",
        "namespaceSelector: {matchLabels: {team: blue}}",
        "ipBlock: {cidr: 10.0.0.0/8}",
        "ipBlock: {cidr: 0.0.0.0/0}",
    ])
}

fn ports() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "port: 80",
        "port: web",
        "{port: 80, endPort: 81}",
        "{protocol: UDP, port: 53}",
    ])
}

/// A rule in block or flow style, with or without a comment.
fn rule(direction: &'static str) -> impl Strategy<Value = String> {
    let field = if direction == "ingress" { "from" } else { "to" };
    let parts =
        (prop::collection::vec(peers(), 0..3), prop::collection::vec(ports(), 0..3), any::<[bool; 2]>());
    parts.prop_map(move |(peers, ports, [flow, comment])| {
        let braced =
            |entry: &str| if entry.starts_with('{') { entry.to_owned() } else { format!("{{{entry}}}") };
        let list =
            |entries: &[&str]| entries.iter().map(|entry| braced(entry)).collect::<Vec<_>>().join(", ");
        let note = if comment { "    # why\n" } else { "" };
        match (peers.is_empty(), ports.is_empty()) {
            (true, true) => format!("{note}    - {{}}\n"),
            _ if flow => {
                let mut fields = Vec::new();
                fields.extend((!peers.is_empty()).then(|| format!("{field}: [{}]", list(&peers))));
                fields.extend((!ports.is_empty()).then(|| format!("ports: [{}]", list(&ports))));
                format!("{note}    - {{{}}} # beside\n", fields.join(", "))
            }
            (none, _) => {
                let mut lines = vec![note.to_owned()];
                let mut lead = "    - ";
                if !none {
                    lines.push(format!("{lead}{field}:\n"));
                    lines.extend(peers.iter().map(|peer| format!("        - {peer}\n")));
                    lead = "      ";
                }
                if !ports.is_empty() {
                    lines.push(format!("{lead}ports:\n"));
                    lines.extend(ports.iter().map(|port| format!("        - {port}\n")));
                }
                lines.concat()
            }
        }
    })
}

fn policy() -> impl Strategy<Value = String> {
    let rules = |direction| prop::option::of(prop::collection::vec(rule(direction), 0..4));
    let types = prop::sample::select(vec![
        "",
        "  policyTypes: [Ingress]\n",
        "  policyTypes: [Ingress, Egress]\n",
        "  policyTypes:\n    - Egress\n",
    ]);
    let version =
        prop::sample::select(vec!["networking.k8s.io/v1", "networking.k8s.io/v1", "extensions/v1beta1"]);
    (version, subjects(), types, rules("ingress"), rules("egress")).prop_map(
        |(version, subject, types, ingress, egress)| {
            let mut parts = vec![format!("SPEC{version}\n  podSelector: {subject}\n{types}")];
            for (name, rules) in [("ingress", ingress), ("egress", egress)] {
                parts.extend(rules.map(|rules| match rules.as_slice() {
                    [] => format!("  {name}: []\n"),
                    rules => format!("  {name}:\n{}", rules.concat()),
                }));
            }
            parts.concat()
        },
    )
}

/// One to four policies of namespace `x`.
fn policies() -> impl Strategy<Value = String> {
    prop::collection::vec(policy(), 1..5).prop_map(|policies| {
        let documents = policies.iter().enumerate().map(|(number, text)| {
            let (version, spec) = text.strip_prefix("SPEC").and_then(|text| text.split_once('\n')).unwrap();
            format!(
                "apiVersion: {version}\nkind: NetworkPolicy\nmetadata: {{name: p{number}, namespace: x}}\nspec:\n{spec}"
            )
        });
        documents.collect::<Vec<_>>().join("---\n")
    })
}

fn read(policies: &str) -> Snapshot {
    Snapshot::from_texts([("pods.yaml", PODS), ("policies.yaml", policies)], &Options::default()).unwrap()
}

fn ask(snapshot: &Snapshot) -> Checked {
    let engine = Engine::new(&snapshot.cluster, &snapshot.policies, snapshot.profile);
    let mut findings = snapshot.findings.clone();
    findings.extend(lint::run(&Context::new(snapshot, &engine).pedantic(true)).unwrap());
    Checked { engine, findings, suppressed: Vec::new(), known: Vec::new() }
}

fn fixed(snapshot: &Snapshot) -> Outcome {
    let request = Request { options: &Options::default(), unsafe_too: false, check: &ask };
    fix::fix(snapshot, &ask(snapshot), &request)
}

/// Every verdict between any two that the manifests show, on the ports that the policies mention and one more.
fn verdicts(snapshot: &Snapshot) -> BTreeMap<String, Verdict> {
    let spaces = Spaces::of(&snapshot.cluster);
    let inventory = Inventory::new(&snapshot.cluster, &spaces);
    let mut verdicts = BTreeMap::new();
    let outside =
        ["10.1.2.3", "203.0.113.9", "2001:db8::1"].map(|address| Who::Address(address.parse().unwrap()));
    let everyone: Vec<Who> = inventory.everyone().into_iter().chain(outside).collect();
    for &src in &everyone {
        for &dst in &everyone {
            for (protocol, port) in
                [(Protocol::Tcp, 80), (Protocol::Tcp, 81), (Protocol::Tcp, 82), (Protocol::Udp, 53)]
            {
                let (Some(from), Some(to)) = (inventory.end(src), inventory.end(dst)) else { continue };
                let flow = Flow { src: from, dst: to, protocol, port };
                let verdict = decide(&snapshot.policies, snapshot.profile, &flow).verdict();
                verdicts.insert(format!("{src:?} {dst:?} {protocol} {port}"), verdict);
            }
        }
    }
    verdicts
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..cases(48) })]

    #[test]
    fn safe_fixes_change_no_verdict_and_leave_nothing_to_fix(policies in policies()) {
        let before = read(&policies);
        prop_assume!(before.findings.iter().all(|finding| finding.rule == "deprecated-api-version"));
        let outcome = fixed(&before);
        let text = outcome.texts.values().next().cloned().unwrap_or_else(|| policies.clone());
        let after = read(&text);
        prop_assert!(after.complete() && after.findings.is_empty(), "{:?}\n{text}", after.findings);
        prop_assert_eq!(verdicts(&before), verdicts(&after), "{}\nbecomes\n{}", policies, text);
        prop_assert!(outcome.effect.is_some_and(|effect| effect.is_none()));
        let again = fixed(&after);
        prop_assert!(again.texts.is_empty(), "{text}\nbecomes\n{:?}", again.texts);
        // A comment goes with what it is about, and nothing is said twice.
        let whys = |text: &str| text.matches("# why").count();
        prop_assert!(whys(&text) <= whys(&policies));
    }
}
