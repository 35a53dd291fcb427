//! Terway with its data path v2, in which Cilium's agent enforces policies.

use super::super::sheet::Confidence::High;
use super::super::sheet::{Fact, Sheet, done, told};
use super::cilium;

pub(super) const OFF: Fact = done(
    "P-3",
    High,
    "policies are off unless `disable_network_policy: \"false\"`, and never on in exclusive-ENI mode; named on a command \
     line they are taken to be on",
    "AliyunContainerService/terway charts/terway/templates/terwayd/configmap.yaml, cmd/terway-cli/policy.go",
);

pub(super) static SHEET: Sheet = Sheet {
    name: "terway",
    title: "Terway, data path v2",
    aliases: &["terway-datapathv2", "terway-ebpf", "terway-ipvlan"],
    facts: &[
        OFF,
        done(
            "P-3",
            High,
            "Cilium's agent enforces them with `eniip_virtual_type: datapathv2` or `network_policy_provider: ebpf`",
            "AliyunContainerService/terway cmd/terway-cli/policy.go",
        ),
        told(
            "P-5",
            High,
            "ACK supports NetworkPolicy only, and advises fewer than 100 nodes",
            "alibabacloud.com use-network-policies",
        ),
    ],
    ..cilium::SHEET
};
