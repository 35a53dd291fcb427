//! The characters that a method, a path, a host or a header's value may hold, as numbers without gaps.

use super::super::IntervalSet;

/// A character of the alphabet as a number: 0 is the space, 95 the tab, then come the characters
/// beyond ASCII.
pub(super) type Symbol = u32;

/// The last symbol, U+10FFFF.
pub(super) const LAST: Symbol = AFTER_SURROGATES + (0x10_FFFF - 0xE000);

const TAB: Symbol = 95;
const BEYOND_ASCII: Symbol = 96;
const AFTER_SURROGATES: Symbol = BEYOND_ASCII + (0xD7FF - 0x80) + 1;

/// The last symbol before each gap between characters.
pub(super) const SEAMS: [Symbol; 3] = [TAB - 1, TAB, AFTER_SURROGATES - 1];

/// Runs of code points, each with the symbol of its first.
const RUNS: [(u32, u32, Symbol); 4] =
    [(0x20, 0x7E, 0), (0x09, 0x09, TAB), (0x80, 0xD7FF, BEYOND_ASCII), (0xE000, 0x10_FFFF, AFTER_SURROGATES)];

/// The symbol of a character; nothing for a control character.
pub(super) fn symbol(character: char) -> Option<Symbol> {
    let code = u32::from(character);
    RUNS.iter()
        .find(|(first, last, _)| (*first..=*last).contains(&code))
        .map(|(first, _, symbol)| symbol + (code - first))
}

/// The character that a symbol stands for.
pub(super) fn character(symbol: Symbol) -> Option<char> {
    RUNS.iter()
        .find(|(first, last, start)| (*start..=start + (last - first)).contains(&symbol))
        .and_then(|(first, _, start)| char::from_u32(first + (symbol - start)))
}

/// The symbols of code points; what is outside the alphabet falls away.
pub(super) fn symbols(code_points: &IntervalSet<u32>) -> IntervalSet<Symbol> {
    IntervalSet::from_intervals(RUNS.iter().flat_map(|(first, last, start)| {
        code_points
            .intersection(&IntervalSet::range(*first, *last))
            .intervals()
            .iter()
            .map(|(from, to)| (start + (from - first), start + (to - first)))
            .collect::<Vec<_>>()
    }))
}

/// Every symbol.
pub(super) fn every() -> IntervalSet<Symbol> {
    IntervalSet::range(0, LAST)
}

/// The symbols that are not among these.
pub(super) fn others(symbols: &IntervalSet<Symbol>) -> IntervalSet<Symbol> {
    every().difference(symbols)
}

/// The character that a person would pick from a range of symbols for an example.
pub(super) fn example(first: Symbol, last: Symbol) -> (u32, Symbol) {
    // Letters, digits, capitals, then what addresses are made of.
    const LIKED: [char; 7] = ['a', '0', 'A', '/', '-', '.', '_'];
    const SPANS: [(char, char); 3] = [('a', 'z'), ('0', '9'), ('A', 'Z')];
    for (rank, (from, to)) in SPANS.iter().enumerate() {
        let (Some(from), Some(to)) = (symbol(*from), symbol(*to)) else { continue };
        if first.max(from) <= last.min(to) {
            return (rank as u32, first.max(from));
        }
    }
    for (rank, liked) in LIKED.iter().enumerate() {
        if let Some(liked) = symbol(*liked)
            && (first..=last).contains(&liked)
        {
            return (3 + rank as u32, liked);
        }
    }
    // The space is a poor example: it is hard to see.
    if first == 0 && last > 0 { (10, 1) } else { (11, first) }
}
