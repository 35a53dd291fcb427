//! An inverted index from labels to pods: each distinct selector is answered once.

use npv_models::cluster::Namespace;
use npv_models::policy::{NamespaceSelector, PodSelector, attribute};
use npv_models::space::{Labels, Operator, Requirement, Selector, Truth};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::lists::Lists;

/// The value of a label that no selector mentions; all of them are alike.
const OTHER: u32 = u32::MAX;
/// The value of a label that no manifest shows (S-88).
const UNKNOWN: u32 = u32::MAX - 1;
/// Where a look into a value does not hold, and the absence of its number would mean that nobody knows.
const FAILS: u32 = u32::MAX - 2;
/// Stands, as the last key, for labels that nothing shows (S-84), and for such attributes.
const OPEN: u32 = u32::MAX;
const OPEN_ATTRIBUTES: u32 = u32::MAX - 1;

/// What selectors can see of some labels: numbers of key and value, ascending.
pub(crate) type Reduced = Box<[(u32, u32)]>;

/// Pods in one namespace whose labels no selector tells apart.
pub(crate) type Kind = (u32, Reduced);

/// What selects for certain, and what may, each ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) certain: Vec<u32>,
    /// Those that are not certain.
    pub(crate) maybe: Vec<u32>,
}

impl Selected {
    fn collect(found: impl Iterator<Item = (u32, Truth)>) -> Self {
        let mut selected = Self::default();
        for (item, truth) in found {
            match truth {
                Truth::Yes => selected.certain.push(item),
                Truth::Maybe => selected.maybe.push(item),
                Truth::No => {}
            }
        }
        selected.certain.sort_unstable();
        selected.maybe.sort_unstable();
        selected
    }
}

/// A look into the values of a label, in its positive form.
type Pattern<'p> = (&'p str, Operator, &'p [Box<str>]);

/// The labels that selectors mention, numbered.
#[derive(Debug, Default)]
pub(crate) struct Mentioned<'p> {
    keys: FxHashMap<&'p str, u32>,
    /// By the number of the key; numbers are distinct over all keys.
    values: FxHashMap<(u32, &'p str), u32>,
    /// Looks into values, numbered as if each were a key of its own, which is there where it holds.
    patterns: FxHashMap<Pattern<'p>, u32>,
    /// The same by the key that they are about.
    patterns_of: FxHashMap<&'p str, Vec<(&'p Requirement, u32)>>,
    attributes: bool,
}

fn pattern(requirement: &Requirement) -> Pattern<'_> {
    let operator = requirement.operator;
    let positive = if operator.is_negative() { operator.negated() } else { operator };
    (&requirement.key, positive, &requirement.values)
}

