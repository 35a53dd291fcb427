//! kube-router.

use super::super::Plugin;
use super::super::sheet::Confidence::{High, Low, Medium};
use super::super::sheet::{Fact, Ipv6Blocks, NamedPorts, Sheet, done, told};

pub(super) const FACTS: &[Fact] = &[
    done(
        "P-19",
        Medium,
        "an egress rule by name without `to` opens what the pods of the policy's namespace call so, to everybody",
        "cloudnativelabs/kube-router pkg/controllers/netpol/policy.go",
    ),
    done(
        "P-19",
        Medium,
        "`::/0` is 2000::/3 and fd00::/8",
        "cloudnativelabs/kube-router pkg/controllers/netpol/policy.go",
    ),
    told(
        "P-20",
        Low,
        "a policy of both types may let its ingress rules open egress between pods that it selects",
        "cloudnativelabs/kube-router pkg/controllers/netpol/pod.go",
    ),
    done("P-21", High, "selectors do not see pods on the host network", "cloudnativelabs/kube-router"),
    done(
        "P-22",
        High,
        "a node always reaches its own pods",
        "cloudnativelabs/kube-router `--src-type LOCAL`",
    ),
    told(
        "P-23",
        Medium,
        "a pod's traffic to its own node is filtered, but for Service and NodePort ranges",
        "cloudnativelabs/kube-router",
    ),
    told(
        "P-27",
        High,
        "echo requests, unreachable and time-exceeded messages always pass",
        "cloudnativelabs/kube-router pkg/utils/iptables.go",
    ),
    told(
        "P-28",
        High,
        "a pod is open until its policies are programmed, unless `--netpol-default-deny`",
        "cloudnativelabs/kube-router",
    ),
];

pub(super) static SHEET: Sheet = Sheet {
    name: "kube-router",
    title: "kube-router",
    plugin: Plugin::KubeRouter,
    named_ports: NamedPorts::OfNamespace,
    ipv6_blocks: Ipv6Blocks::Routed,
    facts: FACTS,
    ..Sheet::API
};
