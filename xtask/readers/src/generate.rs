//! Pods as `kubectl get pods -o yaml|json` prints them, with the fields of a real cluster: the reader's load
//! is mostly what npv does not need.

use serde::Serialize;
use serde_json::{Value, json};

/// `count` pods of a few hundred workloads. The same every time.
pub(crate) fn pods(count: usize) -> impl Iterator<Item = Value> {
    (0..count).map(pod)
}

fn pod(index: usize) -> Value {
    let app = format!("app-{}", (index * 7919) % 300);
    // A multiplier of large order spreads the digits; the value has no meaning.
    let hash = format!("{:010x}", (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 24);
    let (template, pod) = hash.split_at(hash.len().saturating_sub(5));
    let started = "2026-01-10T10:11:12Z";
    let image = format!("registry.example.com/platform/{app}:v1.{}.3", index % 90);
    let ip = format!("10.{}.{}.{}", index >> 16 & 255, index >> 8 & 255, index & 255);
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "annotations": {
                "kubernetes.io/config.seen": "2026-01-10T10:11:12.123456789Z",
                "prometheus.io/port": "8080",
                "prometheus.io/scrape": "true",
            },
            "creationTimestamp": started,
            "generateName": format!("{app}-{template}-"),
            "labels": {
                "app.kubernetes.io/name": app,
                "app.kubernetes.io/part-of": "platform",
                "pod-template-hash": template,
                "tier": "backend",
            },
            "name": format!("{app}-{template}-{pod}"),
            "namespace": format!("team-{}", index % 40),
            "ownerReferences": [{
                "apiVersion": "apps/v1", "blockOwnerDeletion": true, "controller": true, "kind": "ReplicaSet",
                "name": format!("{app}-{template}"), "uid": format!("0f8b1c9e-1b2c-4d5e-8f90-{hash}aa"),
            }],
            "resourceVersion": (1_000_000 + index).to_string(),
            "uid": format!("3f8b1c9e-1b2c-4d5e-8f90-{hash}bb"),
        },
        "spec": {
            "containers": [{
                "args": ["--config=/etc/app/config.yaml", "--listen=:8080"],
                "env": [
                    {"name": "POD_NAME",
                     "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
                    {"name": "LOG_LEVEL", "value": "info"},
                ],
                "image": image,
                "imagePullPolicy": "IfNotPresent",
                "livenessProbe": {
                    "failureThreshold": 3, "httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"},
                    "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1,
                },
                "name": "main",
                "ports": [
                    {"containerPort": 8080, "name": "http", "protocol": "TCP"},
                    {"containerPort": 9090, "name": "metrics", "protocol": "TCP"},
                ],
                "resources": {"limits": {"memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "256Mi"}},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "volumeMounts": [
                    {"mountPath": "/etc/app", "name": "config"},
                    {"mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
                     "name": format!("kube-api-access-{pod}"), "readOnly": true},
                ],
            }],
            "dnsPolicy": "ClusterFirst", "enableServiceLinks": true, "nodeName": format!("node-{}", index % 500),
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
                {"name": format!("kube-api-access-{pod}"), "projected": {"defaultMode": 420, "sources": [
                    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
                    {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
                    {"downwardAPI": {"items": [{"fieldRef": {"apiVersion": "v1",
                     "fieldPath": "metadata.namespace"}, "path": "namespace"}]}},
                ]}},
            ],
        },
        "status": {
            "conditions": [
                {"lastProbeTime": null, "lastTransitionTime": started, "status": "True", "type": "Initialized"},
                {"lastProbeTime": null, "lastTransitionTime": started, "status": "True", "type": "Ready"},
                {"lastProbeTime": null, "lastTransitionTime": started, "status": "True", "type": "PodScheduled"},
            ],
            "containerStatuses": [{
                "containerID": format!("containerd://{}", hash.repeat(6)),
                "image": image,
                "imageID": format!("registry.example.com/platform/{app}@sha256:{}", hash.repeat(6)),
                "lastState": {}, "name": "main", "ready": true, "restartCount": 0, "started": true,
                "state": {"running": {"startedAt": started}},
            }],
            "hostIP": format!("10.0.{}.{}", index % 250, index % 7),
            "phase": "Running",
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "qosClass": "Burstable",
            "startTime": started,
        },
    })
}

/// Appends a value as block YAML in kubectl's style: two spaces, lists not indented more than their key.
pub(crate) fn write_yaml(out: &mut String, value: &Value, indent: usize, first: &str) {
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
                        write_yaml(out, value, indent + 2, &" ".repeat(indent + 2));
                    }
                    Value::Array(items) if !items.is_empty() => {
                        out.push('\n');
                        write_yaml(out, value, indent, &pad);
                    }
                    scalar => {
                        out.push(' ');
                        write_yaml(out, scalar, indent, "");
                    }
                }
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                out.push_str(prefix);
                out.push_str("- ");
                prefix = &pad;
                write_yaml(out, item, indent + 2, "");
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
pub(crate) fn json(value: &Value) -> String {
    let mut text = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, formatter);
    // Writing to memory cannot fail; an empty text would show in the table.
    let _ = value.serialize(&mut serializer);
    String::from_utf8(text).unwrap_or_default()
}
