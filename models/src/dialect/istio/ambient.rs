//! How the network plugin sees the connections of an ambient mesh (M-52).

use super::{HBONE, ambient_clients, in_the_mesh, pods_with};
use crate::cluster::{MeshServer, Proxy};
use crate::policy::Tunnel;
use crate::space::Operator;

/// Between ambient ends, and between these and sidecars, all ports look like one.
pub(super) fn tunnels(servers: &[MeshServer]) -> Vec<Tunnel> {
    if !servers.iter().any(|server| server.proxy == Proxy::Ambient) {
        return Vec::new();
    }
    let sidecars = pods_with(super::identity::PROXY, Operator::In, &[Proxy::Sidecar.name()]);
    vec![
        Tunnel { src: in_the_mesh(), dst: ambient_clients(), port: HBONE },
        Tunnel { src: ambient_clients(), dst: sidecars, port: HBONE },
    ]
}
