//! The random worlds of these tests.

use npv_models::policy::{Action, PolicySet, Profile, Rule};
use npv_worlds::{Shape, policies};
use proptest::prelude::*;

pub(crate) use npv_worlds::cases;
pub(crate) use npv_worlds::flows::{OwnedEnd, OwnedFlow, flow, pod, possible_flow};

/// Any number of layers and tiers of every mode.
pub(crate) fn any_policies() -> impl Strategy<Value = PolicySet> {
    policies::policy_sets(Shape::PLAIN)
}

/// What Kubernetes has: Admin, NetworkPolicy and Baseline tiers of one layer.
pub(crate) fn kubernetes() -> impl Strategy<Value = PolicySet> {
    policies::kubernetes(Shape::PLAIN)
}

pub(crate) fn rule(actions: &'static [Action]) -> impl Strategy<Value = Rule> {
    policies::rule(Shape::PLAIN, actions)
}

pub(crate) fn profile() -> impl Strategy<Value = Profile> {
    policies::profiles()
}
