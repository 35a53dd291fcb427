//! The exact engine agrees with the reference semantics on random small worlds: every pair of ends, every
//! boundary port of each protocol, every boundary address.

use std::collections::BTreeMap;

use npv_analyzer::engine::{Assumed, Connection, Endpoint, EndpointId, EndpointKind, Engine, Symbolic};
use npv_models::decide::{Exemption, Flow, Outcome, decide, decide_over};
use npv_models::policy::Entity;
use npv_models::space::{DomainName, IpSet, Protocol, RequestSet, Traffic};
use npv_tests::cases;
use npv_worlds::policies::domains;
use npv_worlds::{Inventory, Shape, Spaces, Who, World, worlds};
use proptest::prelude::*;

/// An endpoint that the engine is told to assume.
const ASSUMED: &str = "{ingress-controller}";
/// What every cluster has, and the engine is told to assume.
const ENTITIES: [Entity; 5] =
    [Entity::OwnNode, Entity::OtherNode, Entity::ApiServer, Entity::Ingress, Entity::Health];

fn engine(world: &World) -> Engine {
    let entities = ENTITIES.map(|entity| Assumed::entity(format!("{{{}}}", entity.name()), entity));
    let assumed: Vec<Assumed> = [Assumed::pod(ASSUMED)].into_iter().chain(entities).collect();
    Engine::with_assumed(&world.cluster, &world.policies, world.profile, &assumed)
}

/// What of one port passes each side and both of them, for certain and possibly.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    egress: Outcome,
    ingress: Outcome,
    /// In the same address family.
    both: Outcome,
}

fn nothing() -> Outcome {
    Outcome { certain: RequestSet::none(), possible: RequestSet::none() }
}

/// What the reference says of one port.
fn reference(
    world: &World,
    inventory: &Inventory<'_>,
    [src, dst]: [Who; 2],
    over: (Protocol, u16),
) -> Answer {
    let (protocol, port) = over;
    let flow = Flow { src: inventory.end(src).unwrap(), dst: inventory.end(dst).unwrap(), protocol, port };
    // As the engine sees it, no pod is known to run on the node that connects to it (S-35), unless rules compare
    // where pods are.
    let known = world.compares_nodes() || matches!(src, Who::Entity(_));
    let elsewhere = Flow { dst: inventory.anywhere(dst).unwrap(), ..flow };
    let mut sides = [nothing(), nothing(), nothing()];
    let families = flow.families();
    for (number, family) in families.iter().enumerate() {
        let over = |flow| decide_over(&world.policies, world.profile, flow, *family);
        let [egress, _] = over(&flow).sides;
        let [_, ingress] = over(if known { &flow } else { &elsewhere }).sides;
        let both = egress.and(&ingress);
        for (side, more) in sides.iter_mut().zip([egress, ingress, both]) {
            let certain = match flow.is_of_unknown_family() && number > 0 {
                true => side.certain.intersection(&more.certain),
                false => side.certain.union(&more.certain),
            };
            *side = Outcome { certain, possible: side.possible.union(&more.possible) };
        }
    }
    let decision = decide(&world.policies, world.profile, &flow);
    let [egress, ingress, both] = sides;
    match decision.exemption {
        Some(Exemption::OwnNode) if !known => Answer { egress, ingress, both },
        _ => Answer { egress, ingress, both: decision.outcome },
    }
}

/// What the engine has of one port.
fn computed(engine: &Engine, [src, dst]: [EndpointId; 2], (protocol, port): (Protocol, u16)) -> Answer {
    let at = |traffic: &Traffic| traffic.requests_at(protocol, port);
    let (certain, possible) = (engine.between(src, dst), engine.possibly_between(src, dst));
    let outcome = |certain, possible| Outcome {
        certain: at(engine.traffic(certain)),
        possible: at(engine.traffic(possible)),
    };
    Answer {
        egress: outcome(certain.egress, possible.egress),
        ingress: outcome(certain.ingress, possible.ingress),
        both: outcome(certain.both, possible.both),
    }
}

