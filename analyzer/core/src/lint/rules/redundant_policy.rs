//! `redundant-policy`.

use npv_models::diagnostic::Finding;
use npv_symbolic::lint::{Fact, Facts};

use crate::fix::object::Objects;
use crate::lint::proofs::{self, Causes};
use crate::lint::rule::lint_rule;
use crate::lint::words;
use crate::lint::{Check, Context};

lint_rule! {
    /// A policy that could go without changing any verdict, because others do all that it does.
    ///
    /// ## What it finds
    ///
    /// A NetworkPolicy whose pods other policies isolate in the same directions, and whose rules allow
    /// nothing that others do not allow. *In every cluster* is a proof for all pods, namespaces and addresses that
    /// could ever be; *in this snapshot*, where only the pods of the manifests count, it is a note and reported on request. The
    /// finding points at the policies and rules that make it so. Of two that say the same, the later one is
    /// reported.
    ///
    /// ## Why it matters
    ///
    /// A copy that was forgotten: who edits one of the two finds that nothing changes, or that what was closed
    /// in one is still open by the other.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - from: [{podSelector: {matchLabels: {app: web}}}]
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api-from-web, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - from: [{podSelector: {matchLabels: {app: web}}}]
    ///       ports: [{port: 8080}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Remove the policy, or narrow the one that covers it.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - from: [{podSelector: {matchLabels: {app: mobile}}}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// For a default denial, which selects pods and allows nothing, unless another one has the same pods and
    /// directions: it is there for the day when the others go. Where one flow or one pod needs the policy.
    pub(in crate::lint) static REDUNDANT_POLICY = {
        name: "redundant-policy",
        category: Shadow,
        severity: Warning,
        check: Check::Proof(check),
    };
}

fn check(context: &Context<'_>, facts: &Facts, findings: &mut Vec<Finding>) {
    let mut objects = Objects::of(context.sources());
    for fact in &facts.facts {
        let Fact::RedundantPolicy { policy, by, world } = fact else { continue };
        let Some(policy) = proofs::policy(context, *policy) else { continue };
        let causes = Causes::new(context, by);
        let what = format!("`{}` changes no verdict: {}", policy.object, reason(&causes));
        let finding = proofs::of_world(&REDUNDANT_POLICY, *world, policy.name_span, &what)
            .label("changes no verdict")
            .object(policy.object.to_string())
            .help("remove it, or narrow what covers it")
            .key("policy");
        let finding = causes.point_at(
            proofs::dead(finding, *world),
            "decides flows of its rules",
            "isolates the same pods",
        );
        let edits = objects.removal(policy.name_span);
        findings.push(proofs::removed(finding, *world, "remove the policy", edits));
    }
}

/// Who isolates the same pods, and who decides the same flows: in one breath where they are the same.
fn reason(causes: &Causes<'_>) -> String {
    let isolating: Vec<_> = causes.isolating.iter().map(|policy| &policy.object).collect();
    let mut deciding: Vec<_> = causes.rules.iter().map(|subject| &subject.policy.object).collect();
    deciding.dedup();
    let verb = |count: usize, one: &'static str, many: &'static str| if count == 1 { one } else { many };
    let names = words::some(&isolating, 3);
    let isolate = verb(isolating.len(), "isolates", "isolate");
    if deciding.is_empty() {
        return format!("{names} {isolate} the same pods");
    }
    let decide = verb(deciding.len(), "decides", "decide");
    if isolating == deciding {
        return format!("{names} {isolate} the same pods and {decide} all that its rules allow");
    }
    format!(
        "{names} {isolate} the same pods, and {} {decide} all that its rules allow",
        words::some(&deciding, 3)
    )
}
