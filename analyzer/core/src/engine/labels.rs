//! An inverted index from labels to pods: each distinct selector is answered once.

use npv_models::cluster::Namespace;
use npv_models::policy::{NamespaceSelector, PodSelector};
use npv_models::space::{Labels, Operator, Requirement};
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::lists::Lists;

/// The value of a label that no selector mentions; all of them are alike.
const OTHER: u32 = u32::MAX;

/// What selectors can see of some labels: numbers of key and value, ascending.
pub(crate) type Reduced = Box<[(u32, u32)]>;

/// Pods in one namespace whose labels no selector tells apart.
pub(crate) type Kind = (u32, Reduced);

/// The labels that selectors mention, numbered.
#[derive(Debug, Default)]
pub(crate) struct Mentioned<'p> {
    keys: FxHashMap<&'p str, u32>,
    /// By the number of the key; numbers are distinct over all keys.
    values: FxHashMap<(u32, &'p str), u32>,
}

impl<'p> Mentioned<'p> {
    /// The labels in the pod selectors.
    pub(crate) fn by(selectors: &[&'p PodSelector]) -> Self {
        let mut mentioned = Self::default();
        for requirement in selectors.iter().flat_map(|selector| selector.pods.requirements()) {
            let next = mentioned.keys.len() as u32;
            let key = *mentioned.keys.entry(&requirement.key).or_insert(next);
            for value in &requirement.values {
                let next = mentioned.values.len() as u32;
                mentioned.values.entry((key, value)).or_insert(next);
            }
        }
        mentioned
    }

    /// What selectors can see of some labels.
    pub(crate) fn reduce(&self, labels: &Labels) -> Reduced {
        let mut reduced: Vec<_> = labels
            .iter()
            .filter_map(|(key, value)| {
                let key = *self.keys.get(key)?;
                Some((key, self.values.get(&(key, value)).copied().unwrap_or(OTHER)))
            })
            .collect();
        reduced.sort_unstable();
        reduced.into_boxed_slice()
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
}

/// A requirement in numbers.
struct Test {
    key: Option<u32>,
    operator: Operator,
    values: Vec<u32>,
}

impl Test {
    /// S-43: an absent key satisfies the negative operators.
    fn accepts(&self, labels: &[(u32, u32)]) -> bool {
        let value = self.key.and_then(|key| {
            labels
                .binary_search_by_key(&key, |(key, _)| *key)
                .ok()
                .and_then(|at| labels.get(at))
                .map(|label| label.1)
        });
        let listed = |value: u32| self.values.contains(&value);
        match self.operator {
            Operator::In => value.is_some_and(listed),
            Operator::NotIn => !value.is_some_and(listed),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }
}

impl<'a> LabelIndex<'a> {
    /// Indexes kinds of pods.
    pub(crate) fn new(mentioned: &'a Mentioned<'a>, namespaces: &'a [Namespace], items: &'a [Kind]) -> Self {
        let labels = || {
            (0_u32..).zip(items).flat_map(|(item, (_, labels))| labels.iter().map(move |label| (item, label)))
        };
        Self {
            within: Lists::positions(namespaces.len(), items.iter().map(|(namespace, _)| *namespace)),
            with_key: Lists::grouped(mentioned.keys.len(), labels().map(|(item, label)| (label.0, item))),
            with_value: Lists::grouped(mentioned.values.len(), labels().map(|(item, label)| (label.1, item))),
            mentioned,
            namespaces,
            items,
        }
    }

    /// The items, ascending, that each selector selects.
    pub(crate) fn select_all(&self, selectors: &[&PodSelector]) -> Vec<Vec<u32>> {
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
        let namespaces: Vec<Vec<u32>> =
            distinct.par_iter().map(|selector| self.namespaces(selector)).collect();
        selectors
            .par_iter()
            .zip(&of)
            .map(|(selector, at)| self.select(namespaces.get(*at).map_or(&[], Vec::as_slice), selector))
            .collect()
    }

    /// The namespaces, ascending, that a selector selects.
    fn namespaces(&self, selector: &NamespaceSelector) -> Vec<u32> {
        match selector {
            NamespaceSelector::Named(name) => {
                let found = self.namespaces.binary_search_by(|namespace| namespace.name.cmp(name));
                found.map(|at| at as u32).into_iter().collect()
            }
            NamespaceSelector::Labels(selector) => (0_u32..)
                .zip(self.namespaces)
                .filter(|(_, namespace)| selector.matches(&namespace.labels))
                .map(|(number, _)| number)
                .collect(),
        }
    }

    fn select(&self, namespaces: &[u32], selector: &PodSelector) -> Vec<u32> {
        let tests: Vec<Test> = selector.pods.requirements().iter().map(|wanted| self.test(wanted)).collect();
        let accepted = |item: u32, labels: &[(u32, u32)]| {
            let passes = tests.iter().all(|test| test.accepts(labels));
            passes.then_some(item)
        };
        let nearby: usize = namespaces.iter().map(|namespace| self.within.get(*namespace).len()).sum();
        // The shortest list that holds every candidate.
        let rarest = tests
            .iter()
            .filter_map(|test| {
                let lists = self.candidates(test)?;
                Some((lists.iter().map(|list| list.len()).sum::<usize>(), lists))
            })
            .min_by_key(|(size, _)| *size)
            .filter(|(size, _)| *size < nearby);
        let mut selected: Vec<u32> = match rarest {
            None => namespaces
                .iter()
                .flat_map(|namespace| self.within.get(*namespace))
                .filter_map(|&item| accepted(item, &self.items.get(item as usize)?.1))
                .collect(),
            Some((_, lists)) => lists
                .into_iter()
                .flatten()
                .filter_map(|&item| {
                    let (namespace, labels) = self.items.get(item as usize)?;
                    namespaces.binary_search(namespace).ok()?;
                    accepted(item, labels)
                })
                .collect(),
        };
        selected.sort_unstable();
        selected
    }

    fn test(&self, requirement: &Requirement) -> Test {
        let key = self.mentioned.keys.get(&*requirement.key).copied();
        let values = requirement.values.iter();
        let values = values.filter_map(|value| self.mentioned.values.get(&(key?, value)).copied()).collect();
        Test { key, operator: requirement.operator, values }
    }

    /// Lists, disjoint, that hold every item which a requirement accepts; `None` for a negative one.
    fn candidates(&self, test: &Test) -> Option<Vec<&[u32]>> {
        match test.operator {
            Operator::In => Some(test.values.iter().map(|value| self.with_value.get(*value)).collect()),
            Operator::Exists => Some(test.key.iter().map(|key| self.with_key.get(*key)).collect()),
            Operator::NotIn | Operator::DoesNotExist => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use npv_models::space::Selector;

    use super::*;

    /// Two keys, each absent or with one of three values, of which no selector mentions the last.
    fn all_labels() -> Vec<Labels> {
        let values = [None, Some("x"), Some("y"), Some("z")];
        let pairs = values.iter().flat_map(|a| values.iter().map(move |b| [("a", *a), ("b", *b)]));
        pairs.map(|pair| pair.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()).collect()
    }

    fn all_requirements(key: &str) -> Vec<Requirement> {
        let sets: [&[&str]; 3] = [&["x"], &["y"], &["x", "y"]];
        let listed = [Operator::In, Operator::NotIn]
            .into_iter()
            .flat_map(|operator| sets.map(|values| Requirement::new(key, operator, values.iter().copied())));
        let bare = [Operator::Exists, Operator::DoesNotExist]
            .map(|operator| Requirement::new(key, operator, std::iter::empty::<&str>()));
        listed.chain(bare).collect()
    }

    #[test]
    fn every_pair_of_requirements_selects_what_it_matches() {
        let labels = all_labels();
        let wanted: Vec<PodSelector> = all_requirements("a")
            .iter()
            .flat_map(|a| all_requirements("b").into_iter().map(move |b| Selector::new([a.clone(), b])))
            .map(|pods| PodSelector { namespaces: NamespaceSelector::Named("n".into()), pods })
            .collect();
        let selectors: Vec<&PodSelector> = wanted.iter().collect();
        let mentioned = Mentioned::by(&selectors);
        let namespace = Namespace { name: "n".into(), labels: Arc::default(), defined: None };
        let items: Vec<Kind> = labels.iter().map(|labels| (0, mentioned.reduce(labels))).collect();
        let namespaces = [namespace];
        let index = LabelIndex::new(&mentioned, &namespaces, &items);
        for (selector, selected) in selectors.iter().zip(index.select_all(&selectors)) {
            let matching = (0_u32..).zip(&labels).filter(|(_, labels)| selector.pods.matches(labels));
            assert_eq!(selected, matching.map(|(item, _)| item).collect::<Vec<_>>(), "{}", selector.pods);
        }
    }
}
