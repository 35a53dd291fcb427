//! A small typed term language whose constructors fold.
//!
//! Every variable ranges over a bounded set of numbers: the values of a finite choice, or bit-vectors
//! of 16, 32 or 128 bits. The only atom is "this variable is in this exact set"; sets are canonical, so
//! contradictions within one variable are found here, without a solver. Terms are hash-consed: equal
//! terms have equal ids, and a term's parts have smaller ids than the term.

mod connective;
mod restrict;

use std::collections::BTreeMap;

use npv_models::space::IntervalSet;
use rustc_hash::FxHashMap;

pub use restrict::Context;

/// A set of values of one variable.
pub type ValueSet = IntervalSet<u128>;

/// A truth value that may depend on variables; the id of a term in its [`Terms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bool(u32);

impl Bool {
    /// False, in every [`Terms`].
    pub const FALSE: Self = Self(0);
    /// True, in every [`Terms`].
    pub const TRUE: Self = Self(1);

    /// The constant.
    pub const fn from_literal(value: bool) -> Self {
        if value { Self::TRUE } else { Self::FALSE }
    }

    /// The value of a term that folding has settled.
    pub const fn literal(self) -> Option<bool> {
        match self {
            Self::FALSE => Some(false),
            Self::TRUE => Some(true),
            Self(_) => None,
        }
    }

    /// Position of the term among all terms.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A variable of its [`Terms`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Var(u32);

impl Var {
    /// Position of the variable among all variables.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sort {
    /// One of this many values, numbered from 0.
    Choice(u32),
    /// An unsigned number of this many bits: 16, 32 or 128.
    Bits(u32),
}

impl Sort {
    /// Every value of the sort.
    pub fn values(self) -> ValueSet {
        match self {
            Self::Choice(0) => ValueSet::EMPTY,
            Self::Choice(count) => ValueSet::range(0, u128::from(count) - 1),
            Self::Bits(width) => match 1_u128.checked_shl(width) {
                Some(count) => ValueSet::range(0, count - 1),
                None => ValueSet::full(),
            },
        }
    }

    /// Number of bits that hold every value, at least one.
    pub fn width(self) -> u32 {
        match self {
            Self::Choice(count) => (u32::BITS - count.saturating_sub(1).leading_zeros()).max(1),
            Self::Bits(width) => width,
        }
    }
}

/// A value of some sort: known, or a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// This number.
    Known(u128),
    /// Whatever the variable is.
    Free(Var),
}

/// What a term is made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Node {
    /// A constant.
    Literal(bool),
    /// The variable is in the set, which is neither empty nor all of its values.
    Within(Var, ValueSet),
    /// Two different variables have the same value; the smaller one first.
    Same(Var, Var),
    /// The negation of something that is neither a constant nor [`Self::Within`].
    Not(Bool),
    /// Two or more conditions, sorted: all hold.
    And(Box<[Bool]>),
    /// Two or more conditions, sorted: at least one holds.
    Or(Box<[Bool]>),
}

/// A declared variable.
#[derive(Clone, Debug)]
pub struct Variable {
    /// For people.
    pub name: String,
    /// Its sort.
    pub sort: Sort,
    /// The values that it can have.
    pub domain: ValueSet,
}

/// All terms of one session.
#[derive(Clone, Debug)]
pub struct Terms {
    nodes: Vec<Node>,
    ids: FxHashMap<Node, Bool>,
    variables: Vec<Variable>,
}

impl Default for Terms {
    fn default() -> Self {
        let mut terms = Self { nodes: Vec::new(), ids: FxHashMap::default(), variables: Vec::new() };
        terms.intern(Node::Literal(false));
        terms.intern(Node::Literal(true));
        terms
    }
}

impl Terms {
    /// A variable with the given values of its sort.
    pub fn declare(&mut self, name: impl Into<String>, sort: Sort, domain: &ValueSet) -> Scalar {
        let var = Var(self.variables.len() as u32);
        self.variables.push(Variable {
            name: name.into(),
            sort,
            domain: domain.intersection(&sort.values()),
        });
        Scalar::Free(var)
    }

    /// A variable that is true or false.
    pub fn declare_bool(&mut self, name: impl Into<String>) -> Bool {
        let scalar = self.declare(name, Sort::Choice(2), &Sort::Choice(2).values());
        self.within(scalar, &ValueSet::single(1))
    }

