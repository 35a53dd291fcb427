//! Laws that hold for all policies.

use std::collections::BTreeSet;

use npv_models::decide::Profile;
use npv_models::policy::{Action, Direction, PolicySet, Rule};
use npv_symbolic::encode::{PolicyId, RuleId};
use npv_symbolic::rules::Need;
use npv_symbolic::session::{Options, Search, Session};
use npv_symbolic::spec::Question;
use proptest::prelude::*;

use crate::common;

fn session<'p>(sets: &[&'p PolicySet]) -> Session<'p> {
    Session::new(sets, Profile::default(), Options::default(), &[])
}

fn rules(policies: &PolicySet, tier: usize) -> Vec<RuleId> {
    let mut ids = Vec::new();
    for (policy, content) in policies.layers[0].tiers[tier].policies.iter().enumerate() {
        for direction in Direction::ALL {
            for rule in 0..content.rules(direction).map_or(0, <[Rule]>::len) {
                ids.push(RuleId { policy: PolicyId { layer: 0, tier, policy }, direction, rule });
            }
        }
    }
    ids
}

/// The policies without some rules.
fn without(policies: &PolicySet, gone: &[RuleId]) -> PolicySet {
    let mut policies = policies.clone();
    let mut gone = gone.to_vec();
    // From the back, so that positions stay valid.
    gone.sort_unstable();
    for id in gone.iter().rev() {
        let policy = &mut policies.layers[id.policy.layer].tiers[id.policy.tier].policies[id.policy.policy];
        let list = match id.direction {
            Direction::Ingress => policy.ingress.as_mut(),
            Direction::Egress => policy.egress.as_mut(),
        };
        list.unwrap().remove(id.rule);
    }
    policies
}

