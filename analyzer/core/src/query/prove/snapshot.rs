//! Assertions about the endpoints of the manifests, answered by the exact engine.
//!
//! Pairs of ends are looked at by what the engine and the assertion can tell apart, so that the work
//! does not grow with the number of pods.

use std::collections::BTreeMap;

use npv_models::cluster::GroupId;
use npv_models::policy::PortMatch;
use npv_models::space::{IpSet, PortSet, Protocol, Traffic};
use npv_symbolic::session::Error;
use npv_symbolic::spec::Place;

use super::resolve::{Member, Resolved, Resolver};
use super::{Counterexample, Outcome};
use crate::assertion::{Assertion, Expect};
use crate::query::trace::Tracer;

/// What tells ends apart that are not told apart any further.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind<'a> {
    class: u32,
    labels: Vec<Option<&'a str>>,
    /// A source is one that the assertion names; a destination may get this traffic.
    named: bool,
    asked: Traffic,
    what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// Pods that selectors see.
    Pods,
    /// Pods that are their node to policies (S-37).
    HostPods,
    Nodes,
    Outside,
}

/// One kind of end, with one or two of it.
type Row<'a> = (Kind<'a>, Vec<Member>);

/// Whether an assertion holds for the endpoints of the manifests.
pub(super) fn holds(
    assertion: &Assertion,
    [from, to]: [&Resolved; 2],
    resolver: &Resolver<'_>,
    tracer: &Tracer<'_>,
) -> Result<Outcome, Error> {
    let only = assertion.expect == Expect::Only;
    for (name, ends, empty) in [
        ("from", &assertion.from, from.members.is_empty() && !only),
        ("to", &assertion.to, to.members.is_empty()),
    ] {
        if empty {
            return Ok(Outcome::Vacuous(format!("nothing in these manifests is `{name}`: {ends}")));
        }
    }
    let work = Work { assertion, resolver, seen: resolver.seen() };
    let named: Vec<(Member, bool)> = from.members.iter().map(|member| (member.clone(), true)).collect();
    let sources = work.rows(if only { work.everybody(&from.members) } else { named }, false);
    let destinations = work.rows(to.members.iter().map(|member| (member.clone(), true)).collect(), true);
    let mut any = only;
    for (src, sources) in &sources {
        for (dst, destinations) in &destinations {
            if !work.concerns(src, dst) {
                continue;
            }
            let pairs = sources.iter().flat_map(|src| destinations.iter().map(move |dst| (src, dst)));
            let Some((source, destination)) = pairs.into_iter().find(|(src, dst)| work.is_flow(src, dst))
            else {
                continue;
            };
            any = true;
            let both = resolver.engine.between(source.endpoint(), destination.endpoint()).both;
            let allowed = resolver.engine.traffic(both);
            let against = match assertion.expect {
                Expect::Allow => dst.asked.difference(allowed),
                Expect::Deny | Expect::Only => dst.asked.intersection(allowed),
            };
            if let Some(over) = plainest(&against) {
                return Ok(Outcome::Fails(Box::new(Counterexample::present(
                    [source, destination],
                    over,
                    assertion.expect,
                    resolver,
                    tracer,
                )?)));
            }
        }
    }
    if any {
        return Ok(Outcome::Holds);
    }
    let clause = if assertion.relations.is_empty() { "" } else { " that `where` speaks of" };
    Ok(Outcome::Vacuous(format!("there is no pair in these manifests{clause}")))
}

/// The port that reads best.
fn plainest(traffic: &Traffic) -> Option<(Protocol, u16)> {
    let web = [80, 443].map(|port| (Protocol::Tcp, port));
    web.into_iter().find(|(protocol, port)| traffic.contains(*protocol, *port)).or_else(|| traffic.first())
}

struct Work<'w, 'a> {
    assertion: &'w Assertion,
    resolver: &'w Resolver<'a>,
    seen: Vec<GroupId>,
}

