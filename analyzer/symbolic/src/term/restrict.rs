//! What is left of a term once some variables are known better.

use rustc_hash::FxHashMap;

use super::{Bool, Node, Scalar, Terms, ValueSet, Var};

/// What is known of some variables.
#[derive(Clone, Debug, Default)]
pub struct Context {
    known: FxHashMap<Var, ValueSet>,
}

impl Context {
    /// Nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds that the value is in the set.
    pub fn learn(&mut self, value: Scalar, set: &ValueSet) {
        if let Scalar::Free(var) = value {
            self.known
                .entry(var)
                .and_modify(|known| *known = known.intersection(set))
                .or_insert_with(|| set.clone());
        }
    }

    /// What a conjunction says of single variables.
    pub fn of(terms: &Terms, condition: Bool) -> Self {
        let mut context = Self::default();
        let mut learn = |term: Bool| {
            if let Node::Within(var, set) = terms.node(term) {
                context.learn(Scalar::Free(*var), set);
            }
        };
        match terms.node(condition) {
            Node::And(parts) => parts.iter().copied().for_each(&mut learn),
            _ => learn(condition),
        }
        context
    }

    /// What is known of a variable, if anything is.
    pub fn get(&self, var: Var) -> Option<&ValueSet> {
        self.known.get(&var)
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }
}

impl Terms {
    /// A term that is equal to this one wherever the context holds, and usually smaller.
    pub fn restrict(&mut self, term: Bool, context: &Context) -> Bool {
        if context.is_empty() || term.literal().is_some() {
            return term;
        }
        let mut done: FxHashMap<Bool, Bool> = FxHashMap::default();
        for part in self.parts(&[term]) {
            let look = |term: &Bool| done.get(term).copied().unwrap_or(*term);
            let result = match self.node(part).clone() {
                Node::Literal(_) => part,
                Node::Within(var, set) => match context.get(var) {
                    Some(known) if !known.intersects(&set) => Bool::FALSE,
                    Some(known) if known.is_subset(&set) => Bool::TRUE,
                    _ => part,
                },
                Node::Same(left, right) => {
                    let (left, right) = (context.scalar(left), context.scalar(right));
                    self.same(left, right)
                }
                Node::Not(inner) => {
                    let inner = look(&inner);
                    self.not(inner)
                }
                Node::And(parts) => {
                    let parts: Vec<_> = parts.iter().map(look).collect();
                    self.and(parts)
                }
                Node::Or(parts) => {
                    let parts: Vec<_> = parts.iter().map(look).collect();
                    self.or(parts)
                }
            };
            done.insert(part, result);
        }
        done.get(&term).copied().unwrap_or(term)
    }
}

impl Terms {
    /// A conjunction with what its parts say of single variables carried into the other parts, until
    /// nothing changes: settles most questions about rules of different namespaces.
    pub fn propagate(&mut self, condition: Bool) -> Bool {
        let mut condition = condition;
        loop {
            let Node::And(parts) = self.node(condition).clone() else { return condition };
            let context = Context::of(self, condition);
            let parts: Vec<_> = parts
                .iter()
                .map(|part| match self.node(*part) {
                    Node::Within(..) => *part,
                    _ => self.restrict(*part, &context),
                })
                .collect();
            let next = self.and(parts);
            if next == condition {
                return condition;
            }
            condition = next;
        }
    }
}

impl Terms {
    /// Whether a term's own conditions on single variables contradict the context: cheap, and enough to
    /// tell rules of different namespaces apart.
    pub fn clashes(&self, term: Bool, context: &Context) -> bool {
        let clash = |part: Bool| match self.node(part) {
            Node::Within(var, set) => context.get(*var).is_some_and(|known| !known.intersects(set)),
            Node::Literal(value) => !value,
            Node::Same(..) | Node::Not(_) | Node::And(_) | Node::Or(_) => false,
        };
        match self.node(term) {
            Node::And(parts) => parts.iter().any(|part| clash(*part)),
            _ => clash(term),
        }
    }
}

impl Context {
    /// The variable, or its value where there is only one left.
    fn scalar(&self, var: Var) -> Scalar {
        match self.known.get(&var).map(ValueSet::intervals) {
            Some([(first, last)]) if first == last => Scalar::Known(*first),
            _ => Scalar::Free(var),
        }
    }
}
