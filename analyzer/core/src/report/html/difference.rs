//! What a comparison adds to the report on its head: what opens and closes, in terms of the report's endpoints.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use npv_models::policy::Direction;
use npv_models::source::SourceMap;
use npv_models::space::Traffic;
use serde::Serialize;
use serde_json::value::RawValue;

use super::excerpt::{Excerpt, Excerpts};
use crate::engine::EndpointId;
use crate::query::diff::{Bundle, Danger, Effect, End, Folding, Presence, Which, Whom, Why};
use crate::query::reach::{Party, PartyKind};
use crate::report::json::diff::{between, mentioned, write_some};
use crate::report::json::{Endpoint, Place};
use crate::report::{DiffReport, Look, Page};

/// So many flows that open, and so many that close, are listed pair by pair. Bundles hold them all.
const MOST_FLOWS: usize = 4_000;

/// The member `diff` of a report.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::report) struct Difference<'a> {
    /// As `npv diff --format json` prints it.
    answer: Box<RawValue>,
    /// The answer holds every flow.
    whole: bool,
    pub(super) count: Count,
    /// What the endpoints of the answer are here, in its order.
    ends: Vec<PieceOf>,
    /// Endpoints that only the base has: their numbers follow those of the report's.
    pub(in crate::report) gone: Vec<Endpoint<'a>>,
    /// The report's endpoints that the base has no part of.
    added: Vec<u32>,
    pub(in crate::report) opened: Vec<BundleOf>,
    pub(in crate::report) closed: Vec<BundleOf>,
    pub(super) reasons: Vec<ReasonOf<'a>>,
    /// The revision to check out before the commands of the report are tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkout: Option<&'a str>,
}

/// How many flows open and close.
#[derive(Serialize)]
pub(super) struct Count {
    pub(super) opened: usize,
    pub(super) closed: usize,
}

/// An endpoint of the answer, as a piece of what the report knows.
#[derive(Serialize)]
struct PieceOf {
    /// What people call it.
    name: String,
    /// It can connect to itself in the head, and in the base.
    several: [bool; 2],
    /// The numbers of endpoints that it is of, and those of them that it is all of.
    on: Vec<u32>,
    whole: Vec<u32>,
}

/// Flows from each of some ends to each of some ends. One that cannot connect to itself may be on both sides.
#[derive(Serialize)]
pub(in crate::report) struct BundleOf {
    /// What makes it worth a second look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) danger: Option<&'static str>,
    pub(super) between: &'static str,
    /// Ends by their places in the answer: first, number of ends, and so on.
    src: Vec<u32>,
    dst: Vec<u32>,
    /// The same in few words.
    pub(super) from: Vec<String>,
    pub(super) to: Vec<String>,
    pub(in crate::report) traffic: Traffic,
    /// Numbers of the reasons, the most frequent first.
    pub(super) why: Vec<u32>,
}

/// What turned a flow.
#[derive(Serialize)]
pub(super) struct ReasonOf<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    side: Option<Direction>,
    effect: &'static str,
    object: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    state: &'static str,
    pub(super) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    base: Option<Place<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<Place<'a>>,
    /// The lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) excerpt: Option<Excerpt<'a>>,
}

/// The endpoints that only the base has, named so that none is called like one of the head.
pub(in crate::report) fn gone(report: &DiffReport<'_>) -> Vec<Party> {
    let mut taken: BTreeSet<String> = report.full.parties.iter().map(|party| party.id.clone()).collect();
    let removed = report.diff.flows.ends.iter().filter(|end| end.presence == Presence::Removed);
    let parties = removed.map(|end| {
        let mut party = end.party.clone();
        while !taken.insert(party.id.clone()) {
            party.id.push_str("{removed}");
        }
        party
    });
    parties.collect()
}

