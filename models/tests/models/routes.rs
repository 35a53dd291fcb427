//! Ways in, from YAML to the pods behind them (S-80 to S-85).

use npv_models::cluster::{Builder, Cluster, EntryPoint, NotAttached, ResolvedBackend, Target};
use npv_models::k8s::Decoder;
use npv_models::source::SourceId;
use npv_models::yaml;

fn cluster(text: &str) -> Cluster {
    let decoder = Decoder::new("default");
    let mut builder = Builder::new();
    for node in yaml::read(SourceId(0), text, 0).roots {
        let decoded = decoder.decode(&node);
        assert_eq!(decoded.findings, [], "{text}");
        if let Some(object) = decoded.object {
            builder.add(object);
        }
    }
    builder.finish().cluster
}

const SHOP: &str = r"
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {edge: open}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: web
          ports: [{name: http, containerPort: 8080}, {name: dns, containerPort: 5353, protocol: UDP}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports:
    - {name: main, port: 80, targetPort: http}
    - {name: wrong, port: 81, targetPort: dns}
    - {name: other, port: 82, targetPort: 9000}
";

fn ports_of(cluster: &Cluster, name: &str) -> Vec<Target> {
    let service = cluster.service("shop", "web");
    let port =
        service.and_then(|service| service.ports.iter().find(|port| port.name.as_deref() == Some(name)));
    service.zip(port).map(|(service, port)| cluster.targets(service, port)).unwrap_or_default()
}

#[test]
fn a_named_target_port_needs_the_name_and_the_protocol() {
    let cluster = cluster(SHOP);
    assert!(matches!(ports_of(&cluster, "main")[..], [Target::Pods { port: 8080, .. }]));
    assert!(matches!(ports_of(&cluster, "wrong")[..], [Target::Unresolved { .. }]));
    assert!(matches!(ports_of(&cluster, "other")[..], [Target::Pods { port: 9000, .. }]));
}

#[test]
fn endpoints_lead_to_pods_by_address_and_outside() {
    let text = r"
apiVersion: v1
kind: Pod
metadata: {name: db-0, namespace: shop, labels: {app: db}}
spec: {containers: [{name: db}]}
status: {podIP: 10.0.0.7}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec: {ports: [{port: 5432}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: db, namespace: shop}
subsets:
  - addresses: [{ip: 10.0.0.7}, {ip: 192.0.2.9}]
    notReadyAddresses: [{ip: 192.0.2.10}]
    ports: [{port: 6432}]
";
    let cluster = cluster(text);
    let service = cluster.service("shop", "db").unwrap();
    let targets = cluster.targets(service, &service.ports[0]);
    assert!(matches!(targets[0], Target::Pods { port: 6432, .. }), "{targets:?}");
    assert_eq!(targets[1], Target::Address { address: "192.0.2.9".parse().unwrap(), port: 6432 });
    assert_eq!(targets.len(), 2);
}

#[test]
fn an_ingress_leads_from_the_assumed_controller_to_target_ports() {
    let ingress = r"
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  defaultBackend: {service: {name: web, port: {number: 82}}}
  rules:
    - host: shop.example.com
      http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: web, port: {name: main}}}}
          - {path: /gone, pathType: Prefix, backend: {service: {name: gone, port: {number: 80}}}}
          - {path: /port, pathType: Prefix, backend: {service: {name: web, port: {number: 8080}}}}
";
    let cluster = cluster(&format!("{SHOP}{ingress}"));
    let entries = cluster.entries();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].id, "{ingress-controller}");
    assert!(entries[0].pods.is_empty());
    let sends: Vec<String> = entries[0].sends.values().map(ToString::to_string).collect();
    assert_eq!(sends, ["TCP 8080,9000"]);

    let route = &cluster.routing.routes[0];
    let backends: Vec<_> = route.rules.iter().map(|rule| cluster.resolve(route, &rule.backends[0])).collect();
    assert!(matches!(backends[0], ResolvedBackend::Ports(..)));
    assert!(matches!(backends[1], ResolvedBackend::NoService));
    assert!(
        matches!(backends[2], ResolvedBackend::NoPort(_)),
        "8080 is the pod's port, not the Service's (S-30)"
    );
    assert!(matches!(backends[3], ResolvedBackend::Ports(..)), "the default backend comes last");
}

