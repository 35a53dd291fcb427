//! Sets of texts: what a method, a path, a host or a header's value may be.
//!
//! A [`Language`] is a regular language over the characters that such a text can hold: every character
//! but the control characters (the tab is one of them that may be there). HTTP forbids the others, and
//! text that is no UTF-8 never reaches a matcher: proxies escape it first. In this alphabet `.*`, `(?s).*`
//! and "no condition" are one language.
//!
//! A language is its minimal automaton, with states numbered in the order of a walk from the start. So two
//! languages are equal exactly when their representations are. Texts to show are no part of that: a
//! language that was made from a pattern remembers it, and [`Texts`] finds words for all others.
//!
//! # Budget
//!
//! The automaton of a pattern may have [`MAX_STATES`] states, that of a combination [`MAX_PAIRS`]. What
//! exceeds them is an error, [`TooLarge`], and never a hang: patterns whose automaton is exponentially
//! larger than they are (`(a|b)*a(a|b){30}`) exist.

mod alphabet;
mod dfa;
mod nfa;
mod re2;
mod regex;
mod template;
mod text;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock};

use dfa::Dfa;
use nfa::Expression;
pub use text::Texts;

/// How many states the automaton of one pattern may have.
pub const MAX_STATES: usize = 10_000;
/// How many states the combination of two languages may have before it is made minimal.
pub const MAX_PAIRS: usize = 200_000;

/// An exact answer would need more states than the budget has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge;

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the patterns need too many states to be decided exactly")
    }
}

impl std::error::Error for TooLarge {}

/// Why a pattern is no language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LanguageError {
    /// The engines that match with it refuse the pattern.
    Syntax {
        /// Where, as a byte offset into the pattern.
        at: usize,
        /// What is wrong there.
        reason: Box<str>,
    },
    /// It is valid, but beyond the budget.
    TooLarge,
}

impl fmt::Display for LanguageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { reason, .. } => f.write_str(reason),
            Self::TooLarge => TooLarge.fmt(f),
        }
    }
}

impl std::error::Error for LanguageError {}

impl From<TooLarge> for LanguageError {
    fn from(_: TooLarge) -> Self {
        Self::TooLarge
    }
}

static EVERYTHING: LazyLock<Arc<Dfa>> = LazyLock::new(|| Arc::new(Dfa::constant(true)));
static NOTHING: LazyLock<Arc<Dfa>> = LazyLock::new(|| Arc::new(Dfa::constant(false)));

/// A set of texts in canonical form.
///
/// Equality, order and hash are those of the set; the pattern that it was made from is no part of them.
#[derive(Clone)]
pub struct Language {
    dfa: Arc<Dfa>,
    text: Option<Arc<str>>,
}

impl Language {
    /// Every text.
    pub fn everything() -> Self {
        Self { dfa: Arc::clone(&EVERYTHING), text: None }
    }

    /// No text.
    pub fn nothing() -> Self {
        Self { dfa: Arc::clone(&NOTHING), text: None }
    }

    /// The texts that a pattern of RE2 matches from the first to the last character (K-44).
    ///
    /// # Errors
    ///
    /// The pattern is one that RE2 or Go's `regexp` refuses, or it exceeds the budget.
    pub fn re2(pattern: &str) -> Result<Self, LanguageError> {
        let dfa = nfa::compile(&re2::parse(pattern)?)?;
        Ok(Self::of(dfa, Some(pattern)))
    }

    /// A template of paths as Istio writes them (M-29): `{*}` is one segment that is not empty, `{**}`
    /// any number of segments.
    ///
    /// # Errors
    ///
    /// The text is no template, or exceeds the budget.
    pub fn template(template: &str) -> Result<Self, LanguageError> {
        let dfa = nfa::compile(&template::parse(template)?)?;
        Ok(Self::of(dfa, Some(template)))
    }

    /// Exactly this text.
    pub fn literal(text: &str) -> Result<Self, TooLarge> {
        Self::from_expression(&Expression::literal(text))
    }

    /// This text in any letter case.
    pub fn ignoring_case(text: &str) -> Result<Self, TooLarge> {
        let dfa = nfa::compile(&re2::ignoring_case(text))?;
        Ok(Self::of(dfa, Some(&format!("(?i){}", regex::quoted(text)))))
    }

    /// The texts that start with this one.
    pub fn prefix(prefix: &str) -> Result<Self, TooLarge> {
        Self::from_expression(&Expression::Concat(vec![Expression::literal(prefix), Expression::anything()]))
    }

    /// The texts that end with this one.
    pub fn suffix(suffix: &str) -> Result<Self, TooLarge> {
        Self::from_expression(&Expression::Concat(vec![Expression::anything(), Expression::literal(suffix)]))
    }

    /// The texts that have this one in them.
    pub fn containing(part: &str) -> Result<Self, TooLarge> {
        Self::from_expression(&Expression::Concat(vec![
            Expression::anything(),
            Expression::literal(part),
            Expression::anything(),
        ]))
    }

