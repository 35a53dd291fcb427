//! Exposure: for each workload and direction, everybody who could be at the other end, in any cluster, as
//! far as the policies of the workload's own side decide.

use std::collections::{BTreeMap, BTreeSet};

use npv_models::cluster::GroupId;
use npv_models::decide::{End, PodEnd};
use npv_models::policy::Direction;
use npv_models::space::{IpSet, Labels, Traffic};
use npv_symbolic::exposure::{Exposed, Exposure, PeerSet};
use npv_symbolic::session::{Options, Session};
use npv_symbolic::spec::{EndPart, EndSpec, PodSpec, Question as Flows};

use super::ends::{Ends, Sample, Spaces};
use super::reach::{Party, PartyKind};
use super::text;
use crate::assertion::Who;
use crate::engine::{Endpoint, EndpointId, EndpointKind, Engine};
use crate::snapshot::Snapshot;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// Only whom these may connect to; nothing of egress where it is empty.
    pub from: Option<BTreeSet<EndpointId>>,
    /// Only who may connect to these; nothing of ingress where it is empty.
    pub to: Option<BTreeSet<EndpointId>>,
    /// Only workloads of this namespace.
    pub namespace: Option<String>,
    /// Only over this traffic.
    pub over: Option<Traffic>,
}

/// The peers of one workload, or of a part of it that policies tell apart.
#[derive(Debug)]
pub struct Row {
    /// Who.
    pub party: Party,
    /// Egress before ingress; only the directions that were asked for.
    pub sides: Vec<Side>,
}

/// One direction of a [`Row`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// Who connects.
    pub direction: Direction,
    /// Whether a policy applies to the workload in this direction.
    pub governed: bool,
    /// Who, over what, the widest traffic first; empty where nobody is a peer.
    pub open: Vec<Exposed>,
    /// Why not all of it is known.
    pub unknown: Option<String>,
}

/// The answer.
#[derive(Debug)]
pub struct Exposures {
    /// Ordered as the endpoints are.
    pub rows: Vec<Row>,
    /// What it takes for granted.
    pub assumptions: Vec<&'static str>,
}

impl Exposures {
    /// Whether something is not known.
    pub fn unknown(&self) -> bool {
        self.rows.iter().flat_map(|row| &row.sides).any(|side| side.unknown.is_some())
    }
}

/// What the answer for a pod depends on: the direction, the namespace, and by position the policies that apply
/// and the ports that it declares.
type Key = (Direction, Box<str>, Vec<usize>, Vec<npv_models::cluster::ContainerPort>);

/// Answers a question.
pub fn exposures(question: &Question, snapshot: &Snapshot, engine: &Engine) -> Exposures {
    let spaces = Spaces::of(&snapshot.cluster);
    let ends = Ends::new(&snapshot.cluster, &spaces);
    let mut wanted: Vec<(EndpointId, &Endpoint, PodSpec, Vec<Direction>)> = Vec::new();
    for (id, endpoint) in engine.ids().zip(engine.endpoints()) {
        let EndpointKind::Pods { groups, .. } = &endpoint.kind else { continue };
        let Some(pod) = groups.first().and_then(|group| spec(*group, &ends)) else { continue };
        if question.namespace.as_deref().is_some_and(|namespace| namespace != &*pod.namespace) {
            continue;
        }
        let asked = |direction: &Direction| {
            let (own, other) = match direction {
                Direction::Egress => (&question.from, &question.to),
                Direction::Ingress => (&question.to, &question.from),
            };
            own.as_ref().map_or(other.is_none(), |wanted| wanted.contains(&id))
        };
        let directions: Vec<Direction> = Direction::ALL.into_iter().filter(asked).collect();
        if !directions.is_empty() {
            wanted.push((id, endpoint, pod, directions));
        }
    }
    let questions: Vec<Flows> = wanted
        .iter()
        .map(|(_, _, pod, _)| Flows::between(EndSpec::from(EndPart::Pod(pod.clone())), EndSpec::anybody()))
        .collect();
    let mut work = Work {
        snapshot,
        over: question.over.as_ref(),
        session: Session::new(&[&snapshot.policies], snapshot.profile, Options::default(), &questions),
        known: BTreeMap::new(),
    };
    let mut rows: Vec<Row> = Vec::new();
    for (_, endpoint, pod, directions) in &wanted {
        let sides = directions.iter().map(|direction| work.side(pod, *direction)).collect();
        rows.push(Row { party: Party::of(endpoint, &snapshot.cluster), sides });
    }
    Exposures { rows: unite(rows, snapshot, engine), assumptions: work.session.assumptions() }
}

/// One row for a workload whose parts, told apart by what is at the other end of some rule, have the same peers.
fn unite(rows: Vec<Row>, snapshot: &Snapshot, engine: &Engine) -> Vec<Row> {
    let mut parts: BTreeMap<String, usize> = BTreeMap::new();
    for endpoint in engine.endpoints() {
        if let Some(whole) = whole(&Party::of(endpoint, &snapshot.cluster)) {
            *parts.entry(whole).or_default() += 1;
        }
    }
    let mut united: Vec<Row> = Vec::new();
    let mut rows = rows.into_iter().peekable();
    while let Some(mut row) = rows.next() {
        let name = whole(&row.party);
        let mut others = Vec::new();
        while name.is_some() && rows.peek().is_some_and(|next| whole(&next.party) == name) {
            others.extend(rows.next());
        }
        let all = name.as_ref().and_then(|name| parts.get(name)).copied() == Some(others.len() + 1);
        if let Some(name) = name.filter(|_| all && others.iter().all(|other| other.sides == row.sides)) {
            row.party.pods =
                others.iter().fold(row.party.pods, |all, other| all.saturating_add(other.party.pods));
            row.party.id = name;
            others.clear();
        }
        united.push(row);
        united.extend(others);
    }
    united
}

