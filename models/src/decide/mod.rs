//! The reference semantics: one flow at a time, deliberately naive.
//!
//! Everything else is tested against [`decide`], so it follows the semantics rule by rule and
//! optimises nothing. [`nearest`] explains a denial: which rules come closest to allowing the flow.

mod cause;
mod family;
mod matching;
mod why;

pub use crate::policy::Profile;
pub use cause::{Cause, Unknown, Which, causes};
pub use why::{Near, Part, Unmet, nearest};

use std::net::IpAddr;

use crate::cluster::ContainerPort;
use crate::policy::{Action, Direction, Entity, Layer, Mode, NoMatch, Peer, Policy, PolicySet, Rule, Tier};
use crate::space::{DomainName, Family, IpSet, Labels, Protocol, Request, RequestSet, Truth};
use matching::View;

/// One end of a flow, as concrete as a packet needs.
#[derive(Clone, Copy, Debug)]
pub enum End<'a> {
    /// A pod.
    Pod(PodEnd<'a>),
    /// A node, or a process on its network.
    Node(NodeEnd<'a>),
    /// An address outside the cluster.
    Address(IpAddr),
    /// Whatever addresses outside the cluster a domain name resolves to (S-64, K-41).
    Domain(&'a DomainName),
    /// Something that every cluster has. As the subject's own node it is seen from the other end.
    Entity(Entity),
}

/// A pod at the end of a flow.
#[derive(Clone, Copy, Debug)]
pub struct PodEnd<'a> {
    /// Its name, where one certain pod is meant: a pod cannot block itself (S-36).
    pub name: Option<&'a str>,
    /// The name of its namespace; `None` for an assumed pod of which that is not known (S-84).
    pub namespace: Option<&'a str>,
    /// The labels of its namespace.
    pub namespace_labels: &'a Labels,
    /// Its own labels.
    pub labels: &'a Labels,
    /// What some dialects see of it besides, under keys of their own: see [`attribute`](crate::policy::attribute).
    pub attributes: &'a Labels,
    /// The ports that its containers declare.
    pub ports: &'a [ContainerPort],
    /// It uses its node's network (S-37).
    pub host_network: bool,
    /// Its known addresses.
    pub addresses: &'a [IpAddr],
    /// Where its address is if none is known (S-16).
    pub within: &'a IpSet,
    /// The node that it is known to run on: which nodes' selectors see it while it is on the host
    /// network (S-64), and which node's probes always reach it (S-35). `None` where pods in general are
    /// meant.
    pub node: Option<&'a NodeEnd<'a>>,
}

static NO_LABELS: Labels = Labels::NONE;
static NO_ADDRESSES: IpSet = IpSet::EMPTY;

impl Default for PodEnd<'_> {
    /// A pod of an unknown namespace, of which everything else is known to be nothing.
    fn default() -> Self {
        Self {
            name: None,
            namespace: None,
            namespace_labels: &NO_LABELS,
            labels: &NO_LABELS,
            attributes: &NO_LABELS,
            ports: &[],
            host_network: false,
            addresses: &[],
            within: &NO_ADDRESSES,
            node: None,
        }
    }
}

impl<'a> PodEnd<'a> {
    /// An assumed pod of which nothing is known (S-84), with an address somewhere in there.
    pub fn assumed(within: &'a IpSet) -> Self {
        static OPEN: Labels = Labels::OPEN;
        Self { namespace_labels: &OPEN, labels: &OPEN, attributes: &OPEN, within, ..Self::default() }
    }

    /// Whether it is one of which nothing is known (S-84).
    pub fn is_assumed(&self) -> bool {
        self.namespace.is_none()
    }
}

/// A node at the end of a flow.
#[derive(Clone, Copy, Debug)]
pub struct NodeEnd<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its labels.
    pub labels: &'a Labels,
    /// Its known addresses.
    pub addresses: &'a [IpAddr],
    /// Where its address is if none is known (S-16).
    pub within: &'a IpSet,
}

impl Default for NodeEnd<'_> {
    /// A node without a name, labels or addresses.
    fn default() -> Self {
        Self { name: "", labels: &NO_LABELS, addresses: &[], within: &NO_ADDRESSES }
    }
}

