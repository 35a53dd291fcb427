//! Amazon VPC CNI with its network policy agent switched on.

use super::super::Plugin;
use super::super::sheet::Confidence::{High, Medium};
use super::super::sheet::{NamedPorts, Sheet, done, told};

pub(super) static SHEET: Sheet = Sheet {
    name: "aws-vpc-cni",
    title: "Amazon VPC CNI",
    aliases: &["aws", "eks", "vpc-cni"],
    plugin: Plugin::AwsVpcCni,
    newest: Some((1, 21)),
    named_ports: NamedPorts::OfSubjects,
    except_denies: true,
    host_peers_are_nodes: true,
    facts: &[
        done(
            "P-3",
            High,
            "policies are off unless switched on: `enable-network-policy-controller`, `--enable-network-policy`; named on \
             a command line they are taken to be on",
            "aws/amazon-vpc-cni-k8s config/master/aws-k8s-cni.yaml, README.md",
        ),
        done(
            "P-5",
            High,
            "ApplicationNetworkPolicy and ClusterNetworkPolicy of networking.k8s.aws; none of policy.networking.k8s.io",
            "aws/amazon-network-policy-controller-k8s config/crd/bases",
        ),
        done(
            "P-16",
            High,
            "what an `except` takes out is denied, whatever another rule admits, unless by a block as small or smaller",
            "aws/aws-network-policy-agent pkg/fwruleprocessor",
        ),
        told(
            "P-16",
            High,
            "at most 24 pairs of port and protocol for one block",
            "awsdocs/amazon-eks-user-guide",
        ),
        done(
            "P-17",
            Medium,
            "an ingress rule by name opens what any of its pods calls so; an egress rule by name without `to` opens nothing",
            "aws/amazon-network-policy-controller-k8s pkg/resolvers/endpoints.go",
        ),
        done(
            "P-21",
            Medium,
            "a peer on the host network is its node's address, and so everybody on that node's network",
            "aws/amazon-network-policy-controller-k8s pod_utils.go",
        ),
        done("P-22", High, "a node always reaches its own pods", "aws/aws-network-policy-agent"),
        told(
            "P-25",
            High,
            "egress is judged before the address of a Service is translated: admitted is a Service whose selector \
             satisfies the peer's, on the port whose target the rule names, or whose address is in a block",
            "aws/amazon-network-policy-controller-k8s endpoints.go; aws/amazon-vpc-cni-k8s docs/network-policy-faq.md",
        ),
        done(
            "P-28",
            High,
            "in strict mode a pod that no policy selects stays shut; in standard mode a pod is open until its policies are \
             programmed",
            "aws/amazon-vpc-cni-k8s README.md",
        ),
        told("P-29", Medium, "established connections are judged again", "aws/amazon-vpc-cni-k8s README.md"),
        told(
            "P-30",
            High,
            "one address family a cluster; only the first interface",
            "awsdocs/amazon-eks-user-guide",
        ),
    ],
    ..Sheet::API
};
