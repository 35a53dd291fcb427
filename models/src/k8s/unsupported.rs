//! Policies of kinds that npv does not model. Each makes the answer incomplete; none is passed over.

use super::read::{clip, closest};
use super::registry;
use crate::diagnostic::{Finding, Severity};
use crate::source::Span;
use crate::yaml::Node;

/// Kinds of one API group that decide about traffic.
struct Family {
    group: &'static str,
    kinds: &'static [&'static str],
    /// Whose they are, for people.
    name: &'static str,
}

const fn family(name: &'static str, group: &'static str, kinds: &'static [&'static str]) -> Family {
    Family { group, kinds, name }
}

const CALICO: &[&str] = &[
    "NetworkPolicy",
    "GlobalNetworkPolicy",
    "StagedNetworkPolicy",
    "StagedGlobalNetworkPolicy",
    "StagedKubernetesNetworkPolicy",
    "Tier",
    "NetworkSet",
    "GlobalNetworkSet",
];
const ADMIN: &[&str] = &["AdminNetworkPolicy", "BaselineAdminNetworkPolicy", "ClusterNetworkPolicy"];
const ANTREA: &[&str] = &["NetworkPolicy", "ClusterNetworkPolicy", "Tier"];

static FAMILIES: &[Family] = &[
    family("network-policy-api", "policy.networking.k8s.io", ADMIN),
    family("Cilium", "cilium.io", &["CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"]),
    family("Calico", "crd.projectcalico.org", CALICO),
    family("Calico", "projectcalico.org", CALICO),
    family("Antrea", "crd.antrea.io", ANTREA),
    family("Antrea", "security.antrea.tanzu.vmware.com", ANTREA),
    family("Istio", "networking.istio.io", &["Sidecar"]),
    family(
        "Linkerd",
        "policy.linkerd.io",
        &[
            "Server",
            "ServerAuthorization",
            "AuthorizationPolicy",
            "NetworkAuthentication",
            "MeshTLSAuthentication",
        ],
    ),
    family("Kuma", "kuma.io", &["TrafficPermission", "MeshTrafficPermission"]),
    family("Consul", "consul.hashicorp.com", &["ServiceIntentions"]),
    family("SMI", "access.smi-spec.io", &["TrafficTarget"]),
    family("OVN-Kubernetes", "k8s.ovn.org", &["EgressFirewall"]),
    family("OpenShift", "network.openshift.io", &["EgressNetworkPolicy", "NetNamespace"]),
    family("Kube-OVN", "kubeovn.io", &["SecurityGroup"]),
    family("GKE", "networking.gke.io", &["FQDNNetworkPolicy"]),
    family("AWS", "networking.k8s.aws", &["ApplicationNetworkPolicy", "ClusterNetworkPolicy"]),
    family("AWS", "vpcresources.k8s.aws", &["SecurityGroupPolicy"]),
    family("NSX", "nsx.vmware.com", &["SecurityPolicy"]),
    family("NSX", "crd.nsx.vmware.com", &["SecurityPolicy"]),
    family("NeuVector", "neuvector.com", &["NvSecurityRule", "NvClusterSecurityRule"]),
];

/// Those whose policies stand on a layer of their own: what they close stays open to the network plugin.
const MESHES: &[&str] = &["Istio", "Linkerd", "Kuma", "Consul", "SMI"];

/// Whether a kind that npv does not model is one of a mesh, in whatever case it is written.
pub fn is_of_a_mesh(kind: &str) -> bool {
    let mut meshes = FAMILIES.iter().filter(|family| MESHES.contains(&family.name));
    meshes.any(|family| family.kinds.iter().any(|known| known.eq_ignore_ascii_case(kind)))
}

/// Groups of Kubernetes itself, in which every kind is known, so that a strange one is a mistake.
const BUILT_IN: &[&str] =
    &["", "apps", "batch", "extensions", "networking.k8s.io", "discovery.k8s.io", "policy"];

