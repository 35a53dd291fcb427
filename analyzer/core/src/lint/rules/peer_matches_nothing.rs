//! `peer-matches-nothing`.

use npv_models::cluster::NamespaceId;
use npv_models::diagnostic::{Applicability, Edit, Finding, Fix};
use npv_models::k8s::CalicoObject;
use npv_models::policy::{NamespaceSelector, Peer, PeerMatch, PodSelector};
use npv_models::source::Span;
use npv_models::space::{Labels, Operator, Requirement, Selector};

use super::selects_no_pods::with_typo;
use crate::lint::context::PlacedRule;
use crate::lint::misplaced::{of_cron_job, of_dead_value, on_controller};
use crate::lint::pods::{NAMESPACE_NAME, Selected};
use crate::lint::rule::lint_rule;
use crate::lint::similar::{nearest, typo};
use crate::lint::spelling::{Spelling, is_of_calico};
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context, text};

lint_rule! {
    /// An entry of `from` or `to` that matches no pod, although the manifests show the namespaces it speaks of.
    ///
    /// ## What it finds
    ///
    /// A peer that selects nobody: among the pods of the policy's own namespace, of a namespace that is
    /// named by `kubernetes.io/metadata.name`, or of namespaces that are selected by labels. Also a
    /// `namespaceSelector` by labels that none of the Namespace objects carries, and a selector of nodes
    /// that none of the Node objects matches. Pods on the host network do not count: no selector sees them. Of several
    /// values of `In`, one that stands on a controller and on none of its pods.
    ///
    /// ## Why it matters
    ///
    /// The rule admits nobody there, and whoever should have been admitted is shut out. A frequent case
    /// is `namespaceSelector: {matchLabels: {name: kube-system}}`: namespaces carry their name as
    /// `kubernetes.io/metadata.name`; a label `name` is there only if somebody adds it.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: db, namespace: shop, labels: {app: db}}
    /// spec: {containers: [{name: db}]}
    /// ---
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web, namespace: shop, labels: {app: frontend}}
    /// spec: {containers: [{name: web}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   ingress:
    ///     - from:
    ///         - podSelector: {matchLabels: {app: front-end}}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write the labels that the pods or namespaces have; a peer in another namespace needs a
    /// `namespaceSelector` in the same entry.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   ingress:
    ///     - from:
    ///         - podSelector: {matchLabels: {app: frontend}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the peer may be in a namespace that no manifest defines: one that is only named, one whose
    /// labels nobody shows, or any at all, as with an empty `namespaceSelector`; or in `kube-system`, as
    /// long as the manifests do not show the DNS pods there. Where no workload is defined in the
    /// namespaces that match. Where the selector asks for a label that pods get only when a
    /// controller or an operator creates them. Where something that the manifests do not show may make pods in these
    /// namespaces: a release, an operator of a custom resource, an account that may create pods, a document that could
    /// not be read. On `ipBlock`.
    pub(in crate::lint) static PEER_MATCHES_NOTHING = {
        name: "peer-matches-nothing",
        category: Dead,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.rules() {
        for peer in placed.peers() {
            // What one selector matches may be several peers, pods and the blocks of sets.
            let mut beside = placed.peers().iter().filter(|other| !std::ptr::eq(*other, peer));
            if beside.any(|other| other.provenance.path == peer.provenance.path) {
                continue;
            }
            let found = match &peer.matches {
                PeerMatch::Pods(selector) => context
                    .selected(placed.at.tier, selector)
                    .filter(|selected| !selected.may_hold_more())
                    .and_then(|selected| {
                        if selected.pods.is_empty() {
                            return pods(context, placed, peer, selector, selected);
                        }
                        let asked = (&selector.pods, peer.provenance.span);
                        of_dead_value(context, &PEER_MATCHES_NOTHING, asked, &selected.scope)
                    }),
                PeerMatch::Nodes(selector) => nodes(context, placed, peer, selector),
                _ => None,
            };
            let key = || format!("{} {}", placed.direction, words::peer(&peer.matches));
            findings.extend(found.map(|found| found.object(placed.at.policy.object.to_string()).key(key())));
        }
    }
}

fn nodes(context: &Context<'_>, placed: PlacedRule<'_>, peer: &Peer, selector: &Selector) -> Option<Finding> {
    let nodes = &context.cluster().nodes;
    if nodes.is_empty() || nodes.iter().any(|node| selector.matches(&node.labels)) {
        return None;
    }
    let entry = Spelling::of(&placed.at.policy.object).peer(placed.direction);
    let there = words::count(nodes.len(), "Node object");
    let message = format!("{entry} matches nothing: none of the {there} satisfies `{selector}`");
    Some(PEER_MATCHES_NOTHING.finding(peer.provenance.span, message).label("no node matches"))
}

