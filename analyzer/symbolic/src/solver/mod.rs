//! The solver behind one narrow trait.

#[cfg(feature = "z3")]
mod z3;

use std::collections::BTreeMap;

use crate::term::{Bool, Terms, Var};

#[cfg(feature = "z3")]
pub use z3::Z3;

/// Why a build without Z3 does not know an answer.
pub const WITHOUT_Z3: &str = "npv was built without Z3";

/// Values of the variables that a condition depends on.
pub type Assignment = BTreeMap<Var, u128>;

/// What a solver says of the conditions that it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// They can hold together, for example with these values.
    Satisfiable(Assignment),
    /// They cannot hold together; these assumptions, by position, are enough for that.
    Unsatisfiable(Vec<usize>),
    /// It does not know, for this reason.
    Unknown(String),
}

/// Something that decides whether conditions can hold together.
pub trait Solver {
    /// Remembers the conditions so far.
    fn push(&mut self);

    /// Forgets the conditions since the last unmatched `push`.
    fn pop(&mut self);

    /// Adds a condition.
    fn assert(&mut self, terms: &Terms, condition: Bool);

    /// Forgets what it knows of every term but the first `count`; outside of all scopes that mention one.
    fn forget(&mut self, count: usize);

    /// Whether all conditions and these assumptions can hold together.
    fn check(&mut self, terms: &Terms, assumptions: &[Bool]) -> Answer;
}

/// A solver that settles what folding settles and nothing else: what is left of this crate without Z3.
#[derive(Clone, Debug, Default)]
pub struct FoldingOnly {
    scopes: Vec<Vec<Bool>>,
    conditions: Vec<Bool>,
}

impl Solver for FoldingOnly {
    fn push(&mut self) {
        self.scopes.push(self.conditions.clone());
    }

    fn pop(&mut self) {
        if let Some(conditions) = self.scopes.pop() {
            self.conditions = conditions;
        }
    }

    fn assert(&mut self, _terms: &Terms, condition: Bool) {
        self.conditions.push(condition);
    }

    fn forget(&mut self, _count: usize) {}

    fn check(&mut self, _terms: &Terms, assumptions: &[Bool]) -> Answer {
        if self.conditions.contains(&Bool::FALSE) {
            return Answer::Unsatisfiable(Vec::new());
        }
        match assumptions.iter().position(|assumption| *assumption == Bool::FALSE) {
            Some(position) => Answer::Unsatisfiable(vec![position]),
            None => Answer::Unknown(WITHOUT_Z3.to_owned()),
        }
    }
}

/// The solver that this build has. It gives up after `budget` steps of its own counting, which do not
/// depend on the machine's speed; 0 means never.
pub fn default_solver(budget: u32) -> Box<dyn Solver> {
    #[cfg(feature = "z3")]
    {
        Box::new(Z3::new(budget))
    }
    #[cfg(not(feature = "z3"))]
    {
        let _ = budget;
        Box::new(FoldingOnly::default())
    }
}

#[cfg(all(test, feature = "z3"))]
mod tests;
