//! A generated cluster as `kubectl get namespaces,nodes,networkpolicies,pods -A -o yaml|json` prints it.
//!
//! Pods carry all that those of a real cluster do: most of what npv reads is what it does not need.

use std::io::{self, Write};

use npv_models::space::{Operator, Requirement, Selector};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::memory::pod_address;
use crate::plan::{NamespacePlan, PeerPlan, Plan, PolicyPlan, PortPlan, RulePlan, WorkloadPlan};

/// How manifests are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Block YAML.
    Yaml,
    /// JSON with an indent of four.
    Json,
}

impl Format {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Yaml, Self::Json];

    /// `yaml` or `json`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
        }
    }
}

/// Writes all objects of a plan as one `List`.
///
/// # Errors
/// What the writer fails with.
pub fn write(plan: &Plan, format: Format, out: &mut impl Write) -> io::Result<()> {
    let mut text = String::new();
    match format {
        Format::Yaml => out.write_all(b"apiVersion: v1\nitems:\n")?,
        Format::Json => out.write_all(b"{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n")?,
    }
    let mut first = true;
    objects(plan, &mut |object| {
        text.clear();
        match format {
            Format::Yaml => {
                text.push_str("- ");
                yaml(&mut text, object, 2, "");
            }
            Format::Json => {
                text.push_str(if first { "        " } else { ",\n        " });
                text.push_str(&indented(object).replace('\n', "\n        "));
            }
        }
        first = false;
        out.write_all(text.as_bytes())
    })?;
    match format {
        Format::Yaml => out.write_all(b"kind: List\nmetadata:\n  resourceVersion: \"\"\n"),
        Format::Json => out.write_all(
            b"\n    ],\n    \"kind\": \"List\",\n    \"metadata\": {\n        \"resourceVersion\": \"\"\n    }\n}\n",
        ),
    }
}

fn objects(plan: &Plan, each: &mut impl FnMut(&Value) -> io::Result<()>) -> io::Result<()> {
    for namespace in &plan.namespaces {
        each(&json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"creationTimestamp": STARTED, "labels": labels(&namespace.labels), "name": namespace.name},
            "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        }))?;
    }
    for node in 0..plan.nodes {
        each(&json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": {"creationTimestamp": STARTED, "labels": {"kubernetes.io/hostname": format!("node-{node}")},
                "name": format!("node-{node}")},
            "spec": {}, "status": {"addresses": [{"address": node_address(node), "type": "InternalIP"}]},
        }))?;
    }
    for namespace in &plan.namespaces {
        for policy in &namespace.policies {
            each(&network_policy(namespace, policy))?;
        }
    }
    pods(plan, each)
}

/// Hands over the pods of a plan.
///
/// # Errors
/// What taking one fails with.
pub fn pods(plan: &Plan, each: &mut impl FnMut(&Value) -> io::Result<()>) -> io::Result<()> {
    let mut number = 0;
    for namespace in &plan.namespaces {
        for workload in &namespace.workloads {
            for replica in 0..workload.replicas {
                number += 1;
                each(&pod(plan, namespace, workload, replica, number))?;
            }
        }
    }
    Ok(())
}

const STARTED: &str = "2026-01-10T10:11:12Z";

fn node_address(node: u32) -> String {
    std::net::Ipv4Addr::from_bits((172 << 24) + (20 << 16) + node).to_string()
}

fn labels(labels: &[(String, String)]) -> Value {
    labels.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect::<Map<_, _>>().into()
}

fn network_policy(namespace: &NamespacePlan, plan: &PolicyPlan) -> Value {
    let mut spec = Map::new();
    let mut types = Vec::new();
    spec.insert("podSelector".to_owned(), selector(&plan.subject));
    for (rules, list, kind, peers) in
        [(&plan.ingress, "ingress", "Ingress", "from"), (&plan.egress, "egress", "Egress", "to")]
    {
        let Some(rules) = rules else { continue };
        types.push(kind);
        if !rules.is_empty() {
            spec.insert(list.to_owned(), rules.iter().map(|plan| rule(plan, peers)).collect());
        }
    }
    spec.insert("policyTypes".to_owned(), json!(types));
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"creationTimestamp": STARTED, "generation": 1, "name": plan.name, "namespace": namespace.name},
        "spec": spec,
    })
}

