//! What policies and questions can tell apart: per label key the values that any of them mentions.
//!
//! A value that nobody mentions behaves like any other such value, so one *other* value stands for
//! all of them. Where two values are compared with each other, two are needed.

use std::collections::{BTreeMap, BTreeSet};

use npv_models::policy::{
    NamespaceSelector, PeerMatch, Peers, PodSelector, PolicySet, PortMatch, Ports, Rule, Same,
};
use npv_models::space::{Labels, Requirement, Selector};

use crate::spec::{EndPart, EndSpec, Place, Question};
use crate::term::{Sort, ValueSet};

/// The label that holds a namespace's name (S-41).
pub const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The values of one label, or the names of namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domain {
    mentioned: BTreeSet<Box<str>>,
    others: u32,
}

impl Domain {
    /// The sort of a variable over the domain: the mentioned values in their order, then other values,
    /// then *absent*.
    pub fn sort(&self) -> Sort {
        Sort::Choice(self.absent() as u32 + 1)
    }

    /// The number of *absent*.
    pub fn absent(&self) -> u128 {
        self.mentioned.len() as u128 + u128::from(self.others)
    }

    /// All values but *absent*.
    pub fn present(&self) -> ValueSet {
        self.sort().values().difference(&ValueSet::single(self.absent()))
    }

    /// All values that have a meaning of their own.
    pub fn mentioned(&self) -> ValueSet {
        match (self.mentioned.len() as u128).checked_sub(1) {
            Some(last) => ValueSet::range(0, last),
            None => ValueSet::EMPTY,
        }
    }

    /// Two values that nobody mentions are two numbers.
    pub fn distinguishes_others(&self) -> bool {
        self.others > 1
    }

    /// The number of a value; the first other value for one that is not mentioned.
    pub fn number(&self, value: Option<&str>) -> u128 {
        match value {
            None => self.absent(),
            Some(value) => {
                let position = self.mentioned.iter().position(|mentioned| **mentioned == *value);
                position.unwrap_or(self.mentioned.len()) as u128
            }
        }
    }

    /// The value with this number; an invented, valid one where it stands for others; `None` for
    /// *absent*.
    pub fn text(&self, number: u128) -> Option<String> {
        if number >= self.absent() {
            return None;
        }
        let position = usize::try_from(number).ok()?;
        match self.mentioned.iter().nth(position) {
            Some(value) => Some(value.to_string()),
            None => self.invented().nth(position - self.mentioned.len()),
        }
    }

    /// Values that nobody mentions, without end: valid label values and names of namespaces.
    pub fn invented(&self) -> impl Iterator<Item = String> + '_ {
        let numbered = (2..).map(|number| format!("other-{number}"));
        std::iter::once("other".to_owned())
            .chain(numbered)
            .filter(|candidate| !self.mentioned.contains(candidate.as_str()))
    }

    /// The numbers of the values, *absent* among them, that satisfy a requirement (S-43).
    pub fn accepted(&self, requirement: &Requirement) -> ValueSet {
        let other = self.invented().next();
        let mentioned = self.mentioned.iter().map(|value| Some(&**value));
        let others = (0..self.others).map(|_| other.as_deref());
        let accepted = mentioned
            .chain(others)
            .chain([None])
            .enumerate()
            .filter(|(_, value)| requirement.accepts(*value))
            .map(|(number, _)| (number as u128, number as u128));
        ValueSet::from_intervals(accepted)
    }
}

/// Everything that the policies and the questions of a session mention.
#[derive(Clone, Debug, Default)]
pub struct Vocabulary {
    /// Labels of pods.
    pub pods: BTreeMap<Box<str>, Domain>,
    /// Labels of namespaces.
    pub namespaces: BTreeMap<Box<str>, Domain>,
    /// Labels of nodes.
    pub nodes: BTreeMap<Box<str>, Domain>,
    /// Names of namespaces; *absent* is that of an assumed pod (S-84).
    pub names: Domain,
    /// Names of container ports.
    pub ports: BTreeSet<Box<str>>,
    /// Values to add where their key turns out to be mentioned.
    optional: Vec<(Place, Box<str>, Box<str>)>,
}

