//! Antrea.

use super::super::Plugin;
use super::super::sheet::Confidence::{High, Medium};
use super::super::sheet::{Sheet, done, told};

pub(super) static SHEET: Sheet = Sheet {
    name: "antrea",
    title: "Antrea",
    plugin: Plugin::Antrea,
    newest: Some((2, 5)),
    facts: &[
        done(
            "P-4",
            High,
            "AdminNetworkPolicy and ClusterNetworkPolicy of policy.networking.k8s.io are behind gates that are off",
            "antrea-io/antrea docs/feature-gates.md",
        ),
        done(
            "A-1",
            High,
            "its own tiers come before NetworkPolicy, the tier `baseline` behind it",
            "antrea-io/antrea docs/antrea-network-policy.md",
        ),
        done("P-21", High, "selectors do not see pods on the host network", "antrea-io/antrea"),
        done(
            "P-22",
            High,
            "a node always reaches its own pods",
            "antrea-io/antrea docs/antrea-network-policy.md",
        ),
        told(
            "P-26",
            Medium,
            "a pod always reaches itself by a Service, with AntreaProxy",
            "antrea-io/antrea",
        ),
        told("P-29", Medium, "established connections are kept when a policy changes", "antrea-io/antrea"),
    ],
    ..Sheet::API
};
