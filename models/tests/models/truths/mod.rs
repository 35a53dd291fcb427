//! From YAML to verdicts: the truths of the upstream end-to-end suite, and the ways in which a policy can
//! leave something out. Three namespaces of three pods, every pair, ports 80 and 81 of every protocol, over
//! IPv4 and over IPv6.

mod forms;
mod upstream;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use npv_models::cluster::{Builder, Cluster};
use npv_models::cni::Cni;
use npv_models::decide::{End, Flow, PodEnd, Profile, Verdict, decide};
use npv_models::dialect;
use npv_models::k8s::Decoder;
use npv_models::policy::PolicySet;
use npv_models::source::{Origin, SourceMap};
use npv_models::space::Protocol;
use npv_models::yaml;

/// One state of a cluster with the flows that must be denied. All others must be allowed.
struct Case {
    /// The number of the upstream test or of the rule.
    number: &'static str,
    /// What it is about.
    about: &'static str,
    /// Labels beyond `ns` and `pod`: `namespace/pod key: value` or `namespace key: value`.
    labels: &'static [(&'static str, &'static str)],
    /// Namespace and spec of each policy. `IP(x/b)` is the address of that pod as a block, `AROUND` a
    /// block with all pods in it.
    policies: &'static [(&'static str, &'static str)],
    /// `protocols and ports: sources -> destinations`; each pattern is a list, `!` in front of it its
    /// complement.
    denied: &'static [&'static str],
}

const fn case(
    number: &'static str,
    about: &'static str,
    policies: &'static [(&'static str, &'static str)],
    denied: &'static [&'static str],
) -> Case {
    Case { number, about, labels: &[], policies, denied }
}

const NAMES: [&str; 3] = ["x", "y", "z"];
const PODS: [&str; 3] = ["a", "b", "c"];
const PORTS: [u16; 2] = [80, 81];

#[derive(Clone, Copy, Debug)]
enum Family {
    V4,
    V6,
}

/// The address of pod `p` of namespace `n`, by their positions.
fn address(family: Family, namespace: usize, pod: usize) -> String {
    match family {
        Family::V4 => format!("10.0.{namespace}.{}", pod + 1),
        Family::V6 => format!("fd00:0:0:{namespace}::{}", pod + 1),
    }
}

fn manifests(case: &Case, family: Family) -> String {
    let extra = |of: &str| -> String {
        let labels = case.labels.iter().filter(|(whose, _)| *whose == of);
        labels.flat_map(|(_, label)| [", ", label]).collect()
    };
    let mut text = String::new();
    for (position, namespace) in NAMES.into_iter().enumerate() {
        let more = extra(namespace);
        writeln!(text, "---\napiVersion: v1\nkind: Namespace").unwrap();
        writeln!(text, "metadata: {{name: \"{namespace}\", labels: {{ns: \"{namespace}\"{more}}}}}").unwrap();
        for (number, pod) in PODS.into_iter().enumerate() {
            let more = extra(&format!("{namespace}/{pod}"));
            writeln!(text, "---\napiVersion: v1\nkind: Pod").unwrap();
            writeln!(
                text,
                "metadata: {{name: {pod}, namespace: \"{namespace}\", labels: {{pod: {pod}{more}}}}}"
            )
            .unwrap();
            writeln!(text, "spec:\n  containers:").unwrap();
            for (port, protocol) in ports() {
                let lower = protocol.name().to_lowercase();
                writeln!(text, "  - name: cont-{port}-{lower}").unwrap();
                writeln!(
                    text,
                    "    ports: [{{containerPort: {port}, name: serve-{port}-{lower}, protocol: {protocol}}}]"
                )
                .unwrap();
            }
            let address = address(family, position, number);
            writeln!(text, "status: {{podIP: \"{address}\", podIPs: [{{ip: \"{address}\"}}]}}").unwrap();
        }
    }
    for (number, (namespace, spec)) in case.policies.iter().enumerate() {
        writeln!(text, "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy").unwrap();
        writeln!(text, "metadata: {{name: policy-{number}, namespace: \"{namespace}\"}}").unwrap();
        writeln!(text, "spec: {}", for_family(spec, family)).unwrap();
    }
    text
}

/// A spec with the blocks of a family in it, and every `y` quoted, which YAML takes for a boolean.
fn for_family(spec: &str, family: Family) -> String {
    let (around, length) = match family {
        Family::V4 => ("0.0.0.0/4", 32),
        Family::V6 => ("fd00::/8", 128),
    };
    let mut spec = spec.replace("AROUND", around);
    for (namespace, name) in NAMES.into_iter().enumerate() {
        for (pod, letter) in PODS.into_iter().enumerate() {
            let block = format!("\"{}/{length}\"", address(family, namespace, pod));
            spec = spec.replace(&format!("IP({name}/{letter})"), &block);
        }
    }
    spec.replace(": y}", ": \"y\"}").replace("[y]", "[\"y\"]")
}

fn ports() -> impl Iterator<Item = (u16, Protocol)> {
    PORTS.into_iter().flat_map(|port| Protocol::ALL.map(|protocol| (port, protocol)))
}

