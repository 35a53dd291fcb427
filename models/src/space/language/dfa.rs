//! Deterministic automata in the one form that each language has: minimal, complete, states in the
//! order in which a walk from the start meets them.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHasher};

use super::TooLarge;
use super::alphabet::{LAST, Symbol};

/// A state: its place in the automaton. The start is 0.
pub(super) type State = u32;

/// The transitions of a state: each leads on from its symbol to the one before the next. The first
/// begins at symbol 0, and neighbours lead to different states.
pub(super) type Steps = Vec<(Symbol, State)>;

/// A state of an automaton that need not be minimal.
#[derive(Debug)]
pub(super) struct Draft {
    /// Whether a text that ends here is in the language.
    pub(super) accepts: bool,
    /// Where each symbol leads.
    pub(super) steps: Steps,
}

/// A minimal automaton in canonical form: equal languages, equal automata.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Dfa {
    states: Vec<(bool, Steps)>,
    digest: u64,
}

impl Hash for Dfa {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest);
    }
}

impl Dfa {
    /// The canonical automaton of a draft, whose first state is the start and whose states can all be
    /// reached.
    pub(super) fn new(draft: &[Draft]) -> Self {
        let block = blocks(draft);
        let of = |state: State| block.get(state as usize).copied().unwrap_or(0);
        let mut number: FxHashMap<State, State> = FxHashMap::default();
        let mut queue = VecDeque::from([0_usize]);
        number.insert(of(0), 0);
        let mut states = Vec::new();
        while let Some(state) = queue.pop_front() {
            let Some(draft) = draft.get(state) else { continue };
            let mut steps = Steps::new();
            for (symbol, target) in &draft.steps {
                let next = number.len() as State;
                let target = *number.entry(of(*target)).or_insert_with(|| {
                    queue.push_back(*target as usize);
                    next
                });
                push_step(&mut steps, *symbol, target);
            }
            states.push((draft.accepts, steps));
        }
        let mut hasher = FxHasher::default();
        states.hash(&mut hasher);
        Self { states, digest: hasher.finish() }
    }

    /// The language of every text, or of none.
    pub(super) fn constant(accepts: bool) -> Self {
        Self::new(&[Draft { accepts, steps: vec![(0, 0)] }])
    }

    /// Number of states.
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether a text that ends in the state is in the language.
    pub(super) fn accepts(&self, state: State) -> bool {
        self.states.get(state as usize).is_some_and(|(accepts, _)| *accepts)
    }

    /// Where each symbol leads from the state.
    pub(super) fn steps(&self, state: State) -> &[(Symbol, State)] {
        self.states.get(state as usize).map_or(&[], |(_, steps)| steps)
    }

    /// The state after one symbol.
    pub(super) fn step(&self, state: State, symbol: Symbol) -> State {
        let steps = self.steps(state);
        let after = steps.partition_point(|(first, _)| *first <= symbol);
        after.checked_sub(1).and_then(|index| steps.get(index)).map_or(state, |(_, target)| *target)
    }

    /// Transitions of the state with the first and the last of their symbols.
    pub(super) fn ranges(&self, state: State) -> impl Iterator<Item = (Symbol, Symbol, State)> {
        let steps = self.steps(state);
        steps.iter().enumerate().map(|(index, (first, target))| {
            let last = steps.get(index + 1).map_or(LAST, |(next, _)| next - 1);
            (*first, last, *target)
        })
    }

    /// `Some(true)` for the language of every text, `Some(false)` for that of none.
    pub(super) fn is_constant(&self) -> Option<bool> {
        match self.states.as_slice() {
            [(accepts, _)] => Some(*accepts),
            _ => None,
        }
    }

    /// The automaton of the texts that are not in the language.
    pub(super) fn complement(&self) -> Self {
        let draft: Vec<Draft> = self
            .states
            .iter()
            .map(|(accepts, steps)| Draft { accepts: !accepts, steps: steps.clone() })
            .collect();
        Self::new(&draft)
    }

    /// The automaton of the texts of this one behind one more symbol.
    pub(super) fn behind(&self, symbol: Symbol) -> Self {
        // The new start and the state of no text come first.
        let mut steps = Steps::new();
        let around = [(0, 1), (symbol, 2), (symbol + 1, 1)];
        for (first, target) in around.into_iter().skip(usize::from(symbol == 0)) {
            if first <= LAST {
                push_step(&mut steps, first, target);
            }
        }
        let mut draft = vec![Draft { accepts: false, steps }, Draft { accepts: false, steps: vec![(0, 1)] }];
        draft.extend(self.shifted(2));
        Self::new(&draft)
    }

