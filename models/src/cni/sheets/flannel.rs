//! Flannel.

use super::super::Plugin;
use super::super::sheet::Confidence::High;
use super::super::sheet::{Sheet, Since, done};

pub(super) static SHEET: Sheet = Sheet {
    name: "flannel",
    title: "Flannel",
    plugin: Plugin::Flannel,
    network_policy: Since::Never,
    facts: &[done(
        "P-1",
        High,
        "flanneld enforces nothing; `netpol.enabled` of its chart adds kube-network-policies, Canal adds Calico, k3s adds \
         kube-router",
        "flannel-io/flannel README.md, Documentation/netpol.md",
    )],
    ..Sheet::API
};
