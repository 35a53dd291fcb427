//! How far somebody gets from one endpoint to the next: the blast radius of an endpoint, and the chains of
//! hops between two.

use std::collections::BTreeSet;

use npv_models::cluster::Cluster;
use npv_models::space::Traffic;

use super::reach::Party;
use crate::engine::{EndpointId, Engine};
use crate::graph::Graph;

/// How many chains between two endpoints are listed.
const CHAINS: usize = 10;

/// All that can be got at from somewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Radius {
    /// The endpoint that somebody takes over.
    pub start: Party,
    /// What can be reached, by ascending number of hops. The start is not in it.
    pub reached: Vec<Reached>,
    /// Number of endpoints that there are besides the start.
    pub others: usize,
}

/// An endpoint that can be got at.
#[derive(Clone, Debug, PartialEq)]
pub struct Reached {
    /// The endpoint.
    pub party: Party,
    /// How many hops it takes; 1 for a direct connection.
    pub hops: u32,
    /// The id of the endpoint that the last hop comes from.
    pub via: String,
    /// What the last hop carries.
    pub traffic: Traffic,
}

/// The blast radius of each of these endpoints.
pub fn radius(starts: &BTreeSet<EndpointId>, cluster: &Cluster, engine: &Engine) -> Vec<Radius> {
    let graph = Graph::new(engine);
    let party =
        |id: EndpointId| engine.endpoints().get(id.0 as usize).map(|endpoint| Party::of(endpoint, cluster));
    let radius = |start: &EndpointId| {
        let reached = graph.blast_radius(*start).into_iter().filter_map(|hop| {
            Some(Reached {
                party: party(hop.endpoint)?,
                hops: hop.depth,
                via: party(hop.from)?.id,
                traffic: engine.traffic(hop.traffic).clone(),
            })
        });
        let others = engine.endpoints().len().saturating_sub(1);
        Some(Radius { start: party(*start)?, reached: reached.collect(), others })
    };
    starts.iter().filter_map(radius).collect()
}

/// The shortest ways from one endpoint to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Chains {
    /// Where they start.
    pub src: Party,
    /// Where they end.
    pub dst: Party,
    /// The shortest chains of allowed hops, the first so many of them; empty where none leads there.
    pub chains: Vec<Vec<Hop>>,
    /// There are more chains of the same length.
    pub more: bool,
    /// The endpoints between the two that every chain, of whatever length, passes.
    pub chokepoints: Vec<String>,
}

/// One hop of a chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Hop {
    /// Where it comes from, by id.
    pub src: String,
    /// Where it leads to, by id.
    pub dst: String,
    /// What it carries.
    pub traffic: Traffic,
}

/// The shortest chains from each source to each destination.
pub fn chains(
    sources: &[EndpointId],
    destinations: &[EndpointId],
    cluster: &Cluster,
    engine: &Engine,
) -> Vec<Chains> {
    let graph = Graph::new(engine);
    let endpoint = |id: EndpointId| engine.endpoints().get(id.0 as usize);
    let id_of = |id: EndpointId| endpoint(id).map_or_else(String::new, |endpoint| endpoint.id.clone());
    let mut answers = Vec::new();
    for &src in sources {
        for &dst in destinations.iter().filter(|dst| **dst != src) {
            let (Some(from), Some(to)) = (endpoint(src), endpoint(dst)) else { continue };
            let mut found = graph.shortest_chains(src, dst, CHAINS + 1);
            let more = found.len() > CHAINS;
            found.truncate(CHAINS);
            let hop = |connection: crate::engine::Connection| Hop {
                src: id_of(connection.src),
                dst: id_of(connection.dst),
                traffic: engine.traffic(connection.traffic).clone(),
            };
            answers.push(Chains {
                src: Party::of(from, cluster),
                dst: Party::of(to, cluster),
                chains: found.into_iter().map(|chain| chain.into_iter().map(hop).collect()).collect(),
                more,
                chokepoints: graph.chokepoints(src, dst).unwrap_or_default().into_iter().map(id_of).collect(),
            });
        }
    }
    answers
}
