//! The policy IR as conditions on a flow: the same semantics as `npv_models::decide`, for all flows at
//! once.

mod matching;

use npv_models::decide::Profile;
use npv_models::policy::{Action, Direction, Mode, NoMatch, PeerMatch, Policy, PolicySet, Rule, Tier};

pub use matching::{address, block};

use crate::term::{Bool, Terms};
use crate::vocabulary::Vocabulary;
use crate::world::{FlowTerms, kind};

/// Identifies a policy of a [`PolicySet`] by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyId {
    /// Position of the layer.
    pub layer: usize,
    /// Position of the tier in its layer.
    pub tier: usize,
    /// Position of the policy in its tier.
    pub policy: usize,
}

impl PolicyId {
    /// The policy and its tier; `None` for an id of another set.
    pub fn of(self, set: &PolicySet) -> Option<(&Tier, &Policy)> {
        let tier = set.layers.get(self.layer)?.tiers.get(self.tier)?;
        Some((tier, tier.policies.get(self.policy)?))
    }
}

/// Identifies a rule of a [`PolicySet`] by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId {
    /// The policy.
    pub policy: PolicyId,
    /// In which of its two lists; egress is the greater.
    pub direction: Direction,
    /// Position in the list.
    pub rule: usize,
}

impl RuleId {
    /// The rule with its tier and policy; `None` for an id of another set.
    pub fn of(self, set: &PolicySet) -> Option<(&Tier, &Policy, &Rule)> {
        let (tier, policy) = self.policy.of(set)?;
        Some((tier, policy, policy.rules(self.direction)?.get(self.rule)?))
    }
}

/// A rule as conditions.
#[derive(Clone, Debug)]
pub struct EncodedRule {
    /// Which one.
    pub id: RuleId,
    /// Its policy applies to the flow.
    pub subject: Bool,
    /// It matches the flow, given that its policy applies.
    pub matches: Bool,
    /// Both.
    pub fires: Bool,
    /// What it does.
    pub action: Action,
}

/// A policy as far as it speaks of one direction.
#[derive(Clone, Debug)]
pub struct EncodedPolicy {
    /// Which one.
    pub id: PolicyId,
    /// It applies to the flow.
    pub subject: Bool,
    /// Its rules in their order.
    pub rules: Vec<EncodedRule>,
}

/// A tier, for one direction.
#[derive(Clone, Debug)]
pub struct EncodedTier {
    /// A policy of the tier isolates the end.
    pub isolated: Bool,
    /// The policies that speak of the direction, in their order.
    pub policies: Vec<EncodedPolicy>,
    /// The tier allows the flow.
    pub allow: Bool,
    /// The tier denies the flow.
    pub deny: Bool,
    /// A rule of the tier hands the flow to the tier that a pass leads to. Where it does none of these, the next
    /// tier decides.
    pub pass: Bool,
}

impl EncodedTier {
    /// The rules in evaluation order.
    pub fn rules(&self) -> impl DoubleEndedIterator<Item = &EncodedRule> {
        self.policies.iter().flat_map(|policy| &policy.rules)
    }
}

/// A layer, for one direction.
#[derive(Clone, Debug)]
pub struct EncodedLayer {
    /// Its tiers in their order.
    pub tiers: Vec<EncodedTier>,
    /// The layer allows the flow.
    pub allow: Bool,
}

/// One side of a flow.
#[derive(Clone, Debug)]
pub struct EncodedSide {
    /// Which side.
    pub direction: Direction,
    /// Every layer.
    pub layers: Vec<EncodedLayer>,
    /// The policies allow the flow on this side.
    pub allow: Bool,
}

/// A set of policies as conditions on one flow.
#[derive(Clone, Debug)]
pub struct EncodedSet {
    /// Egress and ingress.
    pub sides: [EncodedSide; 2],
    /// Both sides allow the flow (S-5), or one that is exempt (S-35, S-36).
    pub allow: Bool,
}

impl EncodedSet {
    /// One side.
    pub fn side(&self, direction: Direction) -> &EncodedSide {
        let [egress, ingress] = &self.sides;
        match direction {
            Direction::Egress => egress,
            Direction::Ingress => ingress,
        }
    }

    /// A tier of one side.
    pub fn tier(&self, direction: Direction, layer: usize, tier: usize) -> Option<&EncodedTier> {
        self.side(direction).layers.get(layer)?.tiers.get(tier)
    }

