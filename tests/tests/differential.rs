//! The exact engine agrees with the reference semantics on random small worlds: every pair of ends, every
//! boundary port of each protocol, every boundary address.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::BTreeMap;

use npv_analyzer::engine::{Connection, Endpoint, EndpointId, EndpointKind, Engine};
use npv_models::decide::{End, Exemption, Flow, PodEnd, Verdict, decide, decide_over};
use npv_models::space::{IpSet, Protocol, Traffic};
use npv_tests::cases;
use npv_tests::worlds::{Inventory, Who, World, worlds};
use proptest::prelude::*;

/// An endpoint that the engine is told to assume.
const ASSUMED: &str = "{ingress-controller}";

fn engine(world: &World) -> Engine {
    Engine::with_assumed(&world.cluster, &world.policies, world.profile, &[ASSUMED.to_owned()])
}

/// What both sides of a pair let through, among the boundary ports.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    egress: Vec<(Protocol, u16)>,
    ingress: Vec<(Protocol, u16)>,
    /// In the same address family.
    both: Vec<(Protocol, u16)>,
}

/// The end as the engine sees it: pods in general, so that none is known to run on the node that
/// connects to it (S-35).
fn anywhere(end: End<'_>) -> End<'_> {
    match end {
        End::Pod(pod) => End::Pod(PodEnd { node: None, ..pod }),
        other => other,
    }
}

fn reference(world: &World, src: End<'_>, dst: End<'_>, ports: &[(Protocol, u16)]) -> Answer {
    let mut answer = Answer { egress: Vec::new(), ingress: Vec::new(), both: Vec::new() };
    for (protocol, port) in ports.iter().copied() {
        let flow = Flow { src, dst, protocol, port };
        let elsewhere = Flow { src, dst: anywhere(dst), protocol, port };
        let sides: Vec<(bool, bool)> = flow
            .families()
            .into_iter()
            .map(|family| {
                let over = |flow| decide_over(&world.policies, world.profile, flow, family);
                let (egress, ingress) = (over(&flow).egress, over(&elsewhere).ingress);
                (egress == Verdict::Allow, ingress == Verdict::Allow)
            })
            .collect();
        let decision = decide(&world.policies, world.profile, &flow);
        let both = match decision.exemption {
            Some(Exemption::OwnNode) => sides.iter().any(|(egress, ingress)| *egress && *ingress),
            _ => decision.verdict() == Verdict::Allow,
        };
        answer.egress.extend(sides.iter().any(|(egress, _)| *egress).then_some((protocol, port)));
        answer.ingress.extend(sides.iter().any(|(_, ingress)| *ingress).then_some((protocol, port)));
        answer.both.extend(both.then_some((protocol, port)));
    }
    answer
}

fn computed(engine: &Engine, src: EndpointId, dst: EndpointId, ports: &[(Protocol, u16)]) -> Answer {
    let sides = engine.between(src, dst);
    let among = |traffic: &Traffic| {
        ports.iter().copied().filter(|(protocol, port)| traffic.contains(*protocol, *port)).collect()
    };
    let [egress, ingress, both] =
        [sides.egress, sides.ingress, sides.both].map(|side| among(engine.traffic(side)));
    Answer { egress, ingress, both }
}

/// The endpoints that may be the one of an end; several where a group is divided by its pods' addresses.
fn candidates(endpoints: &[Endpoint], who: Who) -> Vec<EndpointId> {
    let is = |endpoint: &Endpoint| match (&endpoint.kind, who) {
        (EndpointKind::Pods { groups, .. }, Who::Pod(group, _)) => groups.contains(&group),
        (EndpointKind::Assumed, Who::Assumed) => endpoint.id == ASSUMED,
        (EndpointKind::Nodes(nodes), Who::Node(index)) => nodes.contains(&(index as u32)),
        (EndpointKind::External(addresses), Who::Address(address)) => addresses.contains(address),
        _ => false,
    };
    (0..).map(EndpointId).zip(endpoints).filter(|(_, endpoint)| is(endpoint)).map(|(id, _)| id).collect()
}

/// Every end: pods, nodes, and the boundary addresses of the world and of the engine's blocks.
fn ends(world: &World, inventory: &Inventory<'_>, endpoints: &[Endpoint]) -> Vec<Who> {
    let mut addresses = world.boundary_addresses();
    for endpoint in endpoints {
        if let EndpointKind::External(block) = &endpoint.kind {
            addresses.extend(block.ranges().flat_map(|(first, last)| [first, last]));
        }
    }
    inventory.everyone().into_iter().chain(addresses.into_iter().map(Who::Address)).collect()
}

/// Pairs that are no connection, or about which no policy has a say.
fn is_moot(world: &World, src: Who, dst: Who) -> bool {
    match (src, dst) {
        (Who::Pod(group, None), Who::Pod(other, None)) if group == other => {
            !world.cluster.groups[group.0 as usize].several
        }
        (Who::Pod(..), _) => src == dst,
        // One address is enough to see that nothing applies to addresses.
        (Who::Address(_), Who::Address(_)) => src != dst,
        _ => false,
    }
}

fn check(world: &World) -> Result<(), TestCaseError> {
    let engine = engine(world);
    let endpoints = engine.endpoints();
    let inventory = Inventory::new(&world.cluster);
    let ends = ends(world, &inventory, endpoints);
    let ports: Vec<(Protocol, u16)> = Protocol::ALL
        .into_iter()
        .flat_map(|protocol| world.boundary_ports(protocol).into_iter().map(move |port| (protocol, port)))
        .collect();
    let mut known: BTreeMap<Who, Vec<EndpointId>> = BTreeMap::new();
    for who in &ends {
        let found = candidates(endpoints, *who);
        prop_assert!(!found.is_empty(), "no endpoint is {who}");
        prop_assert!(found.len() == 1 || matches!(who, Who::Pod(_, Some(_))), "{who} is {found:?}");
        known.insert(*who, found);
    }
    // Unambiguous ends first: they tell which part of a divided group a pod is.
    let mut order = ends.clone();
    order.sort_by_key(|who| known[who].len());
    for (position, who) in order.iter().enumerate() {
        let end = inventory.end(*who).unwrap();
        for other in &order[..=position] {
            let other_end = inventory.end(*other).unwrap();
            let directions = [(*who, end, *other, other_end), (*other, other_end, *who, end)];
            for (src, src_end, dst, dst_end) in directions {
                if is_moot(world, src, dst) {
                    continue;
                }
                let wanted = reference(world, src_end, dst_end, &ports);
                let mut got = Vec::new();
                let mut agreeing = Vec::new();
                for src_id in &known[&src] {
                    for dst_id in &known[&dst] {
                        let answer = computed(&engine, *src_id, *dst_id, &ports);
                        if answer == wanted {
                            agreeing.push((*src_id, *dst_id));
                        } else {
                            got.push((
                                endpoints[src_id.0 as usize].id.clone(),
                                endpoints[dst_id.0 as usize].id.clone(),
                                answer,
                            ));
                        }
                    }
                }
                prop_assert!(
                    !agreeing.is_empty(),
                    "{src} -> {dst}: wanted {wanted:?}, the engine has {got:?}"
                );
                known.get_mut(&src).unwrap().retain(|id| agreeing.iter().any(|(src, _)| src == id));
                known.get_mut(&dst).unwrap().retain(|id| agreeing.iter().any(|(_, dst)| dst == id));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn the_engine_agrees_with_the_reference(world in worlds()) {
        check(&world)?;
    }

    #[test]
    fn endpoints_are_everybody_once(world in worlds()) {
        let engine = engine(&world);
        let mut outside = IpSet::EMPTY;
        let mut pods = 0;
        let mut nodes = Vec::new();
        for endpoint in engine.endpoints() {
            match &endpoint.kind {
                EndpointKind::Pods { .. } => pods += endpoint.pods,
                EndpointKind::Nodes(some) => nodes.extend(some.iter().copied()),
                EndpointKind::External(block) => {
                    prop_assert!(!outside.intersects(block));
                    outside = outside.union(block);
                }
                EndpointKind::Assumed => {}
            }
        }
        nodes.sort_unstable();
        prop_assert_eq!(outside, IpSet::full());
        prop_assert_eq!(pods, world.cluster.groups.iter().map(|group| group.pods).sum::<u32>());
        prop_assert_eq!(nodes, (0..world.cluster.nodes.len() as u32).collect::<Vec<_>>());
    }

    #[test]
    fn what_passes_is_within_both_sides(world in worlds()) {
        let engine = engine(&world);
        let ids = || (0..engine.endpoints().len() as u32).map(EndpointId);
        for (src, dst) in ids().flat_map(|src| ids().map(move |dst| (src, dst))) {
            let sides = engine.between(src, dst);
            let both = engine.traffic(sides.egress).intersection(engine.traffic(sides.ingress));
            prop_assert!(engine.traffic(sides.both).is_subset(&both));
            // Only who has addresses of both families can be let in by one side in the wrong one.
            prop_assert!(world.is_dual_stack() || *engine.traffic(sides.both) == both);
        }
    }

    #[test]
    fn rows_are_all_pairs_that_connect(world in worlds()) {
        let engine = engine(&world);
        let outside = |id: EndpointId| match &engine.endpoints()[id.0 as usize].kind {
            EndpointKind::External(_) => true,
            EndpointKind::Assumed => engine.endpoints()[id.0 as usize].id != ASSUMED,
            _ => false,
        };
        let mut streamed = Vec::new();
        engine.for_each_row(|_, row| streamed.extend_from_slice(row));
        let mut wanted = Vec::new();
        for (src, dst) in engine.ids().flat_map(|src| engine.ids().map(move |dst| (src, dst))) {
            let traffic = engine.between(src, dst).both;
            let itself = src == dst && !engine.endpoints()[src.0 as usize].several;
            // Nothing initiates from a domain name, and what is outside is not asked about itself.
            let domain = matches!(engine.endpoints()[src.0 as usize].kind, EndpointKind::Assumed) && outside(src);
            let skipped = itself || domain || (outside(src) && outside(dst));
            if !traffic.is_none() && !skipped {
                wanted.push(Connection { src, dst, traffic });
            }
        }
        prop_assert_eq!(&streamed, &wanted);
        let apart: Vec<Connection> = engine.ids().flat_map(|src| engine.row(src)).collect();
        prop_assert_eq!(&apart, &wanted);
    }
}
