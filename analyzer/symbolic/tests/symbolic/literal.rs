//! The encoder without a solver: on a concrete flow every condition folds, to what `decide` says.

use npv_models::decide::{Exemption, Flow, Profile, Verdict, decide, decide_over};
use npv_models::policy::{Direction, PolicySet};
use npv_models::space::Family;
use npv_symbolic::encode::Encoder;
use npv_symbolic::term::Terms;
use npv_symbolic::vocabulary::Vocabulary;
use npv_symbolic::world::FlowTerms;
use proptest::prelude::*;

use crate::common::{self, OwnedFlow};

fn agree(policies: &PolicySet, profile: Profile, flow: &OwnedFlow) -> Result<(), TestCaseError> {
    flow.with(|flow| {
        let mut allowed = false;
        for family in flow.families() {
            allowed |= agree_over(policies, profile, flow, family)?;
        }
        prop_assert!(!allowed || decide(policies, profile, flow).verdict() == Verdict::Allow);
        Ok(())
    })
}

/// The flow is allowed in this family, and every condition on it says what `decide` says.
fn agree_over(
    policies: &PolicySet,
    profile: Profile,
    flow: &Flow<'_>,
    family: Option<Family>,
) -> Result<bool, TestCaseError> {
    let mut terms = Terms::default();
    let vocabulary = Vocabulary::new([policies], []);
    let literal = FlowTerms::literal(&mut terms, &vocabulary, flow, family);
    let encoded = Encoder { terms: &mut terms, vocabulary: &vocabulary, profile }.set(policies, &literal);
    let decision = decide_over(policies, profile, flow, family);
    // Where a pod runs may be unknown here; flows of the solver know it.
    let own_node = decision.exemption == Some(Exemption::OwnNode) && profile.own_node_can_be_denied;
    if own_node || [decision.egress, decision.ingress].contains(&Verdict::Unknown) {
        return Ok(false);
    }
    prop_assert_eq!(encoded.allow.literal(), Some(decision.verdict() == Verdict::Allow));
    if decision.exemption.is_none() {
        let side = |direction| encoded.side(direction).allow.literal();
        prop_assert_eq!(side(Direction::Egress), Some(decision.egress == Verdict::Allow));
        prop_assert_eq!(side(Direction::Ingress), Some(decision.ingress == Verdict::Allow));
    }
    // Every rule that decided for certain fires, in a tier that decides the same way.
    for step in decision.steps.iter().filter(|step| step.certain) {
        let found = encoded.side(step.direction).layers.iter().flat_map(|layer| &layer.tiers).any(|tier| {
            tier.rules().any(|rule| {
                let same = rule.id.of(policies).zip(step.rule);
                same.is_some_and(|((_, _, ours), theirs)| std::ptr::eq(ours, theirs))
                    && rule.fires.literal() == Some(true)
            })
        });
        prop_assert_eq!(found, step.rule.is_some());
    }
    Ok(decision.verdict() == Verdict::Allow)
}

proptest! {
    #![proptest_config(common::cases(4000))]

    #[test]
    fn every_literal_flow_folds_to_what_decide_says(
        policies in common::any_policies(), profile in common::profile(), flow in common::flow(),
    ) {
        agree(&policies, profile, &flow)?;
    }

    #[test]
    fn the_tiers_of_kubernetes_too(
        policies in common::kubernetes(), profile in common::profile(), flow in common::flow(),
    ) {
        agree(&policies, profile, &flow)?;
    }
}