/// The endpoints that may be the one of an end; several where a group is divided by its pods' addresses.
fn candidates(endpoints: &[Endpoint], who: Who) -> Vec<EndpointId> {
    let is = |endpoint: &Endpoint| match (&endpoint.kind, who) {
        (EndpointKind::Pods { groups, .. }, Who::Pod(group, _)) => groups.contains(&group),
        (EndpointKind::Assumed(Symbolic::Pod), Who::Assumed) => endpoint.id == ASSUMED,
        (EndpointKind::Assumed(Symbolic::Entity(entity)), Who::Entity(who)) => *entity == who,
        (EndpointKind::Assumed(Symbolic::Domain(name)), Who::Domain(index)) => *name == domains()[index],
        (EndpointKind::Nodes(nodes), Who::Node(index)) => nodes.contains(&(index as u32)),
        (EndpointKind::External(addresses), Who::Address(address)) => addresses.contains(address),
        _ => false,
    };
    (0..).map(EndpointId).zip(endpoints).filter(|(_, endpoint)| is(endpoint)).map(|(id, _)| id).collect()
}

/// Every end: pods, nodes, and the boundary addresses of the world and of the engine's blocks.
fn ends(world: &World, inventory: &Inventory<'_>, endpoints: &[Endpoint]) -> Vec<Who> {
    let mut addresses = world.outside_addresses();
    for endpoint in endpoints {
        if let EndpointKind::External(block) = &endpoint.kind {
            addresses.extend(block.ranges().flat_map(|(first, last)| [first, last]));
        }
    }
    // Those of pods are inside.
    let inside = &world.cluster.assumptions.pod_addresses;
    addresses.retain(|address| !inside.contains(*address));
    let named = |domain: &DomainName| {
        endpoints.iter().any(|endpoint| match &endpoint.kind {
            EndpointKind::Assumed(Symbolic::Domain(name)) => name == domain,
            _ => false,
        })
    };
    let everyone = inventory.everyone().into_iter().chain(ENTITIES.map(Who::Entity));
    let everyone = everyone.chain(addresses.into_iter().map(Who::Address));
    let domains = domains().into_iter().enumerate().filter(|(_, domain)| named(domain));
    everyone.chain(domains.map(|(index, _)| Who::Domain(index))).collect()
}

/// Pairs that are no connection, or about which no policy has a say.
fn is_moot(world: &World, src: Who, dst: Who) -> bool {
    match (src, dst) {
        (Who::Pod(group, None), Who::Pod(other, None)) if group == other => {
            !world.cluster.groups[group.0 as usize].several
        }
        (Who::Pod(..), _) => src == dst,
        // One address is enough to see that nothing applies to addresses, and no connection comes from a domain.
        (Who::Address(_), Who::Address(_)) => src != dst,
        (Who::Domain(_), _) => true,
        // A pod's own node is seen from the pod.
        (Who::Entity(Entity::OwnNode), _) => !matches!(dst, Who::Pod(..) | Who::Assumed),
        (_, Who::Entity(Entity::OwnNode)) => !matches!(src, Who::Pod(..) | Who::Assumed),
        _ => false,
    }
}

