//! What policies refer to: tiers, sets of networks, host endpoints, profiles, ServiceAccounts.

use super::super::super::testing::{decode_all, slice, summary};
use super::super::super::{CalicoObject, HostAction, Object, TierAction};
use super::{API, STORED, decode, finds, invalid, object, referred};
use crate::cluster::Builder;
use crate::space::{Labels, Protocol};

#[test]
fn tiers() {
    let tier = |name: &str, spec: &str| object(API, "Tier", name, spec);
    let CalicoObject::Tier(ops) = referred(&tier("ops", "{order: 5.5, defaultAction: Pass}")) else {
        panic!()
    };
    assert_eq!(
        (ops.order.unwrap().value.to_string(), ops.default_action.unwrap().value),
        ("5.5".into(), TierAction::Pass)
    );
    let CalicoObject::Tier(bare) = referred(&tier("ops", "{}")) else { panic!() };
    assert!(bare.order.is_none() && bare.default_action.is_none());
    referred(&tier("default", "{order: 1000000}"));
    referred(&tier("default", "{}"));
    referred(&tier("baselineadminnetworkpolicy", "{order: 1e7, defaultAction: Pass}"));
    referred(&object(STORED, "Tier", "default", "{order: 5}"));
    invalid(&tier("default", "{order: 5}"), "5", "1000000");
    invalid(&tier("adminnetworkpolicy", "{}"), "adminnetworkpolicy", "1000");
    invalid(&tier("a.b", "{order: 5}"), "a.b", "must not contain a `.`");
    invalid(&tier("ops", "{defaultAction: Allow}"), "Allow", "`Deny` and `Pass`");
    finds(&tier("ops", "{order: '5'}"), &[("wrong-type", "'5'", "without quotes")]);
    finds(
        &tier("ops", "{defaultaction: Pass}"),
        &[("unknown-field", "defaultaction", "did you mean `defaultAction`?")],
    );
}

#[test]
fn sets_of_networks() {
    let text = format!(
        "{{apiVersion: {API}, kind: NetworkSet, metadata: {{name: s, namespace: shop, labels: {{role: partner}}}}, spec: {{nets: [10.1.2.3/8, 192.0.2.1, 'fd00::1', 'fd00::/8']}}}}"
    );
    let CalicoObject::NetworkSet(set) = referred(&text) else { panic!() };
    assert_eq!(*set.labels.value, Labels::from_iter([("role", "partner")]));
    let nets: Vec<String> = set.nets.iter().map(|net| net.value.to_string()).collect();
    assert_eq!(nets, ["10.0.0.0/8", "192.0.2.1/32", "fd00::1/128", "fd00::/8"]);
    assert_eq!((CalicoObject::NetworkSet(set.clone()).kind(), &*set.meta.namespace), ("NetworkSet", "shop"));
    let global = referred(&object(API, "GlobalNetworkSet", "s", "{}"));
    assert_eq!(global.kind(), "GlobalNetworkSet");
    invalid(&object(API, "GlobalNetworkSet", "s", "{nets: [ten]}"), "ten", "block of addresses");
    invalid(&object(API, "GlobalNetworkSet", "s", "{nets: [10.0.0.0/33]}"), "10.0.0.0/33", "from 0 to 32");
    let labelled = |group: &str| {
        format!(
            "{{apiVersion: {group}, kind: NetworkSet, metadata: {{name: s, labels: {{projectcalico.org/namespace: x}}}}, spec: {{}}}}"
        )
    };
    invalid(&labelled(API), "projectcalico.org/namespace", "remove the label");
    referred(&labelled(STORED));
}

#[test]
fn hosts() {
    let host = |spec: &str| object(API, "HostEndpoint", "h", spec);
    let CalicoObject::HostEndpoint(endpoint) = referred(&host(
        "{node: a, interfaceName: eth0, expectedIPs: [192.0.2.1, 'fd00::1'], profiles: [p], ports: [{name: ssh, protocol: TCP, port: 22}]}",
    )) else {
        panic!()
    };
    assert_eq!((&*endpoint.node.value, &*endpoint.interface.unwrap().value), ("a", "eth0"));
    assert_eq!((endpoint.addresses.len(), endpoint.profiles.len()), (2, 1));
    let port = &endpoint.ports[0].value;
    assert_eq!((&*port.name, port.protocol, port.number), ("ssh", Protocol::Tcp, 22));
    referred(&host("{node: a, interfaceName: '*'}"));
    referred(&host("{node: a, expectedIPs: [192.0.2.1]}"));
    for (spec, place, says) in [
        ("{node: a}", "spec", "interfaceName: '*'"),
        ("{interfaceName: eth0}", "spec", "no `node`"),
        ("{node: Node_1, interfaceName: eth0}", "Node_1", "write `node-1`"),
        ("{node: a, interfaceName: eth0/1}", "eth0/1", "at most 15 letters"),
        ("{node: a, interfaceName: a-very-long-name}", "a-very-long-name", "at most 15 letters"),
        ("{node: a, interfaceName: eth0, profiles: [P]}", "P", "write `p`"),
        (
            "{node: a, interfaceName: eth0, ports: [{name: ping, protocol: ICMP, port: 1}]}",
            "ICMP",
            "has no ports",
        ),
        (
            "{node: a, interfaceName: eth0, ports: [{name: ssh, protocol: TCP, port: 0}]}",
            "0",
            "from 1 to 65535",
        ),
        (
            "{node: a, interfaceName: eth0, ports: [{name: ssh, protocol: TCP}]}",
            "{name: ssh, protocol: TCP}",
            "no `port`",
        ),
    ] {
        invalid(&host(spec), place, says);
    }
    finds(
        &host("{node: a, interfaceName: '*', expectedIPs: [ten]}"),
        &[("wrong-type", "ten", "no IP address")],
    );

    let profile = |spec: &str| object(API, "Profile", "p", spec);
    let CalicoObject::Profile(allow) = referred(&profile(
        "{ingress: [{action: Allow}], egress: [{action: Deny}, {action: Allow}], labelsToApply: {role: host}}",
    )) else {
        panic!()
    };
    assert_eq!((allow.ingress.len(), allow.egress.len(), allow.labels.get("role")), (1, 2, Some("host")));
    invalid(&profile("{ingress: [{action: allow}]}"), "allow", "did you mean `Allow`?");
    invalid(&profile("{labelsToApply: {a: '*'}}"), "'*'", "letters");
}

