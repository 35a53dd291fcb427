//! One run of the whole pipeline, stage by stage.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use npv_analyzer::engine::{Engine, Stats};
use npv_analyzer::load;
use npv_analyzer::snapshot::{Options, Snapshot};
use npv_models::k8s::Decoder;
use npv_models::source::{Origin, SourceMap};
use serde::{Deserialize, Serialize};

/// How long something took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Time {
    /// By the clock.
    pub wall: f64,
    /// On all cores together, in steps of ten; `None` where the system does not tell. It is what counts on
    /// a machine that has something else to do as well.
    pub processor: Option<f64>,
}

/// What a run took, and what it found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// `yaml` or `json`.
    pub format: String,
    /// Size of the text.
    pub bytes: u64,
    /// Number of pods.
    pub pods: u64,
    /// Number of policies.
    pub policies: usize,
    /// From the disk into memory.
    pub read: Time,
    /// From text to decoded objects.
    pub parse: Time,
    /// From objects to inventory and policies.
    pub resolve: Time,
    /// From those to classes and what they may send and receive.
    pub compile: Time,
    /// All pairs.
    pub solve: Time,
    /// All of it.
    pub total: Time,
    /// The most memory that the process has held; `None` where the system does not tell.
    pub peak_bytes: Option<u64>,
    /// Connections between endpoints.
    pub connections: u64,
    /// What the reading complained of; not a benchmark of anything if it is not 0.
    pub findings: usize,
    /// Classes of pods and addresses that policies do not tell apart.
    pub classes: usize,
    /// Endpoints.
    pub endpoints: usize,
    /// Pairs of a source and a destination that the engine tells apart.
    pub pairs: u64,
    /// Sets of peers with the same traffic, over all sources and destinations.
    pub rows: usize,
}

/// Reads manifests from files and answers who reaches whom.
///
/// # Errors
/// A message when a file cannot be read.
pub fn run(files: &[PathBuf], format: &str) -> Result<Run, String> {
    let start = Moment::now();
    let mut lap = start;
    let mut since = || {
        let now = Moment::now();
        let passed = now.since(lap);
        lap = now;
        passed
    };
    let mut sources = SourceMap::default();
    let mut bytes = 0;
    for file in files {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        bytes += text.len() as u64;
        let added = sources.add(file.display().to_string(), text, Origin::File);
        added.map_err(|length| format!("{}: {length} bytes are too many", file.display()))?;
    }
    let read = since();
    let options = Options::default();
    let decoder = Decoder::new(&options.namespace);
    let loaded = load::load_texts(sources, |object| decoder.decode(&object));
    let parse = since();
    let snapshot = Snapshot::assemble(loaded, &options);
    let resolve = since();
    let engine = Engine::new(&snapshot.cluster, &snapshot.policies, snapshot.profile);
    let compile = since();
    let mut connections = 0;
    engine.for_each_row(|_, row| connections += row.len() as u64);
    let solve = since();
    let Stats { classes, endpoints, rows, .. } = engine.stats();
    Ok(Run {
        format: format.to_owned(),
        bytes,
        pods: snapshot.cluster.groups.iter().map(|group| u64::from(group.pods)).sum(),
        policies: snapshot.policies.policies().count(),
        read,
        parse,
        resolve,
        compile,
        solve,
        total: Moment::now().since(start),
        peak_bytes: peak_bytes(),
        connections,
        findings: snapshot.findings.len(),
        classes,
        endpoints,
        pairs: engine.stats().pairs(),
        rows,
    })
}

/// A reading of the clocks.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    wall: Instant,
    processor: Option<f64>,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { wall: Instant::now(), processor: processor() }
    }

    pub(crate) fn since(self, earlier: Self) -> Time {
        Time {
            wall: self.wall.duration_since(earlier.wall).as_secs_f64() * 1e3,
            processor: self.processor.zip(earlier.processor).map(|(now, then)| now - then),
        }
    }
}

/// The most memory that this process has held, where Linux tells it.
fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Milliseconds that this process has used on all cores, where Linux tells them.
fn processor() -> Option<f64> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold blanks; user and system time are fields 14 and 15.
    let (_, rest) = text.rsplit_once(')')?;
    let ticks: Vec<f64> =
        rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    // Linux counts in hundredths of a second.
    Some(ticks.iter().sum::<f64>() * 10.0)
}
