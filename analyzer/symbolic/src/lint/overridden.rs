//! `overridden-by-admin-tier`.

use std::rc::Rc;

use npv_models::policy::{Action, Direction, Mode, NoMatch};

use super::{Cause, Decided, Fact, Study, World, of_world};
use crate::rules::Need;
use crate::session::{Error, Search};
use crate::term::Bool;

impl Study<'_> {
    pub(super) fn overridden(&mut self, world: World) -> Result<(), Error> {
        for (layer, tier) in self.tiers() {
            for (id, rule) in self.rules(layer, tier) {
                let wanted = match rule.action {
                    Action::Allow => Action::Deny,
                    Action::Deny => Action::Allow,
                    Action::Pass | Action::Log | Action::Unknown => continue,
                };
                if tier == 0 || self.gone.contains(&id) || !self.exact(id) {
                    continue;
                }
                let before = self.decided_before(id.direction, layer, tier);
                let hiding: Vec<_> = before
                    .iter()
                    .copied()
                    .filter(|(cause, action, _)| *action == wanted && self.overrides(*cause, rule.action))
                    .map(|(cause, _, term)| (cause, term))
                    .collect();
                let fires = self.session.sets.first().and_then(|set| set.rule(id)).map(|rule| rule.fires);
                let (false, Some(fires)) = (hiding.is_empty(), fires) else { continue };
                match self.hidden_in(world, None, fires, &hiding) {
                    Need::Hidden(by) => {
                        let found = self.session.scratch(|session| {
                            let condition = of_world(session, self.snapshot.as_ref(), world, fires);
                            session.find(condition)
                        })?;
                        match found {
                            Search::Found(witness) => {
                                self.gone.insert(id);
                                self.facts.push(Fact::Overridden { rule: id, by, world, witness });
                            }
                            Search::Unknown(why) => self.unknown.push((id, why)),
                            Search::Nothing => {}
                        }
                    }
                    Need::Unknown(why) => self.unknown.push((id, why)),
                    Need::Needed | Need::Unmatchable => {}
                }
            }
        }
        Ok(())
    }

    /// A baseline denial under an allowance of a NetworkPolicy is the intended layering.
    fn overrides(&self, cause: Cause, action: Action) -> bool {
        let Cause::Rule(id) = cause else { return true };
        let mode = id.of(self.input.policies).map(|(tier, _, _)| tier.mode);
        action == Action::Allow || mode == Some(Mode::FirstMatch)
    }

    /// What earlier tiers of the layer decide, by what, and when. A rule is named where its tier decides
    /// as it says, whether or not another rule of that tier would have done.
    pub(super) fn decided_before(&mut self, direction: Direction, layer: usize, tier: usize) -> Decided {
        if let Some(known) = self.decided.get(&(direction, layer, tier)) {
            return Rc::clone(known);
        }
        let decided: Decided = self.decisions(direction, layer, tier).into();
        self.decided.insert((direction, layer, tier), Rc::clone(&decided));
        decided
    }

    fn decisions(&mut self, direction: Direction, layer: usize, tier: usize) -> Vec<(Cause, Action, Bool)> {
        let mut decided = Vec::new();
        for earlier in 0..tier {
            let reaches = self.session.reaches(0, direction, layer, earlier);
            let Some(encoded) =
                self.session.sets.first().and_then(|set| set.tier(direction, layer, earlier)).cloned()
            else {
                continue;
            };
            for rule in encoded.rules() {
                if !self.exact(rule.id) {
                    continue;
                }
                let outcome = match rule.action {
                    Action::Allow => encoded.allow,
                    Action::Deny => encoded.deny,
                    Action::Pass | Action::Log | Action::Unknown => continue,
                };
                let when = self.session.terms.and([rule.fires, outcome, reaches]);
                decided.push((Cause::Rule(rule.id), rule.action, when));
            }
            let isolates = self.input.policies.layers.get(layer).and_then(|layer| layer.tiers.get(earlier));
            if isolates.is_some_and(|tier| tier.no_match == NoMatch::Deny) {
                for policy in &encoded.policies {
                    let when = self.session.terms.and([policy.subject, encoded.deny, reaches]);
                    decided.push((Cause::Isolation(policy.id), Action::Deny, when));
                }
            }
        }
        decided
    }
}
