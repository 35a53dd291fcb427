//! What a tier had to say, and why nobody had to, in words.

use npv_models::policy::{Action, Direction};

use crate::query::trace::{Default, Step};

/// What a step says of the flow: `NetworkPolicy: this rule allows it`.
pub(super) fn said(step: &Step) -> String {
    match (&step.rule, step.action) {
        (None, Action::Allow) => format!("{}: no rule matches, the tier allows", step.tier),
        (None, _) => format!("{}: isolated, and no rule allows this", step.tier),
        (Some(_), Action::Allow) => format!("{}: this rule allows it", step.tier),
        (Some(_), Action::Deny) => format!("{}: this rule denies it", step.tier),
        (Some(_), Action::Pass) => {
            format!("{}: this rule passes it on, past the rest of the tier", step.tier)
        }
        (Some(_), Action::Log) => format!("{}: this rule logs it", step.tier),
        (Some(_), Action::Unknown) => format!("{}: nobody can tell what this does", step.tier),
    }
}

/// Why a side allows what no tier decides; `of` is the end that it is about.
pub(super) fn explain(default: Default, direction: Direction, of: &str) -> String {
    match default {
        Default::NotSelected => format!("no policy selects {of} for {direction}"),
        Default::Undecided => format!("no policy that selects {of} for {direction} decides it"),
        Default::NoPod => format!("no policy applies to {of}"),
        Default::Itself => "a pod cannot block itself".to_owned(),
        Default::OwnNode => "a node always reaches its own pods".to_owned(),
    }
}
