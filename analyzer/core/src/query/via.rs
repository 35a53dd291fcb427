//! Who can use which port of which Service: `npv reach --via service`.
//!
//! Policies see the pods behind a Service (S-31), so a port can be used by whoever reaches at least one
//! backend on the port that it is translated to (S-80).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use npv_models::cluster::{Cluster, GroupId, Service, ServiceType, Target};
use npv_models::space::{IpSet, PortSet, Protocol, Traffic};

use super::reach::{External, Link, Party, PartyKind, Question, Reach};
use crate::engine::{EndpointId, EndpointKind, Engine};

/// A port of a Service, and where traffic to it ends.
struct Way<'c> {
    service: usize,
    of: &'c Service,
    protocol: Protocol,
    port: u16,
    target: u16,
}

/// Answers a question with Services as destinations: a connection's traffic are the Service's ports.
pub fn via_services<'a>(question: &Question, cluster: &Cluster, engine: &'a Engine) -> Reach<'a> {
    let mut parties: Vec<Party> =
        engine.endpoints().iter().map(|endpoint| Party::of(endpoint, cluster)).collect();
    let sources = parties.len();
    let mut by_endpoint: BTreeMap<EndpointId, Vec<Way<'_>>> = BTreeMap::new();
    let mut outside: Vec<(IpSet, Way<'_>)> = Vec::new();
    let ends = endpoints_of_groups(engine);
    for (index, service) in cluster.services.iter().enumerate() {
        let namespace = cluster.namespace_name(service.namespace);
        let kind = PartyKind::Workload {
            namespace: namespace.to_owned(),
            name: service.name.to_string(),
            kind: "Service".to_owned(),
        };
        parties.push(Party {
            id: format!("svc/{namespace}/{}", service.name),
            kind,
            pods: 0,
            several: false,
        });
        if service.kind == ServiceType::ExternalName {
            continue;
        }
        for port in &service.ports {
            let way = |target| Way {
                service: sources + index,
                of: service,
                protocol: port.protocol,
                port: port.port,
                target,
            };
            for target in cluster.targets(service, port) {
                match target {
                    Target::Pods { group, port: number } => {
                        for &end in ends.get(&group).into_iter().flatten() {
                            by_endpoint.entry(end).or_default().push(way(number));
                        }
                    }
                    Target::Address { address, port: number } => {
                        outside.push((IpSet::single(address), way(number)));
                    }
                    Target::Unresolved { .. } => {}
                }
            }
        }
    }
    let mut links = Vec::new();
    engine.for_each_row(|src, row| {
        let source = src.0 as usize;
        let Some(party) = parties.get(source) else { return };
        if question.from.as_ref().is_some_and(|wanted| !wanted.contains(&src)) {
            return;
        }
        let mut used: BTreeMap<usize, Traffic> = BTreeMap::new();
        for connection in row {
            let passes = engine.traffic(connection.traffic);
            let ways = by_endpoint.get(&connection.dst).into_iter().flatten();
            let beyond = outside.iter().filter(|(address, _)| leads_to(engine, connection.dst, address));
            for way in ways.chain(beyond.map(|(_, way)| way)) {
                if passes.contains(way.protocol, way.target)
                    && asked(question, cluster, party, connection.dst, way.of)
                {
                    let traffic = Traffic::of(way.protocol, PortSet::single(way.port));
                    let known = used.entry(way.service).or_default();
                    *known = known.union(&traffic);
                }
            }
        }
        for (dst, traffic) in used {
            let traffic = match &question.over {
                Some(over) => traffic.intersection(over),
                None => traffic,
            };
            if !traffic.is_empty() {
                links.push(Link { src: source, dst, traffic: Cow::Owned(traffic) });
            }
        }
    });
    let used: BTreeSet<usize> = links.iter().flat_map(|link| [link.src, link.dst]).collect();
    retain(parties, links, |index| index >= sources || used.contains(&index))
}

fn endpoints_of_groups(engine: &Engine) -> BTreeMap<GroupId, Vec<EndpointId>> {
    let mut ends: BTreeMap<GroupId, Vec<EndpointId>> = BTreeMap::new();
    for (id, endpoint) in engine.ids().zip(engine.endpoints()) {
        if let EndpointKind::Pods { groups, .. } = &endpoint.kind {
            for group in groups {
                ends.entry(*group).or_default().push(id);
            }
        }
    }
    ends
}

fn leads_to(engine: &Engine, dst: EndpointId, address: &IpSet) -> bool {
    engine.endpoint(dst).is_some_and(|endpoint| match &endpoint.kind {
        EndpointKind::External(addresses) => address.is_subset(addresses),
        _ => false,
    })
}

/// Whether a use of a Service is asked for, and can be: who is outside the cluster needs one that is
/// reachable from there; what is assumed uses no Service by name.
fn asked(question: &Question, cluster: &Cluster, src: &Party, dst: EndpointId, service: &Service) -> bool {
    let external = matches!(src.kind, PartyKind::External(_));
    let from_outside = matches!(service.kind, ServiceType::NodePort | ServiceType::LoadBalancer)
        || !service.external_ips.is_empty();
    let home = question.namespace.as_deref().is_none_or(|namespace| {
        src.namespace() == Some(namespace) || cluster.namespace_name(service.namespace) == namespace
    });
    home && (!external || from_outside)
        && !matches!(src.kind, PartyKind::Assumed)
        && question.to.as_ref().is_none_or(|wanted| wanted.contains(&dst))
        && match question.external {
            External::Include => true,
            External::Only => external,
            External::Exclude => !external,
        }
}

/// The answer without the parties that have no part in it.
fn retain(parties: Vec<Party>, links: Vec<Link<'_>>, keep: impl Fn(usize) -> bool) -> Reach<'_> {
    let mut place = vec![0; parties.len()];
    let mut kept = Vec::new();
    for (index, party) in parties.into_iter().enumerate() {
        if keep(index) {
            if let Some(place) = place.get_mut(index) {
                *place = kept.len();
            }
            kept.push(party);
        }
    }
    let at = |index: usize| place.get(index).copied().unwrap_or(0);
    let links = links.into_iter().map(|link| Link { src: at(link.src), dst: at(link.dst), ..link });
    Reach::listed(kept, links.collect())
}