/// The first packet of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    /// Where it comes from.
    pub src: End<'a>,
    /// Where it goes to, after Service translation (S-30).
    pub dst: End<'a>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its destination port.
    pub port: u16,
}

/// Whether a flow, or one side of it, is allowed, as far as the manifests tell. The order is that of how much
/// passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It is denied in every cluster that the manifests allow for.
    Deny,
    /// It depends on something that no manifest shows.
    Unknown,
    /// Some HTTP requests pass, and some do not.
    Partial,
    /// It is allowed in every cluster that the manifests allow for.
    Allow,
}

impl Verdict {
    /// `allow`, `deny`, `partial`, `unknown`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Unknown => "unknown",
            Self::Partial => "partial",
            Self::Allow => "allow",
        }
    }
}

/// Which requests of a flow pass: all or none where no rule looks at requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Those that pass in every cluster that the manifests allow for.
    pub certain: RequestSet,
    /// Those that pass in some of these; never less.
    pub possible: RequestSet,
}

impl Outcome {
    /// All of it passes.
    pub fn allow() -> Self {
        Self { certain: RequestSet::all(), possible: RequestSet::all() }
    }

    /// What passes both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            certain: self.certain.intersection(&other.certain),
            possible: self.possible.intersection(&other.possible),
        }
    }

    /// What passes either.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self { certain: self.certain.union(&other.certain), possible: self.possible.union(&other.possible) }
    }

    /// Whether it passes as something that shows no requests: whole or not at all.
    fn whole(&self) -> Self {
        let whole = |passes| if passes { RequestSet::all() } else { RequestSet::none() };
        Self { certain: whole(self.certain.is_all()), possible: whole(!self.possible.is_empty()) }
    }

    /// The verdict on the flow, whatever the request.
    pub fn verdict(&self) -> Verdict {
        if self.certain.is_all() {
            Verdict::Allow
        } else if self.possible.is_empty() {
            Verdict::Deny
        } else if self.certain.is_empty() {
            Verdict::Unknown
        } else {
            Verdict::Partial
        }
    }
}

/// What one tier had to say about one side of a flow. Tiers that the endpoint takes no part in, and
/// where no rule matched, have nothing to say and no step.
#[derive(Clone, Copy, Debug)]
pub struct Step<'p> {
    /// Which side.
    pub direction: Direction,
    /// The layer's name.
    pub layer: &'p str,
    /// The tier.
    pub tier: &'p Tier,
    /// What the tier decided; `Pass` hands over to the next tier.
    pub action: Action,
    /// The policy whose rule decided. Where a participant's flow matched no rule: the first policy that
    /// isolates the endpoint.
    pub policy: &'p Policy,
    /// The rule that decided; `None` where no rule matched.
    pub rule: Option<&'p Rule>,
    /// The entry of the rule's peers that matched; `None` where the rule matches everybody.
    pub peer: Option<&'p Peer>,
    /// It decides in every cluster that the manifests allow for, if the flow gets here; otherwise it depends on
    /// something that no manifest shows.
    pub certain: bool,
}

/// Why a side is allowed without any policy being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exemption {
    /// Both ends are the same pod, which cannot block itself (S-36): both sides are allowed.
    Itself,
    /// The source is the node that the destination runs on (S-35): the ingress side is allowed.
    OwnNode,
}

/// The verdict on a flow with its reasons.
#[derive(Clone, Debug)]
pub struct Decision<'p> {
    /// What the source's side says.
    pub egress: Verdict,
    /// What the destination's side says.
    pub ingress: Verdict,
    /// Which requests pass the source's side, and which the destination's.
    pub sides: [Outcome; 2],
    /// What passes both sides (S-5), in any family that both ends can use; for certain only in each of them where no
    /// manifest shows which these are.
    pub outcome: Outcome,
    /// The address family that both sides were asked for; `None` where the ends are known to have none in
    /// common. Of two families that both can use, the one over which more passes.
    pub family: Option<Family>,
    /// Why a side is allowed whatever the policies say.
    pub exemption: Option<Exemption>,
    /// The tiers that had a say, egress first, in evaluation order. After a layer has denied, the others
    /// are still asked.
    pub steps: Vec<Step<'p>>,
}

