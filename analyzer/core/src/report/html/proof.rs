//! Lines of the manifests and of the configuration that show the answer to an assertion.

use serde::Serialize;

use super::excerpt::Excerpts;
use crate::query::prove::{Outcome, Proof};
use crate::query::trace::Decided;

/// The excerpts of an assertion, by number.
#[derive(Serialize)]
pub(in crate::report) struct ProofOf {
    /// The assertion itself.
    whole: Option<u32>,
    /// One for each step of the flow that contradicts it; nothing that is written makes some of them.
    steps: Vec<Option<u32>>,
    /// One for each rule that comes nearest to allowing that flow.
    nearest: Vec<Option<u32>>,
}

impl ProofOf {
    /// The excerpts of a proof, in the order in which the JSON of `npv trace` has steps and rules.
    pub(super) fn of(proof: &Proof<'_>, excerpts: &mut Excerpts<'_>) -> Self {
        let whole = excerpts.of(proof.assertion.whole, 0);
        let (mut steps, mut nearest) = (Vec::new(), Vec::new());
        if let Outcome::Fails(found) = &proof.outcome {
            let sides: Vec<&Decided> = found.part.egress.iter().chain(&found.part.ingress).collect();
            for decided in &sides {
                steps.extend(decided.steps.iter().map(|step| excerpts.of(step.span, 0)));
                steps.extend(decided.default.map(|_| None));
            }
            let near = sides.iter().flat_map(|decided| &decided.near);
            nearest.extend(near.map(|near| excerpts.of(near.span, 0)));
        }
        Self { whole, steps, nearest }
    }

    /// The excerpt of the assertion itself.
    pub(super) fn whole(&self) -> Option<u32> {
        self.whole
    }
}
