//! What the manifests do not show, and because of which object.

use npv_models::cluster::{Builder, Cluster, UnseenBy};
use npv_models::k8s::Decoder;
use npv_models::source::{Origin, SourceMap};
use npv_models::yaml;

fn cluster(text: &str) -> (Cluster, SourceMap) {
    let mut map = SourceMap::default();
    let id = map.add("test.yaml", text, Origin::File).unwrap();
    let documents = yaml::read(id, text, 0);
    assert_eq!(documents.problems, []);
    let decoder = Decoder::new("default");
    let mut builder = Builder::new();
    for root in &documents.roots {
        let decoded = decoder.decode(root);
        assert_eq!(decoded.findings, []);
        decoded.object.into_iter().for_each(|object| builder.add(object));
    }
    (builder.finish().cluster, map)
}

/// `object -> namespace` with `*` for any, in order.
fn unseen(text: &str) -> Vec<String> {
    let (cluster, map) = cluster(text);
    let mut found = Vec::new();
    for unseen in &cluster.unseen {
        let name = map.slice(unseen.span);
        assert!(unseen.by == UnseenBy::Account || name == &*unseen.name, "{unseen:?} at `{name}`");
        found.push(format!("{} -> {}", unseen.object, unseen.namespace.as_deref().unwrap_or("*")));
    }
    found
}

#[test]
fn releases_deploy_where_they_say() {
    let text = "
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: redis, namespace: shop}
spec: {chart: {spec: {chart: redis}}}
---
apiVersion: helm.toolkit.fluxcd.io/v2beta1
kind: HelmRelease
metadata: {name: edge, namespace: flux-system}
spec: {targetNamespace: ingress, chart: {spec: {chart: traefik}}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps, namespace: flux-system}
spec: {path: ./apps, targetNamespace: apps}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: infra, namespace: flux-system}
spec: {path: ./infra}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: cache, namespace: argocd}
spec:
  source: {chart: valkey}
  destination: {server: https://kubernetes.default.svc, namespace: shop}
---
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: far-away, namespace: argocd}
spec:
  source: {chart: valkey}
  destination: {server: https://203.0.113.7, namespace: shop}
---
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: teams, namespace: argocd}
spec:
  template:
    spec:
      sources: [{repoURL: x, path: a}, {chart: wiki}]
      destination: {name: in-cluster, namespace: '{{path.basename}}'}
---
apiVersion: helm.cattle.io/v1
kind: HelmChart
metadata: {name: lb, namespace: kube-system}
spec: {chart: metallb, targetNamespace: metallb}
";
    assert_eq!(
        unseen(text),
        [
            "HelmRelease/shop/redis -> shop",
            "HelmRelease/flux-system/edge -> ingress",
            "Kustomization/flux-system/apps -> apps",
            "Kustomization/flux-system/infra -> *",
            "Application/argocd/cache -> shop",
            "ApplicationSet/argocd/teams -> *",
            "HelmChart/kube-system/lb -> metallb",
        ]
    );
    let (cluster, _) = cluster(text);
    let what: Vec<_> = cluster
        .unseen
        .iter()
        .map(|unseen| match &unseen.by {
            UnseenBy::Release { what, .. } => what.as_deref().unwrap_or("?"),
            _ => "!",
        })
        .collect();
    assert_eq!(what, ["redis", "traefik", "./apps", "./infra", "valkey", "wiki", "metallb"]);
}

#[test]
fn operators_make_pods_of_their_resources() {
    let text = "
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: orders, namespace: shop}
---
apiVersion: kafka.strimzi.io/v1beta2
kind: KafkaTopic
metadata: {name: bills, namespace: shop}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: tls, namespace: shop}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: shop}
---
apiVersion: skaffold/v4beta1
kind: Config
metadata: {name: build}
---
apiVersion: apps/v1
kind: ControllerRevision
metadata: {name: x, namespace: shop}
---
apiVersion: jaegertracing.io/v1
kind: Jaeger
metadata: {name: traces}
---
apiVersion: example.com/v1
kind: ClusterThing
metadata: {name: wide}
";
    assert_eq!(unseen(text), ["Cluster/shop/orders -> shop", "Jaeger/default/traces -> default"]);
    let (cluster, _) = cluster(text);
    assert!(cluster.unseen_service("shop", "orders-rw").is_some());
    assert!(cluster.unseen_service("shop", "bills").is_none());
    assert!(cluster.unseen_pods("shop").is_some());
    assert!(cluster.unseen_pods("elsewhere").is_none());
}

#[test]
fn accounts_that_may_make_pods() {
    let role = |kind: &str, name: &str, group: &str, resource: &str, verb: &str| {
        format!(
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: hub}}\n\
             rules: [{{apiGroups: ['{group}'], resources: ['{resource}'], verbs: ['{verb}']}}]\n"
        )
    };
    let binding = |kind: &str, role: &str, account: &str| {
        let (role_kind, role) = role.split_once('/').unwrap();
        format!(
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: b-{account}, namespace: hub}}\n\
             roleRef: {{kind: {role_kind}, name: {role}}}\n\
             subjects: [{{kind: ServiceAccount, name: {account}, namespace: home}}, {{kind: User, name: me}}]\n"
        )
    };
    let text = [
        role("Role", "spawn", "", "pods", "create"),
        role("Role", "look", "", "pods", "list"),
        role("Role", "other", "example.com", "pods", "create"),
        role("ClusterRole", "all", "*", "*", "*"),
        role("ClusterRole", "jobs", "batch", "jobs", "create"),
        binding("RoleBinding", "Role/spawn", "spawner"),
        binding("RoleBinding", "Role/look", "looker"),
        binding("RoleBinding", "Role/other", "stranger"),
        binding("RoleBinding", "ClusterRole/jobs", "runner"),
        binding("RoleBinding", "ClusterRole/spawn", "mistaken"),
        binding("ClusterRoleBinding", "ClusterRole/all", "operator"),
        binding("RoleBinding", "ClusterRole/edit", "deployer"),
        binding("RoleBinding", "ClusterRole/view", "viewer"),
    ]
    .concat();
    assert_eq!(
        unseen(&text),
        [
            "ServiceAccount/home/spawner -> hub",
            "ServiceAccount/home/runner -> hub",
            "ServiceAccount/home/operator -> home",
            "ServiceAccount/home/deployer -> hub",
        ]
    );
    let (cluster, _) = cluster(&text);
    assert!(cluster.unseen_pods("hub").is_some() && cluster.unseen_service("hub", "x").is_none());
}
