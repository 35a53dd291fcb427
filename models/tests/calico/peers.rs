//! Who is at the other end, and at the subject's own (C-40 to C-48).

use crate::world::{OUTSIDE, gnp, np, object, web_from, web_from_anywhere, world};

fn set(kind: &str, name: &str, labels: &str, nets: &str) -> String {
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    let namespace = if namespace.is_empty() { String::new() } else { format!("namespace: {namespace}, ") };
    format!(
        "{{apiVersion: projectcalico.org/v3, kind: {kind}, metadata: {{{namespace}name: {name}, labels: {labels}}}, spec: {{nets: {nets}}}}}\n"
    )
}

/// Who reaches `red/web` by a rule of a policy in its namespace, and of one of the whole cluster.
#[track_caller]
fn from(source: &str, objects: &[String]) -> [Vec<&'static str>; 2] {
    let rule = format!("{{action: Allow, source: {source}}}");
    [web_from(&rule), web_from_anywhere(&rule)].map(|policy| {
        let mut all = objects.to_vec();
        all.push(policy);
        world(&all).reach("red/web", "80/tcp")
    })
}

#[test]
fn c40_a_selector_of_a_policy_in_a_namespace_is_about_that_namespace() {
    let [own, all] = from("{selector: has(app)}", &[]);
    assert_eq!(own, ["red/api", "red/db"]);
    assert_eq!(all, ["red/api", "red/db", "blue/web", "blue/mon"]);
}

#[test]
fn c41_namespaces_are_selected_instead() {
    for source in
        ["{namespaceSelector: team == 'blue'}", "{selector: all(), namespaceSelector: team == 'blue'}"]
    {
        let [own, all] = from(source, &[]);
        assert_eq!(own, ["blue/web", "blue/mon"]);
        assert_eq!(all, own);
    }
    let [own, all] = from("{namespaceSelector: all(), selector: app != 'db'}", &[]);
    assert_eq!(own, ["red/api", "blue/web", "blue/mon", "plain/bare"]);
    assert_eq!(all, own);
    let sets = [
        set("GlobalNetworkSet", "out", "{}", "[203.0.113.0/24]"),
        set("NetworkSet", "red/in", "{}", "[10.9.0.0/16]"),
    ];
    assert_eq!(from("{namespaceSelector: global()}", &sets)[0], [OUTSIDE]);
    assert_eq!(
        from("{namespaceSelector: team != 'red'}", &sets)[0],
        ["blue/web", "blue/mon", "plain/bare", OUTSIDE]
    );
    assert_eq!(from("{namespaceSelector: all()}", &sets)[0].last(), Some(&"plain/bare"));
    let world = world(&[web_from("{action: Allow, source: {namespaceSelector: all()}}"), sets[1].clone()]);
    world.check(&[("10.9.0.1 -> red/web:80/tcp", "allow"), ("10.10.0.1 -> red/web:80/tcp", "deny")]);
}

#[test]
fn c42_without_a_selector() {
    let [own, all] = from("{notSelector: app == 'db'}", &[]);
    assert_eq!(own, ["red/api"]);
    assert_eq!(all, ["red/api", "blue/web", "blue/mon", "plain/bare", OUTSIDE]);
    let sets = [set("GlobalNetworkSet", "out", "{app: db}", "[203.0.113.0/24]")];
    assert_eq!(
        from("{notSelector: app == 'db'}", &sets)[1],
        ["red/api", "blue/web", "blue/mon", "plain/bare"]
    );
    let [own, all] = from("{selector: has(app), notSelector: app == 'db'}", &sets);
    assert_eq!(own, ["red/api"]);
    assert_eq!(all, ["red/api", "blue/web", "blue/mon"]);
}

#[test]
fn c43_nothing_is_everything_and_all_is_what_is_known() {
    for source in ["{}", "{selector: '', nets: []}"] {
        let [own, all] = from(source, &[]);
        assert_eq!(own.last(), Some(&OUTSIDE));
        assert_eq!(own.len(), 6);
        assert_eq!(own, all);
    }
    let [own, all] = from("{selector: all()}", &[]);
    assert_eq!(own, ["red/api", "red/db"]);
    assert_eq!(all, ["red/api", "red/db", "blue/web", "blue/mon", "plain/bare"]);
}

