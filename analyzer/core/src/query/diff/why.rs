//! Why a flow opens or closes: what decided it on either side, and which of that is new, changed or gone.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use npv_models::decide::{self, Decision, Flow as Packet, PodEnd, Verdict, decide};
use npv_models::policy::{Action, Direction, Policy, PolicySet, Rule};
use npv_models::source::Span;
use npv_models::space::{PortSet, Protocol, Traffic};

use super::policies::{ByObject, Meaning, RuleMeaning, by_object};
use super::{Bundle, Danger, End, Flow, Flowing, Presence, Side, Which, bundles, refine};
use crate::engine::{EndpointId, EndpointKind};
use crate::query::ends::{self, Ends, Sample, Spaces};
use crate::query::reach::PartyKind;

/// More ranges of ports than this are not told apart: they open or close for one reason.
const RANGES: usize = 64;

/// One reason why a flow opens or closes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Why {
    /// The side of the flow that has another verdict now; `None` where both have the same as before.
    pub direction: Option<Direction>,
    /// The part of the flow's traffic that it is about.
    pub traffic: Traffic,
    /// What happens to it.
    pub effect: Effect,
    /// What does it: a policy as `Kind/namespace/name`, or an end whose labels, ports or addresses are others.
    pub object: String,
    /// The policy's rule: its name, or its path in the object.
    pub rule: Option<String>,
    /// What has become of the policy, or of the rule.
    pub state: State,
    /// Where it is written, and whether that is in the head.
    pub at: Option<(Span, bool)>,
}

/// What a change of a policy does to a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It allows what was denied.
    Allowed,
    /// It does not deny any more.
    NotDenied,
    /// It does not isolate the end any more.
    NotIsolated,
    /// It denies what was allowed.
    Denied,
    /// It isolates the end, and nothing allows the flow.
    Isolated,
    /// It does not allow any more.
    NotAllowed,
    /// Policies are the same, and see another end.
    Ends,
    /// Policies and ends are the same, and another network plugin reads them.
    Plugin,
    /// Routes lead elsewhere.
    Routes,
}

impl Effect {
    /// The name that output uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::NotDenied => "not-denied",
            Self::NotIsolated => "not-isolated",
            Self::Denied => "denied",
            Self::Isolated => "isolated",
            Self::NotAllowed => "not-allowed",
            Self::Ends => "ends",
            Self::Plugin => "plugin",
            Self::Routes => "routes",
        }
    }
}

/// What has become of a policy or a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// The base has no such policy.
    New,
    /// Both sides have the policy, and it says something else.
    Changed,
    /// The head has no such policy.
    Gone,
    /// It is written as before, and another network plugin reads it.
    Otherwise,
}

impl State {
    /// `new`, `changed`, `gone` or `otherwise`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::Gone => "gone",
            Self::Otherwise => "otherwise",
        }
    }
}

impl Why {
    /// One sentence, lower-case, without a full stop.
    pub fn text(&self) -> String {
        let verb = match self.effect {
            Effect::Allowed => "allowed by",
            Effect::NotDenied => "no longer denied by",
            Effect::NotIsolated => "no longer isolated by",
            Effect::Denied => "denied by",
            Effect::Isolated => "isolated by",
            Effect::NotAllowed => "no longer allowed by",
            Effect::Ends => {
                return format!("`{}` has other labels, ports or addresses than before", self.object);
            }
            Effect::Plugin => {
                return format!("the network plugin reads the policies of `{}` otherwise", self.object);
            }
            Effect::Routes if self.state == State::New => {
                return format!("routes of `{}` lead there now", self.object);
            }
            Effect::Routes => return format!("no route of `{}` leads there any more", self.object),
        };
        let rule = self.rule.as_ref().map_or_else(String::new, |rule| format!(" {rule}"));
        let state = match self.state {
            State::New => "is new",
            State::Changed => "has changed",
            State::Gone => "is gone",
            State::Otherwise => "the network plugin reads otherwise",
        };
        let side = self.direction.map_or_else(String::new, |direction| format!("{direction}: "));
        format!("{side}{verb} `{}`{rule}, which {state}", self.object)
    }
}

