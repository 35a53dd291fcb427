//! Near misses: which label a person probably meant.

use std::collections::BTreeMap;

use npv_models::space::{Labels, Operator, Requirement, Selector};

/// A label of a selector that one other label explains.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Typo {
    /// The label's key as it is written.
    pub(super) key: String,
    /// The value as it is written.
    pub(super) value: String,
    /// The key that the pods have.
    pub(super) meant_key: String,
    /// The value that the pods have.
    pub(super) meant_value: String,
}

impl Typo {
    /// The word that is written.
    pub(super) fn written(&self) -> &str {
        if self.key == self.meant_key { &self.value } else { &self.key }
    }

    /// The word to write instead.
    pub(super) fn meant(&self) -> &str {
        if self.key == self.meant_key { &self.meant_value } else { &self.meant_key }
    }
}

/// The one misspelling that explains why the selector matches none of these label sets, with the first
/// set that has the right spelling; `None` where there is none or more than one.
pub(super) fn typo<'a, T: Copy>(
    selector: &Selector,
    sets: impl Iterator<Item = (T, &'a Labels)>,
) -> Option<(Typo, T)> {
    let mut found: BTreeMap<Typo, T> = BTreeMap::new();
    if !selector.choices().is_empty() {
        return None;
    }
    for (id, labels) in sets {
        let mut unmet = selector
            .requirements()
            .iter()
            .filter(|requirement| !requirement.accepts(labels.get(&requirement.key)));
        let (Some(requirement), None) = (unmet.next(), unmet.next()) else { continue };
        let (Operator::In, [value]) = (requirement.operator, requirement.values.as_slice()) else { continue };
        let typo = |meant_key: &str, meant_value: &str| Typo {
            key: requirement.key.to_string(),
            value: value.to_string(),
            meant_key: meant_key.to_owned(),
            meant_value: meant_value.to_owned(),
        };
        match labels.get(&requirement.key) {
            Some(has) if similar(value, has) => {
                found.entry(typo(&requirement.key, has)).or_insert(id);
            }
            Some(_) => {}
            None => {
                for (key, has) in labels.iter() {
                    if has == &**value && similar(&requirement.key, key) {
                        found.entry(typo(key, has)).or_insert(id);
                    }
                }
            }
        }
    }
    (found.len() == 1).then(|| found.pop_first()).flatten()
}

/// The label set that leaves the fewest requirements unmet, with those; of equals, the first that has most of their
/// keys.
pub(super) fn nearest<'s, T>(
    selector: &'s Selector,
    sets: impl Iterator<Item = (T, &'s Labels)>,
) -> Option<(T, &'s Labels, Vec<&'s Requirement>)> {
    let mut best: Option<(T, &Labels, Vec<&Requirement>)> = None;
    let distance = |labels: &Labels, unmet: &[&Requirement]| {
        (unmet.len(), unmet.iter().filter(|requirement| labels.get(&requirement.key).is_none()).count())
    };
    for (id, labels) in sets {
        let unmet: Vec<_> = selector
            .requirements()
            .iter()
            .filter(|requirement| !requirement.accepts(labels.get(&requirement.key)))
            .collect();
        if best.as_ref().is_none_or(|(_, of, known)| distance(labels, &unmet) < distance(of, known)) {
            best = Some((id, labels, unmet));
        }
    }
    best
}

/// Whether one word is probably the other, misspelt. Words that differ in digits only are not: those
/// are versions and ordinals.
pub(super) fn similar(written: &str, meant: &str) -> bool {
    let letters = |word: &str| -> Vec<char> { word.chars().filter(|char| !char.is_ascii_digit()).collect() };
    if written == meant || letters(written) == letters(meant) {
        return false;
    }
    let plain = |word: &str| -> Vec<char> {
        word.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let (left, right) = (plain(written), plain(meant));
    if left == right {
        return true;
    }
    let shorter = left.len().min(right.len());
    match distance(&left, &right) {
        // Three letters with one changed are another word; with two swapped they are a slip.
        1 => shorter >= 4 || (left.len() == right.len() && swapped(&left, &right)),
        2 => shorter >= 8,
        _ => false,
    }
}

fn swapped(left: &[char], right: &[char]) -> bool {
    let (mut left, mut right) = (left.to_vec(), right.to_vec());
    left.sort_unstable();
    right.sort_unstable();
    left == right
}

/// Insertions, deletions, replacements and swaps of neighbours that make one word of the other.
fn distance(left: &[char], right: &[char]) -> usize {
    let width = right.len() + 1;
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..width).collect();
    let at = |row: &[usize], index: usize| row.get(index).copied().unwrap_or(usize::MAX / 2);
    for (i, &a) in left.iter().enumerate() {
        let mut row = Vec::with_capacity(width);
        row.push(i + 1);
        for (j, &b) in right.iter().enumerate() {
            let replace = at(&last, j) + usize::from(a != b);
            let mut cost = replace.min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swap = i > 0 && j > 0 && left.get(i - 1) == Some(&b) && right.get(j - 1) == Some(&a);
            if swap {
                cost = cost.min(at(&before_last, j - 1) + 1);
            }
            row.push(cost);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    at(&last, right.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_similar_and_other_words_are_not() {
        for (written, meant) in [
            ("frontend", "front-end"),
            ("frontnd", "frontend"),
            ("wbe", "web"),
            ("Backend", "backend"),
            ("databsae", "database"),
        ] {
            assert!(similar(written, meant), "{written} {meant}");
        }
        for (written, meant) in [
            ("web-1", "web-2"),
            ("v1", "v2"),
            ("api", "app"),
            ("dev", "prod"),
            ("cart", "catalog"),
            ("web", "web"),
        ] {
            assert!(!similar(written, meant), "{written} {meant}");
        }
    }

    #[test]
    fn a_typo_needs_one_explanation() {
        let web = Labels::from_iter([("app", "web"), ("tier", "frontend")]);
        let weg = Labels::from_iter([("app", "weg"), ("tier", "frontend")]);
        let selector = Selector::new([
            Requirement::new("app", Operator::In, ["wbe"]),
            Requirement::new("tier", Operator::In, ["frontend"]),
        ]);
        let (found, id) = typo(&selector, [(1, &web), (2, &web)].into_iter()).unwrap();
        assert_eq!((found.written(), found.meant(), id), ("wbe", "web", 1));
        assert_eq!(typo(&Selector::label("tier", "frontend"), [((), &web)].into_iter()), None);
        let both = Selector::label("app", "webg");
        let four = Labels::from_iter([("app", "webs")]);
        let five = Labels::from_iter([("app", "webx")]);
        assert_eq!(typo(&both, [((), &weg), ((), &four), ((), &five)].into_iter()), None);
        let (key, ()) = typo(&Selector::label("tiers", "frontend"), [((), &web)].into_iter()).unwrap();
        assert_eq!((key.written(), key.meant()), ("tiers", "tier"));
    }
}
