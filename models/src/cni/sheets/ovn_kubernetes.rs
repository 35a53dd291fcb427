//! OVN-Kubernetes.

use super::super::Plugin;
use super::super::sheet::Confidence::{High, Low, Medium};
use super::super::sheet::{Sheet, Since, done, told};

pub(super) static SHEET: Sheet = Sheet {
    name: "ovn-kubernetes",
    title: "OVN-Kubernetes",
    aliases: &["ovn", "openshift"],
    plugin: Plugin::OvnKubernetes,
    admin: Since::Always,
    cluster: Since::Unknown,
    highest_priority: Some(99),
    facts: &[
        done(
            "P-4",
            High,
            "an AdminNetworkPolicy with a priority above 99 is refused",
            "ovn-org/ovn-kubernetes go-controller/pkg/ovn/controller/admin_network_policy",
        ),
        told("P-4", Low, "whether it watches ClusterNetworkPolicy is not known", "-"),
        done(
            "A-31",
            Medium,
            "EgressFirewall is a stage of its own beside NetworkPolicy: both must let traffic pass",
            "ovn-org/ovn-kubernetes go-controller/pkg/ovn/egressfirewall.go",
        ),
        told(
            "P-21",
            Medium,
            "a `host-network-namespace` stands for the traffic of nodes",
            "ovn-org/ovn-kubernetes",
        ),
        done(
            "P-22",
            High,
            "a node always reaches its own pods",
            "ovn-org/ovn-kubernetes addAllowACLFromNode",
        ),
        told(
            "P-26",
            Medium,
            "a pod always reaches itself by a Service",
            "ovn-org/ovn-kubernetes hairpin ACL",
        ),
    ],
    ..Sheet::API
};