fn rule(plan: &RulePlan, key: &str) -> Value {
    let peer = |plan: &PeerPlan| match plan {
        PeerPlan::Pods { namespaces, pods } => {
            let parts = [("namespaceSelector", namespaces), ("podSelector", pods)];
            let parts = parts
                .into_iter()
                .filter_map(|(key, wanted)| Some((key.to_owned(), selector(wanted.as_ref()?))));
            Value::Object(parts.collect())
        }
        PeerPlan::Block { cidr, except } if except.is_empty() => {
            json!({"ipBlock": {"cidr": cidr.to_string()}})
        }
        PeerPlan::Block { cidr, except } => {
            let except: Vec<String> = except.iter().map(ToString::to_string).collect();
            json!({"ipBlock": {"cidr": cidr.to_string(), "except": except}})
        }
    };
    let port = |plan: &PortPlan| match plan {
        PortPlan::Numbers(protocol, first, last) if first == last => {
            json!({"port": first, "protocol": protocol.name()})
        }
        PortPlan::Numbers(protocol, first, last) => {
            json!({"endPort": last, "port": first, "protocol": protocol.name()})
        }
        PortPlan::Name(name) => json!({"port": name, "protocol": "TCP"}),
    };
    let mut rule = Map::new();
    if !plan.peers.is_empty() {
        rule.insert(key.to_owned(), plan.peers.iter().map(peer).collect());
    }
    if !plan.ports.is_empty() {
        rule.insert("ports".to_owned(), plan.ports.iter().map(port).collect());
    }
    Value::Object(rule)
}

fn selector(selector: &Selector) -> Value {
    let (mut equal, mut expressions) = (Map::new(), Vec::new());
    for requirement in selector.requirements() {
        let Requirement { key, operator, values } = requirement;
        match (operator, values.as_slice()) {
            (Operator::In, [value]) => {
                equal.insert(key.to_string(), Value::from(&**value));
            }
            _ => expressions.push(json!({"key": **key, "operator": operator.name(), "values": values})),
        }
    }
    let mut fields = Map::new();
    if !expressions.is_empty() {
        fields.insert("matchExpressions".to_owned(), expressions.into());
    }
    if !equal.is_empty() {
        fields.insert("matchLabels".to_owned(), equal.into());
    }
    Value::Object(fields)
}

