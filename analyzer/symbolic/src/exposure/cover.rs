//! A condition on labels as a short list of selectors.
//!
//! Selectors of the policies come first. What they leave is covered by starting from one pod at a time
//! and dropping or widening one label after the other as long as every pod still meets the condition.
//! In the end, whatever the others cover is left out.

use std::collections::BTreeMap;

use npv_models::policy::{NamespaceSelector, PodSelector};
use npv_models::space::{Operator, Requirement, Selector};

use crate::session::Session;
use crate::solver::{Answer, Assignment};
use crate::term::{Bool, Scalar, ValueSet};
use crate::vocabulary::{Domain, NAME_LABEL};
use crate::world::{EndTerms, kind};

/// More selectors than this are not an answer that anybody reads.
const MOST: usize = 200;

/// Pods, and what must hold of the ports that they declare.
#[derive(Clone, Debug)]
pub(super) struct Selected {
    /// Which pods.
    pub(super) selector: PodSelector,
    /// Only on a port that they declare under each of these names.
    pub(super) ports: Vec<Box<str>>,
    /// Not on the ports that they declare under these names.
    pub(super) not_ports: Vec<Box<str>>,
}

impl Selected {
    fn on(selector: &PodSelector, port: Option<&str>) -> Self {
        Self {
            selector: selector.clone(),
            ports: port.into_iter().map(Into::into).collect(),
            not_ports: Vec::new(),
        }
    }
}

/// What the peers of one workload are asked for.
pub(super) struct Asked {
    /// The peer's end.
    pub(super) peer: EndTerms,
    /// What is known of the workload.
    pub(super) given: Bool,
    /// Selectors to try first.
    pub(super) hints: Vec<PodSelector>,
}

/// Some peers, in words and as a condition.
struct Piece {
    selected: Selected,
    condition: Bool,
}

/// One thing that can be asked of a peer: the values of a label, or a declared port.
struct Axis<'a> {
    value: Scalar,
    what: What<'a>,
}

