//! Questions about rules: does it ever decide, is it needed.

use std::collections::BTreeSet;

use npv_models::policy::{Action, Direction};

use crate::encode::RuleId;
use crate::session::Session;
use crate::solver::Answer;
use crate::term::{Bool, Context};

/// Whether something can be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need<K = RuleId> {
    /// It makes a difference.
    Needed,
    /// It matches nothing at all, whatever the other rules say.
    Unmatchable,
    /// These make it so that it does not matter: none of them can be left out of the list.
    Hidden(Vec<K>),
    /// The solver does not know, for this reason.
    Unknown(String),
}

impl Session<'_> {
    /// Whether a rule of an ordered tier ever decides within its tier, or earlier rules, of whatever
    /// action, match all that it matches.
    pub fn rule_decides(&mut self, set: usize, rule: RuleId) -> Need {
        let Some((fires, hiding)) = self.earlier(set, rule) else { return Need::Unmatchable };
        self.hidden_by(fires, &hiding)
    }

    /// When a rule fires, and the rules of its tier that come before it and end the tier, with when they
    /// fire.
    fn earlier(&self, set: usize, rule: RuleId) -> Option<(Bool, Vec<(RuleId, Bool)>)> {
        let encoded = self.sets.get(set)?;
        let tier = encoded.tier(rule.direction, rule.policy.layer, rule.policy.tier)?;
        let fires = encoded.rule(rule)?.fires;
        let before = tier.rules().take_while(|other| other.id != rule);
        let ending = before.filter(|other| other.action != Action::Log);
        Some((fires, ending.map(|other| (other.id, other.fires)).collect()))
    }

    /// Whether the condition holds somewhere where none of the others does; if not, which of them are
    /// enough for that: the first that is enough alone, else the first ones that are together. Where no
    /// other can have to do with it, it is needed without asking whether it can hold at all.
    pub(crate) fn hidden_by<K: Copy>(&mut self, condition: Bool, hiding: &[(K, Bool)]) -> Need<K> {
        let condition = self.terms.propagate(condition);
        if condition == Bool::FALSE {
            return Need::Unmatchable;
        }
        let context = Context::of(&self.terms, condition);
        // What cannot happen together with the condition does not hide it.
        let plausible: Vec<_> =
            hiding.iter().filter(|(_, term)| !self.terms.clashes(*term, &context)).collect();
        let terms: Vec<_> = plausible.iter().map(|(_, term)| *term).collect();
        if terms.is_empty() || self.happens(condition, &terms) {
            return Need::Needed;
        }
        let (mut ids, mut opposites) = (Vec::new(), Vec::new());
        let mut always = None;
        for (id, term) in plausible {
            match self.terms.restrict(*term, &context) {
                Bool::FALSE => {}
                Bool::TRUE => {
                    always = Some(*id);
                    break;
                }
                restricted => {
                    ids.push(*id);
                    opposites.push(self.terms.not(restricted));
                }
            }
        }
        if let Some(always) = always {
            // Nothing is to explain where nothing matches.
            if !self.happens(condition, &[]) && self.possible(condition) == Some(false) {
                return Need::Unmatchable;
            }
            let first = (!opposites.is_empty()).then(|| self.first_alone(condition, &opposites)).flatten();
            return Need::Hidden(vec![
                first.and_then(|position| ids.get(position).copied()).unwrap_or(always),
            ]);
        }
        if ids.is_empty() {
            return Need::Needed;
        }
        match self.check(condition, &opposites) {
            Answer::Satisfiable(_) => Need::Needed,
            Answer::Unknown(why) => Need::Unknown(why),
            Answer::Unsatisfiable(_) => {
                let positions = match self.first_alone(condition, &opposites) {
                    Some(position) => vec![position],
                    None => self.first_needed(condition, &opposites),
                };
                if positions.is_empty() {
                    return Need::Unmatchable;
                }
                Need::Hidden(
                    positions.into_iter().filter_map(|position| ids.get(position).copied()).collect(),
                )
            }
        }
    }

    /// When no earlier tier decides: for the end that policies of the direction apply to.
    pub(crate) fn reaches(&mut self, set: usize, direction: Direction, layer: usize, tier: usize) -> Bool {
        let Some(encoded) = self.sets.get(set) else { return Bool::FALSE };
        let tiers = encoded.side(direction).layers.get(layer).map_or(&[][..], |layer| &layer.tiers);
        let decided: Vec<_> = tiers.iter().take(tier).flat_map(|tier| [tier.allow, tier.deny]).collect();
        let decided = self.terms.or(decided);
        self.terms.not(decided)
    }

    /// Whether leaving a rule out changes what its tier does with any flow that gets there, apart from
    /// rules that are `gone` already; if not, which rules are enough for that.
    pub fn rule_needed(&mut self, set: usize, rule: RuleId, gone: &BTreeSet<RuleId>) -> Need {
        let Some((fires, others)) = self.others(set, rule, gone) else { return Need::Unmatchable };
        self.hidden_by(fires, &others)
    }

    /// When a rule of a union tier fires, and the other rules of its tier that are still there.
    fn others(
        &self,
        set: usize,
        rule: RuleId,
        gone: &BTreeSet<RuleId>,
    ) -> Option<(Bool, Vec<(RuleId, Bool)>)> {
        let encoded = self.sets.get(set)?;
        let fires = encoded.rule(rule)?.fires;
        let tier = encoded.tier(rule.direction, rule.policy.layer, rule.policy.tier)?;
        let there = tier
            .rules()
            .filter(|other| other.id != rule && other.action == Action::Allow && !gone.contains(&other.id));
        Some((fires, there.map(|other| (other.id, other.fires)).collect()))
    }
}
