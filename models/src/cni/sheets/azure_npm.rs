//! Azure Network Policy Manager.

use super::super::Plugin;
use super::super::sheet::Confidence::{High, Medium};
use super::super::sheet::{Ipv6Blocks, Sheet, done, told};

pub(super) static SHEET: Sheet = Sheet {
    name: "azure-npm",
    title: "Azure Network Policy Manager",
    aliases: &["npm"],
    plugin: Plugin::AzureNpm,
    ipv6_blocks: Ipv6Blocks::VoidPolicy,
    own_node_open: true,
    facts: &[
        done(
            "P-18",
            Medium,
            "a policy with a block of IPv6 addresses is not installed",
            "Azure/azure-container-networking npm translatePolicy.go, networkPolicyController.go",
        ),
        told(
            "P-18",
            High,
            "on Windows likewise one with port names, SCTP, `except`, NotIn or DoesNotExist",
            "MicrosoftDocs/azure-aks-docs use-network-policies.md",
        ),
        done(
            "P-23",
            High,
            "a pod always reaches its own node",
            "MicrosoftDocs/azure-aks-docs migrate-from-npm-to-cilium-network-policy.md",
        ),
        told(
            "P-24",
            High,
            "what comes by a load balancer or NodePort with `externalTrafficPolicy: Cluster` escapes ingress policies",
            "MicrosoftDocs/azure-aks-docs migrate-from-npm-to-cilium-network-policy.md",
        ),
        told("P-30", High, "IPv4 only, up to 250 nodes", "MicrosoftDocs/azure-aks-docs"),
    ],
    ..Sheet::API
};
