//! GKE Dataplane V2: Cilium as Google runs it.

use super::super::sheet::Confidence::{Low, Medium};
use super::super::sheet::{Sheet, Since, done, told};
use super::cilium;

pub(super) static SHEET: Sheet = Sheet {
    name: "gke-dataplane-v2",
    title: "GKE Dataplane V2",
    aliases: &["gke", "anetd", "dataplane-v2"],
    admin: Since::Unknown,
    cluster: Since::Unknown,
    facts: &[
        done(
            "P-5",
            Medium,
            "FQDNNetworkPolicy and, on request, CiliumClusterwideNetworkPolicy beside NetworkPolicy",
            "cloud.google.com/kubernetes-engine/docs/how-to/fqdn-network-policies",
        ),
        told(
            "P-4",
            Low,
            "whether it watches the cluster-wide kinds of policy.networking.k8s.io is not known",
            "-",
        ),
        told("P-10", Low, "the rest is Cilium's", "see cilium"),
    ],
    ..cilium::SHEET
};
