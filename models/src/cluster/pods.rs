//! From controllers and live pods to workloads and groups of pods.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::intended::Readable;
use super::owners::Owners;
use super::{ContainerPort, GroupId, Member, NamespaceId, Node, PodGroup, Workload, WorkloadId};
use crate::k8s::{self, PodShape, Replicas, Spanned};
use crate::policy::attribute;
use crate::source::Span;
use crate::space::Labels;

/// The label by which a pod of a StatefulSet carries its own name.
pub(super) const POD_NAME_LABEL: &str = "statefulset.kubernetes.io/pod-name";
/// The label by which it carries its number.
pub(super) const POD_INDEX_LABEL: &str = "apps.kubernetes.io/pod-index";

/// More pods than the StatefulSets of a cluster have together; those beyond are not told apart.
const MOST_NUMBERED: u32 = 100_000;

/// What is known beside pods and their controllers.
pub(super) struct Surroundings<'a> {
    /// Sorted by name.
    pub(super) nodes: &'a [Node],
    pub(super) namespaces: &'a HashMap<&'a str, NamespaceId>,
    /// A selector tells the pods of a StatefulSet apart by their numbers.
    pub(super) numbered: bool,
    /// Namespace and name of the controllers that something scales beyond one pod.
    pub(super) autoscaled: HashSet<(&'a str, &'a k8s::Owner)>,
    /// What workloads read.
    pub(super) data: Readable<'a>,
}

/// The labels that the controller of this kind adds to those of its template (S-88).
fn added(kind: &str) -> &'static [&'static str] {
    match kind {
        "Job" | "CronJob" => &[
            "job-name",
            "batch.kubernetes.io/job-name",
            "controller-uid",
            "batch.kubernetes.io/controller-uid",
        ],
        "Deployment" | "ReplicaSet" | "Rollout" => &["pod-template-hash"],
        "DaemonSet" => &["controller-revision-hash"],
        "StatefulSet" => &["controller-revision-hash", POD_NAME_LABEL, POD_INDEX_LABEL],
        // Knative's.
        "Service" => &[
            "pod-template-hash",
            "serving.knative.dev/service",
            "serving.knative.dev/configuration",
            "serving.knative.dev/configurationGeneration",
            "serving.knative.dev/configurationUID",
            "serving.knative.dev/revision",
            "serving.knative.dev/revisionUID",
            "serving.knative.dev/serviceUID",
        ],
        _ => &[],
    }
}

/// Where a group of pods belongs.
#[derive(Clone, Copy)]
struct Place {
    workload: WorkloadId,
    namespace: NamespaceId,
}

/// What belongs to one workload.
#[derive(Default)]
struct Parts<'a> {
    /// The controller itself.
    own: Option<&'a k8s::Workload>,
    /// Controllers that it made.
    made: Vec<&'a k8s::Workload>,
    /// Its pods, but for those that have finished.
    live: Vec<&'a k8s::Pod>,
    /// Pods of it have finished.
    finished: bool,
}

