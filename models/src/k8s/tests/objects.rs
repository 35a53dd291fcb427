//! Namespaces, Nodes, Services, Endpoints and EndpointSlices.

use super::super::testing::{decode_all, slice, span_of, summary};
use super::super::{Endpoints, Node, Object, Service, ServiceType, TargetPort, TrafficPolicy};
use crate::space::Protocol;

#[track_caller]
fn only(text: &str) -> Object {
    let decoded = decode_all(text).remove(0);
    assert_eq!(decoded.findings, [], "{text}");
    decoded.object.expect("an object")
}

fn service(text: &str) -> Service {
    let text = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: web, labels: {{team: a}}}}\nspec: {text}\n"
    );
    match only(&text) {
        Object::Service(service) => *service,
        other => panic!("{other:?}"),
    }
}

#[test]
fn services() {
    let plain = service("{selector: {app: web, tier: null}, ports: [{port: 80}]}");
    assert_eq!(plain.meta.namespace.as_ref(), "default");
    assert_eq!(plain.labels.to_string(), "team=a");
    assert_eq!(plain.selector.unwrap().value.to_string(), "app=web,tier=");
    assert_eq!((plain.kind, plain.headless, plain.publish_not_ready), (ServiceType::ClusterIp, false, false));
    assert_eq!(
        (plain.external_traffic, plain.internal_traffic),
        (TrafficPolicy::Cluster, TrafficPolicy::Cluster)
    );
    let port = &plain.ports[0];
    assert_eq!((port.protocol, port.port, &port.target), (Protocol::Tcp, 80, &TargetPort::Number(80)));

    let full = service(
        "{type: LoadBalancer, clusterIP: 10.96.0.10, clusterIPs: [10.96.0.10, 'fd00::10'], externalIPs: [192.0.2.1],
          externalTrafficPolicy: Local, internalTrafficPolicy: Local, publishNotReadyAddresses: true, ports: [
          {name: dns, protocol: UDP, port: 53, targetPort: dns-udp, nodePort: 30053}, {port: 443, targetPort: 8443}]}",
    );
    assert_eq!(full.kind, ServiceType::LoadBalancer);
    assert_eq!(
        full.cluster_ips,
        ["10.96.0.10", "fd00::10"].map(|ip| ip.parse::<std::net::IpAddr>().unwrap())
    );
    assert_eq!(full.external_ips.len(), 1);
    assert_eq!((full.external_traffic, full.internal_traffic), (TrafficPolicy::Local, TrafficPolicy::Local));
    assert!(full.publish_not_ready && full.selector.is_none());
    assert_eq!(full.ports[0].target, TargetPort::Name("dns-udp".into()));
    assert_eq!((full.ports[0].protocol, full.ports[0].node_port), (Protocol::Udp, Some(30053)));
    assert_eq!(full.ports[1].target, TargetPort::Number(8443));

    assert!(service("{clusterIP: None, selector: {a: b}}").headless);
    assert!(service("{selector: {}}").selector.is_none());
    let alias = service("{type: ExternalName, externalName: db.example.com, selector: {a: b}}");
    assert_eq!(alias.external_name.as_deref(), Some("db.example.com"));
    assert!(alias.selector.is_none());
}

#[test]
fn load_balancers_have_the_addresses_of_their_status() {
    let text = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: LoadBalancer, loadBalancerIP: 192.0.2.1}\n\
                status: {loadBalancer: {ingress: [{ip: 192.0.2.2}, {hostname: lb.example.com}, {ip: 192.0.2.1}]}}\n";
    let Object::Service(service) = only(text) else { panic!() };
    assert_eq!(service.external_ips.len(), 2);
}