fn check(world: &World) -> Result<(), TestCaseError> {
    let engine = engine(world);
    let endpoints = engine.endpoints();
    let spaces = Spaces::of(&world.cluster);
    let inventory = Inventory::new(&world.cluster, &spaces);
    let ends = ends(world, &inventory, endpoints);
    let ports = world.all_boundary_ports();
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
        for other in &order[..=position] {
            for [src, dst] in [[*who, *other], [*other, *who]] {
                if is_moot(world, src, dst) {
                    continue;
                }
                let wanted: Vec<Answer> =
                    ports.iter().map(|over| reference(world, &inventory, [src, dst], *over)).collect();
                let mut got = Vec::new();
                let mut agreeing = Vec::new();
                for src_id in &known[&src] {
                    for dst_id in &known[&dst] {
                        let said = |over: &(Protocol, u16)| computed(&engine, [*src_id, *dst_id], *over);
                        let differs = ports.iter().zip(&wanted).find(|(over, wanted)| **wanted != said(over));
                        match differs {
                            None => agreeing.push((*src_id, *dst_id)),
                            Some((over, wanted)) => {
                                let names = [src_id, dst_id].map(|id| endpoints[id.0 as usize].id.clone());
                                got.push((names, *over, wanted.clone(), said(over)));
                            }
                        }
                    }
                }
                prop_assert!(!agreeing.is_empty(), "{src} -> {dst}: wanted and got: {got:?}");
                known.get_mut(&src).unwrap().retain(|id| agreeing.iter().any(|(src, _)| src == id));
                known.get_mut(&dst).unwrap().retain(|id| agreeing.iter().any(|(_, dst)| dst == id));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn the_engine_agrees_with_the_reference(world in worlds(Shape::SETTLED)) {
        check(&world)?;
    }

    #[test]
    fn on_what_is_unknown_and_on_requests_too(world in worlds(Shape::ANY)) {
        check(&world)?;
    }

    #[test]
    fn where_all_is_known_nothing_is_unknown(
        world in worlds(Shape { requests: true, icmp: true, ..Shape::SETTLED }),
    ) {
        prop_assert!(!Engine::new(&world.cluster, &world.policies, world.profile).is_vague());
    }

    #[test]
    fn endpoints_are_everybody_once(world in worlds(Shape::ANY)) {
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
                EndpointKind::Assumed(_) => {}
            }
        }
        nodes.sort_unstable();
        prop_assert_eq!(outside, IpSet::full().difference(&world.cluster.assumptions.pod_addresses));
        prop_assert_eq!(pods, world.cluster.groups.iter().map(|group| group.pods).sum::<u32>());
        prop_assert_eq!(nodes, (0..world.cluster.nodes.len() as u32).collect::<Vec<_>>());
    }

    #[test]
    fn what_passes_is_within_both_sides(world in worlds(Shape::ANY)) {
        let engine = engine(&world);
        let ids = || (0..engine.endpoints().len() as u32).map(EndpointId);
        for (src, dst) in ids().flat_map(|src| ids().map(move |dst| (src, dst))) {
            for sides in [engine.between(src, dst), engine.possibly_between(src, dst)] {
                let both = engine.traffic(sides.egress).intersection(engine.traffic(sides.ingress));
                prop_assert!(engine.traffic(sides.both).is_subset(&both));
                // Only who may have addresses of both families can be let in by one side in the wrong one.
                let dual_stack = world.is_dual_stack() || !world.cluster.pod_space().v6().is_empty();
                prop_assert!(dual_stack || *engine.traffic(sides.both) == both);
            }
        }
    }

    #[test]
    fn rows_are_all_pairs_that_connect(world in worlds(Shape::ANY)) {
        let engine = engine(&world);
        let endpoint = |id: EndpointId| &engine.endpoints()[id.0 as usize];
        let is_domain = |id| matches!(endpoint(id).kind, EndpointKind::Assumed(Symbolic::Domain(_)));
        let outside = |id| is_domain(id) || matches!(endpoint(id).kind, EndpointKind::External(_));
        let mut streamed = Vec::new();
        engine.for_each_row(|_, row| streamed.extend_from_slice(row));
        let (mut wanted, mut unknown) = (Vec::new(), Vec::new());
        for (src, dst) in engine.ids().flat_map(|src| engine.ids().map(move |dst| (src, dst))) {
            let traffic = engine.between(src, dst).both;
            let itself = src == dst && !endpoint(src).several;
            // Nothing initiates from a domain name, and what is outside is not asked about itself.
            let skipped = itself || is_domain(src) || (outside(src) && outside(dst));
            if !traffic.is_none() && !skipped {
                wanted.push(Connection { src, dst, traffic });
            }
            let table = engine.traffic_table();
            let unsettled = table.difference(engine.possibly_between(src, dst).both, traffic);
            if !unsettled.is_none() && !skipped {
                unknown.push(Connection { src, dst, traffic: unsettled });
            }
        }
        prop_assert_eq!(&streamed, &wanted);
        let apart: Vec<Connection> = engine.ids().flat_map(|src| engine.row(src)).collect();
        prop_assert_eq!(&apart, &wanted);
        let apart: Vec<Connection> = engine.ids().flat_map(|src| engine.unsettled_row(src)).collect();
        prop_assert_eq!(&apart, &unknown);
    }
}
