use std::collections::{BTreeMap, BTreeSet};

use npv_models::policy::{PeerMatch, PolicySet};
use npv_models::space::{PortSet, Protocol, Traffic};
use petgraph::algo;
use petgraph::graph::{DiGraph, NodeIndex};
use proptest::prelude::*;

use super::{Graph, Place};
use crate::engine::testing::*;
use crate::engine::{EndpointId, EndpointKind, Engine};

/// Web, API and database behind each other; only the web is open to the outside.
fn tiers() -> (World, PolicySet) {
    let mut world = World::default();
    world.namespace("data", "");
    world.workload("db", "app=db");
    world.namespace("shop", "");
    world.workload("api", "app=api");
    world.workload("cron", "app=cron").several = false;
    world.workload("web", "app=web");
    let from = |namespaces: &str, app: &str, port| {
        vec![allow(vec![PeerMatch::Pods(pods_in(namespaces, app))], vec![tcp(port)])]
    };
    let policies = network_policies(vec![
        policy(pods("data", ""), Some(vec![]), Some(vec![])),
        policy(pods("data", "app=db"), Some(from("", "app=api", 5432)), None),
        policy(pods("shop", "app=api"), Some(from("", "app=web", 80)), None),
        policy(pods("shop", "app=cron"), Some(from("", "app=web", 80)), None),
        policy(pods("shop", "app=web"), Some(vec![allow(vec![block("0.0.0.0/0")], vec![tcp(443)])]), None),
    ]);
    (world, policies)
}

fn names(engine: &Engine, ids: impl IntoIterator<Item = EndpointId>) -> Vec<&str> {
    ids.into_iter().map(|id| engine.endpoint(id).unwrap().id.as_str()).collect()
}

#[test]
fn a_chain_leads_through_pods_only() {
    let (world, policies) = tiers();
    let engine = world.engine(&policies);
    let graph = Graph::new(&engine);
    let (outside, db) = (id(&engine, "external-1"), id(&engine, "data/db[Deployment]"));
    let chains = graph.shortest_chains(outside, db, 10);
    assert_eq!(chains.len(), 1);
    let hops: Vec<&str> = names(&engine, chains[0].iter().map(|hop| hop.dst));
    assert_eq!(hops, ["shop/web[Deployment]", "shop/api[Deployment]", "data/db[Deployment]"]);
    let carried: Vec<String> = chains[0].iter().map(|hop| engine.traffic(hop.traffic).to_string()).collect();
    assert_eq!(carried, ["TCP 443", "TCP 80", "TCP 5432"]);
    assert_eq!(names(&engine, graph.chokepoints(outside, db).unwrap()), hops[..2]);
    assert!(graph.shortest_chains(db, outside, 10).is_empty());
    assert_eq!(graph.chokepoints(db, outside), None);
    assert!(graph.shortest_chains(db, db, 10).is_empty());
    // No chain over one port alone.
    let http = engine.traffic_table().intern(Traffic::of(Protocol::Tcp, PortSet::single(80)));
    assert!(graph.over(http).shortest_chains(outside, db, 10).is_empty());
    assert_eq!(
        graph
            .over(http)
            .shortest_chains(id(&engine, "shop/web[Deployment]"), id(&engine, "shop/api[Deployment]"), 1)
            .len(),
        1
    );
}

#[test]
fn the_blast_radius_has_depths_and_last_hops() {
    let (world, policies) = tiers();
    let engine = world.engine(&policies);
    let graph = Graph::new(&engine);
    let radius = graph.blast_radius(id(&engine, "external-1"));
    let lines: Vec<String> = radius
        .iter()
        .map(|reached| {
            let name = |id| &engine.endpoint(id).unwrap().id;
            let traffic = engine.traffic(reached.traffic);
            format!("{} {} from {}: {traffic}", reached.depth, name(reached.endpoint), name(reached.from))
        })
        .collect();
    assert_eq!(
        lines,
        [
            "1 shop/web[Deployment] from external-1: TCP 443",
            "2 shop/api[Deployment] from shop/web[Deployment]: TCP 80",
            "2 shop/cron[Deployment] from shop/web[Deployment]: TCP 80",
            "2 external-2 from shop/web[Deployment]: all",
            "3 data/db[Deployment] from shop/api[Deployment]: TCP 5432",
        ]
    );
    assert!(graph.blast_radius(id(&engine, "data/db[Deployment]")).is_empty());
}

