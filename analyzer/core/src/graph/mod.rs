//! The graph of who can reach whom: endpoints and address blocks as nodes, allowed traffic as edges.
//!
//! Nothing holds all edges at once; they are computed from the engine's classes when a question meets
//! them. Algorithms of petgraph run on a [`Graph`] as it is; walks that have to be fast at any size
//! ([`Graph::blast_radius`], [`Graph::shortest_chains`]) ask once per class instead of once per endpoint.

mod chains;
mod namespaces;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::HashSet;

use petgraph::algo::dominators;
use petgraph::visit::{GraphBase, GraphRef, IntoNeighbors, Visitable};
use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::engine::{Connection, EndpointId, EndpointKind, Engine, TrafficId};

pub use namespaces::{NamespaceGraph, Place};
pub use walk::Reached;

/// Allowed hops between endpoints.
///
/// Whoever takes over an endpoint can go wherever it may send to. Only pods are passed through:
/// addresses outside of the cluster and nodes are where a walk starts or ends.
#[derive(Clone, Copy, Debug)]
pub struct Graph<'e> {
    engine: &'e Engine,
    /// A hop counts where it carries some of this.
    over: TrafficId,
}

impl<'e> Graph<'e> {
    /// The graph of all that an engine allows.
    pub fn new(engine: &'e Engine) -> Self {
        Self { engine, over: TrafficId::ALL }
    }

    /// Only hops that carry some of this traffic, which is a set of the engine's table.
    pub fn over(self, traffic: TrafficId) -> Self {
        Self { over: traffic, ..self }
    }

    /// The part of a hop's traffic that counts.
    fn part(&self, traffic: TrafficId) -> TrafficId {
        self.engine.traffic_table().intersection(traffic, self.over)
    }

    /// Whether a walk can go on from an endpoint.
    fn passable(&self, id: EndpointId) -> bool {
        self.engine.endpoint(id).is_some_and(|endpoint| match endpoint.kind {
            EndpointKind::Pods { .. } => true,
            // A walk through what is only assumed would be a guess.
            EndpointKind::Assumed(_) | EndpointKind::Nodes(_) | EndpointKind::External(_) => false,
        })
    }

    /// The hop from one endpoint to another, where there is one.
    fn hop(&self, src: EndpointId, dst: EndpointId) -> Option<Connection> {
        if src == dst || (self.engine.is_outside(src) && self.engine.is_outside(dst)) {
            return None;
        }
        let traffic = self.part(self.engine.between(src, dst).both);
        (!traffic.is_none()).then_some(Connection { src, dst, traffic })
    }

    /// The pods, in their order from `src`, that every chain of hops from `src` to `dst` leads through:
    /// whoever closes one of them cuts the two apart. `None` where no chain does.
    pub fn chokepoints(&self, src: EndpointId, dst: EndpointId) -> Option<Vec<EndpointId>> {
        let depth = self.blast_radius(src).iter().find(|reached| reached.endpoint == dst)?.depth;
        if depth == 1 {
            return Some(Vec::new());
        }
        let onward = Onward { graph: *self, src };
        let dominators = dominators::simple_fast(onward, src);
        let mut between: Vec<EndpointId> =
            dominators.strict_dominators(dst)?.filter(|id| *id != src).collect();
        between.reverse();
        Some(between)
    }
}

/// The graph as seen from one endpoint, from which a walk may start whatever it is.
#[derive(Clone, Copy, Debug)]
struct Onward<'e> {
    graph: Graph<'e>,
    src: EndpointId,
}

impl GraphBase for Onward<'_> {
    type NodeId = EndpointId;
    type EdgeId = (EndpointId, EndpointId);
}

impl GraphRef for Onward<'_> {}

impl IntoNeighbors for Onward<'_> {
    type Neighbors = std::vec::IntoIter<EndpointId>;

    fn neighbors(self, id: EndpointId) -> Self::Neighbors {
        let onward = id == self.src || self.graph.passable(id);
        let row = if onward { self.graph.engine.row(id) } else { Vec::new() };
        let hops = row.into_iter().filter(|hop| hop.dst != id && !self.graph.part(hop.traffic).is_none());
        hops.map(|hop| hop.dst).collect::<Vec<_>>().into_iter()
    }
}

impl Visitable for Onward<'_> {
    type Map = HashSet<EndpointId, FxBuildHasher>;

    fn visit_map(&self) -> Self::Map {
        FxHashSet::default()
    }

    fn reset_map(&self, map: &mut Self::Map) {
        map.clear();
    }
}
