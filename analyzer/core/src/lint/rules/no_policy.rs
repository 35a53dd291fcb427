//! `no-policy`, `no-ingress-isolation`, `no-egress-isolation`.

use npv_models::cluster::{GroupId, PodGroup, Workload, WorkloadId};
use npv_models::diagnostic::{Applicability, Finding, Fix};
use npv_models::k8s::is_of_a_mesh;
use npv_models::policy::Direction;
use rustc_hash::FxHashSet;

use crate::lint::pods::{asks_for_a_placeholder, is_unfilled};
use crate::lint::rule::lint_rule;
use crate::lint::spelling::Spelling;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context};

lint_rule! {
    /// A pod that no policy of any tier selects.
    ///
    /// ## What it finds
    ///
    /// A workload whose pods, or some of whose pods, are the subject of no policy at all; `npv check` says it once for
    /// each namespace.
    ///
    /// ## Why it matters
    ///
    /// A pod without a policy is open to every pod of the cluster, and to every address that can be
    /// routed to it; and it may connect to whatever it likes. One forgotten pod is the way around the
    /// policies of all others.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web, namespace: shop, labels: {app: web}}
    /// spec: {containers: [{name: web}]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Deny by default in the namespace, then admit what each workload needs.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: default-deny, namespace: shop}
    /// spec:
    ///   podSelector: {}
    ///   policyTypes: [Ingress, Egress]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On pods on the host network, which no policy can select, and on hooks of Helm and Argo CD, which live for a
    /// moment. On a pod that is selected for one direction only: the pedantic `no-ingress-isolation` and `no-egress-isolation` speak of that.
    /// Where a policy of a kind that npv does not model, such as a SecurityGroup of Kube-OVN, may select the pod: in its
    /// namespace, or for the whole cluster. Where nobody has filled in what a policy asks for, or what the pod has for
    /// it. Where the network plugin enforces no policies: `policies-not-enforced` speaks
    /// of that.
    pub(in crate::lint) static NO_POLICY = {
        name: "no-policy",
        category: Exposure,
        severity: Warning,
        check: Check::Snapshot(no_policy),
    };
}

lint_rule! {
    /// A pod that some policy selects, but none for ingress.
    ///
    /// ## What it finds
    ///
    /// A workload whose pods are the subject of policies that all speak of egress only.
    ///
    /// ## Why it matters
    ///
    /// Isolation is per direction: such a pod may be reached by every pod of the cluster on every port.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web, namespace: shop, labels: {app: web}}
    /// spec: {containers: [{name: web}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: deny, namespace: shop}
    /// spec: {podSelector: {}, policyTypes: [Egress]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Add `Ingress` to the types of a policy that selects the pod, and admit what the pod serves.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: deny, namespace: shop}
    /// spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On pods on the host network, and on pods that no policy selects at all: `no-policy` speaks of those.
    pub(in crate::lint) static NO_INGRESS_ISOLATION = {
        name: "no-ingress-isolation",
        category: Exposure,
        severity: Note,
        pedantic: true,
        check: Check::Snapshot(|context, findings| one_direction(context, Direction::Ingress, findings)),
    };
}

lint_rule! {
    /// A pod that some policy selects, but none for egress.
    ///
    /// ## What it finds
    ///
    /// A workload whose pods are the subject of policies that all speak of ingress only.
    ///
    /// ## Why it matters
    ///
    /// Isolation is per direction: such a pod may connect to every pod and every address. Whoever takes
    /// it over can carry data out and look for the next target.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web, namespace: shop, labels: {app: web}}
    /// spec: {containers: [{name: web}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: deny, namespace: shop}
    /// spec: {podSelector: {}, policyTypes: [Ingress]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Add `Egress` to the types of a policy that selects the pod, and admit DNS and what the pod needs.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: deny, namespace: shop}
    /// spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On pods on the host network, and on pods that no policy selects at all: `no-policy` speaks of those.
    pub(in crate::lint) static NO_EGRESS_ISOLATION = {
        name: "no-egress-isolation",
        category: Exposure,
        severity: Note,
        pedantic: true,
        check: Check::Snapshot(|context, findings| one_direction(context, Direction::Egress, findings)),
    };
}

/// The groups of each workload that selectors see and for which the question has the answer yes.
fn groups_where<'a>(
    context: &'a Context<'_>,
    open: impl Fn(GroupId) -> bool + 'a,
) -> impl Iterator<Item = (WorkloadId, &'a Workload, Vec<&'a PodGroup>)> + 'a {
    (0_u32..).zip(&context.cluster().workloads).filter_map(move |(index, workload)| {
        let groups: Vec<_> = workload
            .groups
            .iter()
            .filter_map(|&id| context.pods.group(id).map(|group| (id, group)))
            .filter(|(id, group)| context.pods.visible(group) && open(*id))
            .map(|(_, group)| group)
            .collect();
        (!groups.is_empty()).then_some((WorkloadId(index), workload, groups))
    })
}

/// `all pods of shop/web[Deployment]`, or those with the labels that tell the open ones apart.
fn who(context: &Context<'_>, id: WorkloadId, workload: &Workload, groups: &[&PodGroup]) -> String {
    let name = context.cluster().endpoint_name(id);
    let visible = workload
        .groups
        .iter()
        .filter_map(|&id| context.pods.group(id))
        .filter(|group| context.pods.visible(group))
        .count();
    if groups.len() == visible {
        return format!("`{name}`");
    }
    let labels = words::some(groups.iter().map(|group| &group.labels), 2);
    format!("`{name}` (its pods with {labels})")
}

