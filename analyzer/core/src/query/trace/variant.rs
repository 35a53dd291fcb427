//! Ends that the policies do not tell apart any further.

use std::fmt::Write as _;
use std::net::IpAddr;

use npv_models::cluster::GroupId;
use npv_models::decide::{End, PodEnd};
use npv_models::space::{Family, IpSet, Labels, Traffic};

use super::{Decided, Party, Tracer};
use crate::engine::{EndpointId, EndpointKind, Symbolic};
use crate::query::ends::{self, Ends, Sample};
use crate::query::name::Place;
use crate::query::text;

/// An end that policies do not tell apart any further.
#[derive(Clone)]
pub(super) struct Variant<'e> {
    pub(super) end: End<'e>,
    pub(super) party: Party,
    labels: Option<Labels>,
    node: Option<&'e str>,
    /// The first known address of the pod, where it is one certain pod or addresses tell pods apart.
    address: Option<IpAddr>,
}

/// What both sides say about a pair of ends.
#[derive(Clone, PartialEq)]
pub(super) struct Outcome {
    pub(super) egress: Vec<Decided>,
    pub(super) ingress: Vec<Decided>,
    /// What each side allows in an address family of its own only.
    pub(super) apart: Vec<Apart>,
}

/// Traffic that passes neither way because a connection is of one address family (S-16).
#[derive(Clone, PartialEq)]
pub(super) struct Apart {
    /// The only families in which the source's side and the destination's side allow it.
    pub(super) egress: Family,
    pub(super) ingress: Family,
    pub(super) traffic: Traffic,
}

impl Tracer<'_> {
    /// The groups of pods that a place means, each whole or by one member.
    pub(super) fn groups(&self, place: &Place) -> Vec<(GroupId, Option<usize>)> {
        let whole = |groups: &[GroupId]| groups.iter().map(|group| (*group, None)).collect();
        match place {
            Place::Workload(id) => self
                .cluster
                .workloads
                .get(id.0 as usize)
                .map_or_else(Vec::new, |workload| whole(&workload.groups)),
            Place::Pod { group, member } => vec![(*group, Some(*member))],
            Place::Endpoint(id) => match self.endpoint(*id) {
                Some(EndpointKind::Pods { groups, .. }) => whole(groups),
                _ => Vec::new(),
            },
            Place::Node(_) | Place::Addresses(_) => Vec::new(),
        }
    }

    fn endpoint(&self, id: EndpointId) -> Option<&EndpointKind> {
        self.names.endpoints.get(id.0 as usize).map(|endpoint| &endpoint.kind)
    }

    pub(super) fn is_on_one_node(&self, place: &Place) -> bool {
        let on_host = |group: GroupId| {
            self.cluster.groups.get(group.0 as usize).is_some_and(|group| group.host_network)
        };
        match place {
            Place::Node(_) => true,
            Place::Pod { group, .. } => on_host(*group),
            Place::Workload(_) | Place::Addresses(_) | Place::Endpoint(_) => false,
        }
    }

    /// The ends that a place means, told apart as far as these blocks can.
    pub(super) fn variants<'e>(
        &'e self,
        place: &Place,
        ends: &'e Ends<'_>,
        blocks: &[IpSet],
        by_node: bool,
    ) -> Vec<Variant<'e>> {
        match place {
            Place::Addresses(addresses) => address_variants(addresses, blocks),
            Place::Node(index) => node_variant(ends, *index).into_iter().collect(),
            Place::Endpoint(id) => match self.endpoint(*id) {
                Some(EndpointKind::External(addresses)) => address_variants(addresses, blocks),
                Some(EndpointKind::Nodes(nodes)) => {
                    nodes.iter().filter_map(|node| node_variant(ends, *node as usize)).collect()
                }
                Some(EndpointKind::Pods { .. }) => self.pod_variants(place, ends, blocks, by_node),
                Some(EndpointKind::Assumed(symbolic)) => vec![self.assumed_variant(*id, symbolic, ends)],
                None => Vec::new(),
            },
            Place::Workload(_) | Place::Pod { .. } => self.pod_variants(place, ends, blocks, by_node),
        }
    }

    fn pod_variants<'e>(
        &self,
        place: &Place,
        ends: &'e Ends<'_>,
        blocks: &[IpSet],
        by_node: bool,
    ) -> Vec<Variant<'e>> {
        let mut variants = Vec::new();
        for (group, member) in self.groups(place) {
            let samples = match member {
                Some(_) => vec![(Sample { group, member }, 1)],
                None => ends.samples(group, blocks, by_node),
            };
            let split = samples.len() > 1;
            for (sample, pods) in samples {
                let Some(End::Pod(mut pod)) = ends.pod(sample) else { continue };
                let id = match (member, pod.name, pod.namespace) {
                    (Some(_), Some(name), Some(namespace)) => format!("{namespace}/{name}[Pod]"),
                    _ => self.id_of(group),
                };
                let node = if by_node { pod.node.map(|node| node.name) } else { None };
                let labels = Some(pod.labels.clone());
                if !by_node && member.is_none() && !pod.host_network {
                    pod.node = None;
                }
                let end = End::Pod(pod);
                let party = Party { id, seen: String::new(), pods, addresses: None };
                let told_apart = split || member.is_some();
                let address = pod.addresses.first().copied().filter(|_| told_apart);
                variants.push(Variant { end, party, labels, node, address });
            }
        }
        variants
    }

    /// What `npv reach` calls the pods of a group; the workload's name where it has several names for them.
    pub(crate) fn id_of(&self, group: GroupId) -> String {
        let mut ids = self.names.endpoints.iter().filter_map(|endpoint| match &endpoint.kind {
            EndpointKind::Pods { groups, .. } if groups.contains(&group) => Some(&endpoint.id),
            _ => None,
        });
        if let (Some(only), None) = (ids.next(), ids.next()) {
            return only.clone();
        }
        let group = self.cluster.groups.get(group.0 as usize);
        group.map_or_else(String::new, |group| self.names.workload_id(group.workload))
    }

    fn assumed_variant<'e>(&self, id: EndpointId, symbolic: &'e Symbolic, ends: &'e Ends<'_>) -> Variant<'e> {
        let id = self.names.endpoints.get(id.0 as usize).map_or_else(String::new, |end| end.id.clone());
        let end = ends.symbolic(symbolic);
        let party = Party { id, seen: "assumed, not in the manifests".to_owned(), pods: 0, addresses: None };
        Variant { end, party, labels: None, node: None, address: None }
    }
}