impl Difference<'_> {
    /// The pairs of different endpoints that something of a bundle is between.
    pub(in crate::report) fn pairs(&self, bundle: &BundleOf) -> Vec<(u32, u32)> {
        let on = |runs: &[u32]| -> BTreeSet<u32> {
            let runs = runs.chunks_exact(2).flat_map(|run| match run {
                [first, count] => *first..first + count,
                _ => 0..0,
            });
            runs.filter_map(|end| self.ends.get(end as usize))
                .flat_map(|piece| piece.on.iter().copied())
                .collect()
        };
        let (sources, destinations) = (on(&bundle.src), on(&bundle.dst));
        let all = sources.iter().flat_map(|src| destinations.iter().map(move |dst| (*src, *dst)));
        all.filter(|(src, dst)| src != dst).collect()
    }
}

impl<'a> Difference<'a> {
    /// Of a comparison, with the endpoints that are [`gone`].
    ///
    /// # Errors
    /// The answer is no JSON: a bug in npv.
    pub(in crate::report) fn of(report: &DiffReport<'a>, gone: &'a [Party]) -> io::Result<Self> {
        let mut answer = Vec::new();
        write_some(report, MOST_FLOWS, &mut Page::new(&mut answer, Look::default()))?;
        let answer = String::from_utf8(answer).map_err(io::Error::other)?;
        let flows = &report.diff.flows;
        let [opened, closed] = Which::ALL.map(|which| flows.count(which));
        let ends = mentioned(report);
        let mut places = vec![0_u32; flows.ends.len()];
        for (place, (end, _)) in (0_u32..).zip(&ends) {
            places.get_mut(*end).into_iter().for_each(|known| *known = place);
        }
        let mut reasons = Reasons::default();
        let folding = Folding::new(flows);
        let [open, close] = Which::ALL.map(|which| {
            let bundles = report.why.bundles(which);
            let of = |(danger, bundle): &(Danger, Bundle)| {
                let why = reasons.of(report, bundle, which);
                bundle_of(*danger, bundle, which, why, &places, &folding)
            };
            bundles.iter().map(of).collect()
        });
        Ok(Self {
            answer: RawValue::from_string(answer)?,
            whole: opened.max(closed) <= MOST_FLOWS,
            count: Count { opened, closed },
            ends: pieces(report, &ends),
            gone: gone.iter().map(Endpoint::of).collect(),
            added: added(report),
            opened: open,
            closed: close,
            reasons: reasons.all,
            checkout: report.full.replay.checkout.as_deref(),
        })
    }

    /// The reasons of a bundle.
    pub(super) fn why(&self, bundle: &BundleOf) -> impl Iterator<Item = &ReasonOf<'a>> {
        bundle.why.iter().filter_map(|number| self.reasons.get(*number as usize))
    }
}

/// Endpoints of the head that are new in every part.
fn added(report: &DiffReport<'_>) -> Vec<u32> {
    let mut known: BTreeMap<EndpointId, bool> = BTreeMap::new();
    for end in &report.diff.flows.ends {
        if let Some(id) = end.head {
            *known.entry(id).or_insert(true) &= end.presence == Presence::Added;
        }
    }
    known.into_iter().filter(|(_, new)| *new).map(|(id, _)| id.0).collect()
}

