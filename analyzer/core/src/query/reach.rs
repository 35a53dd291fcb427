//! Who can reach whom, over what.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use npv_models::cluster::{Cluster, GroupId};
use npv_models::cni::Plugin;
use npv_models::decide::End;
use npv_models::policy::{Direction, Entity, NoMatch, PeerMatch, Peers};
use npv_models::space::{IpSet, Traffic};
use rayon::prelude::*;

use super::ends::{Ends, Sample, Spaces};
use crate::engine::{Assumed, Connection, Endpoint, EndpointId, EndpointKind, Engine, Symbolic};
use crate::snapshot::Snapshot;

/// How many sources are answered at once before their rows are handed on: enough to keep every thread
/// busy, little enough to hold in memory.
const CHUNK: usize = 256;

/// Which connections are asked for. The default asks for all.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Only from one of these; from anybody where `None`.
    pub from: Option<BTreeSet<EndpointId>>,
    /// Only to one of these; to anybody where `None`.
    pub to: Option<BTreeSet<EndpointId>>,
    /// Only with an end in this namespace.
    pub namespace: Option<String>,
    /// Only over this traffic, and no more of a connection than that.
    pub over: Option<Traffic>,
    /// Whether connections with the world outside are of interest.
    pub external: External,
    /// What one row speaks of.
    pub by: By,
}

/// Whether connections with addresses outside the cluster are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum External {
    /// All connections.
    #[default]
    Include,
    /// Connections with an end outside, and no others.
    Only,
    /// Connections inside the cluster.
    Exclude,
}

/// What one row of an answer speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Pods that no policy tells apart.
    #[default]
    Endpoint,
    /// Workloads: a connection says that some pod of one can reach some pod of the other.
    Workload,
    /// Namespaces: a connection says that some pod of one can reach some pod of the other.
    Namespace,
}

/// One end of the answer's connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Its name in this answer, unique.
    pub id: String,
    /// What it is.
    pub kind: PartyKind,
    /// Number of pods; 0 for anything else.
    pub pods: u32,
    /// It can be several pods, so that it can connect to itself.
    pub several: bool,
}

/// What a [`Party`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartyKind {
    /// Pods of a workload.
    Workload {
        /// The namespace.
        namespace: String,
        /// The controller's name, or the pod's.
        name: String,
        /// The controller's kind, or `Pod`.
        kind: String,
    },
    /// All pods of a namespace.
    Namespace,
    /// Nodes.
    Node,
    /// Addresses outside the cluster.
    External(IpSet),
    /// Something that the manifests do not define.
    Assumed,
}

impl PartyKind {
    /// The name that output uses.
    pub fn name(&self) -> &str {
        match self {
            Self::Workload { kind, .. } => kind,
            Self::Namespace => "Namespace",
            Self::Node => "Node",
            Self::External(_) => "External",
            Self::Assumed => "Assumed",
        }
    }
}

impl Party {
    /// The party that an endpoint of the engine is.
    pub fn of(endpoint: &Endpoint, cluster: &Cluster) -> Self {
        let kind = match &endpoint.kind {
            EndpointKind::Pods { workload, .. } => match workload_name(cluster, workload.0) {
                Some((namespace, name, kind)) => PartyKind::Workload { namespace, name, kind },
                None => PartyKind::Assumed,
            },
            EndpointKind::Nodes(_) => PartyKind::Node,
            EndpointKind::External(addresses) => PartyKind::External(addresses.clone()),
            EndpointKind::Assumed(_) => PartyKind::Assumed,
        };
        Self { id: endpoint.id.clone(), kind, pods: endpoint.pods, several: endpoint.several }
    }

    /// The namespace that it is or is in.
    pub fn namespace(&self) -> Option<&str> {
        match &self.kind {
            PartyKind::Workload { namespace, .. } => Some(namespace),
            PartyKind::Namespace => Some(&self.id),
            _ => None,
        }
    }
}

fn workload_name(cluster: &Cluster, workload: u32) -> Option<(String, String, String)> {
    let workload = cluster.workloads.get(workload as usize)?;
    let namespace = cluster.namespaces.get(workload.namespace.0 as usize)?;
    Some((namespace.name.to_string(), workload.name.to_string(), workload.kind.to_string()))
}