/// One side with what explaining it needs.
struct World<'a> {
    side: Side<'a>,
    in_head: bool,
    ends: Ends<'a>,
    policies: ByObject<'a>,
    /// The policies that select an endpoint.
    relevant: RefCell<BTreeMap<EndpointId, Rc<PolicySet>>>,
    nothing: Rc<PolicySet>,
}

/// Explains flows.
pub struct Explainer<'a> {
    base: World<'a>,
    head: World<'a>,
    flowing: &'a Flowing,
}

/// What a side of a flow came to: its verdict, and the policy and rule that had the last word.
struct Said<'p> {
    verdict: Verdict,
    step: Option<(&'p Policy, Option<&'p Rule>)>,
}

impl<'p> Said<'p> {
    fn of(decision: &Decision<'p>, direction: Direction) -> Self {
        let verdict = match direction {
            Direction::Egress => decision.egress,
            Direction::Ingress => decision.ingress,
        };
        let wanted = if verdict == Verdict::Allow { Action::Allow } else { Action::Deny };
        let mut steps =
            decision.steps.iter().filter(|step| step.direction == direction && step.action == wanted);
        Self { verdict, step: steps.next().map(|step| (step.policy, step.rule)) }
    }
}

impl<'a> Explainer<'a> {
    /// For the flows of a comparison of these sides, with where their pods and nodes are.
    pub fn new([base, head]: [Side<'a>; 2], flowing: &'a Flowing, spaces: &'a [Spaces; 2]) -> Self {
        let [base_spaces, head_spaces] = spaces;
        let world = |side: Side<'a>, spaces, in_head| World {
            ends: Ends::new(side.cluster, spaces),
            policies: by_object(side.policies),
            relevant: RefCell::default(),
            nothing: Rc::new(nothing(side.policies)),
            side,
            in_head,
        };
        Self { base: world(base, base_spaces, false), head: world(head, head_spaces, true), flowing }
    }

    /// Every flow that opens or closes, the most dangerous first.
    pub fn bundles(&self, which: Which) -> Vec<(Danger, Bundle)> {
        let danger = |bundle: &Bundle| Danger::of(bundle, self.flowing, &self.base.side, &self.head.side);
        let bundles = bundles(self.flowing, which).into_iter();
        let mut bundles: Vec<(Danger, Bundle)> = bundles.map(|bundle| (danger(&bundle), bundle)).collect();
        bundles.sort_by_key(|(danger, bundle)| (bundle.presence, *danger));
        bundles
    }

    /// The reasons for a flow, each for a part of its traffic. None where an end of it is new or gone: that is
    /// the reason.
    pub fn why(&self, flow: &Flow<'_>, which: Which) -> Vec<Why> {
        let (Some(src), Some(dst)) = (self.flowing.ends.get(flow.src), self.flowing.ends.get(flow.dst))
        else {
            return Vec::new();
        };
        if flow.presence != Presence::Both {
            return Vec::new();
        }
        let same = flow.src == flow.dst;
        let (Some(before), Some(after)) = (self.base.pair(src, dst, same), self.head.pair(src, dst, same))
        else {
            return Vec::new();
        };
        let relevant = [
            [self.base.relevant(src, &before.0), self.base.relevant(dst, &before.1)],
            [self.head.relevant(src, &after.0), self.head.relevant(dst, &after.1)],
        ];
        let mut whys: Vec<Why> = Vec::new();
        for (protocol, first, last) in atoms(flow.traffic, relevant.as_flattened(), [&before.1, &after.1]) {
            let traffic = Traffic::of(protocol, PortSet::range(first, last));
            let mut any = false;
            for (direction, number) in [(Direction::Egress, 0), (Direction::Ingress, 1)] {
                let [Some(old), Some(new)] = relevant.each_ref().map(|sides| sides.get(number)) else {
                    continue;
                };
                let old = decide(old, self.base.side.profile, &packet(before, protocol, first));
                let new = decide(new, self.head.side.profile, &packet(after, protocol, first));
                let (old, new) = (Said::of(&old, direction), Said::of(&new, direction));
                let turned = match which {
                    Which::Opened => Verdict::Allow,
                    Which::Closed => Verdict::Deny,
                };
                if old.verdict == new.verdict || new.verdict != turned {
                    continue;
                }
                any = true;
                let end = if direction == Direction::Egress { src } else { dst };
                let why = self.blame(direction, &old, &new, end, which);
                add(&mut whys, Why { traffic: traffic.clone(), ..why });
            }
            if !any && src.party.kind == PartyKind::Assumed {
                let state = if which == Which::Opened { State::New } else { State::Gone };
                let object = src.party.id.clone();
                let (direction, rule, effect) = (None, None, Effect::Routes);
                add(&mut whys, Why { direction, traffic, effect, object, rule, state, at: None });
            }
        }
        whys
    }

