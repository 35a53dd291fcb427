//! `conflicting-policies` and `duplicate-priority`.

use npv_models::diagnostic::{Finding, Severity, Witness};
use npv_models::policy::{Action, Mode, Policy, Tier};
use npv_models::source::Span;
use rayon::prelude::*;

use crate::lint::first_match::{Disagreement, Program};
use crate::lint::rule::lint_rule;
use crate::lint::words;
use crate::lint::{Check, Context, text};

lint_rule! {
    /// Two policies of one tier and priority decide a flow differently.
    ///
    /// ## What it finds
    ///
    /// Two policies of one tier with the same priority, and a flow that exists in the manifests on which their first matching rules take different actions, while no policy of a lower
    /// priority decides it before them. The finding names the flow and the two rules.
    ///
    /// ## Why it matters
    ///
    /// The API leaves it open which of the two decides. The network plugin takes either, and need not take
    /// the same one tomorrow: a denial that holds in the test cluster may not hold in production. npv has to
    /// assume an order, by kind and name, so that what it says of such flows holds only as long as the
    /// plugin does the same. Of Calico's policies with the same `order`, the one whose name comes first decides: that is
    /// certain, and it changes with a name.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: db, namespace: shop, labels: {app: db}}
    /// ---
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: dump, namespace: backup, labels: {app: dump}}
    /// ---
    /// apiVersion: policy.networking.k8s.io/v1alpha2
    /// kind: ClusterNetworkPolicy
    /// metadata: {name: backups}
    /// spec:
    ///   tier: Admin
    ///   priority: 50
    ///   subject: {namespaces: {}}
    ///   ingress:
    ///     - action: Accept
    ///       from: [{pods: {podSelector: {matchLabels: {app: dump}}}}]
    /// ---
    /// apiVersion: policy.networking.k8s.io/v1alpha2
    /// kind: ClusterNetworkPolicy
    /// metadata: {name: databases}
    /// spec:
    ///   tier: Admin
    ///   priority: 50
    ///   subject: {pods: {podSelector: {matchLabels: {app: db}}}}
    ///   ingress:
    ///     - action: Deny
    ///       from: [{namespaces: {}}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Give the two different priorities: the lower number decides first.
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: db, namespace: shop, labels: {app: db}}
    /// ---
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: dump, namespace: backup, labels: {app: dump}}
    /// ---
    /// apiVersion: policy.networking.k8s.io/v1alpha2
    /// kind: ClusterNetworkPolicy
    /// metadata: {name: backups}
    /// spec:
    ///   tier: Admin
    ///   priority: 49
    ///   subject: {namespaces: {}}
    ///   ingress:
    ///     - action: Accept
    ///       from: [{pods: {podSelector: {matchLabels: {app: dump}}}}]
    /// ---
    /// apiVersion: policy.networking.k8s.io/v1alpha2
    /// kind: ClusterNetworkPolicy
    /// metadata: {name: databases}
    /// spec:
    ///   tier: Admin
    ///   priority: 50
    ///   subject: {pods: {podSelector: {matchLabels: {app: db}}}}
    ///   ingress:
    ///     - action: Deny
    ///       from: [{namespaces: {}}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// For policies of different tiers, whose order is defined. Where the two agree on every flow that they
    /// have in common, as far as the manifests show pods, nodes and addresses. What domain names resolve to
    /// is not known, so that a rule for domains is never the one that disagrees.
    pub(in crate::lint) static CONFLICTING_POLICIES = {
        name: "conflicting-policies",
        category: Conflict,
        severity: Warning,
        check: Check::Snapshot(conflicts),
    };
}