impl Decision<'_> {
    /// Which requests pass one side.
    pub fn side(&self, direction: Direction) -> &Outcome {
        let [egress, ingress] = &self.sides;
        match direction {
            Direction::Egress => egress,
            Direction::Ingress => ingress,
        }
    }

    /// What both sides say together (S-5).
    pub fn verdict(&self) -> Verdict {
        self.outcome.verdict()
    }
}

/// Decides one flow: what passes is what both sides let pass in the same address family (S-16).
pub fn decide<'p>(policies: &'p PolicySet, profile: Profile, flow: &Flow<'_>) -> Decision<'p> {
    decide_request(policies, profile, flow, None)
}

/// Decides one flow as far as it is one HTTP request: what is left to ask of a request is what the request itself
/// leaves open.
pub fn decide_request<'p>(
    policies: &'p PolicySet,
    profile: Profile,
    flow: &Flow<'_>,
    request: Option<&Request>,
) -> Decision<'p> {
    let over = |family| over(policies, profile, flow, family, request);
    let rank = |decision: &Decision<'_>| (decision.verdict(), decision.egress.max(decision.ingress));
    let families = flow.families().into_iter().map(over);
    let best = families.reduce(|best, next| {
        let either = best.outcome.or(&next.outcome);
        let (mut best, other) = if rank(&next) > rank(&best) { (next, best) } else { (best, next) };
        best.outcome = either;
        if flow.is_of_unknown_family() {
            // The ends may have only the one in common, or only the other.
            for (side, other) in best.sides.iter_mut().zip(&other.sides) {
                side.certain = side.certain.intersection(&other.certain);
            }
            let [egress, ingress] = &best.sides;
            (best.egress, best.ingress) = (egress.verdict(), ingress.verdict());
            best.outcome.certain = egress.certain.intersection(&ingress.certain);
        }
        best
    });
    best.unwrap_or_else(|| over(None))
}

/// Decides one flow whose packets are of one address family, which is one of [`Flow::families`].
pub fn decide_over<'p>(
    policies: &'p PolicySet,
    profile: Profile,
    flow: &Flow<'_>,
    family: Option<Family>,
) -> Decision<'p> {
    over(policies, profile, flow, family, None)
}

fn over<'p>(
    policies: &'p PolicySet,
    profile: Profile,
    flow: &Flow<'_>,
    family: Option<Family>,
    request: Option<&Request>,
) -> Decision<'p> {
    let mut steps = Vec::new();
    if is_itself(flow) {
        let exemption = Some(Exemption::Itself);
        let outcome = Outcome::allow();
        let sides = [outcome.clone(), outcome.clone()];
        let (egress, ingress) = (Verdict::Allow, Verdict::Allow);
        return Decision { egress, ingress, sides, outcome, family, exemption, steps };
    }
    let view = |direction, exempt| View { profile, family, flow, request, direction, exempt };
    let egress = side(policies, &view(Direction::Egress, false), &mut steps);
    let own_node = is_from_own_node(profile, flow);
    let ingress = if own_node && !profile.own_node_can_be_denied {
        Outcome::allow()
    } else {
        side(policies, &view(Direction::Ingress, own_node), &mut steps)
    };
    Decision {
        egress: egress.verdict(),
        ingress: ingress.verdict(),
        outcome: egress.and(&ingress),
        sides: [egress, ingress],
        family,
        exemption: own_node.then_some(Exemption::OwnNode),
        steps,
    }
}

/// The policies of a tier that may isolate the subject of a flow, in evaluation order (S-3).
pub fn isolating<'p>(
    tier: &'p Tier,
    profile: Profile,
    flow: &Flow<'_>,
    direction: Direction,
) -> Vec<&'p Policy> {
    let view =
        View { profile: tier.profile(profile), family: None, flow, request: None, direction, exempt: false };
    let applying = tier.applying(&view).into_iter().map(|(policy, _)| policy);
    applying.filter(|policy| policy.isolates(direction)).collect()
}

/// Whether a policy of the tier may apply to the subject of a flow.
pub fn speaks(tier: &Tier, profile: Profile, flow: &Flow<'_>, direction: Direction) -> bool {
    let view =
        View { profile: tier.profile(profile), family: None, flow, request: None, direction, exempt: false };
    !tier.applying(&view).is_empty()
}

