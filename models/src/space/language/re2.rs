//! Patterns in the syntax of RE2, as both RE2 (which Envoy matches with) and Go's `regexp` (which the
//! agents and webhooks check with) accept them.
//!
//! What differs from other dialects of regular expressions: `\d`, `\w`, `\s` and `\b` are ASCII; `\Q..\E`
//! quotes; repetitions don't stack (`a**`) and count to 1,000, nested ones together; `{` that starts no
//! repetition is itself; in a class, `[`, `&&` and `--` mean nothing. `\C` (any byte) is refused: Go has
//! none.

use std::collections::{BTreeMap, BTreeSet};

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

use super::super::IntervalSet;
use super::LanguageError;
use super::nfa::{Expression, Look};

/// Code points.
type Characters = IntervalSet<u32>;

// Go gives up at 1,000 levels of its syntax tree. A group makes up to three, and we walk the tree by
// recursion.
const MAX_DEPTH: usize = 250;
const MAX_REPEAT: u32 = 1000;
/// How many ranges the classes of a pattern may have together: `\pL` alone has some 650.
const MAX_RANGES: usize = 200_000;
const ANY: (u32, u32) = (0, 0x10_FFFF);

/// The expression that a pattern stands for.
pub(super) fn parse(pattern: &str) -> Result<Expression, LanguageError> {
    let mut parser = Parser {
        pattern,
        at: 0,
        flags: Flags::default(),
        names: BTreeSet::new(),
        properties: BTreeMap::new(),
        room: MAX_RANGES,
    };
    let mut stack = vec![Group::new(parser.flags)];
    while let Some(character) = parser.peek() {
        let start = parser.at;
        match character {
            '(' => {
                parser.open(&mut stack)?;
                if stack.len() > MAX_DEPTH {
                    return Err(LanguageError::TooLarge);
                }
            }
            ')' => {
                parser.bump();
                let (Some(group), Some(outer)) = (stack.pop(), stack.last_mut()) else {
                    return Err(error(start, "`)` without `(`"));
                };
                parser.flags = group.flags_before;
                outer.push(group.finish());
            }
            '|' => {
                parser.bump();
                if let Some(group) = stack.last_mut() {
                    group.next_alternative();
                }
            }
            _ => {
                if let Some(group) = stack.last_mut() {
                    parser.item(group)?;
                }
            }
        }
    }
    match (stack.pop(), stack.is_empty()) {
        (Some(group), true) => Ok(group.finish().expression),
        _ => Err(error(pattern.len(), "`(` without `)`")),
    }
}

/// The expression of a text, letter case ignored.
pub(super) fn ignoring_case(text: &str) -> Expression {
    Expression::Concat(
        text.chars().map(|character| set(&fold(&IntervalSet::single(u32::from(character))))).collect(),
    )
}

fn error(at: usize, reason: impl Into<Box<str>>) -> LanguageError {
    LanguageError::Syntax { at, reason: reason.into() }
}

fn set(characters: &Characters) -> Expression {
    Expression::Set(super::alphabet::symbols(characters))
}

#[derive(Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    // Lines and newlines don't exist in our alphabet: `m` and `s` change nothing. Neither does `U`.
}

/// A part of a pattern with the largest product of nested repetitions in it.
struct Item {
    expression: Expression,
    repeats: u32,
}

/// What is open at one level of parentheses.
struct Group {
    alternatives: Vec<Item>,
    items: Vec<Item>,
    /// Whether the last item has just been repeated: repetitions don't stack.
    repeated: bool,
    flags_before: Flags,
}

impl Group {
    fn new(flags_before: Flags) -> Self {
        Self { alternatives: Vec::new(), items: Vec::new(), repeated: false, flags_before }
    }

    fn push(&mut self, item: Item) {
        self.items.push(item);
        self.repeated = false;
    }

    fn next_alternative(&mut self) {
        let items = std::mem::take(&mut self.items);
        let repeats = items.iter().map(|item| item.repeats).max().unwrap_or(1);
        let expression = Expression::Concat(items.into_iter().map(|item| item.expression).collect());
        self.alternatives.push(Item { expression, repeats });
        self.repeated = false;
    }

