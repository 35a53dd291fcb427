//! API versions that clusters no longer serve.

use super::read::replace;
use crate::diagnostic::{Applicability, Finding, Fix, Severity};
use crate::yaml::Node;

/// Kinds of an API version that has been left behind.
struct Left {
    versions: &'static [&'static str],
    kinds: &'static [&'static str],
    /// The version to write now.
    now: &'static str,
    /// Nothing but the version has changed.
    same: bool,
    /// What became of it, before the kind.
    fate: &'static str,
}

const WORKLOADS: &[&str] = &["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"];

static LEFT: &[Left] = &[
    Left {
        versions: &["extensions/v1beta1"],
        kinds: &["NetworkPolicy"],
        now: "networking.k8s.io/v1",
        same: true,
        fate: "Kubernetes 1.16 and later do not serve",
    },
    Left {
        versions: &["networking.k8s.io/v1beta1"],
        kinds: &["Ingress"],
        now: "networking.k8s.io/v1",
        same: false,
        fate: "Kubernetes 1.22 and later do not serve",
    },
    Left {
        versions: &["networking.k8s.io/v1beta1"],
        kinds: &["IngressClass"],
        now: "networking.k8s.io/v1",
        same: true,
        fate: "Kubernetes 1.22 and later do not serve",
    },
    Left {
        versions: &["extensions/v1beta1", "apps/v1beta1", "apps/v1beta2"],
        kinds: WORKLOADS,
        now: "apps/v1",
        same: false,
        fate: "Kubernetes 1.16 and later do not serve",
    },
];

/// A finding about an object whose API version has been left behind.
pub(super) fn check(api_version: &str, kind: &str, node: &Node) -> Option<Finding> {
    let is = |left: &&Left| left.versions.contains(&api_version) && left.kinds.contains(&kind);
    let left = LEFT.iter().find(is)?;
    let span = node.get("apiVersion")?.span;
    let message = format!("{} `{kind}` of `{api_version}`", left.fate);
    let finding = Finding::new("deprecated-api-version", Severity::Warning, span, message).key("apiVersion");
    let description = format!("write `{}`", left.now);
    if left.same {
        let fix = replace(span, api_version, left.now, description.clone());
        let fix = Fix { applicability: Applicability::Safe, ..fix };
        return Some(finding.help(description).fix(fix));
    }
    Some(finding.help(format!("{description}, whose fields are not all the same")))
}
