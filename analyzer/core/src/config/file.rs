//! Where the configuration is, and reading it.

use std::path::{Component, Path, PathBuf};

use npv_models::cluster::Assumptions;
use npv_models::cni::Overrides;
use npv_models::diagnostic::Finding;
use npv_models::source::{Origin, SourceId, SourceMap, Span, decode};
use npv_models::space::IpSet;
use npv_models::yaml;

use super::define::Value;
use super::read::Reader;
use super::{Cidr, Config, Environment, Labels, Place};
use crate::assertion::Assertion;
use crate::load::Exclude;
use crate::snapshot::{External, Options, Snapshot};

/// The name of the file.
pub const FILE: &str = "npv.yaml";

/// Where to look for a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// Nowhere.
    Off,
    /// This file.
    File(PathBuf),
    /// Upwards from each of these directories, up to the root of its git repository, until there is one. Outside
    /// of a repository only the directory itself is looked at: a file further up belongs to somebody else.
    Upwards(Vec<PathBuf>),
}

impl Search {
    /// Upwards from the working directory; where there is none, upwards from the first of these inputs.
    pub fn near(inputs: &[PathBuf]) -> Self {
        let directory = |input: &PathBuf| {
            if input.is_dir() { Some(input.clone()) } else { input.parent().map(Path::to_owned) }
        };
        let first = inputs.iter().find(|input| *input != Path::new("-")).and_then(directory);
        Self::Upwards(std::iter::once(PathBuf::new()).chain(first).collect())
    }
}

/// A configuration with the place that it comes from.
#[derive(Debug, Default)]
pub struct Configured {
    /// What is configured.
    pub config: Config,
    /// The file; `None` where there is none.
    pub file: Option<PathBuf>,
    /// Files that answers are written to, seen from the working directory: they are no manifests.
    pub written: Vec<PathBuf>,
    /// The environment that is asked about, where there are several.
    pub environment: Option<String>,
    /// As if policies that are staged were enforced.
    pub staged: bool,
    text: String,
}

impl Configured {
    /// The configuration that a file with this text is, and everything that is wrong with it.
    pub fn of(file: PathBuf, text: String) -> (Self, Vec<Finding>) {
        let (config, findings) = parse(&text);
        (
            Self { config, file: Some(file), written: Vec::new(), environment: None, staged: false, text },
            findings,
        )
    }

