//! Finds the exceptions, and what is wrong with them.

use npv_models::diagnostic::{Applicability, Edit, Finding, Fix, clip};
use npv_models::k8s::Note;
use npv_models::source::{Source, Span};

use super::{Circumstances, Exception, Means, Scope, comment};
use crate::lint::{self, INVALID_SUPPRESSION, Rule};
use crate::load::Exclude;
use crate::query::name::closest;
use crate::snapshot::Snapshot;

/// All exceptions, those of the configuration last, and findings about those that are none.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) exceptions: Vec<Exception>,
    pub(super) wrong: Vec<Finding>,
}

pub(super) fn gather(snapshot: &Snapshot, circumstances: Circumstances<'_>) -> Gathered {
    let mut gathered = Gathered::default();
    for &span in &snapshot.comments {
        gathered.comment(snapshot, span);
    }
    for noted in &snapshot.noted {
        for note in &noted.notes {
            gathered.annotation(&noted.object, noted.span, note);
        }
    }
    gathered.configuration(snapshot, circumstances);
    gathered
}

impl Gathered {
    fn comment(&mut self, snapshot: &Snapshot, span: Span) {
        let Some(source) = snapshot.sources.get(span.source) else { return };
        let text = snapshot.sources.slice(span);
        let comment = match comment::parse(text, span) {
            None => return,
            Some(Ok(comment)) => comment,
            Some(Err(malformed)) => {
                let finding = INVALID_SUPPRESSION
                    .finding(malformed.span, malformed.message)
                    .help("write `# npv: ignore[RULE] REASON`")
                    .key(text.trim());
                return self.wrong.push(finding);
            }
        };
        let Some(line) = target(source, span) else { return };
        let only = comment.rules.len() == 1;
        for (name, at) in comment.rules {
            let Some(rule) = self.rule(&name, at, None) else { continue };
            if comment.reason.is_empty() {
                self.without_reason(rule, at, "behind the bracket", None);
                continue;
            }
            self.exceptions.push(Exception {
                rule,
                at,
                reason: comment.reason.clone(),
                scope: Scope::Line(span.source, line),
                means: Means::Comment,
                expires: None,
                whole: only.then_some(span),
                seen: true,
            });
        }
    }

    fn annotation(&mut self, object: &str, span: Span, note: &Note) {
        let Some(name) = note.key.strip_prefix("ignore.") else {
            let finding = INVALID_SUPPRESSION
                .finding(note.key_span, format!("npv knows no annotation `npv.dev/{}`", clip(&note.key)))
                .object(object)
                .help("write `npv.dev/ignore.RULE: REASON`")
                .key(&*note.key);
            return self.wrong.push(finding);
        };
        let Some(rule) = self.rule(name, note.key_span, Some(object)) else { return };
        if note.value.trim().is_empty() {
            return self.without_reason(rule, note.key_span, "as its value", Some(object));
        }
        self.exceptions.push(Exception {
            rule,
            at: note.key_span,
            reason: note.value.trim().to_owned(),
            scope: Scope::Object(object.into(), span),
            means: Means::Annotation,
            expires: None,
            whole: None,
            seen: true,
        });
    }

    fn configuration(&mut self, snapshot: &Snapshot, circumstances: Circumstances<'_>) {
        let Some(source) = snapshot.configuration else { return };
        let configured = circumstances.configured;
        let place = |span: Span| Span { source, ..span };
        let seen = configured.sees_all(circumstances.named);
        for ignore in configured.config.ignore.iter() {
            // The reader of the configuration has seen to both.
            let (Some(rule), Some(at)) = (lint::rule(&ignore.rule.0), ignore.rule.span()) else { continue };
            let path = ignore
                .path
                .as_ref()
                .map(|glob| Exclude::new(configured.directory(), [glob.0.as_str()], std::iter::empty()));
            let expires = ignore.expires.value.zip(ignore.expires.span());
            self.exceptions.push(Exception {
                rule,
                at: place(at),
                reason: ignore.reason.0.clone(),
                scope: Scope::Matching(ignore.object.value.clone(), path),
                means: Means::Configuration,
                expires: expires.map(|(day, span)| (day, place(span))),
                whole: None,
                seen,
            });
        }
    }

    /// The rule that a name means, where exceptions may name it.
    fn rule(&mut self, name: &str, at: Span, object: Option<&str>) -> Option<&'static Rule> {
        let known = lint::rule(name);
        let finding = match known {
            Some(rule) if rule.may_be_silenced() => return Some(rule),
            Some(_) => INVALID_SUPPRESSION
                .finding(at, format!("`{name}` has no exceptions: the answer would be about another cluster"))
                .help("correct the manifest, or leave it out by `exclude`"),
            None => {
                let names: Vec<String> = lint::rules().iter().map(|rule| rule.name.to_owned()).collect();
                let finding = INVALID_SUPPRESSION.finding(at, format!("there is no rule `{}`", clip(name)));
                match closest(name, &names).first() {
                    Some(close) => renamed(finding, at, name, close),
                    None => finding.help("`npv rule` lists all rules"),
                }
            }
        };
        let finding = finding.key(name);
        self.wrong.push(match object {
            Some(object) => finding.object(object),
            None => finding,
        });
        None
    }

    fn without_reason(&mut self, rule: &Rule, at: Span, place: &str, object: Option<&str>) {
        let finding = INVALID_SUPPRESSION
            .finding(at, format!("`{}` is to be ignored, and nobody says why", rule.name))
            .label("not in force")
            .help(format!("write the reason {place}, for whoever reads this next"))
            .key(format!("{} reason", rule.name));
        self.wrong.push(match object {
            Some(object) => finding.object(object),
            None => finding,
        });
    }
}

/// Proposes the right name.
fn renamed(finding: Finding, at: Span, name: &str, close: &str) -> Finding {
    // The span of an annotation's key has more than the rule in it.
    let start = at.end - (name.len() as u32).min(at.end - at.start);
    let plain = at.end - at.start == name.len() as u32;
    if !plain {
        return finding.help(format!("did you mean `{close}`?"));
    }
    finding.fix(Fix {
        description: format!("write `{close}`"),
        applicability: Applicability::Unsafe,
        edits: vec![Edit { span: Span::new(at.source, start, at.end), replacement: close.to_owned() }],
        example: None,
    })
}

/// The line that a comment speaks of: its own; the next one with something on it where the comment is alone.
fn target(source: &Source, comment: Span) -> Option<u32> {
    let own = source.position(comment.start).line;
    let before = source.text().get(source.line_start(own)? as usize..comment.start as usize)?;
    if !before.trim().is_empty() {
        return Some(own);
    }
    (own + 1..).map_while(|line| source.line_start(line).map(|_| line)).find(|&line| {
        let text = source.line(line).trim_start();
        !text.is_empty() && !text.starts_with('#')
    })
}
