//! Everything that can be reached from one endpoint, hop by hop.

use crate::engine::{EndpointId, TrafficId};

use super::Graph;

/// An endpoint that can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reached {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// How many hops it takes; 1 for a direct connection.
    pub depth: u32,
    /// Where the last hop comes from: of all endpoints that are one hop nearer and lead here, the first.
    pub from: EndpointId,
    /// What the last hop carries.
    pub traffic: TrafficId,
}

impl Graph<'_> {
    /// All that somebody can get at who starts at an endpoint and takes over what it reaches, by ascending
    /// depth and endpoint: the blast radius. The start itself is not in it.
    pub fn blast_radius(&self, start: EndpointId) -> Vec<Reached> {
        self.walk(start, None)
    }

    /// The blast radius; no deeper than where `goal` is.
    pub(super) fn walk(&self, start: EndpointId, goal: Option<EndpointId>) -> Vec<Reached> {
        let engine = self.engine;
        let mut reached: Vec<Reached> = Vec::new();
        let mut visited = vec![false; engine.endpoints().len()];
        // Destinations and sources stand for many endpoints; each is looked at once.
        let mut done = vec![false; engine.destination_count()];
        let mut asked = vec![false; engine.source_count()];
        mark(&mut visited, start.0);
        let from_outside = engine.is_outside(start);
        if !engine.is_source(start) {
            return reached;
        }
        let mut frontier = vec![start];
        for depth in 1.. {
            let mut sources: Vec<(u32, EndpointId)> = Vec::new();
            // A pod that is alike as a source may go outside from where the start, itself outside, may not.
            let leaving = from_outside && depth == 1;
            for id in frontier {
                if let Some(source) = engine.source(id)
                    && (leaving || mark(&mut asked, source))
                {
                    sources.push((source, id));
                }
            }
            let level = reached.len();
            let rows = engine.rows_of_sources(&sources.iter().map(|(source, _)| *source).collect::<Vec<_>>());
            for ((_, from), row) in sources.iter().zip(rows) {
                for (destination, traffic) in row {
                    let traffic = self.part(traffic);
                    if traffic.is_none() || done.get(destination as usize).is_none_or(|done| *done) {
                        continue;
                    }
                    if !leaving {
                        mark(&mut done, destination);
                    }
                    for endpoint in engine.standing_for(destination) {
                        let nobodys = leaving && engine.is_outside(endpoint);
                        if !nobodys && mark(&mut visited, endpoint.0) {
                            reached.push(Reached { endpoint, depth, from: *from, traffic });
                        }
                    }
                }
            }
            let Some(new) = reached.get_mut(level..).filter(|new| !new.is_empty()) else { break };
            new.sort_unstable_by_key(|reached| reached.endpoint);
            if goal.is_some_and(|goal| new.iter().any(|reached| reached.endpoint == goal)) {
                break;
            }
            frontier = new.iter().map(|reached| reached.endpoint).filter(|id| self.passable(*id)).collect();
        }
        reached
    }
}

/// Marks a place, and says whether it was not marked before.
fn mark(marks: &mut [bool], at: u32) -> bool {
    marks.get_mut(at as usize).is_some_and(|mark| !std::mem::replace(mark, true))
}
