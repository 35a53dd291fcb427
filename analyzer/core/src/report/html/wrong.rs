//! What is wrong where it is wrong: the flows that findings and assertions are about, as the map draws them, and
//! whom each finding is about.

use std::collections::BTreeSet;

use npv_models::diagnostic::{Finding, Witness};
use npv_models::space::{PortSet, Protocol, Traffic};
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::document::Flows;
use super::inventory::{RouteOf, ServiceOf};
use crate::engine::Account;
use crate::query::prove::Outcome;
use crate::query::reach::PartyKind;
use crate::report::FullReport;

/// A flow that somebody means to pass and that does not, or one that passes and should not.
#[derive(Serialize)]
pub(in crate::report) struct WrongFlow {
    pub(in crate::report) src: WrongEnd,
    pub(in crate::report) dst: WrongEnd,
    pub(in crate::report) traffic: u32,
    pub(in crate::report) line: Wrong,
    /// The finding that says so, or else the assertion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) finding: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::report) assertion: Option<u32>,
}

/// An endpoint of the answer, or somebody else by name.
#[derive(Clone, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(untagged)]
pub(in crate::report) enum WrongEnd {
    End(u32),
    Stranger(String),
}

#[derive(Clone, Copy, Serialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(in crate::report) enum Wrong {
    /// It is meant to pass, and does not.
    Blocked,
    /// It passes, and should not.
    Dangerous,
}

/// Rules about what the world can reach, and about what can reach the world, with whether the world is the source.
const OPEN: [(&str, bool); 3] = [
    ("sensitive-port-open-to-world", true),
    ("data-store-egress-to-world", false),
    ("cloud-metadata-reachable", false),
];
/// The rule about a resolver that need not be in the manifests.
const DNS: &str = "dns-egress-blocked";

/// What there is to look up about the ends of an answer.
pub(super) struct Ends<'a> {
    by_id: FxHashMap<&'a str, u32>,
    /// Those that hold addresses of the internet.
    internet: Vec<u32>,
    rows: &'a [Vec<u32>],
    row_of: &'a [u32],
}

impl<'a> Ends<'a> {
    pub(super) fn of(
        report: &FullReport<'a>,
        internet: impl Iterator<Item = u32>,
        rows: &'a [Vec<u32>],
        row_of: &'a [u32],
    ) -> Self {
        let ids = report.parties.iter().enumerate();
        let by_id = ids.map(|(index, party)| (&*party.id, index as u32)).collect();
        Self { by_id, internet: internet.collect(), rows, row_of }
    }

    /// The number of what passes from one to another; `None` is nothing.
    fn at(&self, src: u32, dst: u32) -> Option<u32> {
        let row = self.rows.get(*self.row_of.get(src as usize)? as usize)?;
        row.chunks_exact(3).find_map(|run| match run {
            [first, count, traffic] if (*first..first + count).contains(&dst) => Some(*traffic),
            _ => None,
        })
    }

    fn end(&self, id: &str) -> WrongEnd {
        self.by_id.get(id).map_or_else(|| WrongEnd::Stranger(id.to_owned()), |end| WrongEnd::End(*end))
    }

    /// The ends that a message names.
    fn named(&self, message: &str) -> Vec<u32> {
        message.split('`').skip(1).step_by(2).filter_map(|name| self.by_id.get(name)).copied().collect()
    }
}

