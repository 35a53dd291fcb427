//! The document: all that a report shows, as plain data. Described by `docs/schema/report.json`.

use std::collections::BTreeMap;

use npv_models::decide::Cause;
use npv_models::diagnostic::Finding;
use npv_models::policy::{Direction, Mode, NoMatch};
use npv_models::source::SourceMap;
use npv_models::space::{Family, Traffic};
use rustc_hash::FxHashMap;
use serde::{Serialize, Serializer};

use super::account::{self, LayerOf};
use super::difference::Difference;
use super::excerpt::{Excerpt, Excerpts};
use super::inventory::{self, NamespaceOf, RouteOf, ServiceOf, WorkloadOf};
use super::proof::ProofOf;
use super::wrong::{self, Ends, WrongFlow};
use crate::engine::{Account, EndpointKind, Part, PartOf};
use crate::lint;
use crate::query::depends::Dependencies;
use crate::query::ends::Spaces;
use crate::query::name::internet;
use crate::query::reach::{self, Question, assumed};
use crate::query::text;
use crate::report::json::{
    Assertion, Condition, Depends, Diagnostic, Endpoint, Excepted, PluginOf, SCHEMA_VERSION, Summary,
};
use crate::report::sketch::called;
use crate::report::{Enforcer, FullReport};

/// Everything in a report.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::report) struct Document<'a> {
    schema_version: u32,
    npv: &'static str,
    inputs: &'a [String],
    flags: &'a [String],
    pub(super) complete: bool,
    /// Who enforces the policies.
    pub(super) cni: PluginOf<'a>,
    /// The same in words, where there is anything to say.
    #[serde(skip)]
    pub(super) plugin: Option<String>,
    pub(super) summary: Summary,
    pub(super) coverage: Coverage,
    /// As `npv reach` lists them.
    pub(super) endpoints: Vec<Endpoint<'a>>,
    /// What else there is to know of each endpoint.
    pub(super) ends: Vec<EndOf>,
    pub(in crate::report) traffic: Vec<Traffic>,
    /// Different rows of the answer: first destination, number of destinations, number of the traffic.
    pub(in crate::report) rows: Vec<Vec<u32>>,
    /// The row of each endpoint as a source.
    pub(in crate::report) row_of: Vec<u32>,
    /// A pair is to be asked for each address family apart.
    by_family: bool,
    classes: Vec<ClassOf>,
    names: Vec<String>,
    /// Sets of classes: first class, number of classes, and so on.
    sets: Vec<Vec<u32>>,
    layers: Vec<LayerOf<'a>>,
    namespaces: Vec<NamespaceOf<'a>>,
    workloads: Vec<WorkloadOf<'a>>,
    services: Vec<ServiceOf<'a>>,
    routes: Vec<RouteOf<'a>>,
    /// As `npv check` lists them.
    pub(super) findings: Vec<Diagnostic<'a>>,
    pub(super) suppressed: Vec<Excepted<'a>>,
    /// What the baseline has.
    pub(super) baseline: Vec<Diagnostic<'a>>,
    /// The excerpts that show each finding, then each that is suppressed, then each of the baseline.
    pub(super) shown: Vec<Vec<u32>>,
    pub(super) excerpts: Vec<Excerpt<'a>>,
    lint_rules: BTreeMap<&'static str, LintRule>,
    /// As `npv check` lists them.
    pub(super) assertions: Vec<Assertion<'a>>,
    /// What the answers about every cluster take for granted.
    assumptions: &'a [&'static str],
    /// The excerpts that show each assertion.
    pub(super) proofs: Vec<ProofOf>,
    /// What reading found wrong, as `npv reach` lists it.
    diagnostics: Vec<Diagnostic<'a>>,
    /// What passes in part, and what depends on what no manifest shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    conditions: Option<ConditionsOf<'a>>,
    /// What the map needs besides.
    pub(in crate::report) map: MapOf,
    /// What differs from another set of manifests, where this is a comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) diff: Option<Difference<'a>>,
}

/// What the map needs that no answer says.
#[derive(Serialize)]
pub(in crate::report) struct MapOf {
    /// What people call each endpoint, and what stands below that.
    called: Vec<(String, String)>,
    /// Whom each finding is about, in the order of `shown`.
    pub(in crate::report) about: Vec<Vec<u32>>,
    /// The flows that are wrong.
    pub(in crate::report) wrong: Vec<WrongFlow>,
}