    /// The automaton of what may follow the symbol.
    pub(super) fn after(&self, symbol: Symbol) -> Self {
        let start = self.step(0, symbol);
        let mut draft: Vec<Draft> = self.shifted(1).collect();
        let copy = draft.get(start as usize).map_or_else(Steps::new, |state| state.steps.clone());
        draft.insert(0, Draft { accepts: self.accepts(start), steps: copy });
        Self::new(&draft)
    }

    fn shifted(&self, by: State) -> impl Iterator<Item = Draft> {
        self.states.iter().map(move |(accepts, steps)| Draft {
            accepts: *accepts,
            steps: steps.iter().map(|(symbol, target)| (*symbol, target + by)).collect(),
        })
    }

    /// The automaton of the texts for which the operation says so, given whether each language has them.
    pub(super) fn product(
        &self,
        other: &Self,
        operation: impl Fn(bool, bool) -> bool,
        limit: usize,
    ) -> Result<Self, TooLarge> {
        let mut number: FxHashMap<(State, State), State> = FxHashMap::default();
        let mut pairs = vec![(0, 0)];
        number.insert((0, 0), 0);
        let mut draft: Vec<Draft> = Vec::new();
        while let Some((left, right)) = pairs.get(draft.len()).copied() {
            let mut steps = Steps::new();
            let mut symbol = 0;
            let mut a = self.steps(left).iter().copied().peekable();
            let mut b = other.steps(right).iter().copied().peekable();
            let (mut to_left, mut to_right) = (left, right);
            loop {
                if let Some((_, target)) = a.next_if(|(first, _)| *first == symbol) {
                    to_left = target;
                }
                if let Some((_, target)) = b.next_if(|(first, _)| *first == symbol) {
                    to_right = target;
                }
                let next = pairs.len() as State;
                let target = *number.entry((to_left, to_right)).or_insert_with(|| {
                    pairs.push((to_left, to_right));
                    next
                });
                push_step(&mut steps, symbol, target);
                symbol = match (a.peek(), b.peek()) {
                    (Some((x, _)), Some((y, _))) => *x.min(y),
                    (Some((x, _)), None) | (None, Some((x, _))) => *x,
                    (None, None) => break,
                };
            }
            if pairs.len() > limit {
                return Err(TooLarge);
            }
            draft.push(Draft { accepts: operation(self.accepts(left), other.accepts(right)), steps });
        }
        Ok(Self::new(&draft))
    }

    /// For each state, the length of the shortest text from there into the language.
    pub(super) fn distances(&self) -> Vec<Option<u32>> {
        let mut before: Vec<Vec<State>> = vec![Vec::new(); self.len()];
        let mut distance: Vec<Option<u32>> = vec![None; self.len()];
        let mut queue = VecDeque::new();
        for (state, (accepts, steps)) in self.states.iter().enumerate() {
            for (_, target) in steps {
                if let Some(before) = before.get_mut(*target as usize) {
                    before.push(state as State);
                }
            }
            if *accepts && let Some(place) = distance.get_mut(state) {
                *place = Some(0);
                queue.push_back(state);
            }
        }
        while let Some(state) = queue.pop_front() {
            let here = distance.get(state).copied().flatten().unwrap_or(0);
            for previous in before.get(state).into_iter().flatten() {
                if let Some(place @ None) = distance.get_mut(*previous as usize) {
                    *place = Some(here + 1);
                    queue.push_back(*previous as usize);
                }
            }
        }
        distance
    }
}

/// Adds a transition, or lengthens the last one when it leads to the same state.
pub(super) fn push_step(steps: &mut Steps, symbol: Symbol, target: State) {
    if steps.last().is_none_or(|(_, last)| *last != target) {
        steps.push((symbol, target));
    }
}

/// The class of equivalent states that each state belongs to.
///
/// Refinement by signatures: states of a block must step into the same blocks. A split leaves the
/// largest part its name, so that only states before the others need another look: O(m log n).
fn blocks(draft: &[Draft]) -> Vec<State> {
    let mut partition = Partition::new(draft);
    let mut before: Vec<Vec<State>> = vec![Vec::new(); draft.len()];
    for (state, draft) in draft.iter().enumerate() {
        for (_, target) in &draft.steps {
            if let Some(before) = before.get_mut(*target as usize)
                && before.last() != Some(&(state as State))
            {
                before.push(state as State);
            }
        }
    }
    let mut dirty: Vec<State> = (0..draft.len() as State).collect();
    let mut marked = vec![true; draft.len()];
    while !dirty.is_empty() {
        let moved = partition.split(draft, &dirty, &mut marked);
        dirty.clear();
        for state in moved {
            for previous in before.get(state as usize).into_iter().flatten() {
                if let Some(mark @ false) = marked.get_mut(*previous as usize) {
                    *mark = true;
                    dirty.push(*previous);
                }
            }
        }
    }
    partition.block
}

