//! Applies the fixes of findings to the texts, and proves each before it is written.
//!
//! A fix is a handful of edits that a lint rule proposes. Here they are applied to the texts in memory, and
//! the result is read and asked again. A fix is taken when the finding is gone, nothing is refused that was
//! not refused before, and, for a safe one, every verdict is as it was. A fix that fails is left out and
//! said so; the others stand. Fixes that want the same place wait for the next round.

mod diff;
mod edit;
mod effect;
mod meaning;
pub mod object;
pub mod remove;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;

use npv_models::diagnostic::{Applicability, Edit, Finding, Fix};
use npv_models::source::{SourceId, Span};

use edit::Trail;

use crate::engine::Engine;
use crate::lint::{self, Category};
use crate::snapshot::{Options, Snapshot};
use crate::suppress::Suppressed;

pub use diff::unified;
pub use effect::{Change, Effect};
pub use write::write;

/// Rounds of fixes that make room for others; far more than any real text needs.
const ROUNDS: usize = 32;

/// A snapshot with its answers.
pub struct Checked {
    /// The exact answers for the endpoints.
    pub engine: Engine,
    /// What is wrong, without what is suppressed.
    pub findings: Vec<Finding>,
    /// What is suppressed.
    pub suppressed: Vec<Suppressed>,
    /// What was there before, as the baseline says.
    pub known: Vec<Finding>,
}

/// What to fix, and how to ask again.
pub struct Request<'a> {
    /// How the manifests were understood.
    pub options: &'a Options,
    /// Fixes that change what is allowed are wanted too.
    pub unsafe_too: bool,
    /// Asks a snapshot what is wrong with it.
    pub check: &'a dyn Fn(&Snapshot) -> Checked,
}

/// A fix that was applied or refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The lint rule.
    pub rule: &'static str,
    /// `file:line:column` of the finding, in the text as it was before any fix.
    pub at: String,
    /// What the fix does.
    pub description: String,
    /// Whether it is proved to change no verdict.
    pub applicability: Applicability,
    /// Why it was refused; `None` where it was applied.
    pub refused: Option<String>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The texts that changed, as they are now.
    pub texts: BTreeMap<SourceId, String>,
    /// The fixes that were applied, in the order of the rounds and of the texts; then those that were refused.
    pub fixes: Vec<Fixed>,
    /// Number of unsafe fixes that were not wanted.
    pub unsafe_left: usize,
    /// Number of fixes for texts that stand in no file: standard input, or the output of a program.
    pub elsewhere: usize,
    /// What all changes together open and close; `None` where they change who is there.
    pub effect: Option<Effect>,
    /// Number of texts that could not be written: their fixes count as refused, and `effect` is no longer that of all.
    pub unwritten: usize,
}

impl Outcome {
    /// The fixes that were applied.
    pub fn applied(&self) -> impl Iterator<Item = &Fixed> {
        self.fixes.iter().filter(|fixed| fixed.refused.is_none())
    }

    /// Takes note that a text, called `name`, could not be written: it is as it was.
    pub fn not_written(&mut self, id: SourceId, name: &str, why: &str) {
        self.texts.remove(&id);
        self.unwritten += 1;
        let there = |fixed: &&mut Fixed| {
            let line = fixed.at.strip_prefix(name).and_then(|rest| rest.strip_prefix(':'));
            fixed.refused.is_none() && line.is_some()
        };
        for fixed in self.fixes.iter_mut().filter(there) {
            fixed.refused = Some(format!("`{name}` is left alone: {why}"));
        }
    }
}

/// A fix with its finding.
struct Candidate<'f> {
    finding: &'f Finding,
    fix: &'f Fix,
}

/// A snapshot after some fixes.
struct State {
    snapshot: Snapshot,
    checked: Checked,
}