/// How much is closed, and how much is open to the world.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Coverage {
    /// Pods that are isolated for ingress.
    pub(super) ingress: u64,
    /// Pods that are isolated for egress.
    pub(super) egress: u64,
    /// Endpoints with pods that something in the internet may connect to.
    pub(super) exposed: Vec<u32>,
    /// Connections of the answer.
    pub(super) connections: u64,
}

/// What the answer of `npv reach` does not say of an endpoint.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EndOf {
    several: bool,
    outside: bool,
    /// It holds addresses that are routed in the internet.
    internet: bool,
    /// Ingress, egress.
    isolated: [bool; 2],
    workload: Option<u32>,
    parts: Vec<PartOfEnd>,
}

/// What policies see of a part of an endpoint.
#[derive(Serialize)]
struct PartOfEnd {
    class: u32,
    seen: String,
}

/// What policies see of a class.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about a class")]
struct ClassOf {
    subject: bool,
    also: bool,
    host: bool,
    /// Number of a named port, number of the traffic.
    ports: Vec<[u32; 2]>,
    domain: bool,
    outside: bool,
    family: Option<&'static str>,
}

#[derive(Serialize)]
struct LintRule {
    category: &'static str,
    summary: String,
}

/// Different sets of traffic, numbered in the order in which they came.
#[derive(Default)]
pub(super) struct Flows {
    numbers: FxHashMap<Traffic, u32>,
    all: Vec<Traffic>,
}

impl Flows {
    /// The traffic of a number.
    pub(super) fn get(&self, number: u32) -> Option<&Traffic> {
        self.all.get(number as usize)
    }

    /// The number of some traffic.
    pub(super) fn number(&mut self, traffic: &Traffic) -> u32 {
        if let Some(number) = self.numbers.get(traffic) {
            return *number;
        }
        let number = self.all.len() as u32;
        self.all.push(traffic.clone());
        self.numbers.insert(traffic.clone(), number);
        number
    }
}

/// Writes an enumeration of the policy IR as a word.
pub(super) trait Word {
    fn word(&self) -> &'static str;
}

impl Word for Mode {
    fn word(&self) -> &'static str {
        match self {
            Self::FirstMatch => "first-match",
            Self::Union => "union",
            Self::DenyWins => "deny-wins",
        }
    }
}

impl Word for NoMatch {
    fn word(&self) -> &'static str {
        match self {
            Self::NextTier => "next-tier",
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }
}

/// Serializes what has a word.
pub(super) fn word<T: Word, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.word())
}

