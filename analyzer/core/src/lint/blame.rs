//! Which policy or rule a blocked path is laid to, and where in it.

use std::cmp::Reverse;
use std::fmt;

use npv_models::cluster::GroupId;
use npv_models::decide::{Flow, decide};
use npv_models::policy::{Action, Direction, Policy, Rule};
use npv_models::source::Span;

use super::context::{Context, Placed};
use super::spelling::{Spelling, is_of_calico};
use super::text;
use super::words;

/// The tier of Calico's that comes after that of NetworkPolicies.
const CALICO_BASELINE: &str = "baselineadminnetworkpolicy";

/// What keeps a flow from passing one of its sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Culprit<'a> {
    /// The policy that a person would edit.
    pub(super) placed: Placed<'a>,
    /// Its rule that denies the flow; `None` where the policy isolates the pods and nothing admits the flow.
    pub(super) rule: Option<&'a Rule>,
}

impl Culprit<'_> {
    /// The rule that denies, else the name of the policy.
    pub(super) fn span(&self) -> Span {
        self.rule.map_or(self.placed.policy.name_span, |rule| rule.provenance.span)
    }

    /// How to let the flow pass where a NetworkPolicy cannot, because a rule denies it before any is asked.
    pub(super) fn remedy(&self) -> Option<&'static str> {
        let (tier, policy) = (&*self.placed.tier.name, self.placed.policy);
        if is_of_calico(&policy.object) {
            // NetworkPolicies are of order 1000 in tier `default` (C-60), in which no later one has a say.
            let after = policy.priority.order().is_none_or(|order| order > 1000.0);
            return match (tier, self.rule) {
                (CALICO_BASELINE, _) | ("default", None) => None,
                ("default", Some(_)) if after => None,
                ("default", Some(_)) => Some(
                    "allow it in a rule that is asked before the one that denies it: no NetworkPolicy is",
                ),
                _ => Some(
                    "allow it in a policy of this tier, or pass it on from there: what an earlier tier denies, no \
                     NetworkPolicy can allow",
                ),
            };
        }
        let earlier = self.rule.is_some() && &*self.placed.tier.name != "Baseline";
        earlier.then_some(
            "accept it in a rule that is asked before the one that denies it: no NetworkPolicy can",
        )
    }
}

/// The rule where one denies, and the policy.
impl fmt::Display for Culprit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.rule.and_then(|rule| rule.name.as_deref()) {
            write!(f, "rule `{name}` of ")?;
        }
        write!(f, "`{}`", self.placed.policy.object)
    }
}

/// What keeps a flow from passing one side, at the pods of a group: the rule that denies it, else what
/// [`blame`] says of the policies that isolate the pods. Without a flow only these are asked.
pub(super) fn culprit<'a>(
    context: &Context<'a>,
    (group, direction): (GroupId, Direction),
    flow: Option<&Flow<'_>>,
    speaks: impl Fn(Placed<'_>, &Rule) -> bool,
) -> Option<Culprit<'a>> {
    let by_rule = flow.and_then(|flow| denial(context, flow, direction));
    by_rule.or_else(|| {
        let placed = blame(context, group, direction, speaks)?;
        Some(Culprit { placed, rule: None })
    })
}

/// The rule that denies a flow on one side; `None` where none does, or the flow is denied without any.
pub(super) fn denial<'a>(
    context: &Context<'a>,
    flow: &Flow<'_>,
    direction: Direction,
) -> Option<Culprit<'a>> {
    let decision = decide(&context.snapshot.policies, context.snapshot.profile, flow);
    let mut steps = decision.steps.iter().rev();
    let step = steps.find(|step| step.direction == direction && step.action == Action::Deny)?;
    let rule = Some(step.rule?);
    let placed =
        context.policies().iter().copied().find(|placed| std::ptr::eq(placed.policy, step.policy))?;
    Some(Culprit { placed, rule })
}

/// The policy that a person would edit, of those that isolate the pods in this direction: one that
/// already speaks of the peer or the port, then the one that selects the most pods, then the first in
/// the manifests.
pub(super) fn blame<'a>(
    context: &Context<'a>,
    group: GroupId,
    direction: Direction,
    speaks: impl Fn(Placed<'_>, &Rule) -> bool,
) -> Option<Placed<'a>> {
    context.selecting(group).filter(|placed| placed.isolates(direction)).min_by_key(|placed| {
        let rules = placed.policy.rules(direction).unwrap_or_default();
        let selects =
            context.selected(placed.tier, &placed.policy.subject).map_or(0, |selected| selected.pods.len());
        (!rules.iter().any(|rule| speaks(*placed, rule)), Reverse(selects), placed.policy.name_span)
    })
}

/// Where a policy says that it isolates for a direction: the item of `policyTypes`, else the key of the
/// rule list, else its name.
pub(super) fn isolation(context: &Context<'_>, policy: &Policy, direction: Direction) -> Span {
    let sources = context.sources();
    let rest = text::rest_of_object(sources, policy.name_span);
    let of_types = || {
        let key = text::key(sources, rest, Spelling::of(&policy.object).types)?;
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
