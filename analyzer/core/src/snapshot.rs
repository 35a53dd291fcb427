//! Everything that was read from one set of manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use npv_models::cluster::{Assumptions, Builder, Cluster, Inventory};
use npv_models::cni::{Cni, Detected, Deviation, Overrides, deviations};
use npv_models::decide::Profile;
use npv_models::diagnostic::{Finding, Severity};
use npv_models::dialect;
use npv_models::k8s::{self, Decoded, Decoder, Noted, Object, Policy};
use npv_models::policy::PolicySet;
use npv_models::source::{Origin, Source, SourceId, SourceMap, Span};
use npv_models::space::Selector;
use npv_models::yaml::Node;

use crate::duplicates;
use crate::fix::remove;
use crate::load::{self, LoadError, Loaded, Plan};
use crate::unseen;

/// How to understand manifests.
#[derive(Clone, Debug)]
pub struct Options {
    /// The namespace of objects that name none (S-46).
    pub namespace: String,
    /// The network plugin; what the manifests show where `None`.
    pub cni: Option<Cni>,
    /// What somebody has said of it that is not as npv takes it to be.
    pub overrides: Overrides,
    /// The labels of the pods that serve Ingresses, routes and Gateways; known controllers where `None`.
    pub controller: Option<Selector>,
    /// What is known of the cluster besides its manifests.
    pub assumptions: Assumptions,
    /// As if policies that are staged were enforced.
    pub staged: bool,
    /// Pods that others make.
    pub external: Option<External>,
}

/// Pods that others make, as a configuration says.
#[derive(Clone, Debug)]
pub struct External {
    /// The pods, at their places in the configuration, whatever text that is.
    pub pods: Vec<k8s::Workload>,
    /// The name of the configuration.
    pub file: String,
    /// Its text.
    pub text: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: "default".into(),
            cni: None,
            overrides: Overrides::default(),
            controller: None,
            assumptions: Assumptions::default(),
            staged: false,
            external: None,
        }
    }
}

/// Errors of objects beyond this number are counted, not listed.
const MOST_ERRORS: usize = 100_000;

/// The first errors of objects by position, whatever the order in which they come.
#[derive(Default)]
struct Errors {
    listed: Vec<Finding>,
    unlisted: usize,
    incomplete: bool,
}

impl Errors {
    fn add(&mut self, findings: Vec<Finding>) {
        self.listed.extend(findings);
        if self.listed.len() >= 2 * MOST_ERRORS {
            self.trim();
        }
    }

    fn trim(&mut self) {
        self.listed.sort_by(|a, b| (a.span(), a.rule, &a.key).cmp(&(b.span(), b.rule, &b.key)));
        for finding in self.listed.drain(self.listed.len().min(MOST_ERRORS)..) {
            self.unlisted += 1;
            self.incomplete |= finding.incomplete;
        }
    }

    fn finish(mut self) -> Vec<Finding> {
        self.trim();
        if self.unlisted > 0
            && let Some(last) = self.listed.last()
            && let Some(span) = last.span()
        {
            let message = format!("there are {} more errors in these manifests", self.unlisted);
            let more = Finding::new(last.rule, Severity::Error, span, message).key("more");
            let more = more.help("correct the errors before these first");
            self.listed.push(if self.incomplete { more.incomplete() } else { more });
        }
        self.listed
    }
}

/// Decodes an object and puts its errors with those of the others.
fn decode(decoder: &Decoder, errors: &Mutex<Errors>, node: &Node) -> Decoded {
    let mut decoded = decoder.decode(node);
    if !decoded.findings.is_empty() {
        let findings = std::mem::take(&mut decoded.findings);
        errors.lock().unwrap_or_else(PoisonError::into_inner).add(findings);
    }
    decoded
}

/// What has been loaded, with the errors of its objects.
fn with(mut loaded: Loaded<Decoded>, errors: Mutex<Errors>) -> Loaded<Decoded> {
    loaded.findings.extend(errors.into_inner().unwrap_or_else(PoisonError::into_inner).finish());
    loaded
}

