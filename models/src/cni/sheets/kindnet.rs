//! kindnet, with kube-network-policies in its own process.

use super::super::sheet::Sheet;
use super::kube_network_policies;

pub(super) static SHEET: Sheet =
    Sheet { name: "kindnet", title: "kindnet", aliases: &["kind"], ..kube_network_policies::SHEET };