    fn finish(mut self) -> Item {
        self.next_alternative();
        let repeats = self.alternatives.iter().map(|item| item.repeats).max().unwrap_or(1);
        let expression =
            Expression::Alternation(self.alternatives.into_iter().map(|item| item.expression).collect());
        Item { expression, repeats }
    }
}

struct Parser<'a> {
    pattern: &'a str,
    at: usize,
    flags: Flags,
    names: BTreeSet<&'a str>,
    /// Categories and scripts that have been looked up.
    properties: BTreeMap<&'a str, Characters>,
    /// How many more ranges of characters the pattern may have.
    room: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// The text up to an end, which is consumed with it.
    fn until(&mut self, end: &str) -> Option<&'a str> {
        let rest = self.rest();
        let length = rest.find(end)?;
        self.at += length + end.len();
        rest.get(..length)
    }

    /// `(`, `(?:`, `(?P<name>`, `(?<name>`, `(?i:` or the flags `(?i)`, which open nothing.
    fn open(&mut self, stack: &mut Vec<Group>) -> Result<(), LanguageError> {
        let start = self.at;
        self.bump();
        let before = self.flags;
        if self.eat("?P<") || self.eat("?<") {
            let name = self.until(">").ok_or_else(|| error(start, "the group's name has no end"))?;
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(error(start, format!("`{name}` is no name for a group")));
            }
            if !self.names.insert(name) {
                return Err(error(start, format!("the name `{name}` is used twice")));
            }
            stack.push(Group::new(before));
            return Ok(());
        }
        if !self.eat("?") {
            stack.push(Group::new(before));
            return Ok(());
        }
        let (mut negated, mut seen) = (false, false);
        loop {
            match self.bump() {
                Some('i') => self.flags.ignore_case = !negated,
                Some('m' | 's' | 'U') => {}
                Some('-') if !negated => {
                    (negated, seen) = (true, false);
                    continue;
                }
                Some(end @ (':' | ')')) if !negated || seen => {
                    if end == ':' {
                        stack.push(Group::new(before));
                    } else if let Some(group) = stack.last_mut() {
                        group.repeated = false;
                    }
                    return Ok(());
                }
                _ => return Err(error(start, "RE2 knows no such group; look-around is not supported")),
            }
            seen = true;
        }
    }

    /// One item, or the repetition of the last.
    fn item(&mut self, group: &mut Group) -> Result<(), LanguageError> {
        let start = self.at;
        let mut room = self.room;
        let mut push = |expression| {
            if let Expression::Set(symbols) = &expression {
                room = room.saturating_sub(symbols.intervals().len());
            }
            group.push(Item { expression, repeats: 1 });
        };
        match self.bump() {
            Some('^') => push(Expression::Look(Look::Start)),
            Some('$') => push(Expression::Look(Look::End)),
            Some('.') => push(set(&Characters::range(ANY.0, ANY.1))),
            Some('[') => {
                let class = self.class(start)?;
                push(set(&class));
            }
            Some('*') => self.repeat(group, start, 0, None)?,
            Some('+') => self.repeat(group, start, 1, None)?,
            Some('?') => self.repeat(group, start, 0, Some(1))?,
            Some('{') => match self.counts() {
                Some((least, most)) => self.repeat(group, start, least, most)?,
                None => push(self.literal('{')),
            },
            Some('\\') => match self.peek() {
                Some('b') if self.bump().is_some() => push(Expression::Look(Look::Boundary)),
                Some('B') if self.bump().is_some() => push(Expression::Look(Look::NoBoundary)),
                Some('A') if self.bump().is_some() => push(Expression::Look(Look::Start)),
                Some('z') if self.bump().is_some() => push(Expression::Look(Look::End)),
                Some('C') => return Err(error(start, "`\\C` is not supported: no agent accepts it")),
                Some('Q') => {
                    self.bump();
                    let rest = self.rest();
                    let quoted = self.until("\\E").unwrap_or_else(|| {
                        self.at = self.pattern.len();
                        rest
                    });
                    for character in quoted.chars() {
                        push(self.literal(character));
                    }
                }
                _ => {
                    if let Some(class) = self.named_class(start)? {
                        push(set(&class));
                    } else {
                        let character = self.escape(start)?;
                        push(self.characters(&Characters::single(character)));
                    }
                }
            },
            Some(character) => push(self.literal(character)),
            None => {}
        }
        self.room = room;
        if room == 0 { Err(LanguageError::TooLarge) } else { Ok(()) }
    }

    fn literal(&self, character: char) -> Expression {
        self.characters(&Characters::single(u32::from(character)))
    }

    fn characters(&self, characters: &Characters) -> Expression {
        if self.flags.ignore_case { set(&fold(characters)) } else { set(characters) }
    }

    /// `3}`, `3,}` or `3,5}` after a `{`. Anything else, and the brace is a character.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let inside = self.rest().split_once('}')?.0;
        let number = |text: &str| {
            let padded = text.len() > 1 && text.starts_with('0');
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            // A number that is too large to read is too large to repeat.
            (digits && !padded).then(|| text.parse().unwrap_or(u32::MAX))
        };
        let counts = match inside.split_once(',') {
            None => number(inside).map(|exactly| (exactly, Some(exactly))),
            Some((least, "")) => number(least).map(|least| (least, None)),
            Some((least, most)) => number(least).zip(number(most)).map(|(least, most)| (least, Some(most))),
        }?;
        self.at += inside.len() + 1;
        Some(counts)
    }

    fn repeat(
        &mut self,
        group: &mut Group,
        start: usize,
        least: u32,
        most: Option<u32>,
    ) -> Result<(), LanguageError> {
        self.eat("?");
        if group.repeated {
            return Err(error(start, "a repetition of a repetition needs parentheses"));
        }
        let Some(item) = group.items.pop() else {
            return Err(error(start, "there is nothing to repeat"));
        };
        if most.is_some_and(|most| most < least) {
            return Err(error(start, "the first count is larger than the second"));
        }
        let largest = most.unwrap_or(least).max(least);
        let repeats = item.repeats.saturating_mul(largest.max(1));
        if largest > MAX_REPEAT || (largest > 1 && repeats > MAX_REPEAT) {
            return Err(error(start, "repetitions count to 1,000, nested ones together"));
        }
        let expression = Expression::Repeat(Box::new(item.expression), least, most);
        group.items.push(Item { expression, repeats });
        group.repeated = true;
        Ok(())
    }

    /// A class in brackets, whose `[` has been read.
    fn class(&mut self, start: usize) -> Result<Characters, LanguageError> {
        let negated = self.eat("^");
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        let mut named = Characters::EMPTY;
        let mut first = true;
        loop {
            let here = self.at;
            match self.peek() {
                None => return Err(error(start, "`[` without `]`")),
                Some(']') if !first => {
                    self.bump();
                    break;
                }
                Some(_) => {}
            }
            first = false;
            if let Some(class) = self.posix_class(here)? {
                named = named.union(&class);
                continue;
            }
            if self.rest().starts_with('\\') {
                self.bump();
                if let Some(class) = self.named_class(here)? {
                    named = named.union(&class);
                    continue;
                }
                self.at = here;
            }
            let from = self.class_character(here)?;
            let mut to = from;
            let mut ahead = self.rest().chars();
            if ahead.next() == Some('-') && ahead.next().is_some_and(|next| next != ']') {
                self.bump();
                to = self.class_character(here)?;
            }
            if to < from {
                return Err(error(here, "a range ends before it starts"));
            }
            ranges.push((from, to));
        }
        let mut characters = Characters::from_intervals(ranges);
        if self.flags.ignore_case {
            characters = fold(&characters);
        }
        characters = characters.union(&named);
        Ok(if negated { negate(&characters) } else { characters })
    }

    fn class_character(&mut self, here: usize) -> Result<u32, LanguageError> {
        match self.bump() {
            Some('\\') => self.escape(here),
            Some(character) => Ok(u32::from(character)),
            None => Err(error(here, "`[` without `]`")),
        }
    }

    /// `[:alpha:]` in a class.
    fn posix_class(&mut self, here: usize) -> Result<Option<Characters>, LanguageError> {
        let Some((name, _)) = self.rest().strip_prefix("[:").and_then(|rest| rest.split_once(":]")) else {
            return Ok(None);
        };
        self.at += name.len() + 4;
        let (negated, plain) = name.strip_prefix('^').map_or((false, name), |plain| (true, plain));
        let ranges: &[(char, char)] = match plain {
            "alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
            "alpha" => &[('A', 'Z'), ('a', 'z')],
            "ascii" => &[('\0', '\x7f')],
            "blank" => &[('\t', '\t'), (' ', ' ')],
            "cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
            "digit" => &[('0', '9')],
            "graph" => &[('!', '~')],
            "lower" => &[('a', 'z')],
            "print" => &[(' ', '~')],
            "punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
            "space" => &[('\t', '\r'), (' ', ' ')],
            "upper" => &[('A', 'Z')],
            "word" => WORD,
            "xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
            _ => return Err(error(here, format!("there is no class `[:{name}:]`"))),
        };
        Ok(Some(self.group(ranges, negated)))
    }

    /// `\d`, `\pN` or `\p{Greek}` and the like, after the backslash; nothing if it is another escape.
    fn named_class(&mut self, start: usize) -> Result<Option<Characters>, LanguageError> {
        let (ranges, negated): (&[(char, char)], bool) = match self.peek() {
            Some('d') => (DIGIT, false),
            Some('D') => (DIGIT, true),
            Some('w') => (WORD, false),
            Some('W') => (WORD, true),
            Some('s') => (SPACE, false),
            Some('S') => (SPACE, true),
            Some(letter @ ('p' | 'P')) => {
                self.bump();
                return self.unicode_class(start, letter == 'P').map(Some);
            }
            _ => return Ok(None),
        };
        self.bump();
        Ok(Some(self.group(ranges, negated)))
    }

    fn group(&self, ranges: &[(char, char)], negated: bool) -> Characters {
        let ranges = ranges.iter().map(|(first, last)| (u32::from(*first), u32::from(*last)));
        self.signed(Characters::from_intervals(ranges), negated)
    }

    fn signed(&self, mut characters: Characters, negated: bool) -> Characters {
        // Folded before it is negated, as RE2 does.
        if self.flags.ignore_case {
            characters = fold(&characters);
        }
        if negated { negate(&characters) } else { characters }
    }

    fn unicode_class(&mut self, start: usize, negated: bool) -> Result<Characters, LanguageError> {
        let rest = self.rest();
        let name = match self.bump() {
            Some('{') => self.until("}").ok_or_else(|| error(start, "`\\p{` without `}`"))?,
            Some(letter) => rest.get(..letter.len_utf8()).unwrap_or_default(),
            None => return Err(error(start, "`\\p` without a name")),
        };
        let (inverted, name) = name.strip_prefix('^').map_or((false, name), |name| (true, name));
        let characters = match self.properties.get(name) {
            Some(known) => known.clone(),
            None => property(name)
                .ok_or_else(|| error(start, format!("there is no category or script `{name}`")))?,
        };
        self.properties.entry(name).or_insert_with(|| characters.clone());
        Ok(self.signed(characters, negated != inverted))
    }

    /// A character that is written as an escape, whose backslash has been read.
    fn escape(&mut self, start: usize) -> Result<u32, LanguageError> {
        let wrong = |what: &str| Err(error(start, format!("RE2 knows no escape `\\{what}`")));
        let Some(letter) = self.bump() else {
            return Err(error(start, "a backslash at the end"));
        };
        let code = match letter {
            '0'..='7' => {
                let mut digits = self.rest().chars().take_while(|digit| ('0'..='7').contains(digit));
                let more: Vec<u32> = digits.by_ref().take(2).filter_map(|digit| digit.to_digit(8)).collect();
                if letter != '0' && more.is_empty() {
                    return Err(error(start, "RE2 has no back-references"));
                }
                self.at += more.len();
                more.iter().fold(letter.to_digit(8).unwrap_or(0), |code, digit| code * 8 + digit)
            }
            'x' => {
                let digits = if self.eat("{") {
                    self.until("}").unwrap_or_default()
                } else {
                    let digits = self.rest().get(..2).unwrap_or_default();
                    self.at += digits.len();
                    digits
                };
                let hexadecimal = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                let significant = digits.trim_start_matches('0');
                match u32::from_str_radix(if significant.is_empty() { "0" } else { significant }, 16) {
                    Ok(code) if hexadecimal && code <= ANY.1 => code,
                    _ => return wrong("x"),
                }
            }
            'a' => 0x07,
            'f' => 0x0C,
            't' => 0x09,
            'n' => 0x0A,
            'r' => 0x0D,
            'v' => 0x0B,
            other if other.is_ascii() && !other.is_ascii_alphanumeric() => u32::from(other),
            other => return wrong(&other.to_string()),
        };
        Ok(code)
    }
}