#[test]
fn c44_sets_are_peers_by_their_labels() {
    let sets = [
        set("GlobalNetworkSet", "partners", "{role: partner}", "[203.0.113.0/24]"),
        set("NetworkSet", "red/own", "{role: own}", "[198.51.100.7]"),
        set("NetworkSet", "blue/other", "{role: own}", "[198.51.100.8]"),
        // A set that holds the address of a pod matches the pod.
        set("GlobalNetworkSet", "pods", "{role: pods}", "[10.2.0.2/31]"),
    ];
    let [own, all] = from("{selector: role == 'partner'}", &sets);
    assert_eq!(own, [""; 0], "a global set is in no namespace");
    assert_eq!(all, [OUTSIDE]);
    assert_eq!(from("{selector: role == 'pods'}", &sets)[1], ["blue/mon"]);
    assert_eq!(from("{selector: app != 'x' && !has(role)}", &sets)[1].last(), Some(&"plain/bare"));
    assert_eq!(from("{selector: app != 'x'}", &sets)[1].last(), Some(&OUTSIDE), "a set lacks the label, too");
    let ask = |policy: String| {
        let mut objects = sets.to_vec();
        objects.push(policy);
        let world = world(&objects);
        ["198.51.100.7", "198.51.100.8"].map(|src| world.verdict(&format!("{src} -> red/web:80/tcp")))
    };
    let rule = |source: &str| format!("{{action: Allow, source: {source}}}");
    assert_eq!(ask(web_from(&rule("{selector: role == 'own'}"))), ["allow", "deny"]);
    assert_eq!(ask(web_from_anywhere(&rule("{selector: role == 'own'}"))), ["allow", "allow"]);
    // They inherit the labels of their namespace.
    let blue = rule("{selector: role == 'own', namespaceSelector: team == 'blue'}");
    assert_eq!(ask(web_from(&blue)), ["deny", "allow"]);
    assert_eq!(
        ask(web_from_anywhere(&rule("{selector: projectcalico.org/namespace == 'red'}"))),
        ["allow", "deny"]
    );
}

#[test]
fn c45_blocks_match_pods_and_are_anded_with_selectors() {
    let [own, all] = from("{nets: [10.2.0.0/16, 203.0.113.0/24]}", &[]);
    assert_eq!(own, ["blue/web", "blue/mon", OUTSIDE]);
    assert_eq!(all, own, "without a selector there is no namespace");
    assert_eq!(
        from("{nets: [10.0.0.0/8], notNets: [10.2.0.2/32, 10.1.0.0/16]}", &[])[0],
        ["blue/web", "plain/bare"]
    );
    assert_eq!(from("{notNets: [10.0.0.0/8]}", &[])[0], [OUTSIDE]);
    assert_eq!(from("{nets: [10.0.0.0/8], notNets: [0.0.0.0/1]}", &[])[0], [""; 0]);
    let [own, all] = from("{nets: [10.1.0.2/31, 10.2.0.0/16], selector: has(tier)}", &[]);
    assert_eq!(own, ["red/api"]);
    assert_eq!(all, ["red/api", "blue/mon"]);
    assert_eq!(from("{selector: has(tier), notNets: [10.1.0.0/16]}", &[])[1], ["blue/mon"]);
}

#[test]
fn c46_the_subjects_own_side_counts_too() {
    let rule = |destination: &str| format!("{{action: Allow, destination: {destination}}}");
    let reach = |policy: String| {
        let world = world(&[policy]);
        [world.verdict("red/db -> red/web:80/tcp"), world.verdict("red/db -> red/api:80/tcp")]
    };
    let all = |rule: String| np("red/all", &format!("{{types: [Ingress], ingress: [{rule}]}}"));
    assert_eq!(reach(all(rule("{selector: app == 'web'}"))), ["allow", "deny"]);
    assert_eq!(reach(all(rule("{nets: [10.1.0.2/32]}"))), ["deny", "allow"]);
    assert_eq!(reach(all(rule("{notSelector: app == 'web'}"))), ["deny", "allow"]);
    assert_eq!(
        reach(all(rule("{selector: app == 'web', namespaceSelector: team == 'blue'}"))),
        ["deny", "deny"]
    );
    let out = np("red/all", "{types: [Egress], egress: [{action: Allow, source: {selector: app == 'db'}}]}");
    let world = world(&[out]);
    world.check(&[("red/db -> blue/mon:80/tcp", "allow"), ("red/api -> blue/mon:80/tcp", "deny")]);
}