    /// What turned one side's verdict.
    fn blame(&self, direction: Direction, old: &Said<'_>, new: &Said<'_>, end: &End, which: Which) -> Why {
        let why = |effect, policy: &Policy, rule: Option<&Rule>, state, in_head: bool| Why {
            direction: Some(direction),
            traffic: Traffic::NONE,
            effect,
            object: policy.object.to_string(),
            rule: rule.map(|rule| rule.name.as_deref().unwrap_or(&rule.provenance.path).to_owned()),
            state,
            at: Some((rule.map_or(policy.name_span, |rule| rule.provenance.span), in_head)),
        };
        let opened = which == Which::Opened;
        // A rule that had its say on the side where it is, and that the other side does not have.
        let came = new.step.and_then(|(policy, rule)| {
            let state = lacks(&self.base.policies, policy, rule?, direction, State::New)?;
            Some(why(if opened { Effect::Allowed } else { Effect::Denied }, policy, rule, state, true))
        });
        let went = old.step.and_then(|(policy, rule)| {
            let state = lacks(&self.head.policies, policy, rule?, direction, State::Gone)?;
            Some(why(if opened { Effect::NotDenied } else { Effect::NotAllowed }, policy, rule, state, false))
        });
        let isolation = || {
            let (said, others, state, in_head, effect) = if opened {
                (old, &self.head.policies, State::Gone, false, Effect::NotIsolated)
            } else {
                (new, &self.base.policies, State::New, true, Effect::Isolated)
            };
            let (policy, None) = said.step? else { return None };
            match others.get(&*policy.object) {
                None => Some(why(effect, policy, None, state, in_head)),
                Some((tier, other)) if Meaning::of(tier, other) != Meaning::of(tier, policy) => {
                    // What it says now is what people look at.
                    let now = if opened { other } else { policy };
                    Some(why(effect, now, None, State::Changed, true))
                }
                Some(_) => None,
            }
        };
        let found = if opened { came.or(went).or_else(isolation) } else { went.or(came).or_else(isolation) };
        let same_plugin = self.base.side.cni == self.head.side.cni;
        // The manifests are the same.
        let state = |state| if same_plugin { state } else { State::Otherwise };
        let found = found.map(|why| Why { state: state(why.state), ..why });
        found.unwrap_or_else(|| Why {
            direction: Some(direction),
            traffic: Traffic::NONE,
            effect: if same_plugin { Effect::Ends } else { Effect::Plugin },
            object: end.party.id.clone(),
            rule: None,
            state: State::Changed,
            at: self.head.labels_of(end).map(|span| (span, true)),
        })
    }
}

/// What the other side's lack of a rule says of it; `None` where the other side has it.
fn lacks(
    others: &ByObject<'_>,
    policy: &Policy,
    rule: &Rule,
    direction: Direction,
    without: State,
) -> Option<State> {
    let Some((_, other)) = others.get(&*policy.object) else { return Some(without) };
    let meaning = RuleMeaning::of(rule);
    let mut rules = other.rules(direction).unwrap_or_default().iter();
    let same = rules.any(|other| RuleMeaning::of(other) == meaning);
    // The same rule for other pods is another rule.
    (!same || other.subject != policy.subject || other.priority != policy.priority).then_some(State::Changed)
}

/// The layers and tiers without their policies.
fn nothing(policies: &PolicySet) -> PolicySet {
    ends::relevant(policies, &[])
}

