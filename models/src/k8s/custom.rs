//! Custom resources: an operator may make pods and Services of them, which no manifest shows.

use super::Spanned;
use crate::source::Span;
use crate::yaml::Node;

/// An object of a kind that npv does not know, of which an operator may make pods.
#[derive(Clone, Debug, PartialEq)]
pub struct CustomResource {
    /// Its kind.
    pub kind: Box<str>,
    /// Its name.
    pub name: Spanned<Box<str>>,
    /// Its namespace; the default one where it names none.
    pub namespace: Box<str>,
}

/// Groups of which no kind makes pods in the namespace of its objects: what configures traffic, certificates, secrets,
/// policies, storage and monitoring. A group that begins with a dot stands for all that end so.
const WITHOUT_PODS: &[&str] = &[
    ".antrea.io",
    ".antrea.tanzu.vmware.com",
    ".cilium.io",
    ".crossplane.io",
    ".external-secrets.io",
    ".gatekeeper.sh",
    ".istio.io",
    ".k8s.io",
    ".karpenter.k8s.aws",
    ".karpenter.sh",
    ".konghq.com",
    ".kubernetes.io",
    ".linkerd.io",
    ".openshift.io",
    ".projectcalico.org",
    ".toolkit.fluxcd.io",
    ".upbound.io",
    "aquasecurity.github.io",
    "bitnami.com",
    "cert-manager.io",
    "core.oam.dev",
    "gateway.envoyproxy.io",
    "getambassador.io",
    "hub.traefik.io",
    "isindir.github.com",
    "keda.sh",
    "kuma.io",
    "kyverno.io",
    "metallb.io",
    "metallb.universe.tf",
    "monitoring.coreos.com",
    "monitoring.googleapis.com",
    "projectcontour.io",
    "ricoberger.de",
    "secrets.hashicorp.com",
    "spiffe.io",
    "traefik.containo.us",
    "traefik.io",
    "velero.io",
    "wgpolicyk8s.io",
];

/// How kinds are called that configure what others run, of whatever operator.
const CONFIGURING: &[&str] = &[
    "Alert",
    "Backup",
    "Binding",
    "Certificate",
    "Class",
    "ClusterPolicy",
    "Config",
    "Configuration",
    "Dashboard",
    "Database",
    "DataSource",
    "Datasource",
    "Exchange",
    "Folder",
    "Issuer",
    "Middleware",
    "Monitor",
    "Password",
    "Permission",
    "Plugin",
    "Policy",
    "PolicyException",
    "Project",
    "Queue",
    "Repository",
    "Role",
    "Route",
    "Rule",
    "Rules",
    "Schedule",
    "ScheduledBackup",
    "Secret",
    "SecretStore",
    "Snapshot",
    "Template",
    "Token",
    "Topic",
    "User",
    "Vhost",
];

/// A custom resource of which something may be made; `None` where nothing that runs will be.
pub(super) fn read(
    api_version: &str,
    kind: &str,
    node: &Node,
    default_namespace: &str,
) -> Option<CustomResource> {
    // What Kubernetes itself has, and what belongs to no group, is no operator's.
    let (group, _) = api_version.rsplit_once('/')?;
    // Groups have a domain; what else has an `apiVersion` is some tool's configuration.
    let known = |group: &str| {
        WITHOUT_PODS.iter().any(|without| match without.strip_prefix('.') {
            Some(domain) => {
                group.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            None => *without == group,
        })
    };
    if !group.contains('.') || known(group) {
        return None;
    }
    if CONFIGURING.iter().any(|end| kind.ends_with(end)) {
        return None;
    }
    let metadata = node.get("metadata")?;
    let name = metadata.get("name")?;
    let text = name.as_str().filter(|text| !text.is_empty())?;
    let namespace = metadata.get("namespace").and_then(Node::as_str).filter(|text| !text.is_empty());
    // One for the whole cluster says nothing of a namespace.
    if namespace.is_none() && kind.starts_with("Cluster") && kind != "Cluster" {
        return None;
    }
    let span: Span = name.span;
    Some(CustomResource {
        kind: kind.into(),
        name: Spanned::new(text.into(), span),
        namespace: namespace.unwrap_or(default_namespace).into(),
    })
}