/// What a part of a workload is a part of.
fn whole(party: &Party) -> Option<String> {
    match &party.kind {
        PartyKind::Workload { namespace, name, kind } => Some(format!("{namespace}/{name}[{kind}]")),
        _ => None,
    }
}

fn spec(group: GroupId, ends: &Ends<'_>) -> Option<PodSpec> {
    let End::Pod(pod) = ends.pod(Sample { group, member: None })? else { return None };
    Some(PodSpec {
        namespace: pod.namespace?.into(),
        namespace_labels: Some(pod.namespace_labels.clone()),
        labels: pod.labels.clone(),
        ports: pod.ports.to_vec(),
        host_network: pod.host_network,
    })
}

struct Work<'a> {
    snapshot: &'a Snapshot,
    over: Option<&'a Traffic>,
    session: Session<'a>,
    known: BTreeMap<Key, Exposure>,
}

impl Work<'_> {
    fn side(&mut self, pod: &PodSpec, direction: Direction) -> Side {
        let applying = self.applying(pod, direction);
        let governed = !applying.is_empty();
        let exposure = if governed {
            let key = (direction, pod.namespace.clone(), applying, pod.ports.clone());
            let session = &mut self.session;
            self.known.entry(key).or_insert_with(|| session.exposure(0, pod, direction)).clone()
        } else {
            let everybody = Exposed { traffic: Traffic::all(), peers: vec![PeerSet::Everybody] };
            Exposure { open: vec![everybody], unknown: None }
        };
        let mut open = exposure.open;
        if let Some(over) = self.over {
            for exposed in &mut open {
                exposed.traffic = exposed.traffic.intersection(over);
            }
            open.retain(|exposed| !exposed.traffic.is_empty());
        }
        Side { direction, governed, open, unknown: exposure.unknown }
    }

    /// The positions of the policies that apply to the pod.
    fn applying(&self, pod: &PodSpec, direction: Direction) -> Vec<usize> {
        let nothing = Labels::default();
        let end = PodEnd {
            namespace: Some(&pod.namespace),
            namespace_labels: pod.namespace_labels.as_ref().unwrap_or(&nothing),
            labels: &pod.labels,
            ports: &pod.ports,
            host_network: pod.host_network,
            ..PodEnd::default()
        };
        if pod.host_network && !self.snapshot.profile.selectors_see_host_network {
            return Vec::new();
        }
        let policies = self.snapshot.policies.policies().enumerate();
        policies
            .filter(|(_, (_, _, policy))| policy.rules(direction).is_some() && policy.subject.matches(&end))
            .map(|(position, _)| position)
            .collect()
    }
}

/// Peers in words, one line for each of them: who is at the same addresses is one.
pub fn words(peers: &[PeerSet]) -> Vec<String> {
    let everywhere = |wanted: &IpSet| {
        let pods = peers.iter().any(|peer| match peer {
            PeerSet::Pods { selector, ports, not_ports, addresses: Some(at) } => {
                at == wanted
                    && ports.is_empty()
                    && not_ports.is_empty()
                    && Who::Pods(selector.clone()) == Who::any_pod()
            }
            _ => false,
        });
        let nodes = peers.iter().any(|peer| match peer {
            PeerSet::Nodes { selector, addresses: Some(at) } => at == wanted && selector.is_everything(),
            _ => false,
        });
        pods && nodes && peers.contains(&PeerSet::Addresses(wanted.clone()))
    };
    let mut lines = Vec::new();
    for peer in peers {
        match peer {
            PeerSet::Addresses(at) if everywhere(at) => {
                lines.push(format!("anybody at {}", text::addresses_in_short(at)));
            }
            PeerSet::Pods { selector, ports, not_ports, addresses: Some(at) }
                if ports.is_empty()
                    && not_ports.is_empty()
                    && Who::Pods(selector.clone()) == Who::any_pod()
                    && everywhere(at) => {}
            PeerSet::Nodes { selector, addresses: Some(at) }
                if selector.is_everything() && everywhere(at) => {}
            peer => lines.push(one(peer)),
        }
    }
    lines
}

/// One peer in words.
pub fn one(peer: &PeerSet) -> String {
    let at = |addresses: &Option<IpSet>| {
        addresses.as_ref().map(|set| format!(" at {}", text::addresses_in_short(set))).unwrap_or_default()
    };
    match peer {
        PeerSet::Everybody => "anybody".to_owned(),
        PeerSet::Pods { selector, ports, not_ports, addresses } => {
            let on = match &**ports {
                [] => String::new(),
                names => format!(", on their port {}", names.join(" that is also ")),
            };
            let names: Vec<&str> = not_ports.iter().map(|name| &**name).collect();
            let not_on = match names.as_slice() {
                [] => String::new(),
                names => format!(", not on their ports {}", names.join(", ")),
            };
            format!("{}{}{on}{not_on}", Who::Pods(selector.clone()), at(addresses))
        }
        PeerSet::Nodes { selector, addresses } => {
            format!("{}{}", Who::Nodes(selector.clone()), at(addresses))
        }
        PeerSet::Addresses(set) => text::addresses_in_short(set),
    }
}