#[test]
fn felix() {
    let felix = |group: &str, spec: &str| object(group, "FelixConfiguration", "default", spec);
    let CalicoObject::Felix(read) = referred(&felix(
        API,
        "{logSeverityScreen: Info, defaultEndpointToHostAction: Accept, failsafeInboundHostPorts: [{protocol: TCP, port: 22, net: 10.0.0.0/8}], failsafeOutboundHostPorts: []}",
    )) else {
        panic!()
    };
    assert_eq!(read.endpoint_to_host.unwrap().value, HostAction::Accept);
    let port = read.failsafe_in.unwrap().value[0];
    assert_eq!(
        (port.protocol, port.number, port.net.unwrap().to_string()),
        (Protocol::Tcp, 22, "10.0.0.0/8".into())
    );
    assert_eq!(read.failsafe_out.unwrap().value, []);
    let CalicoObject::Felix(read) = referred(&felix(
        STORED,
        "{defaultEndpointToHostAction: RETURN, failsafeInboundHostPorts: [{port: 22}, {protocol: udp, port: 53}]}",
    )) else {
        panic!()
    };
    assert_eq!(read.endpoint_to_host.unwrap().value, HostAction::Return);
    let ports: Vec<Protocol> = read.failsafe_in.unwrap().value.iter().map(|port| port.protocol).collect();
    assert_eq!(ports, [Protocol::Tcp, Protocol::Udp]);
    assert!(read.failsafe_out.is_none());
    finds(&felix(API, "{defaultEndpointToHostAction: Allow}"), &[("wrong-type", "Allow", "`Accept`")]);
    finds(
        &felix(API, "{failsafeInboundHostPorts: [{port: 22}]}"),
        &[("wrong-type", "{port: 22}", "no `protocol`")],
    );
}

#[test]
fn service_accounts_have_labels() {
    let text = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: web, namespace: shop, labels: {trust: high}}}";
    let decoded = decode(text);
    assert_eq!(decoded.findings, []);
    let Some(Object::ServiceAccount(account)) = decoded.object else { panic!() };
    assert_eq!((&*account.meta.name.value, account.labels.value.get("trust")), ("web", Some("high")));
    assert_eq!(slice(text, account.labels.span), "{trust: high}");
}

#[test]
fn a_policy_of_a_tier_that_is_not_there_takes_no_part() {
    let policy = |group, kind, name, spec| object(group, kind, name, spec);
    let texts = [
        policy(API, "GlobalNetworkPolicy", "ops.a", "{tier: ops}"),
        policy(API, "StagedNetworkPolicy", "ops.b", "{tier: ops}"),
        policy(STORED, "NetworkPolicy", "ops.c", "{}"),
        policy(STORED, "GlobalNetworkPolicy", "c", "{tier: ops}"),
        policy(
            API,
            "GlobalNetworkPolicy",
            "baselineadminnetworkpolicy.a",
            "{tier: baselineadminnetworkpolicy}",
        ),
    ];
    let text = texts.join("\n---\n");
    let build = |text: &str| {
        let mut builder = Builder::new();
        for decoded in decode_all(text) {
            builder.add(decoded.object.unwrap());
        }
        builder.finish()
    };
    let inventory = build(&text);
    assert_eq!(inventory.policies.len(), 2);
    assert_eq!(
        summary(&text, &inventory.findings),
        [("invalid-policy", "ops"), ("invalid-policy", "ops"), ("invalid-policy", "ops.c")]
    );
    let objects: Vec<&str> =
        inventory.findings.iter().filter_map(|finding| finding.object.as_deref()).collect();
    assert_eq!(
        objects,
        ["GlobalNetworkPolicy/ops.a", "StagedNetworkPolicy/shop/ops.b", "NetworkPolicy/shop/ops.c"]
    );
    assert!(inventory.findings.iter().all(|finding| finding.incomplete));
    let says =
        |index: usize, word: &str| inventory.findings[index].help.iter().any(|help| help.contains(word));
    assert!(says(0, "would refuse") && says(2, "Felix would take no notice"));

    let tier = object(API, "Tier", "ops", "{}");
    let inventory = build(&format!("{text}\n---\n{tier}\n"));
    assert_eq!((inventory.policies.len(), inventory.cluster.calico.len()), (5, 1));
    assert_eq!(inventory.findings, []);
}
