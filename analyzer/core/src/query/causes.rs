//! Findings by their cause, the worst first.
//!
//! Lint rules say each thing on its own, so that exceptions and baselines can speak of each. What is left after those
//! is put together here: what has one cause is one finding, and its consequences are lines of it.

use std::collections::BTreeMap;
use std::path::Path;

use npv_models::cluster::WorkloadId;
use npv_models::diagnostic::{Finding, Location, Role, Severity};
use npv_models::source::Span;

use super::check::order;
use crate::lint::words::{Names, some};
use crate::lint::{self, Category};
use crate::snapshot::Snapshot;

/// Rules that say who is kept from which pods.
const BLOCKED: [&str; 5] = [
    "aggregated-api-blocked",
    "ingress-backend-blocked",
    "scrape-blocked",
    "statefulset-peers-blocked",
    "webhook-blocked",
];

/// What may be so because of something else.
const CONSEQUENCES: [&str; 3] = ["unreachable-service", "external-access-blocked", "intended-flow-blocked"];

/// As many places of a united finding are shown.
const MOST_PLACES: usize = 6;

/// Findings of one cause as one, and all of them by the damage that they do.
pub(super) fn united(findings: Vec<Finding>, snapshot: &Snapshot) -> Vec<Finding> {
    let findings = with_consequences(findings, snapshot);
    let findings = together(findings, open_in, |all| namespace(&all));
    let mut findings =
        together(findings, |finding| directories(finding, snapshot), |all| duplicates(&all, snapshot));
    findings.sort_by(|a, b| damage(a).cmp(&damage(b)).then_with(|| order(a, b)));
    findings
}

/// The place of a finding among others: what is refused, then what is broken or open, hygiene last.
fn damage(finding: &Finding) -> (u8, u8) {
    let severity = match finding.severity {
        Severity::Error => 0,
        Severity::Warning => 1,
        Severity::Note => 2,
    };
    let category = lint::rule(finding.rule).map_or(0, |rule| match rule.category {
        Category::Validity => 0,
        Category::BrokenPath => 1,
        Category::Exposure => 2,
        Category::Dead => 3,
        Category::Conflict => 4,
        Category::Shadow => 5,
        Category::Hygiene => 6,
    });
    (severity, category)
}

/// Replaces the findings that have a key in common by one, where the first of them was.
fn together<K: Ord>(
    findings: Vec<Finding>,
    key: impl Fn(&Finding) -> Option<K>,
    one: impl Fn(Vec<Finding>) -> Option<Finding>,
) -> Vec<Finding> {
    let mut groups: BTreeMap<K, Vec<usize>> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate() {
        if let Some(key) = key(finding) {
            groups.entry(key).or_default().push(index);
        }
    }
    let mut left: Vec<Option<Finding>> = findings.into_iter().map(Some).collect();
    for members in groups.into_values().filter(|members| members.len() > 1) {
        let all: Vec<Finding> = members.iter().filter_map(|&index| left.get(index)?.clone()).collect();
        let Some(united) = one(all) else { continue };
        for (number, &index) in members.iter().enumerate() {
            if let Some(slot) = left.get_mut(index) {
                *slot = (number == 0).then(|| united.clone());
            }
        }
    }
    left.into_iter().flatten().collect()
}

/// The namespace of a workload that no policy selects, with the level of the finding.
fn open_in(finding: &Finding) -> Option<(String, Severity)> {
    let (_, namespace, _) = parts(finding).filter(|_| finding.rule == "no-policy")?;
    Some((namespace.to_owned(), finding.severity))
}

/// Kind, namespace and name of a finding's object.
fn parts(finding: &Finding) -> Option<(&str, &str, &str)> {
    let mut parts = finding.object.as_deref()?.splitn(3, '/');
    Some((parts.next()?, parts.next()?, parts.next()?))
}

fn namespace(all: &[Finding]) -> Option<Finding> {
    let first = all.first()?;
    let (_, namespace, _) = parts(first)?;
    let names = all.iter().filter_map(|finding| {
        let (kind, namespace, name) = parts(finding)?;
        Some(format!("{namespace}/{name}[{kind}]"))
    });
    let message = format!(
        "no policy selects {} of namespace `{namespace}`: they are open to everybody in both directions",
        some(names, 8)
    );
    let others = all.iter().skip(1).filter_map(Finding::span);
    let mut united =
        Finding { message, ..first.clone() }.object(format!("Namespace/{namespace}")).key("workloads");
    for span in others.take(MOST_PLACES) {
        united = united.related(span, "nor this one");
    }
    Some(united)
}

/// The two directories in which an object is defined twice.
fn directories(finding: &Finding, snapshot: &Snapshot) -> Option<(String, String)> {
    if finding.rule != "duplicate-object" {
        return None;
    }
    let directory = |location: &Location| {
        let source = snapshot.sources.get(location.span.source)?;
        Some(Path::new(source.name()).parent()?.display().to_string())
    };
    let mut related = finding.locations.iter().filter(|location| location.role == Role::Related);
    let (here, there) = (directory(finding.locations.first()?)?, directory(related.next()?)?);
    // Two definitions in one directory are a mistake of their own.
    (here != there).then_some((there, here))
}

