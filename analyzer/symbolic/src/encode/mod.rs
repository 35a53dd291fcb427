//! The policy IR as conditions on a flow: the same semantics as `npv_models::decide`, for all flows at
//! once.

mod matching;

use npv_models::decide::Profile;
use npv_models::policy::{Action, Direction, Mode, NoMatch, Participation, Policy, PolicySet, Rule, Tier};

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
    /// The end takes part in the tier.
    pub participants: Bool,
    /// The policies that speak of the direction, in their order.
    pub policies: Vec<EncodedPolicy>,
    /// The tier allows the flow.
    pub allow: Bool,
    /// The tier denies the flow. Where it does neither, the next tier decides.
    pub deny: Bool,
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
            let mut allow = Bool::TRUE;
            for tier in tiers.iter().rev() {
                let passed_on = self.terms.and_not(allow, tier.deny);
                allow = self.terms.or([tier.allow, passed_on]);
            }
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
            let subject = self.terms.and([seen, selected]);
            let rules = rules.iter().enumerate().map(|(index, rule)| {
                let peers = self.peers(&rule.peers, rule.action, peer_end);
                let ports = self.ports(&rule.ports, flow);
                let matches = self.terms.and([peers, ports]);
                let fires = self.terms.and([subject, matches]);
                let id = RuleId { policy: id, direction, rule: index };
                EncodedRule { id, subject, matches, fires, action: rule.action }
            });
            let rules = rules.collect();
            policies.push(EncodedPolicy { id, subject, rules });
        }
        let participants = match tier.participation {
            Participation::Everybody => seen,
            Participation::Selected => {
                let subjects: Vec<_> = policies.iter().map(|policy| policy.subject).collect();
                self.terms.or(subjects)
            }
        };
        let rules: Vec<_> =
            policies.iter().flat_map(|policy| &policy.rules).map(|rule| (rule.fires, rule.action)).collect();
        let (allow, deny) = self.outcome(tier.mode, tier.no_match, participants, &rules);
        EncodedTier { participants, policies, allow, deny }
    }

    /// When a tier allows and when it denies, from when its rules fire.
    pub fn outcome(
        &mut self,
        mode: Mode,
        no_match: NoMatch,
        participants: Bool,
        rules: &[(Bool, Action)],
    ) -> (Bool, Bool) {
        let terms = &mut *self.terms;
        let default = |wanted| if no_match == wanted { participants } else { Bool::FALSE };
        let (allow_rest, deny_rest) = (default(NoMatch::Allow), default(NoMatch::Deny));
        let of = |action| rules.iter().filter(move |rule| rule.1 == action).map(|rule| rule.0);
        match mode {
            Mode::FirstMatch => {
                let (mut allow, mut deny) = (allow_rest, deny_rest);
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
                        Some(Action::Deny) => terms.or([matches, deny]),
                        _ => terms.and_not(deny, matches),
                    };
                }
                (allow, deny)
            }
            Mode::Union => {
                let allowed = terms.or(of(Action::Allow));
                let allow = terms.or([allowed, allow_rest]);
                let deny = terms.and_not(deny_rest, allowed);
                (allow, deny)
            }
            Mode::DenyWins => {
                let denied = terms.or(of(Action::Deny));
                let allowed = terms.or(of(Action::Allow));
                let passed = terms.or(of(Action::Pass));
                let matched = terms.or([allowed, passed]);
                let deny_rest = terms.and_not(deny_rest, matched);
                let deny = terms.or([denied, deny_rest]);
                let allow_rest = terms.and_not(allow_rest, passed);
                let allow = terms.or([allowed, allow_rest]);
                let allow = terms.and_not(allow, denied);
                (allow, deny)
            }
        }
    }
}
