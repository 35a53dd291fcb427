//! Output formats: one file and one line in [`FORMATS`] each.
//!
//! A format only writes what it is given. It decides nothing: not what is found, not how the process
//! ends.

mod assertion;
mod concise;
mod csv;
mod details;
mod dot;
mod github;
mod gitlab;
mod html;
mod json;
mod junit;
mod markdown;
mod mermaid;
mod page;
mod picture;
mod place;
mod plugin;
mod reason;
mod sarif;
mod sketch;
mod summary;
mod text;
mod visible;
mod xml;

use std::io;

use npv_models::diagnostic::{Finding, Severity};
use npv_models::source::SourceMap;
use npv_models::space::Protocol;

use crate::config::Configured;
use crate::engine::Engine;
use crate::lint::{Need, Rule};
use crate::query::depends::Dependencies;
use crate::query::diff::{Diff, Explainer};
use crate::query::equivalence::Equivalence;
use crate::query::exposure::Exposures;
use crate::query::inventory::Inventory;
use crate::query::prove::Proofs;
use crate::query::reach::{Party, Reach};
use crate::query::trace::Trace;
use crate::query::walk::{Chains, Radius};
use crate::snapshot::Snapshot;
use crate::suppress::Suppressed;

pub use json::SCHEMA_VERSION;
pub use page::{Ink, Inked, Look, Page};
pub use plugin::Enforcer;
pub use text::findings as write_findings;
pub use text::fixes as write_fixes;
pub use visible::visible;

/// Every output format.
pub const FORMATS: &[Format] = &[
    text::FORMAT,
    concise::FORMAT,
    json::FORMAT,
    sarif::FORMAT,
    sarif::OPEN,
    junit::FORMAT,
    github::FORMAT,
    gitlab::FORMAT,
    csv::FORMAT,
    markdown::FORMAT,
    dot::FORMAT,
    mermaid::FORMAT,
    html::FORMAT,
    picture::SVG,
    picture::PNG,
];

/// Writes the answer of a question about chains of connections.
pub type WalkWriter<T> = fn(&WalkReport<'_, T>, &mut Page<'_>) -> io::Result<()>;

/// How answers are written. A format need not know every kind of answer.
#[derive(Clone, Copy)]
pub struct Format {
    /// What `--format` calls it.
    pub name: &'static str,
    /// What it is for, in half a sentence.
    pub doc: &'static str,
    /// Writes the answer of `npv check`.
    pub check: Option<fn(&CheckReport<'_>, &mut Page<'_>) -> io::Result<()>>,
    /// Writes the answer of `npv reach`.
    pub reach: Option<fn(&ReachReport<'_>, &mut Page<'_>) -> io::Result<()>>,
    /// Writes the answer of `npv trace`.
    pub trace: Option<fn(&TraceReport<'_>, &mut Page<'_>) -> io::Result<()>>,
    /// Writes the answer of `npv diff`.
    pub diff: Option<fn(&DiffReport<'_>, &mut Page<'_>) -> io::Result<()>>,
    /// Writes the answer of `npv reach --transitive`.
    pub radius: Option<WalkWriter<Radius>>,
    /// Writes the answer of `npv trace --through`.
    pub chains: Option<WalkWriter<Chains>>,
    /// Writes the answer of `npv prove`.
    pub prove: Option<fn(&ProveReport<'_>, &mut Page<'_>) -> io::Result<()>>,
    /// Writes the answer of `npv config show`.
    pub config: Option<fn(&Configured, &mut Page<'_>) -> io::Result<()>>,
    /// Writes the answer of `npv prove --equivalent`.
    pub equivalence: Option<fn(&EquivalenceReport<'_>, &mut Page<'_>) -> io::Result<()>>,
    /// Writes the answer of `npv reach --world any`.
    pub exposure: Option<fn(&ExposureReport<'_>, &mut Page<'_>) -> io::Result<()>>,
    /// Writes the answer of `npv reach --intended`.
    pub intended: Option<fn(&IntendedReport<'_>, &mut Page<'_>) -> io::Result<()>>,
    /// Writes the answer of `npv rule`.
    pub rules: Option<fn(&RulesReport<'_>, &mut Page<'_>) -> io::Result<()>>,
    /// Writes everything, as `npv report` does.
    pub report: Option<fn(&FullReport<'_>, &mut Page<'_>) -> io::Result<()>>,
}

impl Format {
    /// A format that knows no answer.
    const NONE: Self = Self {
        name: "",
        doc: "",
        check: None,
        reach: None,
        trace: None,
        diff: None,
        radius: None,
        chains: None,
        prove: None,
        config: None,
        equivalence: None,
        exposure: None,
        intended: None,
        rules: None,
        report: None,
    };

