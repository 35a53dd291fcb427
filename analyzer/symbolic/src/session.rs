//! A session: policies compiled once, asked many questions.

use std::collections::BTreeMap;
use std::fmt;

use npv_models::decide::{Decision, Flow, Profile, Verdict};
use npv_models::policy::{Direction, PolicySet};
use npv_models::space::{Family, Labels};

use crate::attempt;
use crate::canonical;
use crate::encode::{EncodedSet, Encoder};
use crate::solver::{Answer, Assignment, Solver, default_solver};
use crate::spec::Question;
use crate::term::{Bool, Context, Terms, ValueSet};
use crate::vocabulary::Vocabulary;
use crate::witness::Witness;
use crate::world::{EndTerms, FlowTerms, kind};

/// Steps after which the solver gives up on one question unless told otherwise: some seconds of a machine of
/// today. Questions about real policies take a thousandth of it.
pub const BUDGET: u32 = 50_000_000;

/// What a session takes for granted.
#[derive(Clone, Debug)]
pub struct Options {
    /// Steps after which the solver gives up on one question; 0 means never. They do not depend on the
    /// machine's speed.
    pub budget: u32,
    /// Pods and nodes may be without a known address, so that no block matches them, and pods on the host
    /// network without a known node.
    pub unaddressed: bool,
    /// Namespaces whose labels are known to be exactly these.
    pub namespaces: BTreeMap<Box<str>, Labels>,
}

impl Default for Options {
    fn default() -> Self {
        Self { budget: BUDGET, unaddressed: false, namespaces: BTreeMap::new() }
    }
}

impl Options {
    /// What the answers of a session with these options take for granted, for people.
    pub fn assumptions(&self, profile: Profile) -> Vec<&'static str> {
        let always = [
            (
                true,
                "a node's connections to its own pods and a pod's to itself are left out: they are always allowed",
            ),
            (true, "a connection is of one address family, in which an endpoint has at most one address"),
            (self.unaddressed, "the addresses of pods and nodes, and where pods run, may be unknown"),
            (
                !self.namespaces.is_empty(),
                "the namespaces that the manifests define have exactly the labels given there",
            ),
            (!profile.blocks_match_pods, "blocks of addresses do not match pods"),
            (profile.selectors_see_host_network, "selectors see pods on the host network"),
        ];
        always.into_iter().filter_map(|(holds, text)| holds.then_some(text)).collect()
    }
}

/// Something is wrong with npv itself, not with what it was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The solver and the reference semantics do not agree on a flow.
    Mismatch(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch(what) => write!(f, "a flow found by the solver does not replay: {what}"),
        }
    }
}

impl std::error::Error for Error {}

/// Whether some flow has a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// No flow has it.
    Nothing,
    /// This one has it, and the reference semantics says so too.
    Found(Box<Witness>),
    /// The solver does not know, for this reason.
    Unknown(String),
}

/// How many questions a session was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// Settled by folding.
    pub folded: u32,
    /// Settled by a flow that was found by trying.
    pub tried: u32,
    /// Put to the solver.
    pub asked: u32,
}

/// Policies compiled once, asked many questions.
pub struct Session<'p> {
    pub(crate) policies: Vec<&'p PolicySet>,
    pub(crate) sets: Vec<EncodedSet>,
    pub(crate) profile: Profile,
    pub(crate) vocabulary: Vocabulary,
    pub(crate) terms: Terms,
    pub(crate) flow: FlowTerms,
    options: Options,
    world: Bool,
    solver: Box<dyn Solver>,
    effort: Effort,
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("terms", &self.terms.len()).field("effort", &self.effort).finish()
    }
}

impl<'p> Session<'p> {
    /// Compiles sets of policies. Every question that will be asked must be among `questions`, because
    /// what it mentions must be told apart.
    pub fn new(
        policies: &[&'p PolicySet],
        profile: Profile,
        options: Options,
        questions: &[Question],
    ) -> Self {
        let mut vocabulary = Vocabulary::new(policies.iter().copied(), questions);
        vocabulary.namespaces(&options.namespaces);
        let mut terms = Terms::default();
        let flow = FlowTerms::free(&mut terms, &vocabulary, options.unaddressed);
        let mut encoder = Encoder { terms: &mut terms, vocabulary: &vocabulary, profile };
        let sets = policies.iter().map(|set| encoder.set(set, &flow)).collect();
        let mut solver = default_solver(options.budget);
        let world = world(&mut terms, &vocabulary, &flow, &options);
        solver.assert(&terms, world);
        let effort = Effort::default();
        let policies = policies.to_vec();
        Self { policies, sets, profile, vocabulary, terms, flow, options, world, solver, effort }
    }

    /// What the answers take for granted, for people.
    pub fn assumptions(&self) -> Vec<&'static str> {
        self.options.assumptions(self.profile)
    }

