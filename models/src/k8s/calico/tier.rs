//! Tiers (C-10, C-11).

use std::collections::HashSet;

use super::super::meta::Root;
use super::super::read::{Path, Reader, Unknown, fault};
use super::super::{Meta, Object, Policy, Spanned};
use super::policy::read_order;
use super::text::choice;
use super::{CalicoObject, Form, name, spanned};
use crate::diagnostic::{Finding, Severity};

/// A Tier, its defaults not yet applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Tier {
    /// Its name.
    pub meta: Meta,
    /// `order`; 1,000,000 where it is left out (C-10).
    pub order: Option<Spanned<f64>>,
    /// `defaultAction`; deny where it is left out (C-11).
    pub default_action: Option<Spanned<TierAction>>,
}

/// What becomes of a flow that no rule of a tier matches (C-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TierAction {
    /// It is denied.
    Deny,
    /// The next tier is asked.
    Pass,
}

/// The order of a tier that gives none, and of the tier `default` (C-10).
pub const DEFAULT_ORDER: f64 = 1_000_000.0;

/// The tiers that every installation has, with the order and action that they have (C-11).
pub const BUILT_IN: [(&str, f64, TierAction); 3] = [
    ("adminnetworkpolicy", 1_000.0, TierAction::Pass),
    ("default", DEFAULT_ORDER, TierAction::Deny),
    ("baselineadminnetworkpolicy", 10_000_000.0, TierAction::Pass),
];

pub(super) fn decode(reader: &mut Reader<'_>, root: Root<'_>, form: Form) -> Object {
    let path = Path::Root.field("spec");
    let [order, action] = root.spec.map_or([None; 2], |spec| {
        reader.fields(&path, &spec.value, ["order", "defaultAction"], Unknown::Refused(&[]))
    });
    name::check_tier(reader, &root.meta);
    let order = read_order(reader, &path.field("order"), order);
    let default_action = action.and_then(|entry| {
        let actions = [("Deny", TierAction::Deny), ("Pass", TierAction::Pass)];
        let action = choice(reader, &path.field("defaultAction"), &entry.value, "default actions", &actions)?;
        Some(spanned(action, entry))
    });
    let built_in = BUILT_IN.iter().find(|(name, ..)| **name == *root.meta.name.value);
    if let (Some((name, wanted, _)), Form::Api) = (built_in, form) {
        let given = order.map_or(DEFAULT_ORDER, |order| order.value);
        if given.to_bits() != wanted.to_bits() {
            let span = order.map_or(root.meta.name.span, |order| order.span);
            let message = format!("the order of the tier `{name}` is {wanted}, and no other");
            reader.report(
                fault("invalid-policy", &path.field("order"), span, message)
                    .help("write a tier of your own with the order that you need"),
            );
        }
    }
    let tier = Tier { meta: root.meta, order, default_action };
    Object::Calico(Box::new(CalicoObject::Tier(tier)))
}

/// Takes policies out that are in a tier which is not there, with a finding for each: the API refuses them, and
/// Felix takes no notice of those that are stored.
pub fn without_missing_tiers(policies: &mut Vec<Policy>, objects: &[CalicoObject]) -> Vec<Finding> {
    let mut known: HashSet<&str> = BUILT_IN.iter().map(|(name, ..)| *name).collect();
    known.extend(objects.iter().filter_map(|object| match object {
        CalicoObject::Tier(tier) => Some(&*tier.meta.name.value),
        _ => None,
    }));
    let mut findings = Vec::new();
    policies.retain(|policy| {
        let Policy::Calico(policy) = policy else { return true };
        let tier = &policy.tier;
        if known.contains(&*tier.value) {
            return true;
        }
        let refused = match policy.form {
            Form::Api => "the API would refuse the policy in a cluster without this tier",
            Form::Stored => "Felix would take no notice of the policy in a cluster without this tier",
        };
        let object = match &*policy.meta.namespace {
            "" => format!("{}/{}", policy.kind.name(), policy.meta.name.value),
            namespace => format!("{}/{namespace}/{}", policy.kind.name(), policy.meta.name.value),
        };
        let message = format!("no manifest defines the tier `{}`", tier.value);
        findings.push(
            Finding::new("invalid-policy", Severity::Error, tier.span, message)
                .object(object)
                .key("spec.tier")
                .help(refused)
                .help("add the Tier to the manifests: its order and default action decide what the policy does; npv leaves the policy out")
                .incomplete(),
        );
        false
    });
    findings
}