/// S-36: one certain pod talks to itself.
fn is_itself(flow: &Flow<'_>) -> bool {
    match (&flow.src, &flow.dst) {
        (End::Pod(src), End::Pod(dst)) => {
            src.name.is_some()
                && src.name == dst.name
                && src.namespace.is_some()
                && src.namespace == dst.namespace
        }
        _ => false,
    }
}

/// S-35: the source is the destination's own node, or, since their traffic is the node's (S-37), a pod
/// on that node's network.
fn is_from_own_node(profile: Profile, flow: &Flow<'_>) -> bool {
    let from = match &flow.src {
        End::Node(node) => Some(node.name),
        End::Pod(pod) if !profile.sees(pod) => pod.node.map(|node| node.name),
        End::Entity(Entity::OwnNode) => return matches!(flow.dst, End::Pod(_)),
        End::Pod(_) | End::Address(_) | End::Domain(_) | End::Entity(_) => None,
    };
    match &flow.dst {
        End::Pod(pod) => from.is_some() && from == pod.node.map(|node| node.name),
        End::Node(_) | End::Address(_) | End::Domain(_) | End::Entity(_) => false,
    }
}

/// One side of a flow: every layer must allow it.
fn side<'p>(policies: &'p PolicySet, view: &View<'_>, steps: &mut Vec<Step<'p>>) -> Outcome {
    let layers = policies.layers.iter().map(|layer| {
        let (tunnel, through) = match view.tunnel(layer) {
            Some(found) if view.flow.protocol == Protocol::Tcp => found,
            _ => return enforce(layer, view, steps),
        };
        // The layer sees a connection to another port, and none of its requests.
        let flow = Flow { port: tunnel.port, ..*view.flow };
        let seen = View { flow: &flow, request: None, ..*view };
        let inside = enforce(layer, &seen, steps).whole();
        if through == Truth::Yes {
            return inside;
        }
        // It may be either.
        let outside = enforce(layer, view, steps);
        let certain = inside.certain.intersection(&outside.certain);
        Outcome { certain, possible: inside.possible.union(&outside.possible) }
    });
    layers.fold(Outcome::allow(), |all, layer| all.and(&layer))
}

/// A rule that may match a flow.
struct Hit<'p> {
    policy: &'p Policy,
    rule: &'p Rule,
    peer: Option<&'p Peer>,
    /// The requests that it certainly matches, and those that it may match.
    certain: RequestSet,
    possible: RequestSet,
}

/// How a tier has gone so far, in sets of requests.
struct Course {
    /// Those that may get this far.
    open: RequestSet,
    /// Those that may be allowed, denied, or handed to the tier of a pass.
    allowed: RequestSet,
    denied: RequestSet,
    passed: RequestSet,
}