#[derive(Clone, Copy)]
enum What<'a> {
    Name(&'a Domain),
    NamespaceLabel(&'a str, &'a Domain),
    Label(&'a str, &'a Domain),
    Port(&'a str),
}

impl Session<'_> {
    /// Selectors that together match exactly the pods, or nodes, that meet the condition; those that meet
    /// `already` may be left out.
    pub(super) fn cover(
        &mut self,
        condition: Bool,
        already: Bool,
        asked: &Asked,
        of: u128,
    ) -> Result<Vec<Selected>, String> {
        let base = self.base(asked, of);
        let wanted = self.terms.and([base, condition]);
        let open = self.terms.and_not(wanted, already);
        if !self.some(open)? {
            return Ok(Vec::new());
        }
        let mut pieces = Vec::new();
        self.try_hints(condition, base, asked, of, &mut pieces)?;
        self.cover_rest(condition, base, open, asked, of, &mut pieces)?;
        // The last and narrowest first.
        for position in (0..pieces.len()).rev() {
            let others: Vec<_> = (pieces.iter().enumerate())
                .filter(|(other, _)| *other != position)
                .map(|(_, piece): (_, &Piece)| piece.condition)
                .collect();
            let others = self.terms.or(others);
            let left = self.terms.and_not(open, others);
            if !self.some(left)? {
                pieces.remove(position);
            }
        }
        Ok(pieces.into_iter().map(|piece| piece.selected).collect())
    }

    /// The peer is of the kind, and the workload is the one that was asked about.
    fn base(&mut self, asked: &Asked, of: u128) -> Bool {
        let kind = asked.peer.is(&mut self.terms, of);
        let not_on_host = self.terms.not(asked.peer.host_network);
        self.terms.and([asked.given, kind, not_on_host])
    }

    fn some(&mut self, condition: Bool) -> Result<bool, String> {
        match self.check(condition, &[]) {
            Answer::Satisfiable(_) => Ok(true),
            Answer::Unsatisfiable(_) => Ok(false),
            Answer::Unknown(why) => Err(why),
        }
    }

    /// Everybody of the piece, and somebody at all, meets the condition.
    fn fits(&mut self, piece: Bool, base: Bool, condition: Bool) -> Result<bool, String> {
        let inside = self.terms.and([base, piece]);
        let outside = self.terms.and_not(inside, condition);
        Ok(!self.some(outside)?)
    }

    fn try_hints(
        &mut self,
        condition: Bool,
        base: Bool,
        asked: &Asked,
        of: u128,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), String> {
        if of != kind::POD {
            return Ok(());
        }
        for hint in &asked.hints {
            let (mut encoder, _) = self.encoder();
            let matches = encoder.pods(hint, &asked.peer);
            let here = self.terms.and([base, matches, condition]);
            if !self.some(here)? {
                continue;
            }
            if self.fits(matches, base, condition)? {
                pieces.push(Piece { selected: Selected::on(hint, None), condition: matches });
                continue;
            }
            for (name, declares) in &asked.peer.ports {
                let matches = self.terms.and([matches, *declares]);
                if self.fits(matches, base, condition)? {
                    pieces.push(Piece { selected: Selected::on(hint, Some(name)), condition: matches });
                }
            }
        }
        Ok(())
    }

    fn cover_rest(
        &mut self,
        condition: Bool,
        base: Bool,
        open: Bool,
        asked: &Asked,
        of: u128,
        pieces: &mut Vec<Piece>,
    ) -> Result<(), String> {
        let vocabulary = self.vocabulary.clone();
        let axes = axes(&vocabulary, &asked.peer, of, |port| match self.terms.node(port) {
            crate::term::Node::Within(var, _) => Scalar::Free(*var),
            _ => Scalar::Known(0),
        });
        loop {
            let covered = self.terms.or(pieces.iter().map(|piece| piece.condition).collect::<Vec<_>>());
            let left = self.terms.and_not(open, covered);
            let seed = match self.check(left, &[]) {
                Answer::Satisfiable(values) => values,
                Answer::Unsatisfiable(_) => return Ok(()),
                Answer::Unknown(why) => return Err(why),
            };
            if pieces.len() >= MOST {
                return Err(format!("more than {MOST} selectors are needed to say who they are"));
            }
            let piece = self.widen(condition, base, &axes, &seed)?;
            pieces.push(piece);
        }
    }

    /// As many pods around one as meet the condition, in a form that selectors have.
    fn widen(
        &mut self,
        condition: Bool,
        base: Bool,
        axes: &[Axis<'_>],
        seed: &Assignment,
    ) -> Result<Piece, String> {
        let mut sets: Vec<ValueSet> = Vec::with_capacity(axes.len());
        for axis in axes {
            let value = match axis.value {
                Scalar::Known(number) => number,
                Scalar::Free(var) => seed.get(&var).copied().unwrap_or_else(|| {
                    let variable = self.terms.variable(var);
                    variable.and_then(|variable| variable.domain.first()).unwrap_or(0)
                }),
            };
            sets.push(ValueSet::single(value));
        }
        for position in (0..axes.len()).rev() {
            let Some(axis) = axes.get(position) else { continue };
            let mut good = ValueSet::EMPTY;
            for (first, last) in self.stretches(&[condition], axis.value) {
                let stretch = ValueSet::range(first, last);
                let piece = self.product(axes, &sets, Some((position, &stretch)));
                if self.fits(piece, base, condition)? {
                    good = good.union(&stretch);
                }
            }
            if let Some(set) = sets.get_mut(position) {
                *set = axis.what.shape(&good, set);
            }
        }
        let condition = self.product(axes, &sets, None);
        Ok(Piece { selected: selected(axes, &sets), condition })
    }

    fn product(&mut self, axes: &[Axis<'_>], sets: &[ValueSet], instead: Option<(usize, &ValueSet)>) -> Bool {
        let mut conditions = Vec::with_capacity(axes.len());
        for (position, (axis, set)) in axes.iter().zip(sets).enumerate() {
            let set = match instead {
                Some((other, set)) if other == position => set,
                _ => set,
            };
            conditions.push(self.terms.within(axis.value, set));
        }
        self.terms.and(conditions)
    }
}

/// What can be asked of a peer. The last is widened first: labels of pods before those of namespaces.
fn axes<'a>(
    vocabulary: &'a crate::vocabulary::Vocabulary,
    peer: &EndTerms,
    of: u128,
    variable: impl Fn(Bool) -> Scalar,
) -> Vec<Axis<'a>> {
    let labels = |domains: &'a BTreeMap<Box<str>, Domain>, values: &BTreeMap<Box<str>, Scalar>| {
        let pairs = domains.iter().filter_map(|(key, domain)| Some((&**key, domain, *values.get(key)?)));
        pairs.collect::<Vec<_>>()
    };
    if of != kind::POD {
        let nodes = labels(&vocabulary.nodes, &peer.node_labels).into_iter();
        return nodes.map(|(key, domain, value)| Axis { value, what: What::Label(key, domain) }).collect();
    }
    let mut axes = vec![Axis { value: peer.namespace, what: What::Name(&vocabulary.names) }];
    for (key, domain, value) in labels(&vocabulary.namespaces, &peer.namespace_labels) {
        if key != NAME_LABEL {
            axes.push(Axis { value, what: What::NamespaceLabel(key, domain) });
        }
    }
    for (key, domain, value) in labels(&vocabulary.pods, &peer.labels) {
        axes.push(Axis { value, what: What::Label(key, domain) });
    }
    for name in &vocabulary.ports {
        if let Some(declares) = peer.ports.get(name) {
            axes.push(Axis { value: variable(*declares), what: What::Port(name) });
        }
    }
    axes
}