fn pieces(report: &DiffReport<'_>, ends: &[(usize, &End)]) -> Vec<PieceOf> {
    let all = &report.diff.flows.ends;
    let mut parts: BTreeMap<EndpointId, usize> = BTreeMap::new();
    for id in all.iter().filter_map(|end| end.head) {
        *parts.entry(id).or_default() += 1;
    }
    let removed = all.iter().enumerate().filter(|(_, end)| end.presence == Presence::Removed);
    let first = report.full.parties.len() as u32;
    let removed: BTreeMap<usize, u32> = removed.map(|(index, _)| index).zip(first..).collect();
    let pieces = ends.iter().map(|(index, end)| {
        let (on, whole) = match (&end.party.kind, end.head, removed.get(index)) {
            (PartyKind::External(addresses), _, _) => {
                let (mut on, mut whole) = (Vec::new(), Vec::new());
                for (number, party) in (0_u32..).zip(report.full.parties) {
                    let PartyKind::External(set) = &party.kind else { continue };
                    if set.intersects(addresses) {
                        on.push(number);
                        if set.difference(addresses).is_empty() {
                            whole.push(number);
                        }
                    }
                }
                (on, whole)
            }
            (_, Some(id), _) => {
                let alone = parts.get(&id) == Some(&1);
                (vec![id.0], if alone { vec![id.0] } else { Vec::new() })
            }
            (_, None, Some(number)) => (vec![*number], vec![*number]),
            (_, None, None) => (Vec::new(), Vec::new()),
        };
        PieceOf { name: end.name(), several: end.several(), on, whole }
    });
    pieces.collect()
}

fn bundle_of(
    danger: Danger,
    bundle: &Bundle,
    which: Which,
    why: Vec<u32>,
    places: &[u32],
    folding: &Folding<'_>,
) -> BundleOf {
    let words = |ends: &[usize]| -> Vec<String> {
        let words = folding.fold(ends).into_iter().map(|word| match word {
            Whom::Everybody => "*/*".to_owned(),
            Whom::Namespace(namespace) => format!("{namespace}/*"),
            Whom::One(end) => end.name(),
        });
        words.collect()
    };
    BundleOf {
        danger: Some(danger.text()).filter(|text| which == Which::Opened && !text.is_empty()),
        between: between(bundle.presence),
        src: runs(&bundle.src, places),
        dst: runs(&bundle.dst, places),
        from: words(&bundle.src),
        to: words(&bundle.dst),
        traffic: bundle.traffic.clone(),
        why,
    }
}

/// Places as runs: first, number of places, and so on.
fn runs(ends: &[usize], places: &[u32]) -> Vec<u32> {
    let mut runs: Vec<u32> = Vec::new();
    for place in ends.iter().filter_map(|end| places.get(*end).copied()) {
        match runs.as_mut_slice() {
            [.., first, count] if *first + *count == place => *count += 1,
            _ => runs.extend([place, 1]),
        }
    }
    runs
}

/// Different reasons, numbered in the order in which they came.
#[derive(Default)]
struct Reasons<'a> {
    numbers: BTreeMap<Why, u32>,
    all: Vec<ReasonOf<'a>>,
}

impl<'a> Reasons<'a> {
    fn of(&mut self, report: &DiffReport<'a>, bundle: &Bundle, which: Which) -> Vec<u32> {
        let (whys, _) = bundle.why(report.why, which);
        whys.into_iter().map(|why| self.number(report, why)).collect()
    }

    fn number(&mut self, report: &DiffReport<'a>, why: Why) -> u32 {
        if let Some(number) = self.numbers.get(&why) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.all.push(reason(&why, report.base.sources, report.head.sources));
        self.numbers.insert(why, number);
        number
    }
}

fn reason<'a>(why: &Why, base: &'a SourceMap, head: &'a SourceMap) -> ReasonOf<'a> {
    let place = |in_head: bool, sources: &'a SourceMap| {
        let (span, _) = why.at.filter(|(_, head)| *head == in_head)?;
        Place::of(span, sources)
    };
    let excerpt = why.at.and_then(|(span, in_head)| {
        let mut excerpts = Excerpts::new(if in_head { head } else { base });
        // A name says little without what it is the name of.
        let around = if why.rule.is_some() || why.effect == Effect::Ends { 0 } else { 2 };
        excerpts.of(span, around);
        excerpts.finish().pop()
    });
    ReasonOf {
        side: why.direction,
        effect: why.effect.name(),
        message: why.text(),
        object: why.object.clone(),
        rule: why.rule.clone(),
        state: why.state.name(),
        base: place(false, base),
        head: place(true, head),
        excerpt,
    }
}
