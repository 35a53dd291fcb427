//! What is wrong with the manifests: what reading found, and what the lint rules find.

use std::cmp::Ordering;
use std::path::Path;

use npv_models::diagnostic::{Finding, Severity};
use npv_symbolic::session::Error;

use crate::baseline::Baseline;
use crate::config::{Config, Level, Target};
use crate::engine::Engine;
use crate::lint::{self, Context, Rule};
use crate::snapshot::Snapshot;
use crate::suppress::{Circumstances, Suppressed, suppress};

/// Which lint rules run, and how bad their findings are.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// What is configured: levels, and whether the pedantic rules run.
    pub config: Config,
    /// Only these rules run; all where it is empty.
    pub select: Vec<Target>,
    /// These do not run.
    pub ignore: Vec<Target>,
}

impl Selection {
    /// Whether a rule runs. What keeps an answer from being complete is always said.
    pub fn runs(&self, rule: &Rule) -> bool {
        if !rule.may_be_silenced() {
            return true;
        }
        let covers = |targets: &[Target]| targets.iter().any(|target| target.covers(rule));
        let named = |targets: &[Target]| targets.contains(&Target::Rule(rule.name));
        if !self.select.is_empty() && !covers(&self.select) || covers(&self.ignore) {
            return false;
        }
        let level = self.config.rules.of(rule);
        if level == Some(Level::Allow) {
            return false;
        }
        // Whoever names a pedantic rule wants it; whoever names its category need not.
        let own = self.config.rules.0.contains_key(&Target::Rule(rule.name));
        !rule.pedantic || *self.config.pedantic || named(&self.select) || own
    }

    /// Gives findings their levels, and leaves out those of rules that do not run.
    fn apply(&self, findings: &mut Vec<Finding>) {
        findings.retain_mut(|finding| {
            let Some(rule) = lint::rule(finding.rule).filter(|rule| rule.may_be_silenced()) else {
                return true;
            };
            if let Some(severity) = self.config.rules.of(rule).and_then(Level::severity) {
                finding.severity = severity;
            }
            finding.incomplete || self.runs(rule)
        });
    }

    /// Whether a finding is bad enough to be reported. What makes the analysis incomplete always is.
    fn reports(&self, finding: &Finding) -> bool {
        let fixed = lint::rule(finding.rule).is_some_and(|rule| !rule.may_be_silenced());
        fixed || finding.incomplete || finding.severity >= self.config.output.min_severity.severity()
    }
}

/// All findings, sorted by position.
///
/// # Errors
/// When a proof does not stand up to the reference semantics: a bug in npv.
pub fn check(snapshot: &Snapshot, engine: &Engine) -> Result<Vec<Finding>, Error> {
    check_with(snapshot, engine, &Selection::default())
}

/// What is found, and what is as it should be.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// What is wrong, sorted by position.
    pub findings: Vec<Finding>,
    /// What would be, but for an exception.
    pub suppressed: Vec<Suppressed>,
    /// What was there before, as the baseline says.
    pub known: Vec<Finding>,
}

/// The findings of a selection of the lint rules without those that are excepted.
///
/// # Errors
/// As [`check`].
pub fn judge(
    snapshot: &Snapshot,
    engine: &Engine,
    selection: &Selection,
    circumstances: Circumstances<'_>,
    baseline: Option<&Baseline>,
) -> Result<Judged, Error> {
    let found = found(snapshot, engine, selection)?;
    let (mut findings, mut suppressed) =
        suppress(found, snapshot, circumstances, |rule| selection.runs(rule));
    selection.apply(&mut findings);
    let mut known = Vec::new();
    if let Some(baseline) = baseline {
        let told = |rule: &Rule, file: &Path| selection.runs(rule) && circumstances.read(file);
        let compared = baseline.compare(findings, snapshot.baseline, told);
        (findings, known) = (compared.findings, compared.known);
        selection.apply(&mut findings);
    }
    findings.retain(|finding| selection.reports(finding));
    suppressed.retain(|one| selection.reports(&one.finding));
    sort(&mut findings);
    sort(&mut known);
    suppressed.sort_by(|a, b| order(&a.finding, &b.finding));
    Ok(Judged { findings, suppressed, known })
}

impl Judged {
    /// The same with one finding for each cause, the worst first.
    pub fn united(mut self, snapshot: &Snapshot) -> Self {
        self.findings = super::causes::united(self.findings, snapshot);
        self
    }
}

fn found(snapshot: &Snapshot, engine: &Engine, selection: &Selection) -> Result<Vec<Finding>, Error> {
    let mut findings = snapshot.findings.clone();
    let context = Context::new(snapshot, engine).pedantic(*selection.config.pedantic);
    findings.extend(lint::run_some(&context, |rule| selection.runs(rule))?);
    selection.apply(&mut findings);
    Ok(findings)
}

/// The findings of a selection of the lint rules, exceptions or not, sorted by position.
///
/// # Errors
/// As [`check`].
pub fn check_with(
    snapshot: &Snapshot,
    engine: &Engine,
    selection: &Selection,
) -> Result<Vec<Finding>, Error> {
    let mut findings = found(snapshot, engine, selection)?;
    findings.retain(|finding| selection.reports(finding));
    sort(&mut findings);
    Ok(findings)
}

/// Sorts findings by position, then by rule and key: an order that depends on nothing but the input.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(order);
}

pub(super) fn order(a: &Finding, b: &Finding) -> Ordering {
    let at = |finding: &Finding| finding.span().map(|span| (span.source, span.start, span.end));
    at(a).cmp(&at(b)).then_with(|| a.rule.cmp(b.rule)).then_with(|| a.key.cmp(&b.key))
}

/// Whether a finding of this severity or a worse one is there. What makes the analysis incomplete does not
/// count: it has an exit status of its own.
pub fn fails(findings: &[Finding], at_least: Severity) -> bool {
    findings.iter().any(|finding| !finding.incomplete && finding.severity >= at_least)
}