lint_rule! {
    /// Two policies of one tier with pods in common have the same priority.
    ///
    /// ## What it finds
    ///
    /// A cluster-wide policy with the priority of another one of its tier, where some pod is subject to
    /// both and the two agree on every flow.
    ///
    /// ## Why it matters
    ///
    /// Nothing is wrong yet. But with the first rule that disagrees, which of the two decides is
    /// undefined, and whoever adds that rule edits one of the two files and does not see the other.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: db, namespace: shop, labels: {app: db}}
    /// ---
    /// apiVersion: policy.networking.k8s.io/v1alpha2
    /// kind: ClusterNetworkPolicy
    /// metadata: {name: metrics}
    /// spec:
    ///   tier: Admin
    ///   priority: 50
    ///   subject: {namespaces: {}}
    ///   ingress:
    ///     - action: Accept
    ///       from: [{namespaces: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]
    /// ---
    /// apiVersion: policy.networking.k8s.io/v1alpha2
    /// kind: ClusterNetworkPolicy
    /// metadata: {name: egress}
    /// spec:
    ///   tier: Admin
    ///   priority: 50
    ///   subject: {namespaces: {}}
    ///   egress:
    ///     - action: Deny
    ///       to: [{networks: [169.254.169.254/32]}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Give every policy of a tier a priority of its own.
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: db, namespace: shop, labels: {app: db}}
    /// ---
    /// apiVersion: policy.networking.k8s.io/v1alpha2
    /// kind: ClusterNetworkPolicy
    /// metadata: {name: metrics}
    /// spec:
    ///   tier: Admin
    ///   priority: 50
    ///   subject: {namespaces: {}}
    ///   ingress:
    ///     - action: Accept
    ///       from: [{namespaces: {matchLabels: {kubernetes.io/metadata.name: monitoring}}}]
    /// ---
    /// apiVersion: policy.networking.k8s.io/v1alpha2
    /// kind: ClusterNetworkPolicy
    /// metadata: {name: egress}
    /// spec:
    ///   tier: Admin
    ///   priority: 60
    ///   subject: {namespaces: {}}
    ///   egress:
    ///     - action: Deny
    ///       to: [{networks: [169.254.169.254/32]}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where no pod of the manifests is subject to both, and where the two disagree about a flow, which
    /// `conflicting-policies` reports.
    pub(in crate::lint) static DUPLICATE_PRIORITY = {
        name: "duplicate-priority",
        category: Conflict,
        severity: Note,
        check: Check::Snapshot(duplicates),
    };
}

/// Two policies of one priority with pods in common, the first in the text first.
struct Pair<'a> {
    one: &'a Policy,
    other: &'a Policy,
    disagreement: Option<Disagreement<'a>>,
}

fn conflicts(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for tier in tiers(context) {
        let program = Program::new(context, tier);
        let found = pairs(&program).into_iter().filter_map(|pair| conflict(&program, tier, &pair));
        findings.extend(found);
    }
}

fn duplicates(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for tier in tiers(context) {
        let program = Program::new(context, tier);
        let mut agreeing: Vec<Pair<'_>> = pairs(&program);
        agreeing.retain(|pair| pair.disagreement.is_none() && !by_name(pair.one, pair.other));
        agreeing.sort_by_key(|pair| (pair.other.name_span, pair.one.name_span));
        let same = |a: &Pair<'_>, b: &Pair<'_>| std::ptr::eq(a.other, b.other);
        findings.extend(agreeing.chunk_by(same).filter_map(|pairs| duplicate(context, tier, pairs)));
    }
}

/// Ordered tiers in which policies share a priority.
fn tiers<'a>(context: &Context<'a>) -> impl Iterator<Item = &'a Tier> {
    let tiers = context.snapshot.policies.layers.iter().flat_map(|layer| &layer.tiers);
    tiers.filter(|tier| {
        // Policies are in the order of their priorities.
        let mut pairs = tier.policies.windows(2);
        tier.mode == Mode::FirstMatch && pairs.any(|pair| matches!(pair, [a, b] if same_order(a, b)))
    })
}

/// Whether two policies of a tier have the same priority, whatever their API says of such.
fn same_order(one: &Policy, other: &Policy) -> bool {
    let of_kubernetes = |policy: &Policy| policy.object.group == "networking.k8s.io";
    one.priority.order() == other.priority.order() && !(of_kubernetes(one) && of_kubernetes(other))
}

/// Whether their API says which of two policies with the same priority comes first: the one whose name is the first
/// (C-13).
fn by_name(one: &Policy, other: &Policy) -> bool {
    one.priority != other.priority
}