impl Link<'_> {
    /// The connection with traffic of its own.
    pub fn into_owned(self) -> Link<'static> {
        Link { src: self.src, dst: self.dst, traffic: Cow::Owned(self.traffic.into_owned()) }
    }
}

/// One connection of an answer; its ends are indices into [`Reach::parties`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link<'a> {
    /// Where it comes from.
    pub src: usize,
    /// Where it goes to.
    pub dst: usize,
    /// Over what; never nothing.
    pub traffic: Cow<'a, Traffic>,
}

/// A connection with what is not known of it; its ends are indices into [`Reach::parties`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shaded<'a> {
    /// Where it comes from.
    pub src: usize,
    /// Where it goes to.
    pub dst: usize,
    /// What passes for certain; perhaps nothing.
    pub traffic: Cow<'a, Traffic>,
    /// What may pass besides; perhaps nothing, but not both.
    pub unknown: Traffic,
}

/// The answer: who is there, and row by row who reaches whom.
///
/// Rows are computed when they are asked for, so an answer of millions of connections costs no more
/// memory than a small one.
pub struct Reach<'a> {
    /// The ends of all connections, in the order of every output.
    pub parties: Vec<Party>,
    rows: Rows<'a>,
}

enum Rows<'a> {
    Asked(Box<Asked<'a>>),
    Listed(Vec<Link<'a>>),
}

struct Asked<'a> {
    engine: &'a Engine,
    question: &'a Question,
    /// The endpoints behind each party.
    members: Vec<Vec<EndpointId>>,
    /// The party that each endpoint is part of.
    party: Vec<usize>,
    /// Whether each endpoint is asked for as a source, as a destination, and as either end.
    marks: Vec<Mark>,
    /// What routes send from each entry point that is assumed.
    routed: BTreeMap<EndpointId, BTreeMap<GroupId, Traffic>>,
}

#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about an endpoint")]
struct Mark {
    from: bool,
    to: bool,
    home: bool,
    external: bool,
    assumed: bool,
    entity: bool,
    several: bool,
}

/// The ids of the endpoints to assume: entry points that attached routes lead from and whose pods are not
/// in the manifests (S-84), and what policies call by a name of its own (K-24).
pub fn assumed(snapshot: &Snapshot) -> Vec<Assumed> {
    let entries = snapshot.cluster.entries().into_iter().filter(|entry| entry.pods.is_empty());
    let mut assumed: Vec<Assumed> = entries.map(|entry| Assumed::pod(entry.id)).collect();
    assumed.extend(entities(snapshot).into_iter().map(of_entity));
    assumed
}

/// The entities that the policies of a snapshot name, where these are Cilium's. What is outside the cluster is
/// there by its addresses.
pub fn entities(snapshot: &Snapshot) -> BTreeSet<Entity> {
    if snapshot.cni.plugin != Plugin::Cilium {
        return BTreeSet::new();
    }
    let mut named = BTreeSet::new();
    for (_, _, policy) in snapshot.policies.policies() {
        let rules = policy.ingress.iter().chain(&policy.egress).flatten();
        let listed = rules.flat_map(|rule| match &rule.peers {
            Peers::Anyone => &[][..],
            Peers::Listed(peers) => peers,
        });
        let terms = listed.map(|peer| &peer.matches).chain(&policy.also).flat_map(PeerMatch::terms);
        named.extend(terms.filter_map(|(term, _)| match term {
            PeerMatch::Entity(entity) if *entity != Entity::World => Some(*entity),
            _ => None,
        }));
    }
    named
}

/// An entity under its own name.
fn of_entity(entity: Entity) -> Assumed {
    Assumed::entity(format!("{{{}}}", entity.name()), entity)
}