#[test]
fn namespaces_carry_the_union_of_their_endpoints_traffic() {
    let (world, policies) = tiers();
    let engine = world.engine(&policies);
    let graph = Graph::new(&engine).namespaces(&world.cluster);
    let name = |node: NodeIndex| match graph[node] {
        Place::Namespace(id) => world.cluster.namespaces[id.0 as usize].name.to_string(),
        Place::Endpoint(id) => engine.endpoint(id).unwrap().id.clone(),
    };
    let lines: Vec<String> = graph
        .edge_indices()
        .map(|edge| {
            let (from, to) = graph.edge_endpoints(edge).unwrap();
            format!("{} -> {}: {}", name(from), name(to), engine.traffic(graph[edge]))
        })
        .collect();
    assert_eq!(
        lines,
        [
            "shop -> data: TCP 5432",
            // S-16: wherever the pods of the shop are, they are in 0.0.0.0/0.
            "shop -> shop: TCP 80,443",
            "shop -> external-1: all",
            "shop -> external-2: all",
            "external-1 -> shop: TCP 443",
        ]
    );
}

/// A world in which some apps may talk to some others.
fn random_world() -> impl Strategy<Value = (World, PolicySet)> {
    let rule = (0_u16..7, 0_u16..7, 1_u16..4);
    (proptest::collection::vec(rule, 0..14), any::<bool>()).prop_map(|(rules, isolated)| {
        let mut world = World::default();
        world.namespace("a", "");
        for app in 0..7 {
            if app == 4 {
                world.namespace("b", "");
            }
            world.workload(&format!("w{app}"), &format!("app=a{app}")).several = app % 2 == 0;
        }
        world.node("n", "", &["10.0.0.1"]);
        let mut policies: Vec<_> = rules
            .iter()
            .map(|(from, to, port)| {
                let peer = if *from == 6 {
                    block("192.0.2.0/24")
                } else {
                    PeerMatch::Pods(pods_in("", &format!("app=a{from}")))
                };
                let namespace = if *to < 4 { "a" } else { "b" };
                policy(
                    pods(namespace, &format!("app=a{to}")),
                    Some(vec![allow(vec![peer], vec![tcp(*port)])]),
                    None,
                )
            })
            .collect();
        if isolated {
            policies.push(policy(
                pods("a", ""),
                Some(vec![]),
                Some(vec![allow(vec![PeerMatch::Pods(pods_in("", ""))], vec![])]),
            ));
        }
        (world, network_policies(policies))
    })
}

