//! What Cilium's selectors ask of pods: of the labels by which it tells identities apart (K-7 to K-10).

use crate::k8s::{CiliumRequirement, CiliumSelector, LabelSource};
use crate::policy::{NamespaceSelector, PodSelector, attribute};
use crate::space::{Operator, Requirement, Selector};

/// The key under which a pod has the name of its namespace (K-8).
pub(super) const NAMESPACE: &str = "io.kubernetes.pod.namespace";
/// The beginning of the keys under which a pod has the labels of its namespace.
pub(super) const NAMESPACE_LABELS: &str = "io.cilium.k8s.namespace.labels.";
const ACCOUNT: &str = "io.cilium.k8s.policy.serviceaccount";
/// The key under which a pod has the name of its cluster.
pub(super) const CLUSTER: &str = "io.cilium.k8s.policy.cluster";
/// The name that a cluster has unless somebody gives it another one (K-63).
pub(super) const CLUSTER_NAME: &str = "default";
/// Labels of pods that begin so are Cilium's own: what a manifest says of them does not count.
const OWN: &str = "io.cilium.k8s";
/// The label that every namespace has (S-41).
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// How keys of labels begin that are no part of an identity (K-10).
const DROPPED: &[&str] = &[
    "io.kubernetes",
    "kubernetes.io",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/controller-uid",
    "k8s.io",
    "pod-template-generation",
    "pod-template-hash",
    "controller-revision-hash",
    "controller-uid",
    "annotation",
    "etcd_node",
    "topology.kubernetes.io",
];

/// How keys begin that are part of it all the same.
const KEPT: &[&str] = &[NAMESPACE, "io.cilium.k8s.namespace.labels", "app.kubernetes.io", CLUSTER, ACCOUNT];

/// What no key of an identity's labels has in it.
const BETA: &str = "beta.kubernetes.io";

/// Whether a label with this key is part of an identity, so that selectors see it (K-10). Of a beginning that keeps
/// it and one that drops it the longer counts.
pub(super) fn is_seen(key: &str) -> bool {
    let lengths = |starts: &[&str]| -> Vec<usize> {
        let found = starts.iter().filter(|start| key.starts_with(**start));
        found.map(|start| start.len()).collect()
    };
    let beta = key.rfind(BETA).map(|at| at + BETA.len());
    let annotation = key.starts_with("annotation").then_some(key.len());
    let dropped =
        lengths(DROPPED).into_iter().filter(|_| annotation.is_none()).chain(beta).chain(annotation).min();
    dropped.is_none_or(|dropped| lengths(KEPT).into_iter().max().is_some_and(|kept| kept > dropped))
}

/// What a requirement comes to for pods.
enum Asks {
    /// It holds for every pod.
    Nothing,
    /// It holds for none.
    TheImpossible,
    /// It asks for labels of the namespace.
    OfNamespace(Requirement),
    /// It asks for labels of the pod, or for its account.
    OfPod(Requirement),
}

impl From<bool> for Asks {
    fn from(holds: bool) -> Self {
        if holds { Self::Nothing } else { Self::TheImpossible }
    }
}

fn asks(CiliumRequirement { source, requirement }: &CiliumRequirement) -> Asks {
    let absent = || Asks::from(requirement.accepts(None));
    let named = |key: &str| Requirement { key: key.into(), ..requirement.clone() };
    // It is there, with whatever value.
    let there = |asks: fn(Requirement) -> Asks, key| match requirement.operator {
        Operator::Exists => Asks::Nothing,
        Operator::DoesNotExist => Asks::TheImpossible,
        _ => asks(named(key)),
    };
    if !matches!(source, LabelSource::Any | LabelSource::Kubernetes) || !is_seen(&requirement.key) {
        return absent();
    }
    match &*requirement.key {
        NAMESPACE => there(Asks::OfNamespace, NAME_LABEL),
        ACCOUNT => there(Asks::OfPod, attribute::ACCOUNT),
        CLUSTER => requirement.accepts(Some(CLUSTER_NAME)).into(),
        key => match key.strip_prefix(NAMESPACE_LABELS) {
            Some(NAME_LABEL) => there(Asks::OfNamespace, NAME_LABEL),
            Some(label) => Asks::OfNamespace(named(label)),
            None if key.starts_with(OWN) => absent(),
            None => Asks::OfPod(requirement.clone()),
        },
    }
}