fn pods(
    context: &Context<'_>,
    placed: PlacedRule<'_>,
    peer: &Peer,
    selector: &PodSelector,
    selected: &Selected,
) -> Option<Finding> {
    let spelling = Spelling::of(&placed.at.policy.object);
    let entry = spelling.peer(placed.direction);
    let scope = &selected.scope;
    let span = peer.provenance.span;
    let at = |selector, unmet: Option<&Requirement>| {
        let key = unmet.map(|requirement| &*requirement.key);
        key.and_then(|key| spelling.label(context.sources(), span, selector, key)).unwrap_or(span)
    };
    if scope.matched.is_empty() {
        let NamespaceSelector::Labels(labels) = &selector.namespaces else { return None };
        let sets = || context.cluster().namespaces.iter().map(|namespace| &*namespace.labels);
        let place = at("namespaceSelector", carried_by_nobody(labels, sets));
        return scope.nobody_carries.then(|| namespaces(context, placed, labels, span, place));
    }
    if !scope.matched.iter().all(|&namespace| context.pods.has_pods(namespace)) {
        return None;
    }
    let places = words::some(scope.matched.iter().map(|&id| context.cluster().namespace_name(id)), 3);
    let plural = if scope.matched.len() == 1 { "" } else { "s" };
    let wanted = words::selector(&selector.pods);
    let why = if selected.hidden.is_empty() {
        format!("no pod of namespace{plural} {places} has {wanted}")
    } else {
        format!("the only pods of namespace{plural} {places} with {wanted} are on the host network")
    };
    let message = format!("{entry} matches nothing: {why}");
    let groups = || {
        scope
            .matched
            .iter()
            .flat_map(|&namespace| context.pods.of_namespace(namespace))
            .filter(|(_, group)| context.pods.visible(group))
            .map(|(_, group)| (group, &*group.labels))
    };
    // Of pods that only the host network hides, every label is there.
    let unmet = if selected.hidden.is_empty() {
        carried_by_nobody(&selector.pods, || groups().map(|(_, labels)| labels))
    } else {
        None
    };
    let mut finding = PEER_MATCHES_NOTHING.finding(at(spelling.pods, unmet), message).label("no pod matches");
    if let Some(&hidden) = selected.hidden.first() {
        let names = words::some(context.cluster().endpoint_names(selected.hidden.iter().copied()), 3);
        finding = finding.help(format!(
            "no selector sees {names}: its traffic has the node's address, so only {} of node addresses \
                 matches it",
            spelling.a_block
        ));
        if let Some(group) = context.pods.group(hidden) {
            finding = finding.related(group.span, "on the host network");
        }
        return Some(finding);
    }
    if let Some((typo, group)) = typo(&selector.pods, groups()) {
        let name = context.cluster().endpoint_name(group.workload);
        let finding = finding.related(group.span, format!("`{name}` has {}", group.labels));
        return Some(with_typo(context, finding, &typo, span));
    }
    if let Some(help) = in_set(context, placed, selector) {
        return Some(finding.help(help));
    }
    if let Some(elsewhere) = elsewhere(context, spelling, selector) {
        return Some(finding.help(elsewhere));
    }
    if let Some(help) = of_cron_job(context, &selector.pods, scope) {
        return Some(finding.help(help));
    }
    if let Some((finding, help)) = on_controller(context, &finding, &selector.pods, &scope.matched) {
        return Some(finding.help(help));
    }
    if let Some(torn) = torn(placed, peer, selector).filter(|_| spelling.listed) {
        return Some(finding.help(torn));
    }
    if let Some((group, labels, unmet)) = nearest(&selector.pods, groups())
        && unmet.len() < selector.pods.requirements().len()
    {
        let name = context.cluster().endpoint_name(group.workload);
        let lacks = words::some(&unmet, 3);
        finding =
            finding.related(group.span, format!("nearest is `{name}` with {labels}, which lacks {lacks}"));
    }
    Some(finding.help("write the labels that the pod template has"))
}

/// The first requirement that none of the label sets satisfies.
fn carried_by_nobody<'s, 'l, I: Iterator<Item = &'l Labels>>(
    selector: &'s Selector,
    sets: impl Fn() -> I,
) -> Option<&'s Requirement> {
    selector
        .requirements()
        .iter()
        .find(|requirement| !sets().any(|labels| requirement.accepts(labels.get(&requirement.key))))
}

/// Where pods with these labels are, if not in the namespace that the peer speaks of: a
/// selector of pods alone means the policy's own namespace (S-11, C-40).
fn elsewhere(context: &Context<'_>, spelling: &Spelling, selector: &PodSelector) -> Option<String> {
    let NamespaceSelector::Named(own) = &selector.namespaces else { return None };
    if selector.pods.is_everything() {
        return None;
    }
    let cluster = context.cluster();
    let mut places = (0_u32..)
        .zip(&cluster.namespaces)
        .map(|(index, namespace)| (NamespaceId(index), namespace))
        .filter(|(id, _)| !context.pods.matching(*id, &selector.pods).is_empty())
        .map(|(_, namespace)| &*namespace.name)
        .peekable();
    places.peek()?;
    let names = words::some(places, 3);
    Some(format!(
        "pods with these labels are in {names}: a `{}` alone means the policy's own namespace `{own}`, so add a \
         `namespaceSelector` to {}",
        spelling.pods,
        if spelling.listed { "the same entry" } else { "it" },
    ))
}

