//! What the proxy of a workload is like: its modes, the protocols of its ports, and who stands before it.

use std::collections::BTreeMap;

use super::{Objects, ROOT, mtls};
use crate::cluster::{Cluster, Downgraded, MeshServer, PodGroup, Proxy, Waypoint, target_port};
use crate::k8s::istio::{ClientTls, MutualTls};
use crate::space::{PortSet, Protocol};

/// All servers, and the server that each group of pods is.
pub(super) struct Servers {
    pub(super) all: Vec<MeshServer>,
    pub(super) of_group: Vec<u32>,
}

impl Servers {
    pub(super) fn of(cluster: &Cluster, proxies: &[Proxy], objects: &Objects<'_>) -> Self {
        let mut numbers: BTreeMap<MeshServer, u32> = BTreeMap::new();
        let mut all = Vec::new();
        let of_group = cluster
            .groups
            .iter()
            .enumerate()
            .map(|(number, group)| {
                let proxy = proxies.get(number).copied().unwrap_or_default();
                let server = server(cluster, group, proxy, objects);
                let next = all.len() as u32;
                *numbers.entry(server).or_insert_with_key(|server| {
                    all.push(server.clone());
                    next
                })
            })
            .collect();
        Self { all, of_group }
    }
}

fn server(cluster: &Cluster, group: &PodGroup, proxy: Proxy, objects: &Objects<'_>) -> MeshServer {
    let mut server = MeshServer {
        proxy,
        strict: PortSet::EMPTY,
        plaintext: PortSet::EMPTY,
        downgraded: Vec::new(),
        past: PortSet::EMPTY,
        opaque: PortSet::EMPTY,
        waypoint: None,
    };
    if proxy == Proxy::None {
        return server;
    }
    let namespace = cluster.namespace_name(group.namespace);
    modes(&mut server, group, namespace, objects);
    server.past = past(group, proxy);
    if proxy == Proxy::Sidecar {
        server.downgraded = downgraded(cluster, group, objects);
    }
    server.opaque = opaque(cluster, group);
    if proxy == Proxy::Ambient {
        server.waypoint = waypoint(cluster, group);
    }
    server
}

/// M-10: port before workload before namespace before root.
fn modes(server: &mut MeshServer, group: &PodGroup, namespace: &str, objects: &Objects<'_>) {
    let whole = |wanted: &str| {
        let mut peers = objects.peers.iter();
        let found = peers.find(|peer| *peer.meta.namespace == *wanted && peer.selector.is_none());
        found.and_then(|peer| peer.mode).map(|mode| mode.value)
    };
    // One with a selector in the root namespace is ignored.
    let own = objects.peers.iter().filter(|_| namespace != ROOT).find(|peer| {
        *peer.meta.namespace == *namespace
            && peer.selector.as_ref().is_some_and(|selector| selector.value.matches(&group.labels))
    });
    let inherited = whole(namespace).or_else(|| whole(ROOT)).unwrap_or(MutualTls::Permissive);
    let general = own.and_then(|own| own.mode).map_or(inherited, |mode| mode.value);
    // M-14: ambient ends always use mutual TLS with each other.
    let taken = |mode| match mode {
        MutualTls::Disable if server.proxy == Proxy::Ambient => MutualTls::Permissive,
        mode => mode,
    };
    let ports = own.map(|own| &own.ports).into_iter().flatten();
    let own_modes: Vec<(u16, MutualTls)> =
        ports.map(|(port, mode)| (*port, taken(mode.value.unwrap_or(general)))).collect();
    let named = PortSet::from_intervals(own_modes.iter().map(|(port, _)| (*port, *port)));
    let with = |wanted: MutualTls| {
        let ports = own_modes.iter().filter(|(_, mode)| *mode == wanted).map(|(port, _)| (*port, *port));
        let ports = PortSet::from_intervals(ports);
        if taken(general) == wanted { ports.union(&PortSet::full().difference(&named)) } else { ports }
    };
    let (strict, plaintext) = (with(MutualTls::Strict), with(MutualTls::Disable));
    (server.strict, server.plaintext) = (strict, plaintext);
}

/// M-12: from whom plaintext comes although both ends have proxies.
fn downgraded(cluster: &Cluster, group: &PodGroup, objects: &Objects<'_>) -> Vec<Downgraded> {
    let mut found = Vec::new();
    for rule in &objects.destinations {
        for service in mtls::services(rule, cluster) {
            if service.namespace != group.namespace {
                continue;
            }
            let selector = service.selector.as_ref().filter(|selector| !selector.is_everything());
            if !selector.is_some_and(|selector| selector.matches(&group.labels)) {
                continue;
            }
            let plain = service.ports.iter().filter(|port| {
                let of_port = rule.tls.ports.iter().find(|(number, _)| *number == port.port);
                let tls = of_port.map(|(_, tls)| tls).or(rule.tls.general.as_ref());
                port.protocol == Protocol::Tcp && tls.is_some_and(|tls| tls.value == ClientTls::Disable)
            });
            let ports = plain.filter_map(|port| target_port(service, port, group));
            let ports = PortSet::from_intervals(ports.map(|port| (port, port)));
            if ports.is_empty() {
                continue;
            }
            let own = &rule.meta.namespace;
            let everywhere = **own == *cluster.namespace_name(group.namespace) || **own == *ROOT;
            found.push(Downgraded { from: (!everywhere).then(|| own.clone()), ports });
        }
    }
    found.sort();
    found.dedup();
    found
}

