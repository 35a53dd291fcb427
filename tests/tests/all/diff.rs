//! What `npv diff` says opens and closes is the difference of the reference semantics of both sides, on pairs
//! of random worlds.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::LazyLock;

use npv_analyzer::engine::{EndpointId, EndpointKind, Engine};
use npv_analyzer::query::diff::{End, Flowing, Presence, Side, Which, domains, flows};
use npv_analyzer::query::reach::PartyKind;
use npv_models::cni::Cni;
use npv_models::decide::{Flow, Verdict, decide_over};
use npv_models::space::{IpSet, Protocol, Traffic};
use npv_tests::cases;
use npv_worlds::{Inventory, Shape, Spaces, Who, World, worlds};
use proptest::prelude::*;

/// Two worlds under one profile: often the same cluster under other policies, or with other pods.
fn pairs() -> impl Strategy<Value = [World; 2]> {
    (worlds(Shape::PLAIN), worlds(Shape::PLAIN), 0..4).prop_map(|(base, other, kind)| {
        let mut head = World { profile: base.profile, ..other };
        match kind {
            0 => head.cluster = base.cluster.clone(),
            1 => head.policies = base.policies.clone(),
            // One policy more or less.
            2 => {
                head.cluster = base.cluster.clone();
                head.policies = base.policies.clone();
                for tier in head.policies.layers.iter_mut().flat_map(|layer| &mut layer.tiers) {
                    tier.policies.pop();
                }
            }
            _ => {}
        }
        [base, head]
    })
}

fn engines([base, head]: &[World; 2]) -> [Engine; 2] {
    let names: Vec<_> = domains(&base.policies).into_iter().chain(domains(&head.policies)).collect();
    [base, head]
        .map(|world| Engine::with_domains(&world.cluster, &world.policies, world.profile, &[], &names))
}

fn side<'a>(world: &'a World, engine: &'a Engine) -> Side<'a> {
    static CNI: LazyLock<Cni> = LazyLock::new(Cni::default);
    Side { cluster: &world.cluster, policies: &world.policies, profile: world.profile, cni: &CNI, engine }
}

/// Addresses, and what is said of them.
type Block<'a> = (&'a IpSet, &'a Traffic);

/// What the answer says of each pair of ends inside, and of ends with single addresses.
struct Said<'a> {
    flowing: &'a Flowing,
    /// Per source, destination and question.
    inside: BTreeMap<(usize, usize, Which), &'a Traffic>,
    /// The blocks that an end has something to do with: leaving or not, end, question.
    outside: BTreeMap<(bool, usize, Which), Vec<Block<'a>>>,
}

impl<'a> Said<'a> {
    fn of(flowing: &'a Flowing) -> Self {
        let mut said = Self { flowing, inside: BTreeMap::new(), outside: BTreeMap::new() };
        let block = |end: usize| match &flowing.ends[end].party.kind {
            PartyKind::External(addresses) => Some(addresses),
            _ => None,
        };
        for which in Which::ALL {
            let Ok(()) = flowing.each(which, |flow| -> Result<(), Infallible> {
                assert!(!flow.traffic.is_empty());
                match (block(flow.src), block(flow.dst)) {
                    (None, None) => {
                        let twice = said.inside.insert((flow.src, flow.dst, which), flow.traffic);
                        assert_eq!(twice, None);
                    }
                    (None, Some(set)) => {
                        said.outside.entry((true, flow.src, which)).or_default().push((set, flow.traffic));
                    }
                    (Some(set), None) => {
                        said.outside.entry((false, flow.dst, which)).or_default().push((set, flow.traffic));
                    }
                    (Some(_), Some(_)) => panic!("between two blocks"),
                }
                Ok(())
            });
        }
        said
    }

    fn ends(&self) -> impl Iterator<Item = (usize, &'a End)> {
        let is_inside = |end: &&End| !matches!(end.party.kind, PartyKind::External(_));
        self.flowing.ends.iter().filter(is_inside).enumerate()
    }

    fn between(&self, src: usize, dst: usize, which: Which) -> Traffic {
        self.inside.get(&(src, dst, which)).map_or(Traffic::NONE, |traffic| Traffic::clone(traffic))
    }

    fn at(&self, address: IpAddr, end: usize, leaving: bool, which: Which) -> Traffic {
        let blocks = self.outside.get(&(leaving, end, which)).into_iter().flatten();
        let here: Vec<&Traffic> =
            blocks.filter(|(set, _)| set.contains(address)).map(|(_, traffic)| *traffic).collect();
        assert!(here.len() <= 1, "rows of one end overlap at {address}");
        here.first().map_or(Traffic::NONE, |traffic| Traffic::clone(traffic))
    }
}

