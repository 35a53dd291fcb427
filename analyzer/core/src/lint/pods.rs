//! Which pods the manifests show for a selector, and which pods they cannot show.
//!
//! Every distinct selector is answered once, through an inverted index of labels, so that a lint rule
//! costs as much as there are policies and not policies times pods.

use std::ops::Range;

use fixedbitset::FixedBitSet;
use npv_models::cluster::{Cluster, GroupId, NamespaceId, PodGroup, Workload};
use npv_models::decide::Profile;
use npv_models::k8s::syntax::placeholder;
use npv_models::policy::{NamespaceSelector, PodSelector, attribute};
use npv_models::space::{Labels, Operator, Requirement, Selector};
use rustc_hash::{FxHashMap, FxHashSet};

/// The label that the API server puts on every namespace (S-41).
pub(super) const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Namespaces that a cluster creates by itself, without a label `name`.
const SYSTEM: [&str; 5] = ["default", "kube-node-lease", "kube-public", "kube-system", "openshift-dns"];

/// A set of pod groups, as small as its density allows.
#[derive(Clone, Debug)]
pub(super) enum PodSet {
    /// Indices, ascending.
    Few(Box<[u32]>),
    /// A bit for each group of the cluster.
    Many(FixedBitSet),
}

impl PodSet {
    fn new(indices: Vec<u32>, universe: usize) -> Self {
        if indices.len() * 32 <= universe {
            return Self::Few(indices.into_boxed_slice());
        }
        let mut bits = FixedBitSet::with_capacity(universe);
        for index in indices {
            bits.insert(index as usize);
        }
        Self::Many(bits)
    }

    /// Whether the group is in the set.
    pub(super) fn contains(&self, group: GroupId) -> bool {
        match self {
            Self::Few(indices) => indices.binary_search(&group.0).is_ok(),
            Self::Many(bits) => bits.contains(group.0 as usize),
        }
    }

    /// Whether no group is in the set.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Few(indices) => indices.is_empty(),
            Self::Many(bits) => bits.is_clear(),
        }
    }

    /// Number of groups in the set.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Few(indices) => indices.len(),
            Self::Many(bits) => bits.count_ones(..),
        }
    }

    /// The groups, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = GroupId> + '_ {
        let (few, many) = match self {
            Self::Few(indices) => (Some(indices.iter().copied()), None),
            Self::Many(bits) => (None, Some(bits.ones().map(|index| index as u32))),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten()).map(GroupId)
    }
}

/// Which namespaces a selector speaks of, as far as the manifests tell.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// Those that match by what is known of them, ascending.
    pub(super) matched: Vec<NamespaceId>,
    /// Those that no manifest defines and that match if they carry labels that nobody has shown (S-42).
    pub(super) maybe: Vec<NamespaceId>,
    /// Namespaces that appear in no manifest at all may match too.
    pub(super) beyond: bool,
    /// The selector asks for a label that Namespace objects are there to carry, and none does.
    pub(super) nobody_carries: bool,
}

/// What a [`PodSelector`] selects.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts about what nobody can see")]
pub(super) struct Selected {
    /// The pods that policies see.
    pub(super) pods: PodSet,
    /// Groups whose labels match but which are on the host network and therefore not seen (S-37).
    pub(super) hidden: Vec<GroupId>,
    /// The namespaces.
    pub(super) scope: Scope,
    /// It may select pods that no manifest shows: they would be in a namespace of which nothing is known, or
    /// get their labels only when they are created, or when somebody fills in a placeholder.
    pub(super) open: bool,
    /// One of the matching namespaces, which is not just a policy's own, may hold more pods than the
    /// manifests show.
    pub(super) partial: bool,
    /// Something that the manifests do not show may have made pods in one of the matching namespaces.
    pub(super) unseen: bool,
    /// The manifests show no pod at all in one of the matching namespaces, so that nobody knows who is in it (S-42).
    pub(super) vacant: bool,
}