impl<'p> Mentioned<'p> {
    /// The labels in the pod selectors.
    pub(crate) fn by(selectors: &[&'p PodSelector]) -> Self {
        let mut mentioned = Self::default();
        for requirement in selectors.iter().flat_map(|selector| selector.pods.mentioned()) {
            mentioned.attributes |= attribute::is(&requirement.key);
            let next = mentioned.size() as u32;
            let key = *mentioned.keys.entry(&requirement.key).or_insert(next);
            if requirement.operator.is_pattern() {
                let next = mentioned.size() as u32;
                let number = *mentioned.patterns.entry(pattern(requirement)).or_insert(next);
                if number == next {
                    mentioned.patterns_of.entry(&requirement.key).or_default().push((requirement, number));
                }
                continue;
            }
            for value in &requirement.values {
                let next = mentioned.values.len() as u32;
                mentioned.values.entry((key, value)).or_insert(next);
            }
        }
        mentioned
    }

    /// How many numbers keys and patterns have.
    fn size(&self) -> usize {
        self.keys.len() + self.patterns.len()
    }

    /// What selectors can see of some labels and attributes.
    pub(crate) fn reduce(&self, labels: &Labels, attributes: &Labels) -> Reduced {
        let mut reduced = Vec::new();
        self.add(labels, &mut reduced);
        if labels.is_open() {
            reduced.push((OPEN, UNKNOWN));
        }
        if self.attributes {
            self.add(attributes, &mut reduced);
            if attributes.is_open() {
                reduced.push((OPEN_ATTRIBUTES, UNKNOWN));
            }
        }
        reduced.sort_unstable();
        reduced.into_boxed_slice()
    }

    fn add(&self, labels: &Labels, reduced: &mut Vec<(u32, u32)>) {
        for (key, value) in labels.iter() {
            let Some(&number) = self.keys.get(key) else { continue };
            reduced.push((number, self.values.get(&(number, value)).copied().unwrap_or(OTHER)));
            for (requirement, number) in self.patterns_of.get(key).into_iter().flatten() {
                if requirement.accepts(Some(value)) != requirement.operator.is_negative() {
                    reduced.push((*number, OTHER));
                } else if labels.is_open() {
                    reduced.push((*number, FAILS));
                }
            }
        }
        for key in labels.unknown() {
            let Some(&number) = self.keys.get(key) else { continue };
            let patterns = self.patterns_of.get(key).into_iter().flatten().map(|(_, number)| *number);
            reduced.extend(patterns.chain([number]).map(|number| (number, UNKNOWN)));
        }
    }
}

/// Kinds of pods, ready to be selected.
#[derive(Debug)]
pub(crate) struct LabelIndex<'a> {
    mentioned: &'a Mentioned<'a>,
    namespaces: &'a [Namespace],
    items: &'a [Kind],
    /// The items of each namespace.
    within: Lists,
    /// The items that have a key, and those that have a mentioned value of it.
    with_key: Lists,
    with_value: Lists,
    /// The items of which some label is not known.
    vague: Vec<u32>,
}

/// A requirement in numbers.
struct Test {
    key: Option<u32>,
    attribute: bool,
    operator: Operator,
    values: Vec<u32>,
}

impl Test {
    /// S-43: an absent key satisfies the negative operators.
    fn holds(&self, labels: &[(u32, u32)]) -> Truth {
        let at = |key: u32| {
            let found = labels.binary_search_by_key(&key, |(key, _)| *key).ok();
            found.and_then(|at| labels.get(at)).map(|label| label.1)
        };
        let open = if self.attribute { OPEN_ATTRIBUTES } else { OPEN };
        let listed = |value: u32| self.values.contains(&value);
        match (self.key.and_then(at), self.operator) {
            (None, _) if at(open).is_some() => match self.operator {
                Operator::In | Operator::NotIn if self.values.is_empty() => {
                    self.operator.is_negative().into()
                }
                _ => Truth::Maybe,
            },
            (None, operator) => operator.is_negative().into(),
            (Some(_), Operator::Exists) => Truth::Yes,
            (Some(_), Operator::DoesNotExist) => Truth::No,
            (Some(UNKNOWN), _) => Truth::Maybe,
            (Some(value), Operator::In) => listed(value).into(),
            (Some(value), Operator::NotIn) => (!listed(value)).into(),
            (Some(FAILS), operator) => operator.is_negative().into(),
            // The number of a pattern is there where its positive form holds.
            (Some(_), operator) => (!operator.is_negative()).into(),
        }
    }
}

/// A selector in numbers.
struct Tests {
    all: Vec<Test>,
    choices: Vec<Vec<Tests>>,
}

impl Tests {
    fn hold(&self, labels: &[(u32, u32)]) -> Truth {
        let all = Truth::all(self.all.iter().map(|test| test.holds(labels)));
        let choices = self.choices.iter();
        all.and(Truth::all(choices.map(|choice| Truth::any(choice.iter().map(|tests| tests.hold(labels))))))
    }
}