impl<'a> Document<'a> {
    /// The document of a report.
    pub(in crate::report) fn of(report: &FullReport<'a>) -> Self {
        let (snapshot, engine) = (report.snapshot, report.engine);
        let proofs = &report.proofs.proofs;
        let cluster = &snapshot.cluster;
        let assumed = assumed(snapshot);
        let account = Account::new(engine, cluster, &snapshot.policies, snapshot.profile, &assumed);
        let mut flows = Flows::default();
        let mut excerpts = Excerpts::new(&snapshot.sources);
        // So that readers find it without a search.
        let nothing = flows.number(&Traffic::NONE);
        debug_assert_eq!(nothing, 0);
        flows.number(&Traffic::all());

        let Answer { rows: Rows { rows, row_of }, conditions, connections } = answer(report, &mut flows);
        let ends: Vec<EndOf> = ends(report, &account);
        let coverage = coverage(report, &ends, &rows, &row_of, connections);
        let internet = ends.iter().zip(0..).filter(|(end, _)| end.internet).map(|(_, number)| number);
        let known = Ends::of(report, internet, &rows, &row_of);
        let wrong = wrong::flows(report, &known, &mut flows);
        let layers = account::layers(&snapshot.policies, &account, &mut flows, &mut excerpts);
        let classes = account.classes.iter().map(|class| ClassOf {
            subject: class.subject,
            also: class.also,
            host: class.host,
            ports: class.ports.iter().map(|(name, traffic)| [*name, flows.number(traffic)]).collect(),
            domain: class.domain,
            outside: class.outside,
            family: class.family.map(Family::name),
        });
        let classes = classes.collect();
        let (suppressed, excepted): (Vec<&Finding>, Vec<Excepted<'_>>) = report
            .suppressed
            .iter()
            .filter_map(|one| Some((&one.finding, Excepted::of(one, &snapshot.sources)?)))
            .unzip();
        let all = || report.findings.iter().chain(suppressed.iter().copied()).chain(report.known);
        let shown = all().map(|finding| excerpts.of_finding(finding)).collect();
        let (services, routes) = (inventory::services(snapshot, engine), inventory::routes(snapshot, engine));
        let subjects = wrong::subjects(report, &account);
        let about =
            all().map(|finding| wrong::about(finding, &known, &subjects, &services, &routes)).collect();
        let called = report.parties.iter().map(called).collect();
        let map = MapOf { called, about, wrong };
        let lint_rules = lint::rules()
            .iter()
            .filter(|rule| all().any(|finding| finding.rule == rule.name))
            .map(|rule| (rule.name, LintRule { category: rule.category.name(), summary: rule.summary() }));
        let lint_rules = lint_rules.collect();
        Self {
            schema_version: SCHEMA_VERSION,
            npv: env!("CARGO_PKG_VERSION"),
            inputs: report.inputs,
            flags: report.flags,
            complete: report.complete,
            cni: PluginOf::of(Enforcer::of(snapshot), &snapshot.sources),
            plugin: Enforcer::of(snapshot).in_words(&snapshot.sources),
            summary: Summary {
                suppressed: Some(report.suppressed.len()),
                baseline: Some(report.known.len()),
                ..Summary::of(report.findings, report.inventory)
            },
            coverage,
            endpoints: report.parties.iter().map(Endpoint::of).collect(),
            ends,
            rows,
            row_of,
            by_family: account.by_family,
            classes,
            names: account.names,
            sets: account
                .sets
                .iter()
                .map(|runs| runs.iter().flat_map(|run| [run.start, run.end - run.start]).collect())
                .collect(),
            layers,
            namespaces: inventory::namespaces(snapshot),
            workloads: inventory::workloads(snapshot),
            services,
            routes,
            conditions,
            map,
            findings: diagnostics(report.findings, &snapshot.sources),
            suppressed: excepted,
            baseline: diagnostics(report.known, &snapshot.sources),
            shown,
            lint_rules,
            assertions: proofs
                .iter()
                .enumerate()
                .map(|(index, proof)| Assertion::of(proof, index, report.replay, &snapshot.sources))
                .collect(),
            assumptions: &report.proofs.assumptions,
            proofs: proofs.iter().map(|proof| ProofOf::of(proof, &mut excerpts)).collect(),
            diagnostics: diagnostics(&snapshot.findings, &snapshot.sources),
            excerpts: excerpts.finish(),
            traffic: flows.all,
            diff: None,
        }
    }
}

fn diagnostics<'a>(findings: &'a [Finding], sources: &'a SourceMap) -> Vec<Diagnostic<'a>> {
    findings.iter().map(|finding| Diagnostic::of(finding, sources)).collect()
}

/// The answer of `npv reach`.
struct Answer<'a> {
    rows: Rows,
    conditions: Option<ConditionsOf<'a>>,
    connections: u64,
}

/// What there is from each source, as runs: first destination, how many, a number; equal rows once.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct Rows {
    rows: Vec<Vec<u32>>,
    row_of: Vec<u32>,
}

impl Rows {
    fn of(sources: Vec<Vec<u32>>) -> Self {
        let mut numbers: FxHashMap<Vec<u32>, u32> = FxHashMap::default();
        let mut rows = Vec::new();
        let row_of = sources.into_iter().map(|row| {
            *numbers.entry(row).or_insert_with_key(|row| {
                rows.push(row.clone());
                rows.len() as u32 - 1
            })
        });
        let row_of = row_of.collect();
        Self { rows, row_of }
    }
}

/// Connections of which some requests pass, and such that depend on what no manifest shows.
#[derive(Serialize)]
pub(super) struct ConditionsOf<'a> {
    kinds: Vec<Condition<'a>>,
    #[serde(flatten)]
    rows: Rows,
}

/// Adds a destination to a row of runs.
fn extend(row: Option<&mut Vec<u32>>, dst: u32, number: u32) {
    let Some(row) = row else { return };
    match row.as_mut_slice() {
        [.., first, count, known] if *first + *count == dst && *known == number => *count += 1,
        _ => row.extend([dst, 1, number]),
    }
}

