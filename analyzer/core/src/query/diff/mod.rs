//! What a change opens and closes: the difference between two sets of manifests.

mod bundle;
mod danger;
mod filter;
mod flows;
mod policies;
mod refine;
mod why;

use std::collections::BTreeMap;
use std::convert::Infallible;

use npv_models::cluster::Cluster;
use npv_models::cni::Cni;
use npv_models::decide::Profile;
use npv_models::diagnostic::Finding;
use npv_models::policy::{PeerMatch, Peers, PolicySet};
use npv_models::space::{DomainName, IpSet, Traffic};
use npv_symbolic::session::Error;

use super::check::{Judged, Selection, judge};
use super::reach::{self, Party, PartyKind};
use super::text::addresses_in_short;
use crate::baseline::Baseline;
use crate::engine::{EndpointId, Engine};
use crate::snapshot::Snapshot;
use crate::suppress::Circumstances;

pub use bundle::{Bundle, Folding, Whom, bundles};
pub use danger::Danger;
pub use filter::{Filter, crosses_namespaces, is_data_store, is_internet};
use flows::{Flows, Routed};
pub use policies::PolicyChange;
use refine::Cell;
pub use why::{Effect, Explainer, State, Why};

/// One side of a comparison.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Who is there.
    pub cluster: &'a Cluster,
    /// What is allowed.
    pub policies: &'a PolicySet,
    /// Choices that the API leaves to the network plugin.
    pub profile: Profile,
    /// The network plugin.
    pub cni: &'a Cni,
    /// The exact answers; of [`engines`].
    pub engine: &'a Engine,
}

impl<'a> Side<'a> {
    /// The side that a snapshot is, with its engine.
    pub fn of(snapshot: &'a Snapshot, engine: &'a Engine) -> Self {
        Self {
            cluster: &snapshot.cluster,
            policies: &snapshot.policies,
            profile: snapshot.profile,
            cni: &snapshot.cni,
            engine,
        }
    }
}

/// The engines of the base and of the head, each of which can answer about the domains that either names.
pub fn engines(base: &Snapshot, head: &Snapshot) -> [Engine; 2] {
    let mut domains = domains(&base.policies);
    domains.extend(self::domains(&head.policies));
    [(base, head), (head, base)].map(|(side, other)| {
        let assumed = reach::assumed_in(side, other);
        Engine::with_domains(&side.cluster, &side.policies, side.profile, &assumed, &domains)
    })
}

/// The domains that policies name.
pub fn domains(policies: &PolicySet) -> Vec<&DomainName> {
    let mut names = Vec::new();
    for (_, _, policy) in policies.policies() {
        for rule in policy.ingress.iter().chain(&policy.egress).flatten() {
            let Peers::Listed(peers) = &rule.peers else { continue };
            let terms = peers.iter().flat_map(|peer| peer.matches.terms());
            names.extend(terms.filter_map(|(term, _)| match term {
                PeerMatch::Domain(name) => Some(name),
                _ => None,
            }));
        }
    }
    names
}

/// Whether flows are asked for that the head has and the base has not, or the reverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Which {
    /// Only the head allows them.
    Opened,
    /// Only the base allows them.
    Closed,
}

impl Which {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Opened, Self::Closed];

    /// `opened` or `closed`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Closed => "closed",
        }
    }
}

/// Which sides an end is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presence {
    /// Both.
    Both,
    /// Only the head: it is new.
    Added,
    /// Only the base: it is gone.
    Removed,
}

/// The difference between two sets of manifests.
#[derive(Debug)]
pub struct Diff {
    /// What opens and closes.
    pub flows: Flowing,
    /// Policies that are new, gone, or mean something else, by their names.
    pub policies: Vec<PolicyChange>,
    /// Whether nothing was left out of the base, and of the head.
    pub complete: [bool; 2],
    /// What is wrong with the head and was not wrong with the base, in the order of the head; without what the
    /// baseline has.
    pub introduced: Vec<Finding>,
    /// What was wrong with the base and is not wrong with the head, in the order of the base, whether the
    /// baseline has it or not.
    pub resolved: Vec<Finding>,
    /// All that is wrong with the head.
    pub head: Judged,
}

