//! All pairs, row by row.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::behaviour::Relations;
use super::traffic::TrafficId;
use super::{EndpointId, EndpointKind, Engine};

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

/// Destinations, ascending, with traffic that is not nothing.
type Row = Vec<(u32, TrafficId)>;

/// How many sources a thread takes at a time. Their columns are looked at together, one destination's
/// relation after the other.
const BATCH: usize = 64;

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

    /// Whether connections from an endpoint are listed: a domain is only where others go.
    pub(crate) fn is_source(&self, id: EndpointId) -> bool {
        self.endpoint(id)
            .is_some_and(|endpoint| !endpoint.outside || matches!(endpoint.kind, EndpointKind::External(_)))
    }

    /// Whether an endpoint is outside of the cluster.
    pub(crate) fn is_outside(&self, id: EndpointId) -> bool {
        self.endpoint(id).is_none_or(|endpoint| endpoint.outside)
    }

    /// What an endpoint is as a source, and as a destination; endpoints of one number are alike.
    pub(crate) fn source(&self, id: EndpointId) -> Option<u32> {
        self.sources.get(id.0 as usize).copied()
    }

    pub(crate) fn destination(&self, id: EndpointId) -> Option<u32> {
        self.destinations.get(id.0 as usize).copied()
    }

    /// How many different sources there are, and how many different destinations.
    pub(crate) fn source_count(&self) -> usize {
        self.planes.first().map_or(0, |plane| plane.egress.len())
    }

    pub(crate) fn destination_count(&self) -> usize {
        self.planes.first().map_or(0, |plane| plane.ingress.len())
    }

    /// The endpoints, ascending, that are alike as this destination.
    pub(crate) fn standing_for(&self, destination: u32) -> impl Iterator<Item = EndpointId> + '_ {
        self.by_destination.get(destination).iter().map(|id| EndpointId(*id))
    }

    /// What passes from each of some sources, in their order: destinations, ascending, with traffic.
    pub(crate) fn rows_of_sources(&self, sources: &[u32]) -> Vec<Row> {
        let rows: Vec<_> = sources.par_chunks(BATCH).map(|batch| self.source_rows(batch)).collect();
        rows.into_iter().flatten().collect()
    }

    /// What may pass from each of some sources, likewise.
    pub(crate) fn possible_rows_of_sources(&self, sources: &[u32]) -> Vec<Row> {
        let planes = self.possible_planes();
        let rows: Vec<_> = sources.par_chunks(BATCH).map(|batch| self.rows_in(planes, batch)).collect();
        rows.into_iter().flatten().collect()
    }

    /// What passes from each of some sources: destinations, ascending, with their traffic.
    fn source_rows(&self, sources: &[u32]) -> Vec<Row> {
        self.rows_in(&self.planes, sources)
    }

    fn rows_in(&self, planes: &[Relations], sources: &[u32]) -> Vec<Row> {
        let planes = planes.iter().map(|plane| self.plane_rows(plane, sources));
        let united = planes.reduce(|rows, more| {
            rows.into_iter().zip(more).map(|(row, more)| self.united(row, more)).collect()
        });
        united.unwrap_or_default()
    }

    /// What passes in either of two rows.
    fn united(&self, row: Row, more: Row) -> Row {
        let mut united: Row = Vec::with_capacity(row.len().max(more.len()));
        let mut more = more.into_iter().peekable();
        for (destination, traffic) in row {
            while let Some(next) = more.next_if(|(other, _)| *other < destination) {
                united.push(next);
            }
            let same = more.next_if(|(other, _)| *other == destination);
            let both = same.map_or(traffic, |(_, other)| self.traffic.union(traffic, other));
            united.push((destination, both));
        }
        united.extend(more);
        united
    }

    /// What passes in one plane.
    fn plane_rows(&self, plane: &Relations, sources: &[u32]) -> Vec<Row> {
        let (Some(first), Some(last)) = (sources.iter().min(), sources.iter().max()) else {
            return Vec::new();
        };
        let egress: Vec<_> = sources.iter().map(|source| plane.egress.get(*source as usize)).collect();
        let mut rows: Vec<Row> = vec![Vec::new(); sources.len()];
        let mut known: FxHashMap<(TrafficId, TrafficId), TrafficId> = FxHashMap::default();
        for (destination, relation) in (0_u32..).zip(&plane.ingress) {
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

    /// What may pass from an endpoint beyond what passes for certain, by ascending destination; in the same order
    /// and with the same exceptions as [`Engine::row`].
    pub fn unsettled_row(&self, src: EndpointId) -> Vec<Connection> {
        if !self.is_vague() {
            return Vec::new();
        }
        let source = self.sources.get(src.0 as usize).copied();
        let row = |planes: &[Relations]| self.rows_in(planes, source.as_slice()).pop().unwrap_or_default();
        let certain: FxHashMap<u32, TrafficId> = row(&self.planes).into_iter().collect();
        let possible = row(self.possible_planes()).into_iter().filter_map(|(destination, traffic)| {
            let certain = certain.get(&destination).copied().unwrap_or(TrafficId::NONE);
            let unsettled = self.traffic.difference(traffic, certain);
            (!unsettled.is_none()).then_some((destination, unsettled))
        });
        self.expand(src, &possible.collect::<Vec<_>>())
    }

    /// From destinations to the endpoints that they stand for.
    fn expand(&self, src: EndpointId, row: &[(u32, TrafficId)]) -> Vec<Connection> {
        if !self.is_source(src) {
            return Vec::new();
        }
        let from_outside = self.is_outside(src);
        let mut connections: Vec<Connection> = row
            .iter()
            .flat_map(|(destination, traffic)| {
                let ids = self.by_destination.get(*destination).iter();
                ids.map(|dst| Connection { src, dst: EndpointId(*dst), traffic: *traffic })
            })
            .filter(|connection| {
                let itself = connection.dst == src;
                let dst = self.endpoint(connection.dst);
                dst.is_some_and(|dst| (!itself || dst.several) && !(from_outside && dst.outside))
            })
            .collect();
        connections.sort_unstable_by_key(|connection| connection.dst);
        connections
    }
}