/// The endpoint that an end of a world is, which the engine knows exactly.
fn endpoint(engine: &Engine, who: Who) -> EndpointId {
    let is = |kind: &EndpointKind| match (kind, who) {
        (EndpointKind::Pods { groups, divided, .. }, Who::Pod(group, member)) => {
            let part = divided.iter().find(|(of, _)| *of == group);
            groups.contains(&group)
                && part.is_none_or(|(_, part)| member.is_some_and(|member| part.contains(&(member as u32))))
        }
        (EndpointKind::Nodes(nodes), Who::Node(index)) => nodes.contains(&(index as u32)),
        (EndpointKind::External(addresses), Who::Address(address)) => addresses.contains(address),
        _ => false,
    };
    let found: Vec<EndpointId> = engine.ids().filter(|id| is(&engine.endpoint(*id).unwrap().kind)).collect();
    assert_eq!(found.len(), 1, "{who} is {found:?}");
    found[0]
}

/// Pods and nodes by what they are called, which is what makes them the same on both sides.
fn called(world: &World) -> BTreeMap<(String, String), Who> {
    let cluster = &world.cluster;
    let mut known = BTreeMap::new();
    for (index, group) in cluster.groups.iter().enumerate() {
        let workload = &cluster.workloads[group.workload.0 as usize];
        let namespace = &cluster.namespaces[group.namespace.0 as usize].name;
        let id = npv_models::cluster::GroupId(index as u32);
        let of = format!("{namespace}/{}", workload.name);
        for (position, member) in group.members.iter().enumerate() {
            known.insert((of.clone(), member.name.to_string()), Who::Pod(id, Some(position)));
        }
        if group.members.is_empty() && workload.groups.len() == 1 {
            known.insert((of, String::new()), Who::Pod(id, None));
        }
    }
    for (index, node) in cluster.nodes.iter().enumerate() {
        known.insert(("node".to_owned(), node.name.to_string()), Who::Node(index));
    }
    known
}

fn allowed(world: &World, inventory: &Inventory<'_>, [src, dst]: [Who; 2], port: (Protocol, u16)) -> bool {
    let (src, anywhere) = (inventory.end(src).unwrap(), inventory.anywhere(dst).unwrap());
    // As the engine, of pods in general: none is known to run on the node that connects to it (S-35).
    let flow = Flow { src, dst: inventory.end(dst).unwrap(), protocol: port.0, port: port.1 };
    let elsewhere = Flow { dst: anywhere, ..flow };
    flow.families().into_iter().any(|family| {
        let over = |flow| decide_over(&world.policies, world.profile, flow, family);
        over(&flow).egress == Verdict::Allow && over(&elsewhere).ingress == Verdict::Allow
    })
}

fn against_the_reference(worlds: &[World; 2]) -> Result<(), TestCaseError> {
    let [base, head] = worlds;
    let engines = engines(worlds);
    let flowing = flows(&side(base, &engines[0]), &side(head, &engines[1]));
    let said = Said::of(&flowing);
    let spaces = [base, head].map(|world| Spaces::of(&world.cluster));
    let inventories = [Inventory::new(&base.cluster, &spaces[0]), Inventory::new(&head.cluster, &spaces[1])];
    let ports: BTreeSet<(Protocol, u16)> = Protocol::ALL
        .into_iter()
        .flat_map(|protocol| {
            let ports = worlds.iter().flat_map(move |world| world.boundary_ports(protocol));
            ports.map(move |port| (protocol, port))
        })
        .collect();
    let [old, new] = [called(base), called(head)];
    // Each end that is on both sides, with its cell.
    let mut known: Vec<([Who; 2], Option<usize>)> = Vec::new();
    for (name, before) in &old {
        let Some(after) = new.get(name) else { continue };
        let ids = (Some(endpoint(&engines[0], *before)), Some(endpoint(&engines[1], *after)));
        let cell = said.ends().find(|(_, end)| (end.base, end.head) == ids);
        prop_assert!(cell.is_some(), "no end is {name:?}");
        known.push(([*before, *after], cell.map(|(index, _)| index)));
    }
    let inside = |address: &IpAddr| {
        worlds.iter().any(|world| world.cluster.assumptions.pod_addresses.contains(*address))
    };
    let addresses: BTreeSet<IpAddr> = worlds.iter().flat_map(World::boundary_addresses).collect();
    for address in addresses.into_iter().filter(|address| !inside(address)) {
        known.push(([Who::Address(address); 2], None));
    }
    for (src, from) in &known {
        for (dst, to) in &known {
            let said = |which| match (from, to) {
                (Some(src), Some(dst)) if src != dst => Some(said.between(*src, *dst, which)),
                (Some(end), None) => match dst[0] {
                    Who::Address(address) => Some(said.at(address, *end, true, which)),
                    _ => None,
                },
                (None, Some(end)) => match src[0] {
                    Who::Address(address) => Some(said.at(address, *end, false, which)),
                    _ => None,
                },
                _ => None,
            };
            let (Some(opened), Some(closed)) = (said(Which::Opened), said(Which::Closed)) else { continue };
            for port in &ports {
                let before = allowed(base, &inventories[0], [src[0], dst[0]], *port);
                let after = allowed(head, &inventories[1], [src[1], dst[1]], *port);
                prop_assert_eq!(
                    (opened.contains(port.0, port.1), closed.contains(port.0, port.1)),
                    (after && !before, before && !after),
                    "{:?} -> {:?} on {:?}: {} then {}",
                    src,
                    dst,
                    port,
                    before,
                    after
                );
            }
        }
    }
    Ok(())
}