/// The pods that satisfy all requirements, whatever namespace they are in; `None` where no pod can.
pub(super) fn pods<'r>(requirements: impl IntoIterator<Item = &'r CiliumRequirement>) -> Option<PodSelector> {
    let (mut of_namespace, mut of_pod) = (Vec::new(), Vec::new());
    for requirement in requirements {
        match asks(requirement) {
            Asks::Nothing => {}
            Asks::TheImpossible => return None,
            Asks::OfNamespace(requirement) => of_namespace.push(requirement),
            Asks::OfPod(requirement) => of_pod.push(requirement),
        }
    }
    let namespaces = Selector::new(of_namespace);
    let namespaces = match namespaces.requirements() {
        [only] if &*only.key == NAME_LABEL && only.operator == Operator::In && only.values.len() == 1 => {
            NamespaceSelector::Named(only.values.concat().into())
        }
        _ => NamespaceSelector::Labels(namespaces),
    };
    Some(PodSelector { namespaces, pods: Selector::new(of_pod) })
}

/// Every pod that Cilium knows.
pub(super) fn every_pod() -> PodSelector {
    PodSelector { namespaces: NamespaceSelector::Labels(Selector::EVERYTHING), pods: Selector::EVERYTHING }
}

/// No pod.
pub(super) fn no_pod() -> PodSelector {
    PodSelector { pods: Selector::nothing(), ..every_pod() }
}

/// The namespaces that both select.
pub(super) fn both(one: &NamespaceSelector, other: &NamespaceSelector) -> NamespaceSelector {
    let requirements = |namespaces: &NamespaceSelector| match namespaces {
        NamespaceSelector::Named(name) => vec![Requirement::new(NAME_LABEL, Operator::In, [name.clone()])],
        NamespaceSelector::Labels(selector) => selector.requirements().to_vec(),
    };
    match (one, other) {
        (one, NamespaceSelector::Labels(all)) if all.is_everything() => one.clone(),
        (NamespaceSelector::Labels(all), other) if all.is_everything() => other.clone(),
        _ if one == other => one.clone(),
        _ => {
            NamespaceSelector::Labels(Selector::new(requirements(one).into_iter().chain(requirements(other))))
        }
    }
}

/// The pods that both select.
pub(super) fn common(one: &PodSelector, other: &PodSelector) -> PodSelector {
    let requirements = one.pods.requirements().iter().chain(other.pods.requirements()).cloned();
    PodSelector { namespaces: both(&one.namespaces, &other.namespaces), pods: Selector::new(requirements) }
}

/// Whether something that is no pod and has nothing but these labels of `reserved:` satisfies a selector.
pub(super) fn is_reserved_as(selector: &CiliumSelector, labels: &[&str]) -> bool {
    selector.requirements().iter().all(|CiliumRequirement { source, requirement }| {
        let sees = matches!(source, LabelSource::Any | LabelSource::Reserved);
        requirement.accepts((sees && labels.contains(&&*requirement.key)).then_some(""))
    })
}