    /// The directory that paths of the configuration are relative to; the working directory where there is no
    /// file.
    pub fn directory(&self) -> &Path {
        self.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""))
    }

    /// A path of the configuration, seen from the working directory.
    pub fn path(&self, path: &Path) -> PathBuf {
        let joined = self.directory().join(path);
        // `../deploy` is `.` for whoever is in `deploy`.
        let seen = from_here(&whole(&joined), &whole(Path::new("")));
        if seen == Path::new("") { PathBuf::from(".") } else { seen }
    }

    /// What to read: what is named, else what is configured, else the working directory.
    pub fn inputs(&self, named: &[PathBuf]) -> Vec<PathBuf> {
        if !named.is_empty() {
            return named.to_owned();
        }
        if let Some(environment) = self.configured_environment() {
            return environment.paths.iter().map(|path| self.path(&path.0)).collect();
        }
        let inputs: Vec<PathBuf> = self.config.paths.iter().map(|path| self.path(&path.0)).collect();
        if inputs.is_empty() { vec![PathBuf::from(".")] } else { inputs }
    }

    /// The environment that is asked about, where it is one of those that are configured.
    pub fn configured_environment(&self) -> Option<&Environment> {
        let wanted = self.environment.as_deref()?;
        self.config.environments.iter().find(|environment| environment.name.0 == wanted)
    }

    /// Values files for `helm template`: those of a switch are relative to the working directory already.
    pub fn values(&self) -> Vec<PathBuf> {
        let from_file = self.config.values.span().is_some();
        let seen = |place: &Place| if from_file { self.path(&place.0) } else { place.0.clone() };
        self.config.values.iter().map(seen).collect()
    }

    /// What to leave out of directories.
    pub fn exclude(&self) -> Exclude {
        let patterns = self.config.exclude.iter().map(|glob| glob.0.as_str());
        Exclude::new(
            self.directory(),
            patterns,
            self.file.iter().chain(&self.written).cloned().chain([self.baseline()]),
        )
    }

    /// How to understand the manifests.
    pub fn options(&self) -> Options {
        let config = &self.config;
        let cluster = &config.cluster;
        let addresses =
            |blocks: &[Cidr]| blocks.iter().fold(IpSet::EMPTY, |all, cidr| all.union(&IpSet::net(cidr.0)));
        Options {
            staged: self.staged,
            namespace: config.namespace.0.clone(),
            cni: config.cni.0.clone(),
            overrides: Overrides {
                blocks_skip_pods: *cluster.blocks_skip_pods,
                selectors_see_host_network: *cluster.selectors_see_host_network,
            },
            controller: cluster.ingress_controller.as_ref().map(Labels::selector),
            assumptions: Assumptions {
                pod_addresses: addresses(&cluster.pod_cidrs),
                service_addresses: addresses(&cluster.service_cidrs),
                dns: cluster.dns.as_ref().map(Labels::labels),
                prometheus: cluster.prometheus.as_ref().map(Labels::labels),
            },
            external: self.external(),
        }
    }

    /// Pods that others make, with the file that says so.
    fn external(&self) -> Option<External> {
        let pods = self.config.external_pods.iter().enumerate();
        let pods: Vec<_> = pods.filter_map(|(index, pods)| pods.workload(index + 1)).collect();
        let file = self.file.as_deref().map(shown).unwrap_or_default();
        (!pods.is_empty()).then(|| External { pods, file, text: self.text.clone() })
    }

    /// Adds the file to the texts of a snapshot, so that findings can be in it.
    pub fn adopt(&self, snapshot: &mut Snapshot) {
        if let Some(file) = &self.file
            && snapshot.configuration.is_none()
        {
            snapshot.configuration = snapshot.adopt(shown(file), self.text.clone());
        }
    }

    /// The file of the baseline: the one that is configured, else the usual one beside the configuration.
    pub fn baseline(&self) -> PathBuf {
        match (&self.config.baseline.value, self.config.baseline.span()) {
            (Some(place), Some(_)) => self.path(&place.0),
            (Some(place), None) => place.0.clone(),
            (None, _) => self.path(Path::new(crate::baseline::FILE)),
        }
    }

    /// Whether a file is among what is read where these inputs are named.
    pub fn reads(&self, named: &[PathBuf], file: &Path) -> bool {
        named.is_empty() || named.iter().any(|input| whole(file).starts_with(whole(input)))
    }

    /// Whether nothing that the configuration speaks of is left out where these inputs are named: only then can an
    /// exception be called unused.
    pub fn sees_all(&self, named: &[PathBuf]) -> bool {
        if named.is_empty() {
            return true;
        }
        let named: Vec<PathBuf> = named.iter().map(|path| whole(path)).collect();
        let read = |path: &Path| named.iter().any(|input| whole(path).starts_with(input));
        match self.config.paths.as_slice() {
            [] => read(self.directory()),
            paths => paths.iter().all(|path| read(&self.path(&path.0))),
        }
    }

    /// What must hold, with places in a snapshot that has adopted the configuration.
    pub fn assertions(&self, snapshot: &Snapshot) -> Vec<Assertion> {
        let place = |span: Span| snapshot.configuration.map_or(span, |source| Span { source, ..span });
        self.config.assertions.list.iter().map(|assertion| assertion.clone().moved(place)).collect()
    }

    /// The configuration alone as texts, for whoever reads no others.
    pub fn sources(&self) -> SourceMap {
        let mut sources = SourceMap::default();
        if let Some(file) = &self.file {
            // It has been read, so it is not too large.
            let _ = sources.add(shown(file), self.text.clone(), Origin::File);
        }
        sources
    }
}