/// M-6.
fn past(group: &PodGroup, proxy: Proxy) -> PortSet {
    let notes = group.mesh.as_deref();
    if proxy == Proxy::Ambient {
        return if notes.is_some_and(|notes| notes.bypass) { PortSet::full() } else { PortSet::EMPTY };
    }
    let single = |port: &u16| (*port, *port);
    let mut past = PortSet::from_intervals([15_020, 15_021, 15_090].iter().map(single));
    if let Some(notes) = notes {
        past = past.union(&PortSet::from_intervals(notes.exclude_inbound.iter().map(single)));
        if let Some(only) = &notes.include_inbound {
            let only = PortSet::from_intervals(only.iter().map(single));
            past = past.union(&PortSet::full().difference(&only));
        }
    }
    past
}

/// M-32: what a Service says of a port; of a port that none speaks of, HTTP is found by looking.
fn opaque(cluster: &Cluster, group: &PodGroup) -> PortSet {
    let mut opaque = PortSet::from_intervals([25, 53, 3306, 27017].map(|port| (port, port)));
    for service in cluster.services.iter().filter(|service| service.namespace == group.namespace) {
        let selector = service.selector.as_ref().filter(|selector| !selector.is_everything());
        if !selector.is_some_and(|selector| selector.matches(&group.labels)) {
            continue;
        }
        for port in service.ports.iter().filter(|port| port.protocol == Protocol::Tcp) {
            let Some(number) = target_port(service, port, group) else { continue };
            let number = PortSet::single(number);
            match says_http(port.app_protocol.as_deref(), port.name.as_deref()) {
                Some(true) => opaque = opaque.difference(&number),
                Some(false) => opaque = opaque.union(&number),
                None => {}
            }
        }
    }
    opaque
}

fn says_http(app_protocol: Option<&str>, name: Option<&str>) -> Option<bool> {
    let text = match app_protocol {
        Some(protocol) => protocol.to_ascii_lowercase(),
        None => {
            let name = name?;
            name.split_once('-').map_or(name, |(prefix, _)| prefix).to_ascii_lowercase()
        }
    };
    // `grpc-web` has a `-` of its own.
    match text.as_str() {
        "http" | "http2" | "grpc" | "grpc-web" | "http_proxy" | "kubernetes.io/h2c" | "kubernetes.io/ws" => {
            Some(true)
        }
        "tcp" | "tls" | "https" | "mongo" | "redis" | "mysql" | "udp" | "kubernetes.io/wss" => Some(false),
        _ => None,
    }
}

/// M-42.
fn waypoint(cluster: &Cluster, group: &PodGroup) -> Option<Waypoint> {
    const USE: &str = "istio.io/use-waypoint";
    const USE_NAMESPACE: &str = "istio.io/use-waypoint-namespace";
    let own = cluster.namespaces.get(group.namespace.0 as usize)?;
    let selecting = cluster.services.iter().filter(|service| {
        let selector = service.selector.as_ref().filter(|selector| !selector.is_everything());
        service.namespace == group.namespace
            && selector.is_some_and(|selector| selector.matches(&group.labels))
    });
    let mut found: Option<Waypoint> = None;
    for service in selecting {
        let labels = if service.labels.get(USE).is_some() { &service.labels } else { &own.labels };
        let Some(name) = labels.get(USE).filter(|name| *name != "none") else { continue };
        let namespace = labels.get(USE_NAMESPACE).unwrap_or(&own.name);
        if !is_there(cluster, namespace, name) {
            continue;
        }
        let ports = service.ports.iter().filter(|port| port.protocol == Protocol::Tcp);
        let ports = ports.filter_map(|port| Some((port.port, target_port(service, port, group)?)));
        let waypoint = found.get_or_insert_with(|| Waypoint {
            namespace: namespace.into(),
            name: name.into(),
            services: Vec::new(),
            ports: Vec::new(),
        });
        if *waypoint.namespace == *namespace && *waypoint.name == *name {
            waypoint.services.push((own.name.clone(), service.name.clone()));
            waypoint.ports.extend(ports);
        }
    }
    found
}

/// Whether there is a waypoint of that name: a missing one is none.
fn is_there(cluster: &Cluster, namespace: &str, name: &str) -> bool {
    cluster.routing.gateways.iter().any(|gateway| {
        *gateway.class == *"istio-waypoint"
            && *gateway.meta.namespace == *namespace
            && *gateway.meta.name.value == *name
    })
}