/// One layer: the tiers in their order, until one decides; where none does, the flow is allowed (S-60).
///
/// What no manifest settles may go several ways, so it counts as what *may* be allowed and what *may* be denied;
/// what is certainly allowed cannot be denied.
fn enforce<'p>(layer: &'p Layer, view: &View<'_>, steps: &mut Vec<Step<'p>>) -> Outcome {
    // What may come to each tier; behind the last, what no tier decides.
    let mut arriving = vec![RequestSet::none(); layer.tiers.len() + 1];
    if let Some(first) = arriving.first_mut() {
        *first = RequestSet::all();
    }
    let (mut allowed, mut denied) = (RequestSet::none(), RequestSet::none());
    for (position, tier) in layer.tiers.iter().enumerate() {
        let Some(open) = arriving.get(position).filter(|open| !open.is_empty()).cloned() else { continue };
        let view = View { profile: tier.profile(view.profile), ..*view };
        let applying = tier.applying(&view);
        let mut course =
            Course { open, allowed: allowed.clone(), denied: denied.clone(), passed: RequestSet::none() };
        let mut say = |action, policy, rule, peer, certain| {
            let (direction, layer) = (view.direction, &*layer.name);
            steps.push(Step { direction, layer, tier, action, policy, rule, peer, certain });
        };
        let hits = hits(&applying, &view);
        let mut decide = |course: &mut Course, hit: &Hit<'p>| {
            if !course.decide(hit) {
                return;
            }
            say(hit.rule.action, hit.policy, Some(hit.rule), hit.peer, course.open.is_empty());
        };
        match tier.mode {
            // S-61: in order of priority and position. A rule that logs never decides.
            Mode::FirstMatch => {
                hits.iter()
                    .filter(|hit| hit.rule.action != Action::Log)
                    .for_each(|hit| decide(&mut course, hit));
            }
            // S-4: whatever is allowed by any rule, else what may be; nothing else has a say.
            Mode::Union => {
                for action in [Action::Allow, Action::Unknown] {
                    certain_first(&hits, action).for_each(|hit| decide(&mut course, hit));
                }
            }
            Mode::DenyWins => {
                for action in [Action::Deny, Action::Unknown, Action::Allow, Action::Pass] {
                    certain_first(&hits, action).for_each(|hit| decide(&mut course, hit));
                }
            }
        }
        // S-3: without a policy that isolates it, what no rule matches is for the next tier.
        let isolating: Vec<_> =
            applying.iter().filter(|(policy, _)| policy.isolates(view.direction)).collect();
        let isolated = Truth::any(isolating.iter().map(|(_, applies)| *applies));
        let mut next = RequestSet::none();
        if !course.open.is_empty() {
            let no_match = match tier.no_match {
                NoMatch::Deny if view.exempt => NoMatch::NextTier,
                no_match => no_match,
            };
            let said = match no_match {
                _ if isolated == Truth::No => None,
                NoMatch::NextTier => None,
                NoMatch::Deny => {
                    course.denied = course.denied.union(&course.open);
                    Some(Action::Deny)
                }
                NoMatch::Allow => {
                    course.allowed = course.allowed.union(&course.open);
                    Some(Action::Allow)
                }
            };
            if said.is_none() || isolated == Truth::Maybe {
                next = course.open.clone();
            }
            if let (Some(action), Some((policy, _))) = (said, isolating.first()) {
                say(action, *policy, None, None, isolated == Truth::Yes);
            }
        }
        (allowed, denied) = (course.allowed, course.denied);
        let behind = [(position + 1, next), (tier.pass.unwrap_or(position + 1), course.passed)];
        for (to, requests) in behind {
            if let Some(there) = arriving.get_mut(to.clamp(position + 1, layer.tiers.len())) {
                *there = there.union(&requests);
            }
        }
    }
    let undecided = arriving.pop().unwrap_or_else(RequestSet::none);
    Outcome { certain: RequestSet::all().difference(&denied), possible: allowed.union(&undecided) }
}

/// Those with this action; the first that matches for certain before those that only may, so that what is
/// certain is said to be so.
fn certain_first<'h, 'p>(hits: &'h [Hit<'p>], action: Action) -> impl Iterator<Item = &'h Hit<'p>> {
    let certain = |hit: &&Hit<'p>| hit.rule.action == action && hit.certain.is_all();
    let first = hits.iter().find(certain);
    first.into_iter().chain(hits.iter().filter(move |hit| hit.rule.action == action))
}

/// The rules that may match, in evaluation order.
fn hits<'p>(applying: &[(&'p Policy, Truth)], view: &View<'_>) -> Vec<Hit<'p>> {
    let mut hits = Vec::new();
    for (policy, applies) in applying {
        for rule in policy.rules(view.direction).unwrap_or_default() {
            let matching = rule.matching(view);
            let (certain, possible) = (applies.certain(), matching.possible);
            if !possible.is_empty() {
                hits.push(Hit {
                    policy,
                    rule,
                    peer: rule.matching_peer(view),
                    certain: if certain { matching.certain } else { RequestSet::none() },
                    possible,
                });
            }
        }
    }
    hits
}

impl Course {
    /// What a rule decides of what is open; whether that is anything.
    fn decide(&mut self, hit: &Hit<'_>) -> bool {
        let decided = self.open.intersection(&hit.possible);
        if decided.is_empty() {
            return false;
        }
        match hit.rule.action {
            Action::Allow => self.allowed = self.allowed.union(&decided),
            Action::Deny => self.denied = self.denied.union(&decided),
            Action::Pass => self.passed = self.passed.union(&decided),
            Action::Unknown => {
                self.allowed = self.allowed.union(&decided);
                self.denied = self.denied.union(&decided);
            }
            Action::Log => return false,
        }
        self.open = self.open.difference(&hit.certain);
        true
    }
}