fn duplicates(all: &[Finding], snapshot: &Snapshot) -> Option<Finding> {
    let first = all.first()?;
    let (there, here) = directories(first, snapshot)?;
    let names = all.iter().filter_map(|finding| finding.object.as_deref());
    let message = format!(
        "{} objects are defined in `{there}` and in `{here}`, and differently: {}",
        all.len(),
        some(names, 4)
    );
    let mut united = Finding { message, ..first.clone() }.key(format!("{there} {here}"));
    united.object = None;
    Some(united.help(
        "directories that hold variants of the same objects are clusters of their own: check one at a time",
    ))
}

/// Puts what is so because of something else to that, as a line of it.
fn with_consequences(mut findings: Vec<Finding>, snapshot: &Snapshot) -> Vec<Finding> {
    let policies: BTreeMap<String, Span> = snapshot
        .policies
        .policies()
        .map(|(_, _, policy)| (policy.object.to_string(), policy.name_span))
        .collect();
    let cluster = &snapshot.cluster;
    let workloads: BTreeMap<String, Span> = (0_u32..)
        .zip(&cluster.workloads)
        .map(|(index, workload)| (cluster.endpoint_name(WorkloadId(index)), workload.span))
        .collect();
    let mut gone = vec![false; findings.len()];
    let mut lines: Vec<(usize, Span, String, &'static str)> = Vec::new();
    for (index, finding) in findings.iter().enumerate().filter(|(_, one)| CONSEQUENCES.contains(&one.rule)) {
        let cause = findings.iter().position(|cause| is_because(finding, cause, (&policies, &workloads)));
        let (Some(cause), Some(span)) = (cause, finding.span()) else { continue };
        let object = finding.object.as_deref().unwrap_or_default();
        let (line, label) = match finding.rule {
            "external-access-blocked" => (
                format!("because of this, nobody outside may use `{object}`"),
                "nobody outside may use it because of this",
            ),
            "unreachable-service" => {
                (format!("because of this, nobody may use `{object}`"), "nobody may use it because of this")
            }
            _ => (format!("because of this, {}", finding.message), "needs what this keeps from it"),
        };
        lines.push((cause, span, line, label));
        if let Some(gone) = gone.get_mut(index) {
            *gone = true;
        }
    }
    for (cause, span, line, label) in lines {
        let Some(finding) = findings.get_mut(cause) else { continue };
        let shown = finding.locations.iter().filter(|location| location.role == Role::Related).count();
        if shown < MOST_PLACES {
            finding.locations.push(Location { span, role: Role::Related, label: Some(label.to_owned()) });
        }
        finding.help.push(line);
    }
    let mut gone = gone.into_iter();
    findings.retain(|_| !gone.next().unwrap_or_default());
    findings
}

/// Whether a finding is so because of another one: a label or a port in a policy that shuts somebody out.
fn is_because(
    finding: &Finding,
    cause: &Finding,
    (policies, workloads): (&BTreeMap<String, Span>, &BTreeMap<String, Span>),
) -> bool {
    let of_ingress = cause.key.starts_with("ingress");
    let policy = || cause.object.as_ref().and_then(|object| policies.get(object)).copied();
    let points_at = |span: Span| {
        finding.locations.iter().any(|location| location.role != Role::Primary && location.span == span)
    };
    // The workload that has the label which a misspelt one means.
    let meant = || {
        let labels = cause.locations.iter().filter_map(|location| location.label.as_deref());
        let mut names =
            labels.filter_map(|label| label.strip_prefix('`')?.split_once("` has ").map(|(name, _)| name));
        names.next().filter(|_| cause.fix.is_some())
    };
    match finding.rule {
        "unreachable-service" | "external-access-blocked" => {
            // The policy was written for these very pods.
            if cause.rule == "selects-no-pods" {
                return meant().and_then(|name| workloads.get(name)).is_some_and(|span| points_at(*span));
            }
            let of_label_or_port = finding.rule == "unreachable-service"
                && matches!(
                    cause.rule,
                    "peer-matches-nothing"
                        | "service-port-confusion"
                        | "undefined-named-port"
                        | "blocked-by-other-side"
                );
            // Who is known to need the same pods is kept out by the same policy.
            let hidden = |finding: &Finding| -> Vec<Span> {
                let places = finding.locations.iter().filter(|location| location.role == Role::Hidden);
                places.map(|location| location.span).collect()
            };
            let same_pods = BLOCKED.contains(&cause.rule)
                && hidden(cause).iter().any(|span| Some(*span) != policy() && hidden(finding).contains(span));
            (of_label_or_port || same_pods) && of_ingress && policy().is_some_and(points_at)
        }
        // Only where the misspelt label is that of the very workload which names the Service.
        "intended-flow-blocked" => {
            let workload =
                parts(finding).map(|(kind, namespace, name)| format!("{namespace}/{name}[{kind}]"));
            // A rule that names the very pods of the flow, and a policy at the other end that stops it.
            if cause.rule == "blocked-by-other-side" {
                let ends = |finding: &Finding| {
                    finding.witness.as_ref().map(|flow| (flow.src.clone(), flow.dst.clone()))
                };
                return ends(cause).is_some() && ends(cause) == ends(finding);
            }
            cause.rule == "peer-matches-nothing"
                && policy().is_some_and(points_at)
                && workload.is_some_and(|workload| meant() == Some(&*workload))
        }
        _ => false,
    }
}