proptest! {
    #![proptest_config(common::cases(300))]

    #[test]
    fn an_allow_more_never_closes_a_flow(
        policies in common::kubernetes(), rule in common::rule(&[Action::Allow]), which in any::<usize>(),
    ) {
        let mut more = policies.clone();
        let union = &mut more.layers[0].tiers[1].policies;
        // Into a list that is there: a new list would isolate.
        let mut lists: Vec<_> = union
            .iter_mut()
            .flat_map(|policy| [policy.ingress.as_mut(), policy.egress.as_mut()])
            .flatten()
            .collect();
        prop_assume!(!lists.is_empty());
        let list = which % lists.len();
        lists[list].push(rule);
        let mut session = session(&[&policies, &more]);
        prop_assert_eq!(session.implies(0, 1, &Question::anything()).unwrap(), Search::Nothing);
    }

    #[test]
    fn order_within_a_union_tier_is_irrelevant(policies in common::kubernetes()) {
        let mut turned = policies.clone();
        let union = &mut turned.layers[0].tiers[1].policies;
        union.reverse();
        for policy in union {
            for rules in [&mut policy.ingress, &mut policy.egress].into_iter().flatten() {
                rules.reverse();
            }
        }
        prop_assert!(session(&[&policies, &turned]).difference(0, 1, &Question::anything()).unwrap().none());
    }

    #[test]
    fn a_set_is_equivalent_to_itself_and_implication_is_transitive(
        a in common::kubernetes(), b in common::kubernetes(), c in common::kubernetes(),
    ) {
        let mut session = session(&[&a, &b, &c]);
        let anything = Question::anything();
        prop_assert!(session.difference(0, 0, &anything).unwrap().none());
        let mut implies = |x, y| session.implies(x, y, &anything).unwrap() == Search::Nothing;
        for [x, y, z] in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            if implies(x, y) && implies(y, z) {
                prop_assert!(implies(x, z));
            }
        }
    }

    #[test]
    fn what_is_not_needed_can_go(policies in common::kubernetes()) {
        let mut gone = BTreeSet::new();
        let mut session = session(&[&policies]);
        for id in rules(&policies, 1).into_iter().rev() {
            match session.rule_needed(0, id, &gone) {
                Need::Needed => {}
                Need::Unmatchable => {
                    gone.insert(id);
                }
                Need::Hidden(by) => {
                    // Every rule that is named is necessary: without it, this one matters.
                    for one in &by {
                        let mut without_one: BTreeSet<_> = rules(&policies, 1).into_iter().collect();
                        by.iter().filter(|other| *other != one).for_each(|other| {
                            without_one.remove(other);
                        });
                        prop_assert_eq!(session.rule_needed(0, id, &without_one), Need::Needed);
                    }
                    gone.insert(id);
                }
                Need::Unknown(why) => prop_assert!(false, "{}", why),
            }
        }
        let less = without(&policies, &gone.into_iter().collect::<Vec<_>>());
        let mut session = self::session(&[&policies, &less]);
        prop_assert!(session.difference(0, 1, &Question::anything()).unwrap().none());
    }

    #[test]
    fn an_answer_does_not_depend_on_what_was_asked_before(policies in common::kubernetes()) {
        let mut ids = rules(&policies, 1);
        let none = BTreeSet::new();
        let mut asked = session(&[&policies]);
        let forward: Vec<_> = ids.iter().map(|id| asked.rule_needed(0, *id, &none)).collect();
        ids.reverse();
        let mut asked = session(&[&policies]);
        let mut backward: Vec<_> = ids.iter().map(|id| asked.rule_needed(0, *id, &none)).collect();
        backward.reverse();
        prop_assert_eq!(&forward, &backward);
        ids.reverse();
        for (id, need) in ids.iter().zip(&forward) {
            let Need::Hidden(by) = need else { continue };
            prop_assert_eq!(&session(&[&policies]).rule_needed(0, *id, &none), need);
            // It is the first of the reasons that there are: one that is enough alone, or what is left when all
            // that can be taken away is, from the end.
            let hidden_by = |wanted: &[RuleId]| {
                let others = ids.iter().filter(|other| !wanted.contains(other)).copied().collect();
                session(&[&policies]).rule_needed(0, *id, &others) != Need::Needed
            };
            let others: Vec<RuleId> = ids.iter().filter(|other| *other != id).copied().collect();
            let mut first = others;
            if let Some(one) = first.iter().copied().find(|one| hidden_by(&[*one])) {
                first = vec![one];
            }
            for place in (0..first.len()).rev() {
                let mut fewer = first.clone();
                fewer.remove(place);
                if hidden_by(&fewer) {
                    first = fewer;
                }
            }
            prop_assert_eq!(by, &first);
        }
    }

    #[test]
    fn what_never_decides_can_go_and_what_decides_shows(policies in common::kubernetes(), tier in 0_usize..2) {
        let tier = tier * 2;
        for id in rules(&policies, tier) {
            let less = without(&policies, &[id]);
            let mut session = session(&[&policies, &less]);
            match session.rule_decides(0, id) {
                Need::Hidden(by) => {
                    prop_assert!(!by.is_empty() && by.iter().all(|other| *other != id));
                    prop_assert!(session.difference(0, 1, &Question::anything()).unwrap().none());
                    // With nothing but the rules that hide it, it is still hidden.
                    let others: Vec<_> =
                        rules(&policies, tier).into_iter().filter(|other| *other != id && !by.contains(other)).collect();
                    let only = without(&policies, &others);
                    let remaining = rules(&only, tier);
                    let hidden = remaining.iter().any(|id| {
                        matches!(self::session(&[&only]).rule_decides(0, *id), Need::Hidden(_))
                    });
                    prop_assert!(hidden);
                }
                Need::Unmatchable => {
                    prop_assert!(session.difference(0, 1, &Question::anything()).unwrap().none());
                }
                Need::Needed => {}
                Need::Unknown(why) => prop_assert!(false, "{}", why),
            }
        }
    }
}
