//! `blocked-by-other-side`.

use std::collections::BTreeSet;

use npv_models::cluster::{ContainerPort, GroupId};
use npv_models::decide::Flow;
use npv_models::diagnostic::{Applicability, Finding, Fix, Witness};
use npv_models::policy::{
    Action, Direction, Peer, PeerMatch, Peers, PodSelector, PortMatch, Ports, Rule, Tier,
};
use npv_models::space::Traffic;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::service_port_confusion::Confusion;
use crate::engine::{EndpointId, TrafficId};
use crate::lint::blame::{culprit, isolation};
use crate::lint::callers::end_at;
use crate::lint::context::{Placed, PlacedRule};
use crate::lint::example::{self, Grant};
use crate::lint::pods::Selected;
use crate::lint::rule::lint_rule;
use crate::lint::traffic::toward;
use crate::lint::words;
use crate::lint::{Check, Context};

lint_rule! {
    /// A rule admits a connection that the policies at its other end deny.
    ///
    /// ## What it finds
    ///
    /// A rule with a peer and a pair of pods - one that the policy selects, one that the peer matches -
    /// such that nothing of the rule's traffic passes the other end, because policies isolate the pod there or
    /// a rule of an admin policy denies it.
    ///
    /// ## Why it matters
    ///
    /// A connection needs both: the egress side of its source and the ingress side of its destination.
    /// A rule at one end opens nothing as long as the other end stays shut. The frequent case is an
    /// egress policy for DNS on every pod: from then on no pod leaves for anything else, however
    /// carefully the ingress rules admit it.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web, namespace: shop, labels: {app: web}}
    /// spec: {containers: [{name: web}]}
    /// ---
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: db, namespace: shop, labels: {app: db}}
    /// spec: {containers: [{name: db}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   ingress:
    ///     - from:
    ///         - podSelector: {matchLabels: {app: web}}
    ///       ports:
    ///         - port: 5432
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: web}}
    ///   policyTypes: [Egress]
    ///   egress:
    ///     - ports:
    ///         - {protocol: UDP, port: 53}
    ///         - {protocol: TCP, port: 53}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit the connection at the other end too, or remove the rule if it is not meant to work.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: web}}
    ///   policyTypes: [Egress]
    ///   egress:
    ///     - ports:
    ///         - {protocol: UDP, port: 53}
    ///         - {protocol: TCP, port: 53}
    ///     - to:
    ///         - podSelector: {matchLabels: {app: db}}
    ///       ports:
    ///         - port: 5432
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where a pair can talk on any part of the rule's traffic. Where the rule names everybody. Where the
    /// peer names all pods of some namespaces and at least one of its pairs can talk. Where the peer
    /// may be a pod in a namespace that no manifest defines. On `ipBlock`, which names addresses.
    /// Where only a Service's port in place of the pods' port keeps the two apart, which
    /// `service-port-confusion` says.
    pub(in crate::lint) static BLOCKED_BY_OTHER_SIDE = {
        name: "blocked-by-other-side",
        category: Conflict,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

/// Some pods that are one endpoint, and the group that they are of.
type End = (EndpointId, GroupId);

/// A pod that the policy selects and a pod that the peer matches.
#[derive(Clone, Copy, Debug)]
struct Pair {
    own: End,
    other: End,
}

/// The pairs that cannot talk: who is in one, and the first of them.
#[derive(Default)]
struct Blocked {
    owns: BTreeSet<EndpointId>,
    others: BTreeSet<EndpointId>,
    first: Option<Pair>,
}

impl Blocked {
    /// Every pair of the two lists, but for a pod with itself (S-36).
    fn pairs<'e>(
        context: &'e Context<'_>,
        owns: &'e [End],
        others: &'e [End],
    ) -> impl Iterator<Item = Pair> + 'e {
        let pairs = owns.iter().flat_map(|&own| others.iter().map(move |&other| Pair { own, other }));
        pairs.filter(|pair| pair.own.0 != pair.other.0 || is_several(context, pair.own.0))
    }

    /// Adds every pair of the two lists.
    fn add(&mut self, context: &Context<'_>, owns: &[End], others: &[End]) {
        let Some(first) = Self::pairs(context, owns, others).next() else { return };
        self.first.get_or_insert(first);
        let meets =
            |end: &End, ends: &[End]| is_several(context, end.0) || ends.iter().any(|other| other.0 != end.0);
        self.owns.extend(owns.iter().filter(|end| meets(end, others)).map(|end| end.0));
        self.others.extend(others.iter().filter(|end| meets(end, owns)).map(|end| end.0));
    }
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let rules: Vec<PlacedRule<'_>> =
        context.rules().filter(|placed| placed.rule.action == Action::Allow).collect();
    let found: Vec<Vec<Finding>> = rules
        .par_iter()
        .map(|&placed| placed.peers().iter().filter_map(|peer| of_peer(context, placed, peer)).collect())
        .collect();
    findings.extend(found.into_iter().flatten());
}

