//! Services in rules: the addresses of their endpoints, and their ports (C-48).

use std::collections::BTreeMap;

use super::world::World;
use crate::cluster::{Service, ServiceEndpoint, TargetPort};
use crate::k8s::ServiceMatch;
use crate::policy::{Entity, NamespaceSelector, PeerMatch, PodSelector, PortMatch};
use crate::space::{PortSet, Protocol, Traffic};

/// Endpoints of a Service with the same ports.
pub(super) struct Endpoints {
    pub(super) who: PeerMatch,
    pub(super) ports: Vec<PortMatch>,
}

fn single(protocol: Protocol, port: u16) -> PortMatch {
    PortMatch::Numbers(Traffic::of(protocol, PortSet::single(port)))
}

impl World<'_> {
    /// The endpoints of a Service. None where no manifest defines it, as in a cluster without it.
    pub(super) fn endpoints(&self, service: &ServiceMatch) -> Vec<Endpoints> {
        let Some(id) = self.cluster.namespace_id(&service.namespace) else {
            return Self::api_server(service);
        };
        if let Some(service) = self.cluster.service(&service.namespace, &service.name) {
            return match &service.selector {
                Some(_) => self.selected(service),
                None => listed(&service.endpoints),
            };
        }
        let orphan = self.cluster.orphans.iter();
        let orphan =
            orphan.filter(|orphan| orphan.namespace == id).find(|orphan| orphan.service == service.name);
        match orphan {
            Some(orphan) => listed(&orphan.endpoints),
            None => Self::api_server(service),
        }
    }

    /// Every cluster has one Service that manifests hardly ever show.
    fn api_server(service: &ServiceMatch) -> Vec<Endpoints> {
        if (&*service.namespace, &*service.name) != ("default", "kubernetes") {
            return Vec::new();
        }
        let ports = vec![single(Protocol::Tcp, 443), single(Protocol::Tcp, 6443)];
        vec![Endpoints { who: PeerMatch::Entity(Entity::ApiServer), ports }]
    }

    /// The pods behind a selector. Those on the host network are known by the addresses of their nodes.
    fn selected(&self, service: &Service) -> Vec<Endpoints> {
        let Some(selector) = &service.selector else { return Vec::new() };
        let Some(namespace) = self.cluster.namespaces.get(service.namespace.0 as usize) else {
            return Vec::new();
        };
        let ports = service.ports.iter().map(|port| match &port.target {
            TargetPort::Number(number) => single(port.protocol, *number),
            TargetPort::Name(name) => PortMatch::Named { protocol: Some(port.protocol), name: name.clone() },
        });
        let ports: Vec<PortMatch> = ports.collect();
        let who = PeerMatch::Pods(PodSelector {
            namespaces: NamespaceSelector::Named(namespace.name.clone()),
            pods: selector.clone(),
        });
        let mut all = vec![Endpoints { who, ports }];
        let on_host = self.cluster.groups.iter().filter(|group| {
            group.host_network && group.namespace == service.namespace && selector.matches(&group.labels)
        });
        for group in on_host {
            let addresses = group.members.iter().flat_map(|member| &*member.addresses);
            let who: Vec<PeerMatch> = addresses.map(|address| block(*address)).collect();
            let ports = service.ports.iter().filter_map(|port| {
                let number = match &port.target {
                    TargetPort::Number(number) => Some(*number),
                    TargetPort::Name(name) => group
                        .ports
                        .iter()
                        .find(|declared| {
                            declared.name.as_ref() == Some(name) && declared.protocol == port.protocol
                        })
                        .map(|declared| declared.number),
                };
                Some(single(port.protocol, number?))
            });
            let ports: Vec<PortMatch> = ports.collect();
            if !who.is_empty() && !ports.is_empty() {
                all.push(Endpoints { who: PeerMatch::Any(who), ports });
            }
        }
        all
    }
}

fn block(address: std::net::IpAddr) -> PeerMatch {
    PeerMatch::Block { cidr: address.into(), except: Vec::new() }
}

/// Endpoints that are listed one by one, those with the same ports together.
fn listed(endpoints: &[ServiceEndpoint]) -> Vec<Endpoints> {
    let mut by_ports: BTreeMap<Vec<PortMatch>, Vec<PeerMatch>> = BTreeMap::new();
    for endpoint in endpoints {
        let ports = endpoint.ports.iter().map(|(_, protocol, number)| single(*protocol, *number));
        let mut ports: Vec<PortMatch> = ports.collect();
        ports.sort_unstable();
        by_ports.entry(ports).or_default().push(block(endpoint.address));
    }
    by_ports.into_iter().map(|(ports, who)| Endpoints { who: PeerMatch::Any(who), ports }).collect()
}
