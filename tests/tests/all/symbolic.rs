//! The symbolic engine agrees with the reference semantics on random small worlds: every pair of ends has
//! the verdict that it should have and no other, and what is found to have no effect has none.

#![cfg(feature = "z3")]

use std::collections::BTreeSet;
use std::net::IpAddr;

use npv_models::cluster::Cluster;
use npv_models::decide::{End, Flow, PodEnd, Verdict, decide_over};
use npv_models::policy::{Direction, PolicySet};
use npv_models::space::{IpSet, Protocol};
use npv_symbolic::encode::{PolicyId, RuleId};
use npv_symbolic::lint::{Fact, Input, World as Where, facts};
use npv_symbolic::session::{Options, Session};
use npv_tests::cases;
use npv_worlds::{Inventory, Shape, Spaces, Who, World, worlds};
use proptest::prelude::*;

/// Every pod, node and boundary address of the world.
fn ends(world: &World, inventory: &Inventory<'_>) -> Vec<Who> {
    inventory.members().into_iter().chain(world.outside_addresses().into_iter().map(Who::Address)).collect()
}

/// A flow of the solver may have ends without an address, which are in no block.
static NOWHERE: IpSet = IpSet::EMPTY;

/// The pod as one of many, so that it is neither the other end nor on its node, unless that is all that the
/// network sees of it.
fn anywhere(end: End<'_>) -> End<'_> {
    match end {
        End::Pod(pod) if pod.host_network => End::Pod(PodEnd { name: None, within: &NOWHERE, ..pod }),
        End::Pod(pod) => End::Pod(PodEnd { name: None, node: None, within: &NOWHERE, ..pod }),
        other => other,
    }
}

/// The world with at most one address of each family for each end, which is all that a flow of the symbolic
/// engine can have.
fn one_of_each_family(world: &World) -> World {
    let mut world = world.clone();
    let first = |addresses: &mut Box<[IpAddr]>| {
        let of = |v6| addresses.iter().copied().find(|address| address.is_ipv6() == v6);
        *addresses = [of(false), of(true)].into_iter().flatten().collect();
    };
    for group in &mut world.cluster.groups {
        group.members.iter_mut().for_each(|member| first(&mut member.addresses));
    }
    world.cluster.nodes.iter_mut().for_each(|node| first(&mut node.addresses));
    world
}

/// Flows between the ends of the world over a few ports of each protocol, one for every `step`.
fn flows<'w>(
    world: &World,
    inventory: &'w Inventory<'w>,
    step: usize,
    mut each: impl FnMut(&Flow<'w>) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let ends = ends(world, inventory);
    let mut count = 0_usize;
    for src in &ends {
        for dst in &ends {
            if src == dst || matches!((src, dst), (Who::Address(_), Who::Address(_))) {
                continue;
            }
            for protocol in Protocol::ALL {
                for port in world.boundary_ports(protocol) {
                    count += 1;
                    if count.is_multiple_of(step) {
                        let (src, dst) =
                            (anywhere(inventory.end(*src).unwrap()), anywhere(inventory.end(*dst).unwrap()));
                        each(&Flow { src, dst, protocol, port })?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// The policies without some rules and policies.
fn without(policies: &PolicySet, rules: &BTreeSet<RuleId>, whole: &BTreeSet<PolicyId>) -> PolicySet {
    let mut policies = policies.clone();
    // From the back, so that positions stay valid.
    for id in rules.iter().rev().filter(|id| !whole.contains(&id.policy)) {
        let policy = &mut policies.layers[id.policy.layer].tiers[id.policy.tier].policies[id.policy.policy];
        let list = match id.direction {
            Direction::Ingress => policy.ingress.as_mut(),
            Direction::Egress => policy.egress.as_mut(),
        };
        list.unwrap().remove(id.rule);
    }
    for id in whole.iter().rev() {
        policies.layers[id.layer].tiers[id.tier].policies.remove(id.policy);
    }
    policies
}

/// Everything that is said to have no effect in this world.
fn dead(found: &[Fact], world: Where) -> (BTreeSet<RuleId>, BTreeSet<PolicyId>) {
    let (mut rules, mut policies) = (BTreeSet::new(), BTreeSet::new());
    for fact in found {
        match fact {
            Fact::Shadowed { rule, world: at, .. }
            | Fact::RedundantRule { rule, world: at, .. }
            | Fact::Overridden { rule, world: at, .. }
                if *at <= world =>
            {
                rules.insert(*rule);
            }
            Fact::RedundantPolicy { policy, world: at, .. } if *at <= world => {
                policies.insert(*policy);
            }
            _ => {}
        }
    }
    (rules, policies)
}

fn facts_of(world: &World, cluster: &Cluster) -> Vec<Fact> {
    let input =
        Input { policies: &world.policies, profile: world.profile, cluster, snapshot_too: true, budget: 0 };
    let found = facts(&input).unwrap();
    assert_eq!(found.unknown, []);
    found.facts
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn every_pair_has_its_verdict_and_no_other(world in worlds(Shape::PLAIN)) {
        let world = one_of_each_family(&world);
        let spaces = Spaces::of(&world.cluster);
        let inventory = Inventory::new(&world.cluster, &spaces);
        let options = Options { unaddressed: true, ..Options::default() };
        let mut session = Session::new(&[&world.policies], world.profile, options, &[]);
        flows(&world, &inventory, 97, |flow| {
            for family in flow.families() {
                let exactly = session.exactly(flow, family);
                if session.possible(exactly) == Some(false) {
                    continue;
                }
                let allowed = session.allowed(0);
                let denied = session.opposite(allowed);
                let (right, wrong) = match decide_over(&world.policies, world.profile, flow, family).verdict() {
                    Verdict::Allow => (allowed, denied),
                    _ => (denied, allowed),
                };
                let (right, wrong) = (session.both(exactly, right), session.both(exactly, wrong));
                prop_assert_eq!(session.possible(right), Some(true), "{:?} {:?}", flow, family);
                prop_assert_eq!(session.possible(wrong), Some(false), "{:?} {:?}", flow, family);
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_has_no_effect_here_can_go(world in worlds(Shape::PLAIN)) {
        let world = one_of_each_family(&world);
        let spaces = Spaces::of(&world.cluster);
        let inventory = Inventory::new(&world.cluster, &spaces);
        let found = facts_of(&world, &world.cluster);
        for at in [Where::EveryCluster, Where::Snapshot] {
            let (rules, policies) = dead(&found, at);
            let less = without(&world.policies, &rules, &policies);
            flows(&world, &inventory, 7, |flow| {
                for family in flow.families() {
                    let before = decide_over(&world.policies, world.profile, flow, family);
                    let after = decide_over(&less, world.profile, flow, family);
                    prop_assert_eq!(before.egress, after.egress, "{:?} {:?} {:?}", flow, family, &found);
                    prop_assert_eq!(before.ingress, after.ingress, "{:?} {:?} {:?}", flow, family, &found);
                }
                Ok(())
            })?;
        }
    }
}
