//! kube-network-policies, beside whatever plugin.

use super::super::Plugin;
use super::super::sheet::Confidence::{High, Low, Medium};
use super::super::sheet::{Sheet, Since, done, told};

pub(super) static SHEET: Sheet = Sheet {
    name: "kube-network-policies",
    title: "kube-network-policies",
    aliases: &["knp"],
    plugin: Plugin::KubeNetworkPolicies,
    admin: Since::Unknown,
    cluster: Since::Unknown,
    facts: &[
        done(
            "P-4",
            High,
            "which of the cluster-wide kinds it enforces depends on the build: install-anp.yaml, install-cnp.yaml",
            "kubernetes-sigs/kube-network-policies",
        ),
        told("P-3", Medium, "kind has it from 0.24 on", "kubernetes-sigs/kind"),
        done(
            "P-21",
            High,
            "selectors do not see pods on the host network",
            "kubernetes-sigs/kube-network-policies",
        ),
        told(
            "P-29",
            Medium,
            "in strict mode established connections are judged again",
            "kubernetes-sigs/kube-network-policies dataplane/controller.go",
        ),
        told("P-4", Low, "where nothing shows the build, what its rules do is unknown", "-"),
    ],
    ..Sheet::API
};
