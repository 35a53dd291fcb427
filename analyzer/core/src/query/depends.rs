//! What answers depend on that no manifest shows, and what would settle it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use npv_models::decide::{Cause, End, Flow, PodEnd, Unknown, causes, decide};
use npv_models::policy::Direction;
use npv_models::space::Traffic;
use rustc_hash::FxHashMap;

use super::ends::{Ends, Sample, Spaces};
use super::reach::{Reach, Shaded};
use crate::engine::{EndpointId, EndpointKind, Engine};
use crate::snapshot::Snapshot;

/// Explains unknown connections; each kind of pair is looked at once.
pub struct Dependencies<'a> {
    snapshot: &'a Snapshot,
    engine: &'a Engine,
    ends: Ends<'a>,
    known: RefCell<FxHashMap<(u32, u32), Vec<Cause>>>,
}

/// A cause with the connections that depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folded {
    /// What is not known; of causes that read alike the one that comes first in the manifests.
    pub cause: Cause,
    /// How many connections depend on it.
    pub connections: usize,
    /// A line of `npv.yaml`, or an input, that settles it.
    pub settles: Option<&'static str>,
}

impl<'a> Dependencies<'a> {
    /// For the connections of a snapshot; its engine, and where its pods and nodes are.
    pub fn new(snapshot: &'a Snapshot, engine: &'a Engine, spaces: &'a Spaces) -> Self {
        let ends = Ends::new(&snapshot.cluster, spaces);
        Self { snapshot, engine, ends, known: RefCell::default() }
    }

    /// What a connection of an answer depends on.
    pub fn of(&self, reach: &Reach<'_>, link: &Shaded<'_>) -> Vec<Cause> {
        let pairs = reach.members(link.src).iter().flat_map(|src| {
            let members = reach.members(link.dst).iter();
            members.map(move |dst| (*src, *dst))
        });
        let unsettled = |(src, dst): &(EndpointId, EndpointId)| {
            let [certain, possible] =
                [self.engine.between(*src, *dst).both, self.engine.possibly_between(*src, *dst).both];
            certain != possible
        };
        let Some((src, dst)) = pairs.into_iter().find(unsettled) else { return Vec::new() };
        let key = (self.engine.source_class(src), self.engine.destination_class(dst));
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let found = self.between(src, dst, &link.unknown).unwrap_or_default();
        self.known.borrow_mut().insert(key, found.clone());
        found
    }

    fn between(&self, src: EndpointId, dst: EndpointId, unknown: &Traffic) -> Option<Vec<Cause>> {
        let (protocol, port) = unknown.first()?;
        let flow = Flow { src: self.end(src, src == dst)?, dst: self.end(dst, false)?, protocol, port };
        let (policies, profile) = (&self.snapshot.policies, self.snapshot.profile);
        let decision = decide(policies, profile, &flow);
        let sides = Direction::ALL.into_iter();
        let mut found: Vec<Cause> =
            sides.flat_map(|direction| causes(&decision, direction, profile, &flow)).collect();
        found.sort();
        found.dedup();
        Some(found)
    }

    /// One of all that an endpoint is.
    fn end(&self, id: EndpointId, same: bool) -> Option<End<'_>> {
        let endpoint = self.engine.endpoint(id)?;
        match &endpoint.kind {
            EndpointKind::Pods { groups, .. } => {
                let group = *groups.first()?;
                let members = endpoint.part_of(group);
                let listed = self.ends.group(group).is_some_and(|group| !group.members.is_empty());
                let first =
                    members.and_then(|positions| positions.first()).map(|position| *position as usize);
                let member = first.or(listed.then_some(0));
                let End::Pod(pod) = self.ends.pod(Sample { group, member })? else { return None };
                // Two pods of one endpoint: neither is the other (S-36).
                let name = pod.name.filter(|_| !same);
                let node = pod.node.filter(|_| pod.host_network);
                Some(End::Pod(PodEnd { name, node, ..pod }))
            }
            EndpointKind::Nodes(nodes) => self.ends.node(*nodes.first()? as usize),
            EndpointKind::External(addresses) => addresses.first().map(End::Address),
            EndpointKind::Assumed(symbolic) => Some(self.ends.symbolic(symbolic)),
        }
    }

    /// All that the connections of an answer depend on, what most depend on first.
    pub fn folded(&self, reach: &Reach<'_>) -> Vec<Folded> {
        let mut folded: BTreeMap<Unknown, Folded> = BTreeMap::new();
        let all = reach.each_shaded(|link| {
            if !link.unknown.is_empty() {
                for cause in self.of(reach, &link) {
                    let settles = settles(&cause.unknown);
                    let new = Folded { cause: cause.clone(), connections: 0, settles };
                    folded.entry(cause.unknown).or_insert(new).connections += 1;
                }
            }
            Ok::<(), std::convert::Infallible>(())
        });
        let Ok(()) = all;
        let mut folded: Vec<Folded> = folded.into_values().collect();
        folded.sort_by(|a, b| b.connections.cmp(&a.connections).then_with(|| a.cause.cmp(&b.cause)));
        folded
    }
}

/// What settles something that no manifest shows.
pub fn settles(unknown: &Unknown) -> Option<&'static str> {
    match unknown {
        Unknown::Address => {
            Some("`cluster.podCidrs` in npv.yaml, or pods with their addresses among the inputs")
        }
        Unknown::Pod => Some("the manifests of these pods among the inputs"),
        Unknown::NamespaceLabel(..) => Some("the Namespace among the inputs"),
        Unknown::AccountLabel(_) => Some("the ServiceAccount among the inputs"),
        Unknown::NodeLabel(_) | Unknown::Node => {
            Some("pods with `nodeName`, and the Nodes, among the inputs")
        }
        Unknown::Label(_)
        | Unknown::ApiServer
        | Unknown::Domain(_)
        | Unknown::PortName(_)
        | Unknown::Effect(_) => None,
    }
}
