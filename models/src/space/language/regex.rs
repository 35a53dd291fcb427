//! A pattern for an automaton, for languages that nobody wrote down: states are eliminated one by one.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::super::IntervalSet;
use super::alphabet::{self, Symbol, character};
use super::dfa::{Dfa, State};

/// Automata beyond this size have no pattern that anybody would read.
const MAX_READABLE_STATES: usize = 60;
const MAX_PARTS: usize = 300;

/// A pattern in the syntax of RE2 that matches the language; nothing if it would be too long to read.
pub(super) fn pattern(dfa: &Dfa) -> Option<String> {
    if dfa.len() > MAX_READABLE_STATES {
        return None;
    }
    let live = dfa.distances();
    let is_live = |state: State| live.get(state as usize).copied().flatten().is_some();
    // States of the automaton move up by two: 0 is before the start, 1 after every end.
    let mut edges: BTreeMap<(State, State), Part> = BTreeMap::new();
    edges.insert((0, 2), Part::empty());
    for state in (0..dfa.len() as State).filter(|state| is_live(*state)) {
        let mut labels: BTreeMap<State, Vec<(Symbol, Symbol)>> = BTreeMap::new();
        for (first, last, target) in dfa.ranges(state).filter(|(.., target)| is_live(*target)) {
            labels.entry(target).or_default().push((first, last));
        }
        for (target, ranges) in labels {
            edges.insert((state + 2, target + 2), Part::Set(IntervalSet::from_intervals(ranges)));
        }
        if dfa.accepts(state) {
            edges.insert((state + 2, 1), Part::empty());
        }
    }
    let mut left: Vec<State> = (0..dfa.len() as State).filter(|s| is_live(*s)).map(|s| s + 2).collect();
    while !left.is_empty() {
        // The state with the fewest ways through it; the later one of equals, so that texts read forward.
        let ways = |state: State| {
            let enter = edges.keys().filter(|(from, to)| *to == state && *from != state).count();
            let leave = edges.keys().filter(|(from, to)| *from == state && *to != state).count();
            enter * leave
        };
        let (at, state) =
            left.iter().copied().enumerate().min_by_key(|(at, state)| (ways(*state), usize::MAX - at))?;
        left.remove(at);
        eliminate(&mut edges, state)?;
    }
    edges.remove(&(0, 1)).map(|part| part.alone())
}

fn eliminate(edges: &mut BTreeMap<(State, State), Part>, state: State) -> Option<()> {
    let repeated = edges.remove(&(state, state)).map_or(Part::empty(), Part::repeat);
    let enter: Vec<(State, Part)> = edges
        .iter()
        .filter(|((_, to), _)| *to == state)
        .map(|((from, _), part)| (*from, part.clone()))
        .collect();
    let leave: Vec<(State, Part)> = edges
        .iter()
        .filter(|((from, _), _)| *from == state)
        .map(|((_, to), part)| (*to, part.clone()))
        .collect();
    edges.retain(|(from, to), _| *from != state && *to != state);
    for (from, first) in &enter {
        for (to, last) in &leave {
            let way = first.clone().then(repeated.clone()).then(last.clone());
            let way = match edges.remove(&(*from, *to)) {
                Some(other) => other.or(way),
                None => way,
            };
            if way.size() > MAX_PARTS {
                return None;
            }
            edges.insert((*from, *to), way);
        }
    }
    Some(())
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Set(IntervalSet<Symbol>),
    Concat(Vec<Part>),
    Either(Vec<Part>),
    Star(Box<Part>),
    Plus(Box<Part>),
    Maybe(Box<Part>),
}

/// Where a part stands, which decides whether it needs parentheses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Alone,
    InConcat,
    Repeated,
}

