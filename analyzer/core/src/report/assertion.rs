//! Assertions that do not hold, for formats that know findings only.

use npv_models::diagnostic::{Finding, Severity, Witness};

use super::CheckReport;
use crate::assertion::World;
use crate::query::check::sort;
use crate::query::prove::{Counterexample, Outcome, Proof};

/// What these formats call the rule of an assertion.
pub(super) const RULE: &str = "assertion";

/// The findings, and what assertions do not hold or have no answer, sorted by position.
pub(super) fn with_findings(report: &CheckReport<'_>) -> Vec<Finding> {
    let mut findings = report.findings.to_vec();
    let before = findings.len();
    findings.extend(report.proofs.proofs.iter().filter_map(finding));
    if findings.len() > before {
        sort(&mut findings);
    }
    findings
}

/// An assertion as a finding; `None` where it holds.
pub(super) fn finding(proof: &Proof<'_>) -> Option<Finding> {
    let assertion = proof.assertion;
    let world = match assertion.world {
        World::EveryCluster => "in every cluster",
        World::Snapshot => "in these manifests",
    };
    let about = |message: String| {
        let finding =
            Finding::new(RULE, Severity::Error, assertion.span, message).key(assertion.name.clone());
        proof.notes.iter().fold(finding, |finding, note| finding.help(note.clone()))
    };
    match &proof.outcome {
        Outcome::Holds | Outcome::Vacuous(_) => None,
        Outcome::Fails(found) => {
            let mut finding = about(format!("assertion `{}` does not hold {world}", assertion.name));
            finding.witness = witness(found);
            let steps =
                found.part.egress.iter().chain(&found.part.ingress).flat_map(|decided| &decided.steps);
            Some(steps.fold(finding, |finding, step| {
                finding.related(step.span, format!("`{}` decides on the flow", step.object))
            }))
        }
        Outcome::Unknown(why) => {
            let message = format!("whether assertion `{}` holds {world} is not known: {why}", assertion.name);
            Some(about(message).incomplete())
        }
    }
}

fn witness(found: &Counterexample) -> Option<Witness> {
    let (protocol, port) = found.part.asked.first()?;
    Some(Witness {
        src: found.part.src.id.clone(),
        dst: found.part.dst.id.clone(),
        protocol: protocol.name(),
        port,
    })
}
