//! One flow out of many: always the same, and the plainest.
//!
//! A solver may answer with any flow. Fixing one variable after the other to the value that reads best
//! gives an answer that does not depend on the solver's version or mood, without labels that do not
//! matter.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::solver::{Answer, Assignment, Solver};
use crate::term::{Bool, Node, Scalar, Terms, ValueSet, Var};
use crate::vocabulary::{Domain, Vocabulary};
use crate::world::{EndTerms, FlowTerms, kind};

/// A variable, and the values that read best, in this order.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    var: Var,
    preferred: Vec<u128>,
}

/// The variables of a flow in the order in which to fix them.
pub(crate) fn choices(terms: &Terms, vocabulary: &Vocabulary, flow: &FlowTerms) -> Vec<Choice> {
    let mut list = Vec::new();
    let ends = [(&flow.src, 1), (&flow.dst, 2)];
    for (end, _) in ends {
        scalar(&mut list, end.kind, [kind::POD, kind::ADDRESS, kind::NODE]);
        boolean(terms, &mut list, end.host_network, false);
    }
    for (end, _) in ends {
        let names = &vocabulary.names;
        scalar(&mut list, end.namespace, names.present().difference(&names.mentioned()).first());
    }
    for (end, _) in ends {
        labels(&mut list, &vocabulary.namespaces, &end.namespace_labels);
        labels(&mut list, &vocabulary.pods, &end.labels);
        labels(&mut list, &vocabulary.nodes, &end.node_labels);
    }
    scalar(&mut list, flow.family, [0]);
    scalar(&mut list, flow.protocol, [0, 1, 2]);
    scalar(&mut list, flow.port, [80, 443]);
    for (end, number) in ends {
        end.ports.values().for_each(|declares| boolean(terms, &mut list, *declares, false));
        boolean(terms, &mut list, end.addressed, true);
        addresses(&mut list, end, number);
    }
    list
}

fn scalar(list: &mut Vec<Choice>, value: Scalar, preferred: impl IntoIterator<Item = u128>) {
    if let Scalar::Free(var) = value {
        list.push(Choice { var, preferred: preferred.into_iter().collect() });
    }
}

fn boolean(terms: &Terms, list: &mut Vec<Choice>, value: Bool, preferred: bool) {
    if let Node::Within(var, _) = terms.node(value) {
        list.push(Choice { var: *var, preferred: vec![u128::from(preferred)] });
    }
}

fn labels(list: &mut Vec<Choice>, domains: &BTreeMap<Box<str>, Domain>, labels: &BTreeMap<Box<str>, Scalar>) {
    for (key, domain) in domains {
        if let Some(label) = labels.get(key) {
            let other = domain.present().difference(&domain.mentioned()).first();
            scalar(list, *label, [domain.absent()].into_iter().chain(other));
        }
    }
}

/// Addresses for documentation and private use, different ones for the two ends.
fn addresses(list: &mut Vec<Choice>, end: &EndTerms, number: u8) {
    for address in &end.addresses {
        let preferred: Vec<u128> = if address.v6 {
            let group = u16::from(number);
            let networks = [[0x2001, 0xdb8], [0xfd00, 0]];
            let of = |[a, b]: [u16; 2]| Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, group).to_bits();
            networks.map(of).to_vec()
        } else {
            let networks = [[192, 0, 2], [10, 0, 0]];
            let of = |[a, b, c]: [u8; 3]| u128::from(Ipv4Addr::new(a, b, c, number).to_bits());
            networks.map(of).to_vec()
        };
        scalar(list, address.bits, preferred);
    }
}

/// Fixes the variables one after the other. The solver holds the conditions; `about` are the same, and
/// `values` are values for which they hold.
pub(crate) fn settle(
    solver: &mut dyn Solver,
    terms: &mut Terms,
    choices: &[Choice],
    about: [Bool; 2],
    values: Assignment,
) -> Assignment {
    let cuts = cuts(terms, about);
    let mut settling = Settling { solver, terms, values };
    let mut indifferent = Assignment::default();
    for choice in choices {
        match cuts.get(&choice.var) {
            Some(cuts) => settling.fix(choice, cuts),
            None => indifferent.extend(choice.preferred.first().map(|value| (choice.var, *value))),
        }
    }
    // Nothing depends on these, but a solver that has met them in earlier questions has values for them.
    settling.values.extend(indifferent);
    settling.values
}

/// Where the sets that variables are compared with begin, and where what follows them begins: between
/// two cuts, no value differs from its neighbour.
fn cuts(terms: &Terms, about: [Bool; 2]) -> BTreeMap<Var, BTreeSet<u128>> {
    let mut cuts: BTreeMap<Var, BTreeSet<u128>> = BTreeMap::new();
    for part in terms.parts(&about) {
        match terms.node(part) {
            Node::Within(var, set) => {
                let starts =
                    set.intervals().iter().flat_map(|(first, last)| [Some(*first), last.checked_add(1)]);
                cuts.entry(*var).or_default().extend(starts.flatten());
            }
            Node::Same(left, right) => {
                for var in [left, right] {
                    cuts.entry(*var).or_default();
                }
            }
            Node::Literal(_) | Node::Not(_) | Node::And(_) | Node::Or(_) => {}
        }
    }
    for (var, cuts) in &mut cuts {
        if let Some(domain) = terms.variable(*var).map(|variable| &variable.domain) {
            cuts.retain(|cut| domain.contains(*cut));
            cuts.extend(domain.first());
        }
    }
    cuts
}

struct Settling<'a> {
    solver: &'a mut dyn Solver,
    terms: &'a mut Terms,
    values: Assignment,
}

impl Settling<'_> {
    /// Whether the variable can have a value of the set; if so, the values change to such ones.
    fn try_set(&mut self, var: Var, set: &ValueSet) -> bool {
        if self.values.get(&var).is_some_and(|value| set.contains(*value)) {
            return true;
        }
        let condition = self.terms.within(Scalar::Free(var), set);
        if condition == Bool::FALSE {
            return false;
        }
        match self.solver.check(self.terms, &[condition]) {
            Answer::Satisfiable(values) => {
                // Variables that the solver has not met keep the values that were chosen for them.
                self.values.extend(values);
                true
            }
            Answer::Unsatisfiable(_) | Answer::Unknown(_) => false,
        }
    }

    fn fix(&mut self, choice: &Choice, cuts: &BTreeSet<u128>) {
        let var = choice.var;
        let preferred = choice.preferred.iter().find(|value| self.try_set(var, &ValueSet::single(**value)));
        if preferred.is_none() {
            self.lower(var, cuts);
        }
        if let Some(value) = self.values.get(&var) {
            let fixed = self.terms.is(Scalar::Free(var), *value);
            self.solver.assert(self.terms, fixed);
        }
    }

    /// The lowest stretch between two cuts that has a possible value, and there the first value.
    fn lower(&mut self, var: Var, cuts: &BTreeSet<u128>) {
        let starts: Vec<u128> = cuts.iter().copied().collect();
        let (mut low, mut high) = (0, starts.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let end = starts.get(middle + 1).map_or(u128::MAX, |next| next - 1);
            if self.try_set(var, &ValueSet::range(0, end)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        if let Some(start) = starts.get(low) {
            // Where variables are compared with each other, the first value need not be possible.
            self.try_set(var, &ValueSet::single(*start));
        }
    }
}