impl<'w, 'a: 'w> Work<'w, 'a> {
    /// Everybody, and whether the assertion names them: of addresses and nodes, a part may be.
    fn everybody(&self, named: &[Member]) -> Vec<(Member, bool)> {
        let mut everybody = Vec::new();
        for member in self.resolver.everybody() {
            match &member {
                Member::Pods(..) => {
                    let is_named = named.contains(&member);
                    everybody.push((member, is_named));
                }
                Member::Nodes(id, all) => {
                    let theirs = named.iter().find_map(|other| match other {
                        Member::Nodes(other, nodes) if other == id => Some(nodes.as_slice()),
                        _ => None,
                    });
                    let others =
                        all.iter().copied().filter(|node| !theirs.unwrap_or_default().contains(node));
                    let others: Vec<u32> = others.collect();
                    if !others.is_empty() {
                        everybody.push((Member::Nodes(*id, others), false));
                    }
                    everybody.extend(theirs.map(|nodes| (Member::Nodes(*id, nodes.to_vec()), true)));
                }
                Member::Outside(id, all) => {
                    let theirs = named.iter().filter_map(|other| match other {
                        Member::Outside(other, addresses) if other == id => Some(addresses),
                        _ => None,
                    });
                    let theirs = theirs.fold(IpSet::EMPTY, |all, more| all.union(more));
                    for (addresses, is_named) in [(all.difference(&theirs), false), (theirs, true)] {
                        if !addresses.is_empty() {
                            everybody.push((Member::Outside(*id, addresses), is_named));
                        }
                    }
                }
            }
        }
        everybody
    }

    /// Ends by their kinds, in the order in which the kinds first come.
    fn rows(&self, members: Vec<(Member, bool)>, destinations: bool) -> Vec<Row<'w>> {
        let mut rows: Vec<Row<'w>> = Vec::new();
        let mut known: BTreeMap<Kind<'w>, usize> = BTreeMap::new();
        let mut members = members;
        members.sort_by_key(|(member, _)| member.endpoint());
        for (member, named) in members {
            let kind = self.kind(&member, named, destinations);
            match known.get(&kind).and_then(|index| rows.get_mut(*index)) {
                // Two are enough to have two different ones.
                Some((_, members)) if members.len() > 1 => {}
                Some((_, members)) => members.push(member),
                None => {
                    known.insert(kind.clone(), rows.len());
                    rows.push((kind, vec![member]));
                }
            }
        }
        rows
    }

    fn kind(&self, member: &Member, named: bool, destination: bool) -> Kind<'w> {
        let engine = self.resolver.engine;
        let group = match member {
            Member::Pods(_, group) => Some(*group),
            Member::Nodes(..) | Member::Outside(..) => None,
        };
        let labels = self.assertion.relations.iter().map(|relation| {
            let group = self.resolver.group(group?)?;
            match relation.place {
                Place::Pod => group.labels.get(&relation.key),
                Place::Namespace => {
                    let namespace = self.resolver.names.cluster.namespaces.get(group.namespace.0 as usize)?;
                    namespace.labels.get(&relation.key)
                }
                Place::Node => None,
            }
        });
        let labels = labels.collect();
        let what = match member {
            Member::Pods(_, group) if self.seen.binary_search(group).is_ok() => What::Pods,
            Member::Pods(..) => What::HostPods,
            Member::Nodes(..) => What::Nodes,
            Member::Outside(..) => What::Outside,
        };
        if destination {
            let class = engine.destination_class(member.endpoint());
            return Kind { class, labels, named, asked: self.asked(group), what };
        }
        Kind { class: engine.source_class(member.endpoint()), labels, named, asked: Traffic::NONE, what }
    }

    /// The traffic that the assertion speaks of, to pods of a group or to anything else.
    fn asked(&self, group: Option<GroupId>) -> Traffic {
        let Some(ports) = &self.assertion.ports else { return Traffic::all() };
        let declared = group.and_then(|group| self.resolver.group(group)).map(|group| &*group.ports);
        let mut asked = Traffic::NONE;
        for port in ports {
            match port {
                PortMatch::Numbers(traffic) => asked = asked.union(traffic),
                // S-24: looked up on the destination.
                PortMatch::Named { protocol, name } => {
                    for declared in declared.into_iter().flatten() {
                        let fits = declared.name.as_ref() == Some(name)
                            && protocol.is_none_or(|protocol| protocol == declared.protocol);
                        if fits {
                            let number = PortSet::single(declared.number);
                            asked = asked.union(&Traffic::of(declared.protocol, number));
                        }
                    }
                }
            }
        }
        asked
    }

    /// Whether flows between ends of these kinds are ones that the assertion is about; for `only`, ones that
    /// it forbids.
    fn concerns(&self, src: &Kind<'_>, dst: &Kind<'_>) -> bool {
        let mut pairs = self.assertion.relations.iter().zip(src.labels.iter().zip(&dst.labels));
        let named = src.named && pairs.all(|(relation, (src, dst))| (src == dst) == relation.same);
        match self.assertion.expect {
            Expect::Allow | Expect::Deny => named,
            // No policy applies to anybody but pods, so that nobody else could be kept from there.
            Expect::Only => {
                !named && (matches!(dst.what, What::Pods | What::HostPods) || src.what == What::Pods)
            }
        }
    }

    /// Whether there are connections between the two at all: not from one pod to itself, nor outside of the
    /// cluster.
    fn is_flow(&self, src: &Member, dst: &Member) -> bool {
        match (src, dst) {
            (Member::Pods(endpoint, group), Member::Pods(..)) if src == dst => {
                self.resolver.several(*endpoint, *group)
            }
            (Member::Outside(..), Member::Outside(..)) => false,
            _ => true,
        }
    }
}