/// What can be named besides, as findings name it: what every cluster has and no manifest shows.
pub fn nameable(snapshot: &Snapshot) -> Vec<Assumed> {
    let mut nameable = assumed(snapshot);
    nameable.push(Assumed::entity("{api-server}", Entity::ApiServer));
    nameable.push(Assumed::pod("{prometheus}"));
    if snapshot.cluster.nodes.is_empty() {
        nameable.push(Assumed::entity("{node}", Entity::OtherNode));
    }
    if snapshot.cni.plugin == Plugin::Cilium {
        let named = entities(snapshot);
        let all = [
            Entity::OwnNode,
            Entity::OtherNode,
            Entity::ApiServer,
            Entity::Ingress,
            Entity::Health,
            Entity::World,
        ];
        nameable.extend(all.into_iter().filter(|entity| !named.contains(entity)).map(of_entity));
    }
    nameable
}

/// What can be named in the snapshots of a comparison: the same on both sides.
pub fn assumed_in(side: &Snapshot, other: &Snapshot) -> Vec<Assumed> {
    let mut all = assumed(side);
    let named = entities(side);
    all.extend(entities(other).into_iter().filter(|entity| !named.contains(entity)).map(of_entity));
    all
}

/// Answers a question. What is assumed is listed as a source of what its routes send, and nothing else is
/// said of it.
pub fn reach<'a>(question: &'a Question, cluster: &'a Cluster, engine: &'a Engine) -> Reach<'a> {
    let endpoints = engine.endpoints();
    let mut sends: BTreeMap<String, _> =
        cluster.entries().into_iter().map(|entry| (entry.id, entry.sends)).collect();
    let routed: BTreeMap<EndpointId, BTreeMap<GroupId, Traffic>> = (0_u32..)
        .zip(endpoints)
        .filter(|(_, endpoint)| matches!(endpoint.kind, EndpointKind::Assumed(_)))
        .filter_map(|(index, endpoint)| Some((EndpointId(index), sends.remove(&endpoint.id)?)))
        .collect();
    let mut parties: Vec<Party> = Vec::new();
    let mut members: Vec<Vec<EndpointId>> = Vec::new();
    let mut party = Vec::with_capacity(endpoints.len());
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut marks = Vec::with_capacity(endpoints.len());
    for (index, endpoint) in endpoints.iter().enumerate() {
        let id = EndpointId(index as u32);
        let own = Party::of(endpoint, cluster);
        marks.push(Mark {
            from: question.from.as_ref().is_none_or(|wanted| wanted.contains(&id)),
            to: question.to.as_ref().is_none_or(|wanted| wanted.contains(&id)),
            home: question.namespace.as_deref().is_none_or(|namespace| own.namespace() == Some(namespace)),
            external: endpoint.outside,
            assumed: routed.contains_key(&id),
            entity: matches!(endpoint.kind, EndpointKind::Assumed(Symbolic::Entity(_))),
            several: endpoint.several,
        });
        let merged = merge(own, question.by);
        let at = *known.entry(merged.id.clone()).or_insert_with(|| {
            parties.push(Party { pods: 0, ..merged.clone() });
            members.push(Vec::new());
            parties.len() - 1
        });
        if let (Some(whole), Some(parts)) = (parties.get_mut(at), members.get_mut(at)) {
            // Two groups of pods are several pods, even where each is one.
            whole.several |= merged.several || !parts.is_empty();
            whole.pods = whole.pods.saturating_add(merged.pods);
            parts.push(id);
        }
        party.push(at);
    }
    Reach { parties, rows: Rows::Asked(Box::new(Asked { engine, question, members, party, marks, routed })) }
}

