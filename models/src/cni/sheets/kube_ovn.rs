//! Kube-OVN.

use super::super::Plugin;
use super::super::sheet::Confidence::{Low, Medium};
use super::super::sheet::{NamedPorts, Sheet, Since, done};

pub(super) static SHEET: Sheet = Sheet {
    name: "kube-ovn",
    title: "Kube-OVN",
    plugin: Plugin::KubeOvn,
    admin: Since::Always,
    cluster: Since::Always,
    end_port: Since::Unknown,
    named_ports: NamedPorts::Unknown,
    facts: &[
        done("P-4", Medium, "AdminNetworkPolicy and ClusterNetworkPolicy are enforced", "kubeovn/kube-ovn"),
        done("P-12", Low, "what becomes of `endPort` and of port names is not known", "-"),
    ],
    ..Sheet::API
};
