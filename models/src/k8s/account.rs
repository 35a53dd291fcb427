//! Who pods are: ServiceAccounts. Who uses the Kubernetes API, and who has certificates issued: RBAC bindings
//! and cert-manager issuers.

use std::sync::Arc;

use super::meta::Root;
use super::read::{Path, Reader, Unknown};
use super::{Meta, Object, Spanned};
use crate::space::Labels;
use crate::yaml::Node;

/// A ServiceAccount.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceAccount {
    /// Its name and place.
    pub meta: Meta,
    /// Its labels, by which some network plugins select the pods that run as it.
    pub labels: Spanned<Arc<Labels>>,
}

/// Decodes a ServiceAccount.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
pub(super) fn decode(_reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let labels = root.labels();
    Some(Object::ServiceAccount(Box::new(ServiceAccount { labels, meta: root.meta })))
}

/// A RoleBinding or ClusterRoleBinding, as far as it names ServiceAccounts.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// `RoleBinding` or `ClusterRoleBinding`.
    pub kind: &'static str,
    /// Its name and place.
    pub meta: Meta,
    /// `Role` or `ClusterRole`: the kind of the role that it gives.
    pub role_kind: Box<str>,
    /// The name of the role that it gives.
    pub role: Box<str>,
    /// Namespace and name of the ServiceAccounts.
    pub accounts: Vec<(Box<str>, Box<str>)>,
}

/// Decodes a RoleBinding or ClusterRoleBinding, whose subjects stand beside `metadata`.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
pub(super) fn binding(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let [subjects, role] = reader.fields(&Path::Root, root.node, ["subjects", "roleRef"], Unknown::Allowed);
    let [role_kind, role] = match role {
        Some(role) => {
            reader.fields(&Path::Root.field("roleRef"), &role.value, ["kind", "name"], Unknown::Allowed)
        }
        None => [None, None],
    };
    let role_kind =
        reader.string(&Path::Root.field("roleRef").field("kind"), role_kind).unwrap_or_default().into();
    let role = reader.string(&Path::Root.field("roleRef").field("name"), role).unwrap_or_default().into();
    let path = Path::Root.field("subjects");
    let mut accounts = Vec::new();
    for (index, item) in reader.list(&path, subjects).iter().enumerate() {
        let path = path.item(index);
        let [kind, name, namespace] =
            reader.fields(&path, item, ["kind", "name", "namespace"], Unknown::Allowed);
        let kind = reader.string(&path.field("kind"), kind);
        let name = reader.string(&path.field("name"), name);
        let namespace = reader.string(&path.field("namespace"), namespace);
        if let (Some("ServiceAccount"), Some(name)) = (kind, name) {
            let namespace = namespace.filter(|text| !text.is_empty()).unwrap_or(&root.meta.namespace);
            accounts.push((namespace.into(), name.into()));
        }
    }
    let kind = root.kind.name;
    Some(Object::Binding(Box::new(Binding { kind, meta: root.meta, role_kind, role, accounts })))
}

/// A Role or ClusterRole that lets whoever has it make pods.
#[derive(Clone, Debug, PartialEq)]
pub struct Role {
    /// `Role` or `ClusterRole`.
    pub kind: &'static str,
    /// Its name and place.
    pub meta: Meta,
}

/// What pods come of, by API group.
const MAKE_PODS: &[(&str, &[&str])] = &[
    ("", &["pods", "replicationcontrollers"]),
    ("apps", &["deployments", "statefulsets", "daemonsets", "replicasets"]),
    ("batch", &["jobs", "cronjobs"]),
    ("extensions", &["deployments", "daemonsets", "replicasets"]),
];

/// Decodes a Role or ClusterRole; `None` where it does not let anybody make pods.
pub(super) fn role(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let [rules] = reader.fields(&Path::Root, root.node, ["rules"], Unknown::Allowed);
    let rules = rules.map_or(&[][..], |rules| rules.value.items());
    let has = |rule: &Node, key: &str, wanted: &dyn Fn(&str) -> bool| {
        let listed = rule.get(key).map_or(&[][..], Node::items);
        listed.iter().filter_map(Node::as_str).any(|text| text == "*" || wanted(text))
    };
    let makes = |rule: &Node| {
        has(rule, "verbs", &|verb| verb == "create")
            && MAKE_PODS.iter().any(|(group, kinds)| {
                has(rule, "apiGroups", &|text| text == *group)
                    && has(rule, "resources", &|text| kinds.contains(&text))
            })
    };
    let found = rules.iter().any(makes);
    found.then(|| Object::Role(Box::new(Role { kind: root.kind.name, meta: root.meta })))
}

/// A cert-manager Issuer or ClusterIssuer that proves domains over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpIssuer {
    /// `Issuer` or `ClusterIssuer`.
    pub kind: &'static str,
    /// Its name and place.
    pub meta: Meta,
}

/// Decodes an Issuer or ClusterIssuer; `None` where it has no HTTP01 solver.
pub(super) fn issuer(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let [acme] = reader.fields(&path, &root.spec?.value, ["acme"], Unknown::Allowed);
    let path = path.field("acme");
    let [solvers] = reader.fields(&path, &acme?.value, ["solvers"], Unknown::Allowed);
    let path = path.field("solvers");
    let over_http = |solver: &Node| solver.get("http01").is_some();
    let found = reader.list(&path, solvers).iter().any(over_http);
    found.then(|| Object::HttpIssuer(Box::new(HttpIssuer { kind: root.kind.name, meta: root.meta })))
}