#[test]
fn c47_accounts_by_name_and_by_label() {
    let [own, all] = from("{serviceAccounts: {names: [web, default]}}", &[]);
    assert_eq!(own, ["red/api", "red/db"]);
    assert_eq!(all, ["red/api", "red/db", "blue/web", "blue/mon", "plain/bare"]);
    assert_eq!(from("{serviceAccounts: {selector: has(trust)}}", &[])[1], ["blue/web"]);
    assert_eq!(from("{serviceAccounts: {names: [web], selector: trust == 'high'}}", &[])[1], [""; 0]);
    assert_eq!(from("{serviceAccounts: {names: [web]}, namespaceSelector: all()}", &[])[0], ["blue/web"]);
    assert_eq!(
        from("{serviceAccounts: {names: [default]}, selector: has(tier)}", &[])[1],
        ["red/api", "blue/mon"]
    );
    assert_eq!(from("{serviceAccounts: {}}", &[])[0].len(), 6, "nothing is restricted");
}

#[test]
fn c48_services_stand_for_their_endpoints() {
    let service = "{apiVersion: v1, kind: Service, metadata: {name: api, namespace: red}, spec: {selector: {app: api}, ports: [
        {name: web, port: 80, targetPort: http}, {name: dns, port: 53, targetPort: 53, protocol: UDP}]}}";
    let listed = "{apiVersion: v1, kind: List, items: [
        {apiVersion: v1, kind: Service, metadata: {name: outside, namespace: red}, spec: {ports: [{port: 80}]}},
        {apiVersion: v1, kind: Endpoints, metadata: {name: outside, namespace: red}, subsets: [
          {addresses: [{ip: 203.0.113.5}], ports: [{port: 8443}]}, {addresses: [{ip: 203.0.113.6}], ports: [{port: 9443}]}]}]}";
    let to = |policy: String| world(&[service.to_owned(), listed.to_owned(), policy]);
    let egress = |services: &str| {
        gnp(
            "out",
            &format!(
                "{{selector: app == 'mon', types: [Egress], egress: [{{action: Allow, destination: {{services: {services}}}}}]}}"
            ),
        )
    };
    let world = to(egress("{name: api, namespace: red}"));
    world.check(&[
        ("blue/mon -> red/api:8080/tcp", "allow"),
        ("blue/mon -> red/api:80/tcp", "deny"),
        ("blue/mon -> red/api:53/udp", "allow"),
        ("blue/mon -> red/api:53/tcp", "deny"),
        ("blue/mon -> red/web:80/tcp", "deny"),
    ]);
    let world = to(egress("{name: outside, namespace: red}"));
    world.check(&[
        ("blue/mon -> 203.0.113.5:8443/tcp", "allow"),
        ("blue/mon -> 203.0.113.5:9443/tcp", "deny"),
        ("blue/mon -> 203.0.113.6:9443/tcp", "allow"),
        ("blue/mon -> 203.0.113.5:80/tcp", "deny"),
    ]);
    for nothing in ["{name: none, namespace: red}", "{name: api, namespace: nowhere}"] {
        assert_eq!(to(egress(nothing)).reached("blue/mon", "8080/tcp"), [""; 0]);
    }
    // In a namespace, too, a Service without its namespace is none.
    let own = np(
        "red/out",
        "{selector: app == 'db', types: [Egress], egress: [{action: Allow, destination: {services: {name: api}}}]}",
    );
    assert_eq!(to(own).reached("red/db", "8080/tcp"), [""; 0]);
    let own = np(
        "red/in",
        "{selector: app == 'db', types: [Ingress], ingress: [{action: Allow, source: {services: {name: api, namespace: red}}}]}",
    );
    assert_eq!(to(own).reach("red/db", "9999/tcp"), ["red/api"], "from any port");
    // Every cluster has this one.
    let server = np(
        "red/out",
        "{selector: app == 'db', types: [Egress], egress: [{action: Allow, destination: {services: {name: kubernetes, namespace: default}}}]}",
    );
    assert_eq!(to(server).reached("red/db", "443/tcp"), [""; 0]);
}

#[test]
fn c44_host_endpoints_are_peers_by_their_addresses() {
    let host = object("HostEndpoint", "edge", "{node: elsewhere, expectedIPs: [203.0.113.5]}")
        .replace("{name: edge}", "{name: edge, labels: {role: edge}}");
    assert_eq!(from("{selector: role == 'edge'}", &[host.clone()])[1], [OUTSIDE]);
    assert_eq!(from("{selector: role == 'edge'}", &[host.clone()])[0], [""; 0]);
    assert_eq!(from("{namespaceSelector: global()}", &[host])[0], [OUTSIDE]);
}