fn answer<'a>(report: &FullReport<'a>, flows: &mut Flows) -> Answer<'a> {
    let question = Question::default();
    let cluster = &report.snapshot.cluster;
    let answer = reach::reach(&question, cluster, report.engine);
    let spaces = Spaces::of(cluster);
    let depends = Dependencies::new(report.snapshot, report.engine, &spaces);
    let mut of_source: Vec<Vec<u32>> = vec![Vec::new(); answer.parties.len()];
    let mut shaded = of_source.clone();
    let mut kinds = Vec::new();
    let mut numbers: BTreeMap<(Traffic, Traffic, Vec<Cause>), u32> = BTreeMap::new();
    let mut connections = 0;
    let ended = answer.each_shaded(|link| {
        connections += u64::from(!link.traffic.is_empty());
        let dst = link.dst as u32;
        let whole = link.traffic.whole();
        if !whole.is_empty() {
            extend(of_source.get_mut(link.src), dst, flows.number(&whole));
        }
        if link.traffic.is_partial() || !link.unknown.is_empty() {
            let causes = if link.unknown.is_empty() { Vec::new() } else { depends.of(&answer, &link) };
            let partial = if link.traffic.is_partial() { (*link.traffic).clone() } else { Traffic::NONE };
            let number = *numbers.entry((partial, link.unknown.clone(), causes)).or_insert_with_key(|key| {
                let causes = key.2.iter().map(|cause| Depends::of(cause, &report.snapshot.sources));
                kinds.push(Condition::of(&link, causes.collect()));
                kinds.len() as u32 - 1
            });
            extend(shaded.get_mut(link.src), dst, number);
        }
        Ok::<(), std::convert::Infallible>(())
    });
    match ended {
        Ok(()) => {}
        Err(never) => match never {},
    }
    let conditions = (!kinds.is_empty()).then(|| ConditionsOf { kinds, rows: Rows::of(shaded) });
    Answer { rows: Rows::of(of_source), conditions, connections }
}

fn ends(report: &FullReport<'_>, account: &Account) -> Vec<EndOf> {
    let engine = report.engine;
    let internet = internet();
    let ends =
        engine.ids().zip(engine.endpoints()).zip(&account.parts).map(|((id, endpoint), parts)| EndOf {
            several: endpoint.several,
            outside: endpoint.outside,
            internet: matches!(&endpoint.kind, EndpointKind::External(set) if set.intersects(&internet)),
            isolated: [Direction::Ingress, Direction::Egress].map(|direction| engine.isolated(id, direction)),
            workload: match &endpoint.kind {
                EndpointKind::Pods { workload, .. } => Some(workload.0),
                _ => None,
            },
            parts: parts
                .iter()
                .map(|part| PartOfEnd { class: part.class, seen: seen(report, part) })
                .collect(),
        });
    ends.collect()
}

/// What policies see of a part, for people.
fn seen(report: &FullReport<'_>, part: &Part) -> String {
    let cluster = &report.snapshot.cluster;
    match &part.of {
        PartOf::Group(group, member) => {
            let Some(group) = cluster.groups.get(group.0 as usize) else { return String::new() };
            let mut text = group.labels.to_string();
            let member = member.and_then(|member| group.members.get(member as usize));
            if let Some(address) = member.and_then(|member| member.addresses.first()) {
                text.extend([", one of them at ", &address.to_string()]);
            }
            if group.host_network {
                text.push_str(", on the host network");
            }
            text
        }
        PartOf::Node(node) => {
            cluster.nodes.get(*node as usize).map_or_else(String::new, |node| node.labels.to_string())
        }
        PartOf::Addresses(addresses) => text::addresses_in_short(addresses),
        PartOf::Assumed => "not in the manifests".to_owned(),
    }
}

fn coverage(
    report: &FullReport<'_>,
    ends: &[EndOf],
    rows: &[Vec<u32>],
    row_of: &[u32],
    connections: u64,
) -> Coverage {
    let isolated = |side: usize| {
        let of = report.parties.iter().zip(ends);
        let of = of.filter(|(_, end)| end.isolated.get(side).is_some_and(|isolated| *isolated));
        of.map(|(party, _)| u64::from(party.pods)).sum()
    };
    let from = ends.iter().zip(row_of).filter(|(end, _)| end.internet);
    let runs = from.filter_map(|(_, row)| rows.get(*row as usize)).flat_map(|row| row.chunks_exact(3));
    let reached = runs.flat_map(|run| match run {
        [first, count, _] => *first..first + count,
        _ => 0..0,
    });
    let pods = reached.filter(|dst| ends.get(*dst as usize).is_some_and(|end| end.workload.is_some()));
    let exposed: std::collections::BTreeSet<u32> = pods.collect();
    Coverage {
        ingress: isolated(0),
        egress: isolated(1),
        exposed: exposed.into_iter().collect(),
        connections,
    }
}