/// Adds a reason; the same one for more traffic is one.
fn add(whys: &mut Vec<Why>, why: Why) {
    let same = |known: &&mut Why| {
        (known.direction, known.effect, &known.object, &known.rule, known.at)
            == (why.direction, why.effect, &why.object, &why.rule, why.at)
    };
    match whys.iter_mut().find(same) {
        Some(known) => known.traffic = known.traffic.union(&why.traffic),
        None => whys.push(why),
    }
}

type Pair<'e> = (decide::End<'e>, decide::End<'e>);

fn packet((src, dst): Pair<'_>, protocol: Protocol, port: u16) -> Packet<'_> {
    Packet { src, dst, protocol, port }
}

impl World<'_> {
    /// Representatives of two ends.
    fn pair<'e>(&'e self, src: &End, dst: &End, same: bool) -> Option<Pair<'e>> {
        let (from, to) = (self.end(src)?, self.end(dst)?);
        // Two pods of one end: neither is the other (S-36).
        let from = match from {
            decide::End::Pod(pod) if same => decide::End::Pod(PodEnd { name: None, ..pod }),
            other => other,
        };
        Some((from, to))
    }

    fn id(&self, end: &End) -> Option<EndpointId> {
        if self.in_head { end.head } else { end.base }
    }

    /// One of all that an end is.
    fn end(&self, end: &End) -> Option<decide::End<'_>> {
        if let PartyKind::External(addresses) = &end.party.kind {
            return addresses.first().map(decide::End::Address);
        }
        let id = self.id(end)?;
        match &self.side.engine.endpoint(id)?.kind {
            EndpointKind::Pods { groups, .. } => {
                let group = *groups.first()?;
                let member = refine::members(&self.side, id, group).first().map(|member| *member as usize);
                let found = self.ends.pod(Sample { group, member })?;
                let decide::End::Pod(pod) = found else { return Some(found) };
                // Pods in general: none is known to run on the node that connects to it (S-35).
                let node = pod.node.filter(|_| pod.host_network);
                Some(decide::End::Pod(PodEnd { node, ..pod }))
            }
            EndpointKind::Nodes(nodes) => self.ends.node(*nodes.first()? as usize),
            EndpointKind::External(addresses) => addresses.first().map(decide::End::Address),
            EndpointKind::Assumed(symbolic) => Some(self.ends.symbolic(symbolic)),
        }
    }

    /// The policies that select an end.
    fn relevant(&self, end: &End, sample: &decide::End<'_>) -> Rc<PolicySet> {
        let find = || Rc::new(ends::relevant(self.side.policies, &[*sample]));
        match self.id(end) {
            Some(id) => Rc::clone(self.relevant.borrow_mut().entry(id).or_insert_with(find)),
            // Policies select pods only.
            None => Rc::clone(&self.nothing),
        }
    }

    /// Where the labels of an end's pods are written.
    fn labels_of(&self, end: &End) -> Option<Span> {
        match &self.side.engine.endpoint(self.id(end)?)?.kind {
            EndpointKind::Pods { groups, .. } => self.ends.group(*groups.first()?).map(|group| group.span),
            EndpointKind::Nodes(nodes) => {
                self.side.cluster.nodes.get(*nodes.first()? as usize).map(|node| node.span)
            }
            EndpointKind::External(_) | EndpointKind::Assumed(_) => None,
        }
    }
}

/// The traffic of a flow in ranges that no rule and no port name of either side splits any further; all in one
/// where these are many.
fn atoms(
    traffic: &Traffic,
    policies: &[Rc<PolicySet>],
    ends: [&decide::End<'_>; 2],
) -> Vec<(Protocol, u16, u16)> {
    let mut atoms = ends::atoms(traffic, policies.iter().map(|set| &**set), &ends);
    if atoms.len() > RANGES {
        let whole = Protocol::ALL.into_iter().flat_map(|protocol| {
            let ranges = traffic.ports(protocol).intervals().iter();
            ranges.map(move |(first, last)| (protocol, *first, *last))
        });
        atoms = whole.collect();
        atoms.truncate(RANGES);
    }
    atoms
}