/// Applies what can be applied. `checked` is what the request's check says of the snapshot.
pub fn fix(snapshot: &Snapshot, checked: &Checked, request: &Request<'_>) -> Outcome {
    let mut outcome = Outcome { effect: Some(Effect::default()), ..Outcome::default() };
    let proposed = |checked: &Checked| -> Vec<(Applicability, bool)> {
        let fixes = checked.findings.iter().filter_map(|finding| finding.fix.as_ref());
        let fixes = fixes.filter(|fix| !fix.edits.is_empty());
        fixes.map(|fix| (fix.applicability, in_files(snapshot, fix))).collect()
    };
    outcome.elsewhere = proposed(checked).iter().filter(|(_, in_files)| !in_files).count();
    let mut state: Option<State> = None;
    let mut refused: BTreeMap<(String, String), Fixed> = BTreeMap::new();
    let mut trails: Vec<Trail> = Vec::new();
    for _ in 0..ROUNDS {
        let (here, answers) = match &state {
            Some(state) => (&state.snapshot, &state.checked),
            None => (snapshot, checked),
        };
        let candidates = candidates(here, answers, request.unsafe_too, &refused);
        if candidates.is_empty() {
            break;
        }
        let mut round = Round { base: here, checked: answers, request, kept: Vec::new(), after: None };
        let mut failed = Vec::new();
        round.settle(&candidates, &mut failed);
        let Round { kept, after, .. } = round;
        let done = |candidate: &Candidate<'_>, refused: Option<String>| Fixed {
            rule: candidate.finding.rule,
            at: place(snapshot, &trails, candidate.finding),
            description: candidate.fix.description.clone(),
            applicability: candidate.fix.applicability,
            refused,
        };
        if !kept.is_empty() {
            // What was refused in the old text may do in the new one.
            refused.clear();
        }
        outcome.fixes.extend(kept.iter().map(|candidate| done(candidate, None)));
        for (candidate, why) in failed {
            refused.insert(identity(candidate.finding), done(candidate, Some(why)));
        }
        let edits = || kept.iter().flat_map(|candidate| &candidate.fix.edits);
        outcome.texts.extend(edit::apply(&here.sources, edits()).unwrap_or_default());
        trails.push(Trail::new(&here.sources, edits()));
        if let Some(after) = after {
            state = Some(after);
        }
    }
    outcome.fixes.extend(refused.into_values());
    if let Some(state) = &state {
        outcome.effect = effect::compare(
            (&checked.engine, &snapshot.cluster),
            (&state.checked.engine, &state.snapshot.cluster),
        );
    }
    let last = state.as_ref().map_or(checked, |state| &state.checked);
    outcome.unsafe_left = proposed(last)
        .iter()
        .filter(|(how, in_files)| *how == Applicability::Unsafe && *in_files && !request.unsafe_too)
        .count();
    outcome
}

/// The fixes to try next, none in the way of another: the safe ones as long as there are any, since their
/// proof needs a text in which nothing else changes.
fn candidates<'f>(
    snapshot: &Snapshot,
    checked: &'f Checked,
    unsafe_too: bool,
    refused: &BTreeMap<(String, String), Fixed>,
) -> Vec<Candidate<'f>> {
    let of = |wanted: Applicability| {
        let mut chosen: Vec<Candidate<'f>> = Vec::new();
        for finding in &checked.findings {
            let Some(fix) = finding.fix.as_ref().filter(|fix| fix.applicability == wanted) else { continue };
            let free = |edit: &Edit| {
                let taken = chosen.iter().flat_map(|other| &other.fix.edits);
                !taken.into_iter().any(|other| edit::collide(edit, other))
            };
            if !fix.edits.is_empty()
                && in_files(snapshot, fix)
                && !refused.contains_key(&identity(finding))
                && fix.edits.iter().all(free)
            {
                chosen.push(Candidate { finding, fix });
            }
        }
        chosen
    };
    let safe = of(Applicability::Safe);
    if safe.is_empty() && unsafe_too { of(Applicability::Unsafe) } else { safe }
}

fn in_files(snapshot: &Snapshot, fix: &Fix) -> bool {
    fix.edits.iter().all(|edit| snapshot.is_file(edit.span.source))
}

/// What a finding is, wherever it stands: the key may be a path with positions, which shift.
fn identity(finding: &Finding) -> (String, String) {
    let object = finding.object.as_deref().unwrap_or_default();
    (format!("{} {object}", finding.rule), finding.message.clone())
}

/// How often each thing is wrong that the API server would refuse or that leaves the analysis incomplete.
fn faults(findings: &[Finding]) -> BTreeMap<(String, String), usize> {
    let mut faults = BTreeMap::new();
    for finding in findings {
        let invalid = lint::rule(finding.rule).is_some_and(|rule| rule.category == Category::Validity);
        if invalid || finding.incomplete {
            *faults.entry(identity(finding)).or_default() += 1;
        }
    }
    faults
}