    /// The variables, in the order of their declaration.
    pub fn variables(&self) -> impl Iterator<Item = (Var, &Variable)> {
        self.variables.iter().enumerate().map(|(index, variable)| (Var(index as u32), variable))
    }

    /// A declared variable; `None` for one of other terms.
    pub fn variable(&self, var: Var) -> Option<&Variable> {
        self.variables.get(var.index())
    }

    /// What a term is made of; a term of others is false.
    pub fn node(&self, term: Bool) -> &Node {
        self.nodes.get(term.index()).unwrap_or(&Node::Literal(false))
    }

    /// Number of distinct terms.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is no term, which is never so: the constants are there.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The value is in the set.
    pub fn within(&mut self, value: Scalar, set: &ValueSet) -> Bool {
        match value {
            Scalar::Known(number) => Bool::from_literal(set.contains(number)),
            Scalar::Free(var) => {
                let Some(variable) = self.variables.get(var.index()) else { return Bool::FALSE };
                let set = variable.domain.intersection(set);
                if set.is_empty() {
                    Bool::FALSE
                } else if set == variable.domain {
                    Bool::TRUE
                } else {
                    self.intern(Node::Within(var, set))
                }
            }
        }
    }

    /// The value is this one.
    pub fn is(&mut self, value: Scalar, number: u128) -> Bool {
        self.within(value, &ValueSet::single(number))
    }

    /// The two values, of the same sort, are equal.
    pub fn same(&mut self, left: Scalar, right: Scalar) -> Bool {
        match (left, right) {
            (Scalar::Known(number), value) | (value, Scalar::Known(number)) => self.is(value, number),
            (Scalar::Free(left), Scalar::Free(right)) if left == right => Bool::TRUE,
            (Scalar::Free(left), Scalar::Free(right)) => {
                let domain = |var: Var| self.variables.get(var.index()).map(|variable| &variable.domain);
                match (domain(left), domain(right)) {
                    (Some(ours), Some(theirs)) if ours.intersects(theirs) => {
                        self.intern(Node::Same(left.min(right), left.max(right)))
                    }
                    _ => Bool::FALSE,
                }
            }
        }
    }

    /// The terms that these are made of, themselves included, parts before wholes.
    pub fn parts(&self, roots: &[Bool]) -> Vec<Bool> {
        let mut seen = rustc_hash::FxHashSet::default();
        let mut open = roots.to_vec();
        let mut found = Vec::new();
        while let Some(term) = open.pop() {
            if !seen.insert(term) {
                continue;
            }
            found.push(term);
            match self.node(term) {
                Node::Literal(_) | Node::Within(..) | Node::Same(..) => {}
                Node::Not(part) => open.push(*part),
                Node::And(parts) | Node::Or(parts) => open.extend(parts.iter().copied()),
            }
        }
        found.sort_unstable();
        found
    }

    /// The truth of a term under these values; a variable without one has the smallest of its domain.
    pub fn evaluate(&self, term: Bool, values: &BTreeMap<Var, u128>) -> bool {
        let value = |var: &Var| match values.get(var) {
            Some(value) => Some(*value),
            None => self.variable(*var).and_then(|variable| variable.domain.first()),
        };
        let mut truth: FxHashMap<Bool, bool> = FxHashMap::default();
        for part in self.parts(&[term]) {
            let holds = |part: &Bool| truth.get(part).copied().unwrap_or(false);
            let result = match self.node(part) {
                Node::Literal(value) => *value,
                Node::Within(var, set) => value(var).is_some_and(|value| set.contains(value)),
                Node::Same(left, right) => value(left) == value(right),
                Node::Not(inner) => !holds(inner),
                Node::And(parts) => parts.iter().all(holds),
                Node::Or(parts) => parts.iter().any(holds),
            };
            truth.insert(part, result);
        }
        truth.get(&term).copied().unwrap_or(false)
    }

    /// Forgets every term but the first `count`. Whoever keeps one of the others keeps nothing.
    pub(crate) fn truncate(&mut self, count: usize) {
        for node in self.nodes.drain(count.min(self.nodes.len())..) {
            self.ids.remove(&node);
        }
    }

    fn intern(&mut self, node: Node) -> Bool {
        if let Some(&known) = self.ids.get(&node) {
            return known;
        }
        let id = Bool(self.nodes.len() as u32);
        self.nodes.push(node.clone());
        self.ids.insert(node, id);
        id
    }
}

#[cfg(test)]
mod tests;
