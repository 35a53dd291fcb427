//! Calico.

use super::super::Plugin;
use super::super::sheet::Confidence::{High, Medium};
use super::super::sheet::{Fact, Sheet, Since, done, told};

pub(super) const FACTS: &[Fact] = &[
    done(
        "P-4",
        High,
        "AdminNetworkPolicy is enforced from 3.29 to 3.31, ClusterNetworkPolicy in its place from 3.32 on",
        "projectcalico/calico pull requests 10810, 11144",
    ),
    done("P-21", High, "selectors do not see pods on the host network", "projectcalico/calico felix"),
    done("P-22", High, "a node always reaches its own pods", "projectcalico/calico felix/rules/static.go"),
    done(
        "P-23",
        High,
        "what a pod sends to its own node meets `defaultEndpointToHostAction` behind the egress policies: `Drop` as \
         Felix has it, `Accept` in the manifests",
        "projectcalico/calico felix/rules/static.go",
    ),
    told(
        "P-27",
        High,
        "a rule without ports admits ICMP, one with ports does not",
        "projectcalico/calico libcalico-go conversion.go",
    ),
    told("P-29", Medium, "established connections are kept when a policy changes", "projectcalico/calico"),
];

pub(super) static SHEET: Sheet = Sheet {
    name: "calico",
    title: "Calico",
    aliases: &["tigera"],
    plugin: Plugin::Calico,
    newest: Some((3, 31)),
    admin: Since::Between((3, 29), (3, 32)),
    cluster: Since::From(3, 32),
    facts: FACTS,
    ..Sheet::API
};