    /// A rule.
    pub fn rule(&self, id: RuleId) -> Option<&EncodedRule> {
        let tier = self.tier(id.direction, id.policy.layer, id.policy.tier)?;
        let policy = tier.policies.iter().find(|policy| policy.id == id.policy)?;
        policy.rules.get(id.rule)
    }
}

/// Turns policies into conditions.
#[derive(Debug)]
pub struct Encoder<'a> {
    /// Where the conditions live.
    pub terms: &'a mut Terms,
    /// What can be told apart.
    pub vocabulary: &'a Vocabulary,
    /// Choices of the network plugin.
    pub profile: Profile,
}

impl Encoder<'_> {
    /// All policies.
    pub fn set(&mut self, set: &PolicySet, flow: &FlowTerms) -> EncodedSet {
        let egress = self.side(set, flow, Direction::Egress);
        let ingress = self.side(set, flow, Direction::Ingress);
        let own_node = self.own_node(flow);
        let ingress_allows = self.terms.or([ingress.allow, own_node]);
        let both = self.terms.and([egress.allow, ingress_allows]);
        let allow = self.terms.or([both, flow.itself]);
        EncodedSet { sides: [egress, ingress], allow }
    }

    /// S-35: from the destination's own node, or from a pod that is this node to the network (S-37).
    fn own_node(&mut self, flow: &FlowTerms) -> Bool {
        let node = flow.src.is(self.terms, kind::NODE);
        let pod = flow.src.is(self.terms, kind::POD);
        let seen = self.seen_pod(&flow.src);
        let unseen = self.terms.and_not(pod, seen);
        let source = self.terms.or([node, unseen]);
        let destination = flow.dst.is(self.terms, kind::POD);
        self.terms.and([source, destination, flow.same_node])
    }

    /// One side: every layer must allow it. Policies apply to pods only, and not to those that are their
    /// node to the network (S-37, S-63): no tier has participants among the others.
    fn side(&mut self, set: &PolicySet, flow: &FlowTerms, direction: Direction) -> EncodedSide {
        let mut layers = Vec::with_capacity(set.layers.len());
        for (layer, tiers) in set.layers.iter().enumerate() {
            let tiers: Vec<_> = (tiers.tiers.iter().enumerate())
                .map(|(tier, policies)| self.tier((layer, tier), policies, flow, direction))
                .collect();
            // Where no tier decides, the layer allows (S-60).
            let mut allows = vec![Bool::TRUE; tiers.len() + 1];
            for (position, tier) in tiers.iter().enumerate().rev() {
                let behind = |to: usize| allows.get(to).copied().unwrap_or(Bool::TRUE);
                let next = behind(position + 1);
                let leads = policies_pass(set, layer, position).unwrap_or(position + 1);
                let passed = self.terms.and([tier.pass, behind(leads.max(position + 1))]);
                let passed_on = self.terms.and_not(next, tier.deny);
                let passed_on = self.terms.and_not(passed_on, tier.pass);
                let allow = self.terms.or([tier.allow, passed, passed_on]);
                if let Some(slot) = allows.get_mut(position) {
                    *slot = allow;
                }
            }
            let allow = allows.first().copied().unwrap_or(Bool::TRUE);
            layers.push(EncodedLayer { tiers, allow });
        }
        let allow = self.terms.and(layers.iter().map(|layer| layer.allow).collect::<Vec<_>>());
        EncodedSide { direction, layers, allow }
    }

    fn tier(
        &mut self,
        place: (usize, usize),
        tier: &Tier,
        flow: &FlowTerms,
        direction: Direction,
    ) -> EncodedTier {
        let profile = tier.profile(self.profile);
        Encoder { terms: &mut *self.terms, vocabulary: self.vocabulary, profile }
            .tier_as_seen(place, tier, flow, direction)
    }

    fn tier_as_seen(
        &mut self,
        (layer, position): (usize, usize),
        tier: &Tier,
        flow: &FlowTerms,
        direction: Direction,
    ) -> EncodedTier {
        let (subject_end, peer_end) = match direction {
            Direction::Egress => (&flow.src, &flow.dst),
            Direction::Ingress => (&flow.dst, &flow.src),
        };
        let seen = self.seen_pod(subject_end);
        let mut policies = Vec::new();
        for (index, policy) in tier.policies.iter().enumerate() {
            let Some(rules) = policy.rules(direction) else { continue };
            let id = PolicyId { layer, tier: position, policy: index };
            let selected = self.pods(&policy.subject, subject_end);
            let selected = self.terms.and([seen, selected]);
            let also: Vec<_> = policy
                .also
                .iter()
                .map(|end: &PeerMatch| self.peer(end, Action::Allow, subject_end, subject_end))
                .collect();
            let subject = self.terms.or(also.into_iter().chain([selected]));
            let rules = rules.iter().enumerate().map(|(index, rule)| {
                let own = self.peers(&rule.own, rule.action, subject_end, subject_end);
                let peers = self.peers(&rule.peers, rule.action, peer_end, subject_end);
                let ports = self.ports(&rule.ports, rule.action, flow);
                let items: Vec<_> =
                    rule.not_ports.iter().map(|item| self.port_item(item, rule.action, flow)).collect();
                let excluded = self.terms.or(items);
                let ports = self.terms.and_not(ports, excluded);
                let matches = self.terms.and([own, peers, ports]);
                let fires = self.terms.and([subject, matches]);
                let id = RuleId { policy: id, direction, rule: index };
                EncodedRule { id, subject, matches, fires, action: rule.action }
            });
            let rules = rules.collect();
            policies.push(EncodedPolicy { id, subject, rules });
        }
        let isolating = policies.iter().filter(|policy| {
            let content = tier.policies.get(policy.id.policy);
            content.is_some_and(|content| content.isolates(direction))
        });
        let isolating: Vec<_> = isolating.map(|policy| policy.subject).collect();
        let isolated = self.terms.or(isolating);
        let rules: Vec<_> =
            policies.iter().flat_map(|policy| &policy.rules).map(|rule| (rule.fires, rule.action)).collect();
        let (allow, deny, pass) = self.outcome(tier.mode, tier.no_match, isolated, &rules);
        EncodedTier { isolated, policies, allow, deny, pass }
    }

    /// When a tier allows, when it denies and when it passes, from when its rules fire.
    pub fn outcome(
        &mut self,
        mode: Mode,
        no_match: NoMatch,
        isolated: Bool,
        rules: &[(Bool, Action)],
    ) -> (Bool, Bool, Bool) {
        let terms = &mut *self.terms;
        let default = |wanted| if no_match == wanted { isolated } else { Bool::FALSE };
        let (allow_rest, deny_rest) = (default(NoMatch::Allow), default(NoMatch::Deny));
        let of = |action| rules.iter().filter(move |rule| rule.1 == action).map(|rule| rule.0);
        match mode {
            Mode::FirstMatch => {
                let (mut allow, mut deny, mut pass) = (allow_rest, deny_rest, Bool::FALSE);
                // From the last to the first; neighbours of one action together, to keep terms flat.
                let deciding: Vec<_> = rules.iter().filter(|rule| rule.1 != Action::Log).collect();
                for group in deciding.chunk_by(|a, b| a.1 == b.1).rev() {
                    let matches = terms.or(group.iter().map(|rule| rule.0));
                    let action = group.first().map(|rule| rule.1);
                    allow = match action {
                        Some(Action::Allow) => terms.or([matches, allow]),
                        _ => terms.and_not(allow, matches),
                    };
                    deny = match action {
                        // What no manifest settles is not certain to be allowed.
                        Some(Action::Deny | Action::Unknown) => terms.or([matches, deny]),
                        _ => terms.and_not(deny, matches),
                    };
                    pass = match action {
                        Some(Action::Pass) => terms.or([matches, pass]),
                        _ => terms.and_not(pass, matches),
                    };
                }
                (allow, deny, pass)
            }
            Mode::Union => {
                let allowed = terms.or(of(Action::Allow));
                let allow = terms.or([allowed, allow_rest]);
                let deny = terms.and_not(deny_rest, allowed);
                (allow, deny, Bool::FALSE)
            }
            Mode::DenyWins => {
                let denied = terms.or(of(Action::Deny).chain(of(Action::Unknown)));
                let allowed = terms.or(of(Action::Allow));
                let passed = terms.or(of(Action::Pass));
                let matched = terms.or([allowed, passed]);
                let deny_rest = terms.and_not(deny_rest, matched);
                let deny = terms.or([denied, deny_rest]);
                let allow_rest = terms.and_not(allow_rest, passed);
                let allow = terms.or([allowed, allow_rest]);
                let allow = terms.and_not(allow, denied);
                let taken = terms.or([allowed, denied]);
                let pass = terms.and_not(passed, taken);
                (allow, deny, pass)
            }
        }
    }
}

/// The position of the tier that a pass leads to.
fn policies_pass(set: &PolicySet, layer: usize, tier: usize) -> Option<usize> {
    set.layers.get(layer)?.tiers.get(tier)?.pass
}
