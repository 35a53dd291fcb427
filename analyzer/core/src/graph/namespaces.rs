//! The same graph with a namespace as one node.

use npv_models::cluster::{Cluster, NamespaceId};
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::FxHashMap;

use crate::engine::{EndpointId, EndpointKind, TrafficId};

use super::Graph;

/// A node of a [`NamespaceGraph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// All pods of a namespace.
    Namespace(NamespaceId),
    /// Anything that is in no namespace.
    Endpoint(EndpointId),
}

/// Places in the order of every output, and for two of them, or one and itself, all traffic that some
/// endpoint of the first may send to some endpoint of the second.
pub type NamespaceGraph = DiGraph<Place, TrafficId>;

/// A pair of endpoint classes at two places.
type Pair = (u32, u32);

impl Graph<'_> {
    /// The graph of namespaces. Edges come by source and then by destination.
    pub fn namespaces(&self, cluster: &Cluster) -> NamespaceGraph {
        let engine = self.engine;
        let places: Vec<Option<Place>> = engine
            .ids()
            .zip(engine.endpoints())
            .map(|(id, endpoint)| match &endpoint.kind {
                EndpointKind::Pods { workload, .. } => {
                    let workload = cluster.workloads.get(workload.0 as usize)?;
                    Some(Place::Namespace(workload.namespace))
                }
                _ => Some(Place::Endpoint(id)),
            })
            .collect();
        let mut distinct: Vec<Place> = places.iter().flatten().copied().collect();
        distinct.sort_unstable();
        distinct.dedup();
        let mut graph = NamespaceGraph::with_capacity(distinct.len(), 0);
        let nodes: FxHashMap<Place, NodeIndex> =
            distinct.iter().map(|place| (*place, graph.add_node(*place))).collect();

        // Endpoints at one place that are alike as sources, and those that are alike as destinations.
        let mut senders: Vec<(u32, u32, EndpointId)> = Vec::new();
        let mut receivers: FxHashMap<u32, Vec<(u32, EndpointId)>> = FxHashMap::default();
        for (id, place) in engine.ids().zip(&places) {
            let Some(node) = place.and_then(|place| nodes.get(&place)) else { continue };
            let node = node.index() as u32;
            if let Some(source) = engine.source(id) {
                senders.push((source, node, id));
            }
            if let Some(destination) = engine.destination(id) {
                receivers.entry(destination).or_default().push((node, id));
            }
        }
        senders.sort_unstable();
        let mut edges: FxHashMap<Pair, TrafficId> = FxHashMap::default();
        for of_source in senders.chunk_by(|a, b| a.0 == b.0) {
            let Some((source, ..)) = of_source.first() else { continue };
            let Some(row) = engine.rows_of_sources(&[*source]).pop() else { continue };
            for (destination, traffic) in row {
                let traffic = self.part(traffic);
                let there = receivers.get(&destination).map_or(&[][..], Vec::as_slice);
                if traffic.is_none() {
                    continue;
                }
                for sending in of_source.chunk_by(|a, b| a.1 == b.1) {
                    for receiving in there.chunk_by(|a, b| a.0 == b.0) {
                        self.join(sending, receiving, traffic, &mut edges);
                    }
                }
            }
        }
        let mut edges: Vec<(Pair, TrafficId)> = edges.into_iter().collect();
        edges.sort_unstable();
        for ((from, to), traffic) in edges {
            graph.add_edge(NodeIndex::new(from as usize), NodeIndex::new(to as usize), traffic);
        }
        graph
    }

    /// Adds traffic between two places, from endpoints that are alike to endpoints that are alike.
    fn join(
        &self,
        senders: &[(u32, u32, EndpointId)],
        receivers: &[(u32, EndpointId)],
        traffic: TrafficId,
        edges: &mut FxHashMap<Pair, TrafficId>,
    ) {
        let (Some((_, from, src)), Some((to, dst))) = (senders.first(), receivers.first()) else { return };
        let several = || self.engine.endpoint(*src).is_some_and(|endpoint| endpoint.several);
        let only_itself = senders.len() == 1 && receivers.len() == 1 && src == dst && !several();
        // Neither a pod with itself, nor two addresses outside; a domain is never a source.
        if only_itself
            || (!self.engine.is_source(*src)
                || (self.engine.is_outside(*src) && self.engine.is_outside(*dst)))
        {
            return;
        }
        let known = edges.entry((*from, *to)).or_insert(TrafficId::NONE);
        *known = self.engine.traffic_table().union(*known, traffic);
    }
}
