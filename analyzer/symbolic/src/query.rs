//! Questions about verdicts: who can reach whom, and do two sets of policies mean the same.

use npv_models::decide::Verdict;

use crate::session::{Error, Search, Session};
use crate::spec::Question;
use crate::term::Bool;

/// How two sets of policies differ: two questions, each with its own answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// A flow that the second set allows and the first denies.
    pub opened: Search,
    /// A flow that the first set allows and the second denies.
    pub closed: Search,
}

impl Session<'_> {
    /// A flow that the question is about and that gets this verdict.
    ///
    /// # Errors
    /// When the flow does not replay.
    pub fn reachable(&mut self, set: usize, question: &Question, verdict: Verdict) -> Result<Search, Error> {
        self.scratch(|session| {
            let about = session.about(question);
            let allowed = session.allowed(set);
            let wanted = match verdict {
                Verdict::Allow => allowed,
                Verdict::Deny | Verdict::Unknown | Verdict::Partial => session.terms.not(allowed),
            };
            let condition = session.terms.and([about, wanted]);
            session.find(condition)
        })
    }

    /// A flow that the question is about, that `first` allows and `second` denies: where there is none,
    /// everything that `first` allows is allowed by `second`.
    ///
    /// # Errors
    /// When the flow does not replay.
    pub fn implies(&mut self, first: usize, second: usize, question: &Question) -> Result<Search, Error> {
        self.scratch(|session| {
            let condition = session.only_in(first, second, question);
            session.find(condition)
        })
    }

    /// How the second set differs from the first on flows that the question is about.
    ///
    /// # Errors
    /// When a flow does not replay.
    pub fn difference(
        &mut self,
        first: usize,
        second: usize,
        question: &Question,
    ) -> Result<Difference, Error> {
        let opened = self.implies(second, first, question)?;
        let closed = self.implies(first, second, question)?;
        Ok(Difference { opened, closed })
    }

    fn only_in(&mut self, first: usize, second: usize, question: &Question) -> Bool {
        let about = self.about(question);
        let (first, second) = (self.allowed(first), self.allowed(second));
        let denied = self.terms.not(second);
        self.terms.and([about, first, denied])
    }
}

impl Difference {
    /// Whether the two are known to mean the same.
    pub fn none(&self) -> bool {
        self.opened == Search::Nothing && self.closed == Search::Nothing
    }
}