impl Selected {
    /// Whether the manifests cannot show everybody whom it selects.
    pub(super) fn may_hold_more(&self) -> bool {
        self.open || self.partial || self.unseen
    }
}

/// The pods of a cluster, by label and namespace.
#[derive(Debug)]
pub(super) struct Pods<'a> {
    cluster: &'a Cluster,
    profile: Profile,
    /// Groups with this label, ascending; so those of one namespace are a contiguous part.
    labels: FxHashMap<&'a str, FxHashMap<&'a str, Vec<u32>>>,
    /// The groups of each namespace.
    ranges: Vec<Range<u32>>,
    any_namespace_defined: bool,
    /// For each namespace whether something that the manifests do not show may have made pods there.
    unseen: Vec<bool>,
    /// Kinds of custom resources in the manifests, in lower case.
    custom: FxHashSet<String>,
}

impl<'a> Pods<'a> {
    /// Indexes the cluster; `kinds` is what the manifests hold, each as `apiVersion/Kind`.
    pub(super) fn new<'k>(
        cluster: &'a Cluster,
        profile: Profile,
        kinds: impl Iterator<Item = &'k str>,
    ) -> Self {
        let mut labels: FxHashMap<&str, FxHashMap<&str, Vec<u32>>> = FxHashMap::default();
        let mut ranges = vec![0..0; cluster.namespaces.len()];
        for (index, group) in (0_u32..).zip(&cluster.groups) {
            for (key, value) in group.labels.iter() {
                labels.entry(key).or_default().entry(value).or_default().push(index);
            }
            if let Some(range) = ranges.get_mut(group.namespace.0 as usize) {
                let start = if range.start == range.end { index } else { range.start };
                *range = start..index + 1;
            }
        }
        let any_namespace_defined = cluster.namespaces.iter().any(|namespace| namespace.defined.is_some());
        let custom = kinds.filter_map(custom_kind).collect();
        let unseen = cluster
            .namespaces
            .iter()
            .map(|namespace| cluster.unseen_pods(&namespace.name).is_some())
            .collect();
        Self { cluster, profile, labels, ranges, any_namespace_defined, unseen, custom }
    }

    /// The group with this id.
    pub(super) fn group(&self, id: GroupId) -> Option<&'a PodGroup> {
        self.cluster.groups.get(id.0 as usize)
    }

    /// The groups of a namespace, those on the host network included.
    pub(super) fn of_namespace(&self, id: NamespaceId) -> impl Iterator<Item = (GroupId, &'a PodGroup)> + '_ {
        let range = self.ranges.get(id.0 as usize).cloned().unwrap_or(0..0);
        range.filter_map(move |index| {
            let group = self.cluster.groups.get(index as usize)?;
            // A namespace's groups are contiguous; the check keeps a stray one from being counted twice.
            (group.namespace == id).then_some((GroupId(index), group))
        })
    }

    /// Whether the manifests define any pod in the namespace.
    pub(super) fn has_pods(&self, id: NamespaceId) -> bool {
        self.of_namespace(id).next().is_some()
    }

    /// Whether selectors see the group (S-37).
    pub(super) fn visible(&self, group: &PodGroup) -> bool {
        !group.host_network || self.profile.selectors_see_host_network
    }

    /// The namespace with this name, where any object is in it.
    pub(super) fn namespace(&self, name: &str) -> Option<NamespaceId> {
        let index = self.cluster.namespaces.binary_search_by(|namespace| (*namespace.name).cmp(name)).ok()?;
        Some(NamespaceId(index as u32))
    }

    /// The groups of a namespace with these labels, those on the host network included.
    pub(super) fn matching(&self, id: NamespaceId, selector: &Selector) -> Vec<GroupId> {
        let range = self.ranges.get(id.0 as usize).cloned().unwrap_or(0..0);
        let fits = |&index: &u32| {
            self.cluster
                .groups
                .get(index as usize)
                .is_some_and(|group| group.namespace == id && group.satisfies(selector))
        };
        match self.shortest_list(selector, &range) {
            Some(list) => list.into_iter().filter(fits).map(GroupId).collect(),
            None => range.filter(fits).map(GroupId).collect(),
        }
    }

    /// The candidates that the most selective `In` requirement leaves within the range; `None` where the
    /// selector has no such requirement.
    fn shortest_list(&self, selector: &Selector, range: &Range<u32>) -> Option<Vec<u32>> {
        let mut best: Option<Vec<&[u32]>> = None;
        let weight = |parts: &[&[u32]]| parts.iter().map(|part| part.len()).sum::<usize>();
        for requirement in selector.requirements() {
            // What pods are besides their labels is in no list.
            if requirement.operator == Operator::In && !attribute::is(&requirement.key) {
                let parts = self.postings(requirement, range);
                if best.as_ref().is_none_or(|known| weight(&parts) < weight(known)) {
                    best = Some(parts);
                }
            }
        }
        let mut candidates = best?.concat();
        candidates.sort_unstable();
        Some(candidates)
    }

    /// For each value of an `In` requirement the groups of the range with that label.
    fn postings<'s>(&'s self, requirement: &Requirement, range: &Range<u32>) -> Vec<&'s [u32]> {
        let mut parts = Vec::with_capacity(requirement.values.len());
        for value in &requirement.values {
            let Some(list) = self.labels.get(&*requirement.key).and_then(|values| values.get(&**value))
            else {
                continue;
            };
            let from = list.partition_point(|&index| index < range.start);
            let to = list.partition_point(|&index| index < range.end);
            parts.extend(list.get(from..to));
        }
        parts
    }

    /// Which namespaces the selector speaks of.
    pub(super) fn scope(&self, selector: &NamespaceSelector) -> Scope {
        let selector = match selector {
            NamespaceSelector::Named(name) => {
                let matched: Vec<_> = self.namespace(name).into_iter().collect();
                let beyond = matched.is_empty();
                return Scope { matched, beyond, ..Scope::default() };
            }
            NamespaceSelector::Labels(selector) => selector,
        };
        let mut scope = Scope::default();
        let mut carried = false;
        for (index, namespace) in (0_u32..).zip(&self.cluster.namespaces) {
            if selector.matches(&namespace.labels) {
                scope.matched.push(NamespaceId(index));
                carried |= namespace.defined.is_some();
            } else if namespace.defined.is_none() && may_match(selector, &namespace.name, &namespace.labels) {
                scope.maybe.push(NamespaceId(index));
            }
        }
        let names = selector
            .requirements()
            .iter()
            .find(|requirement| &*requirement.key == NAMESPACE_NAME && requirement.operator == Operator::In);
        match names {
            Some(names) => {
                scope.beyond = names.values.iter().any(|name| self.namespace(name).is_none());
            }
            None if !carried && asks_for_a_platform_label(selector) => scope.beyond = true,
            None if asks_for_a_label(selector) => {
                scope.beyond = !self.any_namespace_defined;
                scope.nobody_carries = self.any_namespace_defined && !carried;
            }
            None => scope.beyond = true,
        }
        scope
    }

    /// Whether the namespace may hold pods that no manifest shows: nobody defines it, or it is the system's
    /// own, in which the cluster runs DNS and more without asking anybody's repository.
    fn is_partial(&self, id: NamespaceId) -> bool {
        let Some(namespace) = self.cluster.namespaces.get(id.0 as usize) else { return true };
        let shows_dns = || {
            self.of_namespace(id).any(|(_, group)| {
                let mut names =
                    ["k8s-app", "app.kubernetes.io/name"].iter().filter_map(|key| group.labels.get(key));
                names.any(|name| name.contains("dns"))
            })
        };
        namespace.defined.is_none() || (&*namespace.name == "kube-system" && !shows_dns())
    }

    /// Whether a label names a kind of which the manifests hold a custom resource: its operator makes such
    /// pods, and no manifest shows them.
    fn made_by_an_operator(&self, selector: &Selector) -> bool {
        !self.custom.is_empty()
            && selector.mentioned().iter().any(|requirement| {
                requirement.operator == Operator::In
                    && requirement
                        .values
                        .iter()
                        .any(|value| self.custom.contains(&value.to_ascii_lowercase()))
            })
    }

    /// The CronJob whose name a requirement takes for that of a Job: no pod has it as its `job-name`.
    pub(super) fn cron_job_named(&self, scope: &Scope, requirement: &Requirement) -> Option<&'a Workload> {
        let of_jobs = matches!(&*requirement.key, "job-name" | "batch.kubernetes.io/job-name");
        if !of_jobs || requirement.operator != Operator::In {
            return None;
        }
        let named = |name: &str, kind: &str| {
            let mut workloads = self.cluster.workloads.iter();
            workloads.find(|one| {
                *one.name == *name && *one.kind == *kind && scope.matched.contains(&one.namespace)
            })
        };
        let mut found = requirement
            .values
            .iter()
            .map(|value| named(value, "CronJob").filter(|_| named(value, "Job").is_none()));
        let first = found.next()??;
        found.all(|one| one.is_some()).then_some(first)
    }

    /// Whether the selector may match pods by labels that they get only when they are created.
    fn later(&self, scope: &Scope, selector: &Selector) -> bool {
        if self.made_by_an_operator(selector) {
            return true;
        }
        // A Job that a CronJob makes has a name of its own, and never the CronJob's.
        if selector.requirements().iter().any(|one| self.cron_job_named(scope, one).is_some()) {
            return false;
        }
        let late = |requirement: &&Requirement| set_at_run_time(&requirement.key);
        if !selector.mentioned().iter().any(late) {
            return false;
        }
        if selector.mentioned().iter().any(|requirement| from_an_operator(&requirement.key)) {
            return true;
        }
        let known = Selector::new(selector.requirements().iter().filter(|one| !late(one)).cloned());
        scope.matched.iter().any(|&namespace| {
            self.matching(namespace, &known)
                .into_iter()
                .any(|id| self.group(id).is_some_and(|group| group.members.is_empty() && self.visible(group)))
        })
    }

    /// Whether nobody has filled in what the selector asks for, or what a pod of the scope has for it.
    fn unfilled(&self, scope: &Scope, selector: &Selector) -> bool {
        if self.cluster.placeholders.is_empty() {
            return false;
        }
        let mentioned = selector.mentioned();
        let labels = |group: &PodGroup| {
            let value = |one: &&Requirement| group.labels.get(&one.key).is_some_and(is_unfilled);
            mentioned.iter().any(value)
        };
        asks_for_a_placeholder(selector)
            || scope.matched.iter().any(|&id| self.of_namespace(id).any(|(_, group)| labels(group)))
    }

    /// What the selector selects; whether it sees pods on the host network depends on the tier (S-37, S-63).
    pub(super) fn select(&self, selector: &PodSelector, sees_hosts: bool) -> Selected {
        let scope = self.scope(&selector.namespaces);
        let mut pods = Vec::new();
        let mut hidden = Vec::new();
        for &namespace in &scope.matched {
            for id in self.matching(namespace, &selector.pods) {
                match self.group(id) {
                    Some(group) if sees_hosts || !group.host_network => pods.push(id.0),
                    _ => hidden.push(id),
                }
            }
        }
        pods.sort_unstable();
        let maybe = scope.maybe.iter().any(|&namespace| !self.matching(namespace, &selector.pods).is_empty());
        let created = || self.later(&scope, &selector.pods) || self.unfilled(&scope, &selector.pods);
        let open = scope.beyond || maybe || (pods.is_empty() && created());
        let partial = match selector.namespaces {
            NamespaceSelector::Named(_) => false,
            NamespaceSelector::Labels(_) => scope.matched.iter().any(|&namespace| self.is_partial(namespace)),
        };
        let unseen =
            scope.matched.iter().any(|id| self.unseen.get(id.0 as usize).copied().unwrap_or_default());
        let vacant = scope.matched.iter().any(|&namespace| !self.has_pods(namespace));
        let pods = PodSet::new(pods, self.cluster.groups.len());
        Selected { pods, hidden, scope, open, partial, unseen, vacant }
    }
}

