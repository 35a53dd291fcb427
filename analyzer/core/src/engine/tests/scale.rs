use npv_models::policy::{PeerMatch, PolicySet};

use super::world::*;
use crate::engine::Engine;

/// Namespaces of workloads with policies that name labels, namespaces, blocks and ports.
fn world(namespaces: usize, replicas: u32) -> (World, PolicySet) {
    let mut world = World::default();
    let mut policies = Vec::new();
    for number in 0..namespaces {
        let name = format!("ns-{number:03}");
        world.namespace(&name, &format!("team=t{}", number % 3));
        for app in 0..6 {
            let group = world.workload(&format!("app-{app}"), &format!("app=a{app},tier=t{}", app % 2));
            group.ports = [port("http", 8000 + app)].into();
            group.pods = replicas;
            group.members = (0..replicas)
                .map(|pod| {
                    member(&format!("app-{app}-{pod}"), &[&format!("10.{number}.{app}.{}", pod % 250)], None)
                })
                .collect();
        }
        policies.push(policy(pods(&name, ""), Some(vec![]), None));
        let peer = PeerMatch::Pods(pods_in(&format!("team=t{}", number % 3), "tier=t1"));
        policies.push(policy(
            pods(&name, "app=a0"),
            Some(vec![allow(vec![peer], vec![named("http")])]),
            None,
        ));
        let block = block("10.0.0.0/8", &[&format!("10.{number}.1.0/24")]);
        policies.push(policy(
            pods(&name, "app=a1"),
            None,
            Some(vec![allow(vec![block], vec![tcp(number as u16 + 1)])]),
        ));
    }
    (world, network_policies(policies))
}

#[test]
fn answers_do_not_depend_on_the_number_of_threads() {
    let (world, policies) = world(30, 2);
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let engine = world.engine(&policies);
            // Asking changes the traffic that is known.
            let before = engine.stats();
            (listing(&engine), before, engine.stats())
        })
    };
    let one = run(1);
    assert!(one.0.len() > 1000);
    assert_eq!(one, run(2));
    assert_eq!(one, run(7));
}

#[test]
fn doubling_the_replicas_costs_no_work() {
    let stats = |replicas| {
        let (world, policies) = world(20, replicas);
        let engine: Engine = world.engine(&policies);
        let lines = listing(&engine).len();
        (engine.stats(), lines)
    };
    let few = stats(3);
    assert_eq!(few, stats(6));
    assert_eq!(few, stats(12));
    assert!(few.0.classes < 20 * 6 + 100);
}

#[test]
fn doubling_the_namespaces_doubles_the_tables() {
    let stats = |namespaces| {
        let (world, policies) = world(namespaces, 1);
        world.engine(&policies).stats()
    };
    let (small, large) = (stats(20), stats(40));
    assert!(large.tables <= 2 * small.tables && large.rows <= 2 * small.rows, "{small:?} {large:?}");
}