/// Workloads, and their pods as groups: live ones where they are listed, else what their templates say.
pub(super) fn resolve(
    workloads: &[k8s::Workload],
    pods: &[k8s::Pod],
    surroundings: &Surroundings<'_>,
) -> (Vec<Workload>, Vec<PodGroup>) {
    let owners = Owners::new(workloads);
    let mut all: BTreeMap<(&str, &str, &str), Parts<'_>> = BTreeMap::new();
    for workload in workloads {
        let top = owners.of_workload(workload);
        let parts = all.entry((&workload.meta.namespace, top.1, top.0)).or_default();
        if top == (workload.kind, &*workload.meta.name.value) && parts.own.is_none() {
            parts.own = Some(workload);
        } else {
            parts.made.push(workload);
        }
    }
    for pod in pods {
        let (kind, name) = owners.of_pod(pod);
        let parts = all.entry((&pod.meta.namespace, name, kind)).or_default();
        if pod.finished {
            parts.finished = true;
        } else {
            parts.live.push(pod);
        }
    }
    let mut made = (Vec::new(), Vec::new());
    let mut numbered = if surroundings.numbered { MOST_NUMBERED } else { 0 };
    for ((namespace, name, kind), parts) in all {
        let Some(&id) = surroundings.namespaces.get(namespace) else { continue };
        let place = Place { namespace: id, workload: WorkloadId(made.0.len() as u32) };
        let owner = k8s::Owner { kind: kind.into(), name: name.into() };
        let scaled = surroundings.autoscaled.contains(&(namespace, &owner));
        let Some(Resolved { groups, span, account }) =
            parts.resolve(place, kind, scaled, &mut numbered, surroundings.nodes)
        else {
            continue;
        };
        let (hook, labels) = (parts.hook(), parts.own.and_then(|own| own.labels.clone()));
        let mentions = surroundings.data.mentions(namespace, parts.needs());
        let first = made.1.len() as u32;
        made.0.push(Workload {
            namespace: id,
            kind: owner.kind,
            name: owner.name,
            span,
            service_account: account,
            hook,
            labels,
            mentions,
            groups: (first..first + groups.len() as u32).map(GroupId).collect(),
        });
        made.1.extend(groups);
    }
    made
}

/// A workload whose pods are known.
struct Resolved {
    groups: Vec<PodGroup>,
    /// Where its name is written.
    span: Span,
    account: Option<Box<str>>,
}

impl<'a> Parts<'a> {
    /// Whether a deployment tool makes it, and no more than for a moment.
    fn hook(&self) -> bool {
        match (self.own, self.made.first(), self.live.first()) {
            (Some(own), _, _) => own.meta.hook,
            (_, Some(made), _) => made.meta.hook,
            (_, _, Some(pod)) => pod.meta.hook,
            (None, None, None) => false,
        }
    }

    /// What its template says that it needs; that of its first pod where it has none.
    fn needs(&self) -> Option<&'a k8s::Needs> {
        let template = self.own.or(self.made.last().copied()).map(|workload| &workload.needs);
        template.or_else(|| self.live.first().map(|pod| &pod.needs))
    }

    /// Its groups of pods; `None` where the workload has come to its end (S-38).
    fn resolve(
        &self,
        place: Place,
        kind: &str,
        scaled: bool,
        numbered: &mut u32,
        nodes: &[Node],
    ) -> Option<Resolved> {
        let per_node = kind == "DaemonSet";
        let named = self.own.or(self.made.first().copied()).map(|workload| workload.meta.name.span);
        if let Some(first) = self.live.first() {
            let groups = live_groups(&self.live, place, per_node, nodes);
            let span = named.unwrap_or(first.meta.name.span);
            return Some(Resolved { groups, span, account: first.shape.value.service_account.clone() });
        }
        if self.own.is_some_and(|own| own.finished || self.finished && own.kind == "Job") {
            return None;
        }
        let running =
            |workload: &&&k8s::Workload| !workload.finished && workload.replicas != Replicas::Exactly(0);
        // Old ReplicaSets stay behind, scaled to nothing.
        let templates: Vec<&k8s::Workload> = match self.own {
            Some(own) => vec![own],
            None => match self.made.iter().filter(running).copied().collect::<Vec<_>>() {
                none if none.is_empty() => self.made.last().copied().into_iter().collect(),
                some => some,
            },
        };
        let first = templates.first()?;
        let groups = templates
            .iter()
            .flat_map(|template| match numbered_pods(template, *numbered) {
                Some(pods) => {
                    *numbered -= pods;
                    numbered_groups(template, pods, place)
                }
                None => vec![template_group(template, place, scaled)],
            })
            .collect();
        let span = named.unwrap_or(first.meta.name.span);
        Some(Resolved { groups, span, account: first.shape.value.service_account.clone() })
    }
}