/// The flows that are wrong, each once for a finding.
pub(super) fn flows(report: &FullReport<'_>, ends: &Ends<'_>, flows: &mut Flows) -> Vec<WrongFlow> {
    let mut all = Vec::new();
    for (number, finding) in report.findings.iter().enumerate() {
        let finding_number = Some(number as u32);
        let mut add = |src: WrongEnd, dst: WrongEnd, traffic: u32, line: Wrong| {
            all.push(WrongFlow { src, dst, traffic, line, finding: finding_number, assertion: None });
        };
        if let Some(witness) = &finding.witness {
            let (src, dst) = (ends.end(&witness.src), ends.end(&witness.dst));
            let known = matches!(src, WrongEnd::End(_)) || matches!(dst, WrongEnd::End(_));
            if known && !passes(ends, flows, &src, &dst, witness) {
                let traffic = flows.number(&one(witness));
                add(src, dst, traffic, Wrong::Blocked);
            }
        } else if finding.rule == DNS {
            let [tcp, udp] = [Protocol::Tcp, Protocol::Udp].map(|one| Traffic::of(one, PortSet::single(53)));
            let traffic = flows.number(&tcp.union(&udp));
            for end in ends.named(&finding.message) {
                add(
                    WrongEnd::End(end),
                    WrongEnd::Stranger("the cluster's DNS".to_owned()),
                    traffic,
                    Wrong::Blocked,
                );
            }
        }
        if let Some((_, inwards)) = OPEN.iter().find(|(rule, _)| *rule == finding.rule) {
            for end in ends.named(&finding.message) {
                for world in &ends.internet {
                    let (src, dst) = if *inwards { (*world, end) } else { (end, *world) };
                    if let Some(traffic) = ends.at(src, dst) {
                        add(WrongEnd::End(src), WrongEnd::End(dst), traffic, Wrong::Dangerous);
                    }
                }
            }
        }
    }
    for (number, proof) in report.proofs.proofs.iter().enumerate() {
        let Outcome::Fails(found) = &proof.outcome else { continue };
        let [src, dst] = [&found.part.src, &found.part.dst].map(|party| ends.end(&party.id));
        if matches!((&src, &dst), (WrongEnd::Stranger(_), WrongEnd::Stranger(_))) {
            continue;
        }
        let allowed = !found.part.allowed.is_empty();
        let traffic = if allowed { &found.part.allowed } else { &found.part.asked };
        let line = if allowed { Wrong::Dangerous } else { Wrong::Blocked };
        let traffic = flows.number(traffic);
        all.push(WrongFlow { src, dst, traffic, line, finding: None, assertion: Some(number as u32) });
    }
    all
}

fn one(witness: &Witness) -> Traffic {
    let protocol = Protocol::from_name(witness.protocol).unwrap_or(Protocol::Tcp);
    Traffic::of(protocol, PortSet::single(witness.port))
}

fn passes(ends: &Ends<'_>, flows: &Flows, src: &WrongEnd, dst: &WrongEnd, witness: &Witness) -> bool {
    let (WrongEnd::End(src), WrongEnd::End(dst)) = (src, dst) else { return false };
    let traffic = ends.at(*src, *dst).and_then(|number| flows.get(number));
    traffic.is_some_and(|traffic| one(witness).is_subset(traffic))
}

/// Whom an object selects or is, by the object's name: policies, workloads, namespaces.
pub(super) fn subjects(report: &FullReport<'_>, account: &Account) -> FxHashMap<String, Vec<u32>> {
    let mut subjects: FxHashMap<String, Vec<u32>> = FxHashMap::default();
    let mut add = |object: String, end: u32| subjects.entry(object).or_default().push(end);
    for (end, party) in report.parties.iter().enumerate() {
        if let PartyKind::Workload { namespace, name, kind } = &party.kind {
            add(format!("{kind}/{namespace}/{name}"), end as u32);
            add(format!("Namespace/{namespace}"), end as u32);
        }
    }
    for (layer, of_layer) in report.snapshot.policies.layers.iter().zip(&account.layers) {
        for (tier, of_tier) in layer.tiers.iter().zip(of_layer) {
            for (policy, compiled) in tier.policies.iter().zip(&of_tier.policies) {
                let set = account.sets.get(compiled.subject as usize).map_or(&[][..], |set| set);
                let holds = |class: u32| set.iter().any(|run| run.contains(&class));
                for (end, parts) in account.parts.iter().enumerate() {
                    if parts.iter().any(|part| holds(part.class)) {
                        add(policy.object.to_string(), end as u32);
                    }
                }
            }
        }
    }
    subjects
}

/// Whom a finding is about: whoever its object is, selects or leads to, whom its message names, and the ends of its flow.
pub(super) fn about(
    finding: &Finding,
    ends: &Ends<'_>,
    subjects: &FxHashMap<String, Vec<u32>>,
    services: &[ServiceOf<'_>],
    routes: &[RouteOf<'_>],
) -> Vec<u32> {
    let mut about: BTreeSet<u32> = ends.named(&finding.message).into_iter().collect();
    if let Some(witness) = &finding.witness {
        about.extend([&witness.src, &witness.dst].into_iter().filter_map(|id| ends.by_id.get(&**id)));
    }
    if let Some(object) = &finding.object {
        match subjects.get(object) {
            Some(subject) => about.extend(subject),
            None => {
                about.extend(services.iter().filter(|service| service.is(object)).flat_map(ServiceOf::ends));
                about.extend(routes.iter().filter(|route| route.is(object)).flat_map(RouteOf::ends));
            }
        }
    }
    about.into_iter().collect()
}