#[test]
fn errors_of_services_are_reported_and_the_rest_is_kept() {
    let text = "apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: Loadbalancer
  selector: {app: on, app: web}
  ports:
    - {port: 80, targetPort: '8080'}
    - {port: 0}
    - {targetPort: http}
    - {port: 81, protocol: tcp}
    - {port: 82, targetPort: 82.5}
";
    let decoded = decode_all(text).remove(0);
    assert_eq!(
        summary(text, &decoded.findings),
        [
            ("wrong-type", "Loadbalancer"),
            ("wrong-type", "on"),
            ("duplicate-key", "app"),
            ("wrong-type", "'8080'"),
            ("wrong-type", "0"),
            ("wrong-type", "{targetPort: http}"),
            ("wrong-type", "tcp"),
            ("wrong-type", "82.5"),
        ]
    );
    assert!(decoded.findings.iter().all(|finding| finding.object.as_deref() == Some("Service/default/web")));
    assert!(decoded.findings.iter().all(|finding| !finding.help.is_empty()));
    let Some(Object::Service(service)) = decoded.object else { panic!() };
    assert_eq!(service.ports.len(), 1);
    assert_eq!(service.ports[0].target, TargetPort::Number(8080));
    assert_eq!(slice(text, service.ports[0].target_span), "'8080'");
    assert_eq!(service.selector.unwrap().value.to_string(), "app=web");
}

fn endpoints(text: &str) -> Endpoints {
    match only(text) {
        Object::Endpoints(endpoints) => *endpoints,
        other => panic!("{other:?}"),
    }
}

#[test]
fn endpoints_and_slices_say_the_same() {
    let old = endpoints(
        "apiVersion: v1\nkind: Endpoints\nmetadata: {name: web, namespace: shop}\nsubsets:\n- addresses:\n  - {ip: 10.1.0.1, targetRef: {kind: Pod, name: web-1}}\n  \
         notReadyAddresses:\n  - {ip: 10.1.0.2}\n  ports: [{name: http, port: 8080}, {port: 53, protocol: UDP}]\n",
    );
    let new = endpoints(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\nmetadata: {name: web-x1, namespace: shop, labels: {kubernetes.io/service-name: web}}\n\
         endpoints:\n- {addresses: [10.1.0.1], targetRef: {kind: Pod, name: web-1}}\n- {addresses: [10.1.0.2], conditions: {ready: false}}\n\
         ports: [{name: http, port: 8080}, {port: 53, protocol: UDP, name: ''}]\n",
    );
    assert_eq!((&*old.service, &old.endpoints), (&*new.service, &new.endpoints));
    assert_eq!(old.endpoints.len(), 2);
    assert!(old.endpoints[0].ready && !old.endpoints[1].ready);
    assert_eq!(old.endpoints[0].pod.as_deref(), Some("web-1"));
    assert_eq!(
        &*old.endpoints[0].ports,
        [(Some("http".into()), Protocol::Tcp, 8080), (None, Protocol::Udp, 53)]
    );

    let text = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: a}\nendpoints: []\n";
    let nobodys = decode_all(text).remove(0);
    assert!(nobodys.object.is_none() && nobodys.findings.is_empty());
    let names = endpoints(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: FQDN\nmetadata: {name: a, labels: {kubernetes.io/service-name: web}}\nendpoints: [{addresses: [db.example.com]}]\n",
    );
    assert!(names.endpoints.is_empty());
}

#[test]
fn nodes_and_namespaces() {
    let text = "apiVersion: v1\nkind: Node\nmetadata:\n  name: n1\n  labels: {zone: a}\nstatus:\n  addresses:\n  - {type: InternalIP, address: 10.0.0.1}\n  \
                - {type: Hostname, address: n1}\n  - {type: ExternalIP, address: 192.0.2.1}\n  - {type: InternalIP, address: 'fd00::1'}\n";
    let Object::Node(node) = only(text) else { panic!() };
    let Node { meta, labels, addresses } = *node;
    assert_eq!((&*meta.name.value, &*meta.namespace, labels.value.to_string()), ("n1", "", "zone=a".into()));
    assert_eq!(addresses.len(), 3);

    let text = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels: {env: prod}\n";
    let Object::Namespace(namespace) = only(text) else { panic!() };
    assert_eq!(namespace.labels.value.to_string(), "env=prod");
    assert_eq!(namespace.labels.span, span_of(text, "{env: prod}"));
    let text = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    let Object::Namespace(namespace) = only(text) else { panic!() };
    assert_eq!(namespace.labels.span, span_of(text, "shop"));
}

#[test]
fn addresses_must_be_addresses() {
    let text = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {addresses: [{type: InternalIP, address: nowhere}]}\n";
    let decoded = decode_all(text).remove(0);
    assert_eq!(summary(text, &decoded.findings), [("wrong-type", "nowhere")]);
    assert!(decoded.object.is_some());
}
