//! From an expression to an automaton: Thompson's construction, then sets of states.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::super::IntervalSet;
use super::alphabet::{self, Symbol};
use super::dfa::{Dfa, Draft, State, Steps, push_step};
use super::{MAX_STATES, TooLarge};

/// An expression over symbols.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    /// One symbol of a set.
    Set(IntervalSet<Symbol>),
    /// A condition on the place in the text.
    Look(Look),
    /// One after the other.
    Concat(Vec<Expression>),
    /// Any of them.
    Alternation(Vec<Expression>),
    /// At least so often, and at most so often if there is a limit.
    Repeat(Box<Expression>, u32, Option<u32>),
}

impl Expression {
    /// Any text.
    pub(super) fn anything() -> Self {
        Self::Repeat(Box::new(Self::Set(alphabet::every())), 0, None)
    }

    /// This text.
    pub(super) fn literal(text: &str) -> Self {
        Self::Concat(
            text.chars()
                .map(|character| {
                    Self::Set(alphabet::symbol(character).map_or(IntervalSet::EMPTY, IntervalSet::single))
                })
                .collect(),
        )
    }
}

/// A condition on a place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The text starts here.
    Start,
    /// The text ends here.
    End,
    /// A word of ASCII letters, digits and `_` starts or ends here.
    Boundary,
    /// No word starts or ends here.
    NoBoundary,
}

/// What stands beside a place in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Beside {
    Edge,
    Word,
    Other,
}