/// A requirement of a label with this source.
pub(super) fn requirement(
    source: LabelSource,
    key: &str,
    operator: Operator,
    values: &[&str],
) -> CiliumRequirement {
    CiliumRequirement { source, requirement: Requirement::new(key, operator, values.iter().copied()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(key: &str, operator: Operator, values: &[&str]) -> CiliumRequirement {
        let (source, key) = match key.split_once(':') {
            Some(("k8s", key)) => (LabelSource::Kubernetes, key),
            Some(("reserved", key)) => (LabelSource::Reserved, key),
            Some((other, key)) => (LabelSource::Other(other.into()), key),
            None => (LabelSource::Any, key),
        };
        requirement(source, key, operator, values)
    }

    fn text(requirements: &[CiliumRequirement]) -> String {
        match pods(requirements) {
            None => "nobody".into(),
            Some(PodSelector { namespaces: NamespaceSelector::Named(name), pods }) => {
                format!("{name} {pods}")
            }
            Some(PodSelector { namespaces: NamespaceSelector::Labels(labels), pods }) => {
                format!("[{labels}] {pods}")
            }
        }
    }

    #[test]
    fn identity_labels() {
        for seen in [
            "app",
            "app.kubernetes.io/name",
            "io.kubernetes.pod.namespace",
            "io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name",
            "io.cilium.k8s.policy.cluster",
            "example.org/zone",
            "batch.kubernetes.io/job-name",
            "x.kubernetes.io/y",
        ] {
            assert!(is_seen(seen), "{seen}");
        }
        for dropped in [
            "kubernetes.io/os",
            "io.kubernetes.pod.name",
            "k8s.io/x",
            "pod-template-hash",
            "controller-revision-hash",
            "topology.kubernetes.io/zone",
            "statefulset.kubernetes.io/pod-name",
            "batch.kubernetes.io/controller-uid",
            "node.beta.kubernetes.io/x",
            "beta.kubernetes.io/arch",
            "annotation.io/x",
            "app.kubernetes.io/beta.kubernetes.io",
        ] {
            assert!(!is_seen(dropped), "{dropped}");
        }
    }

    #[test]
    fn requirements_are_about_pods_namespaces_or_nothing() {
        use Operator::{DoesNotExist, Exists, In, NotIn};
        for (requirements, wanted) in [
            (vec![of("app", In, &["a"])], "[{}] app=a"),
            (vec![of("k8s:app", In, &["a"]), of(NAMESPACE, In, &["x"])], "x app=a"),
            (vec![of(NAMESPACE, In, &["x", "y"])], "[kubernetes.io/metadata.name in (x, y)] {}"),
            (vec![of(NAMESPACE, Exists, &[])], "[{}] {}"),
            (vec![of(NAMESPACE, DoesNotExist, &[])], "nobody"),
            (vec![of(NAMESPACE, NotIn, &["x"])], "[kubernetes.io/metadata.name!=x] {}"),
            (vec![of("io.cilium.k8s.namespace.labels.env", Exists, &[])], "[env] {}"),
            (vec![of("io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name", In, &["x"])], "x {}"),
            (vec![of(ACCOUNT, In, &["s"])], "[{}] serviceaccount=s"),
            (vec![of(CLUSTER, In, &["default"])], "[{}] {}"),
            (vec![of(CLUSTER, In, &["other"])], "nobody"),
            (vec![of("pod-template-hash", In, &["1"])], "nobody"),
            (vec![of("pod-template-hash", NotIn, &["1"])], "[{}] {}"),
            (vec![of("container:app", Exists, &[])], "nobody"),
            (vec![of("reserved:host", DoesNotExist, &[])], "[{}] {}"),
            (vec![of("io.cilium.k8s.other", Exists, &[])], "nobody"),
        ] {
            assert_eq!(text(&requirements), wanted, "{requirements:?}");
        }
    }

    #[test]
    fn what_is_no_pod_has_labels_of_its_own() {
        let selector = |requirement: CiliumRequirement| CiliumSelector::new([requirement]);
        let host = selector(of("reserved:host", Operator::Exists, &[]));
        assert!(is_reserved_as(&host, &["host"]) && !is_reserved_as(&host, &["world"]));
        let not_host = selector(of("reserved:host", Operator::DoesNotExist, &[]));
        assert!(is_reserved_as(&not_host, &["world"]) && !is_reserved_as(&not_host, &["host"]));
        assert!(is_reserved_as(&selector(of("health", Operator::In, &[""])), &["health"]));
        assert!(!is_reserved_as(&selector(of("k8s:health", Operator::Exists, &[])), &["health"]));
    }
}
