//! Which policy a blocked path is laid to, and where in it.

use std::cmp::Reverse;

use npv_models::cluster::GroupId;
use npv_models::policy::{Direction, Participation, Policy, Rule};
use npv_models::source::Span;

use super::context::{Context, Placed};
use super::text;
use super::words;

/// The policy that a person would edit, of those that isolate the pods in this direction: one that
/// already speaks of the peer or the port, then the one that selects the most pods, then the first in
/// the manifests.
pub(super) fn blame<'a>(
    context: &Context<'a>,
    group: GroupId,
    direction: Direction,
    speaks: impl Fn(&Rule) -> bool,
) -> Option<Placed<'a>> {
    context
        .selecting(group)
        .filter(|placed| placed.tier.participation == Participation::Selected)
        .filter(|placed| placed.policy.rules(direction).is_some())
        .min_by_key(|placed| {
            let rules = placed.policy.rules(direction).unwrap_or_default();
            let selects = context.selected(&placed.policy.subject).map_or(0, |selected| selected.pods.len());
            (!rules.iter().any(&speaks), Reverse(selects), placed.policy.name_span)
        })
}

/// Where a policy says that it isolates for a direction: the item of `policyTypes`, else the key of the
/// rule list, else its name.
pub(super) fn isolation(context: &Context<'_>, policy: &Policy, direction: Direction) -> Span {
    let sources = context.sources();
    let rest = text::rest_of_object(sources, policy.name_span);
    let of_types = || {
        let key = text::key(sources, rest, "policyTypes")?;
        let after = Span::new(key.source, key.end, rest.end);
        // The list ends where the next key begins.
        let item = text::words(sources, after, words::policy_type(direction)).next()?;
        let between = sources.slice(Span::new(key.source, key.end, item.start));
        let only_list =
            between.chars().all(|char| !matches!(char, '{' | '}')) && between.matches(':').count() == 1;
        only_list.then_some(item)
    };
    of_types().or_else(|| text::key(sources, rest, direction.name())).unwrap_or(policy.name_span)
}
