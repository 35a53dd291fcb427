//! The table of all kinds that mean something to npv.

use super::meta::{Meta, Root};
use super::read::Reader;
use super::{
    Object, account, admin, antrea, autoscaler, calico, callback, cilium, data, egress_firewall, endpoints,
    fqdn, gateway, ingress, istio, kubevirt, monitor, namespace, network_policy, node, operated, pod,
    release, service, workload,
};

/// How to decode one kind of one API group.
pub(super) struct Kind {
    /// The API group; empty for the core group.
    pub(super) group: &'static str,
    /// The versions that are read; any where the list is empty.
    pub(super) versions: &'static [&'static str],
    /// The kind.
    pub(super) name: &'static str,
    /// Its objects are in namespaces.
    pub(super) namespaced: bool,
    /// Fields that its objects have beside `metadata`, `spec` and `status`.
    pub(super) others: &'static [&'static str],
    /// It is a policy: unknown fields are errors, and an object with errors is left out.
    pub(super) policy: bool,
    /// Turns the tree into an object.
    pub(super) decode: fn(&mut Reader<'_>, Root<'_>) -> Option<Object>,
}

impl Kind {
    /// A kind of the given group whose objects are in namespaces and no policies.
    pub(super) const fn new(
        group: &'static str,
        name: &'static str,
        decode: fn(&mut Reader<'_>, Root<'_>) -> Option<Object>,
    ) -> Self {
        Self {
            group,
            versions: &[],
            name,
            namespaced: true,
            others: &["apiVersion", "kind"],
            policy: false,
            decode,
        }
    }

    /// `Kind/namespace/name`, or `Kind/name`.
    pub(super) fn object_name(&self, meta: &Meta) -> String {
        if self.namespaced {
            format!("{}/{}/{}", self.name, named(&meta.namespace), named(&meta.name.value))
        } else {
            format!("{}/{}", self.name, named(&meta.name.value))
        }
    }
}

/// A name as findings write it: all of it, unless it is longer than names can be.
fn named(name: &str) -> std::borrow::Cow<'_, str> {
    if name.len() > 253 { super::read::clip(name) } else { name.into() }
}

