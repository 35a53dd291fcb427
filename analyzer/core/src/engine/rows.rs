//! All pairs, row by row.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::traffic::TrafficId;
use super::{Endpoint, EndpointId, EndpointKind, Engine};

/// Traffic that passes from one endpoint to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Connection {
    /// Where it comes from.
    pub src: EndpointId,
    /// Where it goes to.
    pub dst: EndpointId,
    /// What passes; never nothing.
    pub traffic: TrafficId,
}

/// How many sources a thread takes at a time. Their columns are looked at together, one destination's
/// relation after the other.
const BATCH: usize = 64;

/// Whether an endpoint is outside of the cluster: a connection between two such is none of npv's business.
fn outside(endpoint: &Endpoint) -> bool {
    match endpoint.kind {
        EndpointKind::External(_) => true,
        EndpointKind::Assumed => endpoint.id.starts_with("{domain "),
        EndpointKind::Pods { .. } | EndpointKind::Nodes(_) => false,
    }
}

impl Engine {
    /// The connections from an endpoint, by ascending destination. One to itself is listed only where it
    /// can be several pods, one between two ends outside of the cluster never, nor is a domain a source.
    pub fn row(&self, src: EndpointId) -> Vec<Connection> {
        let sources = self.sources.get(src.0 as usize).copied();
        let mut rows = self.source_rows(sources.as_slice());
        self.expand(src, &rows.pop().unwrap_or_default())
    }

    /// Calls `each` with every endpoint and its [`Engine::row`], in ascending order. Rows are computed by
    /// all threads, some at a time, and never all held.
    pub fn for_each_row(&self, mut each: impl FnMut(EndpointId, &[Connection])) {
        let ids: Vec<EndpointId> = self.ids().collect();
        let at_a_time = BATCH * rayon::current_num_threads().max(1) * 2;
        for some in ids.chunks(at_a_time) {
            let rows: Vec<Vec<Vec<Connection>>> =
                some.par_chunks(BATCH).map(|batch| self.batch(batch)).collect();
            for (id, row) in some.iter().zip(rows.iter().flatten()) {
                each(*id, row);
            }
        }
    }

    /// The rows of some endpoints.
    fn batch(&self, batch: &[EndpointId]) -> Vec<Vec<Connection>> {
        let of = |id: &EndpointId| self.sources.get(id.0 as usize).copied().unwrap_or(u32::MAX);
        let mut sources: Vec<u32> = batch.iter().map(of).collect();
        sources.sort_unstable();
        sources.dedup();
        let rows = self.source_rows(&sources);
        batch
            .iter()
            .map(|id| {
                let row = sources.binary_search(&of(id)).ok().and_then(|at| rows.get(at));
                self.expand(*id, row.map_or(&[], Vec::as_slice))
            })
            .collect()
    }

    /// What passes from each of some sources, which ascend: destinations, ascending, with their traffic.
    fn source_rows(&self, sources: &[u32]) -> Vec<Vec<(u32, TrafficId)>> {
        let (Some(first), Some(last)) = (sources.first(), sources.last()) else { return Vec::new() };
        let egress: Vec<_> = sources.iter().map(|source| self.egress.get(*source as usize)).collect();
        let mut rows: Vec<Vec<(u32, TrafficId)>> = vec![Vec::new(); sources.len()];
        let mut known: FxHashMap<(TrafficId, TrafficId), TrafficId> = FxHashMap::default();
        for (destination, relation) in (0_u32..).zip(&self.ingress) {
            for (peers, admitted) in relation.rows() {
                if !peers.meets(*first, *last) {
                    continue;
                }
                for ((source, egress), row) in sources.iter().zip(&egress).zip(&mut rows) {
                    if !peers.contains(*source) {
                        continue;
                    }
                    let sent = egress.map_or(TrafficId::NONE, |relation| relation.at(destination));
                    let both = match (sent, *admitted) {
                        (TrafficId::NONE, _) => continue,
                        (TrafficId::ALL, other) | (other, TrafficId::ALL) => other,
                        pair => {
                            *known.entry(pair).or_insert_with(|| self.traffic.intersection(pair.0, pair.1))
                        }
                    };
                    if !both.is_none() {
                        row.push((destination, both));
                    }
                }
            }
        }
        rows
    }

    /// From destinations to the endpoints that they stand for.
    fn expand(&self, src: EndpointId, row: &[(u32, TrafficId)]) -> Vec<Connection> {
        let Some(source) = self.endpoint(src) else { return Vec::new() };
        let from_outside = outside(source);
        if from_outside && !matches!(source.kind, EndpointKind::External(_)) {
            return Vec::new();
        }
        let mut connections: Vec<Connection> = row
            .iter()
            .flat_map(|(destination, traffic)| {
                let ids = self.by_destination.get(*destination).iter();
                ids.map(|dst| Connection { src, dst: EndpointId(*dst), traffic: *traffic })
            })
            .filter(|connection| {
                let itself = connection.dst == src;
                let dst = self.endpoint(connection.dst);
                dst.is_some_and(|dst| (!itself || dst.several) && !(from_outside && outside(dst)))
            })
            .collect();
        connections.sort_unstable_by_key(|connection| connection.dst);
        connections
    }
}
