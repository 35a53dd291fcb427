//! Whether assertions hold: in every cluster by the symbolic engine, for the endpoints of the manifests by
//! the exact one. A flow that contradicts one is replayed through the reference semantics.
//!
//! - `resolve`: whom the ends of an assertion mean;
//! - `snapshot`: the exact engine's answer;
//! - `flow`: the flow that contradicts an assertion, with who decides it and how to see it.

mod flow;
mod resolve;
mod snapshot;

use npv_models::diagnostic::Finding;
use npv_symbolic::assertion as symbolic;
use npv_symbolic::session::{Error, Options};

use super::equivalence::namespaces;
use super::name::Names;
use super::trace::Tracer;
use crate::assertion::{Assertion, World};
use crate::engine::Engine;
use crate::snapshot::Snapshot;
use resolve::Resolver;

pub use flow::Counterexample;

/// The answer about one assertion.
#[derive(Debug)]
pub struct Proof<'a> {
    /// What was asked.
    pub assertion: &'a Assertion,
    /// Whether it holds.
    pub outcome: Outcome,
    /// What else the reader should know, one sentence each.
    pub notes: Vec<String>,
}

/// Whether an assertion holds.
#[derive(Debug)]
pub enum Outcome {
    /// It does.
    Holds,
    /// It does because there is no flow that it is about, for this reason.
    Vacuous(String),
    /// It does not: this flow contradicts it.
    Fails(Box<Counterexample>),
    /// The solver does not know, for this reason.
    Unknown(String),
}

impl Outcome {
    /// `None` where it is not known.
    pub fn holds(&self) -> Option<bool> {
        match self {
            Self::Holds | Self::Vacuous(_) => Some(true),
            Self::Fails(_) => Some(false),
            Self::Unknown(_) => None,
        }
    }
}

/// The answers about assertions.
#[derive(Debug, Default)]
pub struct Proofs<'a> {
    /// One for each assertion whose names are known, in their order.
    pub proofs: Vec<Proof<'a>>,
    /// Names that mean nobody in these manifests.
    pub findings: Vec<Finding>,
    /// What answers about every cluster take for granted; empty where there are none.
    pub assumptions: Vec<&'static str>,
}

impl Proofs<'_> {
    /// Whether something does not hold.
    pub fn fail(&self) -> bool {
        self.proofs.iter().any(|proof| proof.outcome.holds() == Some(false))
    }

    /// Whether something is not known.
    pub fn unknown(&self) -> bool {
        self.proofs.iter().any(|proof| proof.outcome.holds().is_none())
    }
}

/// Answers assertions.
///
/// # Errors
/// When an engine and the reference semantics do not agree on a flow: a bug in npv.
pub fn prove<'a>(
    snapshot: &Snapshot,
    engine: &Engine,
    assertions: &'a [Assertion],
) -> Result<Proofs<'a>, Error> {
    let names = Names { cluster: &snapshot.cluster, endpoints: engine.endpoints(), namespace: None };
    let (cluster, policies, profile) = (&snapshot.cluster, &snapshot.policies, snapshot.profile);
    let tracer = Tracer { cluster, policies, profile, names, request: None };
    let resolver = Resolver::new(names, engine);
    let mut answers = Proofs::default();
    let mut resolved = Vec::new();
    for assertion in assertions {
        let mut ends = [&assertion.from, &assertion.to]
            .into_iter()
            .filter_map(|ends| resolver.ends(ends, &mut answers.findings));
        if let (Some(from), Some(to)) = (ends.next(), ends.next()) {
            resolved.push((assertion, from, to));
        }
    }
    let known = namespaces(&snapshot.cluster);
    let options = Options { namespaces: known.clone(), ..Options::default() };
    let questions: Vec<symbolic::Assertion> = resolved
        .iter()
        .filter(|(assertion, ..)| assertion.world == World::EveryCluster)
        .map(|(assertion, from, to)| symbolic::Assertion {
            expect: assertion.expect,
            from: from.spec.clone(),
            to: to.spec.clone(),
            ports: assertion.ports.clone(),
            relations: assertion.relations.clone(),
            world: World::EveryCluster,
        })
        .collect();
    if !questions.is_empty() {
        answers.assumptions = options.assumptions(profile);
    }
    let mut open = symbolic::prove(policies, profile, cluster, options, &questions)?.into_iter();
    for (assertion, from, to) in resolved {
        let outcome = match assertion.world {
            World::Snapshot => snapshot::holds(assertion, [&from, &to], &resolver, &tracer)?,
            World::EveryCluster => match open.next() {
                Some(symbolic::Outcome::Fails(witness)) => {
                    let defined = |name: &str| known.contains_key(name);
                    Outcome::Fails(Box::new(Counterexample::possible(&witness, &tracer, defined)))
                }
                Some(symbolic::Outcome::Unknown(why)) => Outcome::Unknown(why),
                Some(symbolic::Outcome::HoldsVacuously) => {
                    Outcome::Vacuous("no flow of any cluster is one that it is about".to_owned())
                }
                Some(symbolic::Outcome::Holds) | None => Outcome::Holds,
            },
        };
        let mut notes = Vec::new();
        for (name, ends) in [("from", &from), ("to", &to)] {
            let says_so = matches!(outcome, Outcome::Vacuous(_)) && assertion.world == World::Snapshot;
            if ends.members.is_empty() && !snapshot.cluster.groups.is_empty() && !says_so {
                let who = if name == "from" { &assertion.from } else { &assertion.to };
                notes.push(format!("nothing in these manifests is `{name}`: {who}"));
            }
        }
        answers.proofs.push(Proof { assertion, outcome, notes });
    }
    Ok(answers)
}

impl Counterexample {
    /// The command that shows it: `arguments` are the switches and inputs that the question was asked with,
    /// `file` is where its manifests are, both as a shell takes them.
    pub fn command(&self, arguments: &str, file: Option<&str>) -> String {
        let [src, dst] = &self.trace;
        let file = file.filter(|_| self.manifests.is_some()).unwrap_or_default();
        let words = ["npv trace", &quoted(src), &quoted(dst), arguments, file];
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// A word as a shell takes it.
pub fn quoted(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:,=@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