fn no_policy(context: &Context<'_>, findings: &mut Vec<Finding>) {
    // That no policy is enforced is another finding.
    if !context.snapshot.cni.traits.enforces() {
        return;
    }
    let unselected = |id| context.selecting(id).next().is_none();
    let unread = Unread::of(context);
    for (id, workload, groups) in groups_where(context, unselected).filter(|(_, workload, _)| !workload.hook)
    {
        let namespace = context.cluster().namespace_name(workload.namespace);
        if unread.may_select(namespace, &groups) {
            continue;
        }
        let who = who(context, id, workload, &groups);
        let finding = NO_POLICY
            .finding(
                workload.span,
                format!("no policy selects {who}: it is open to everybody in both directions"),
            )
            .object(context.cluster().workload_object(id))
            .label("selected by no policy");
        // Names, metrics and webhooks come from there for the whole cluster.
        if is_of_the_cluster(namespace) {
            findings.push(finding.help(format!(
                "who is in `{namespace}` serves the whole cluster: admit those clients before anything is denied there"
            )));
            continue;
        }
        let name = context.free_name(namespace, "default-deny");
        findings.push(finding.fix(Fix {
            description: format!("deny by default in namespace `{namespace}`, then admit what is needed"),
            applicability: Applicability::DisplayOnly,
            edits: Vec::new(),
            example: Some(format!(
                "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: {name}\n  namespace: \
                 {namespace}\nspec:\n  podSelector: {{}}\n  policyTypes: [Ingress, Egress]\n"
            )),
        }));
    }
}

/// Whether a namespace is one of the cluster's own, whose pods serve everybody.
pub(super) fn is_of_the_cluster(namespace: &str) -> bool {
    namespace.starts_with("kube-") || namespace.starts_with("openshift-")
}

/// Where policies apply of which npv cannot say whom they select.
struct Unread<'a> {
    namespaces: FxHashSet<&'a str>,
    everywhere: bool,
    /// Where policies apply that ask for something, where a placeholder is among the labels of any pod.
    asking: FxHashSet<&'a str>,
}

impl<'a> Unread<'a> {
    fn of(context: &Context<'a>) -> Self {
        let mut unread =
            Self { namespaces: FxHashSet::default(), everywhere: false, asking: FxHashSet::default() };
        let of_policies =
            context.snapshot.findings.iter().filter(|finding| finding.rule == "unsupported-policy");
        for object in of_policies.filter_map(|finding| finding.object.as_deref()) {
            let mut parts = object.split('/');
            // A mesh has a layer of its own: its policies close nothing on that of the network plugin.
            if parts.next().is_some_and(is_of_a_mesh) {
                continue;
            }
            match (parts.next(), parts.next()) {
                (Some(namespace), Some(_)) => {
                    unread.namespaces.insert(namespace);
                }
                _ => unread.everywhere = true,
            }
        }
        if context.cluster().placeholders.is_empty() {
            return unread;
        }
        for placed in context.policies() {
            let Some(selected) = context.selected(placed.tier, &placed.policy.subject) else { continue };
            let within = selected.scope.matched.iter().map(|&id| context.cluster().namespace_name(id));
            if asks_for_a_placeholder(&placed.policy.subject.pods) {
                unread.namespaces.extend(within);
            } else {
                unread.asking.extend(within);
            }
        }
        unread
    }

    fn may_select(&self, namespace: &str, groups: &[&PodGroup]) -> bool {
        let unfilled = |group: &&PodGroup| group.labels.iter().any(|(_, value)| is_unfilled(value));
        self.everywhere
            || self.namespaces.contains(namespace)
            || (self.asking.contains(namespace) && groups.iter().any(unfilled))
    }
}

fn one_direction(context: &Context<'_>, direction: Direction, findings: &mut Vec<Finding>) {
    let open = |id| {
        let mut any = false;
        let speaks = context.selecting(id).any(|placed| {
            any = true;
            // Where everybody takes part in a tier, an empty rule list changes nothing (S-66).
            placed
                .policy
                .rules(direction)
                .is_some_and(|rules| placed.isolates(direction) || !rules.is_empty())
        });
        any && !speaks
    };
    let (rule, does) = match direction {
        Direction::Ingress => (&NO_INGRESS_ISOLATION, "everybody may connect to it"),
        Direction::Egress => (&NO_EGRESS_ISOLATION, "it may connect to everybody"),
    };
    for (id, workload, groups) in groups_where(context, open) {
        let who = who(context, id, workload, &groups);
        let selecting = workload.groups.iter().flat_map(|&group| context.selecting(group)).next();
        let types = selecting.map_or("policyTypes", |placed| Spelling::of(&placed.policy.object).types);
        let mut finding = rule
            .finding(workload.span, format!("no policy isolates {who} for {direction}: {does}"))
            .object(context.cluster().workload_object(id))
            .label(format!("no policy speaks of its {direction}"))
            .help(format!(
                "add `{}` to the `{types}` of a policy that selects it",
                words::policy_type(direction)
            ));
        if let Some(placed) = selecting {
            finding = finding.related(placed.policy.name_span, "selects it for the other direction only");
        }
        findings.push(finding);
    }
}