impl<'a> LabelIndex<'a> {
    /// Indexes kinds of pods.
    pub(crate) fn new(mentioned: &'a Mentioned<'a>, namespaces: &'a [Namespace], items: &'a [Kind]) -> Self {
        let labels = || {
            (0_u32..).zip(items).flat_map(|(item, (_, labels))| labels.iter().map(move |label| (item, label)))
        };
        let mut vague: Vec<u32> =
            labels().filter(|(_, label)| label.1 == UNKNOWN).map(|(item, _)| item).collect();
        vague.dedup();
        Self {
            within: Lists::positions(namespaces.len(), items.iter().map(|(namespace, _)| *namespace)),
            with_key: Lists::grouped(mentioned.size(), labels().map(|(item, label)| (label.0, item))),
            with_value: Lists::grouped(mentioned.values.len(), labels().map(|(item, label)| (label.1, item))),
            vague,
            mentioned,
            namespaces,
            items,
        }
    }

    /// The items that each selector selects.
    pub(crate) fn select_all(&self, selectors: &[&PodSelector]) -> Vec<Selected> {
        // Namespace selectors repeat far more often than the pairs do.
        let mut numbers = FxHashMap::default();
        let mut distinct = Vec::new();
        let of: Vec<usize> = selectors
            .iter()
            .map(|selector| {
                *numbers.entry(&selector.namespaces).or_insert_with(|| {
                    distinct.push(&selector.namespaces);
                    distinct.len() - 1
                })
            })
            .collect();
        let namespaces: Vec<Selected> =
            distinct.par_iter().map(|selector| self.namespaces(selector)).collect();
        let nowhere = Selected::default();
        selectors
            .par_iter()
            .zip(&of)
            .map(|(selector, at)| self.select(namespaces.get(*at).unwrap_or(&nowhere), selector))
            .collect()
    }

    /// The namespaces that a selector selects.
    fn namespaces(&self, selector: &NamespaceSelector) -> Selected {
        match selector {
            NamespaceSelector::Named(name) => {
                let found = self.namespaces.binary_search_by(|namespace| namespace.name.cmp(name));
                Selected { certain: found.map(|at| at as u32).into_iter().collect(), maybe: Vec::new() }
            }
            NamespaceSelector::Labels(selector) => {
                let namespaces = (0_u32..).zip(self.namespaces);
                Selected::collect(
                    namespaces.map(|(number, namespace)| (number, selector.truth(&namespace.labels))),
                )
            }
        }
    }

    fn select(&self, namespaces: &Selected, selector: &PodSelector) -> Selected {
        let tests = self.tests(&selector.pods);
        let possible = || namespaces.certain.iter().chain(&namespaces.maybe);
        let nearby: usize = possible().map(|namespace| self.within.get(*namespace).len()).sum();
        // The shortest list that holds every candidate, but for those of which something is not known.
        let rarest = tests
            .all
            .iter()
            .filter_map(|test| {
                let lists = self.candidates(test)?;
                let size = lists.iter().map(|list| list.len()).sum::<usize>();
                Some((size + self.vague.len(), lists))
            })
            .min_by_key(|(size, _)| *size)
            .filter(|(size, _)| *size < nearby);
        let truth = |item: u32| {
            let (namespace, labels) = self.items.get(item as usize)?;
            let inside = if namespaces.certain.binary_search(namespace).is_ok() {
                Truth::Yes
            } else if namespaces.maybe.binary_search(namespace).is_ok() {
                Truth::Maybe
            } else {
                return None;
            };
            Some((item, inside.and(tests.hold(labels))))
        };
        match rarest {
            None => {
                let items = possible().flat_map(|namespace| self.within.get(*namespace));
                Selected::collect(items.filter_map(|&item| truth(item)))
            }
            Some((_, lists)) => {
                let mut items: Vec<u32> = lists.into_iter().flatten().chain(&self.vague).copied().collect();
                if !self.vague.is_empty() {
                    items.sort_unstable();
                    items.dedup();
                }
                Selected::collect(items.into_iter().filter_map(truth))
            }
        }
    }

    fn tests(&self, selector: &Selector) -> Tests {
        Tests {
            all: selector.requirements().iter().map(|wanted| self.test(wanted)).collect(),
            choices: selector
                .choices()
                .iter()
                .map(|choice| choice.iter().map(|selector| self.tests(selector)).collect())
                .collect(),
        }
    }

