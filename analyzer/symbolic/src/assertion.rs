//! Assertions: what must hold, in every possible cluster or for the endpoints in the manifests.

use npv_models::cluster::Cluster;
use npv_models::decide::Profile;
use npv_models::policy::{PolicySet, PortMatch};

use crate::lint::World;
use crate::session::{Error, Options, Search, Session};
use crate::spec::{EndSpec, Question, Relation};
use crate::term::Bool;
use crate::witness::Witness;
use crate::world::kind;

/// What is expected of the flows that an assertion is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expect {
    /// Every one is allowed.
    Allow,
    /// None is allowed.
    Deny,
    /// No others are allowed to the same destinations over the same ports. To pods, everybody else counts;
    /// to nodes and to addresses outside the cluster, every other pod that selectors see: no policy applies
    /// to anybody else there.
    Only,
}

/// Something that must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// What is expected.
    pub expect: Expect,
    /// Where flows come from.
    pub from: EndSpec,
    /// Where they go to.
    pub to: EndSpec,
    /// Over any of these; over anything where `None`.
    pub ports: Option<Vec<PortMatch>>,
    /// What else holds of the flows: `where: from.tenant != to.tenant`.
    pub relations: Vec<Relation>,
    /// Where it must hold.
    pub world: World,
}

/// Whether an assertion holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It does.
    Holds,
    /// It does, but only because there is no flow that it is about.
    HoldsVacuously,
    /// It does not: this flow contradicts it.
    Fails(Box<Witness>),
    /// The solver does not know, for this reason.
    Unknown(String),
}

impl Assertion {
    /// The flows that it is about.
    fn question(&self) -> Question {
        Question {
            from: self.from.clone(),
            not_from: None,
            to: self.to.clone(),
            ports: self.ports.clone(),
            relations: self.relations.clone(),
        }
    }
}

/// Answers assertions, with one compilation of the policies.
///
/// # Errors
/// When a flow that the solver found does not replay.
pub fn prove(
    policies: &PolicySet,
    profile: Profile,
    cluster: &Cluster,
    options: Options,
    assertions: &[Assertion],
) -> Result<Vec<Outcome>, Error> {
    let (any, here): (Vec<_>, Vec<_>) = assertions.iter().partition(|each| each.world == World::EveryCluster);
    let session = |assertions: &[&Assertion], options: Options| {
        let questions: Vec<_> = assertions.iter().map(|assertion| assertion.question()).collect();
        Session::new(&[policies], profile, options, &questions)
    };
    let mut any = (!any.is_empty()).then(|| session(&any, options.clone()));
    // In the manifests, pods without a known address are the rule.
    let mut here = (!here.is_empty()).then(|| {
        let mut session = session(&here, Options { unaddressed: true, ..options });
        let snapshot = session.snapshot(cluster);
        (session, snapshot)
    });
    let mut answer = |assertion: &Assertion| match (assertion.world, &mut any, &mut here) {
        (World::EveryCluster, Some(session), _) => session.holds(assertion, |_, condition| condition),
        (World::Snapshot, _, Some((session, snapshot))) => {
            session.holds(assertion, |session, condition| session.within_snapshot(condition, snapshot))
        }
        // Every assertion has the session of its world.
        _ => Ok(Outcome::Unknown("the question was not compiled".to_owned())),
    };
    assertions.iter().map(&mut answer).collect()
}

impl Session<'_> {
    /// Whether an assertion holds for the flows that `within` leaves.
    fn holds(
        &mut self,
        assertion: &Assertion,
        mut within: impl FnMut(&mut Self, Bool) -> Bool,
    ) -> Result<Outcome, Error> {
        let question = assertion.question();
        let about = self.about(&question);
        let allowed = self.allowed(0);
        let against = match assertion.expect {
            Expect::Allow => self.terms.and_not(about, allowed),
            Expect::Deny => self.terms.and([about, allowed]),
            Expect::Only => {
                let others = self.other_sources(&question, about);
                self.terms.and([others, allowed])
            }
        };
        let against = within(self, against);
        match self.find(against)? {
            Search::Found(witness) => Ok(Outcome::Fails(witness)),
            Search::Unknown(why) => Ok(Outcome::Unknown(why)),
            Search::Nothing => {
                let about = within(self, about);
                Ok(match self.possible(about) {
                    Some(false) => Outcome::HoldsVacuously,
                    _ => Outcome::Holds,
                })
            }
        }
    }

    /// The flows to the same destinations over the same ports that somebody else could be kept from.
    fn other_sources(&mut self, question: &Question, about: Bool) -> Bool {
        let from =
            |from: EndSpec| Question { from, relations: Vec::new(), not_from: None, ..question.clone() };
        let (anybody, pods) = (self.about(&from(EndSpec::anybody())), self.about(&from(EndSpec::any_pod())));
        let dst = self.flow.dst.clone();
        let to_pod = dst.is(&mut self.terms, kind::POD);
        let to_pod = self.terms.and([anybody, to_pod]);
        let all = self.terms.or([to_pod, pods]);
        self.terms.and_not(all, about)
    }
}