    fn from_expression(expression: &Expression) -> Result<Self, TooLarge> {
        Ok(Self::of(nfa::compile(expression)?, None))
    }

    fn of(dfa: Dfa, text: Option<&str>) -> Self {
        match dfa.is_constant() {
            Some(true) => Self::everything(),
            Some(false) => Self { text: text.map(Arc::from), ..Self::nothing() },
            None => Self { dfa: Arc::new(dfa), text: text.map(Arc::from) },
        }
    }

    /// The pattern that the language was made from, if it was made from one.
    pub fn pattern(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Whether no text is in the language.
    pub fn is_empty(&self) -> bool {
        self.dfa.is_constant() == Some(false)
    }

    /// Whether every text is in the language.
    pub fn is_everything(&self) -> bool {
        self.dfa.is_constant() == Some(true)
    }

    /// Whether the text is in the language. One with a control character is in none.
    pub fn contains(&self, text: &str) -> bool {
        let end = text
            .chars()
            .try_fold(0, |state, character| Some(self.dfa.step(state, alphabet::symbol(character)?)));
        end.is_some_and(|state| self.dfa.accepts(state))
    }

    /// Texts in either language.
    pub fn union(&self, other: &Self) -> Result<Self, TooLarge> {
        if self == other || other.is_empty() || self.is_everything() {
            Ok(self.clone())
        } else if self.is_empty() || other.is_everything() {
            Ok(other.clone())
        } else {
            self.product(other, |left, right| left || right)
        }
    }

    /// Texts in both languages.
    pub fn intersection(&self, other: &Self) -> Result<Self, TooLarge> {
        if self == other || self.is_empty() || other.is_everything() {
            Ok(self.clone())
        } else if other.is_empty() || self.is_everything() {
            Ok(other.clone())
        } else {
            self.product(other, |left, right| left && right)
        }
    }

    /// Texts in this language but not in the other.
    pub fn difference(&self, other: &Self) -> Result<Self, TooLarge> {
        if other.is_empty() || self.is_empty() {
            Ok(self.clone())
        } else if self == other || other.is_everything() {
            Ok(Self::nothing())
        } else if self.is_everything() {
            Ok(other.complement())
        } else {
            self.product(other, |left, right| left && !right)
        }
    }

    fn product(&self, other: &Self, operation: impl Fn(bool, bool) -> bool) -> Result<Self, TooLarge> {
        Ok(Self::of(self.dfa.product(&other.dfa, operation, MAX_PAIRS)?, None))
    }

    /// Texts that are not in the language.
    pub fn complement(&self) -> Self {
        Self::of(self.dfa.complement(), None)
    }

    /// The language without the pattern that it was made from.
    pub(in crate::space) fn unnamed(&self) -> Self {
        Self { dfa: Arc::clone(&self.dfa), text: None }
    }

    /// The texts of the language, each behind a colon. Together with the empty text, which none of them
    /// is, they are the values of something that may be absent.
    pub(in crate::space) fn tagged(&self) -> Self {
        alphabet::symbol(':').map_or_else(Self::nothing, |colon| Self::of(self.dfa.behind(colon), None))
    }

    /// What follows the colon in the texts of the language that begin with one.
    pub(in crate::space) fn untagged(&self) -> Self {
        alphabet::symbol(':').map_or_else(Self::nothing, |colon| Self::of(self.dfa.after(colon), None))
    }

    /// Whether every text of this language is in the other.
    pub fn is_subset(&self, other: &Self) -> Result<bool, TooLarge> {
        Ok(self.difference(other)?.is_empty())
    }

    /// Whether a text is in both languages.
    pub fn intersects(&self, other: &Self) -> Result<bool, TooLarge> {
        Ok(!self.intersection(other)?.is_empty())
    }

    /// A shortest text of the language, made of letters where there is a choice.
    pub fn witness(&self) -> Option<String> {
        let distances = self.dfa.distances();
        let distance = |state: u32| distances.get(state as usize).copied().flatten();
        let mut left = distance(0)?;
        let mut state = 0;
        let mut witness = String::new();
        while left > 0 {
            left -= 1;
            let (symbol, target) = self
                .dfa
                .ranges(state)
                .filter(|(.., target)| distance(*target) == Some(left))
                .map(|(first, last, target)| (alphabet::example(first, last), target))
                .min()
                .map(|((_, symbol), target)| (symbol, target))?;
            witness.push(alphabet::character(symbol)?);
            state = target;
        }
        Some(witness)
    }
}

impl PartialEq for Language {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.dfa, &other.dfa) || self.dfa == other.dfa
    }
}

impl Eq for Language {}

impl PartialOrd for Language {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Language {
    fn cmp(&self, other: &Self) -> Ordering {
        if Arc::ptr_eq(&self.dfa, &other.dfa) { Ordering::Equal } else { self.dfa.cmp(&other.dfa) }
    }
}

impl Hash for Language {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.dfa.hash(state);
    }
}

/// The pattern of the language: its own, or one that is made up from the automaton.
impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Texts::default().describe(self))
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Language({self})")
    }
}
