//! Flows that read as one: the same traffic between the same sources and the same destinations.

use std::collections::BTreeMap;
use std::convert::Infallible;

use npv_models::space::Traffic;

use super::{End, Explainer, Flow, Flowing, Presence, Which, Why};
use crate::query::reach::{Party, PartyKind};

/// Flows from each of some ends to each of some ends; indices into [`Flowing::ends`].
///
/// An end that cannot connect to itself may be on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Where they come from, ascending.
    pub src: Vec<usize>,
    /// Where they go to, ascending.
    pub dst: Vec<usize>,
    /// Over what.
    pub traffic: Traffic,
    /// Whether an end of them is new or gone.
    pub presence: Presence,
}

/// So many flows of a bundle are looked at for their reasons.
const EXPLAINED: usize = 200;

impl Bundle {
    /// The reasons for its flows, the most frequent first, without the traffic that each is about, and whether
    /// all flows have been looked at. None where an end is new or gone.
    pub fn why(&self, explainer: &Explainer<'_>, which: Which) -> (Vec<Why>, bool) {
        let mut found: BTreeMap<Why, usize> = BTreeMap::new();
        let pairs = self.src.iter().flat_map(|src| self.dst.iter().map(move |dst| (*src, *dst)));
        let count = self.src.len().saturating_mul(self.dst.len());
        for (src, dst) in pairs.take(EXPLAINED) {
            let flow = Flow { src, dst, traffic: &self.traffic, presence: self.presence };
            for why in explainer.why(&flow, which) {
                *found.entry(Why { traffic: Traffic::NONE, ..why }).or_default() += 1;
            }
        }
        let mut whys: Vec<(Why, usize)> = found.into_iter().collect();
        whys.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
        (whys.into_iter().map(|(why, _)| why).collect(), count <= EXPLAINED)
    }
}

/// What flows of one bundle have in common.
type Key<'a> = (Presence, &'a Traffic, Vec<u32>);

/// Every flow that opens or closes in as few bundles as go by sources, or by destinations.
pub fn bundles(flowing: &Flowing, which: Which) -> Vec<Bundle> {
    let mut by_src: BTreeMap<(u32, Presence, &Traffic), Vec<u32>> = BTreeMap::new();
    let mut by_dst: BTreeMap<(u32, Presence, &Traffic), Vec<u32>> = BTreeMap::new();
    let Ok(()) = flowing.each(which, |flow| -> Result<(), Infallible> {
        let (src, dst) = (flow.src as u32, flow.dst as u32);
        by_src.entry((src, flow.presence, flow.traffic)).or_default().push(dst);
        by_dst.entry((dst, flow.presence, flow.traffic)).or_default().push(src);
        Ok(())
    });
    let (by_src, by_dst) = (united(flowing, by_src), united(flowing, by_dst));
    let to_usize = |numbers: Vec<u32>| numbers.into_iter().map(|number| number as usize).collect();
    let mut bundles: Vec<Bundle> = if by_src.len() <= by_dst.len() {
        let bundle = |((presence, traffic, dst), src)| Bundle {
            src: to_usize(src),
            dst: to_usize(dst),
            traffic: Traffic::clone(traffic),
            presence,
        };
        by_src.into_iter().map(bundle).collect()
    } else {
        let bundle = |((presence, traffic, src), dst)| Bundle {
            src: to_usize(src),
            dst: to_usize(dst),
            traffic: Traffic::clone(traffic),
            presence,
        };
        by_dst.into_iter().map(bundle).collect()
    };
    bundles.sort_by(|a, b| (a.presence, &a.src, &a.dst).cmp(&(b.presence, &b.src, &b.dst)));
    bundles
}

/// Ends with the same ends opposite, by those.
fn united<'a>(
    flowing: &Flowing,
    lists: BTreeMap<(u32, Presence, &'a Traffic), Vec<u32>>,
) -> BTreeMap<Key<'a>, Vec<u32>> {
    let mut keys: BTreeMap<Key<'a>, Vec<u32>> = BTreeMap::new();
    for ((end, presence, traffic), mut opposite) in lists {
        // One pod does not connect to itself, which must not make it different from its neighbours.
        let alone = flowing.ends.get(end as usize).is_some_and(|end| end.several == [false; 2]);
        if alone
            && opposite.len() > 1
            && let Err(place) = opposite.binary_search(&end)
        {
            let beside = |place: Option<&u32>| place.is_some_and(|other| flowing.neighbours(*other, end));
            if beside(place.checked_sub(1).and_then(|before| opposite.get(before)))
                || beside(opposite.get(place))
            {
                opposite.insert(place, end);
            }
        }
        keys.entry((presence, traffic, opposite)).or_default().push(end);
    }
    keys
}

/// How a set of ends reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whom<'a> {
    /// Every pod that is on both sides.
    Everybody,
    /// Every pod of a namespace that is on both sides.
    Namespace(&'a str),
    /// One end.
    One(&'a End),
}

impl Whom<'_> {
    fn is_outside(&self) -> bool {
        matches!(self, Self::One(End { party: Party { kind: PartyKind::External(_), .. }, .. }))
    }
}

/// So many ends of a namespace are worth a word that stands for all of them.
const WORTH_FOLDING: usize = 3;

/// Folds sets of ends.
#[derive(Debug)]
pub struct Folding<'a> {
    flowing: &'a Flowing,
    /// The pods of each namespace that are on both sides.
    namespaces: BTreeMap<&'a str, Vec<usize>>,
}

impl<'a> Folding<'a> {
    /// For the ends of this comparison.
    pub fn new(flowing: &'a Flowing) -> Self {
        let mut namespaces: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, end) in flowing.ends.iter().enumerate() {
            if let (Some(namespace), Presence::Both) = (end.party.namespace(), end.presence) {
                namespaces.entry(namespace).or_default().push(index);
            }
        }
        Self { flowing, namespaces }
    }

    /// The fewest words for a set of ends, which ascends: addresses outside first, since they are the widest.
    pub fn fold(&self, ends: &[usize]) -> Vec<Whom<'a>> {
        let has_all = |members: &[usize]| members.iter().all(|member| ends.binary_search(member).is_ok());
        let pods: usize = self.namespaces.values().map(Vec::len).sum();
        let everybody = self.namespaces.len() > 1
            && pods >= WORTH_FOLDING
            && self.namespaces.values().all(|members| has_all(members));
        let mut words: Vec<Whom<'a>> = everybody.then_some(Whom::Everybody).into_iter().collect();
        let mut folded: Vec<&str> = Vec::new();
        for end in ends.iter().filter_map(|index| self.flowing.ends.get(*index)) {
            let namespace = end.party.namespace().filter(|_| end.presence == Presence::Both);
            let Some(namespace) = namespace else {
                words.push(Whom::One(end));
                continue;
            };
            if everybody || folded.contains(&namespace) {
                continue;
            }
            match self.namespaces.get_key_value(namespace) {
                Some((name, members)) if members.len() >= WORTH_FOLDING && has_all(members) => {
                    folded.push(name);
                    words.push(Whom::Namespace(name));
                }
                _ => words.push(Whom::One(end)),
            }
        }
        words.sort_by_key(|word| !word.is_outside());
        words
    }
}