impl Look {
    fn holds(self, before: Beside, after: Beside) -> bool {
        let boundary = (before == Beside::Word) != (after == Beside::Word);
        match self {
            Self::Start => before == Beside::Edge,
            Self::End => after == Beside::Edge,
            Self::Boundary => boundary,
            Self::NoBoundary => !boundary,
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Node {
    /// Consumes a symbol of the class with this number.
    Set(u32, State),
    Split(State, State),
    Look(Look, State),
    Accept,
}

const MAX_NODES: usize = 50_000;
/// How much the sets of states may hold together: what bounds time and memory.
const MAX_WORK: usize = 4_000_000;

/// The automaton of an expression.
pub(super) fn compile(expression: &Expression) -> Result<Dfa, TooLarge> {
    let mut nfa = Nfa { nodes: vec![Node::Accept], classes: FxHashMap::default(), looks: false };
    let start = nfa.add(expression, 0)?;
    nfa.determinise(start)
}

struct Nfa {
    nodes: Vec<Node>,
    classes: FxHashMap<IntervalSet<Symbol>, u32>,
    looks: bool,
}

impl Nfa {
    fn node(&mut self, node: Node) -> Result<State, TooLarge> {
        if self.nodes.len() >= MAX_NODES {
            return Err(TooLarge);
        }
        self.nodes.push(node);
        Ok(self.nodes.len() as State - 1)
    }

    /// Adds an expression that goes on at `next`, and returns where it starts.
    fn add(&mut self, expression: &Expression, next: State) -> Result<State, TooLarge> {
        match expression {
            Expression::Set(symbols) => {
                let number = self.classes.len() as u32;
                let class = *self.classes.entry(symbols.clone()).or_insert(number);
                self.node(Node::Set(class, next))
            }
            Expression::Look(look) => {
                self.looks = true;
                self.node(Node::Look(*look, next))
            }
            Expression::Concat(parts) => parts.iter().rev().try_fold(next, |next, part| self.add(part, next)),
            Expression::Alternation(parts) => {
                let mut start = None;
                for part in parts.iter().rev() {
                    let part = self.add(part, next)?;
                    start = Some(match start {
                        None => part,
                        Some(others) => self.node(Node::Split(part, others))?,
                    });
                }
                Ok(start.unwrap_or(next))
            }
            Expression::Repeat(part, least, most) => {
                let mut start = match most {
                    None => {
                        // The loop needs its own number before its body can lead back to it.
                        let fork = self.node(Node::Split(next, next))?;
                        let body = self.add(part, fork)?;
                        if let Some(node) = self.nodes.get_mut(fork as usize) {
                            *node = Node::Split(body, next);
                        }
                        fork
                    }
                    Some(most) => {
                        let mut start = next;
                        for _ in *least..*most {
                            let body = self.add(part, start)?;
                            start = self.node(Node::Split(body, next))?;
                        }
                        start
                    }
                };
                for _ in 0..*least {
                    start = self.add(part, start)?;
                }
                Ok(start)
            }
        }
    }

    /// The states that are reached from these without a symbol, at a place between these neighbours.
    fn closure(&self, from: &[State], before: Beside, after: Beside, seen: &mut Seen) -> Vec<State> {
        seen.clear();
        let mut stack: Vec<State> = from.to_vec();
        let mut closure = Vec::new();
        while let Some(state) = stack.pop() {
            if !seen.insert(state) {
                continue;
            }
            match self.nodes.get(state as usize) {
                Some(Node::Split(left, right)) => stack.extend([*left, *right]),
                Some(Node::Look(look, next)) if look.holds(before, after) => stack.push(*next),
                Some(Node::Set(..) | Node::Accept) => closure.push(state),
                _ => {}
            }
        }
        closure
    }

    fn determinise(&self, start: State) -> Result<Dfa, TooLarge> {
        let cut = Cut::new(self)?;
        let mut seen = Seen::new(self.nodes.len());
        let mut keys: Vec<(Vec<State>, Beside)> = vec![(vec![start], Beside::Edge)];
        let mut number: FxHashMap<(Vec<State>, Beside), State> = FxHashMap::default();
        number.insert((vec![start], Beside::Edge), 0);
        let mut draft: Vec<Draft> = Vec::new();
        let mut work = 0;
        while let Some((kernel, before)) = keys.get(draft.len()).cloned() {
            let mut closures = |after| self.closure(&kernel, before, after, &mut seen);
            let at_end = closures(Beside::Edge);
            let (before_word, before_other) = if self.looks {
                (closures(Beside::Word), closures(Beside::Other))
            } else {
                Default::default()
            };
            let accepts = at_end.contains(&0);
            let mut targets = Vec::with_capacity(cut.groups.len());
            for group in &cut.groups {
                let closure = match (self.looks, group.word) {
                    (false, _) => &at_end,
                    (true, true) => &before_word,
                    (true, false) => &before_other,
                };
                let mut next: Vec<State> = closure
                    .iter()
                    .filter_map(|state| match self.nodes.get(*state as usize) {
                        Some(Node::Set(class, next)) if group.holds(*class) => Some(*next),
                        _ => None,
                    })
                    .collect();
                next.sort_unstable();
                next.dedup();
                work += closure.len() + 1;
                let beside = match (self.looks, group.word) {
                    (true, true) => Beside::Word,
                    // Without conditions nobody asks.
                    _ => Beside::Other,
                };
                let fresh = keys.len() as State;
                let key = (next, beside);
                let target = if let Some(target) = number.get(&key) {
                    *target
                } else {
                    number.insert(key.clone(), fresh);
                    keys.push(key);
                    fresh
                };
                targets.push(target);
            }
            let mut steps = Steps::new();
            for (first, group) in &cut.intervals {
                push_step(&mut steps, *first, targets.get(*group).copied().unwrap_or(0));
            }
            work += kernel.len() + steps.len();
            if work > MAX_WORK || keys.len() > MAX_STATES {
                return Err(TooLarge);
            }
            draft.push(Draft { accepts, steps });
        }
        Ok(Dfa::new(&draft))
    }
}

/// A set of states that is emptied in no time.
struct Seen {
    round: u32,
    rounds: Vec<u32>,
}

impl Seen {
    fn new(size: usize) -> Self {
        Self { round: 0, rounds: vec![0; size] }
    }

    fn clear(&mut self) {
        self.round += 1;
    }

    fn insert(&mut self, state: State) -> bool {
        match self.rounds.get_mut(state as usize) {
            Some(round) if *round != self.round => {
                *round = self.round;
                true
            }
            _ => false,
        }
    }
}

/// The alphabet cut into intervals on which all classes of an expression are constant, and these
/// gathered into groups that no class tells apart.
struct Cut {
    intervals: Vec<(Symbol, usize)>,
    groups: Vec<SymbolGroup>,
}

struct SymbolGroup {
    classes: BTreeSet<u32>,
    word: bool,
}

impl SymbolGroup {
    fn holds(&self, class: u32) -> bool {
        self.classes.contains(&class)
    }
}

/// The number of the class of words, which no class of an expression reaches.
const WORD: u32 = u32::MAX;

impl Cut {
    fn new(nfa: &Nfa) -> Result<Self, TooLarge> {
        let word = IntervalSet::from_intervals(
            [('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]
                .into_iter()
                .filter_map(|(first, last)| alphabet::symbol(first).zip(alphabet::symbol(last))),
        );
        let mut classes: Vec<(&IntervalSet<Symbol>, u32)> =
            nfa.classes.iter().map(|(symbols, number)| (symbols, *number)).collect();
        classes.sort_unstable_by_key(|(_, number)| *number);
        // Where each class begins and ends; a word is a class of its own if an expression asks for it.
        if nfa.looks {
            classes.push((&word, WORD));
        }
        let mut events: Vec<(Symbol, bool, u32)> = Vec::new();
        for (symbols, number) in &classes {
            for (first, last) in symbols.intervals() {
                events.push((*first, true, *number));
                events.push((last + 1, false, *number));
            }
        }
        events.sort_unstable();
        let mut intervals = Vec::new();
        let mut groups: Vec<SymbolGroup> = Vec::new();
        let mut number: FxHashMap<Vec<u32>, usize> = FxHashMap::default();
        let mut open: BTreeSet<u32> = BTreeSet::new();
        let mut work = 0;
        let mut at = 0;
        let mut events = events.into_iter().peekable();
        loop {
            while let Some((_, starts, class)) = events.next_if(|(symbol, ..)| *symbol == at) {
                if starts {
                    open.insert(class)
                } else {
                    open.remove(&class)
                };
            }
            if at <= alphabet::LAST {
                work += open.len() + 1;
                if work > MAX_WORK {
                    return Err(TooLarge);
                }
                let key: Vec<u32> = open.iter().copied().collect();
                let group = *number.entry(key).or_insert_with(|| {
                    groups.push(SymbolGroup { classes: open.clone(), word: open.contains(&WORD) });
                    groups.len() - 1
                });
                intervals.push((at, group));
            }
            match events.peek() {
                Some((next, ..)) => at = *next,
                None => break,
            }
        }
        Ok(Self { intervals, groups })
    }
}