/// Why nobody reaches whom a question asks for, one sentence each; empty where the question names nobody to reach,
/// or where more than a few are asked for.
pub fn why_nobody(question: &Question, snapshot: &Snapshot, engine: &Engine) -> Vec<String> {
    const MOST: usize = 4;
    let Some(to) = question.to.as_ref().filter(|to| to.len() <= MOST) else { return Vec::new() };
    let spaces = Spaces::of(&snapshot.cluster);
    let ends = Ends::new(&snapshot.cluster, &spaces);
    let filters = if question.from.is_some() || question.over.is_some() || question.namespace.is_some() {
        " by what is asked for"
    } else {
        ""
    };
    to.iter()
        .filter_map(|&id| {
            let endpoint = engine.endpoint(id)?;
            let EndpointKind::Pods { groups, .. } = &endpoint.kind else { return None };
            let End::Pod(pod) = ends.pod(Sample { group: *groups.first()?, member: None })? else { return None };
            let name = &endpoint.id;
            let isolating: Vec<String> = snapshot
                .policies
                .policies()
                .filter(|(_, tier, policy)| {
                    tier.no_match == NoMatch::Deny
                        && policy.isolates(Direction::Ingress)
                        && policy.subject.matches(&pod)
                })
                .map(|(_, _, policy)| format!("`{}`", policy.object))
                .collect();
            let rules = snapshot.policies.policies().filter(|(_, _, policy)| policy.subject.matches(&pod));
            let admits = rules.filter_map(|(_, _, policy)| policy.rules(Direction::Ingress)).flatten().count();
            Some(match (isolating.as_slice(), admits) {
                ([], _) => format!(
                    "no policy isolates `{name}` for ingress: nobody{filters} is there, or may leave for it"
                ),
                (some, 0) => format!(
                    "nobody reaches `{name}`{filters}: isolated for ingress by {}, and no rule admits anybody",
                    some.join(", ")
                ),
                (some, _) => format!(
                    "nobody reaches `{name}`{filters}: isolated for ingress by {}, and whom rules admit is not there or may not leave \
                     for it; `npv trace SRC {name}` says why for one of them",
                    some.join(", ")
                ),
            })
        })
        .collect()
}

/// What a party is part of, when rows speak of workloads or namespaces.
fn merge(party: Party, by: By) -> Party {
    let PartyKind::Workload { namespace, name, kind } = &party.kind else { return party };
    match by {
        By::Endpoint => party,
        By::Workload => Party { id: format!("{namespace}/{name}[{kind}]"), ..party },
        By::Namespace => Party { id: namespace.clone(), kind: PartyKind::Namespace, ..party },
    }
}

impl<'a> Reach<'a> {
    /// An answer that is known already.
    pub fn listed(parties: Vec<Party>, links: Vec<Link<'a>>) -> Self {
        Self { parties, rows: Rows::Listed(links) }
    }

    /// The endpoints that a party is; none of an answer that was known already.
    pub fn members(&self, party: usize) -> &[EndpointId] {
        match &self.rows {
            Rows::Asked(asked) => asked.members.get(party).map_or(&[], Vec::as_slice),
            Rows::Listed(_) => &[],
        }
    }

    /// Hands on every connection, those that only may be among them, ordered by source and then by destination.
    ///
    /// # Errors
    /// The first error that `take` returns; nothing is handed on after it.
    pub fn each_shaded<E>(&self, mut take: impl FnMut(Shaded<'_>) -> Result<(), E>) -> Result<(), E> {
        let certain = |link: Link<'_>| -> Shaded<'static> {
            let traffic = Cow::Owned(link.traffic.into_owned());
            Shaded { src: link.src, dst: link.dst, traffic, unknown: Traffic::NONE }
        };
        match &self.rows {
            Rows::Asked(asked) if asked.engine.is_vague() => {
                let sources: Vec<usize> = (0..self.parties.len()).collect();
                for chunk in sources.chunks(CHUNK) {
                    let rows: Vec<Vec<Shaded<'_>>> =
                        chunk.par_iter().map(|&source| asked.shaded_row(source)).collect();
                    rows.into_iter().flatten().try_for_each(&mut take)?;
                }
                Ok(())
            }
            _ => self.each(|link| take(certain(link))),
        }
    }

    /// Hands on every connection that is certain, ordered by source and then by destination.
    ///
    /// # Errors
    /// The first error that `take` returns; nothing is handed on after it.
    pub fn each<E>(&self, mut take: impl FnMut(Link<'_>) -> Result<(), E>) -> Result<(), E> {
        match &self.rows {
            Rows::Listed(links) => links
                .iter()
                .try_for_each(|link| take(Link { traffic: Cow::Borrowed(&*link.traffic), ..*link })),
            Rows::Asked(asked) => {
                let sources: Vec<usize> = (0..self.parties.len()).collect();
                for chunk in sources.chunks(CHUNK) {
                    // Collected in order, so the output does not depend on the number of threads.
                    let rows: Vec<Vec<Link<'_>>> =
                        chunk.par_iter().map(|&source| asked.row(source)).collect();
                    rows.into_iter().flatten().try_for_each(&mut take)?;
                }
                Ok(())
            }
        }
    }
}

impl<'a> Asked<'a> {
    /// The connections of one party, by destination, those that only may be among them.
    fn shaded_row(&self, source: usize) -> Vec<Shaded<'a>> {
        let mut shaded: BTreeMap<usize, Shaded<'a>> = BTreeMap::new();
        for Link { src, dst, traffic } in self.row(source) {
            shaded.insert(dst, Shaded { src, dst, traffic, unknown: Traffic::NONE });
        }
        for Link { src, dst, traffic } in self.row_of(source, |member| self.engine.unsettled_row(member)) {
            let nothing = Shaded { src, dst, traffic: Cow::Owned(Traffic::NONE), unknown: Traffic::NONE };
            let known = shaded.entry(dst).or_insert(nothing);
            // Where rows speak of several pods, what is certain of one is certain.
            known.unknown = traffic.difference(&known.traffic);
        }
        shaded.retain(|_, link| !link.traffic.is_empty() || !link.unknown.is_empty());
        shaded.into_values().collect()
    }

    /// The connections of one party, by destination.
    fn row(&self, source: usize) -> Vec<Link<'a>> {
        self.row_of(source, |member| self.engine.row(member))
    }

