//! Laws of the steps and of the nearest rules.

use npv_models::decide::{Decision, Exemption, Unmet, Verdict, decide, decide_over, nearest};
use npv_models::policy::{Action, Direction, NamespaceSelector, Peers, PodSelector, PolicySet, Ports, Rule};
use npv_models::space::Selector;
use npv_tests::cases;
use npv_worlds::{Shape, worlds};
use proptest::prelude::*;

use super::sample::{each_flow, samples};

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn steps_lead_to_the_verdict(world in worlds(Shape::SETTLED), samples in samples()) {
        let mut wrong = Vec::new();
        each_flow(&world, &samples, |flow, name| {
            let decision = decide(&world.policies, world.profile, flow);
            if is_vague(&decision) {
                return;
            }
            let sides = [(Direction::Egress, decision.egress), (Direction::Ingress, decision.ingress)];
            for (direction, verdict) in sides {
                let steps = || decision.steps.iter().filter(|step| step.direction == direction);
                let denied = steps().any(|step| step.action == Action::Deny);
                let names_its_rule = steps().all(|step| step.rule.is_none_or(|rule| {
                    rule.action == step.action
                        && step.policy.rules(direction).unwrap().iter().any(|other| std::ptr::eq(other, rule))
                }));
                let explained = (verdict == Verdict::Deny) == denied;
                // A layer asks nothing after it has decided for certain, but in the tiers that something may have
                // passed to.
                let ends_each_layer = world.policies.layers.iter().all(|layer| {
                    let mut steps = steps().filter(|step| *step.layer == *layer.name);
                    let mut passed = false;
                    let decided = steps.by_ref().any(|step| {
                        passed |= step.action == Action::Pass && !step.certain;
                        step.certain && step.action != Action::Pass
                    });
                    !decided || passed || steps.next().is_none()
                });
                if !(names_its_rule && explained && ends_each_layer) {
                    wrong.push(format!("{direction} {name}: {:?} {:?}", verdict, decision.steps));
                }
            }
            if decision.exemption == Some(Exemption::Itself) && decision.verdict() == Verdict::Deny {
                wrong.push(name);
            }
        });
        prop_assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn the_family_that_is_explained_is_the_best(world in worlds(Shape::SETTLED), samples in samples()) {
        let sides = |decision: &Decision<'_>| (decision.egress, decision.ingress);
        let allowing = |(egress, ingress): (Verdict, Verdict)| {
            usize::from(egress == Verdict::Allow) + usize::from(ingress == Verdict::Allow)
        };
        let mut wrong = Vec::new();
        each_flow(&world, &samples, |flow, name| {
            let decision = decide(&world.policies, world.profile, flow);
            let families = flow.families();
            let over = |family| sides(&decide_over(&world.policies, world.profile, flow, family));
            let best = families.iter().map(|family| allowing(over(*family))).max();
            let same = families.contains(&decision.family) && over(decision.family) == sides(&decision);
            if !same || best != Some(allowing(sides(&decision))) {
                wrong.push(format!("{name}: {:?}", decision.family));
            }
        });
        prop_assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn the_nearest_rules_would_allow_if_they_asked_nothing(world in worlds(Shape::SETTLED), samples in samples()) {
        prop_assume!(world.policies.layers.len() == 1);
        let mut wrong = Vec::new();
        each_flow(&world, &samples, |flow, name| {
            let decision = decide(&world.policies, world.profile, flow);
            if is_vague(&decision) {
                return;
            }
            let near = nearest(&decision, world.profile, flow);
            if near.iter().any(|near| near.unmet.is_empty()) {
                wrong.push(format!("{name}: {near:?}"));
            }
            for near in near {
                let outranked = near.unmet.iter().any(|unmet| matches!(unmet, Unmet::Outranked { .. }));
                let open = without_conditions(&world.policies, near.rule);
                let after = decide_over(&open, world.profile, flow, decision.family);
                let verdict = if near.direction == Direction::Ingress { after.ingress } else { after.egress };
                let passes = near.policy.rules(near.direction).unwrap().iter().any(|rule| rule.action == Action::Pass);
                let expected = if outranked { Verdict::Deny } else { Verdict::Allow };
                // Where a rule before it only may have its say, so does this one.
                let unsettled = decision.steps.iter().any(|step| step.direction == near.direction && !step.certain);
                let as_expected = verdict == expected || unsettled && verdict == Verdict::Unknown;
                // What passes may be allowed by a later tier.
                if !as_expected && !(outranked && passes) {
                    wrong.push(format!("{name}: {near:?}"));
                }
            }
        });
        prop_assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

/// Whether a side depends on who an assumed pod is.
fn is_vague(decision: &Decision<'_>) -> bool {
    [decision.egress, decision.ingress].contains(&Verdict::Unknown)
}

/// The policies with this rule, and its policy's subject, matching everything.
fn without_conditions(policies: &PolicySet, wanted: &Rule) -> PolicySet {
    let mut open = policies.clone();
    for (layer, tier, policy) in positions(policies) {
        for direction in Direction::ALL {
            let rules =
                policies.layers[layer].tiers[tier].policies[policy].rules(direction).unwrap_or_default();
            let Some(index) = rules.iter().position(|rule| std::ptr::eq(rule, wanted)) else { continue };
            let policy = &mut open.layers[layer].tiers[tier].policies[policy];
            let namespaces = NamespaceSelector::Labels(Selector::EVERYTHING);
            policy.subject = PodSelector { namespaces, pods: Selector::EVERYTHING };
            let rules = match direction {
                Direction::Ingress => policy.ingress.as_mut(),
                Direction::Egress => policy.egress.as_mut(),
            };
            let rule = &mut rules.unwrap()[index];
            rule.own = Peers::Anyone;
            rule.peers = Peers::Anyone;
            rule.ports = Ports::All;
            rule.not_ports.clear();
        }
    }
    open
}

fn positions(policies: &PolicySet) -> Vec<(usize, usize, usize)> {
    let mut found = Vec::new();
    for (layer, tiers) in policies.layers.iter().map(|layer| &layer.tiers).enumerate() {
        for (tier, policies) in tiers.iter().map(|tier| &tier.policies).enumerate() {
            found.extend((0..policies.len()).map(|policy| (layer, tier, policy)));
        }
    }
    found
}
