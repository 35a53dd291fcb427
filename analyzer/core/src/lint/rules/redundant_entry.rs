//! `redundant-entry`.

use npv_models::diagnostic::{Applicability, Finding, Fix};
use npv_models::policy::{Action, NamespaceSelector, PeerMatch, Peers, PortMatch, Ports};
use npv_models::source::Span;
use npv_models::space::{IpSet, Operator, Selector};

use crate::fix::remove;
use crate::lint::context::PlacedRule;
use crate::lint::implied::{implies, within};
use crate::lint::rule::lint_rule;
use crate::lint::spelling::Spelling;
use crate::lint::words;
use crate::lint::{Check, Context};

lint_rule! {
    /// An entry of a list that adds nothing, because another entry of the same list covers it.
    ///
    /// ## What it finds
    ///
    /// Two entries of one `from`, `to` or `ports` list, of which one matches all that the other matches, in every
    /// cluster. Also an entry that was written to keep somebody out - by `NotIn`, `DoesNotExist` or `except` - beside
    /// one that lets them in.
    ///
    /// ## Why it matters
    ///
    /// Entries of a list are alternatives. Where one admits everybody, the narrower one beside it looks like a limit
    /// and is none: whom it was to keep out gets in.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: not-from-testing, namespace: prod}
    /// spec:
    ///   podSelector: {}
    ///   ingress:
    ///     - from:
    ///         - namespaceSelector:
    ///             matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [testing]}]
    ///         - namespaceSelector: {}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Keep the entry that says what is meant.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: not-from-testing, namespace: prod}
    /// spec:
    ///   podSelector: {}
    ///   ingress:
    ///     - from:
    ///         - namespaceSelector:
    ///             matchExpressions: [{key: kubernetes.io/metadata.name, operator: NotIn, values: [testing]}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Between entries of different sorts, such as a block of addresses and pods. Where a `podSelector` stands beside a
    /// `namespaceSelector` for whole namespaces: the two may have been meant as one, which `wider-than-intended` says.
    /// On rules that deny.
    pub(in crate::lint) static REDUNDANT_ENTRY = {
        name: "redundant-entry",
        category: Shadow,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

/// An entry of a list and the one that covers it.
struct Covered {
    at: Span,
    by: Span,
    what: String,
    wide: String,
    field: &'static str,
    /// The entry was written to keep somebody out, whom the other lets in.
    undone: bool,
    /// The two say the same, and which of them comes first is no part of that.
    twins: bool,
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.rules().filter(|placed| placed.rule.action == Action::Allow) {
        let object = placed.at.policy.object.to_string();
        for covered in peers(placed).into_iter().chain(ports(placed)) {
            let Covered { at, by, what, wide, field, undone, twins } = covered;
            let message = if undone {
                format!(
                    "in every cluster, this entry of `{field}` of `{object}` keeps nobody out: {} in the same list lets them \
                     all in",
                    shown(field, &wide)
                )
            } else {
                format!(
                    "in every cluster, this entry of `{field}` of `{object}` adds nothing: {} in the same list covers it",
                    shown(field, &wide)
                )
            };
            let finding = REDUNDANT_ENTRY
                .finding(at, message)
                .label(if undone { "undone" } else { "adds nothing" })
                .object(object.clone())
                .related(by, "covers it")
                .key(format!(
                    "{} {field} {}",
                    placed.direction,
                    if twins { wide.clone().min(what) } else { what }
                ));
            let edits = if undone { None } else { remove::item(context.sources(), at) };
            findings.push(match edits {
                Some(edits) => finding.fix(Fix {
                    description: "remove the entry".to_owned(),
                    applicability: Applicability::Safe,
                    edits,
                    example: None,
                }),
                None => {
                    finding.help("entries of a list are alternatives: keep the one that says what is meant")
                }
            });
        }
    }
}

/// An entry in a sentence: ports in backticks, peers in the words of everywhere.
fn shown(field: &str, entry: &str) -> String {
    if field == "ports" { format!("`{entry}`") } else { entry.to_owned() }
}

fn peers(placed: PlacedRule<'_>) -> Vec<Covered> {
    let Peers::Listed(peers) = &placed.rule.peers else { return Vec::new() };
    let spelling = Spelling::of(&placed.at.policy.object);
    let field = if spelling.listed { spelling.peers(placed.direction) } else { spelling.block };
    let mut found = Vec::new();
    for (index, one) in peers.iter().enumerate() {
        let covering = peers.iter().enumerate().find(|(other, wide)| {
            // Of two that say the same, the later one is reported.
            *other != index
                && wide.provenance.path != one.provenance.path
                && covers(&wide.matches, &one.matches)
                && (*other < index || !covers(&one.matches, &wide.matches))
        });
        let Some((other, wide)) = covering else { continue };
        if torn(&one.matches, &wide.matches) && other.abs_diff(index) == 1 {
            continue;
        }
        found.push(Covered {
            at: one.provenance.span,
            by: wide.provenance.span,
            what: words::peer(&one.matches),
            wide: words::peer(&wide.matches),
            field,
            undone: keeps_out(&one.matches) && !keeps_out(&wide.matches),
            twins: covers(&one.matches, &wide.matches),
        });
    }
    found
}

fn ports(placed: PlacedRule<'_>) -> Vec<Covered> {
    let Ports::Listed(items) = &placed.rule.ports else { return Vec::new() };
    let covers = |wide: &PortMatch, narrow: &PortMatch| match (wide, narrow) {
        (PortMatch::Numbers(wide), PortMatch::Numbers(narrow)) => narrow.is_subset(wide),
        _ => wide == narrow,
    };
    let mut found = Vec::new();
    for (index, one) in items.iter().enumerate() {
        let covering = items.iter().enumerate().find(|(other, wide)| {
            *other != index
                && wide.provenance.path != one.provenance.path
                && covers(&wide.matches, &one.matches)
                && (*other < index || !covers(&one.matches, &wide.matches))
        });
        found.extend(covering.map(|(_, wide)| Covered {
            at: one.provenance.span,
            by: wide.provenance.span,
            what: words::port(&one.matches),
            wide: words::port(&wide.matches),
            field: "ports",
            undone: false,
            twins: covers(&one.matches, &wide.matches),
        }));
    }
    found
}

/// Whether everybody whom the second matches the first one matches too, whoever may come.
fn covers(wide: &PeerMatch, narrow: &PeerMatch) -> bool {
    match (wide, narrow) {
        (PeerMatch::Pods(wide), PeerMatch::Pods(narrow)) => {
            within(&narrow.namespaces, &wide.namespaces) && implies(&narrow.pods, &wide.pods)
        }
        (PeerMatch::Block { cidr: wide, except: holes }, PeerMatch::Block { cidr, except }) => {
            let set = |net: &ipnet::IpNet, holes: &[ipnet::IpNet]| {
                holes.iter().fold(IpSet::net(*net), |set, hole| set.difference(&IpSet::net(*hole)))
            };
            set(cidr, except).difference(&set(wide, holes)).is_empty()
        }
        (PeerMatch::Nodes(wide), PeerMatch::Nodes(narrow)) => implies(narrow, wide),
        (PeerMatch::Domain(wide), PeerMatch::Domain(narrow)) => wide == narrow,
        _ => false,
    }
}

/// Pods of the own namespace beside whole namespaces: one entry may have been meant (S-13).
fn torn(narrow: &PeerMatch, wide: &PeerMatch) -> bool {
    let (PeerMatch::Pods(narrow), PeerMatch::Pods(wide)) = (narrow, wide) else { return false };
    matches!(narrow.namespaces, NamespaceSelector::Named(_))
        && !narrow.pods.is_everything()
        && matches!(wide.namespaces, NamespaceSelector::Labels(_))
        && wide.pods.is_everything()
}

/// Whether an entry says whom it does not mean.
fn keeps_out(peer: &PeerMatch) -> bool {
    let excludes = |selector: &Selector| {
        let mut requirements = selector.requirements().iter();
        requirements.any(|one| matches!(one.operator, Operator::NotIn | Operator::DoesNotExist))
    };
    match peer {
        PeerMatch::Pods(selector) => {
            excludes(&selector.pods)
                || matches!(&selector.namespaces, NamespaceSelector::Labels(labels) if excludes(labels))
        }
        PeerMatch::Block { except, .. } => !except.is_empty(),
        _ => false,
    }
}