    fn row_of(&self, source: usize, of: impl Fn(EndpointId) -> Vec<Connection>) -> Vec<Link<'a>> {
        let mut links: BTreeMap<usize, Cow<'a, Traffic>> = BTreeMap::new();
        for &member in self.members.get(source).into_iter().flatten() {
            let Some(&src) = self.marks.get(member.0 as usize) else { continue };
            if !src.from {
                continue;
            }
            for connection in of(member) {
                if let Some((party, traffic)) = self.admit(src, &connection) {
                    match links.get_mut(&party) {
                        Some(known) => {
                            if !traffic.is_subset(known) {
                                *known = Cow::Owned(known.union(&traffic));
                            }
                        }
                        None => drop(links.insert(party, traffic)),
                    }
                }
            }
        }
        links.into_iter().map(|(dst, traffic)| Link { src: source, dst, traffic }).collect()
    }

    /// What routes send to the pods of an endpoint.
    fn sent(&self, sends: &BTreeMap<GroupId, Traffic>, dst: EndpointId) -> Traffic {
        let Some(EndpointKind::Pods { groups, .. }) = self.engine.endpoint(dst).map(|end| &end.kind) else {
            return Traffic::NONE;
        };
        let to_groups = groups.iter().filter_map(|group| sends.get(group));
        to_groups.fold(Traffic::NONE, |all, traffic| all.union(traffic))
    }

    /// The part of a connection that is asked for, with the party that it leads to.
    fn admit(&self, src: Mark, connection: &Connection) -> Option<(usize, Cow<'a, Traffic>)> {
        let dst = *self.marks.get(connection.dst.0 as usize)?;
        let external = src.external || dst.external;
        let wanted = dst.to
            && !dst.assumed
            && (src.home || dst.home)
            // What passes between two addresses outside is nobody's business here.
            && !(src.external && dst.external)
            && !(src.entity && (dst.entity || dst.external) || dst.entity && src.external)
            && (connection.src != connection.dst || src.several)
            && match self.question.external {
                External::Include => true,
                External::Only => external,
                External::Exclude => !external,
            };
        if !wanted {
            return None;
        }
        let traffic = Cow::Borrowed(self.engine.traffic(connection.traffic));
        let traffic = match self.routed.get(&connection.src) {
            Some(sends) => Cow::Owned(traffic.intersection(&self.sent(sends, connection.dst))),
            None => traffic,
        };
        let traffic = match &self.question.over {
            Some(over) => Cow::Owned(traffic.intersection(over)),
            None => traffic,
        };
        let party = *self.party.get(connection.dst.0 as usize)?;
        (!traffic.is_empty()).then_some((party, traffic))
    }
}