fn of_peer(context: &Context<'_>, placed: PlacedRule<'_>, peer: &Peer) -> Option<Finding> {
    let PeerMatch::Pods(selector) = &peer.matches else { return None };
    let own = context.selected(placed.at.tier, &placed.at.policy.subject)?;
    let other = context.selected(placed.at.tier, selector)?;
    if other.open || own.pods.is_empty() {
        return None;
    }
    let side = opposite(placed.direction);
    let ends = |selected: &'_ Selected| -> Vec<End> {
        let groups = selected.pods.iter();
        groups.flat_map(|group| context.endpoints_of(group).iter().map(move |&id| (id, group))).collect()
    };
    let mut others = ends(other);
    let all = others.len();
    others.retain(|(id, group)| context.engine.isolated(*id, side) || may_be_denied(context, *group, side));
    // A peer of all pods is a frame for other rules to fill: it is only worth a word when it is empty.
    let is_frame = selector.pods.is_everything();
    if others.is_empty() || (is_frame && others.len() < all) {
        return None;
    }
    let mut over = Over::new(placed);
    let owns = over.classes(context, ends(own), placed.direction == Direction::Ingress);
    let others = over.classes(context, others, placed.direction == Direction::Egress);
    // Every pair of classes whose ends cannot talk.
    let mut shut: Vec<(&[End], &[End])> = Vec::new();
    for others in &others {
        for owns in &owns {
            let (Some(&own), Some(&other)) = (owns.first(), others.first()) else { continue };
            let sample = Pair { own, other };
            if over.between(context, sample).is_empty() {
                continue;
            }
            if !over.passes(context, sample) {
                shut.push((owns, others));
            } else if is_frame && Blocked::pairs(context, owns, others).next().is_some() {
                return None;
            }
        }
    }
    let mut blocked = Blocked::default();
    for (owns, others) in shut {
        add_unexplained(context, &mut over, owns, others, &mut blocked);
    }
    finding(context, placed, peer, selector, &blocked)
}

/// Whether a policy that selects the pods denies something in a direction by a rule.
fn may_be_denied(context: &Context<'_>, group: GroupId, direction: Direction) -> bool {
    let rules = context.selecting(group).filter_map(|placed| placed.policy.rules(direction)).flatten();
    rules.into_iter().any(|rule| rule.action == Action::Deny)
}

fn is_several(context: &Context<'_>, id: EndpointId) -> bool {
    context.engine.endpoint(id).is_some_and(|endpoint| endpoint.several)
}

/// The rule's traffic toward destinations, port names looked up there (S-24), and whether any of it
/// passes the other end; each answer once.
struct Over<'a> {
    placed: PlacedRule<'a>,
    names: bool,
    /// By the ports that the destination declares.
    by_ports: FxHashMap<Vec<ContainerPort>, usize>,
    traffic: Vec<Traffic>,
    common: FxHashMap<(usize, TrafficId), bool>,
}

impl<'a> Over<'a> {
    fn new(placed: PlacedRule<'a>) -> Self {
        let names = match &placed.rule.ports {
            Ports::All => false,
            Ports::Listed(items) => items.iter().any(|item| matches!(item.matches, PortMatch::Named { .. })),
        };
        Self {
            placed,
            names,
            by_ports: FxHashMap::default(),
            traffic: Vec::new(),
            common: FxHashMap::default(),
        }
    }

    /// The ends by what policies and port names make of them, in the order of their first.
    fn classes(&mut self, context: &Context<'_>, ends: Vec<End>, destinations: bool) -> Vec<Vec<End>> {
        let mut numbers = FxHashMap::default();
        let mut classes: Vec<Vec<End>> = Vec::new();
        for (id, group) in ends {
            let key = if destinations {
                (context.engine.destination_class(id), self.number(context, group))
            } else {
                (context.engine.source_class(id), 0)
            };
            let number = *numbers.entry(key).or_insert_with(|| {
                classes.push(Vec::new());
                classes.len() - 1
            });
            // Groups of one endpoint come one after the other, and one speaks for all.
            if let Some(class) = classes.get_mut(number)
                && class.last().is_none_or(|last: &End| last.0 != id)
            {
                class.push((id, group));
            }
        }
        classes
    }