fn pod(plan: &Plan, namespace: &NamespacePlan, workload: &WorkloadPlan, replica: u32, number: u32) -> Value {
    // A multiplier of large order spreads the digits; the value has no meaning.
    let hash = format!("{:010x}", (u64::from(number) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24);
    let template = format!(
        "{:09x}",
        workload.name.bytes().fold(7, |hash: u64, byte| hash * 31 % 0xF_FFFF_FFFF + u64::from(byte))
    );
    let app = &workload.name;
    let (owner, owner_kind, name) = if workload.stateful {
        (app.clone(), "StatefulSet", format!("{app}-{replica}"))
    } else {
        let owner = format!("{app}-{template}");
        let name = format!("{owner}-{}", hash.get(5..).unwrap_or_default());
        (owner, "ReplicaSet", name)
    };
    let mut pod_labels = labels(&workload.labels);
    let (key, value) = if workload.stateful {
        ("statefulset.kubernetes.io/pod-name", &name)
    } else {
        ("pod-template-hash", &template)
    };
    if let Some(all) = pod_labels.as_object_mut() {
        all.insert(key.to_owned(), Value::from(value.as_str()));
    }
    let ports: Vec<Value> = workload
        .ports
        .iter()
        .map(|(name, number)| json!({"containerPort": number, "name": name, "protocol": "TCP"}))
        .collect();
    let node = number % plan.nodes;
    let own = pod_address(number).to_string();
    let address = if workload.host_network { node_address(node) } else { own };
    let image = format!("registry.example.com/platform/{app}:v1.{}.3", number % 90);
    let access = format!("kube-api-access-{}", hash.get(5..).unwrap_or_default());
    let mut spec = json!({
        "containers": [{
            "args": ["--config=/etc/app/config.yaml", "--listen=:8080"],
            "env": [
                {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
                {"name": "LOG_LEVEL", "value": "info"},
            ],
            "image": image,
            "imagePullPolicy": "IfNotPresent",
            "livenessProbe": {
                "failureThreshold": 3, "httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"},
                "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1,
            },
            "name": "main",
            "ports": ports,
            "resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
            "volumeMounts": [
                {"mountPath": "/etc/app", "name": "config"},
                {"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "name": access, "readOnly": true},
            ],
        }],
        "dnsPolicy": "ClusterFirst", "enableServiceLinks": true, "nodeName": format!("node-{node}"),
        "preemptionPolicy": "PreemptLowerPriority", "priority": 0, "restartPolicy": "Always",
        "schedulerName": "default-scheduler", "securityContext": {}, "serviceAccount": "default",
        "serviceAccountName": "default", "terminationGracePeriodSeconds": 30,
        "tolerations": [
            {"effect": "NoExecute", "key": "node.kubernetes.io/not-ready", "operator": "Exists",
             "tolerationSeconds": 300},
            {"effect": "NoExecute", "key": "node.kubernetes.io/unreachable", "operator": "Exists",
             "tolerationSeconds": 300},
        ],
        "volumes": [
            {"configMap": {"defaultMode": 420, "name": format!("{app}-config")}, "name": "config"},
            {"name": access, "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
                {"downwardAPI": {"items": [{"fieldRef": {"apiVersion": "v1",
                 "fieldPath": "metadata.namespace"}, "path": "namespace"}]}},
            ]}},
        ],
    });
    if workload.host_network
        && let Some(spec) = spec.as_object_mut()
    {
        spec.insert("hostNetwork".to_owned(), Value::Bool(true));
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "annotations": {
                "kubernetes.io/config.seen": "2026-01-10T10:11:12.123456789Z",
                "prometheus.io/port": "8080",
                "prometheus.io/scrape": "true",
            },
            "creationTimestamp": STARTED,
            "generateName": format!("{owner}-"),
            "labels": pod_labels,
            "name": name,
            "namespace": namespace.name,
            "ownerReferences": [{
                "apiVersion": "apps/v1", "blockOwnerDeletion": true, "controller": true, "kind": owner_kind,
                "name": owner, "uid": format!("0f8b1c9e-1b2c-4d5e-8f90-{hash}aa"),
            }],
            "resourceVersion": (1_000_000 + number).to_string(),
            "uid": format!("3f8b1c9e-1b2c-4d5e-8f90-{hash}bb"),
        },
        "spec": spec,
        "status": {
            "conditions": [
                {"lastProbeTime": null, "lastTransitionTime": STARTED, "status": "True", "type": "Initialized"},
                {"lastProbeTime": null, "lastTransitionTime": STARTED, "status": "True", "type": "Ready"},
                {"lastProbeTime": null, "lastTransitionTime": STARTED, "status": "True", "type": "PodScheduled"},
            ],
            "containerStatuses": [{
                "containerID": format!("containerd://{}", hash.repeat(6)),
                "image": image,
                "imageID": format!("registry.example.com/platform/{app}@sha256:{}", hash.repeat(6)),
                "lastState": {}, "name": "main", "ready": true, "restartCount": 0, "started": true,
                "state": {"running": {"startedAt": STARTED}},
            }],
            "hostIP": node_address(node),
            "phase": "Running",
            "podIP": address,
            "podIPs": [{"ip": address}],
            "qosClass": "Burstable",
            "startTime": STARTED,
        },
    })
}

/// Appends a value as block YAML in kubectl's style: two spaces, lists not indented more than their key.
/// `first` stands before the first line.
pub fn yaml(out: &mut String, value: &Value, indent: usize, first: &str) {
    let pad = " ".repeat(indent);
    let mut prefix = first;
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                out.push_str(prefix);
                out.push_str(key);
                out.push(':');
                prefix = &pad;
                match value {
                    Value::Object(map) if !map.is_empty() => {
                        out.push('\n');
                        yaml(out, value, indent + 2, &" ".repeat(indent + 2));
                    }
                    Value::Array(items) if !items.is_empty() => {
                        out.push('\n');
                        yaml(out, value, indent, &pad);
                    }
                    scalar => {
                        out.push(' ');
                        yaml(out, scalar, indent, "");
                    }
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                out.push_str(prefix);
                out.push_str("- ");
                prefix = &pad;
                yaml(out, item, indent + 2, "");
            }
        }
        Value::String(text) => {
            let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
                && !["true", "false", "True"].contains(&text.as_str());
            let quoted = !plain && !text.starts_with("--") && text.parse::<std::net::IpAddr>().is_err();
            let line = if quoted { value.to_string() } else { text.clone() };
            out.push_str(&line);
            out.push('\n');
        }
        scalar => {
            out.push_str(&scalar.to_string());
            out.push('\n');
        }
    }
}

/// A value as JSON in kubectl's style: an indent of four spaces.
pub fn indented(value: &Value) -> String {
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    // Writing to memory cannot fail; an empty text would show at once.
    let _ = value.serialize(&mut serializer);
    String::from_utf8(text).unwrap_or_default()
}
