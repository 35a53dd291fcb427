//! Who is in the mesh, and how (M-1 to M-4).

use crate::cluster::{Namespace, PodGroup, Proxy};
use crate::space::Labels;

const INJECT: &str = "sidecar.istio.io/inject";
const REVISION: &str = "istio.io/rev";
const MODE: &str = "istio.io/dataplane-mode";
/// M-2: no webhook is asked for pods of these.
const NEVER: [&str; 4] = ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

/// How the pods of a group are in the mesh.
pub(super) fn proxy(group: &PodGroup, namespace: Option<&Namespace>) -> Proxy {
    let Some(namespace) = namespace else { return Proxy::None };
    if group.host_network {
        return Proxy::None;
    }
    if has_sidecar(group, namespace) {
        return Proxy::Sidecar;
    }
    let mode = |labels: &Labels| labels.get(MODE).map(|mode| mode == "ambient");
    // M-4.
    match mode(&group.labels).or_else(|| mode(&namespace.labels)) {
        Some(true) => Proxy::Ambient,
        _ => Proxy::None,
    }
}

fn has_sidecar(group: &PodGroup, namespace: &Namespace) -> bool {
    let notes = group.mesh.as_deref();
    if notes.is_some_and(|notes| notes.proxy) {
        return true;
    }
    // M-3: a pod with an address is as it was admitted.
    let admitted = group.members.iter().any(|member| !member.addresses.is_empty());
    if admitted || NEVER.contains(&&*namespace.name) {
        return false;
    }
    let labels = &group.labels;
    // M-2: the label wins.
    let inject = labels.get(INJECT).or_else(|| notes.and_then(|notes| notes.inject.as_deref()));
    if inject == Some("false") {
        return false;
    }
    match (namespace.labels.get("istio-injection"), namespace.labels.get(REVISION)) {
        (Some("disabled"), _) => false,
        (Some("enabled"), _) | (_, Some(_)) => true,
        (_, None) => labels.get(INJECT) == Some("true") || labels.get(REVISION).is_some(),
    }
}