fn pairs<'a>(program: &Program<'a, '_>) -> Vec<Pair<'a>> {
    let same = |place: &(usize, usize)| {
        let at = |place: usize| program.policies.get(place);
        match (at(place.0), at(place.1)) {
            (Some(one), Some(other)) => {
                same_order(one.policy, other.policy)
                    && one.policy.object != other.policy.object
                    && one.shares_pods(other)
            }
            _ => false,
        }
    };
    let count = program.policies.len();
    // Policies are in the order of their priorities.
    let places: Vec<(usize, usize)> = (0..count)
        .flat_map(|one| {
            let order =
                move |place: usize| program.policies.get(place).map(|one| one.policy.priority.order());
            (one + 1..count)
                .take_while(move |other| order(*other) == order(one))
                .map(move |other| (one, other))
        })
        .filter(same)
        .collect();
    let pair = |&(one, other): &(usize, usize)| {
        let disagreement = program.disagreement(one, other);
        let (one, other) = (program.policies.get(one)?.policy, program.policies.get(other)?.policy);
        let (one, other, disagreement) = if one.name_span <= other.name_span {
            (one, other, disagreement)
        } else {
            let turned = disagreement.map(|found| {
                let [ours, theirs] = found.rules;
                Disagreement { rules: [theirs, ours], ..found }
            });
            (other, one, turned)
        };
        Some(Pair { one, other, disagreement })
    };
    places.par_iter().filter_map(pair).collect()
}

fn conflict(program: &Program<'_, '_>, tier: &Tier, pair: &Pair<'_>) -> Option<Finding> {
    let found = pair.disagreement.as_ref()?;
    let [ours, theirs] = found.rules;
    let (one, other) = (&pair.one.object, &pair.other.object);
    let (src, dst) = (program.name(found.src), program.name(found.dst));
    let (protocol, port) = found.over;
    let first = if assumed_first(pair.one, pair.other) { one } else { other };
    let named = by_name(pair.one, pair.other);
    let message = if named {
        let order = match pair.one.priority.order() {
            Some(order) => format!("the same order {order}"),
            None => "no order".to_owned(),
        };
        format!(
            "`{one}` and `{other}` have {order} in tier `{}` and disagree about {protocol} {port} from `{src}` to `{dst}`: \
             their names decide, so that `{first}` comes first",
            tier.name,
        )
    } else {
        format!(
            "`{one}` and `{other}` have the same priority {} in the {} tier and disagree about {protocol} {port} from \
             `{src}` to `{dst}`: which of them decides is undefined",
            pair.one.priority, tier.name,
        )
    };
    let would = |action: Action| {
        let verb = match action {
            Action::Allow => "allow",
            Action::Deny => "deny",
            Action::Pass | Action::Log | Action::Unknown => "pass on",
        };
        format!("this would {verb} it, for {}", found.direction)
    };
    let mut finding = CONFLICTING_POLICIES
        .finding(theirs.provenance.span, message)
        .label(would(theirs.action))
        .object(other.to_string())
        .related(ours.provenance.span, would(ours.action))
        .key(format!("{one} {}", found.direction))
        .witness(Witness { src, dst, protocol: protocol.name(), port });
    if named {
        // Without any order, somebody has left it to the names.
        if pair.one.priority.order().is_none() {
            finding.severity = Severity::Note;
        }
        return Some(finding.help("give the two different `order`s: the lower number decides first"));
    }
    Some(
        finding
            .help(format!("npv takes policies of equal priority by kind and name, so that `{first}` decides"))
            .help("give the two different priorities: the lower number decides first"),
    )
}

/// Whether the first policy is the one that npv asks first.
fn assumed_first(one: &Policy, other: &Policy) -> bool {
    (&one.priority, &one.object) <= (&other.priority, &other.object)
}

fn duplicate(context: &Context<'_>, tier: &Tier, pairs: &[Pair<'_>]) -> Option<Finding> {
    let first = pairs.first()?;
    let policy = first.other;
    let others = words::some(pairs.iter().map(|pair| &pair.one.object), 3);
    let message = format!(
        "`{}` has the same priority {} in the {} tier as {others}, with pods in common",
        policy.object, policy.priority, tier.name,
    );
    Some(
        DUPLICATE_PRIORITY
            .finding(priority(context, policy), message)
            .label("the order of these policies is undefined")
            .object(policy.object.to_string())
            .related(priority(context, first.one), "the same")
            .help("they agree on every flow so far; give each a priority of its own before they do not")
            .help("npv takes policies of equal priority by kind and name")
            .key("priority"),
    )
}

/// Where a policy says its priority; its name where that cannot be found.
fn priority(context: &Context<'_>, policy: &Policy) -> Span {
    let sources = context.sources();
    let object = text::rest_of_object(sources, policy.name_span);
    let spec = text::key(sources, object, "spec");
    let within = spec.map_or(object, |spec| Span::new(object.source, spec.end, object.end));
    text::value(sources, within, "priority").unwrap_or(policy.name_span)
}