/// A finding about an object that npv does not read, where passing over it could falsify the answer.
pub(super) fn check(api_version: &str, kind: &str, node: &Node, default_namespace: &str) -> Option<Finding> {
    let (written, written_kind) = (clip(api_version), clip(kind));
    let unsupported = |span, message| unsupported(node, kind, default_namespace, span, message);
    let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
    let family = FAMILIES.iter().find(|family| family.group == group && family.kinds.contains(&kind));
    // The group is what tells it from a kind that npv models.
    let span = node.get("apiVersion").map_or(node.span, |version| version.span);
    // what it is about is not what the other policies are about.
    if (group, kind) == ("k8s.cni.cncf.io", "MultiNetworkPolicy") {
        let mut finding =
            unsupported(span, "npv does not model secondary networks, which this is about".into());
        (finding.severity, finding.incomplete) = (Severity::Note, false);
        return Some(finding.help("answers are about the network that every pod is in"));
    }
    // the pods of its namespaces are in a network of their own.
    if (group, kind) == ("k8s.ovn.org", "UserDefinedNetwork")
        || (group, kind) == ("k8s.ovn.org", "ClusterUserDefinedNetwork")
    {
        return primary(node).map(|role| {
            unsupported(role.span, "npv does not model a primary network of some namespaces".to_owned())
                .help("answers take all pods to be in one network")
        });
    }
    if let Some(family) = family {
        let message = format!("npv does not model `{written_kind}` of `{written}` ({}) yet", family.name);
        return Some(unsupported(span, message).help(
            "answers leave this object out; with `--allow-incomplete` npv answers for all the others",
        ));
    }
    if BUILT_IN.contains(&group)
        && let Some(known) = registry::known(kind)
    {
        let place =
            if known.group.is_empty() { "`v1`".to_owned() } else { format!("the group `{}`", known.group) };
        let message = format!("there is no `{written_kind}` in `{written}`");
        let mut finding = unsupported(span, message)
            .help(format!("the API server would refuse it; `{kind}` is in {place}"));
        if !known.policy {
            finding.rule = "unreadable-document";
        }
        return Some(finding);
    }
    if let Some(meant) = misspelt(group, kind) {
        let message = format!("there is no `{written_kind}` in `{written}`");
        let span = node.get("kind").map_or(span, |kind| kind.span);
        let finding = unsupported(span, message);
        return Some(finding.help(format!("the API server would refuse it; did you mean `{meant}`?")));
    }
    // Whatever calls itself a network policy may decide about traffic.
    kind.ends_with("NetworkPolicy").then(|| {
        let message = format!("npv does not know the policy kind `{written_kind}` of `{written}`");
        unsupported(span, message)
            .help("answers leave it out; with `--allow-incomplete` npv answers for all the others")
    })
}

/// The role of a network, where it is the primary one of its namespaces.
fn primary(node: &Node) -> Option<&Node> {
    let spec = node.get("spec")?;
    let spec = spec.get("network").unwrap_or(spec);
    let role = ["layer2", "layer3"].into_iter().find_map(|topology| spec.get(topology)?.get("role"))?;
    (role.as_str() == Some("Primary")).then_some(role)
}

/// The kind of policy that a kind nobody knows most likely means, in a group of Kubernetes itself.
fn misspelt(group: &str, kind: &str) -> Option<&'static str> {
    let policies: &[&str] = match group {
        "networking.k8s.io" | "extensions" => &["NetworkPolicy"],
        "policy.networking.k8s.io" => ADMIN,
        _ => return None,
    };
    // `NetworkPolicies` is one letter more than a misspelling.
    let singular = kind.strip_suffix("ies").map(|stem| format!("{stem}y"));
    closest(singular.as_deref().unwrap_or(kind), policies)
}

fn unsupported(node: &Node, kind: &str, default_namespace: &str, span: Span, message: String) -> Finding {
    let field = |name| node.get("metadata").and_then(|metadata| metadata.get(name)).and_then(Node::as_str);
    let name = field("name").unwrap_or_default();
    let wide = CLUSTER_SCOPED.iter().any(|start| kind.starts_with(start)) || kind.contains("Clusterwide");
    let object = if wide {
        format!("{}/{}", clip(kind), clip(name))
    } else {
        let namespace = field("namespace").unwrap_or(default_namespace);
        format!("{}/{}/{}", clip(kind), clip(namespace), clip(name))
    };
    Finding::new("unsupported-policy", Severity::Error, span, message).object(object).key("kind").incomplete()
}

/// How the names of cluster-scoped kinds of policies begin.
const CLUSTER_SCOPED: &[&str] =
    &["Admin", "Baseline", "Cluster", "Global", "NvCluster", "StagedGlobal", "Tier", "NetNamespace"];
