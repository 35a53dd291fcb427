//! Whether two sets of policies mean the same in every cluster; if not, a flow that only one of them allows.

use std::collections::BTreeMap;

use npv_models::cluster::Cluster;
use npv_models::space::Labels;
use npv_symbolic::session::{Error, Options, Search, Session};
use npv_symbolic::spec::Question;
use npv_symbolic::witness::Witness;

use super::name::Names;
use super::prove::Counterexample;
use super::trace::{Part, Tracer};
use crate::engine::Engine;
use crate::snapshot::Snapshot;

/// How the second of two sets of policies differs from the first.
#[derive(Debug)]
pub struct Equivalence {
    /// What it allows and the first denies.
    pub opened: Change,
    /// What it denies and the first allows.
    pub closed: Change,
    /// What the answer takes for granted.
    pub assumptions: Vec<&'static str>,
}

/// What one set of policies allows and the other does not.
#[derive(Debug)]
pub enum Change {
    /// Nothing.
    Nothing,
    /// This flow, with what the two say of it.
    Flow {
        /// The side that allows it.
        allowed: Box<Counterexample>,
        /// The side that denies it.
        denied: Box<Part>,
    },
    /// The solver does not know, for this reason.
    Unknown(String),
}

impl Equivalence {
    /// Whether the two mean the same; `None` where that is not known.
    pub fn holds(&self) -> Option<bool> {
        match (&self.opened, &self.closed) {
            (Change::Flow { .. }, _) | (_, Change::Flow { .. }) => Some(false),
            (Change::Nothing, Change::Nothing) => Some(true),
            _ => None,
        }
    }
}

/// Compares the policies of two snapshots; their pods do not matter. Namespaces have the labels that the
/// manifests of both give them, where they do not contradict each other.
///
/// # Errors
/// When the solver and the reference semantics do not agree on a flow: a bug in npv.
pub fn compare(base: &Snapshot, head: &Snapshot, engines: [&Engine; 2]) -> Result<Equivalence, Error> {
    let [old, new] = [&base.cluster, &head.cluster].map(namespaces);
    let known = old.iter().chain(&new).filter(|(name, labels)| {
        [&old, &new].iter().all(|side| side.get(*name).is_none_or(|other| other == *labels))
    });
    let options = Options {
        namespaces: known.map(|(name, labels)| (name.clone(), labels.clone())).collect(),
        ..Options::default()
    };
    let questions = [Question::anything()];
    let sets = [&base.policies, &head.policies];
    let mut session = Session::new(&sets, base.profile, options, &questions);
    let [question] = &questions;
    let found = session.difference(0, 1, question)?;
    let [before, after] = engines;
    let (base, head) = (tracer(base, before), tracer(head, after));
    // What both define need not be defined again.
    let defined = |name: &str| old.contains_key(name) && new.contains_key(name);
    let change = |search, allowing: &Tracer<'_>, denying: &Tracer<'_>| match search {
        Search::Nothing => Change::Nothing,
        Search::Unknown(why) => Change::Unknown(why),
        Search::Found(witness) => flow(&witness, allowing, denying, defined),
    };
    Ok(Equivalence {
        opened: change(found.opened, &head, &base),
        closed: change(found.closed, &base, &head),
        assumptions: session.assumptions(),
    })
}

fn flow(
    witness: &Witness,
    allowing: &Tracer<'_>,
    denying: &Tracer<'_>,
    defined: impl Fn(&str) -> bool,
) -> Change {
    Change::Flow {
        allowed: Box::new(Counterexample::possible(witness, allowing, defined)),
        denied: Box::new(Counterexample::part(witness, denying)),
    }
}

fn tracer<'a>(snapshot: &'a Snapshot, engine: &'a Engine) -> Tracer<'a> {
    let Snapshot { cluster, policies, profile, .. } = snapshot;
    let names = Names { cluster, endpoints: engine.endpoints(), namespace: None };
    Tracer { cluster, policies, profile: *profile, names, request: None }
}

/// The namespaces whose labels manifests give.
pub(super) fn namespaces(cluster: &Cluster) -> BTreeMap<Box<str>, Labels> {
    let defined = cluster.namespaces.iter().filter(|namespace| namespace.defined.is_some());
    defined.map(|namespace| (namespace.name.clone(), (*namespace.labels).clone())).collect()
}