const DIGIT: &[(char, char)] = &[('0', '9')];
const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
const SPACE: &[(char, char)] = &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')];

fn negate(characters: &Characters) -> Characters {
    Characters::range(ANY.0, ANY.1).difference(characters)
}

/// The characters and all that differ from one of them by case only.
fn fold(characters: &Characters) -> Characters {
    // Surrogates are no characters, so they fall out of the ranges here; nothing can match them.
    let character = |code: u32, otherwise: char| char::from_u32(code).unwrap_or(otherwise);
    let mut class = ClassUnicode::new(characters.intervals().iter().filter_map(|(first, last)| {
        let (first, last) = (character(*first, '\u{E000}'), character(*last, '\u{D7FF}'));
        (first <= last).then(|| ClassUnicodeRange::new(first, last))
    }));
    class.case_fold_simple();
    code_points(&class)
}

fn code_points(class: &ClassUnicode) -> Characters {
    Characters::from_intervals(class.iter().map(|range| (u32::from(range.start()), u32::from(range.end()))))
}

/// The characters of a general category or a script, by the exact names that RE2 knows.
fn property(name: &str) -> Option<Characters> {
    const CATEGORIES: &[&str] = &[
        "Cc", "Cf", "Co", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No",
        "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs",
    ];
    // Scripts of four letters; other names of four letters are ISO codes, which RE2 does not know.
    const SHORT_SCRIPTS: &[&str] = &["Ahom", "Cham", "Kawi", "Lisu", "Thai", "Toto"];
    let look_up = |query: String| match regex_syntax::parse(&query).ok()?.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(code_points(&class)),
        HirKind::Literal(literal) => {
            let character = std::str::from_utf8(&literal.0).ok()?.chars().next()?;
            Some(Characters::single(u32::from(character)))
        }
        _ => None,
    };
    match name {
        "Any" => return Some(Characters::range(ANY.0, ANY.1)),
        // Surrogates are no characters of any text.
        "Cs" => return Some(Characters::range(0xD800, 0xDFFF)),
        // Unlike elsewhere, code points without a character are not among them.
        "C" => {
            return ["Cc", "Cf", "Co"]
                .into_iter()
                .filter_map(property)
                .reduce(|all, more| all.union(&more))
                .map(|all| all.union(&Characters::range(0xD800, 0xDFFF)));
        }
        _ => {}
    }
    if CATEGORIES.contains(&name) {
        return look_up(format!(r"\p{{gc={name}}}"));
    }
    let capitalised = name.split('_').all(|word| word.starts_with(|first: char| first.is_ascii_uppercase()));
    let letters = name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    let script = capitalised && letters && (name.len() != 4 || SHORT_SCRIPTS.contains(&name));
    if script { look_up(format!(r"\p{{sc={name}}}")) } else { None }
}
