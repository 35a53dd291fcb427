use npv_models::policy::PeerMatch;

use super::world::*;
use crate::engine::EndpointKind;

#[test]
fn a_workload_is_split_only_where_policies_tell_its_pods_apart() {
    let mut world = World::default();
    world.namespace("shop", "");
    world.workload("web", "app=web,version=v1,hash=1");
    world.group("app=web,version=v2,hash=2").pods = 1;
    let both = network_policies(vec![policy(pods("shop", "app=web"), Some(vec![]), None)]);
    let engine = world.engine(&both);
    assert_eq!(names(&engine), ["shop/web[Deployment]", "external-1"]);
    assert_eq!(engine.endpoints()[0].pods, 3);
    let one = network_policies(vec![policy(pods("shop", "version=v2"), Some(vec![]), None)]);
    let engine = world.engine(&one);
    assert_eq!(
        names(&engine),
        ["shop/web[Deployment]{version=v1}", "shop/web[Deployment]{version=v2}", "external-1"]
    );
    let EndpointKind::Pods { groups, .. } = &engine.endpoints()[1].kind else { panic!("pods") };
    assert_eq!(groups.len(), 1);
    // A peer that is allowed what everybody is allowed does not tell anybody apart.
    let same = network_policies(vec![policy(
        pods("shop", "app=web"),
        Some(vec![allow(vec![PeerMatch::Pods(pods("shop", "version=v2"))], vec![]), allow(vec![], vec![])]),
        None,
    )]);
    assert_eq!(names(&world.engine(&same)), ["shop/web[Deployment]", "external-1"]);
}

#[test]
fn parts_are_named_by_ports_host_network_and_addresses() {
    let mut world = World::default();
    world.namespace("a", "");
    world.workload("w", "app=w").ports = [port("http", 80)].into();
    world.group("app=w").ports = [port("http", 81)].into();
    let named =
        network_policies(vec![policy(pods("a", ""), Some(vec![allow(vec![], vec![named("http")])]), None)]);
    let wanted = ["a/w[Deployment]{port http=80/TCP}", "a/w[Deployment]{port http=81/TCP}", "external-1"];
    assert_eq!(names(&world.engine(&named)), wanted);

    let mut world = World::default();
    world.namespace("a", "");
    let group = world.workload("w", "app=w");
    group.pods = 3;
    group.members = vec![
        member("w-0", &["10.0.0.1"], None),
        member("w-1", &["10.0.1.1"], None),
        member("w-2", &["10.0.1.2"], None),
    ];
    world.group("app=w").host_network = true;
    let policies = network_policies(vec![policy(
        pods("a", ""),
        Some(vec![allow(vec![block("10.0.1.0/24")], vec![tcp(1)])]),
        None,
    )]);
    let engine = world.engine(&policies);
    assert_eq!(
        names(&engine),
        [
            "a/w[Deployment]{host network}",
            "a/w[Deployment]{in 10.0.1.0/24}",
            "a/w[Deployment]{pod network,not in 10.0.1.0/24}",
            "external-1",
            "external-2"
        ]
    );
    let sizes: Vec<(u32, bool)> =
        engine.endpoints().iter().map(|endpoint| (endpoint.pods, endpoint.several)).collect();
    assert_eq!(sizes[..3], [(2, true), (2, true), (1, false)]);
    // One pod does not connect to itself.
    let lonely = id(&engine, "a/w[Deployment]{pod network,not in 10.0.1.0/24}");
    assert!(engine.row(lonely).iter().all(|connection| connection.dst != lonely));
}

#[test]
fn nodes_are_one_until_policies_tell_them_apart() {
    let mut world = World::default();
    world.namespace("a", "");
    world.workload("w", "");
    world.node("n1", "pool=infra", &[]).node("n2", "pool=work", &[]).node("n3", "pool=work", &[]);
    let to_nodes = |text: &str| {
        let rules = vec![allow(vec![PeerMatch::Nodes(selector(text))], vec![])];
        network_policies(vec![policy(pods("a", ""), None, Some(rules))])
    };
    assert_eq!(names(&world.engine(&to_nodes(""))), ["a/w[Deployment]", "{node}", "external-1"]);
    assert_eq!(
        names(&world.engine(&to_nodes("pool=infra"))),
        ["a/w[Deployment]", "{node n1}", "{nodes pool=work}", "external-1"]
    );
}
