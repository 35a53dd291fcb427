//! `conflicting-policies` and `duplicate-priority`.

use npv_models::policy::{Action, Direction, Mode, Policy};

use super::{Fact, Study};
use crate::encode::{PolicyId, RuleId};
use crate::session::{Error, Search};
use crate::term::{Bool, Context};

impl Study<'_> {
    pub(super) fn conflicts(&mut self) -> Result<(), Error> {
        for (layer, position) in self.tiers() {
            let tier = self.input.policies.layers.get(layer).and_then(|layer| layer.tiers.get(position));
            let Some(tier) = tier.filter(|tier| tier.mode == Mode::FirstMatch) else { continue };
            for (first, winner) in tier.policies.iter().enumerate() {
                for (second, loser) in tier.policies.iter().enumerate().skip(first + 1) {
                    if winner.priority == loser.priority {
                        let id = |policy| PolicyId { layer, tier: position, policy };
                        self.compare((id(first), winner), (id(second), loser))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn compare(
        &mut self,
        (winner_id, winner): (PolicyId, &Policy),
        (loser_id, loser): (PolicyId, &Policy),
    ) -> Result<(), Error> {
        let mut common = false;
        for direction in Direction::ALL {
            let (Some(winning), Some(losing)) = (winner.rules(direction), loser.rules(direction)) else {
                continue;
            };
            common |= self.common_subject(direction, winner_id, loser_id);
            for (left, one) in winning.iter().enumerate() {
                for (right, other) in losing.iter().enumerate() {
                    let differ = one.action != other.action;
                    let ids = [(winner_id, left), (loser_id, right)].map(|(policy, rule)| RuleId {
                        policy,
                        direction,
                        rule,
                    });
                    if !differ || one.action == Action::Log || other.action == Action::Log {
                        continue;
                    }
                    let [winner, loser] = ids;
                    if !self.exact(winner) || !self.exact(loser) || self.apart(winner, loser) {
                        continue;
                    }
                    match self.session.conflict(0, winner, loser)? {
                        Search::Found(witness) => {
                            self.facts.push(Fact::Conflict { winner, loser, witness });
                            return Ok(());
                        }
                        Search::Unknown(why) => self.unknown.push((loser, why)),
                        Search::Nothing => {}
                    }
                }
            }
        }
        if common {
            self.facts.push(Fact::DuplicatePriority { policies: [winner_id, loser_id] });
        }
        Ok(())
    }

    fn apart(&self, left: RuleId, right: RuleId) -> bool {
        let fires = |id| {
            let set = self.session.sets.first();
            set.and_then(|set| set.rule(id)).map_or(Bool::FALSE, |rule| rule.fires)
        };
        let context = Context::of(&self.session.terms, fires(left));
        self.session.terms.clashes(fires(right), &context)
    }

    fn common_subject(&mut self, direction: Direction, left: PolicyId, right: PolicyId) -> bool {
        let subject = |id: PolicyId| {
            let tier = self.session.sets.first()?.tier(direction, id.layer, id.tier)?;
            tier.policies.iter().find(|policy| policy.id == id).map(|policy| policy.subject)
        };
        let (Some(left), Some(right)) = (subject(left), subject(right)) else { return false };
        let both = self.session.both(left, right);
        self.session.possible(both) == Some(true)
    }
}
