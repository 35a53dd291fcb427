//! Nobody: a plugin whose policies are switched off.

use super::super::Plugin;
use super::super::sheet::Confidence::High;
use super::super::sheet::{Sheet, Since, done};

pub(super) static SHEET: Sheet = Sheet {
    name: "none",
    title: "nobody",
    aliases: &["off"],
    plugin: Plugin::Nobody,
    network_policy: Since::Never,
    facts: &[done(
        "P-3",
        High,
        "policies have no effect: on EKS as it is installed by default, on Fargate and on Windows there, on AKS without \
         `networkPolicy`, with k3s `--disable-network-policy`, with Terway as its chart has it",
        "aws/amazon-vpc-cni-k8s config/master/aws-k8s-cni.yaml; AliyunContainerService/terway charts/terway",
    )],
    ..Sheet::API
};
