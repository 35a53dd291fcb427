//! Laws of the reference semantics: what must not change a verdict, and what may change it in one
//! direction only. They need no second implementation.

mod coverage;
mod explanation;
mod rewrite;
mod sample;

use npv_models::decide::Outcome;
use npv_models::policy::{
    Action, Isolation, Mode, NoMatch, Peer, PeerMatch, Peers, PortItem, PortMatch, Ports, Rule,
};
use npv_models::space::{Operator, PortSet, Protocol, Requirement, Selector, Traffic};
use npv_tests::cases;
use npv_worlds::policies::rule;
use npv_worlds::{Shape, World, network_policy_worlds, worlds};
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

/// The choices of a selector, without what it requires.
fn choices_of(selector: &Selector) -> Vec<Selector> {
    selector.choices().iter().map(|choice| Selector::any(choice.iter().cloned())).collect()
}

/// All that a side passes, it still does; or nothing more, where `growing` is not so.
fn keeps(growing: bool, world: &World, samples: &[Sample], rewritten: &World) -> Result<(), TestCaseError> {
    for (before, after) in verdicts(world, samples).into_iter().zip(verdicts(rewritten, samples)) {
        let (less, more) = if growing { (&before, &after) } else { (&after, &before) };
        let within = |less: &Outcome, more: &Outcome| {
            less.certain.is_subset(&more.certain) && less.possible.is_subset(&more.possible)
        };
        let kept = within(&less.egress, &more.egress) && within(&less.ingress, &more.ingress);
        prop_assert!(kept, "{before:?} became {after:?} in {rewritten:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn order_is_irrelevant_where_tiers_have_none(world in worlds(Shape::ANY), samples in samples()) {
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
    fn policies_twice_say_the_same(world in worlds(Shape::ANY), samples in samples()) {
        let twice = each_tier(&world, |tier| {
            tier.policies = tier.policies.iter().flat_map(|policy| [policy.clone(), policy.clone()]).collect();
        });
        same(&world, &samples, &twice)?;
    }

    #[test]
    fn a_rule_is_its_peers_apart(world in worlds(Shape::ANY), samples in samples()) {
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
    fn a_rule_is_its_ports_apart(world in worlds(Shape::ANY), samples in samples()) {
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
    fn a_policy_is_its_rules_and_directions_apart(world in worlds(Shape::ANY), samples in samples()) {
        same(&world, &samples, &split_policies(&world))?;
    }

    #[test]
    fn a_block_is_its_halves(world in worlds(Shape { requests: true, ..Shape::SETTLED }), samples in samples()) {
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
    fn a_range_of_ports_is_its_parts(world in worlds(Shape::ANY), samples in samples()) {
        let parts = each_port_item(&world, |item| {
            let PortMatch::Numbers(traffic) = &item.matches else { return vec![item.clone()] };
            let mut parts = Vec::new();
            for protocol in Protocol::EVERY {
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
    fn in_is_any_of_its_values_and_exists_not_its_absence(world in worlds(Shape::ANY), samples in samples()) {
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
                    _ => vec![requirement.clone()],
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
                    // What is to be chosen from stays so.
                    let chosen = Selector::all(choices_of(&selector.pods));
                    selector.pods = Selector::all([Selector::new(requirements), chosen]);
                    Peer { matches: PeerMatch::Pods(selector), ..peer.clone() }
                })
                .collect()
        });
        same(&world, &samples, &rewritten)?;
    }

    #[test]
    fn logging_decides_nothing(world in worlds(Shape::ANY), samples in samples()) {
        let silent = each_rule(&world, |rule| {
            if rule.action == Action::Log { Vec::new() } else { vec![rule.clone()] }
        });
        same(&world, &samples, &silent)?;
    }

    #[test]
    fn one_more_allow_rule_never_closes_a_flow(
        world in network_policy_worlds(Shape::ANY),
        samples in samples(),
        rule in rule(Shape::ANY, &[Action::Allow]),
    ) {
        // Rules are added to lists that are there already.
        let more = each_list(&world, |rules| rules.push(rule.clone()));
        keeps(true, &world, &samples, &more)?;
    }

    #[test]
    fn one_more_isolating_policy_never_opens_a_flow(world in network_policy_worlds(Shape::ANY), samples in samples()) {
        let isolated = each_tier(&world, |tier| {
            let isolating: Vec<_> = tier
                .policies
                .iter()
                .map(|policy| {
                    let mut policy = policy.clone();
                    policy.subject.pods = Selector::EVERYTHING;
                    policy.ingress = Some(Vec::new());
                    policy.egress = Some(Vec::new());
                    policy.isolation = Isolation::BOTH;
                    policy
                })
                .collect();
            tier.policies.extend(isolating);
        });
        keeps(false, &world, &samples, &isolated)?;
    }

    #[test]
    fn denying_more_never_opens_a_flow(world in worlds(Shape::ANY), samples in samples(), rule in rule(Shape::ANY, &[Action::Allow])) {
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
        keeps(false, &world, &samples, &denying)?;
    }

    #[test]
    fn a_tier_that_nobody_takes_part_in_has_no_say(world in worlds(Shape::ANY), samples in samples()) {
        let mut more = world.clone();
        for layer in &mut more.policies.layers {
            let mut empty = layer.tiers[0].clone();
            empty.policies.clear();
            empty.no_match = NoMatch::Deny;
            for tier in &mut layer.tiers {
                tier.pass = tier.pass.map(|to| to + 1);
            }
            layer.tiers.insert(0, empty);
        }
        same(&world, &samples, &more)?;
    }

    #[test]
    fn layers_are_a_conjunction_in_any_order(left in worlds(Shape::ANY), right in worlds(Shape::ANY), samples in samples()) {
        let mut both = left.clone();
        both.policies.layers.extend(right.policies.layers.clone());
        let mut other = left.clone();
        other.policies.layers.clone_from(&right.policies.layers);
        let mut reversed = both.clone();
        reversed.policies.layers.reverse();
        same(&both, &samples, &reversed)?;
        let parts = verdicts(&left, &samples).into_iter().zip(verdicts(&other, &samples));
        for ((left, right), both) in parts.zip(verdicts(&both, &samples)) {
            prop_assert_eq!(both.egress, left.egress.and(&right.egress));
            prop_assert_eq!(both.ingress, left.ingress.and(&right.ingress));
        }
    }

    #[test]
    fn sides_mirror_each_other(world in worlds(Shape::ANY), samples in samples()) {
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
                let Isolation { ingress, egress } = policy.isolation;
                policy.isolation = Isolation { ingress: egress, egress: ingress };
            }
        });
        let mut mirrored = mirrored;
        for tunnel in mirrored.policies.layers.iter_mut().flat_map(|layer| &mut layer.tunnels) {
            std::mem::swap(&mut tunnel.src, &mut tunnel.dst);
        }
        let turned: Vec<Sample> = samples.iter().map(Sample::turned).collect();
        for (before, after) in verdicts(&world, &samples).into_iter().zip(verdicts(&mirrored, &turned)) {
            prop_assert_eq!(before.egress, after.ingress);
            prop_assert_eq!(before.ingress, after.egress);
        }
    }
}