    /// The format that `--format` means by a name.
    pub fn named(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|format| format.name == name)
    }
}

/// The answer of `npv check`.
pub struct CheckReport<'a> {
    /// The texts that findings are in.
    pub sources: &'a SourceMap,
    /// What was found, in the order of output.
    pub findings: &'a [Finding],
    /// Whether nothing was left out.
    pub complete: bool,
    /// What must hold, and whether it does.
    pub proofs: &'a Proofs<'a>,
    /// How to see what does not.
    pub replay: &'a Replay,
    /// How much was looked at.
    pub inventory: Inventory,
    /// The run that found it.
    pub run: Run<'a>,
    /// What was looked at, for formats that show more than what is wrong.
    pub scene: Scene<'a>,
}

/// What the answer of `npv check` is about.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// What was read.
    pub snapshot: &'a Snapshot,
    /// The answers for it.
    pub engine: &'a Engine,
    /// What was there before, as the baseline says.
    pub known: &'a [Finding],
    /// The inputs as they were named, for commands to try.
    pub inputs: &'a [String],
    /// The options that change what the inputs mean, likewise.
    pub flags: &'a [String],
}

/// What a format may say of the run itself. It is decided before anything is written.
#[derive(Clone, Copy, Debug, std::default::Default)]
pub struct Run<'a> {
    /// The absolute path of the directory that npv runs in, with forward slashes; empty where there is none.
    pub directory: &'a str,
    /// The mildest severity that fails the run, if any does.
    pub fail_on: Option<Severity>,
    /// The exit status.
    pub status: u8,
    /// What an exception says is as it should be.
    pub suppressed: &'a [Suppressed],
    /// How many findings were there before, as the baseline says.
    pub baseline: usize,
    /// Whether findings have been mended before, so that these are what is left.
    pub fixing: bool,
    /// The environments that it is about, where there are several.
    pub environments: &'a [String],
}

impl CheckReport<'_> {
    /// Number of findings of one severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Whether the run fails because of this finding.
    fn fails(&self, finding: &Finding) -> bool {
        if finding.rule == assertion::RULE && !finding.incomplete {
            true
        } else if finding.incomplete {
            self.run.status == 3
        } else {
            self.run.fail_on.is_some_and(|level| finding.severity >= level)
        }
    }
}

/// The answer of `npv reach`.
pub struct ReachReport<'a> {
    /// Who reaches whom.
    pub reach: &'a Reach<'a>,
    /// What explains the connections of which something is unknown.
    pub depends: &'a Dependencies<'a>,
    /// Why nobody reaches whom the question names, one sentence each, for an answer without rows.
    pub why_nobody: &'a [String],
    /// Who enforces the policies.
    pub plugin: Enforcer<'a>,
    /// The texts that diagnostics are in.
    pub sources: &'a SourceMap,
    /// What reading found wrong.
    pub findings: &'a [Finding],
    /// Whether nothing was left out.
    pub complete: bool,
}

/// The answer of `npv trace`.
pub struct TraceReport<'a> {
    /// The source, as it was asked for.
    pub src: &'a str,
    /// The destination, as it was asked for.
    pub dst: &'a str,
    /// The protocol and port that were asked for, a Service's before translation; `None` where everything was.
    pub over: Option<(Protocol, u16)>,
    /// The verdict with its reasons.
    pub trace: &'a Trace,
    /// Who enforces the policies.
    pub plugin: Enforcer<'a>,
    /// The texts that rules are in.
    pub sources: &'a SourceMap,
    /// What reading found wrong.
    pub findings: &'a [Finding],
    /// Whether nothing was left out.
    pub complete: bool,
    /// The absolute path of the directory that npv runs in, with forward slashes; empty where there is none.
    pub directory: &'a str,
}

/// The answer of `npv diff`.
pub struct DiffReport<'a> {
    /// What differs.
    pub diff: &'a Diff,
    /// Why flows open and close.
    pub why: &'a Explainer<'a>,
    /// What is compared with.
    pub base: SideReport<'a>,
    /// What is compared.
    pub head: SideReport<'a>,
    /// Everything about the head.
    pub full: FullReport<'a>,
}