/// One line for each kind.
static KINDS: &[Kind] = &[
    Kind { namespaced: false, ..Kind::new("", "Namespace", namespace::decode) },
    Kind { namespaced: false, ..Kind::new("", "Node", node::decode) },
    Kind::new("", "Pod", pod::decode),
    Kind::new("apps", "Deployment", workload::replicated),
    Kind::new("extensions", "Deployment", workload::replicated),
    Kind::new("apps", "ReplicaSet", workload::replicated),
    Kind::new("extensions", "ReplicaSet", workload::replicated),
    Kind::new("apps", "StatefulSet", workload::stateful_set),
    Kind::new("", "ReplicationController", workload::replicated),
    Kind::new("apps", "DaemonSet", workload::daemon_set),
    Kind::new("extensions", "DaemonSet", workload::daemon_set),
    Kind::new("batch", "Job", workload::job),
    Kind::new("batch", "CronJob", workload::cron_job),
    Kind::new("argoproj.io", "Rollout", workload::rollout),
    Kind::new("serving.knative.dev", "Service", workload::knative_service),
    Kind::new("apps.openshift.io", "DeploymentConfig", workload::replicated),
    Kind::new("", "DeploymentConfig", workload::replicated),
    Kind::new("kubevirt.io", "VirtualMachine", kubevirt::machine),
    Kind::new("kubevirt.io", "VirtualMachineInstance", kubevirt::instance),
    Kind::new("kubevirt.io", "VirtualMachineInstanceReplicaSet", kubevirt::replica_set),
    Kind::new("autoscaling", "HorizontalPodAutoscaler", autoscaler::horizontal),
    Kind::new("keda.sh", "ScaledObject", autoscaler::keda),
    Kind::new("", "Service", service::decode),
    Kind::new("", "Endpoints", endpoints::endpoints),
    Kind::new("discovery.k8s.io", "EndpointSlice", endpoints::slice),
    Kind { namespaced: false, ..Kind::new("networking.k8s.io", "IngressClass", ingress::class) },
    Kind::new("networking.k8s.io", "Ingress", ingress::decode),
    Kind { namespaced: false, ..Kind::new(gateway::GROUP, "GatewayClass", gateway::class) },
    Kind::new(gateway::GROUP, "Gateway", gateway::gateway),
    Kind::new(gateway::GROUP, "HTTPRoute", gateway::http),
    Kind::new(gateway::GROUP, "GRPCRoute", gateway::http),
    Kind::new(gateway::GROUP, "TLSRoute", gateway::tls),
    Kind::new(gateway::GROUP, "TCPRoute", gateway::tcp),
    Kind::new(gateway::GROUP, "UDPRoute", gateway::udp),
    Kind::new(gateway::GROUP, "ReferenceGrant", gateway::grant),
    Kind::new("route.openshift.io", "Route", ingress::openshift),
    Kind::new("", "Route", ingress::openshift),
    Kind::new("monitoring.coreos.com", "Prometheus", operated::prometheus),
    Kind::new("monitoring.coreos.com", "PrometheusAgent", operated::agent),
    Kind::new("monitoring.coreos.com", "Alertmanager", operated::alertmanager),
    Kind::new("monitoring.coreos.com", "ThanosRuler", operated::thanos_ruler),
    Kind::new("monitoring.coreos.com", "ServiceMonitor", monitor::service_monitor),
    Kind::new("monitoring.coreos.com", "PodMonitor", monitor::pod_monitor),
    Kind {
        namespaced: false,
        ..Kind::new("admissionregistration.k8s.io", "ValidatingWebhookConfiguration", callback::webhooks)
    },
    Kind {
        namespaced: false,
        ..Kind::new("admissionregistration.k8s.io", "MutatingWebhookConfiguration", callback::webhooks)
    },
    Kind {
        namespaced: false,
        ..Kind::new("apiextensions.k8s.io", "CustomResourceDefinition", callback::custom_resource)
    },
    Kind { namespaced: false, ..Kind::new("apiregistration.k8s.io", "APIService", callback::api_service) },
    Kind::new("helm.toolkit.fluxcd.io", "HelmRelease", release::helm_release),
    Kind::new("kustomize.toolkit.fluxcd.io", "Kustomization", release::kustomization),
    Kind::new("argoproj.io", "Application", release::application),
    Kind::new("argoproj.io", "ApplicationSet", release::application_set),
    Kind::new("helm.cattle.io", "HelmChart", release::helm_chart),
    Kind::new("rbac.authorization.k8s.io", "Role", account::role),
    Kind { namespaced: false, ..Kind::new("rbac.authorization.k8s.io", "ClusterRole", account::role) },
    Kind::new("", "ServiceAccount", account::decode),
    Kind::new("rbac.authorization.k8s.io", "RoleBinding", account::binding),
    Kind {
        namespaced: false,
        ..Kind::new("rbac.authorization.k8s.io", "ClusterRoleBinding", account::binding)
    },
    Kind::new("", "ConfigMap", data::config_map),
    Kind::new("", "Secret", data::secret),
    Kind::new("cert-manager.io", "Issuer", account::issuer),
    Kind { namespaced: false, ..Kind::new("cert-manager.io", "ClusterIssuer", account::issuer) },
    network_policy::KIND,
    network_policy::LEGACY_KIND,
    admin::CLUSTER,
    admin::CLUSTER_BETA,
    admin::ADMIN,
    admin::BASELINE,
    istio::AUTHORIZATION,
    istio::PEER,
    istio::REQUEST,
    istio::DESTINATION,
    cilium::NETWORK_POLICY,
    cilium::CLUSTERWIDE,
    cilium::GROUP,
    cilium::GROUP_ALPHA,
    antrea::CLUSTER,
    antrea::NAMESPACED,
    antrea::TIER,
    antrea::CLUSTER_GROUP,
    antrea::GROUP,
    egress_firewall::KIND,
    network_policy::AWS_KIND,
    admin::AWS,
    fqdn::KIND,
];

/// Every kind: those of Kubernetes and of projects beside it, then those of network plugins, one line for each.
fn all() -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().chain(calico::KINDS)
}

/// The kind that `apiVersion` and `kind` name.
pub(super) fn find(api_version: &str, kind: &str) -> Option<&'static Kind> {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    all().find(|entry| {
        entry.name == kind
            && entry.group == group
            && (entry.versions.is_empty() || entry.versions.contains(&version))
    })
}

/// A kind of this name, in whatever group; where there are several, the first.
pub(super) fn known(kind: &str) -> Option<&'static Kind> {
    all().find(|entry| entry.name == kind)
}

/// Group and name of every kind.
#[cfg(test)]
pub(super) fn names() -> Vec<(&'static str, &'static str)> {
    all().map(|kind| (kind.group, kind.name)).collect()
}