/// The sets of addresses with the labels that a rule of Calico's asks for in its own namespace, where they are not in
/// it (C-40, C-41).
fn in_set(context: &Context<'_>, placed: PlacedRule<'_>, selector: &PodSelector) -> Option<String> {
    let NamespaceSelector::Named(own) = &selector.namespaces else { return None };
    if !is_of_calico(&placed.at.policy.object) || selector.pods.is_everything() {
        return None;
    }
    let sets = context.cluster().calico.iter().filter_map(|object| match object {
        CalicoObject::NetworkSet(set) if selector.pods.matches(&set.labels.value) => Some((object, set)),
        _ => None,
    });
    let (object, set) = sets.into_iter().next()?;
    let (namespace, name) = (&*set.meta.namespace, &set.meta.name.value);
    Some(if namespace.is_empty() {
        format!(
            "`{}/{name}` has these labels and is in no namespace: write `namespaceSelector: global()` beside the `selector`",
            object.kind()
        )
    } else {
        format!(
            "`{}/{namespace}/{name}` has these labels: a `selector` alone means the policy's own namespace `{own}`, so add a \
             `namespaceSelector` to it",
            object.kind()
        )
    })
}

/// What to write where the entry before speaks of whole namespaces: the two may have been meant as one (S-13).
fn torn(placed: PlacedRule<'_>, peer: &Peer, selector: &PodSelector) -> Option<String> {
    let NamespaceSelector::Named(own) = &selector.namespaces else { return None };
    let peers = placed.peers();
    let index = peers.iter().position(|one| std::ptr::eq(one, peer))?;
    let before = peers.get(index.checked_sub(1)?)?;
    let PeerMatch::Pods(whole) = &before.matches else { return None };
    let NamespaceSelector::Labels(_) = &whole.namespaces else { return None };
    whole.pods.is_everything().then(|| {
        format!(
            "a `podSelector` alone means the policy's own namespace `{own}`: if you mean such pods in the namespaces of \
             the entry before, make the two one entry, without the second `-`"
        )
    })
}

/// The peer asks for a label that no Namespace object carries.
fn namespaces(
    context: &Context<'_>,
    placed: PlacedRule<'_>,
    labels: &Selector,
    span: Span,
    place: Span,
) -> Finding {
    let cluster = context.cluster();
    let spelling = Spelling::of(&placed.at.policy.object);
    let entry = spelling.peer(placed.direction);
    let defined = || cluster.namespaces.iter().filter(|namespace| namespace.defined.is_some());
    let message = format!("{entry} matches nothing: no Namespace object carries `{labels}`");
    let finding = PEER_MATCHES_NOTHING.finding(place, message).label("no namespace matches");
    if let Some(fixed) = by_name(context, spelling, labels, span) {
        return finding
            .help(format!(
                "every namespace carries its name as `{NAMESPACE_NAME}`, and any other label only where somebody \
                 adds it"
            ))
            .fix(fixed);
    }
    let sets = defined().map(|namespace| (namespace, &*namespace.labels));
    if let Some((typo, namespace)) = typo(labels, sets) {
        let finding = match namespace.defined {
            Some(at) => finding.related(at, format!("`{}` has {}", namespace.name, namespace.labels)),
            None => finding,
        };
        return with_typo(context, finding, &typo, span);
    }
    finding.help(format!(
        "select by labels that the namespaces have, or by name with `{NAMESPACE_NAME}`; if a namespace that no \
         manifest defines carries the label, add its Namespace object to the input"
    ))
}

/// The fix for a namespace that is selected by its name under another label than the one that is there.
fn by_name(context: &Context<'_>, spelling: &Spelling, labels: &Selector, span: Span) -> Option<Fix> {
    let [requirement] = labels.requirements() else { return None };
    if requirement.operator != Operator::In {
        return None;
    }
    let looks_like_a_name = matches!(
        &*requirement.key,
        "name" | "namespace" | "ns" | "kubernetes.io/name" | "app.kubernetes.io/name" | "metadata.name"
    );
    let names_one = requirement.values.iter().all(|value| {
        value.starts_with("kube-") || &**value == "default" || context.pods.namespace(value).is_some()
    });
    if !looks_like_a_name && !names_one {
        return None;
    }
    let key = if spelling.listed {
        text::key(context.sources(), span, &requirement.key)
    } else {
        text::words(context.sources(), span, &requirement.key).next()
    };
    let edits: Vec<_> =
        key.map(|span| Edit { span, replacement: NAMESPACE_NAME.to_owned() }).into_iter().collect();
    Some(Fix {
        description: format!("replace `{}` by `{NAMESPACE_NAME}`", requirement.key),
        applicability: if edits.is_empty() { Applicability::DisplayOnly } else { Applicability::Unsafe },
        edits,
        example: None,
    })
}