/// Whether a selector asks for something that nobody has filled in, so that nobody knows whom it selects.
pub(super) fn asks_for_a_placeholder(selector: &Selector) -> bool {
    let asks =
        |one: &&Requirement| is_unfilled(&one.key) || one.values.iter().any(|value| is_unfilled(value));
    selector.mentioned().iter().any(asks)
}

/// Whether a label is one only when somebody has filled it in.
pub(super) fn is_unfilled(text: &str) -> bool {
    placeholder(text).is_some()
}

/// The kind, in lower case, of `apiVersion/Kind` where its group is not one of Kubernetes' own.
fn custom_kind(kind: &str) -> Option<String> {
    let (api_version, kind) = kind.rsplit_once('/')?;
    let (group, _) = api_version.split_once('/')?;
    (group.contains('.') && !group.ends_with(".k8s.io")).then(|| kind.to_ascii_lowercase())
}

/// Whether pods get this label only when a controller creates them, so that no template shows it.
fn set_at_run_time(key: &str) -> bool {
    matches!(
        key,
        "apps.kubernetes.io/pod-index"
            | "controller-revision-hash"
            | "controller-uid"
            | "job-name"
            | "pod-template-generation"
            | "pod-template-hash"
            | "rollouts-pod-template-hash"
            | "statefulset.kubernetes.io/pod-name"
    ) || key.starts_with("batch.kubernetes.io/")
        || from_an_operator(key)
}

