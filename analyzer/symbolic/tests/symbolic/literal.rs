//! The encoder without a solver: on a concrete flow every condition folds, to what `decide` says.

use npv_models::decide::Profile;
use npv_models::decide::{Verdict, decide};
use npv_models::policy::{Direction, PolicySet};
use npv_symbolic::encode::Encoder;
use npv_symbolic::term::Terms;
use npv_symbolic::vocabulary::Vocabulary;
use npv_symbolic::world::FlowTerms;
use proptest::prelude::*;

use crate::common::{self, OwnedFlow};

fn agree(policies: &PolicySet, profile: Profile, flow: &OwnedFlow) -> Result<(), TestCaseError> {
    flow.with(|flow| {
        let mut terms = Terms::default();
        let vocabulary = Vocabulary::new([policies], []);
        let literal = FlowTerms::literal(&mut terms, &vocabulary, flow);
        let encoded = Encoder { terms: &mut terms, vocabulary: &vocabulary, profile }.set(policies, &literal);
        let decision = decide(policies, profile, flow);
        prop_assert_eq!(encoded.allow.literal(), Some(decision.verdict() == Verdict::Allow));
        if decision.exemption.is_none() {
            let side = |direction| encoded.side(direction).allow.literal();
            prop_assert_eq!(side(Direction::Egress), Some(decision.egress == Verdict::Allow));
            prop_assert_eq!(side(Direction::Ingress), Some(decision.ingress == Verdict::Allow));
        }
        // Every rule that decided fires, in a tier that decides the same way.
        for step in &decision.steps {
            let found =
                encoded.side(step.direction).layers.iter().flat_map(|layer| &layer.tiers).any(|tier| {
                    tier.rules().any(|rule| {
                        let same = rule.id.of(policies).zip(step.rule);
                        same.is_some_and(|((_, _, ours), theirs)| std::ptr::eq(ours, theirs))
                            && rule.fires.literal() == Some(true)
                    })
                });
            prop_assert_eq!(found, step.rule.is_some());
        }
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

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
