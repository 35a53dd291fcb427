//! What there is to say of what the manifests do not show.

use std::collections::{BTreeMap, BTreeSet};

use npv_models::cluster::{Cluster, Unseen, UnseenBy};
use npv_models::diagnostic::{Finding, Severity};
use npv_models::k8s::Spanned;
use npv_models::source::SourceId;

/// So many names are listed before the rest is only counted.
const NAMED: usize = 4;

/// `a`, `b` and 3 more.
fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        let quoted = format!("`{name}`");
        if !all.contains(&quoted) {
            all.push(quoted);
        }
    }
    let more = all.len().saturating_sub(NAMED);
    all.truncate(NAMED);
    match (more, all.as_slice()) {
        (0, [first @ .., last]) if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        (0, named) => named.concat(),
        (more, named) => format!("{} and {more} more", named.join(", ")),
    }
}

/// What nobody has filled in: one finding for each text, at the first place.
pub(crate) fn placeholders(unfilled: &mut Vec<Spanned<Box<str>>>) -> Vec<Finding> {
    unfilled.sort_by_key(|value| value.span);
    let mut texts: BTreeMap<SourceId, Vec<&Spanned<Box<str>>>> = BTreeMap::new();
    for value in unfilled.iter() {
        texts.entry(value.span.source).or_default().push(value);
    }
    let finding = |values: Vec<&Spanned<Box<str>>>| {
        let first = values.first()?;
        let listed = listed(values.iter().map(|value| &*value.value));
        let (is, they) = if values.iter().all(|value| value.value == first.value) {
            ("is a placeholder that nobody has filled in", "it stands for")
        } else {
            ("are placeholders that nobody has filled in", "they stand for")
        };
        let message = format!("{listed} {is}: what {they} npv does not know");
        let template = values.iter().any(|value| value.value.contains("{{"));
        let help = if template {
            "render the template first: `helm template CHART | npv check -`, or `--render`, or whatever fills in its values"
        } else {
            "fill them in first: `envsubst < FILE | npv check -`; those of a Flux Kustomization that npv reads too it fills in itself"
        };
        let finding = Finding::new("unreadable-document", Severity::Error, first.span, message);
        Some(finding.help(help).key("placeholder").incomplete())
    };
    texts.into_values().filter_map(finding).collect()
}

/// Whoever could not be read may have said anything.
pub(crate) fn unread(cluster: &mut Cluster, findings: &[Finding]) {
    let unread =
        findings.iter().filter(|finding| finding.incomplete && finding.rule == "unreadable-document");
    // What nobody has filled in is there all the same.
    let unread = unread.filter(|finding| finding.key != "placeholder");
    cluster.unseen.extend(unread.filter_map(|finding| {
        Some(Unseen {
            namespace: None,
            object: Box::default(),
            name: Box::default(),
            span: finding.span()?,
            by: UnseenBy::Unread,
        })
    }));
}

/// What is deployed by objects that do not show it: one finding for each kind. Where the manifests show nothing else of a
/// namespace, the answer leaves it out.
pub(crate) fn elsewhere(cluster: &Cluster) -> Vec<Finding> {
    let shown: BTreeSet<&str> =
        cluster.workloads.iter().map(|workload| cluster.namespace_name(workload.namespace)).collect();
    let mut kinds: BTreeMap<&str, Vec<&Unseen>> = BTreeMap::new();
    for unseen in &cluster.unseen {
        if let UnseenBy::Release { kind, .. } = unseen.by {
            kinds.entry(kind).or_default().push(unseen);
        }
    }
    let finding = |(kind, releases): (&str, Vec<&Unseen>)| {
        let first = releases.first()?;
        let what = |unseen: &&Unseen| match &unseen.by {
            UnseenBy::Release { what: Some(what), .. } if *what != unseen.name => {
                format!("`{}` (`{what}`)", unseen.name)
            }
            _ => format!("`{}`", unseen.name),
        };
        let mut namespaces: Vec<&str> =
            releases.iter().filter_map(|release| release.namespace.as_deref()).collect();
        namespaces.sort_unstable();
        let anywhere = releases.iter().any(|release| release.namespace.is_none());
        let into = match (namespaces.is_empty(), anywhere) {
            (true, _) => "into namespaces that it does not name".to_owned(),
            (false, true) => format!("into {} and others", listed(namespaces.iter().copied())),
            (false, false) => format!("into {}", listed(namespaces.iter().copied())),
        };
        let message = match releases.as_slice() {
            [one] => format!("the {kind} {} deploys {into}, and what it deploys npv has not seen", what(one)),
            all => {
                let names: Vec<&str> = all.iter().map(|release| &*release.name).collect();
                format!(
                    "{} {kind}s deploy {}, and what they deploy npv has not seen: {}",
                    all.len(),
                    into.replace("it does not name", "they do not name"),
                    listed(names)
                )
            }
        };
        let unknown = anywhere && cluster.workloads.is_empty()
            || namespaces.iter().any(|namespace| !shown.contains(namespace));
        let mut finding = Finding::new("deployed-elsewhere", Severity::Note, first.span, message)
            .object(&*first.object)
            .key(kind)
            .help(match kind {
                "Kustomization" => "npv follows a `path` in the directories that it reads: run it at the root of the repository",
                _ => "render what is deployed and let npv read that too; or check the cluster itself: `kubectl get all,netpol,ns -A -o yaml | npv check -`",
            });
        if unknown {
            finding = finding.incomplete();
        }
        Some(finding)
    };
    kinds.into_iter().filter_map(finding).collect()
}
