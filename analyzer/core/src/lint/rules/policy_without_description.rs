//! `policy-without-description`.

use npv_models::diagnostic::Finding;
use npv_models::policy::Policy;
use npv_models::source::{SourceMap, Span};

use crate::lint::rule::lint_rule;
use crate::lint::{Check, Context, text};

lint_rule! {
    /// A policy that does not say what it is for.
    ///
    /// ## What it finds
    ///
    /// A policy whose metadata has no annotation with a name that ends in `description`, and no comment, and above which no
    /// comment stands either.
    ///
    /// ## Why it matters
    ///
    /// Policies outlive the people who wrote them. Nobody dares to remove one of which nobody knows the reason; comments
    /// do not get into the cluster, annotations do.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec: {podSelector: {}, policyTypes: [Ingress]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Say in a sentence whom the policy serves, and why.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop, annotations: {kubernetes.io/description: nobody enters the shop unless another policy admits it}}
    /// spec: {podSelector: {}, policyTypes: [Ingress]}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where there is such an annotation or comment, whatever it says.
    pub(in crate::lint) static POLICY_WITHOUT_DESCRIPTION = {
        name: "policy-without-description",
        category: Hygiene,
        severity: Note,
        pedantic: true,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.policies() {
        let policy = placed.policy;
        if !is_described(context.sources(), policy) {
            let object = policy.object.to_string();
            findings.push(
                POLICY_WITHOUT_DESCRIPTION
                    .finding(policy.name_span, format!("`{object}` does not say what it is for"))
                    .label("has no description")
                    .object(object)
                    .help("add an annotation `kubernetes.io/description`"),
            );
        }
    }
}

fn is_described(sources: &SourceMap, policy: &Policy) -> bool {
    let name = policy.name_span;
    let Some(metadata) = text::key_before(sources, name, "metadata") else { return true };
    let rest = text::rest_of_object(sources, name);
    let end = text::key(sources, rest, "spec").map_or(rest.end, |spec| spec.start);
    let within = sources.slice(Span::new(name.source, metadata.start, end));
    let says = |line: &str| {
        let is_key = |end: &str| end.trim_start_matches(['"', '\'']).trim_start().starts_with(':');
        is_comment(line.trim_start()) || line.split("description").skip(1).any(is_key)
    };
    within.lines().any(says) || is_commented(sources, metadata)
}

/// Whether a line is a comment that begins with a word.
fn is_comment(line: &str) -> bool {
    line.strip_prefix('#').is_some_and(|rest| rest.trim_start().starts_with(char::is_alphanumeric))
}

/// Whether a comment stands above the object, or between its first lines.
fn is_commented(sources: &SourceMap, metadata: Span) -> bool {
    let text = sources.get(metadata.source).map_or("", |source| source.text());
    let before = text.get(..metadata.start as usize).unwrap_or_default();
    let column = before.rsplit('\n').next().map_or(0, str::len);
    for line in before.lines().rev().skip(usize::from(column > 0)) {
        let line = line.trim_start_matches([' ', '-']);
        if is_comment(line) {
            return true;
        }
        if !["apiVersion:", "kind:"].iter().any(|key| line.starts_with(key)) {
            return false;
        }
    }
    false
}
