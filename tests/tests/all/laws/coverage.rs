//! The random worlds reach the hard places often enough for the other tests to mean something.

use std::collections::BTreeMap;

use npv_models::decide::{Decision, End, Flow, Step, Verdict, decide, decide_over};
use npv_models::policy::{Direction, PeerMatch, PortMatch, Ports};
use npv_models::space::Protocol;
use npv_worlds::{Inventory, Shape, Spaces, World, worlds};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::sample::{each_flow, samples};

const WORLDS: usize = 4_000;
/// Enough where every pair of ends is looked at.
const FAMILY_WORLDS: usize = 1000;

/// What a step shows to be covered.
fn features(step: &Step<'_>, flow: &Flow<'_>) -> Vec<String> {
    let mut found = vec![format!("{:?} {:?}", step.tier.mode, step.action)];
    let other = match step.direction {
        Direction::Egress => &flow.dst,
        Direction::Ingress => &flow.src,
    };
    let kind = match other {
        End::Pod(pod) if pod.host_network => "host network",
        End::Pod(_) => "pod",
        End::Node(_) => "node",
        End::Address(address) if address.is_ipv6() => "IPv6",
        End::Address(_) => "IPv4",
        End::Domain(_) | End::Entity(_) => "symbolic",
    };
    let peer = step.peer.map(|peer| match &peer.matches {
        PeerMatch::Pods(_) => "selector",
        PeerMatch::Block { except, .. } if except.is_empty() => "block",
        PeerMatch::Block { .. } => "block with exceptions",
        PeerMatch::Nodes(_) => "nodes",
        PeerMatch::Domain(_) => "domain",
        PeerMatch::Entity(_) => "entity",
        PeerMatch::Same(_) => "same",
        PeerMatch::All(_) | PeerMatch::Any(_) => "combined",
        PeerMatch::Not(_) => "negated",
        PeerMatch::Unknown => "unknown",
    });
    match (step.rule, peer) {
        (None, _) => found.push(format!("no match, {kind}")),
        (Some(_), None) => found.push(format!("anyone, {kind}")),
        (Some(_), Some(peer)) => found.push(format!("{peer}, {kind}")),
    }
    if let Some(Ports::Listed(items)) = step.rule.map(|rule| &rule.ports) {
        let by_number = items.iter().any(|item| match &item.matches {
            PortMatch::Numbers(traffic) => traffic.contains(flow.protocol, flow.port),
            PortMatch::Named { .. } => false,
        });
        found.push(format!("{}, {}", if by_number { "number" } else { "named port" }, step.direction));
    }
    found
}

#[test]
fn worlds_reach_the_hard_places() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..WORLDS {
        let world = worlds(Shape::ANY).new_tree(&mut runner).unwrap().current();
        let samples = samples().new_tree(&mut runner).unwrap().current();
        each_flow(&world, &samples, |flow, _| {
            let decision = decide(&world.policies, world.profile, flow);
            let mut count = |feature: String| *seen.entry(feature).or_default() += 1;
            count(format!("{:?} {:?}", decision.egress, decision.ingress));
            if let Some(exemption) = decision.exemption {
                count(format!("{exemption:?}"));
            }
            for step in &decision.steps {
                features(step, flow).into_iter().for_each(&mut count);
            }
        });
    }
    let wanted = [
        "Allow Allow",
        "Allow Deny",
        "Deny Allow",
        "Deny Deny",
        "Itself",
        "OwnNode",
        "Unknown Allow",
        "Allow Unknown",
        "Unknown Unknown",
        "Partial Allow",
        "Allow Partial",
        "FirstMatch Unknown",
        "DenyWins Unknown",
        "entity, node",
        "entity, host network",
        "entity, IPv4",
        "same, pod",
        "combined, pod",
        "combined, IPv6",
        "negated, pod",
        "negated, IPv4",
        "negated, node",
        "FirstMatch Allow",
        "FirstMatch Deny",
        "FirstMatch Pass",
        "Union Allow",
        "Union Deny",
        "DenyWins Allow",
        "DenyWins Deny",
        "DenyWins Pass",
        "selector, pod",
        "selector, host network",
        "block, pod",
        "block, host network",
        "block, node",
        "block, IPv4",
        "block, IPv6",
        "block with exceptions, pod",
        "block with exceptions, IPv4",
        "block with exceptions, IPv6",
        "nodes, node",
        "nodes, host network",
        "domain, IPv4",
        "domain, IPv6",
        "unknown, pod",
        "unknown, node",
        "unknown, IPv6",
        "anyone, pod",
        "anyone, node",
        "anyone, IPv4",
        "no match, pod",
        "no match, host network",
        "no match, node",
        "no match, IPv4",
        "no match, IPv6",
        "named port, ingress",
        "named port, egress",
        "number, ingress",
        "number, egress",
    ];
    let rare: Vec<_> =
        wanted.iter().filter(|feature| seen.get(**feature).copied().unwrap_or(0) < 10).collect();
    assert!(rare.is_empty(), "{rare:?} in {seen:#?}");
}

#[test]
fn worlds_let_each_side_admit_another_family() {
    let mut runner = TestRunner::deterministic();
    let found = (0..FAMILY_WORLDS)
        .filter(|_| families_are_apart(&worlds(Shape::ANY).new_tree(&mut runner).unwrap().current()));
    let found = found.count();
    assert!(found > FAMILY_WORLDS / 200, "{found} worlds");
}

/// Whether both sides of some denied flow allow it, each in a family of its own.
fn families_are_apart(world: &World) -> bool {
    let spaces = Spaces::of(&world.cluster);
    let inventory = Inventory::new(&world.cluster, &spaces);
    let ends: Vec<End<'_>> = inventory.everyone().into_iter().filter_map(|who| inventory.end(who)).collect();
    ends.iter().flat_map(|src| ends.iter().map(move |dst| (*src, *dst))).any(|(src, dst)| {
        let flow = Flow { src, dst, protocol: Protocol::Tcp, port: 80 };
        let over = |family| decide_over(&world.policies, world.profile, &flow, family);
        let sides: Vec<Decision<'_>> = flow.families().into_iter().map(over).collect();
        let denied = decide(&world.policies, world.profile, &flow).verdict() == Verdict::Deny;
        denied
            && sides.iter().any(|side| side.egress == Verdict::Allow)
            && sides.iter().any(|side| side.ingress == Verdict::Allow)
    })
}
