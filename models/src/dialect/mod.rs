//! From decoded policies to the policy IR: one file for each dialect, one line each in [`DIALECTS`].

mod admin;
mod network_policy;

#[cfg(test)]
mod tests;

use crate::k8s;
use crate::policy::{Layer, Mode, NoMatch, Participation, Policy, PolicySet, Profile, Tier};

/// A stage that a flow meets. The order of the variants is the order of evaluation, layer by layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// Cluster-wide policies that nothing overrides (S-60).
    Admin,
    /// `NetworkPolicy` objects of the network plugin.
    NetworkPolicy,
    /// Cluster-wide policies for pods that no NetworkPolicy isolates (S-60).
    Baseline,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Admin, Self::NetworkPolicy, Self::Baseline];

    /// The layer that it is in, and the stage as a tier without policies.
    fn tier(self) -> (&'static str, Tier) {
        // S-61, S-66.
        let ordered = |name| Tier {
            name,
            mode: Mode::FirstMatch,
            participation: Participation::Everybody,
            no_match: NoMatch::NextTier,
            fixed: Some(Profile::ADMIN),
            policies: Vec::new(),
        };
        match self {
            Self::Admin => ("CNI", ordered("Admin")),
            Self::Baseline => ("CNI", ordered("Baseline")),
            Self::NetworkPolicy => (
                "CNI",
                Tier {
                    name: "NetworkPolicy",
                    mode: Mode::Union,
                    participation: Participation::Selected,
                    no_match: NoMatch::Deny,
                    fixed: None,
                    policies: Vec::new(),
                },
            ),
        }
    }
}

/// Lowers the policies of one dialect; `None` for those of another.
type Dialect = fn(&k8s::Policy) -> Option<(Stage, Policy)>;

/// One line for each dialect.
const DIALECTS: &[Dialect] = &[network_policy::lower, admin::lower];

/// Lowers policies of all dialects. Stages without policies are left out: a flow that meets nothing
/// is allowed.
pub fn lower(policies: &[k8s::Policy]) -> PolicySet {
    let mut lowered: Vec<(Stage, Policy)> =
        policies.iter().filter_map(|policy| DIALECTS.iter().find_map(|dialect| dialect(policy))).collect();
    lowered.sort_by(|(a_stage, a), (b_stage, b)| {
        let key = |policy: &Policy| (policy.priority, std::sync::Arc::clone(&policy.object));
        (a_stage, key(a)).cmp(&(b_stage, key(b)))
    });
    let mut set = PolicySet::default();
    let mut lowered = lowered.into_iter().peekable();
    for stage in Stage::ALL {
        let (layer, mut tier) = stage.tier();
        while let Some((_, policy)) = lowered.next_if(|(of, _)| *of == stage) {
            tier.policies.push(policy);
        }
        if tier.policies.is_empty() {
            continue;
        }
        match set.layers.last_mut().filter(|last| last.name == layer) {
            Some(last) => last.tiers.push(tier),
            None => set.layers.push(Layer { name: layer, tiers: vec![tier] }),
        }
    }
    set
}
