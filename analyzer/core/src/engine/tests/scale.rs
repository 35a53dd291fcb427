use npv_models::policy::{Action, PeerMatch, PolicySet};

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
        let block = block(&format!("10.0.0.0/8 !10.{number}.1.0/24"));
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

#[test]
fn tables_of_many_rules_are_exact_too() {
    const APPS: u16 = 270;
    let app = |number: u16| PeerMatch::Pods(pods("a", &format!("app=a{number:03}")));
    let mut world = World::default();
    world.namespace("a", "");
    for number in 0..APPS {
        world.workload(&format!("w{number:03}"), &format!("app=a{number:03}")).ports =
            [port("http", 1000 + number)].into();
    }
    let name = |number: u16| format!("a/w{number:03}[Deployment]");
    // Everybody admits each on a port of its own, and may go to each on that and on a named one.
    let ingress =
        (0..APPS).map(|number| allow(vec![app(number)], vec![tcp(number + 1), named("http")])).collect();
    let egress =
        (0..APPS).map(|number| allow(vec![app(number)], vec![tcp(APPS - number), named("http")])).collect();
    let engine = world.engine(&network_policies(vec![policy(pods("a", ""), Some(ingress), Some(egress))]));
    assert_eq!(between(&engine, &name(7), &name(9)), "TCP 1009");
    assert_eq!(between(&engine, &name(134), &name(135)), "TCP 135,1135");
    assert_eq!(between(&engine, &name(150), "external-1"), "none");

    // The first of the rules that are for a pair decides.
    let rules: Vec<_> = (0..APPS)
        .flat_map(|number| {
            let (deny, pass) = (
                rule(Action::Deny, vec![app(number)], vec![tcp(1), tcp(number + 2)]),
                rule(Action::Pass, vec![app(number)], vec![tcp(1), tcp(2)]),
            );
            [deny, pass, rule(Action::Allow, vec![app(number)], vec![tcp(3)])]
        })
        .collect();
    let admin = ordered(vec![policy(pods_in("", ""), Some(rules), None)]);
    let networks =
        union(vec![policy(pods("a", ""), Some(vec![allow(vec![], vec![tcp(1), tcp(2), tcp(4)])]), None)]);
    let engine = world.engine(&PolicySet { layers: vec![layer("CNI", vec![admin, networks])] });
    assert_eq!(between(&engine, &name(0), &name(9)), "TCP 3-4");
    assert_eq!(between(&engine, &name(1), &name(9)), "TCP 2,4");
    assert_eq!(between(&engine, &name(2), &name(9)), "TCP 2-3");
    assert_eq!(between(&engine, &name(269), &name(269)), "TCP 2-4");
    assert_eq!(between(&engine, "external-1", &name(9)), "TCP 1-2,4");
}