/// Every pair of ends, those of pods that are on one side only among them, against both engines.
fn against_the_engines(worlds: &[World; 2]) -> Result<(), TestCaseError> {
    let [base, head] = worlds;
    let engines = engines(worlds);
    let flowing = flows(&side(base, &engines[0]), &side(head, &engines[1]));
    let said = Said::of(&flowing);
    let domain = |end: &End| end.party.id.starts_with("{domain");
    for (src, from) in said.ends().filter(|(_, end)| !domain(end)) {
        for (dst, to) in said.ends() {
            let both = |engine: &Engine, src: Option<EndpointId>, dst: Option<EndpointId>| match (src, dst) {
                (Some(src), Some(dst)) => engine.traffic(engine.between(src, dst).both).clone(),
                _ => Traffic::NONE,
            };
            let before = both(&engines[0], from.base, to.base);
            let after = both(&engines[1], from.head, to.head);
            let several = |engine: &Engine, id: Option<EndpointId>| {
                id.and_then(|id| engine.endpoint(id)).is_some_and(|end| end.several)
            };
            for which in Which::ALL {
                let (wanted, counts) = match which {
                    Which::Opened => (after.difference(&before), several(&engines[1], from.head)),
                    Which::Closed => (before.difference(&after), several(&engines[0], from.base)),
                };
                let wanted = if src == dst && !counts { Traffic::NONE } else { wanted };
                prop_assert_eq!(
                    said.between(src, dst, which),
                    wanted,
                    "{} -> {}",
                    from.party.id,
                    to.party.id
                );
            }
        }
    }
    // Every endpoint of either side is in the answer.
    for (index, engine) in engines.iter().enumerate() {
        let there: BTreeSet<EndpointId> =
            said.ends().filter_map(|(_, end)| if index == 0 { end.base } else { end.head }).collect();
        let all = engine
            .ids()
            .filter(|id| !matches!(engine.endpoint(*id).unwrap().kind, EndpointKind::External(_)));
        prop_assert_eq!(there, all.collect::<BTreeSet<_>>());
    }
    let names: BTreeSet<&str> = flowing.ends.iter().map(|end| &*end.party.id).collect();
    prop_assert_eq!(names.len(), flowing.ends.len(), "names are unique");
    for end in &flowing.ends {
        let sides = (end.base.is_some(), end.head.is_some());
        let wanted = match sides {
            (false, true) => Presence::Added,
            (true, false) => Presence::Removed,
            _ => Presence::Both,
        };
        prop_assert_eq!(end.presence, wanted);
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn what_opens_and_closes_is_the_difference_of_the_reference(worlds in pairs()) {
        against_the_reference(&worlds)?;
    }

    #[test]
    fn every_pair_is_compared(worlds in pairs()) {
        against_the_engines(&worlds)?;
    }

    #[test]
    fn nothing_opens_or_closes_where_nothing_changes(world in worlds(Shape::PLAIN)) {
        let same = [world.clone(), world];
        let engines = engines(&same);
        let flowing = flows(&side(&same[0], &engines[0]), &side(&same[1], &engines[1]));
        prop_assert_eq!((flowing.count(Which::Opened), flowing.count(Which::Closed)), (0, 0));
    }
}
