//! Tiers as data: their order, and what becomes of what no rule matches (C-10 to C-16).

use std::collections::BTreeMap;

use super::super::{Enforcer, Stage};
use crate::cni::Cni;
use crate::k8s::{BUILT_IN_TIERS, CalicoObject, DEFAULT_TIER_ORDER, TierAction};
use crate::policy::{Mode, NoMatch, Priority};

/// The tier of Kubernetes' NetworkPolicies, and of what says none.
pub(super) const DEFAULT: &str = "default";
/// The tiers of cluster-wide policies of Kubernetes.
pub(super) const ADMIN: &str = "adminnetworkpolicy";
pub(super) const BASELINE: &str = "baselineadminnetworkpolicy";

/// The order of a NetworkPolicy of Kubernetes, and of a BaselineAdminNetworkPolicy (C-60, C-63).
pub(super) const KUBERNETES_ORDER: f64 = 1000.0;

/// The tiers of a cluster.
#[derive(Debug, Default)]
pub(super) struct Tiers<'a>(BTreeMap<&'a str, (f64, TierAction)>);

impl<'a> Tiers<'a> {
    /// Those that every installation has, and those of the manifests.
    pub(super) fn new(objects: &'a [CalicoObject]) -> Self {
        let mut tiers: BTreeMap<&str, (f64, TierAction)> = BTreeMap::new();
        tiers.extend(BUILT_IN_TIERS.iter().map(|(name, order, action)| (*name, (*order, *action))));
        for object in objects {
            let CalicoObject::Tier(tier) = object else { continue };
            let order = tier.order.map_or(DEFAULT_TIER_ORDER, |order| order.value);
            let action = tier.default_action.map_or(TierAction::Deny, |action| action.value);
            tiers.insert(&tier.meta.name.value, (order, action));
        }
        Self(tiers)
    }

    /// The place of a tier among all: by order, of equal orders by name (C-10).
    pub(super) fn rank(&self, name: &str) -> usize {
        let of = |name: &str| self.0.get(name).map_or(DEFAULT_TIER_ORDER, |(order, _)| *order);
        let own = of(name);
        let before = |(other, (order, _)): &(&&str, &(f64, TierAction))| {
            order.total_cmp(&own).then_with(|| (**other).cmp(name)).is_lt()
        };
        self.0.iter().filter(before).count()
    }

    /// A tier as a stage of the network plugin: of equal orders the name decides.
    pub(super) fn stage(&self, name: &str) -> Stage {
        let (order, action) = self.0.get(name).copied().unwrap_or((DEFAULT_TIER_ORDER, TierAction::Deny));
        Stage {
            enforcer: Enforcer::Cni,
            order: Priority::tied(Some(order), ""),
            name: name.into(),
            mode: Mode::FirstMatch,
            no_match: match action {
                TierAction::Deny => NoMatch::Deny,
                TierAction::Pass => NoMatch::NextTier,
            },
            pass: None,
            fixed: None,
        }
    }
}

/// Where a policy stands in its tier: by its order, the last without, then by what it is stored as (C-13). From
/// 3.32 on by name, namespace and kind.
pub(super) fn priority(cni: &Cni, order: Option<f64>, kind: &str, namespace: &str, stored: &str) -> Priority {
    let tie = if cni.since(3, 32) {
        format!("{stored}\u{0}{namespace}\u{0}{kind}")
    } else if namespace.is_empty() {
        stored.to_owned()
    } else {
        format!("{namespace}/{stored}")
    };
    Priority::tied(order, tie)
}