/// Why there is no configuration to go by.
#[derive(Debug)]
pub enum Invalid {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        file: String,
        /// Why, as in `permission denied`.
        why: String,
    },
    /// It says what it may not say.
    Wrong {
        /// The file.
        file: String,
        /// Its text.
        sources: SourceMap,
        /// Everything that is wrong with it, by position.
        findings: Vec<Finding>,
    },
}

/// Reads the configuration; the default one where there is no file.
///
/// # Errors
/// The file cannot be read, or there is something wrong with it.
pub fn load(search: &Search) -> Result<Configured, Invalid> {
    let Some(file) = find(search) else { return Ok(Configured::default()) };
    let bytes = std::fs::read(&file)
        .map_err(|error| Invalid::Unreadable { file: shown(&file), why: crate::load::reason(&error) })?;
    let (configured, findings) = Configured::of(file.clone(), decode(bytes).text);
    if findings.is_empty() {
        return Ok(configured);
    }
    Err(Invalid::Wrong { file: shown(&file), sources: configured.sources(), findings })
}

/// Reads the text of a configuration: what it says, and everything that is wrong with it, by position.
pub fn parse(text: &str) -> (Config, Vec<Finding>) {
    let documents = yaml::read(SourceId(0), text, 0);
    let mut reader = Reader::default();
    reader.problems(documents.problems);
    let mut roots = documents.roots.iter().filter(|root| !root.is_null());
    let config = roots.next().and_then(|root| Config::read(&mut reader, "", root)).unwrap_or_default();
    for more in roots {
        reader.wrong("", more.span, "a configuration is one document", "remove the `---` before this one");
    }
    let mut findings = reader.findings;
    findings.sort_by(|a, b| (a.span(), &a.key).cmp(&(b.span(), &b.key)));
    (config, findings)
}

/// The file that a search comes upon.
pub fn find(search: &Search) -> Option<PathBuf> {
    let starts = match search {
        Search::Off => return None,
        Search::File(file) => return Some(file.clone()),
        Search::Upwards(starts) => starts,
    };
    let here = std::env::current_dir().ok()?;
    starts.iter().find_map(|start| {
        let start = here.join(start).canonicalize().ok()?;
        let root = start.ancestors().find(|directory| directory.join(".git").exists()).unwrap_or(&start);
        let within = start.ancestors().take_while(|directory| directory.starts_with(root));
        let file = within.map(|directory| directory.join(FILE)).find(|file| is_configuration(file))?;
        Some(from_here(&file, &here))
    })
}

/// Whether a file is a configuration of npv: it has the name, and it is no manifest that has the name too.
pub fn is_configuration(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == FILE)
        && file.is_file()
        && !std::fs::read_to_string(file)
            .is_ok_and(|text| text.lines().any(|line| line.starts_with("apiVersion:")))
}

/// The path from the root, without `.` and `..`; links are not followed.
pub fn whole(path: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let mut whole = PathBuf::new();
    for part in here.join(path).components() {
        match part {
            Component::ParentDir => {
                whole.pop();
            }
            Component::CurDir => {}
            part => whole.push(part),
        }
    }
    whole
}

/// An absolute path as one would write it in the working directory, where that is shorter.
pub fn from_here(path: &Path, here: &Path) -> PathBuf {
    let here = here.canonicalize().unwrap_or_else(|_| here.to_owned());
    for (up, directory) in here.ancestors().enumerate() {
        if let Ok(rest) = path.strip_prefix(directory)
            && (up == 0 || directory.parent().is_some())
        {
            return std::iter::repeat_n(Path::new(".."), up).collect::<PathBuf>().join(rest);
        }
    }
    path.to_owned()
}

fn shown(path: &Path) -> String {
    crate::load::display(path)
}