    /// The source and the destination of a pair.
    fn ends(&self, pair: Pair) -> (End, End) {
        match self.placed.direction {
            Direction::Ingress => (pair.other, pair.own),
            Direction::Egress => (pair.own, pair.other),
        }
    }

    /// The number of the traffic toward a destination; destinations with the same ports have the same.
    fn number(&mut self, context: &Context<'_>, destination: GroupId) -> usize {
        let pods = context.pods.group(destination);
        let declared = pods.filter(|_| self.names).map_or(&[][..], |pods| &pods.ports);
        if let Some(&known) = self.by_ports.get(declared) {
            return known;
        }
        let number = self.traffic.len();
        self.traffic.push(toward(&self.placed.rule.ports, pods));
        self.by_ports.insert(declared.to_vec(), number);
        number
    }

    fn between(&mut self, context: &Context<'_>, pair: Pair) -> &Traffic {
        let (_, (_, destination)) = self.ends(pair);
        let number = self.number(context, destination);
        self.traffic.get(number).unwrap_or(const { &Traffic::NONE })
    }

    /// Whether the other end lets any of the traffic pass.
    fn passes(&mut self, context: &Context<'_>, pair: Pair) -> bool {
        let (src, dst) = self.ends(pair);
        let there = context.engine.possible_side(src.0, dst.0, opposite(self.placed.direction));
        let key = (self.number(context, dst.1), there);
        if let Some(&known) = self.common.get(&key) {
            return known;
        }
        let common = context.engine.traffic(there).intersects(self.between(context, pair));
        self.common.insert(key, common);
        common
    }
}

/// Adds the pairs of two classes that could not talk either if rules named the pods' ports and not those
/// of Services: of the others `service-port-confusion` has said what is wrong.
fn add_unexplained(
    context: &Context<'_>,
    over: &mut Over<'_>,
    owns: &[End],
    others: &[End],
    blocked: &mut Blocked,
) {
    let (Some(&own), Some(&other)) = (owns.first(), others.first()) else { return };
    let placed = over.placed;
    let side = opposite(placed.direction);
    let sample = Pair { own, other };
    let here = context.confusions_in(placed.at).iter().filter(|confusion| confusion.is_in(placed.rule));
    let mended = here.fold(Traffic::NONE, |traffic, confusion| traffic.union(confusion.meant()));
    if !mended.is_empty() {
        let (src, dst) = over.ends(sample);
        if context.engine.traffic(context.engine.side(src.0, dst.0, side)).intersects(&mended) {
            return;
        }
    }
    let wanted = over.between(context, sample).union(&mended);
    let mut plain = Vec::with_capacity(others.len());
    for &other in others {
        let there: Vec<&Confusion<'_>> = context
            .confusions_of(other.1)
            .filter(|confusion| confusion.direction() == side && confusion.meant().intersects(&wanted))
            .collect();
        if there.is_empty() {
            plain.push(other);
            continue;
        }
        let speak = |own: GroupId| there.iter().any(|one| speaks_of(context, one.tier(), one.rule(), own));
        let explained = |own: &End| speak(own.1);
        let left: Vec<End> = owns.iter().copied().filter(|own| !explained(own)).collect();
        blocked.add(context, &left, &[other]);
    }
    blocked.add(context, owns, &plain);
}

/// Whether the rule has an entry for the pods.
fn speaks_of(context: &Context<'_>, tier: &Tier, rule: &Rule, group: GroupId) -> bool {
    match &rule.peers {
        Peers::Anyone => false,
        Peers::Listed(peers) => peers.iter().any(|peer| match &peer.matches {
            PeerMatch::Pods(selector) => {
                context.selected(tier, selector).is_some_and(|selected| selected.pods.contains(group))
            }
            _ => false,
        }),
    }
}

const fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Ingress => Direction::Egress,
        Direction::Egress => Direction::Ingress,
    }
}