impl Vocabulary {
    /// The vocabulary of these policies and questions.
    pub fn new<'a>(
        sets: impl IntoIterator<Item = &'a PolicySet>,
        questions: impl IntoIterator<Item = &'a Question>,
    ) -> Self {
        let mut vocabulary = Self::default();
        vocabulary.names.others = 1;
        for set in sets {
            for (_, _, policy) in set.policies() {
                vocabulary.pod_selector(&policy.subject);
                policy.also.iter().for_each(|end| vocabulary.peer(end));
                for rules in [&policy.ingress, &policy.egress].into_iter().flatten() {
                    for rule in rules {
                        vocabulary.rule(rule);
                    }
                }
            }
        }
        for question in questions {
            vocabulary.question(question);
        }
        vocabulary.finish();
        vocabulary
    }

    /// Adds namespaces whose labels are known.
    pub fn namespaces(&mut self, namespaces: &BTreeMap<Box<str>, Labels>) {
        for (name, labels) in namespaces {
            self.names.mentioned.insert(name.clone());
            for (key, value) in labels.iter() {
                self.optional.push((Place::Namespace, key.into(), value.into()));
            }
        }
        self.finish();
    }

    fn question(&mut self, question: &Question) {
        for end in
            [Some(&question.from), question.not_from.as_ref(), Some(&question.to)].into_iter().flatten()
        {
            self.end(end);
        }
        question.ports.iter().flatten().for_each(|port| self.port(port));
        for relation in &question.relations {
            // Two values that nobody mentions may be equal or not.
            self.place(relation.place).entry(relation.key.clone()).or_default().others = 2;
        }
    }

    fn place(&mut self, place: Place) -> &mut BTreeMap<Box<str>, Domain> {
        match place {
            Place::Pod => &mut self.pods,
            Place::Namespace => &mut self.namespaces,
            Place::Node => &mut self.nodes,
        }
    }

    fn rule(&mut self, rule: &Rule) {
        for peers in [&rule.own, &rule.peers] {
            if let Peers::Listed(peers) = peers {
                peers.iter().for_each(|peer| self.peer(&peer.matches));
            }
        }
        let listed = match &rule.ports {
            Ports::All => &[][..],
            Ports::Listed(items) => items,
        };
        listed.iter().chain(&rule.not_ports).for_each(|item| self.port(&item.matches));
    }

    fn peer(&mut self, peer: &PeerMatch) {
        for (term, _) in peer.terms() {
            match term {
                PeerMatch::Pods(selector) => self.pod_selector(selector),
                PeerMatch::Nodes(selector) => self.selector(Place::Node, selector),
                PeerMatch::Same(Same::Namespace) => self.names.others = 2,
                PeerMatch::Same(Same::NamespaceLabels(keys)) => {
                    for key in keys {
                        // Two values that nobody mentions may be equal or not.
                        self.namespaces.entry(key.clone()).or_default().others = 2;
                    }
                }
                _ => {}
            }
        }
    }

    fn port(&mut self, port: &PortMatch) {
        if let PortMatch::Named { name, .. } = port {
            self.ports.insert(name.clone());
        }
    }

    fn end(&mut self, end: &EndSpec) {
        for part in &end.any_of {
            match part {
                EndPart::Pods(selector) => self.pod_selector(selector),
                EndPart::Nodes(selector) => self.selector(Place::Node, selector),
                EndPart::Pod(pod) => {
                    self.names.mentioned.insert(pod.namespace.clone());
                    let ours = pod.labels.iter().map(|label| (Place::Pod, label));
                    let theirs = pod.namespace_labels.iter().flat_map(Labels::iter);
                    for (place, (key, value)) in ours.chain(theirs.map(|label| (Place::Namespace, label))) {
                        self.optional.push((place, key.into(), value.into()));
                    }
                }
                EndPart::Addresses(_) | EndPart::Anybody => {}
            }
        }
    }

    fn pod_selector(&mut self, selector: &PodSelector) {
        match &selector.namespaces {
            NamespaceSelector::Named(name) => {
                self.names.mentioned.insert(name.clone());
            }
            NamespaceSelector::Labels(selector) => self.selector(Place::Namespace, selector),
        }
        self.selector(Place::Pod, &selector.pods);
    }

    fn selector(&mut self, place: Place, selector: &Selector) {
        for requirement in selector.mentioned() {
            let domain = self.place(place).entry(requirement.key.clone()).or_default();
            domain.mentioned.extend(requirement.values.iter().cloned());
            domain.others = domain.others.max(1);
        }
    }

    /// Names of namespaces are values of their name label, and the other way round (S-41).
    fn finish(&mut self) {
        for (place, key, value) in std::mem::take(&mut self.optional) {
            if let Some(domain) = self.place(place).get_mut(&key) {
                domain.mentioned.insert(value);
            }
        }
        if let Some(label) = self.namespaces.get_mut(NAME_LABEL) {
            self.names.mentioned.append(&mut label.mentioned);
            self.names.others = self.names.others.max(label.others);
            *label = self.names.clone();
        }
    }
}