fn template_group(template: &k8s::Workload, place: Place, scaled: bool) -> PodGroup {
    let (pods, several) = match template.replicas {
        Replicas::Exactly(count) => (count, count > 1 || scaled),
        Replicas::Unsaid | Replicas::PerNode => (1, true),
    };
    let labels = Labels::clone(&template.shape.value.labels).with_added(added(template.kind));
    PodGroup { pods, several, labels: Arc::new(labels), ..group(&template.shape, place) }
}

/// How many pods to tell apart by number: those of a StatefulSet, as long as there are no more than `left`.
fn numbered_pods(template: &k8s::Workload, left: u32) -> Option<u32> {
    let pods = match template.replicas {
        Replicas::Exactly(pods) => pods,
        Replicas::Unsaid | Replicas::PerNode => 1,
    };
    (template.kind == "StatefulSet" && (1..=left).contains(&pods)).then_some(pods)
}

/// The pods of a StatefulSet, each with the labels of its number.
fn numbered_groups(template: &k8s::Workload, pods: u32, place: Place) -> Vec<PodGroup> {
    let ordinals = template.first_ordinal..template.first_ordinal.saturating_add(pods);
    ordinals
        .map(|ordinal| {
            let mut labels = Labels::clone(&template.shape.value.labels).with_added(added(template.kind));
            labels.insert(POD_NAME_LABEL, format!("{}-{ordinal}", template.meta.name.value));
            labels.insert(POD_INDEX_LABEL, ordinal.to_string());
            PodGroup { labels: Arc::new(labels), pods: 1, ..group(&template.shape, place) }
        })
        .collect()
}

fn group(shape: &Spanned<Arc<PodShape>>, place: Place) -> PodGroup {
    PodGroup {
        workload: place.workload,
        namespace: place.namespace,
        labels: Arc::clone(&shape.value.labels),
        attributes: attributes(&shape.value),
        ports: Arc::clone(&shape.value.ports),
        host_network: shape.value.host_network,
        mesh: shape.value.mesh.clone(),
        members: Vec::new(),
        pods: 0,
        several: false,
        span: shape.span,
        undeclared: shape.value.undeclared,
        dns: shape.value.dns.clone(),
    }
}

/// What dialects see of a pod besides its labels. The labels of its account are not known here.
fn attributes(shape: &PodShape) -> Arc<Labels> {
    let account = shape.service_account.as_deref().unwrap_or("default");
    Arc::new(Labels::from_iter([(attribute::ACCOUNT, account)]).opened())
}

/// Groups pods by what a policy can see of them, in the order of each group's first pod.
#[expect(clippy::type_complexity, reason = "a key that is used in one place")]
fn live_groups(pods: &[&k8s::Pod], place: Place, per_node: bool, nodes: &[Node]) -> Vec<PodGroup> {
    let mut groups: Vec<PodGroup> = Vec::new();
    let mut known: HashMap<(&Labels, &[ContainerPort], bool, Option<&str>), usize> = HashMap::new();
    for pod in pods {
        let shape = &*pod.shape.value;
        let index = *known
            .entry((&shape.labels, &shape.ports, shape.host_network, shape.service_account.as_deref()))
            .or_insert(groups.len());
        if index == groups.len() {
            groups.push(group(&pod.shape, place));
        }
        if let Some(group) = groups.get_mut(index) {
            group.members.push(Member {
                name: pod.meta.name.value.clone(),
                addresses: addresses(pod, nodes),
                node: pod.node.clone(),
            });
        }
    }
    for group in &mut groups {
        group.members.shrink_to_fit();
        group.pods = group.members.len() as u32;
        group.several = group.pods > 1 || per_node;
    }
    groups
}

/// The addresses of a pod; those of its node where it uses the node's network.
fn addresses(pod: &k8s::Pod, nodes: &[Node]) -> Box<[IpAddr]> {
    if !pod.shape.value.host_network || !pod.addresses.is_empty() {
        return pod.addresses.clone();
    }
    let node = pod.node.as_deref().and_then(|name| {
        let index = nodes.binary_search_by(|node| (*node.name).cmp(name)).ok()?;
        nodes.get(index)
    });
    node.map(|node| node.addresses.clone()).unwrap_or_default()
}
