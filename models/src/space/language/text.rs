//! Words for languages: from the patterns that people wrote, or else from the automaton.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::dfa::{Dfa, Draft, State, Steps, push_step};
use super::{Language, MAX_PAIRS, TooLarge, regex};

/// The patterns that people wrote, by the language that each stands for.
///
/// Of two patterns for one language the shorter is kept, then the one that is first in the alphabet, so
/// that the texts of a snapshot do not depend on the order in which its policies are read.
#[derive(Clone, Debug, Default)]
pub struct Texts(Arc<BTreeMap<Language, Arc<str>>>);

/// With more patterns than this only exact matches are looked for.
const MAX_COMBINED: usize = 100;
/// Languages with fewer words are shown as a list of them.
const MAX_WORDS: usize = 8;
const MAX_LENGTH: usize = 240;

impl Texts {
    /// Remembers the pattern that a language was made from, if there is one.
    pub fn learn(&mut self, language: &Language) {
        if let Some(text) = &language.text {
            self.add(language, text);
        }
    }

    fn add(&mut self, language: &Language, text: &Arc<str>) {
        let better = self.0.get(language).is_none_or(|known| (text.len(), text) < (known.len(), known));
        if better {
            Arc::make_mut(&mut self.0).insert(language.clone(), Arc::clone(text));
        }
    }

    /// Whether nothing has been learnt.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The patterns of both.
    pub fn merge(&mut self, other: &Self) {
        if self.is_empty() {
            self.clone_from(other);
        } else if !Arc::ptr_eq(&self.0, &other.0) {
            for (language, text) in &*other.0 {
                self.add(language, text);
            }
        }
    }

    /// A text for the language: the pattern that somebody wrote, or a combination of such patterns
    /// (`/a/.* or /b`, `.* but /admin/.*`), or a pattern made from the automaton. Of a language that no
    /// pattern of reasonable length describes it is an example that is shown.
    pub fn describe(&self, language: &Language) -> String {
        if language.is_everything() {
            return ".*".to_owned();
        }
        let known = self.0.get(language).or(language.text.as_ref());
        if let Some(text) = known {
            return text.to_string();
        }
        if language.is_empty() {
            return "nothing".to_owned();
        }
        if let Some(words) = words(&language.dfa) {
            return words;
        }
        if let Ok(Some(text)) = self.combined(language) {
            return text;
        }
        if let Some(text) = made_up(language) {
            return text;
        }
        let example = language.witness().unwrap_or_default();
        format!("{} and others, {} states", regex::quoted(&example), language.dfa.len())
    }

    /// `A or B but C` of patterns that people wrote.
    fn combined(&self, language: &Language) -> Result<Option<String>, TooLarge> {
        if self.0.is_empty() || self.0.len() > MAX_COMBINED {
            return Ok(None);
        }
        let (mut inside, mut around, mut outside) = (Vec::new(), Vec::new(), Vec::new());
        for (pattern, text) in &*self.0 {
            let common = pattern.intersection(language)?;
            if common.is_empty() {
                outside.push((pattern, text));
            } else if common == *pattern {
                inside.push((pattern, text));
            } else if common == *language {
                around.push((pattern, text));
            }
        }
        let join = |texts: &[(&Language, &Arc<str>)], word: &str| {
            let mut texts: Vec<&str> = texts.iter().map(|(_, text)| &***text).collect();
            texts.sort_unstable();
            texts.join(word)
        };
        let union = |parts: &[(&Language, &Arc<str>)]| {
            parts.iter().try_fold(Language::nothing(), |all, (pattern, _)| all.union(pattern))
        };
        if union(&inside)? == *language {
            let needed = without_needless(inside, |parts| Ok(union(parts)? == *language))?;
            return Ok(Some(join(&needed, " or ")));
        }
        let within = |parts: &[(&Language, &Arc<str>)]| {
            parts.iter().try_fold(Language::everything(), |all, (pattern, _)| all.intersection(pattern))
        };
        let without = union(&outside)?;
        if within(&around)?.difference(&without)? != *language {
            return Ok(None);
        }
        let outside =
            without_needless(outside, |parts| Ok(within(&around)?.difference(&union(parts)?)? == *language))?;
        let without = union(&outside)?;
        let around = without_needless(around, |parts| Ok(within(parts)?.difference(&without)? == *language))?;
        let hull = if around.is_empty() { ".*".to_owned() } else { join(&around, " and ") };
        Ok(Some(if outside.is_empty() { hull } else { format!("{hull} but {}", join(&outside, ", ")) }))
    }
}