proptest! {
    #[test]
    fn walks_agree_with_petgraph_on_all_edges((world, policies) in random_world(), over in 0_u16..4) {
        let engine = world.engine(&policies);
        let all = if over == 0 { Traffic::all() } else { Traffic::of(Protocol::Tcp, PortSet::single(over)) };
        let graph = Graph::new(&engine).over(engine.traffic_table().intern(all.clone()));
        for start in engine.ids() {
            let mut whole: DiGraph<(), ()> = DiGraph::new();
            let nodes: Vec<NodeIndex> = engine.ids().map(|_| whole.add_node(())).collect();
            engine.for_each_row(|src, row| {
                let onward = src == start || matches!(engine.endpoint(src).unwrap().kind, EndpointKind::Pods { .. });
                for hop in row.iter().filter(|hop| onward && engine.traffic(hop.traffic).intersects(&all)) {
                    whole.add_edge(nodes[src.0 as usize], nodes[hop.dst.0 as usize], ());
                }
            });
            let from = nodes[start.0 as usize];
            let depths = algo::dijkstra(&whole, from, None, |_| 1_u32);
            let wanted: BTreeMap<u32, u32> =
                depths.iter().filter(|(node, _)| **node != from).map(|(node, depth)| (node.index() as u32, *depth)).collect();
            let radius = graph.blast_radius(start);
            let got: BTreeMap<u32, u32> = radius.iter().map(|reached| (reached.endpoint.0, reached.depth)).collect();
            prop_assert_eq!(&got, &wanted);
            for reached in &radius {
                let hop = engine.between(reached.from, reached.endpoint).both;
                prop_assert_eq!(engine.traffic(reached.traffic), &engine.traffic(hop).intersection(&all));
                prop_assert_eq!(reached.depth - 1, got.get(&reached.from.0).copied().unwrap_or(0));
            }
            for goal in engine.ids() {
                let longest = wanted.get(&goal.0).copied();
                let to = nodes[goal.0 as usize];
                let paths: BTreeSet<Vec<u32>> = match longest {
                    // With a bound on the nodes between, these are the shortest.
                    Some(length) => algo::all_simple_paths::<Vec<_>, _, std::hash::RandomState>(&whole, from, to, length as usize - 1, Some(length as usize - 1))
                        .map(|path| path.iter().map(|node| node.index() as u32).collect())
                        .collect(),
                    None => BTreeSet::new(),
                };
                let chains: Vec<Vec<u32>> = graph
                    .shortest_chains(start, goal, 1000)
                    .iter()
                    .map(|chain| [start.0].into_iter().chain(chain.iter().map(|hop| hop.dst.0)).collect())
                    .collect();
                prop_assert!(chains.is_sorted());
                prop_assert_eq!(chains.iter().cloned().collect::<BTreeSet<_>>(), paths);
                let first: Vec<_> = graph.shortest_chains(start, goal, 2);
                prop_assert_eq!(first.len(), chains.len().min(2));
                // A pod is a chokepoint when without it there is no way.
                let chokepoints: BTreeSet<u32> = match graph.chokepoints(start, goal) {
                    Some(points) if start != goal => points.iter().map(|id| id.0).collect(),
                    _ => continue,
                };
                for id in engine.ids().filter(|id| *id != start && *id != goal) {
                    let without = whole.filter_map(|node, ()| (node.index() as u32 != id.0).then_some(node), |_, ()| Some(()));
                    let node = |old: NodeIndex| without.node_indices().find(|node| without[*node] == old).unwrap();
                    let cut = !algo::has_path_connecting(&without, node(from), node(to), None);
                    prop_assert_eq!(cut, chokepoints.contains(&id.0));
                }
            }
        }
        // One edge for every pair of namespaces or other ends with a connection, and its traffic.
        let place = |id: EndpointId| match &engine.endpoint(id).unwrap().kind {
            EndpointKind::Pods { workload, .. } => Place::Namespace(world.cluster.workloads[workload.0 as usize].namespace),
            _ => Place::Endpoint(id),
        };
        let mut wanted: BTreeMap<(Place, Place), Traffic> = BTreeMap::new();
        engine.for_each_row(|src, row| {
            for hop in row.iter().filter(|hop| engine.traffic(hop.traffic).intersects(&all)) {
                let known = wanted.entry((place(src), place(hop.dst))).or_default();
                *known = known.union(&engine.traffic(hop.traffic).intersection(&all));
            }
        });
        let namespaces = graph.namespaces(&world.cluster);
        let got: Vec<((Place, Place), Traffic)> = namespaces
            .edge_indices()
            .map(|edge| {
                let (from, to) = namespaces.edge_endpoints(edge).unwrap();
                ((namespaces[from], namespaces[to]), engine.traffic(namespaces[edge]).clone())
            })
            .collect();
        prop_assert_eq!(got, wanted.into_iter().collect::<Vec<_>>());
    }
}