/// A set of manifests, read, validated and lowered.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// The texts.
    pub sources: SourceMap,
    /// How many of them are input: without those of npv itself, and without what has been skipped.
    pub texts: usize,
    /// Who is there.
    pub cluster: Cluster,
    /// What is allowed.
    pub policies: PolicySet,
    /// The network plugin, as asked for or as the manifests show.
    pub cni: Cni,
    /// What shows that it is this one; nothing where somebody has named it.
    pub detected: Option<Detected>,
    /// Where policies mean something else than the API says, because of the network plugin.
    pub deviations: Vec<Deviation>,
    /// The policies of kinds that npv models, as they are written.
    pub written: Vec<Policy>,
    /// Its choices where the API leaves them to it, with what has been said of these.
    pub profile: Profile,
    /// What reading found wrong, sorted by position.
    pub findings: Vec<Finding>,
    /// Comments that speak to npv, in the order of the texts.
    pub comments: Vec<Span>,
    /// Objects whose annotations speak to npv, in the order of the texts.
    pub noted: Vec<Noted>,
    /// The configuration among the texts, where it has been adopted.
    pub configuration: Option<SourceId>,
    /// The baseline among the texts, where it has been adopted.
    pub baseline: Option<SourceId>,
    /// How many objects of each `apiVersion/Kind` were there, those without meaning to npv included.
    pub kinds: BTreeMap<String, usize>,
    /// The texts that hold manifests; the others are there for the findings about them.
    pub manifests: Vec<SourceId>,
    /// Those of the findings that are about getting the texts, not about what they say.
    pub not_got: Vec<Finding>,
    /// How to read the texts once more.
    pub plan: Plan,
    /// The texts that were come upon in a directory and hold no Kubernetes objects.
    pub skipped: Vec<SourceId>,
}

impl Snapshot {
    /// Reads files, directories and standard input; see [`load::load`].
    ///
    /// # Errors
    /// When an input does not exist, or when there is nothing to read in any of them. Everything else that
    /// is wrong is a finding.
    pub fn read(
        inputs: &[PathBuf],
        loading: &load::Options<'_>,
        options: &Options,
    ) -> Result<Self, LoadError> {
        Self::read_into(SourceMap::default(), inputs, loading, options)
    }

    /// As [`Snapshot::read`], and adds the texts to those that are there, so that places of several snapshots are of one
    /// map.
    ///
    /// # Errors
    /// As [`Snapshot::read`].
    pub fn read_into(
        sources: SourceMap,
        inputs: &[PathBuf],
        loading: &load::Options<'_>,
        options: &Options,
    ) -> Result<Self, LoadError> {
        let decoder = Decoder::new(&options.namespace);
        let errors = Mutex::new(Errors::default());
        let loaded = load::load_into(sources, inputs, loading, |node| decode(&decoder, &errors, &node))?;
        Ok(Self::assemble(with(loaded, errors), options))
    }

    /// Reads named texts that are in memory, each of them YAML or JSON.
    ///
    /// # Errors
    /// The length of a text of 4 GiB or more, which spans cannot address.
    pub fn from_texts<N, T>(texts: impl IntoIterator<Item = (N, T)>, options: &Options) -> Result<Self, usize>
    where
        N: Into<String>,
        T: Into<String>,
    {
        let mut sources = SourceMap::default();
        for (name, text) in texts {
            sources.add(name, text, Origin::File)?;
        }
        let decoder = Decoder::new(&options.namespace);
        let errors = Mutex::new(Errors::default());
        let loaded = load::load_texts(sources, |node| decode(&decoder, &errors, &node));
        Ok(Self::assemble(with(loaded, errors), options))
    }

