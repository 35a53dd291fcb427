//! Azure CNI powered by Cilium.

use super::super::sheet::Confidence::{High, Low};
use super::super::sheet::{Sheet, Since, done, told};
use super::cilium;

pub(super) static SHEET: Sheet = Sheet {
    name: "azure-cilium",
    title: "Azure CNI powered by Cilium",
    aliases: &["aks-cilium"],
    admin: Since::Unknown,
    cluster: Since::Unknown,
    facts: &[
        done(
            "P-5",
            High,
            "Cilium's own kinds at the level of addresses and ports; domains and requests need Advanced Container \
             Networking Services, and CiliumClusterwideNetworkPolicy has no requests",
            "MicrosoftDocs/azure-aks-docs azure-cni-powered-by-cilium.md",
        ),
        told(
            "P-4",
            Low,
            "whether it watches the cluster-wide kinds of policy.networking.k8s.io is not known",
            "-",
        ),
        told(
            "P-24",
            High,
            "what comes by a load balancer meets ingress policies, as world or remote-node by routing mode",
            "MicrosoftDocs/azure-aks-docs migrate-from-npm-to-cilium-network-policy.md",
        ),
    ],
    ..cilium::SHEET
};