    /// How many questions were asked.
    pub fn effort(&self) -> Effort {
        self.effort
    }

    /// An encoder of further conditions on the session's flow, with that flow.
    pub(crate) fn encoder(&mut self) -> (Encoder<'_>, &FlowTerms) {
        let encoder = Encoder { terms: &mut self.terms, vocabulary: &self.vocabulary, profile: self.profile };
        (encoder, &self.flow)
    }

    /// The condition that a flow is one that the question is about.
    pub fn about(&mut self, question: &Question) -> Bool {
        let (mut encoder, flow) = self.encoder();
        encoder.question(question, flow)
    }

    /// The condition that a flow is this one in one of its [`Flow::families`], as far as policies can tell.
    pub fn exactly(&mut self, flow: &Flow<'_>, family: Option<Family>) -> Bool {
        let literal = FlowTerms::literal(&mut self.terms, &self.vocabulary, flow, family);
        let (mut encoder, free) = self.encoder();
        encoder.identical(&literal, free)
    }

    /// The condition that both conditions hold.
    pub fn both(&mut self, left: Bool, right: Bool) -> Bool {
        self.terms.and([left, right])
    }

    /// The condition that the condition does not hold.
    pub fn opposite(&mut self, condition: Bool) -> Bool {
        self.terms.not(condition)
    }

    /// The condition that a set of policies allows the flow; false for a set that is not there.
    pub fn allowed(&self, set: usize) -> Bool {
        self.sets.get(set).map_or(Bool::FALSE, |set| set.allow)
    }

    /// Runs something, and forgets the terms that it made: conditions made for one question would pile up
    /// over thousands. None of them may be used afterwards.
    pub(crate) fn scratch<R>(&mut self, run: impl FnOnce(&mut Self) -> R) -> R {
        let before = self.terms.len();
        let result = run(self);
        self.terms.truncate(before);
        self.solver.forget(before);
        result
    }

    /// Whether some flow meets the condition: `None` where the solver does not know.
    pub fn possible(&mut self, condition: Bool) -> Option<bool> {
        match self.check(condition, &[]) {
            Answer::Satisfiable(_) => Some(true),
            Answer::Unsatisfiable(_) => Some(false),
            Answer::Unknown(_) => None,
        }
    }

    /// Whether trying finds a flow that meets the condition and none of the others; if not, there may be one.
    pub(crate) fn happens(&mut self, condition: Bool, without: &[Bool]) -> bool {
        let context = Context::of(&self.terms, condition);
        let found = attempt::succeeds(&self.terms, &context, &[condition, self.world], without);
        self.effort.tried += u32::from(found);
        found
    }

    /// Asks the solver what folding does not settle. The values of a flow are any that will do.
    pub(crate) fn check(&mut self, condition: Bool, assumptions: &[Bool]) -> Answer {
        let condition = self.terms.propagate(condition);
        if condition == Bool::FALSE {
            self.effort.folded += 1;
            return Answer::Unsatisfiable(Vec::new());
        }
        self.effort.asked += 1;
        self.solver.push();
        self.solver.assert(&self.terms, condition);
        let answer = self.solver.check(&self.terms, assumptions);
        self.solver.pop();
        answer
    }

