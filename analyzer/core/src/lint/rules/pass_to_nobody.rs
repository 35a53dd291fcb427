//! `pass-to-nobody`.

use npv_models::cluster::GroupId;
use npv_models::diagnostic::Finding;
use npv_models::policy::{Action, Direction, Tier};

use crate::lint::context::PlacedRule;
use crate::lint::rule::lint_rule;
use crate::lint::spelling::is_of_calico;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context};

lint_rule! {
    /// A rule of Calico's that passes flows on to later tiers in which no policy applies to the pods.
    ///
    /// ## What it finds
    ///
    /// A `Pass` where no policy of a later tier applies to any of the pods that the manifests show for the policy, in the
    /// direction of the rule.
    ///
    /// ## Why it matters
    ///
    /// Who passes leaves the decision to others. Where there are none, the profile of the namespace decides, and that allows
    /// everything: the rule does what `Allow` would do.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: projectcalico.org/v3
    /// kind: Tier
    /// metadata: {name: security}
    /// spec: {order: 100}
    /// ---
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web, namespace: shop, labels: {app: web}}
    /// ---
    /// apiVersion: projectcalico.org/v3
    /// kind: GlobalNetworkPolicy
    /// metadata: {name: security.ports}
    /// spec:
    ///   tier: security
    ///   order: 10
    ///   types: [Ingress]
    ///   ingress:
    ///     - action: Pass
    ///       protocol: TCP
    ///       destination: {ports: [443]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Have a policy of a later tier decide, or write `Allow`.
    ///
    /// ```yaml
    /// apiVersion: projectcalico.org/v3
    /// kind: Tier
    /// metadata: {name: security}
    /// spec: {order: 100}
    /// ---
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web, namespace: shop, labels: {app: web}}
    /// ---
    /// apiVersion: projectcalico.org/v3
    /// kind: GlobalNetworkPolicy
    /// metadata: {name: security.ports}
    /// spec:
    ///   tier: security
    ///   order: 10
    ///   types: [Ingress]
    ///   ingress:
    ///     - action: Allow
    ///       protocol: TCP
    ///       destination: {ports: [443]}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where some pod of the policy meets a policy of a later tier, and where the manifests show no pod that it selects. On
    /// cluster-wide policies of Kubernetes, whose `Pass` is meant for namespaces with and without policies.
    pub(in crate::lint) static PASS_TO_NOBODY = {
        name: "pass-to-nobody",
        category: Exposure,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.rules() {
        if placed.rule.action == Action::Pass && is_of_calico(&placed.at.policy.object) {
            findings.extend(finding(context, placed));
        }
    }
}

fn finding(context: &Context<'_>, placed: PlacedRule<'_>) -> Option<Finding> {
    let policy = placed.at.policy;
    let later = later(context, placed.at.tier)?;
    let groups: Vec<GroupId> = context.selected(placed.at.tier, &policy.subject)?.pods.iter().collect();
    if groups.is_empty() || groups.iter().any(|&group| meets(context, group, placed.direction, later)) {
        return None;
    }
    let path = &*placed.rule.provenance.path;
    let rule = path.strip_prefix("spec.").unwrap_or(path);
    let names = words::some(context.cluster().endpoint_names(groups.into_iter()), 3);
    let direction = placed.direction;
    let message = format!(
        "rule `{rule}` of `{}` passes to nobody: no policy of a later tier applies to {names} for {direction}, so that what it \
         matches is allowed",
        policy.object
    );
    let finding = PASS_TO_NOBODY
        .finding(placed.rule.provenance.span, message)
        .label("does what `Allow` would do")
        .object(policy.object.to_string())
        .key(format!("{direction} {rule}"))
        .help("write `Allow` if that is meant; if not, have a policy of a later tier apply to these pods");
    Some(finding)
}

/// The tiers that are asked after what this one passes on.
fn later<'a>(context: &Context<'a>, tier: &Tier) -> Option<&'a [Tier]> {
    context.snapshot.policies.layers.iter().find_map(|layer| {
        let place = layer.tiers.iter().position(|other| std::ptr::eq(other, tier))?;
        let next = tier.pass.unwrap_or(place + 1);
        Some(layer.tiers.get(next..).unwrap_or_default())
    })
}

/// Whether a policy of one of the tiers applies to a group of pods.
fn meets(context: &Context<'_>, group: GroupId, direction: Direction, tiers: &[Tier]) -> bool {
    context.selecting(group).any(|other| {
        other.policy.rules(direction).is_some() && tiers.iter().any(|tier| std::ptr::eq(tier, other.tier))
    }) || tiers.iter().flat_map(|tier| &tier.policies).any(|other| {
        // Whom else a policy applies to takes more to say.
        other.rules(direction).is_some() && !other.also.is_empty()
    })
}
