//! `conflicting-policies` finds exactly the pairs that the reference semantics tells apart: in random
//! small worlds, every flow is asked of either policy alone.

use npv_analyzer::engine::Engine;
use npv_analyzer::lint::{self, Context};
use npv_analyzer::snapshot::{Options, Snapshot};
use npv_models::decide::{Flow, Profile, decide};
use npv_models::policy::{Action, Direction, Mode, Policy, PolicySet, Tier};
use npv_models::space::Protocol;
use npv_tests::cases;
use npv_worlds::{Inventory, Shape, Spaces, Who, World, contested_worlds, words};
use proptest::prelude::*;

/// Some policies of a tier as a tier of their own.
fn alone(tier: &Tier, policies: impl Iterator<Item = Policy>) -> PolicySet {
    let tier = Tier { policies: policies.collect(), ..tier.clone() };
    words::tiers(vec![tier])
}

/// What the rules of a set do with one side of a flow.
fn asked(set: &PolicySet, profile: Profile, flow: &Flow<'_>, side: Direction) -> Option<Action> {
    let decision = decide(set, profile, flow);
    let step = decision.steps.iter().find(|step| step.direction == side && step.rule.is_some());
    step.map(|step| step.action)
}

/// Pairs that are no connection.
fn is_moot(world: &World, src: Who, dst: Who) -> bool {
    match (src, dst) {
        (Who::Pod(group, None), Who::Pod(other, None)) if group == other => {
            !world.cluster.groups[group.0 as usize].several
        }
        (Who::Pod(..), _) => src == dst,
        _ => false,
    }
}

/// The two policies disagree about some flow that no earlier one decides.
fn disagree(world: &World, tier: &Tier, one: &Policy, other: &Policy) -> bool {
    let spaces = Spaces::of(&world.cluster);
    let inventory = Inventory::new(&world.cluster, &spaces);
    let everyone = inventory.members().into_iter();
    let ends: Vec<Who> = everyone.chain(world.outside_addresses().into_iter().map(Who::Address)).collect();
    let before = tier.policies.iter().filter(|policy| policy.priority < one.priority);
    let before = alone(tier, before.cloned());
    let (one, other) =
        (alone(tier, std::iter::once(one.clone())), alone(tier, std::iter::once(other.clone())));
    let ports = Protocol::ALL
        .into_iter()
        .flat_map(|protocol| world.boundary_ports(protocol).into_iter().map(move |port| (protocol, port)));
    let ports: Vec<(Protocol, u16)> = ports.collect();
    for side in Direction::ALL {
        for &src in &ends {
            for &dst in &ends {
                let subject = if side == Direction::Ingress { dst } else { src };
                if is_moot(world, src, dst) || !matches!(subject, Who::Pod(..)) {
                    continue;
                }
                // Pods in general, so that none is known to run on the node that connects to it (S-35).
                let to = match side {
                    Direction::Ingress => inventory.anywhere(dst).unwrap(),
                    Direction::Egress => inventory.end(dst).unwrap(),
                };
                for &(protocol, port) in &ports {
                    let flow = Flow { src: inventory.end(src).unwrap(), dst: to, protocol, port };
                    let ask = |set: &PolicySet| asked(set, world.profile, &flow, side);
                    if let (Some(ours), Some(theirs)) = (ask(&one), ask(&other))
                        && ours != theirs
                        && ask(&before).is_none()
                    {
                        return true;
                    }
                }
            }
        }
    }
    false
}

fn wanted(world: &World) -> Vec<String> {
    let tiers = world.policies.layers.iter().flat_map(|layer| &layer.tiers);
    let mut pairs = Vec::new();
    for tier in tiers.filter(|tier| tier.mode == Mode::FirstMatch) {
        for (place, one) in tier.policies.iter().enumerate() {
            for other in tier.policies.iter().skip(place + 1) {
                if one.priority == other.priority && disagree(world, tier, one, other) {
                    pairs.push(format!("`{}` and `{}`", one.object, other.object));
                }
            }
        }
    }
    pairs.sort();
    pairs
}

fn found(world: &World) -> Vec<String> {
    let snapshot = Snapshot {
        cluster: world.cluster.clone(),
        policies: world.policies.clone(),
        profile: world.profile,
        ..Snapshot::default()
    };
    let engine = Engine::new(&snapshot.cluster, &snapshot.policies, snapshot.profile);
    let findings = lint::run(&Context::new(&snapshot, &engine)).unwrap();
    let conflicts = findings.into_iter().filter(|finding| finding.rule == "conflicting-policies");
    let mut pairs: Vec<String> =
        conflicts.map(|finding| finding.message.split(" have ").next().unwrap().to_owned()).collect();
    pairs.sort();
    pairs
}

/// The pairs that are found in a text.
fn found_in(text: &str) -> usize {
    let snapshot = Snapshot::from_texts([("all.yaml", text)], &Options::default()).unwrap();
    let engine = Engine::new(&snapshot.cluster, &snapshot.policies, snapshot.profile);
    let findings = lint::run(&Context::new(&snapshot, &engine)).unwrap();
    findings.iter().filter(|finding| finding.rule == "conflicting-policies").count()
}

/// Two policies of one priority, of which one allows what the other denies.
fn opposed(rule: &str, subject: &str) -> String {
    let policy = |name: &str, action: &str| {
        format!(
            "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: {name}}}\n\
             spec: {{tier: Admin, priority: 5, subject: {subject}, {}}}\n",
            rule.replace("ACTION", action)
        )
    };
    policy("one", "Accept") + &policy("other", "Deny")
}

#[test]
fn two_single_pods_that_look_alike_disagree_and_one_alone_does_not() {
    let pod = |name: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: shop, labels: {{app: a}}}}\n\
             spec: {{containers: [{{name: c}}]}}\n"
        )
    };
    let same = "{pods: {podSelector: {matchLabels: {app: a}}}}";
    let policies = opposed(&format!("ingress: [{{action: ACTION, from: [{same}]}}]"), same);
    assert_eq!(found_in(&[pod("one"), policies.clone()].concat()), 0);
    assert_eq!(found_in(&[pod("one"), pod("other"), policies].concat()), 1);
}

proptest! {
    #![proptest_config(cases(800))]

    #[test]
    fn conflicts_are_those_of_the_reference(world in contested_worlds(Shape::PLAIN)) {
        // Of one family each: the reference answers for all address families of a pair together, and what two
        // policies disagree about in one of them may pass in the other.
        prop_assert_eq!(found(&world), wanted(&world));
    }
}
