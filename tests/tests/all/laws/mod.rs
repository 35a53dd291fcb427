//! Laws of the reference semantics: what must not change a verdict, and what may change it in one
//! direction only. They need no second implementation.

mod coverage;
mod explanation;
mod rewrite;
mod sample;

use npv_models::decide::Verdict;
use npv_models::policy::{
    Action, Mode, NoMatch, Participation, Peer, PeerMatch, Peers, PortItem, PortMatch, Ports, Rule,
};
use npv_models::space::{Operator, PortSet, Protocol, Requirement, Selector, Traffic};
use npv_tests::cases;
use npv_tests::worlds::{World, allow_rules, network_policy_worlds, worlds};
use proptest::prelude::*;

use self::rewrite::{each_list, each_peer, each_port_item, each_rule, each_tier, split_policies};
use self::sample::{Sample, samples, verdicts};

/// The rewritten world gives the same answers.
fn same(world: &World, samples: &[Sample], rewritten: &World) -> Result<(), TestCaseError> {
    for (before, after) in verdicts(world, samples).into_iter().zip(verdicts(rewritten, samples)) {
        prop_assert_eq!(before, after, "became {:?}", rewritten);
    }
    Ok(())
}

/// No side of any flow goes from `verdict` to its opposite.
fn keeps(
    verdict: Verdict,
    world: &World,
    samples: &[Sample],
    rewritten: &World,
) -> Result<(), TestCaseError> {
    for (before, after) in verdicts(world, samples).into_iter().zip(verdicts(rewritten, samples)) {
        prop_assert!(before.egress != verdict || after.egress == verdict, "{before:?} became {rewritten:?}");
        prop_assert!(
            before.ingress != verdict || after.ingress == verdict,
            "{before:?} became {rewritten:?}"
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn order_is_irrelevant_where_tiers_have_none(world in worlds(), samples in samples()) {
        let reversed = each_tier(&world, |tier| {
            if tier.mode != Mode::FirstMatch {
                tier.policies.reverse();
                for policy in &mut tier.policies {
                    policy.ingress.iter_mut().chain(&mut policy.egress).for_each(|rules| rules.reverse());
                }
            }
        });
        same(&world, &samples, &reversed)?;
    }

    #[test]
    fn policies_twice_say_the_same(world in worlds(), samples in samples()) {
        let twice = each_tier(&world, |tier| {
            tier.policies = tier.policies.iter().flat_map(|policy| [policy.clone(), policy.clone()]).collect();
        });
        same(&world, &samples, &twice)?;
    }

    #[test]
    fn a_rule_is_its_peers_apart(world in worlds(), samples in samples()) {
        let apart = each_rule(&world, |rule| match &rule.peers {
            Peers::Anyone => vec![rule.clone()],
            Peers::Listed(peers) => peers
                .iter()
                .map(|peer| Rule { peers: Peers::Listed(vec![peer.clone()]), ..rule.clone() })
                .collect(),
        });
        same(&world, &samples, &apart)?;
    }

    #[test]
    fn a_rule_is_its_ports_apart(world in worlds(), samples in samples()) {
        let apart = each_rule(&world, |rule| match &rule.ports {
            Ports::All => vec![rule.clone()],
            Ports::Listed(items) => items
                .iter()
                .map(|item| Rule { ports: Ports::Listed(vec![item.clone()]), ..rule.clone() })
                .collect(),
        });
        same(&world, &samples, &apart)?;
    }

    #[test]
    fn a_policy_is_its_rules_and_directions_apart(world in worlds(), samples in samples()) {
        same(&world, &samples, &split_policies(&world))?;
    }

    #[test]
    fn a_block_is_its_halves(world in worlds(), samples in samples()) {
        let halved = each_peer(&world, |peer| {
            let PeerMatch::Block { cidr, except } = &peer.matches else { return vec![peer.clone()] };
            let Ok(halves) = cidr.subnets(cidr.prefix_len() + 1) else { return vec![peer.clone()] };
            halves
                .map(|cidr| Peer { matches: PeerMatch::Block { cidr, except: except.clone() }, ..peer.clone() })
                .collect()
        });
        same(&world, &samples, &halved)?;
    }

    #[test]
    fn a_range_of_ports_is_its_parts(world in worlds(), samples in samples()) {
        let parts = each_port_item(&world, |item| {
            let PortMatch::Numbers(traffic) = &item.matches else { return vec![item.clone()] };
            let mut parts = Vec::new();
            for protocol in Protocol::ALL {
                for (first, last) in traffic.ports(protocol).intervals().iter().copied() {
                    let rest = if first < last { PortSet::range(first + 1, last) } else { PortSet::EMPTY };
                    for ports in [PortSet::single(first), rest] {
                        let matches = PortMatch::Numbers(Traffic::of(protocol, ports));
                        parts.push(PortItem { matches, ..item.clone() });
                    }
                }
            }
            parts
        });
        same(&world, &samples, &parts)?;
    }

    #[test]
    fn in_is_any_of_its_values_and_exists_not_its_absence(world in worlds(), samples in samples()) {
        let rewritten = each_peer(&world, |peer| {
            let PeerMatch::Pods(selector) = &peer.matches else { return vec![peer.clone()] };
            let mut alternatives = vec![Vec::new()];
            for requirement in selector.pods.requirements() {
                let choices: Vec<Requirement> = match requirement.operator {
                    Operator::In => requirement
                        .values
                        .iter()
                        .map(|value| Requirement::new(requirement.key.clone(), Operator::In, [value.clone()]))
                        .collect(),
                    // `k notin (x)` is `!k`, or `k` with `k notin (x)`.
                    Operator::NotIn => {
                        let absent = Requirement::new(requirement.key.clone(), Operator::DoesNotExist, [""; 0]);
                        vec![absent, requirement.clone()]
                    }
                    Operator::Exists | Operator::DoesNotExist => vec![requirement.clone()],
                };
                alternatives = alternatives
                    .into_iter()
                    .flat_map(|before: Vec<Requirement>| {
                        choices.iter().map(move |choice| {
                            let mut all = before.clone();
                            all.push(choice.clone());
                            all
                        })
                    })
                    .collect();
            }
            alternatives
                .into_iter()
                .map(|requirements| {
                    let mut selector = selector.clone();
                    selector.pods = Selector::new(requirements);
                    Peer { matches: PeerMatch::Pods(selector), ..peer.clone() }
                })
                .collect()
        });
        same(&world, &samples, &rewritten)?;
    }

    #[test]
    fn logging_decides_nothing(world in worlds(), samples in samples()) {
        let silent = each_rule(&world, |rule| {
            if rule.action == Action::Log { Vec::new() } else { vec![rule.clone()] }
        });
        same(&world, &samples, &silent)?;
    }

    #[test]
    fn one_more_allow_rule_never_closes_a_flow(
        world in network_policy_worlds(),
        samples in samples(),
        rule in allow_rules(),
    ) {
        // Rules are added to lists that isolate already.
        let more = each_list(&world, |rules| rules.push(rule.clone()));
        keeps(Verdict::Allow, &world, &samples, &more)?;
    }

    #[test]
    fn one_more_isolating_policy_never_opens_a_flow(world in network_policy_worlds(), samples in samples()) {
        let isolated = each_tier(&world, |tier| {
            let isolating: Vec<_> = tier
                .policies
                .iter()
                .map(|policy| {
                    let mut policy = policy.clone();
                    policy.subject.pods = Selector::EVERYTHING;
                    policy.ingress = Some(Vec::new());
                    policy.egress = Some(Vec::new());
                    policy
                })
                .collect();
            tier.policies.extend(isolating);
        });
        keeps(Verdict::Deny, &world, &samples, &isolated)?;
    }

    #[test]
    fn denying_more_never_opens_a_flow(world in worlds(), samples in samples(), rule in allow_rules()) {
        // Where a denial has a say, and cannot hand a participant over to a later tier.
        let denying = each_tier(&world, |tier| {
            if tier.mode == Mode::Union {
                return;
            }
            for policy in &mut tier.policies {
                for rules in policy.ingress.iter_mut().chain(&mut policy.egress) {
                    rules.insert(0, Rule { action: Action::Deny, ..rule.clone() });
                }
            }
        });
        keeps(Verdict::Deny, &world, &samples, &denying)?;
    }

    #[test]
    fn a_tier_that_nobody_takes_part_in_has_no_say(world in worlds(), samples in samples()) {
        let mut more = world.clone();
        for layer in &mut more.policies.layers {
            let mut empty = layer.tiers[0].clone();
            empty.policies.clear();
            empty.participation = Participation::Selected;
            empty.no_match = NoMatch::Deny;
            layer.tiers.insert(0, empty);
        }
        same(&world, &samples, &more)?;
    }

    #[test]
    fn layers_are_a_conjunction_in_any_order(left in worlds(), right in worlds(), samples in samples()) {
        let mut both = left.clone();
        both.policies.layers.extend(right.policies.layers.clone());
        let mut other = left.clone();
        other.policies.layers.clone_from(&right.policies.layers);
        let mut reversed = both.clone();
        reversed.policies.layers.reverse();
        same(&both, &samples, &reversed)?;
        let parts = verdicts(&left, &samples).into_iter().zip(verdicts(&other, &samples));
        for ((left, right), both) in parts.zip(verdicts(&both, &samples)) {
            let and = |a, b| if a == Verdict::Allow { b } else { a };
            prop_assert_eq!(both.egress, and(left.egress, right.egress));
            prop_assert_eq!(both.ingress, and(left.ingress, right.ingress));
        }
    }

    #[test]
    fn sides_mirror_each_other(world in worlds(), samples in samples()) {
        // Two things have a direction: names of ports belong to the destination, and a node reaches its
        // own pods.
        let mut world = each_port_item(&world, |item| match item.matches {
            PortMatch::Numbers(_) => vec![item.clone()],
            PortMatch::Named { .. } => Vec::new(),
        });
        for member in world.cluster.groups.iter_mut().flat_map(|group| &mut group.members) {
            member.node = None;
        }
        let mirrored = each_tier(&world, |tier| {
            for policy in &mut tier.policies {
                std::mem::swap(&mut policy.ingress, &mut policy.egress);
            }
        });
        let turned: Vec<Sample> = samples.iter().map(Sample::turned).collect();
        for (before, after) in verdicts(&world, &samples).into_iter().zip(verdicts(&mirrored, &turned)) {
            prop_assert_eq!(before.egress, after.ingress);
            prop_assert_eq!(before.ingress, after.egress);
        }
    }
}
