//! What the cluster's own services need to reach (S-87).

use npv_models::cluster::{Builder, Demands};
use npv_models::k8s::{Decoder, MonitorNamespaces, MonitorTarget, TargetPort};
use npv_models::source::SourceId;
use npv_models::yaml;

fn demands(text: &str) -> Demands {
    let decoder = Decoder::new("default");
    let mut builder = Builder::new();
    for node in yaml::read(SourceId(0), text, 0).roots {
        let decoded = decoder.decode(&node);
        assert_eq!(decoded.findings, [], "{text}");
        if let Some(object) = decoded.object {
            builder.add(object);
        }
    }
    builder.finish().cluster.demands
}

#[test]
fn monitors_name_ports_of_services_or_pods() {
    let found = demands(
        r"
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  namespaceSelector: {matchNames: [shop, data]}
  endpoints: [{port: metrics}, {targetPort: 9100}]
---
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata: {name: jobs, namespace: shop}
spec:
  selector: {}
  namespaceSelector: {any: true}
  podMetricsEndpoints: [{portNumber: 9090}]
",
    );
    let [web, jobs] = &found.monitors[..] else { panic!("{found:?}") };
    assert_eq!(web.selects, MonitorTarget::Services);
    assert_eq!(web.namespaces, MonitorNamespaces::Named(vec!["shop".into(), "data".into()]));
    assert_eq!(web.endpoints[0].port.as_deref(), Some("metrics"));
    assert_eq!(web.endpoints[1].target, Some(TargetPort::Number(9100)));
    assert_eq!(jobs.selects, MonitorTarget::Pods);
    assert_eq!(jobs.namespaces, MonitorNamespaces::Any);
    assert_eq!(jobs.endpoints[0].target, Some(TargetPort::Number(9090)));
}

#[test]
fn the_api_server_calls_webhooks_and_aggregated_apis_on_443() {
    let found = demands(
        r"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: guard}
webhooks:
  - {name: a.example.com, clientConfig: {service: {namespace: guard, name: hook}}}
  - {name: b.example.com, clientConfig: {url: 'https://guard.example.com'}}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.metrics.k8s.io}
spec: {service: {namespace: kube-system, name: metrics-server, port: 8443}}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.apps}
spec: {group: apps}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec: {conversion: {strategy: Webhook, webhook: {clientConfig: {service: {namespace: guard, name: convert}}}}}
",
    );
    let calls: Vec<_> = found
        .callbacks
        .iter()
        .flat_map(|callbacks| {
            callbacks.calls.iter().map(|call| (callbacks.aggregated, &*call.name, call.port))
        })
        .collect();
    assert_eq!(calls, [(false, "hook", 443), (true, "metrics-server", 8443), (false, "convert", 443)]);
}

#[test]
fn bindings_name_accounts_and_issuers_solvers() {
    let found = demands(
        r"
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: operator, namespace: shop}
subjects:
  - {kind: ServiceAccount, name: operator}
  - {kind: ServiceAccount, name: other, namespace: data}
  - {kind: User, name: alice}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: public}
spec: {acme: {solvers: [{http01: {ingress: {ingressClassName: nginx}}}]}}
---
apiVersion: cert-manager.io/v1
kind: Issuer
metadata: {name: by-dns, namespace: shop}
spec: {acme: {solvers: [{dns01: {}}]}}
",
    );
    let accounts = &found.bindings[0].accounts;
    assert_eq!(accounts[..], [("shop".into(), "operator".into()), ("data".into(), "other".into())]);
    let issuers: Vec<_> = found.issuers.iter().map(|issuer| &*issuer.meta.name.value).collect();
    assert_eq!(issuers, ["public"]);
}
