//! Negation, conjunction and disjunction, folded.

use std::collections::BTreeMap;

use super::{Bool, Node, Terms, ValueSet, Var};

/// Conjunction and disjunction are the same code, mirrored.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connective {
    All,
    Any,
}

impl Connective {
    /// The constant that settles the whole.
    const fn settles(self) -> Bool {
        match self {
            Self::All => Bool::FALSE,
            Self::Any => Bool::TRUE,
        }
    }

    fn combine(self, left: &ValueSet, right: &ValueSet) -> ValueSet {
        match self {
            Self::All => left.intersection(right),
            Self::Any => left.union(right),
        }
    }
}

impl Terms {
    /// The opposite.
    pub fn not(&mut self, term: Bool) -> Bool {
        match self.node(term).clone() {
            Node::Literal(value) => Bool::from_literal(!value),
            Node::Not(inner) => inner,
            Node::Within(var, set) => match self.variable(var) {
                Some(variable) => {
                    let rest = variable.domain.difference(&set);
                    self.intern(Node::Within(var, rest))
                }
                None => Bool::TRUE,
            },
            Node::Same(..) | Node::And(_) | Node::Or(_) => self.intern(Node::Not(term)),
        }
    }

    /// All of these.
    pub fn and(&mut self, terms: impl IntoIterator<Item = Bool>) -> Bool {
        self.combine(terms, Connective::All)
    }

    /// At least one of these.
    pub fn or(&mut self, terms: impl IntoIterator<Item = Bool>) -> Bool {
        self.combine(terms, Connective::Any)
    }

    /// This and not that.
    pub fn and_not(&mut self, this: Bool, that: Bool) -> Bool {
        let negated = self.not(that);
        self.and([this, negated])
    }

    /// If this, then that.
    pub fn implies(&mut self, this: Bool, that: Bool) -> Bool {
        let negated = self.not(this);
        self.or([negated, that])
    }

    /// Exactly one of the two.
    pub fn differs(&mut self, left: Bool, right: Bool) -> Bool {
        let (only_left, only_right) = (self.and_not(left, right), self.and_not(right, left));
        self.or([only_left, only_right])
    }

    fn combine(&mut self, terms: impl IntoIterator<Item = Bool>, connective: Connective) -> Bool {
        let mut sets: BTreeMap<Var, ValueSet> = BTreeMap::new();
        let mut others: Vec<Bool> = Vec::new();
        let mut open: Vec<Bool> = terms.into_iter().collect();
        while let Some(term) = open.pop() {
            match (self.node(term), connective) {
                (Node::Literal(_), _) => {
                    if term == connective.settles() {
                        return term;
                    }
                }
                (Node::And(parts), Connective::All) | (Node::Or(parts), Connective::Any) => {
                    open.extend(parts.iter().copied());
                }
                // Conditions on one variable become one condition: this finds what cannot be.
                (Node::Within(var, set), _) => {
                    sets.entry(*var)
                        .and_modify(|known| *known = connective.combine(known, set))
                        .or_insert_with(|| set.clone());
                }
                _ => others.push(term),
            }
        }
        others.sort_unstable();
        others.dedup();
        let contradicts = |term: &Bool| match self.node(*term) {
            Node::Not(inner) => others.binary_search(inner).is_ok(),
            _ => false,
        };
        if others.iter().any(contradicts) {
            return connective.settles();
        }
        for (var, set) in sets {
            let atom = self.within(super::Scalar::Free(var), &set);
            match atom.literal() {
                Some(_) if atom == connective.settles() => return atom,
                Some(_) => {}
                None => others.push(atom),
            }
        }
        others.sort_unstable();
        others.dedup();
        match others.as_slice() {
            [] => Bool::from_literal(connective == Connective::All),
            [only] => *only,
            _ => {
                let parts = others.into_boxed_slice();
                self.intern(match connective {
                    Connective::All => Node::And(parts),
                    Connective::Any => Node::Or(parts),
                })
            }
        }
    }
}