    /// Puts together what has been loaded.
    pub fn assemble(loaded: Loaded<Decoded>, options: &Options) -> Self {
        let Loaded { mut sources, objects, mut findings, comments, manifests, not_got, plan, skipped } =
            loaded;
        let mut builder = Builder::new();
        let mut kinds: BTreeMap<Box<str>, usize> = BTreeMap::new();
        let mut noted = Vec::new();
        let mut unfilled = Vec::new();
        let mut signs = Vec::new();
        for decoded in objects {
            signs.extend(decoded.sign.map(|sign| *sign));
            unfilled.extend(decoded.placeholders);
            if let Some(kind) = decoded.kind {
                *kinds.entry(kind).or_default() += 1;
            }
            findings.extend(decoded.findings);
            noted.extend(decoded.noted.map(|noted| *noted));
            // What is followed is not unseen.
            let seen = |object: &Object| match object {
                Object::Release(release) => plan.follows(release.meta.name.span),
                _ => false,
            };
            decoded.object.into_iter().filter(|object| !seen(object)).for_each(|object| builder.add(object));
        }
        let read: BTreeSet<SourceId> = manifests
            .iter()
            .copied()
            .filter(|id| !skipped.contains(id))
            .chain(not_got.iter().filter_map(Finding::span).map(|span| span.source))
            .collect();
        let configuration = options.external.as_ref().and_then(|external| {
            let is = |source: &Source| source.name() == external.file && source.text() == external.text;
            let known = sources.iter().find(|(_, source)| is(source)).map(|(id, _)| id);
            let id = known.or_else(|| sources.add(&*external.file, &*external.text, Origin::File).ok())?;
            for mut pods in external.pods.iter().cloned() {
                pods.meta.name.span.source = id;
                pods.shape.span.source = id;
                builder.add(Object::Workload(Box::new(pods)));
            }
            Some(id)
        });
        let Inventory { mut cluster, policies, findings: twice } = builder.finish();
        cluster.routing.controller.clone_from(&options.controller);
        cluster.assumptions.clone_from(&options.assumptions);
        findings.extend(duplicates::by_directory(twice, &sources));
        findings.extend(unseen::placeholders(&mut unfilled));
        cluster.placeholders = unfilled;
        unseen::unread(&mut cluster, &findings);
        findings.extend(unseen::elsewhere(&cluster));
        remove::widen(&sources, &mut findings);
        let policies = if options.staged { dialect::with_staged(policies) } else { policies };
        dialect::prepare(&policies, &mut cluster);
        let detected = options.cni.is_none().then(|| Cni::detect(&signs, &policies, &cluster));
        let shown = detected.as_ref().map(|detected| detected.cni.clone());
        let cni = options.cni.clone().or(shown).unwrap_or_default();
        findings.extend(dialect::remarks(&policies, &cluster, &cni));
        findings.sort_by_key(|finding| (finding.span(), finding.rule));
        Self {
            texts: read.len(),
            sources,
            policies: dialect::lower(&policies, &cluster, &cni),
            deviations: deviations(&policies, &cluster, &cni),
            written: policies,
            detected,
            cluster,
            profile: options.overrides.apply(cni.profile),
            cni,
            findings,
            comments,
            noted,
            configuration,
            baseline: None,
            manifests,
            not_got,
            plan,
            skipped,
            kinds: kinds.into_iter().map(|(kind, count)| (kind.into(), count)).collect(),
        }
    }

    /// The same manifests with other texts in place of some.
    ///
    /// # Errors
    /// The length of a text of 4 GiB or more, which spans cannot address.
    pub fn with_texts(&self, texts: &BTreeMap<SourceId, String>, options: &Options) -> Result<Self, usize> {
        let mut sources = SourceMap::default();
        for (id, source) in self.sources.iter() {
            let text = texts.get(&id).map_or(source.text(), String::as_str);
            sources.add(source.name(), text, source.origin().clone())?;
        }
        let decoder = Decoder::new(&options.namespace);
        let errors = Mutex::new(Errors::default());
        let plan = self.plan.clone();
        let loaded = load::load_some(sources, &self.manifests, self.not_got.clone(), plan, |node| {
            decode(&decoder, &errors, &node)
        });
        Ok(Self {
            texts: self.texts,
            configuration: self.configuration,
            baseline: self.baseline,
            ..Self::assemble(with(loaded, errors), options)
        })
    }

