//! Z3 behind the [`Solver`] trait: every variable is a bit-vector, every set a few comparisons.

use std::collections::BTreeMap;
use std::fmt;

use rustc_hash::FxHashMap;
use z3::ast::{Ast, BV, Bool as Z3Bool};
use z3::{Params, SatResult};

use super::{Answer, Assignment, Solver};
use crate::term::{Bool, Node, Terms, ValueSet, Var};

/// Z3 with a fixed seed and a budget of its own steps, so that the same questions in the same order get
/// the same answers on every machine.
pub struct Z3 {
    solver: z3::Solver,
    /// By id, so that the youngest are forgotten together.
    translated: BTreeMap<Bool, Z3Bool>,
    variables: FxHashMap<Var, BV>,
    /// The domains of the variables so far, and how many there were at each `push`: they must outlive
    /// the scope in which a variable first came up.
    bounds: Vec<Z3Bool>,
    scopes: Vec<usize>,
}

impl fmt::Debug for Z3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Z3").field("translated", &self.translated.len()).finish_non_exhaustive()
    }
}

impl Z3 {
    /// A solver that gives up on a question after `budget` steps; 0 means never.
    pub fn new(budget: u32) -> Self {
        let solver = z3::Solver::new_for_logic("QF_FD").unwrap_or_default();
        let mut params = Params::new();
        params.set_u32("random_seed", 1);
        if budget > 0 {
            params.set_u32("rlimit", budget);
        }
        solver.set_params(&params);
        Self {
            solver,
            translated: BTreeMap::new(),
            variables: FxHashMap::default(),
            bounds: Vec::new(),
            scopes: Vec::new(),
        }
    }

    fn variable(&mut self, terms: &Terms, var: Var) -> BV {
        if let Some(known) = self.variables.get(&var) {
            return known.clone();
        }
        let width = terms.variable(var).map_or(1, |variable| variable.sort.width());
        let vector = BV::new_const(format!("v{}", var.index()), width);
        self.variables.insert(var, vector.clone());
        let domain = terms.variable(var).map(|variable| variable.domain.clone()).unwrap_or_default();
        let bound = within(&vector, &domain);
        self.solver.assert(&bound);
        self.bounds.push(bound);
        vector
    }

    fn translate(&mut self, terms: &Terms, root: Bool) -> Z3Bool {
        if let Some(known) = self.translated.get(&root) {
            return known.clone();
        }
        for term in terms.parts(&[root]) {
            if self.translated.contains_key(&term) {
                continue;
            }
            // Parts come before wholes, so they are all there.
            let part =
                |part: &Bool| self.translated.get(part).cloned().unwrap_or_else(|| Z3Bool::from_bool(false));
            let translated = match terms.node(term) {
                Node::Literal(value) => Z3Bool::from_bool(*value),
                Node::Within(var, set) => {
                    let vector = self.variable(terms, *var);
                    within(&vector, set)
                }
                Node::Same(left, right) => {
                    let (left, right) = (self.variable(terms, *left), self.variable(terms, *right));
                    same(&left, &right)
                }
                Node::Not(inner) => part(inner).not(),
                Node::And(parts) => Z3Bool::and(&parts.iter().map(part).collect::<Vec<_>>()),
                Node::Or(parts) => Z3Bool::or(&parts.iter().map(part).collect::<Vec<_>>()),
            };
            self.translated.insert(term, translated);
        }
        self.translated.get(&root).cloned().unwrap_or_else(|| Z3Bool::from_bool(false))
    }
}

impl Solver for Z3 {
    fn push(&mut self) {
        self.solver.push();
        self.scopes.push(self.bounds.len());
    }

    fn pop(&mut self) {
        let Some(before) = self.scopes.pop() else { return };
        self.solver.pop(1);
        for bound in self.bounds.iter().skip(before) {
            self.solver.assert(bound);
        }
    }

    fn assert(&mut self, terms: &Terms, condition: Bool) {
        let condition = self.translate(terms, condition);
        self.solver.assert(&condition);
    }

    fn forget(&mut self, count: usize) {
        while self.translated.last_entry().is_some_and(|last| last.key().index() >= count) {
            self.translated.pop_last();
        }
    }

    fn check(&mut self, terms: &Terms, assumptions: &[Bool]) -> Answer {
        let translated: Vec<_> =
            assumptions.iter().map(|assumption| self.translate(terms, *assumption)).collect();
        match self.solver.check_assumptions(&translated) {
            SatResult::Sat => self.model(terms),
            SatResult::Unsat => {
                let core = self.solver.get_unsat_core();
                let used = |(position, assumption)| core.contains(assumption).then_some(position);
                Answer::Unsatisfiable(translated.iter().enumerate().filter_map(used).collect())
            }
            SatResult::Unknown => {
                Answer::Unknown(self.solver.get_reason_unknown().unwrap_or_else(|| "no reason given".into()))
            }
        }
    }
}

impl Z3 {
    fn model(&self, terms: &Terms) -> Answer {
        let Some(model) = self.solver.get_model() else {
            return Answer::Unknown("the solver gave no values".to_owned());
        };
        let mut values = Assignment::new();
        for (var, _) in terms.variables() {
            let Some(vector) = self.variables.get(&var) else { continue };
            match model.eval(vector, true).as_ref().and_then(number) {
                Some(value) => values.insert(var, value),
                None => return Answer::Unknown("the solver gave a value that is not a number".to_owned()),
            };
        }
        Answer::Satisfiable(values)
    }
}

/// The vector, read as an unsigned number, is in the set.
fn within(vector: &BV, set: &ValueSet) -> Z3Bool {
    let width = vector.get_size();
    let largest = u128::MAX >> (u128::BITS - width.clamp(1, u128::BITS));
    let ranges: Vec<_> = set
        .intervals()
        .iter()
        .map(|&(first, last)| {
            if first == last {
                return same(vector, &constant(width, first));
            }
            let above = (first > 0).then(|| vector.bvuge(constant(width, first)));
            let below = (last < largest).then(|| vector.bvule(constant(width, last)));
            Z3Bool::and(&above.into_iter().chain(below).collect::<Vec<_>>())
        })
        .collect();
    Z3Bool::or(&ranges)
}

fn same(left: &BV, right: &BV) -> Z3Bool {
    left.eq(right)
}

fn constant(width: u32, value: u128) -> BV {
    let bits: Vec<_> = (0..width).map(|bit| value.checked_shr(bit).unwrap_or(0) & 1 == 1).collect();
    BV::from_bits(&bits).unwrap_or_else(|| BV::from_u64(0, width))
}

/// The value of a literal of up to 128 bits.
fn number(literal: &BV) -> Option<u128> {
    let width = literal.get_size();
    if width <= 64 {
        return literal.as_u64().map(u128::from);
    }
    let low = literal.extract(63, 0).simplify().as_u64()?;
    let high = literal.extract(width - 1, 64).simplify().as_u64()?;
    Some(u128::from(high) << 64 | u128::from(low))
}
