//! `shadowed-rule`, `unreachable-pass`, `redundant-rule` and `redundant-policy`.

use std::cmp::Reverse;

use npv_models::policy::{Action, Direction, Mode, Policy, Tier};

use super::{Cause, Fact, Study, World};
use crate::encode::{EncodedTier, PolicyId, RuleId};
use crate::rules::Need;
use crate::term::Bool;

impl Study<'_> {
    pub(super) fn dead(&mut self, world: World) {
        for (layer, position) in self.tiers() {
            let Some(tier) =
                self.input.policies.layers.get(layer).and_then(|layer| layer.tiers.get(position))
            else {
                continue;
            };
            match tier.mode {
                Mode::FirstMatch => self.shadowed(layer, position, world),
                Mode::Union | Mode::DenyWins => {
                    self.redundant_policies(layer, position, tier, world);
                    self.redundant_rules(layer, position, world);
                }
            }
        }
    }

    /// In an ordered tier: rules that earlier ones leave nothing to.
    fn shadowed(&mut self, layer: usize, tier: usize, world: World) {
        for (id, rule) in self.rules(layer, tier) {
            if rule.action == Action::Log || self.gone.contains(&id) || !self.exact(id) {
                continue;
            }
            let earlier: Vec<_> = self.fires(id.direction, layer, tier, |other, action| {
                action != Action::Log && certainly_before(self.input.policies, other, id)
            });
            self.report(id, &earlier, world, |by| Fact::Shadowed { rule: id, by, world });
        }
    }

    /// In a tier without order: rules without which the tier does the same. The last written is asked
    /// first, so that of two twins the first stays.
    fn redundant_rules(&mut self, layer: usize, tier: usize, world: World) {
        let mut rules = self.rules(layer, tier);
        rules.sort_by_key(|(id, rule)| {
            Reverse((rule.provenance.span.source, rule.provenance.span.start, *id))
        });
        for (id, rule) in rules {
            if self.gone.contains(&id) || !self.exact(id) || !self.has_effect(id, rule.action) {
                continue;
            }
            let hiding = self.making_redundant(id.direction, layer, tier, rule.action, |other| other != id);
            let denies = |study: &Self, cause: &Cause| match cause {
                Cause::Rule(other) => {
                    let other = other.of(study.input.policies);
                    other.is_some_and(|(_, _, other)| other.action == Action::Deny)
                }
                Cause::Isolation(_) => true,
            };
            let before = self.facts.len();
            self.report(id, &hiding, world, |by| Fact::RedundantRule { rule: id, by, world });
            // A rule whose every flow others decide the other way is not redundant, but overridden, or
            // shadowed within its tier.
            if let Some(Fact::RedundantRule { by, .. }) = self.facts.get(before).cloned()
                && rule.action == Action::Allow
                && by.iter().all(|cause| denies(self, cause))
            {
                self.facts.truncate(before);
                let own_tier = |cause: &Cause| match cause {
                    Cause::Rule(other) => other.policy.tier == tier,
                    Cause::Isolation(_) => false,
                };
                if by.iter().all(own_tier) {
                    self.facts.push(Fact::Shadowed { rule: id, by, world });
                } else {
                    self.gone.remove(&id);
                }
            }
        }
    }

    /// Rules that could never change a verdict of their tier are not asked about.
    fn has_effect(&self, id: RuleId, action: Action) -> bool {
        match id.of(self.input.policies).map(|(tier, _, _)| tier.mode) {
            Some(Mode::Union) => action == Action::Allow,
            Some(Mode::DenyWins) => matches!(action, Action::Allow | Action::Deny),
            Some(Mode::FirstMatch) | None => false,
        }
    }

    /// Asks whether the rule is hidden, and remembers it if so.
    fn report(
        &mut self,
        rule: RuleId,
        hiding: &[(Cause, Bool)],
        world: World,
        fact: impl FnOnce(Vec<Cause>) -> Fact,
    ) {
        let Some(fires) = self.session.sets.first().and_then(|set| set.rule(rule)).map(|rule| rule.fires)
        else {
            return;
        };
        match self.hidden_in(world, None, fires, hiding) {
            Need::Hidden(by) => {
                self.gone.insert(rule);
                self.facts.push(fact(by));
            }
            Need::Unknown(why) => self.unknown.push((rule, why)),
            Need::Needed | Need::Unmatchable => {}
        }
    }

    /// The rules of a tier that pass the filter and are captured exactly, with when they fire.
    pub(super) fn fires(
        &self,
        direction: Direction,
        layer: usize,
        tier: usize,
        wanted: impl Fn(RuleId, Action) -> bool,
    ) -> Vec<(Cause, Bool)> {
        let tier = self.session.sets.first().and_then(|set| set.tier(direction, layer, tier));
        tier.into_iter()
            .flat_map(EncodedTier::rules)
            .filter(|rule| wanted(rule.id, rule.action) && self.exact(rule.id))
            .map(|rule| (Cause::Rule(rule.id), rule.fires))
            .collect()
    }

    /// What can make a rule with this action redundant in a tier without order: rules of the same tier
    /// that do the same or win, and what earlier tiers decide.
    fn making_redundant(
        &mut self,
        direction: Direction,
        layer: usize,
        tier: usize,
        action: Action,
        other: impl Fn(RuleId) -> bool,
    ) -> Vec<(Cause, Bool)> {
        let deny_wins = self
            .input
            .policies
            .layers
            .get(layer)
            .and_then(|layer| layer.tiers.get(tier))
            .is_some_and(|tier| tier.mode == Mode::DenyWins);
        let mut hiding = self.fires(direction, layer, tier, |id, theirs| {
            let wins = deny_wins && theirs == Action::Deny;
            other(id) && !self.gone.contains(&id) && (theirs == action || wins)
        });
        let before = self.decided_before(direction, layer, tier);
        hiding.extend(before.iter().map(|(cause, _, term)| (*cause, *term)));
        hiding
    }

    /// Policies without which the tier does the same, for the last written first.
    fn redundant_policies(&mut self, layer: usize, position: usize, tier: &Tier, world: World) {
        let mut policies: Vec<_> = tier.policies.iter().enumerate().collect();
        policies.sort_by_key(|(index, policy)| {
            Reverse((policy.name_span.source, policy.name_span.start, *index))
        });
        for (index, policy) in policies {
            let id = PolicyId { layer, tier: position, policy: index };
            if self.gone_policies.contains(&id) {
                continue;
            }
            if let Some(by) = self.policy_needed(id, tier, policy, world) {
                self.gone_policies.insert(id);
                for direction in Direction::ALL {
                    let rules = policy.rules(direction).map_or(0, <[_]>::len);
                    self.gone.extend((0..rules).map(|rule| RuleId { policy: id, direction, rule }));
                }
                self.facts.push(Fact::RedundantPolicy { policy: id, by, world });
            }
        }
    }

    /// What makes a policy redundant; `None` where it is needed or nobody knows.
    fn policy_needed(
        &mut self,
        id: PolicyId,
        tier: &Tier,
        policy: &Policy,
        world: World,
    ) -> Option<Vec<Cause>> {
        let mut causes = Vec::new();
        for direction in Direction::ALL {
            let Some(rules) = policy.rules(direction) else { continue };
            causes.extend(self.isolated_anyway(id, direction, tier, policy, world)?);
            for rule in 0..rules.len() {
                let rule_id = RuleId { policy: id, direction, rule };
                if self.gone.contains(&rule_id) {
                    // It has no effect, but not because of others that are still there.
                    return None;
                }
                let action = rules.get(rule)?.action;
                if !self.exact(rule_id) || !self.has_effect(rule_id, action) {
                    return None;
                }
                let hiding =
                    self.making_redundant(direction, id.layer, id.tier, action, |other| other.policy != id);
                let fires = self.session.sets.first()?.rule(rule_id)?.fires;
                match self.hidden_in(world, None, fires, &hiding) {
                    Need::Hidden(by) => causes.extend(by),
                    Need::Unmatchable | Need::Needed => return None,
                    Need::Unknown(why) => {
                        self.unknown.push((rule_id, why));
                        return None;
                    }
                }
            }
        }
        causes.sort_unstable();
        causes.dedup();
        (!causes.is_empty()).then_some(causes)
    }

    /// Which other policies of the tier isolate whom this one isolates.
    fn isolated_anyway(
        &mut self,
        id: PolicyId,
        direction: Direction,
        tier: &Tier,
        policy: &Policy,
        world: World,
    ) -> Option<Vec<Cause>> {
        let denies_by_default = policy.rules(direction).is_some_and(<[_]>::is_empty);
        let encoded = self.session.sets.first()?.tier(direction, id.layer, id.tier)?;
        let ours = encoded.policies.iter().find(|other| other.id == id)?.subject;
        let mut others = Vec::new();
        for other in &encoded.policies {
            let content = tier.policies.get(other.id.policy)?;
            // A default denial is what keeps new allowances from being openings: only its twin replaces it.
            let twin =
                content.subject == policy.subject && content.rules(direction).is_some_and(<[_]>::is_empty);
            if other.id != id && !self.gone_policies.contains(&other.id) && (!denies_by_default || twin) {
                others.push((Cause::Isolation(other.id), other.subject));
            }
        }
        match self.hidden_in(world, Some(direction), ours, &others) {
            Need::Hidden(by) => Some(by),
            Need::Needed | Need::Unmatchable => None,
            Need::Unknown(why) => {
                self.unknown.push((RuleId { policy: id, direction, rule: 0 }, why));
                None
            }
        }
    }
}

/// A rule of the same policy before the other, or of a policy with a lower priority number: the order
/// among equal priorities is not defined (S-62).
fn certainly_before(policies: &npv_models::policy::PolicySet, rule: RuleId, other: RuleId) -> bool {
    if rule.policy == other.policy {
        return rule.rule < other.rule;
    }
    let priority = |id: RuleId| id.policy.of(policies).map(|(_, policy)| &policy.priority);
    priority(rule) < priority(other)
}
