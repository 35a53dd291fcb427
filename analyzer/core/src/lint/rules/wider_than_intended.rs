//! `wider-than-intended`.

use npv_models::diagnostic::{Applicability, Edit, Finding, Fix};
use npv_models::policy::{Direction, Peers};
use npv_models::source::{SourceMap, Span};
use npv_symbolic::lint::{Fact, Facts};

use crate::lint::proofs::Subject;
use crate::lint::rule::lint_rule;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context};

lint_rule! {
    /// A namespaceSelector and a podSelector as two entries, where one entry with both was probably meant.
    ///
    /// ## What it finds
    ///
    /// Two neighbouring entries of one `from` or `to`, one with only a `namespaceSelector`, one with only a
    /// `podSelector`, that as one entry would match a pod of the manifests. The finding names the pods that the
    /// pair lets in *in this snapshot* beyond those.
    ///
    /// ## Why it matters
    ///
    /// One dash too many. As one entry, the two mean pods with these labels *in* these namespaces. As two, they mean
    /// all pods of these namespaces, *and* pods with these labels in the policy's own namespace: another tenant's
    /// whole namespace, for one that was to send a single client.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Namespace
    /// metadata: {name: monitoring, labels: {team: sre}}
    /// ---
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: prometheus, namespace: monitoring, labels: {app: prometheus}}
    /// ---
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: grafana, namespace: monitoring, labels: {app: grafana}}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - from:
    ///         - namespaceSelector: {matchLabels: {team: sre}}
    ///         - podSelector: {matchLabels: {app: prometheus}}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Leave out the second dash.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - from:
    ///         - namespaceSelector: {matchLabels: {team: sre}}
    ///           podSelector: {matchLabels: {app: prometheus}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where as one entry the two would match nobody: then two were meant. Where the pair opens nothing that
    /// the one entry would not. Where the `podSelector` selects all pods of the own namespace.
    pub(in crate::lint) static WIDER_THAN_INTENDED = {
        name: "wider-than-intended",
        category: Exposure,
        severity: Warning,
        check: Check::Proof(check),
    };
}

fn check(context: &Context<'_>, facts: &Facts, findings: &mut Vec<Finding>) {
    for fact in &facts.facts {
        let Fact::WiderThanIntended { rule, first, meant, beyond } = fact else { continue };
        let Some(subject) = Subject::of(context, *rule) else { continue };
        let Peers::Listed(peers) = &subject.rule.peers else { continue };
        let (Some(one), Some(other)) = (peers.get(*first), peers.get(first + 1)) else { continue };
        let names = |groups: &[_]| context.cluster().endpoint_names(groups.iter().copied());
        let (meant, beyond) = (names(meant), names(beyond));
        if beyond.is_empty() {
            continue;
        }
        let field = words::peer_field(rule.direction);
        let allow = match rule.direction {
            Direction::Ingress => "admit",
            Direction::Egress => "allow",
        };
        let message = format!(
            "in this snapshot, two entries of `{field}` of `{}` {allow} {}, where as one entry they would {allow} only {}",
            subject.policy.object,
            words::some(&beyond, 5),
            words::some(&meant, 3),
        );
        let mut both = [words::peer(&one.matches), words::peer(&other.matches)];
        both.sort();
        let key = format!("{} {}", rule.direction, both.join(" "));
        let (own, before) = (other.provenance.span, one.provenance.span);
        let finding = WIDER_THAN_INTENDED
            .finding(own, message)
            .label(words::peer(&other.matches))
            .object(subject.policy.object.to_string())
            .related(before, words::peer(&one.matches))
            .help("entries are alternatives; selectors within one entry must both match")
            .key(key);
        findings.push(match joined(context.sources(), before, own) {
            Some(edit) => finding.fix(Fix {
                description: "make the two one entry".to_owned(),
                applicability: Applicability::Unsafe,
                edits: vec![edit],
                example: None,
            }),
            None => finding,
        });
    }
}

/// The edit that makes an entry a part of the one before: its dash goes. Only where both are written as
/// blocks, in the same column.
fn joined(sources: &SourceMap, before: Span, own: Span) -> Option<Edit> {
    let source = sources.get(own.source)?;
    let column = |span: Span| {
        let line = source.text().get(..span.start as usize)?.rsplit('\n').next()?;
        let dash = line.trim_start();
        let is_block = dash.starts_with('-') && dash.get(1..)?.trim().is_empty();
        let in_braces = sources.slice(span).starts_with('{');
        (is_block && !in_braces).then_some((line.len(), line.len() - dash.len()))
    };
    let (text, dash) = column(own)?;
    if before.source != own.source || column(before)? != (text, dash) {
        return None;
    }
    let start = own.start - (text - dash) as u32;
    Some(Edit { span: Span::new(own.source, start, own.start), replacement: " ".repeat(text - dash) })
}
