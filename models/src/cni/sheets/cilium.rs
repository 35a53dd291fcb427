//! Cilium.

use super::super::Plugin;
use super::super::sheet::Confidence::{High, Medium};
use super::super::sheet::{Fact, NamedPorts, Sheet, Since, done, told};
use crate::policy::Profile;

pub(super) const FACTS: &[Fact] = &[
    done(
        "P-2",
        High,
        "`enable-policy: always` isolates every pod, `never` switches policies off; so do `enable-k8s-networkpolicy: \
         \"false\"` and `policy-audit-mode: \"true\"`",
        "cilium/cilium Documentation/security/policy/intro.rst",
    ),
    done(
        "P-4",
        High,
        "AdminNetworkPolicy is never enforced; ClusterNetworkPolicy from 1.20 on, with `enable-k8s-cluster-network-policy`",
        "cilium/cilium issue 23380, pull request 47227",
    ),
    done(
        "P-10",
        High,
        "a block speaks of what has no identity: never of pods, nodes or pods on the host network; \
         `policy-cidr-match-mode: nodes` adds nodes",
        "cilium/cilium Documentation/network/kubernetes/policy.rst, issues 9209, 19601, 12277, 47827",
    ),
    done(
        "P-11",
        Medium,
        "rules of a direction that `policyTypes` leaves out are enforced, against the API",
        "cilium/cilium issue 48703",
    ),
    done(
        "P-12",
        High,
        "`endPort` is ignored before 1.17: only `port` opens",
        "cilium/cilium issue 28684; MicrosoftDocs/azure-aks-docs migrate-from-npm",
    ),
    done(
        "P-13",
        Medium,
        "an egress rule by name is skipped where the name has two numbers in the cluster",
        "cilium/cilium issues 24779, 30003, pull request 12567",
    ),
    told("P-14", Medium, "all SCTP is dropped unless `enable-sctp`", "cilium/cilium bpf conntrack"),
    done(
        "P-22",
        High,
        "a node always reaches its own pods, unless a rule denies it",
        "cilium/cilium `allow-localhost`",
    ),
    told("P-23", High, "a pod reaches its own node only by `toEntities: [host]`", "cilium/cilium layer3.rst"),
    told(
        "P-31",
        High,
        "NodeLocal DNS is host or world, by the order in which things start",
        "cilium/cilium issue 18644",
    ),
];

pub(super) static SHEET: Sheet = Sheet {
    name: "cilium",
    title: "Cilium",
    plugin: Plugin::Cilium,
    newest: Some((1, 20)),
    // K-21, K-60.
    profile: Profile {
        blocks_match_pods: false,
        blocks_match_nodes: false,
        own_node_can_be_denied: true,
        ..Profile::ADMIN
    },
    end_port: Since::From(1, 17),
    named_ports: NamedPorts::OneNumber,
    sctp: Since::Never,
    facts: FACTS,
    ..Sheet::API
};