/// Where a finding was in the first texts, of which these edits have led to those that it is in.
fn place(first: &Snapshot, trails: &[Trail], finding: &Finding) -> String {
    let was = |span: Span| {
        let start = trails.iter().rev().fold(span.start, |offset, trail| trail.back(span.source, offset));
        first.sources.locate(Span::new(span.source, start, start))
    };
    finding.span().and_then(was).map_or_else(String::new, |at| at.to_string())
}

/// Fixes that are tried on one text.
struct Round<'r, 'f> {
    base: &'r Snapshot,
    checked: &'r Checked,
    request: &'r Request<'r>,
    /// Those that have proved good, together.
    kept: Vec<&'r Candidate<'f>>,
    /// What comes of them.
    after: Option<State>,
}

impl<'r, 'f> Round<'r, 'f> {
    /// Keeps as many of the candidates as prove good on top of those that are kept: all at once where that
    /// works, else by halves.
    fn settle(&mut self, batch: &'r [Candidate<'f>], failed: &mut Vec<(&'r Candidate<'f>, String)>) {
        let trial: Vec<&Candidate<'f>> = self.kept.iter().copied().chain(batch).collect();
        match (self.prove(&trial), batch) {
            (Ok(after), _) => {
                self.kept = trial;
                self.after = Some(after);
            }
            (Err(why), [only]) => failed.push((only, why)),
            (Err(_), _) => {
                let (left, right) = batch.split_at(batch.len() / 2);
                self.settle(left, failed);
                self.settle(right, failed);
            }
        }
    }

    /// Applies fixes and asks what comes of them; says why they must not be applied together.
    fn prove(&self, trial: &[&Candidate<'f>]) -> Result<State, String> {
        let edits = trial.iter().flat_map(|candidate| &candidate.fix.edits);
        let texts =
            edit::apply(&self.base.sources, edits).ok_or("its edits are in the way of those of another")?;
        let snapshot = self
            .base
            .with_texts(&texts, self.request.options)
            .map_err(|_| "the text would be longer than npv can read")?;
        let checked = (self.request.check)(&snapshot);
        // Messages name positions, which shift: one finding less for each fix is what can be asked.
        let alike = |one: &Finding, other: &Finding| one.rule == other.rule && one.object == other.object;
        for Candidate { finding, .. } in trial {
            let left = checked.findings.iter().filter(|other| alike(finding, other)).count();
            let mended = trial.iter().filter(|other| alike(finding, other.finding)).count();
            if left + mended > self.checked.findings.iter().filter(|other| alike(finding, other)).count() {
                return Err("the finding would still be there".to_owned());
            }
        }
        let before = faults(&self.checked.findings);
        let new = faults(&checked.findings)
            .into_iter()
            .find(|(fault, number)| *number > before.get(fault).copied().unwrap_or_default());
        if let Some(((_, message), _)) = new {
            return Err(format!("that would be wrong in another way: {message}"));
        }
        let state = State { snapshot, checked };
        if trial.iter().any(|candidate| candidate.fix.applicability == Applicability::Safe) {
            self.keeps_meaning(&texts, &state)?;
        }
        Ok(state)
    }

    /// Whether everything means what it meant; says what would change.
    fn keeps_meaning(&self, texts: &BTreeMap<SourceId, String>, after: &State) -> Result<(), String> {
        let namespace = &self.request.options.namespace;
        for (id, text) in texts {
            let before = self.base.sources.get(*id).map_or("", |source| source.text());
            if !meaning::same_other_objects(before, text, namespace) {
                return Err("it would change an object that is no policy".to_owned());
            }
        }
        if meaning::same_policies(&self.base.policies, &after.snapshot.policies) {
            return Ok(());
        }
        if !self.base.complete() {
            return Err("what npv cannot read or does not model may depend on it".to_owned());
        }
        let effect = effect::compare(
            (&self.checked.engine, &self.base.cluster),
            (&after.checked.engine, &after.snapshot.cluster),
        );
        let effect = effect.ok_or("it would change who is there")?;
        let first = effect.opened.first().map(|change| ("open", change));
        match first.or_else(|| effect.closed.first().map(|change| ("close", change))) {
            Some((what, Change { src, dst, traffic })) => {
                Err(format!("it would {what} {src} -> {dst} on {traffic}, and must change no verdict"))
            }
            // These pods are not all that there will ever be.
            None => meaning::same_verdicts(&self.base.policies, &after.snapshot.policies, self.base.profile),
        }
    }
}