    /// Adds a text of npv's own, so that findings can be in it.
    pub fn adopt(&mut self, name: impl Into<String>, text: impl Into<String>) -> Option<SourceId> {
        self.sources.add(name, text, Origin::File).ok()
    }

    /// Whether the text with this id holds manifests that stand in a file, so that an edit of the one is an edit
    /// of the other.
    pub fn is_file(&self, source: SourceId) -> bool {
        self.manifests.contains(&source)
            && self.sources.get(source).is_some_and(|source| *source.origin() == Origin::File)
    }

    /// Whether nothing was left out: no input was unreadable or of a kind that npv does not model.
    pub fn complete(&self) -> bool {
        !self.findings.iter().any(|finding| finding.incomplete)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = "apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: b}
  spec: {containers: []}
- apiVersion: v1
  kind: ConfigMap
  metadata: {name: b}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p}
spec: {ingress: [null], podselector: {}}
---
not an object
";

    #[test]
    fn texts_become_a_snapshot_with_findings_in_order() {
        let pod =
            "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"a\"}, \"spec\": {}}";
        let options = Options { namespace: "shop".into(), ..Options::default() };
        let snapshot = Snapshot::from_texts([("a.json", pod), ("b.yaml", DUMP)], &options).unwrap();
        let names: Vec<&str> = snapshot.cluster.workloads.iter().map(|workload| &*workload.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(&*snapshot.cluster.namespaces[0].name, "shop");
        assert!(snapshot.policies.layers.is_empty());
        let rules: Vec<&str> = snapshot.findings.iter().map(|finding| finding.rule).collect();
        assert_eq!(rules, ["null-rule", "unknown-field", "unreadable-document"]);
        assert!(!snapshot.complete());
        let kinds: Vec<(&str, usize)> =
            snapshot.kinds.iter().map(|(kind, count)| (kind.as_str(), *count)).collect();
        assert_eq!(kinds, [("networking.k8s.io/v1/NetworkPolicy", 1), ("v1/ConfigMap", 1), ("v1/Pod", 2)]);
    }

    #[test]
    fn directories_are_read_like_texts() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("b.yaml"), DUMP).unwrap();
        let read = |folder: &std::path::Path| {
            Snapshot::read(&[folder.to_owned()], &load::Options::default(), &Options::default())
        };
        let files = read(folder.path()).unwrap();
        let texts = Snapshot::from_texts([("b.yaml", DUMP)], &Options::default()).unwrap();
        assert_eq!(files.findings, texts.findings);
        assert_eq!(files.kinds, texts.kinds);
        assert_eq!(files.cluster.workloads.len(), 1);
        assert!(matches!(read(&folder.path().join("none")), Err(LoadError::Missing(_))));
    }

    #[test]
    fn a_flood_of_errors_is_counted_and_the_first_are_listed_in_any_order() {
        let error = |at: u32| {
            let span = Span::new(npv_models::source::SourceId(0), at, at);
            let finding = Finding::new("wrong-type", Severity::Error, span, "wrong");
            if at == 249_999 { finding.incomplete() } else { finding }
        };
        let listed = |order: &mut dyn Iterator<Item = u32>| {
            let mut errors = Errors::default();
            order.for_each(|at| errors.add(vec![error(at)]));
            errors.finish()
        };
        let up = listed(&mut (0..250_000));
        assert_eq!(up, listed(&mut (0..250_000).rev()));
        assert_eq!(up.len(), 100_001);
        assert_eq!(up[99_999].span().unwrap().start, 99_999);
        assert_eq!(up[100_000].message, "there are 150000 more errors in these manifests");
        assert!(up[100_000].incomplete && !up[99_999].incomplete);
    }

    #[test]
    fn errors_of_a_policy_leave_the_snapshot_complete() {
        let policy =
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec: {a: b}\n";
        let snapshot = Snapshot::from_texts([("p.yaml", policy)], &Options::default()).unwrap();
        assert_eq!(snapshot.findings.len(), 1);
        assert!(snapshot.complete());
    }
}