impl What<'_> {
    /// The largest set of values between the two that requirements can ask for.
    fn shape(&self, good: &ValueSet, seed: &ValueSet) -> ValueSet {
        let domain = match self {
            Self::Port(_) => return good.clone(),
            Self::Name(domain) | Self::NamespaceLabel(_, domain) | Self::Label(_, domain) => domain,
        };
        let absent = ValueSet::single(domain.absent());
        let others = domain.present().difference(&domain.mentioned());
        let all = match self {
            Self::Name(_) => domain.present(),
            _ => domain.sort().values(),
        };
        let bad = domain.mentioned().difference(good);
        let has_absent = matches!(self, Self::Name(_)) || absent.is_subset(good);
        if others.is_subset(good) && has_absent {
            all.difference(&bad)
        } else if others.is_subset(good) && !absent.intersects(seed) {
            all.difference(&bad).difference(&absent)
        } else if absent.intersects(seed) {
            absent
        } else {
            good.intersection(&domain.mentioned())
        }
    }

    /// What a selector asks for to get these values.
    fn requirements(&self, set: &ValueSet) -> Vec<Requirement> {
        let (key, domain) = match self {
            Self::Port(_) => return Vec::new(),
            Self::Name(domain) => (NAME_LABEL, *domain),
            Self::NamespaceLabel(key, domain) | Self::Label(key, domain) => (*key, *domain),
        };
        let numbers = |set: &ValueSet| -> Vec<String> {
            let listed = set.intersection(&domain.mentioned());
            let numbers = listed.intervals().iter().flat_map(|(first, last)| *first..=*last);
            numbers.filter_map(|number| domain.text(number)).collect()
        };
        let others = domain.present().difference(&domain.mentioned());
        if !others.is_subset(set) {
            return if set.contains(domain.absent()) {
                vec![Requirement::new(key, Operator::DoesNotExist, Vec::<String>::new())]
            } else {
                vec![Requirement::new(key, Operator::In, numbers(set))]
            };
        }
        let mut requirements = Vec::new();
        if !set.contains(domain.absent()) && !matches!(self, Self::Name(_)) {
            requirements.push(Requirement::new(key, Operator::Exists, Vec::<String>::new()));
        }
        let not = numbers(&domain.mentioned().difference(set));
        if !not.is_empty() {
            requirements.push(Requirement::new(key, Operator::NotIn, not));
        }
        requirements
    }
}

fn selected(axes: &[Axis<'_>], sets: &[ValueSet]) -> Selected {
    let (mut namespaces, mut pods, mut ports, mut not_ports) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (axis, set) in axes.iter().zip(sets) {
        match axis.what {
            What::Name(_) | What::NamespaceLabel(..) => namespaces.extend(axis.what.requirements(set)),
            What::Label(..) => pods.extend(axis.what.requirements(set)),
            What::Port(name) if !set.contains(0) => ports.push(name.into()),
            What::Port(name) if !set.contains(1) => not_ports.push(name.into()),
            What::Port(_) => {}
        }
    }
    let namespaces = match namespaces.as_slice() {
        [only]
            if only.key.as_ref() == NAME_LABEL && only.operator == Operator::In && only.values.len() == 1 =>
        {
            NamespaceSelector::Named(only.values.first().cloned().unwrap_or_default())
        }
        _ => NamespaceSelector::Labels(Selector::new(namespaces)),
    };
    let selector = PodSelector { namespaces, pods: Selector::new(pods) };
    Selected { selector, ports, not_ports }
}
