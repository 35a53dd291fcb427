//! Flows found by trying.
//!
//! Most rules are needed, and a few steps from any flow lead to one that shows it: whatever is wrong with
//! the flow, change a value that mends it. That costs a thousandth of a question to the solver, which is
//! left with those that trying does not settle. A flow that is found is one: it is evaluated.

use crate::term::{Bool, Context, Node, Terms, ValueSet, Var};

/// Steps after which trying is given up.
const STEPS: usize = 200;

/// Whether some flow is found that meets all of `required` and none of `forbidden`; the context is what
/// every such flow has in common. Not to find one says nothing.
pub(crate) fn succeeds(terms: &Terms, context: &Context, required: &[Bool], forbidden: &[Bool]) -> bool {
    let mut attempt = Attempt::new(terms, context);
    for _ in 0..STEPS {
        if let Some(missed) = required.iter().find(|term| !attempt.holds(**term)) {
            attempt.steer(*missed, true);
        } else if let Some(met) = forbidden.iter().find(|term| attempt.holds(**term)) {
            attempt.steer(*met, false);
        } else {
            return true;
        }
    }
    false
}

/// One flow, changed step by step.
struct Attempt<'t> {
    terms: &'t Terms,
    context: &'t Context,
    values: Vec<u128>,
    /// What is known of each term since the values last changed: twice the number of changes, plus its truth.
    truths: Vec<u32>,
    changes: u32,
    random: u64,
}

impl<'t> Attempt<'t> {
    fn new(terms: &'t Terms, context: &'t Context) -> Self {
        let truths = vec![0; terms.len()];
        // Any seed does; the same one every time, so that the same questions go to the solver.
        let mut attempt =
            Self { terms, context, values: Vec::new(), truths, changes: 1, random: 0x9e37_79b9_7f4a_7c15 };
        for (var, _) in terms.variables() {
            let value = attempt.pick(&attempt.allowed(var)).unwrap_or_default();
            attempt.values.push(value);
        }
        attempt
    }

    fn allowed(&self, var: Var) -> ValueSet {
        let known = self.context.get(var);
        known
            .or_else(|| self.terms.variable(var).map(|variable| &variable.domain))
            .cloned()
            .unwrap_or_default()
    }

    fn value(&self, var: Var) -> u128 {
        self.values.get(var.index()).copied().unwrap_or_default()
    }

    fn set(&mut self, var: Var, value: u128) {
        if let Some(slot) = self.values.get_mut(var.index()) {
            *slot = value;
            self.changes += 1;
        }
    }

    fn below(&mut self, bound: usize) -> usize {
        // Xorshift: what matters is that no pattern of the policies repeats in it.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        usize::try_from(self.random % bound.max(1) as u64).unwrap_or_default()
    }

    /// Some value of the set: the ends of its intervals as often as what is between them.
    fn pick(&mut self, set: &ValueSet) -> Option<u128> {
        let intervals = set.intervals();
        let index = self.below(intervals.len());
        let &(first, last) = intervals.get(index)?;
        let width = last - first;
        Some(match self.below(4) {
            0 => first,
            1 => last,
            _ => first + (u128::from(self.random) << 64 | u128::from(self.random)) % width.saturating_add(1),
        })
    }

    fn known(&self, term: Bool) -> Option<bool> {
        let known = self.truths.get(term.index()).copied().unwrap_or_default();
        (known >> 1 == self.changes).then_some(known & 1 == 1)
    }

    /// The truth of a term under the values, by a stack of its own: terms are as deep as there are rules.
    fn holds(&mut self, root: Bool) -> bool {
        let mut open = vec![(root, 0)];
        let mut truth = false;
        while let Some((term, next)) = open.pop() {
            if next == 0
                && let Some(known) = self.known(term)
            {
                truth = known;
                continue;
            }
            match self.terms.node(term) {
                Node::Literal(value) => truth = *value,
                Node::Within(var, set) => truth = set.contains(self.value(*var)),
                Node::Same(left, right) => truth = self.value(*left) == self.value(*right),
                Node::Not(inner) if next == 0 => {
                    open.extend([(term, 1), (*inner, 0)]);
                    continue;
                }
                Node::Not(_) => truth = !truth,
                node @ (Node::And(parts) | Node::Or(parts)) => {
                    let settles = matches!(node, Node::Or(_));
                    if next == 0 || truth != settles {
                        if let Some(part) = parts.get(next) {
                            open.extend([(term, next + 1), (*part, 0)]);
                            continue;
                        }
                        truth = !settles;
                    }
                }
            }
            if let Some(known) = self.truths.get_mut(term.index()) {
                *known = self.changes << 1 | u32::from(truth);
            }
        }
        truth
    }

