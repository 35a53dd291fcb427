//! One file for each network plugin, one line each in [`SHEETS`].

mod antrea;
mod aws_vpc_cni;
mod azure_cilium;
mod azure_npm;
mod calico;
mod canal;
mod cilium;
mod flannel;
mod gke_dataplane_v2;
mod k3s;
mod kindnet;
mod kube_network_policies;
mod kube_ovn;
mod kube_router;
mod none;
mod ovn_kubernetes;
mod terway;
mod terway_veth;
mod upstream;
mod weave;

use super::sheet::Sheet;

/// All of them, in the order of the documentation. The first with a plugin is that plugin's own.
pub static SHEETS: &[&Sheet] = &[
    &upstream::SHEET,
    &calico::SHEET,
    &canal::SHEET,
    &cilium::SHEET,
    &gke_dataplane_v2::SHEET,
    &azure_cilium::SHEET,
    &antrea::SHEET,
    &ovn_kubernetes::SHEET,
    &aws_vpc_cni::SHEET,
    &azure_npm::SHEET,
    &terway::SHEET,
    &terway_veth::SHEET,
    &kube_router::SHEET,
    &k3s::SHEET,
    &weave::SHEET,
    &kindnet::SHEET,
    &kube_network_policies::SHEET,
    &kube_ovn::SHEET,
    &flannel::SHEET,
    &none::SHEET,
];