/// Compares two sets of manifests, with the [`engines`] of both, and with one selection of the lint rules,
/// the same exceptions and one baseline.
///
/// # Errors
/// When a proof does not stand up to the reference semantics: a bug in npv.
pub fn diff(
    base: &Snapshot,
    head: &Snapshot,
    [before, after]: [&Engine; 2],
    selection: &Selection,
    circumstances: Circumstances<'_>,
    baseline: Option<&Baseline>,
) -> Result<Diff, Error> {
    let (old, new) = rayon::join(
        || judge(base, before, selection, circumstances, None),
        || judge(head, after, selection, circumstances, None),
    );
    let (mut old, mut judged) = (old?.findings, new?);
    let new = &judged.findings;
    let complete = [&old, new].map(|findings| !findings.iter().any(|finding| finding.incomplete));
    // The configuration is of today: what it says of the base is wrong with neither.
    old.retain(|finding| finding.span().map(|span| span.source) != base.configuration);
    let introduced = unlike(new, &old, |finding| baseline.map_or(0, |baseline| baseline.count(finding)));
    let resolved = unlike(&old, new, |_| 0);
    if let Some(baseline) = baseline {
        let compared = baseline.compare(judged.findings, None, |_, _| false);
        (judged.findings, judged.known) = (compared.findings, compared.known);
    }
    Ok(Diff {
        flows: flows(&Side::of(base, before), &Side::of(head, after)),
        // What only another network plugin reads otherwise has not changed.
        policies: if base.cni != head.cni && base.written == head.written {
            Vec::new()
        } else {
            policies::changes(&base.policies, &head.policies)
        },
        complete,
        introduced,
        resolved,
        head: judged,
    })
}

/// The findings that the others are without, by their fingerprints; of several with one fingerprint, as
/// many as the others have fewer, or as are `known` fewer where that is more.
fn unlike(findings: &[Finding], others: &[Finding], known: impl Fn(&Finding) -> usize) -> Vec<Finding> {
    let mut there: BTreeMap<String, usize> = BTreeMap::new();
    for finding in others {
        *there.entry(finding.fingerprint()).or_default() += 1;
    }
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    let mut is_new = |finding: &Finding| {
        let fingerprint = finding.fingerprint();
        let before = there.get(&fingerprint).copied().unwrap_or(0);
        let left = left.entry(fingerprint).or_insert_with(|| before.max(known(finding)));
        let is_new = *left == 0;
        *left = left.saturating_sub(1);
        is_new
    };
    findings.iter().filter(|finding| is_new(finding)).cloned().collect()
}

/// One end of a comparison's flows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// What it is, and its name in this answer: pods that no policy of either side tells apart.
    pub party: Party,
    /// Which sides it is on. Addresses are on both.
    pub presence: Presence,
    /// Its endpoint in the base, where it is one.
    pub base: Option<EndpointId>,
    /// Its endpoint in the head.
    pub head: Option<EndpointId>,
    /// Whether it can connect to itself in the head, and in the base.
    several: [bool; 2],
}

impl End {
    /// Whether it can connect to itself in the head, and in the base.
    pub const fn several(&self) -> [bool; 2] {
        self.several
    }

    /// What people call it: addresses by what they are.
    pub fn name(&self) -> String {
        match &self.party.kind {
            PartyKind::External(addresses) => addresses_in_short(addresses),
            _ => self.party.id.clone(),
        }
    }
}

/// A flow that one side allows and the other does not; its ends are indices into [`Flowing::ends`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow<'a> {
    /// Where it comes from.
    pub src: usize,
    /// Where it goes to.
    pub dst: usize,
    /// What one side allows and the other does not; never nothing.
    pub traffic: &'a Traffic,
    /// Whether both ends are on both sides, or one of them is new or gone.
    pub presence: Presence,
}

/// Every flow that opens or closes.
#[derive(Debug, Default)]
pub struct Flowing {
    /// All ends in the order of every output: pods, what is in braces, addresses. Those of addresses may
    /// overlap: each is all that one row speaks of.
    pub ends: Vec<End>,
    flows: Flows,
    /// Per end, by what is asked, the rows of its group as a source.
    rows: [Vec<Vec<u32>>; 2],
    /// The group of each end as a source; none for what is no source.
    groups: Vec<Vec<u32>>,
}