fn address_variants<'e>(addresses: &IpSet, blocks: &[IpSet]) -> Vec<Variant<'e>> {
    let parts = ends::split(addresses, blocks).into_iter();
    parts
        .filter_map(|part| {
            let end = End::Address(part.first()?);
            let party = Party { id: String::new(), seen: String::new(), pods: 0, addresses: Some(part) };
            Some(Variant { end, party, labels: None, node: None, address: None })
        })
        .collect()
}

fn node_variant<'e>(ends: &Ends<'e>, index: usize) -> Option<Variant<'e>> {
    let end = ends.node(index)?;
    let End::Node(node) = end else { return None };
    let party = Party { id: format!("node/{}", node.name), seen: String::new(), pods: 0, addresses: None };
    Some(Variant { end, party, labels: Some(node.labels.clone()), node: None, address: None })
}

impl Variant<'_> {
    /// Whether the two may be shown as one, if all answers for them are the same.
    fn is_like(&self, other: &Self) -> bool {
        self.node == other.node
            && match (&self.party.addresses, &other.party.addresses) {
                (None, None) => self.party.id == other.party.id,
                (Some(_), Some(_)) => true,
                _ => false,
            }
    }

    fn absorb(&mut self, other: Self) {
        self.party.pods = self.party.pods.saturating_add(other.party.pods);
        self.address = None;
        if let (Some(own), Some(more)) = (&mut self.party.addresses, other.party.addresses) {
            *own = own.union(&more);
        }
        if let (Some(own), Some(more)) = (&mut self.labels, other.labels) {
            *own = own.iter().filter(|(key, value)| more.get(key) == Some(value)).collect();
        }
    }

    /// The party, with what policies see of it.
    pub(super) fn seen(&self) -> Party {
        let mut party = self.party.clone();
        if let Some(addresses) = &party.addresses {
            party.id = text::addresses_in_short(addresses);
            let all = text::addresses(addresses);
            party.seen = if all == party.id { String::new() } else { all };
        }
        if let Some(labels) = &self.labels {
            party.seen = labels.to_string();
        }
        if let Some(address) = self.address {
            let one_of = if party.pods > 1 { "one of them at " } else { "" };
            // Writing to a string does not fail.
            let _ = write!(party.seen, ", {one_of}{address}");
        }
        if let End::Pod(PodEnd { host_network: true, .. }) = self.end {
            party.seen.push_str(", on the host network");
        }
        if let Some(node) = self.node {
            party.seen.push_str(", on node ");
            party.seen.push_str(node);
        }
        party
    }
}

/// Unites the variants whose rows are equal.
pub(super) fn unite(
    variants: Vec<Variant<'_>>,
    rows: Vec<Vec<Outcome>>,
) -> (Vec<Variant<'_>>, Vec<Vec<Outcome>>) {
    let mut united: Vec<(Variant<'_>, Vec<Outcome>)> = Vec::new();
    for (variant, row) in variants.into_iter().zip(rows) {
        match united.iter_mut().find(|(known, same)| known.is_like(&variant) && *same == row) {
            Some((known, _)) => known.absorb(variant),
            None => united.push((variant, row)),
        }
    }
    united.into_iter().unzip()
}

pub(super) fn transpose(rows: Vec<Vec<Outcome>>) -> Vec<Vec<Outcome>> {
    let width = rows.first().map_or(0, Vec::len);
    let mut columns: Vec<Vec<Outcome>> = (0..width).map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        for (column, outcome) in columns.iter_mut().zip(row) {
            column.push(outcome);
        }
    }
    columns
}