fn finding(
    context: &Context<'_>,
    placed: PlacedRule<'_>,
    peer: &Peer,
    selector: &PodSelector,
    blocked: &Blocked,
) -> Option<Finding> {
    let first = blocked.first.as_ref()?;
    let Blocked { owns, others, .. } = blocked;
    let side = opposite(placed.direction);
    let object = &placed.at.policy.object;
    let name = |id: EndpointId| context.engine.endpoint(id).map_or("", |endpoint| endpoint.id.as_str());
    let (others_text, owns_text) =
        (words::some(others.iter().map(|&id| name(id)), 3), words::some(owns.iter().map(|&id| name(id)), 3));
    let mut over = Over::new(placed);
    let traffic = over.between(context, *first);
    let over = if traffic.is_all() { "anything".to_owned() } else { traffic.to_string() };
    let about_peer = |placed: Placed<'_>, rule: &Rule| speaks_of(context, placed.tier, rule, first.own.1);
    let (src, dst) = match placed.direction {
        Direction::Ingress => (first.other, first.own),
        Direction::Egress => (first.own, first.other),
    };
    let (protocol, port) = traffic.first()?;
    let ends = end_at(context, src.0, src.1).zip(end_at(context, dst.0, dst.1));
    let flow = ends.map(|(src, dst)| Flow { src, dst, protocol, port });
    let stop = culprit(context, (first.other.1, side), flow.as_ref(), about_peer)?;
    let stopper = &stop.placed.policy.object;
    let message = match placed.direction {
        Direction::Ingress if stop.rule.is_some() => format!(
            "`{object}` admits {others_text} to {owns_text} on {over}, but {stop} does not let {} leave for there",
            if others.len() == 1 { "it" } else { "them" },
        ),
        Direction::Egress if stop.rule.is_some() => format!(
            "`{object}` lets {owns_text} leave for {others_text} on {over}, but {stop} does not let {} in there",
            if owns.len() == 1 { "it" } else { "them" },
        ),
        Direction::Ingress => format!(
            "`{object}` admits {others_text} to {owns_text} on {over}, but `{stopper}` isolates {} for egress and nothing \
             lets {} leave for there",
            if others.len() == 1 { "it" } else { "them" },
            if others.len() == 1 { "it" } else { "them" },
        ),
        Direction::Egress => format!(
            "`{object}` lets {owns_text} leave for {others_text} on {over}, but `{stopper}` isolates {} for ingress and \
             nothing admits {} there",
            if others.len() == 1 { "that" } else { "those" },
            if owns.len() == 1 { "it" } else { "them" },
        ),
    };
    let grant = grant(context, placed, selector, first, side);
    let (place, does) = match stop.rule {
        Some(rule) => (rule.provenance.span, "denies it there".to_owned()),
        None => (isolation(context, stop.placed.policy, side), format!("`{stopper}` isolates the other end")),
    };
    let finding = BLOCKED_BY_OTHER_SIDE
        .finding(peer.provenance.span, message)
        .label(format!("the other end denies it for {side}"))
        .object(object.to_string())
        .related(place, does)
        .key(format!("{} {}", placed.direction, words::peer(&peer.matches)))
        .witness(Witness {
            src: name(src.0).to_owned(),
            dst: name(dst.0).to_owned(),
            protocol: protocol.name(),
            port,
        });
    Some(match stop.remedy() {
        Some(remedy) => finding.help(remedy),
        None => finding.fix(Fix {
            description: format!("admit it at the other end, for {side}"),
            applicability: Applicability::DisplayOnly,
            edits: Vec::new(),
            example: Some(grant.yaml()),
        }),
    })
}

/// The policy that admits the rule's traffic at the other end.
fn grant(
    context: &Context<'_>,
    placed: PlacedRule<'_>,
    selector: &PodSelector,
    pair: &Pair,
    side: Direction,
) -> Grant {
    let namespace = |group: GroupId| {
        let id = context.pods.group(group).map(|group| group.namespace);
        id.map_or("", |id| words::Names::namespace_name(context.cluster(), id)).to_owned()
    };
    let there = namespace(pair.other.1);
    let subject = &placed.at.policy.subject;
    let name = &placed.at.policy.object.name;
    Grant {
        name: format!("{name}-{side}"),
        subject: selector.pods.clone(),
        direction: side,
        peers: vec![example::pods(&namespace(pair.own.1), &subject.pods, &there)],
        ports: example::ports(&placed.rule.ports),
        namespace: there,
    }
}