/// Whether the label marks pods that an operator creates, so that no manifest shows them.
fn from_an_operator(key: &str) -> bool {
    const DOMAINS: [&str; 8] = [
        "acme.cert-manager.io",
        "cnpg.io",
        "elasticsearch.k8s.elastic.co",
        "kubevirt.io",
        "postgres-operator.crunchydata.com",
        "serving.knative.dev",
        "strimzi.io",
        "tekton.dev",
    ];
    key.split_once('/').is_some_and(|(domain, _)| DOMAINS.contains(&domain))
}

/// Whether the selector asks for a label that a platform puts on the namespaces which it makes and manages, so that
/// no Namespace object of a repository shows it.
fn asks_for_a_platform_label(selector: &Selector) -> bool {
    const DOMAINS: [&str; 4] = ["openshift.io", "cattle.io", "capsule.clastix.io", "gardener.cloud"];
    selector.requirements().iter().any(|requirement| {
        let domain = requirement.key.split_once('/').map_or("", |(domain, _)| domain);
        matches!(requirement.operator, Operator::In | Operator::Exists)
            && DOMAINS.iter().any(|known| {
                domain.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            })
    })
}

/// Whether the selector asks for a label to be there.
fn asks_for_a_label(selector: &Selector) -> bool {
    selector.requirements().iter().any(|requirement| !requirement.operator.is_negative())
}

/// Whether a namespace that no manifest defines matches if it has labels that nobody has shown (S-42).
///
/// Its name is known. So is it that the system's own namespaces have no label `name` unless somebody
/// adds one, which is what a popular recipe for DNS gets wrong.
pub(super) fn may_match(selector: &Selector, name: &str, labels: &Labels) -> bool {
    selector.requirements().iter().all(|requirement| {
        let known =
            &*requirement.key == NAMESPACE_NAME || (&*requirement.key == "name" && SYSTEM.contains(&name));
        !known || requirement.accepts(labels.get(&requirement.key))
    })
}