    /// Changes values so that the term has this truth, or comes nearer to it.
    fn steer(&mut self, root: Bool, wanted: bool) {
        let terms = self.terms;
        let mut open = vec![(root, wanted)];
        while let Some((term, wanted)) = open.pop() {
            if self.holds(term) == wanted {
                continue;
            }
            match terms.node(term) {
                Node::Literal(_) => {}
                Node::Not(inner) => open.push((*inner, !wanted)),
                Node::Within(var, set) => {
                    if let Some(value) = self.pick(&self.reaching(*var, set, wanted)) {
                        self.set(*var, value);
                    }
                }
                Node::Same(left, right) => {
                    let set = ValueSet::single(self.value(*left));
                    if let Some(value) = self.pick(&self.reaching(*right, &set, wanted)) {
                        self.set(*right, value);
                    }
                }
                node @ (Node::And(parts) | Node::Or(parts)) => {
                    if wanted == matches!(node, Node::And(_)) {
                        open.extend(parts.iter().map(|part| (*part, wanted)));
                    } else {
                        let able: Vec<Bool> =
                            parts.iter().copied().filter(|part| self.able(*part, wanted)).collect();
                        let index = self.below(able.len());
                        open.extend(able.get(index).map(|part| (*part, wanted)));
                    }
                }
            }
        }
    }

    /// The values that a variable may have inside of a set, or outside of it.
    fn reaching(&self, var: Var, set: &ValueSet, inside: bool) -> ValueSet {
        let allowed = self.allowed(var);
        if inside { allowed.intersection(set) } else { allowed.difference(set) }
    }

    /// Whether a term may have this truth at all, as far as one look tells.
    fn able(&self, term: Bool, wanted: bool) -> bool {
        match self.terms.node(term) {
            Node::Literal(value) => *value == wanted,
            Node::Within(var, set) => !self.reaching(*var, set, wanted).is_empty(),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::term::{Scalar, Sort};

    use super::*;

    fn variables(terms: &mut Terms, count: u32) -> Vec<Scalar> {
        let sort = Sort::Choice(4);
        (0..count).map(|index| terms.declare(format!("v{index}"), sort, &sort.values())).collect()
    }

    #[test]
    fn finds_its_way_past_everything_that_is_forbidden() {
        let mut terms = Terms::default();
        let vars = variables(&mut terms, 12);
        let required = terms.is(vars[0], 1);
        // Of every pair of neighbours, all but equal values are forbidden.
        let forbidden: Vec<_> = vars
            .windows(2)
            .flat_map(|pair| (0..4).map(move |value| (pair[0], pair[1], value)))
            .map(|(left, right, value)| {
                let (is, other) = (terms.is(left, value), terms.is(right, value));
                terms.and_not(is, other)
            })
            .collect();
        assert!(succeeds(&terms, &Context::of(&terms, required), &[required], &forbidden));
    }

    #[test]
    fn finds_nothing_where_nothing_is() {
        let mut terms = Terms::default();
        let vars = variables(&mut terms, 2);
        let [one, other] = [0, 1].map(|index| terms.is(vars[index], 0));
        let both = terms.and([one, other]);
        let neither = terms.or([one, other]);
        let neither = terms.not(neither);
        let exactly_one = terms.differs(one, other);
        let context = Context::new();
        assert!(!succeeds(&terms, &context, &[], &[both, neither, exactly_one]));
        assert!(succeeds(&terms, &context, &[], &[both, neither]));
        assert!(succeeds(&terms, &context, &[exactly_one], &[]));
        assert!(!succeeds(&terms, &context, &[Bool::FALSE], &[]));
    }
}