/// The parts that are left when those are taken out without which the rest still does.
fn without_needless<T: Clone>(
    mut parts: Vec<T>,
    does: impl Fn(&[T]) -> Result<bool, TooLarge>,
) -> Result<Vec<T>, TooLarge> {
    let mut at = 0;
    while at < parts.len() {
        let mut fewer = parts.clone();
        fewer.remove(at);
        if does(&fewer)? { parts = fewer } else { at += 1 }
    }
    Ok(parts)
}

/// The words of a small finite language, as a pattern.
fn words(dfa: &Dfa) -> Option<String> {
    let live = dfa.distances();
    let is_live = |state: State| live.get(state as usize).copied().flatten().is_some();
    let mut words = Vec::new();
    let mut waiting = vec![(0, String::new())];
    while let Some((state, word)) = waiting.pop() {
        if dfa.accepts(state) {
            words.push(word.clone());
        }
        for (first, last, target) in dfa.ranges(state).filter(|(.., target)| is_live(*target)) {
            if last - first >= MAX_WORDS as u32 || word.len() > dfa.len() {
                return None;
            }
            for symbol in first..=last {
                let mut word = word.clone();
                word.push(super::alphabet::character(symbol)?);
                waiting.push((target, word));
            }
        }
        if words.len() + waiting.len() > MAX_WORDS {
            return None;
        }
    }
    words.sort_unstable();
    let patterns: Vec<String> = words.iter().map(|word| regex::quoted(word)).collect();
    Some(patterns.join("|")).filter(|text| text.len() <= MAX_LENGTH)
}

/// A pattern from the automaton, in the form `A but B` where that is shorter.
fn made_up(language: &Language) -> Option<String> {
    let example = language.witness()?;
    let quoted = regex::quoted(&example);
    if Language::suffix(&example).is_ok_and(|suffix| suffix == *language) {
        return Some(format!(".*{quoted}"));
    }
    if Language::containing(&example).is_ok_and(|containing| containing == *language) {
        return Some(format!(".*{quoted}.*"));
    }
    let plain = regex::pattern(&language.dfa);
    let readable = |text: &String| text.len() <= MAX_LENGTH;
    // Both sides of a short text are not shorter.
    if plain.as_ref().is_some_and(|text| text.len() <= 24) {
        return plain;
    }
    let but = exception(&language.dfa).and_then(|(hull, exception)| {
        let side = |dfa: &Dfa| words(dfa).or_else(|| regex::pattern(dfa));
        let hull = if hull.is_constant() == Some(true) { ".*".to_owned() } else { side(&hull)? };
        Some(format!("{hull} but {}", side(&exception)?))
    });
    match (plain, but) {
        (Some(plain), Some(but)) => Some(if but.len() < plain.len() { but } else { plain }),
        (plain, but) => plain.or(but),
    }
    .filter(readable)
}

/// A larger language and what is missing from it, if most texts that go on from some state are in
/// the language: the larger one has them all.
fn exception(dfa: &Dfa) -> Option<(Dfa, Dfa)> {
    let states = 0..dfa.len() as State;
    // A state is open if the most of its symbols lead to an open state, or if it takes every text.
    let mut open: Vec<bool> = states
        .clone()
        .map(|state| dfa.accepts(state) && matches!(dfa.steps(state), [(_, target)] if *target == state))
        .collect();
    let is_open = |open: &[bool], state: State| open.get(state as usize).copied().unwrap_or(false);
    loop {
        let mut changed = false;
        for state in states.clone() {
            let most = dfa.ranges(state).max_by_key(|(first, last, _)| last - first).map(|(.., to)| to);
            let becomes = !is_open(&open, state) && most.is_some_and(|target| is_open(&open, target));
            if becomes && let Some(place) = open.get_mut(state as usize) {
                *place = true;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    let draft: Vec<Draft> = states
        .map(|state| {
            let open = is_open(&open, state);
            let steps = if open {
                vec![(0, state)]
            } else {
                let mut steps = Steps::new();
                dfa.steps(state).iter().for_each(|(symbol, to)| push_step(&mut steps, *symbol, *to));
                steps
            };
            Draft { accepts: open || dfa.accepts(state), steps }
        })
        .collect();
    let hull = Dfa::new(&draft);
    let missing = hull.product(dfa, |hull, language| hull && !language, MAX_PAIRS).ok()?;
    (missing.is_constant() != Some(false)).then_some((hull, missing))
}