impl Part {
    fn empty() -> Self {
        Self::Concat(Vec::new())
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Concat(parts) if parts.is_empty())
    }

    fn size(&self) -> usize {
        match self {
            Self::Set(_) => 1,
            Self::Concat(parts) | Self::Either(parts) => 1 + parts.iter().map(Self::size).sum::<usize>(),
            Self::Star(part) | Self::Plus(part) | Self::Maybe(part) => 1 + part.size(),
        }
    }

    fn repeat(self) -> Self {
        match self {
            part if part.is_empty() => part,
            Self::Star(part) | Self::Plus(part) | Self::Maybe(part) => Self::Star(part),
            part => Self::Star(Box::new(part)),
        }
    }

    fn maybe(self) -> Self {
        match self {
            part if part.is_empty() => part,
            part @ (Self::Star(_) | Self::Maybe(_)) => part,
            Self::Plus(part) => Self::Star(part),
            part => Self::Maybe(Box::new(part)),
        }
    }

    fn then(self, next: Self) -> Self {
        let mut parts = self.into_parts();
        for part in next.into_parts() {
            // `xx*` and `x*x` are `x+`, `x*x*` is `x*`.
            let merged = match (parts.last(), &part) {
                (Some(last), Self::Star(inner)) if *last == **inner => Some(Self::Plus(inner.clone())),
                (Some(Self::Star(inner)), part) if **inner == *part => Some(Self::Plus(inner.clone())),
                (Some(Self::Star(left) | Self::Plus(left)), Self::Star(right)) if left == right => continue,
                _ => None,
            };
            if let Some(merged) = merged {
                parts.pop();
                parts.push(merged);
            } else {
                parts.push(part);
            }
        }
        match (parts.pop(), parts.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                parts.extend(last);
                Self::Concat(parts)
            }
        }
    }

    fn into_parts(self) -> Vec<Self> {
        match self {
            Self::Concat(parts) => parts,
            part => vec![part],
        }
    }

    fn or(self, other: Self) -> Self {
        let mut optional = false;
        let mut parts: Vec<Self> = Vec::new();
        let mut waiting = vec![other, self];
        while let Some(part) = waiting.pop() {
            match part {
                Self::Either(inner) => waiting.extend(inner.into_iter().rev()),
                Self::Maybe(inner) => {
                    optional = true;
                    waiting.push(*inner);
                }
                part if part.is_empty() => optional = true,
                part if parts.contains(&part) => {}
                Self::Set(symbols) => {
                    let found = parts.iter_mut().find_map(|part| match part {
                        Self::Set(found) => Some(found),
                        _ => None,
                    });
                    match found {
                        Some(found) => *found = found.union(&symbols),
                        None => parts.push(Self::Set(symbols)),
                    }
                }
                part => parts.push(part),
            }
        }
        let either = match (parts.pop(), parts.is_empty()) {
            (None, _) => Self::empty(),
            (Some(only), true) => only,
            (Some(last), false) => {
                parts.push(last);
                Self::Either(parts)
            }
        };
        if optional { either.maybe() } else { either }
    }

    fn alone(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, Place::Alone);
        text
    }

    fn write(&self, text: &mut String, place: Place) {
        let parentheses = match self {
            Self::Either(_) => place > Place::Alone,
            Self::Concat(_) | Self::Star(_) | Self::Plus(_) | Self::Maybe(_) => place == Place::Repeated,
            Self::Set(_) => false,
        };
        if parentheses {
            text.push('(');
        }
        match self {
            Self::Set(symbols) => write_set(symbols, text),
            Self::Concat(parts) => parts.iter().for_each(|part| part.write(text, Place::InConcat)),
            Self::Either(parts) => {
                let mut parts: Vec<String> = parts.iter().map(Self::alone).collect();
                parts.sort_unstable();
                text.push_str(&parts.join("|"));
            }
            Self::Star(part) => write_repeated(part, '*', text),
            Self::Plus(part) => write_repeated(part, '+', text),
            Self::Maybe(part) => write_repeated(part, '?', text),
        }
        if parentheses {
            text.push(')');
        }
    }
}

fn write_repeated(part: &Part, sign: char, text: &mut String) {
    part.write(text, Place::Repeated);
    text.push(sign);
}

fn write_set(symbols: &IntervalSet<Symbol>, text: &mut String) {
    if let [(first, last)] = symbols.intervals()
        && first == last
        && let Some(single) = character(*first)
    {
        write_character(single, r"\.+*?()|[]{}^$", text);
        return;
    }
    let others = alphabet::others(symbols);
    if others.is_empty() {
        text.push('.');
        return;
    }
    let (mut is, mut is_not) = ("[".to_owned(), "[^".to_owned());
    write_ranges(symbols, &mut is);
    write_ranges(&others, &mut is_not);
    text.push_str(if is.len() <= is_not.len() { &is } else { &is_not });
}

fn write_ranges(symbols: &IntervalSet<Symbol>, text: &mut String) {
    // Neighbouring symbols need not be neighbouring characters: a range ends at the seams of the alphabet.
    for (first, last) in symbols.intervals() {
        let mut first = *first;
        for end in alphabet::SEAMS.into_iter().chain([*last]) {
            if end < first || end > *last {
                continue;
            }
            if let (Some(from), Some(to)) = (character(first), character(end)) {
                write_character(from, r"\]^-[", text);
                if end > first + 1 {
                    text.push('-');
                }
                if end > first {
                    write_character(to, r"\]^-[", text);
                }
            }
            first = end + 1;
        }
    }
    text.push(']');
}

fn write_character(character: char, special: &str, text: &mut String) {
    match character {
        '\t' => text.push_str("\\t"),
        _ if special.contains(character) => text.extend(['\\', character]),
        ' '..='~' => text.push(character),
        _ if character.is_alphanumeric() => text.push(character),
        // Writing to a text does not fail.
        _ => drop(write!(text, "\\x{{{:x}}}", u32::from(character))),
    }
}

/// A pattern that matches just this text.
pub(super) fn quoted(literal: &str) -> String {
    let mut text = String::new();
    for character in literal.chars() {
        write_character(character, r"\.+*?()|[]{}^$", &mut text);
    }
    text
}