    fn test(&self, requirement: &Requirement) -> Test {
        let attribute = attribute::is(&requirement.key);
        let operator = requirement.operator;
        if operator.is_pattern() {
            let key = self.mentioned.patterns.get(&pattern(requirement)).copied();
            return Test { key, attribute, operator, values: Vec::new() };
        }
        let key = self.mentioned.keys.get(&*requirement.key).copied();
        let values = requirement.values.iter();
        let values = values.filter_map(|value| self.mentioned.values.get(&(key?, value)).copied()).collect();
        Test { key, attribute, operator, values }
    }

    /// Lists, disjoint, that hold every item which a requirement accepts for certain; `None` for a negative one.
    fn candidates(&self, test: &Test) -> Option<Vec<&[u32]>> {
        match test.operator {
            Operator::In => Some(test.values.iter().map(|value| self.with_value.get(*value)).collect()),
            operator if operator.is_negative() => None,
            _ => Some(test.key.iter().map(|key| self.with_key.get(*key)).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// Two keys, each absent, unknown, or with one of three values, of which no selector mentions the last; and
    /// all that may have further labels.
    fn all_labels() -> Vec<Labels> {
        let values = [None, Some("?"), Some("x"), Some("y"), Some("z")];
        let pairs = values.iter().flat_map(|a| values.iter().map(move |b| [("a", *a), ("b", *b)]));
        let mut all: Vec<Labels> = Vec::new();
        for pair in pairs {
            let mut labels = Labels::default();
            for (key, value) in pair {
                match value {
                    Some("?") => labels.insert_unknown(key),
                    Some(value) => drop(labels.insert(key, value)),
                    None => {}
                }
            }
            all.extend([labels.clone(), labels.opened()]);
        }
        all
    }

    fn all_requirements(key: &str) -> Vec<Requirement> {
        let sets: [&[&str]; 3] = [&["x"], &["y"], &["x", "y"]];
        let listed = [Operator::In, Operator::NotIn]
            .into_iter()
            .flat_map(|operator| sets.map(|values| Requirement::new(key, operator, values.iter().copied())));
        let bare = [Operator::Exists, Operator::DoesNotExist]
            .map(|operator| Requirement::new(key, operator, std::iter::empty::<&str>()));
        let looks = [Operator::StartsWith, Operator::EndsNotWith, Operator::Contains, Operator::ContainsNot];
        let looks = looks.map(|operator| Requirement::new(key, operator, ["y", "z"]));
        listed.chain(bare).chain(looks).collect()
    }

    #[test]
    fn every_pair_of_requirements_selects_what_it_matches() {
        let labels = all_labels();
        let wanted: Vec<PodSelector> = all_requirements("a")
            .iter()
            .flat_map(|a| {
                all_requirements("b").into_iter().flat_map(move |b| {
                    let either = [a.clone(), b.clone()].map(|one| Selector::new([one]));
                    [Selector::new([a.clone(), b]), Selector::any(either)]
                })
            })
            .map(|pods| PodSelector { namespaces: NamespaceSelector::Named("n".into()), pods })
            .collect();
        let selectors: Vec<&PodSelector> = wanted.iter().collect();
        let mentioned = Mentioned::by(&selectors);
        let namespace = Namespace { name: "n".into(), labels: Arc::default(), defined: None };
        let items: Vec<Kind> =
            labels.iter().map(|labels| (0, mentioned.reduce(labels, &Labels::NONE))).collect();
        let namespaces = [namespace];
        let index = LabelIndex::new(&mentioned, &namespaces, &items);
        for (selector, selected) in selectors.iter().zip(index.select_all(&selectors)) {
            let truths = (0_u32..).zip(&labels).map(|(item, labels)| (item, selector.pods.truth(labels)));
            assert_eq!(selected, Selected::collect(truths), "{}", selector.pods);
        }
    }
}
