//! The shortest chains of hops from one endpoint to another.

use crate::engine::{Connection, EndpointId};

use super::Graph;

impl Graph<'_> {
    /// The shortest chains of hops that lead from `src` to `dst`, all of the same length, in the order of
    /// their endpoints, no more than `limit`. None where `dst` cannot be reached, or is `src`.
    pub fn shortest_chains(&self, src: EndpointId, dst: EndpointId, limit: usize) -> Vec<Vec<Connection>> {
        let reached = self.walk(src, Some(dst));
        let Some(goal) = reached.iter().find(|reached| reached.endpoint == dst) else { return Vec::new() };
        // From the end: of each level the endpoints from which the goal is as near as it can be.
        let mut levels: Vec<Vec<EndpointId>> = vec![vec![dst]];
        for depth in (1..goal.depth).rev() {
            let nearer = levels.last().map_or(&[][..], Vec::as_slice);
            let here =
                reached.iter().filter(|reached| reached.depth == depth).map(|reached| reached.endpoint);
            let leading = self.leading(here.filter(|id| self.passable(*id)), nearer);
            levels.push(leading);
        }
        levels.reverse();
        let mut chains = Vec::new();
        let mut chain = Vec::new();
        self.follow(src, &levels, limit, &mut chain, &mut chains);
        chains
    }

    /// Those endpoints that have a hop to one of the targets.
    fn leading(&self, from: impl Iterator<Item = EndpointId>, targets: &[EndpointId]) -> Vec<EndpointId> {
        // Endpoints that are alike as sources are alike here, but that none has a hop to itself; a level has
        // no endpoint of another, so that does not matter. Targets that are alike are asked for once.
        let mut asked: Vec<EndpointId> = targets.to_vec();
        asked.sort_by_key(|id| self.engine.destination(*id));
        asked.dedup_by_key(|id| self.engine.destination(*id));
        let mut known = vec![None; self.engine.source_count()];
        from.filter(|id| {
            let leads = || asked.iter().any(|target| self.hop(*id, *target).is_some());
            let place = self.engine.source(*id).and_then(|source| known.get_mut(source as usize));
            place.is_some_and(|known| *known.get_or_insert_with(leads))
        })
        .collect()
    }

    /// Extends a chain through all levels.
    fn follow(
        &self,
        src: EndpointId,
        levels: &[Vec<EndpointId>],
        limit: usize,
        chain: &mut Vec<Connection>,
        chains: &mut Vec<Vec<Connection>>,
    ) {
        let Some((next, rest)) = levels.split_first() else {
            chains.push(chain.clone());
            return;
        };
        for dst in next {
            if chains.len() >= limit {
                return;
            }
            if let Some(hop) = self.hop(src, *dst) {
                chain.push(hop);
                self.follow(*dst, rest, limit, chain, chains);
                chain.pop();
            }
        }
    }
}