    /// A flow that meets the condition: always the same one, with as few labels as possible. It is
    /// replayed through the reference semantics.
    ///
    /// # Errors
    /// When the replay does not agree.
    pub fn find(&mut self, condition: Bool) -> Result<Search, Error> {
        let simple = self.terms.propagate(condition);
        if simple == Bool::FALSE {
            self.effort.folded += 1;
            return Ok(Search::Nothing);
        }
        self.effort.asked += 1;
        self.solver.push();
        self.solver.assert(&self.terms, simple);
        let answer = match self.solver.check(&self.terms, &[]) {
            Answer::Satisfiable(values) => {
                let choices = canonical::choices(&self.terms, &self.vocabulary, &self.flow);
                let about = [simple, self.world];
                Ok(canonical::settle(&mut *self.solver, &mut self.terms, &choices, about, values))
            }
            other => Err(other),
        };
        self.solver.pop();
        match answer {
            Ok(values) => Ok(Search::Found(Box::new(self.replay(condition, &values)?))),
            Err(Answer::Unknown(why)) => Ok(Search::Unknown(why)),
            Err(_) => Ok(Search::Nothing),
        }
    }

    /// Decodes a flow and asks the reference semantics whether it sees what the solver saw.
    fn replay(&self, condition: Bool, values: &Assignment) -> Result<Witness, Error> {
        let witness = Witness::decode(&self.terms, &self.vocabulary, &self.flow, values);
        let holds = |condition| self.terms.evaluate(condition, values);
        if !holds(condition) || !holds(self.world) {
            return Err(Error::Mismatch(format!("{witness:?} does not have the property")));
        }
        for (set, encoded) in self.policies.iter().zip(&self.sets) {
            let decision = witness.decide(set, self.profile);
            let sides = [(Direction::Egress, decision.egress), (Direction::Ingress, decision.ingress)];
            for (direction, verdict) in sides {
                if holds(encoded.side(direction).allow) != (verdict == Verdict::Allow) {
                    return Err(Error::Mismatch(format!("{direction} of {witness:?}")));
                }
            }
            if holds(encoded.allow) != (decision.verdict() == Verdict::Allow) {
                return Err(Error::Mismatch(format!("{witness:?}")));
            }
        }
        Ok(witness)
    }

    /// What the reference semantics says of a flow under one of the session's sets.
    pub fn decide(&self, set: usize, witness: &Witness) -> Option<Decision<'p>> {
        Some(witness.decide(self.policies.get(set).copied()?, self.profile))
    }
}

/// What every flow has in common.
fn world(terms: &mut Terms, vocabulary: &Vocabulary, flow: &FlowTerms, options: &Options) -> Bool {
    let mut conditions = Vec::new();
    for end in [&flow.src, &flow.dst] {
        let (is_address, is_pod) = (end.is(terms, kind::ADDRESS), end.is(terms, kind::POD));
        conditions.push(terms.implies(is_address, end.addressed));
        // A port of the node can be bound once only.
        let on_host = terms.and([is_pod, end.host_network]);
        let ports: Vec<_> = end.ports.values().copied().collect();
        for (index, port) in ports.iter().enumerate() {
            for other in ports.iter().skip(index + 1) {
                let both = terms.and([on_host, *port, *other]);
                conditions.push(terms.not(both));
            }
        }
        for (name, labels) in &options.namespaces {
            let here = terms.is(end.namespace, vocabulary.names.number(Some(name)));
            let exactly = exactly(terms, vocabulary, end, labels);
            conditions.push(terms.implies(here, exactly));
        }
    }
    // One namespace has one set of labels. Names that nobody mentions are one number, and two
    // namespaces unless the policies and questions need to know.
    let same = terms.same(flow.src.namespace, flow.dst.namespace);
    let certain = if vocabulary.names.distinguishes_others() {
        vocabulary.names.present()
    } else {
        vocabulary.names.mentioned()
    };
    let certain = terms.within(flow.src.namespace, &certain);
    let same = terms.and([same, certain]);
    for (key, label) in &flow.src.namespace_labels {
        if let Some(other) = flow.dst.namespace_labels.get(key) {
            let equal = terms.same(*label, *other);
            conditions.push(terms.implies(same, equal));
        }
    }
    terms.and(conditions)
}

fn exactly(terms: &mut Terms, vocabulary: &Vocabulary, end: &EndTerms, labels: &Labels) -> Bool {
    let mut conditions = Vec::new();
    for (key, domain) in &vocabulary.namespaces {
        if let (Some(label), true) =
            (end.namespace_labels.get(key), key.as_ref() != crate::vocabulary::NAME_LABEL)
        {
            let number = domain.number(labels.get(key));
            conditions.push(terms.within(*label, &ValueSet::single(number)));
        }
    }
    terms.and(conditions)
}