#[test]
fn the_controller_is_found_by_its_class() {
    let controller = r"
---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: {name: edge}
spec: {controller: k8s.io/ingress-nginx}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller, namespace: ingress-nginx}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: ingress-nginx}}
  template:
    metadata: {labels: {app.kubernetes.io/name: ingress-nginx, app.kubernetes.io/component: controller}}
    spec: {containers: [{name: controller}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web, namespace: shop}
spec:
  ingressClassName: edge
  rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]
";
    let cluster = cluster(&format!("{SHOP}{controller}"));
    let entries = cluster.entries();
    assert_eq!(entries[0].pods.len(), 1);
    let other = EntryPoint::Ingress { class: Some("traefik".into()) };
    assert_eq!(cluster.controller_pods(&other), []);
}

fn gateway(listener: &str, route: &str) -> Cluster {
    cluster(&format!(
        r"{SHOP}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: edge, namespace: infra}}
spec:
  gatewayClassName: istio
  listeners: [{listener}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: web, namespace: shop}}
spec:
  {route}
  rules: [{{backendRefs: [{{name: web, port: 80}}]}}]
"
    ))
}

fn problem(cluster: &Cluster) -> Option<NotAttached<'_>> {
    let route = cluster.routing.routes.first()?;
    cluster.attachments(route).pop()?.problem
}

#[test]
fn a_route_attaches_only_where_a_listener_admits_it() {
    const HERE: &str = "parentRefs: [{name: edge, namespace: infra}]";
    let open = "{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}";
    assert_eq!(problem(&gateway(open, HERE)), None);
    assert_eq!(gateway(open, HERE).entries()[0].id, "{gateway infra/edge}");

    let same = "{name: http, port: 80, protocol: HTTP}";
    assert!(matches!(problem(&gateway(same, HERE)), Some(NotAttached::Namespace(_))));
    assert_eq!(gateway(same, HERE).entries(), []);

    let labelled = "{name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {edge: open}}}}}";
    assert_eq!(problem(&gateway(labelled, HERE)), None);

    let tcp = "{name: tcp, port: 80, protocol: TCP, allowedRoutes: {namespaces: {from: All}}}";
    assert!(matches!(problem(&gateway(tcp, HERE)), Some(NotAttached::Kind(_))));

    let host = "{name: http, port: 80, protocol: HTTP, hostname: a.example.com, allowedRoutes: {namespaces: {from: All}}}";
    assert_eq!(problem(&gateway(host, HERE)), None, "a route without hosts takes the listener's");
    let other = "parentRefs: [{name: edge, namespace: infra}]\n  hostnames: [b.example.com]";
    assert!(matches!(problem(&gateway(host, other)), Some(NotAttached::Hostname(_))));

    let section = "parentRefs: [{name: edge, namespace: infra, sectionName: https}]";
    assert!(matches!(problem(&gateway(open, section)), Some(NotAttached::NoListener)));
    let missing = "parentRefs: [{name: other, namespace: infra}]";
    assert!(matches!(problem(&gateway(open, missing)), Some(NotAttached::NoGateway)));
    let elsewhere = "parentRefs: [{name: other, namespace: unseen}]";
    assert_eq!(problem(&gateway(open, elsewhere)), None, "the manifests do not tell");
}

#[test]
fn a_reference_across_namespaces_needs_a_grant() {
    let text = |grant: &str| {
        format!(
            r"{SHOP}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: web, namespace: edge}}
spec:
  parentRefs: [{{name: edge}}]
  rules: [{{backendRefs: [{{name: web, namespace: shop, port: 80, weight: 90}}]}}]
{grant}"
        )
    };
    let resolved = |cluster: &Cluster| {
        let route = &cluster.routing.routes[0];
        matches!(cluster.resolve(route, &route.rules[0].backends[0]), ResolvedBackend::Ports(..))
    };
    assert!(!resolved(&cluster(&text(""))));
    let grant = r"---
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: edge, namespace: shop}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: edge}]
  to: [{group: '', kind: Service}]
";
    assert!(resolved(&cluster(&text(grant))));
}

#[test]
fn an_openshift_route_names_the_pods_port_by_number() {
    let route = |port: &str| {
        format!(
            r"{SHOP}
---
apiVersion: route.openshift.io/v1
kind: Route
metadata: {{name: web, namespace: shop}}
spec:
  to: {{kind: Service, name: web, weight: 100}}
{port}"
        )
    };
    let sends =
        |text: &str| cluster(text).entries()[0].sends.values().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(sends(&route("  port: {targetPort: 9000}")), ["TCP 9000"]);
    assert_eq!(sends(&route("  port: {targetPort: main}")), ["TCP 8080"]);
    assert_eq!(sends(&route("")), ["TCP 8080,9000"]);
}