/// The states of a block that agree: lists of them, each found by its signature.
type Groups = (FxHashMap<Steps, usize>, Vec<Vec<State>>);

/// States by block, with the place of each in the list of its block.
struct Partition {
    block: Vec<State>,
    place: Vec<usize>,
    members: Vec<Vec<State>>,
}

impl Partition {
    fn new(draft: &[Draft]) -> Self {
        let mut partition = Self {
            block: vec![0; draft.len()],
            place: vec![0; draft.len()],
            members: vec![Vec::new(), Vec::new()],
        };
        for (state, draft) in draft.iter().enumerate() {
            partition.add(state as State, State::from(draft.accepts));
        }
        partition
    }

    fn of(&self, state: State) -> State {
        self.block.get(state as usize).copied().unwrap_or(0)
    }

    fn add(&mut self, state: State, block: State) {
        let Some(members) = self.members.get_mut(block as usize) else { return };
        if let (Some(place), Some(of)) =
            (self.place.get_mut(state as usize), self.block.get_mut(state as usize))
        {
            *place = members.len();
            *of = block;
            members.push(state);
        }
    }

    fn remove(&mut self, state: State) {
        let Some(place) = self.place.get(state as usize).copied() else { return };
        let block = self.of(state);
        let Some(members) = self.members.get_mut(block as usize) else { return };
        if place < members.len() {
            members.swap_remove(place);
        }
        if let Some(filler) = members.get(place)
            && let Some(place_of_filler) = self.place.get_mut(*filler as usize)
        {
            *place_of_filler = place;
        }
    }

    fn signature(&self, draft: &[Draft], state: State) -> Steps {
        let mut signature = Steps::new();
        for (symbol, target) in draft.get(state as usize).map_or(&[][..], |draft| &draft.steps) {
            push_step(&mut signature, *symbol, self.of(*target));
        }
        signature
    }

    /// Splits every block that holds dirty states, and returns the states that got a new block. The
    /// marks of the dirty states are taken off.
    fn split(&mut self, draft: &[Draft], dirty: &[State], marked: &mut [bool]) -> Vec<State> {
        // Per block, its dirty states by signature, in the order of their appearance.
        let mut order: Vec<State> = Vec::new();
        let mut groups: FxHashMap<State, Groups> = FxHashMap::default();
        for state in dirty {
            let block = self.of(*state);
            let (by_signature, lists) = groups.entry(block).or_insert_with(|| {
                order.push(block);
                (FxHashMap::default(), Vec::new())
            });
            let group = *by_signature.entry(self.signature(draft, *state)).or_insert_with(|| {
                lists.push(Vec::new());
                lists.len() - 1
            });
            if let Some(list) = lists.get_mut(group) {
                list.push(*state);
            }
        }
        let mut moving: Vec<Vec<State>> = Vec::new();
        for block in order {
            let Some((mut by_signature, mut lists)) = groups.remove(&block) else { continue };
            let members = self.members.get(block as usize).map_or(&[][..], Vec::as_slice);
            let is_clean = |state: &&State| marked.get(**state as usize).is_some_and(|mark| !mark);
            let clean = members.len() - lists.iter().map(Vec::len).sum::<usize>();
            // The clean states of a block still agree with each other, so one speaks for all of them.
            let of_clean = members.iter().find(is_clean).map(|state| {
                *by_signature.entry(self.signature(draft, *state)).or_insert_with(|| {
                    lists.push(Vec::new());
                    lists.len() - 1
                })
            });
            let size = |at: usize, list: &[State]| list.len() + if of_clean == Some(at) { clean } else { 0 };
            let kept = (0..lists.len()).max_by_key(|at| lists.get(*at).map_or(0, |list| size(*at, list)));
            if of_clean != kept
                && let Some(list) = of_clean.and_then(|at| lists.get_mut(at))
            {
                list.extend(members.iter().filter(is_clean));
            }
            moving.extend(
                lists.into_iter().enumerate().filter(|(at, _)| Some(*at) != kept).map(|(_, list)| list),
            );
        }
        for state in dirty {
            if let Some(mark) = marked.get_mut(*state as usize) {
                *mark = false;
            }
        }
        let mut moved = Vec::new();
        for list in moving {
            let block = self.members.len() as State;
            self.members.push(Vec::new());
            for state in list {
                self.remove(state);
                self.add(state, block);
                moved.push(state);
            }
        }
        moved
    }
}