/// Compares who can reach whom.
///
/// A workload is the same on both sides by namespace, name and kind. Connections between pods of one end
/// count on the side on which it can be several pods.
pub fn flows(base: &Side<'_>, head: &Side<'_>) -> Flowing {
    let cells = refine::cells(base, head);
    let routed = Routed::of(base, head);
    let flows = flows::compare(base, head, &cells, &routed);
    let inside = cells.into_iter().filter(|cell| !matches!(cell.party.kind, PartyKind::External(_)));
    let mut ends: Vec<End> = inside.map(|cell| end(base, head, cell)).collect();
    ends.extend((1..).zip(&flows.blocks).map(|(number, addresses)| block(number, addresses)));
    let mut groups: Vec<Vec<u32>> = vec![Vec::new(); ends.len()];
    for (number, members) in (0_u32..).zip(&flows.sources) {
        for member in members {
            if let Some(groups) = groups.get_mut(*member as usize) {
                groups.push(number);
            }
        }
    }
    let by_source = |which: Which| {
        let mut lists: Vec<Vec<u32>> = vec![Vec::new(); flows.sources.len()];
        for (index, row) in (0_u32..).zip(flows.rows.get(which as usize).into_iter().flatten()) {
            if let Some(list) = lists.get_mut(row.src as usize) {
                list.push(index);
            }
        }
        lists
    };
    let rows = Which::ALL.map(by_source);
    Flowing { ends, flows, rows, groups }
}

fn end(base: &Side<'_>, head: &Side<'_>, cell: Cell) -> End {
    let several = |side: &Side<'_>, id: Option<EndpointId>| {
        id.and_then(|id| side.engine.endpoint(id)).is_some_and(|end| end.several)
    };
    End {
        several: [several(head, cell.head), several(base, cell.base)],
        presence: match (cell.base, cell.head) {
            (None, _) => Presence::Added,
            (_, None) => Presence::Removed,
            _ => Presence::Both,
        },
        party: cell.party,
        base: cell.base,
        head: cell.head,
    }
}

fn block(number: usize, addresses: &IpSet) -> End {
    let kind = PartyKind::External(addresses.clone());
    let party = Party { id: format!("external-{number}"), kind, pods: 0, several: false };
    End { party, presence: Presence::Both, base: None, head: None, several: [false; 2] }
}

impl Flowing {
    /// Hands on every flow that opens or closes, ordered by source and then by destination.
    ///
    /// # Errors
    /// The first error that `take` returns; nothing is handed on after it.
    pub fn each<'s, E>(
        &'s self,
        which: Which,
        mut take: impl FnMut(Flow<'s>) -> Result<(), E>,
    ) -> Result<(), E> {
        let all = self.flows.rows.get(which as usize).map_or(&[][..], Vec::as_slice);
        let lists = self.rows.get(which as usize).map_or(&[][..], Vec::as_slice);
        let mut found: Vec<Flow<'s>> = Vec::new();
        for (src, (groups, end)) in self.groups.iter().zip(&self.ends).enumerate() {
            let rows = groups.iter().filter_map(|group| lists.get(*group as usize)).flatten();
            for row in rows.filter_map(|row| all.get(*row as usize)) {
                let members = self.flows.destinations.get(row.dst as usize);
                for dst in members.into_iter().flatten().map(|dst| *dst as usize) {
                    let Some(other) = self.ends.get(dst) else { continue };
                    if src == dst && !end.several.get(which as usize).copied().unwrap_or(false) {
                        continue;
                    }
                    let presence = if end.presence == Presence::Both { other.presence } else { end.presence };
                    let traffic = self.flows.traffic.get(row.traffic);
                    found.push(Flow { src, dst, traffic, presence });
                }
            }
            found.sort_by_key(|flow| flow.dst);
            found.drain(..).try_for_each(&mut take)?;
        }
        Ok(())
    }

    /// How many flows open or close.
    pub fn count(&self, which: Which) -> usize {
        let mut count = 0;
        let Ok(()) = self.each(which, |_| -> Result<(), Infallible> {
            count += 1;
            Ok(())
        });
        count
    }

    /// Whether two ends are pods of one namespace.
    fn neighbours(&self, one: u32, other: u32) -> bool {
        let namespace = |end: u32| self.ends.get(end as usize).and_then(|end| end.party.namespace());
        namespace(one).is_some() && namespace(one) == namespace(other)
    }
}