fn load(text: &str) -> (Cluster, PolicySet) {
    let mut sources = SourceMap::default();
    let id = sources.add("upstream.yaml", text, Origin::File).unwrap();
    let decoder = Decoder::new("default");
    let mut builder = Builder::new();
    let remarks = yaml::read_each(id, text, 0, |root| {
        let decoded = decoder.decode(&root);
        assert_eq!(decoded.findings, [], "{text}");
        builder.add(decoded.object.unwrap());
    });
    assert_eq!(remarks.problems, [], "{text}");
    let inventory = builder.finish();
    assert_eq!(inventory.findings, []);
    let policies = dialect::lower(&inventory.policies, &inventory.cluster, &Cni::default());
    (inventory.cluster, policies)
}

/// The one pod of a name.
fn end<'c>(cluster: &'c Cluster, namespace: &str, pod: &str) -> End<'c> {
    let pods =
        cluster.groups.iter().flat_map(|group| group.members.iter().map(move |member| (group, member)));
    let mut found = pods.filter(|(group, member)| {
        *cluster.namespaces[group.namespace.0 as usize].name == *namespace && *member.name == *pod
    });
    let (group, member) = found.next().unwrap();
    assert!(found.next().is_none());
    let namespace = &cluster.namespaces[group.namespace.0 as usize];
    End::Pod(PodEnd {
        name: Some(&member.name),
        namespace: Some(&namespace.name),
        namespace_labels: &namespace.labels,
        labels: &group.labels,
        ports: &group.ports,
        host_network: group.host_network,
        addresses: &member.addresses,
        ..PodEnd::default()
    })
}

/// Whether a list, or the complement of one, has an item; `*` has all.
fn has(pattern: &str, item: impl Fn(&str) -> bool) -> bool {
    match pattern.strip_prefix('!') {
        Some(complement) => !has(complement, item),
        None => pattern == "*" || pattern.split(',').any(|entry| item(entry.trim())),
    }
}

fn is_denied(case: &Case, src: &str, dst: &str, protocol: Protocol, port: u16) -> bool {
    let is_pod = |pod: &str, entry: &str| pod == entry || pod.split('/').next() == Some(entry);
    case.denied.iter().any(|line| {
        let (traffic, ends) = line.split_once(": ").unwrap();
        let (from, to) = ends.split_once(" -> ").unwrap();
        let over = |entry: &str| entry == protocol.name() || entry == format!("{protocol} {port}");
        has(traffic, over) && has(from, |entry| is_pod(src, entry)) && has(to, |entry| is_pod(dst, entry))
    })
}

/// Every flow of a case whose verdict is wrong.
fn wrong(case: &Case, family: Family) -> Vec<String> {
    let (cluster, policies) = load(&manifests(case, family));
    let everyone = || NAMES.into_iter().flat_map(|namespace| PODS.map(|pod| (namespace, pod)));
    let mut wrong = Vec::new();
    for (src, dst) in everyone().flat_map(|src| everyone().map(move |dst| (src, dst))) {
        if src == dst {
            continue;
        }
        for (port, protocol) in ports() {
            let (src_end, dst_end) = (end(&cluster, src.0, src.1), end(&cluster, dst.0, dst.1));
            let flow = Flow { src: src_end, dst: dst_end, protocol, port };
            let (src, dst) = (format!("{}/{}", src.0, src.1), format!("{}/{}", dst.0, dst.1));
            let verdict = decide(&policies, Profile::default(), &flow).verdict();
            let wanted =
                if is_denied(case, &src, &dst, protocol, port) { Verdict::Deny } else { Verdict::Allow };
            if verdict != wanted {
                wrong.push(format!("{src} -> {dst} {protocol} {port} over {family:?} must be {wanted:?}"));
            }
        }
    }
    wrong
}

fn check(cases: &[Case]) {
    let mut failures = Vec::new();
    for case in cases {
        for family in [Family::V4, Family::V6] {
            let wrong = wrong(case, family);
            if let Some(first) = wrong.first() {
                failures.push(format!("{} ({}): {} flows, {first}", case.number, case.about, wrong.len()));
            }
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[test]
fn every_upstream_truth_holds() {
    check(upstream::CASES);
}

#[test]
fn no_upstream_case_is_left_out() {
    let number = |case: &Case| case.number.trim_end_matches(char::is_alphabetic).parse::<u32>().unwrap();
    let numbers: BTreeSet<u32> = upstream::CASES.iter().map(number).collect();
    assert_eq!(numbers, (1..=48).collect());
}

#[test]
fn what_is_left_out_means_what_the_api_says() {
    check(forms::CASES);
}

#[test]
fn ranges_of_ports_are_checked() {
    for (port, valid) in forms::RANGES {
        let text = format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p}}\n\
             spec: {{podSelector: {{}}, ingress: [{{ports: [{port}]}}]}}\n"
        );
        let mut sources = SourceMap::default();
        let id = sources.add("policy.yaml", text.as_str(), Origin::File).unwrap();
        let mut found = 0;
        yaml::read_each(id, &text, 0, |root| found += Decoder::new("default").decode(&root).findings.len());
        assert_eq!(found == 0, *valid, "{port}");
    }
}