impl DiffReport<'_> {
    /// Whether nothing was left out on either side.
    pub fn complete(&self) -> bool {
        self.base.complete && self.head.complete
    }
}

/// One side of a comparison.
pub struct SideReport<'a> {
    /// What the user called it: a path or a revision.
    pub name: &'a str,
    /// The texts of this side.
    pub sources: &'a SourceMap,
    /// What reading it found wrong.
    pub findings: &'a [Finding],
    /// Whether nothing was left out.
    pub complete: bool,
}

/// The answer of a question about chains of connections.
pub struct WalkReport<'a, T> {
    /// One for each start, or for each pair of ends.
    pub answers: &'a [T],
    /// The texts that diagnostics are in.
    pub sources: &'a SourceMap,
    /// What reading found wrong.
    pub findings: &'a [Finding],
    /// Whether nothing was left out.
    pub complete: bool,
}

/// The answer of `npv prove`.
pub struct ProveReport<'a> {
    /// What holds and what does not.
    pub proofs: &'a Proofs<'a>,
    /// How to see what does not.
    pub replay: &'a Replay,
    /// The texts that assertions and rules are in.
    pub sources: &'a SourceMap,
    /// What reading found wrong.
    pub findings: &'a [Finding],
    /// Whether nothing was left out.
    pub complete: bool,
}

/// The answer of `npv prove --equivalent`.
pub struct EquivalenceReport<'a> {
    /// How the two sides differ.
    pub answer: &'a Equivalence,
    /// What is compared with.
    pub base: SideReport<'a>,
    /// What is compared.
    pub head: SideReport<'a>,
    /// How to see flows that the base allows, and such that the head allows.
    pub replay: (Replay, Replay),
}

impl EquivalenceReport<'_> {
    /// Whether nothing was left out on either side.
    pub fn complete(&self) -> bool {
        self.base.complete && self.head.complete
    }
}

/// The answer of `npv reach --world any`.
pub struct ExposureReport<'a> {
    /// Who could be at the other end.
    pub exposures: &'a Exposures,
    /// The texts that diagnostics are in.
    pub sources: &'a SourceMap,
    /// What reading found wrong.
    pub findings: &'a [Finding],
    /// Whether nothing was left out.
    pub complete: bool,
}

/// The answer of `npv reach --intended`.
pub struct IntendedReport<'a> {
    /// What the manifests ask for.
    pub needs: &'a [Need],
    /// The texts that diagnostics are in.
    pub sources: &'a SourceMap,
    /// What reading found wrong.
    pub findings: &'a [Finding],
    /// Whether nothing was left out.
    pub complete: bool,
}

/// How to see counterexamples with `npv trace`.
#[derive(Debug, Default)]
pub struct Replay {
    /// The switches and inputs of the question, as a shell takes them.
    pub arguments: String,
    /// The revision to check out before, where the inputs are of one.
    pub checkout: Option<String>,
    /// For each proof, the file with the manifests of its counterexample, where they were written.
    pub files: Vec<Option<String>>,
}

/// The answer of `npv rule`.
pub struct RulesReport<'a> {
    /// The lint rules.
    pub rules: &'a [&'static Rule],
    /// Their documentation is asked for, and not only what there is.
    pub pages: bool,
}

/// Everything that npv knows about a snapshot.
pub struct FullReport<'a> {
    /// What was read.
    pub snapshot: &'a Snapshot,
    /// The answers for it.
    pub engine: &'a Engine,
    /// All ends of connections, in the order of the engine.
    pub parties: &'a [Party],
    /// What was found, in the order of output.
    pub findings: &'a [Finding],
    /// What was found and is as it should be, as exceptions say.
    pub suppressed: &'a [Suppressed],
    /// What was there before, as the baseline says.
    pub known: &'a [Finding],
    /// The answers to the assertions of the configuration.
    pub proofs: &'a Proofs<'a>,
    /// How to see what contradicts them.
    pub replay: &'a Replay,
    /// Whether nothing was left out.
    pub complete: bool,
    /// How much was looked at.
    pub inventory: Inventory,
    /// The inputs as they were named, for commands to try.
    pub inputs: &'a [String],
    /// The options that change what the inputs mean, likewise.
    pub flags: &'a [String],
}
