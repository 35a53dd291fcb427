//! Findings as plain data: what is wrong, where, how sure, and what to do next.
//!
//! Nothing here prints or decides; lint rules fill these structures and output formats read them.

use std::borrow::Cow;

use serde::Serialize;

use crate::source::Span;

/// The start of a text, for messages: what a person wants to recognise is not a megabyte long.
pub fn clip(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()).into(),
        None => text.into(),
    }
}

/// A field path without the positions in lists: `spec.ingress[].from[]`.
fn without_indices(path: &str) -> Cow<'_, str> {
    if !path.contains('[') {
        return path.into();
    }
    let mut kept = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('[') {
        kept.push_str(before);
        kept.push('[');
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        rest = after.get(digits..).filter(|after| after.starts_with(']')).unwrap_or(after);
    }
    kept.push_str(rest);
    kept.into()
}

/// How bad a finding is. Ordered from mild to severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; never fails the gate by default.
    Note,
    /// Probably a mistake.
    Warning,
    /// The API server would refuse it, or traffic that must flow does not.
    Error,
}

/// What a location is to its finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The line that a person would edit. A finding's first location is its only primary one.
    Primary,
    /// Another place that explains the finding.
    Related,
    /// Never shown; a suppression comment there applies.
    Hidden,
}

/// A place that a finding speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Where.
    pub span: Span,
    /// What the place is to the finding.
    pub role: Role,
    /// A short label to print beside the place.
    pub label: Option<String>,
}

/// How safe it is to apply a fix without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Applicability {
    /// Keeps the meaning, or changes it exactly as announced.
    Safe,
    /// Probably what was meant, to be reviewed.
    Unsafe,
    /// Text to show; not to be applied by a program.
    DisplayOnly,
}

/// A replacement of one range of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; empty to insert.
    pub span: Span,
    /// The new text.
    pub replacement: String,
}

/// A proposed change of the manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What the change does, as an imperative sentence without a full stop.
    pub description: String,
    /// Whether a program may apply it.
    pub applicability: Applicability,
    /// The edits, not overlapping. Empty where only `example` says what to write.
    pub edits: Vec<Edit>,
    /// YAML that would grant what is missing, when that is not an edit of an existing line.
    pub example: Option<String>,
}

/// A concrete flow that shows a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Witness {
    /// Source endpoint id.
    pub src: String,
    /// Destination endpoint id.
    pub dst: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'static str,
    /// Destination port.
    pub port: u16,
}

/// One thing that npv has to say about the manifests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Name of the lint rule, kebab-case.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: lower-case, no full stop, user input in backticks.
    pub message: String,
    /// `Kind/namespace/name`, or `Kind/name` for cluster-scoped objects.
    pub object: Option<String>,
    /// Where. The first is primary, the others are not.
    pub locations: Vec<Location>,
    /// What to do next, one sentence each.
    pub help: Vec<String>,
    /// A flow that shows it.
    pub witness: Option<Witness>,
    /// A change that mends it.
    pub fix: Option<Fix>,
    /// What tells this finding from others of the same rule and object, without positions: a field path,
    /// a peer, a port. Part of the fingerprint.
    pub key: String,
    /// The analysis leaves something out because of this, so its answer is incomplete.
    pub incomplete: bool,
}

impl Finding {
    /// A finding with a primary location and nothing else.
    pub fn new(rule: &'static str, severity: Severity, span: Span, message: impl Into<String>) -> Self {
        Self {
            rule,
            severity,
            message: message.into(),
            object: None,
            locations: vec![Location { span, role: Role::Primary, label: None }],
            help: Vec::new(),
            witness: None,
            fix: None,
            key: String::new(),
            incomplete: false,
        }
    }

    /// Names the object that the finding is about.
    pub fn object(mut self, object: impl Into<String>) -> Self {
        self.object = Some(object.into());
        self
    }

    /// Labels the primary location.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        if let Some(primary) = self.locations.first_mut() {
            primary.label = Some(label.into());
        }
        self
    }

    /// Adds a related location with a label.
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.locations.push(Location { span, role: Role::Related, label: Some(label.into()) });
        self
    }

    /// Adds a location at which only suppressions apply.
    pub fn hidden(mut self, span: Span) -> Self {
        self.locations.push(Location { span, role: Role::Hidden, label: None });
        self
    }

    /// Adds a next step.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Sets the part of the fingerprint that tells findings of one object apart.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    /// Shows the finding by a flow.
    pub fn witness(mut self, witness: Witness) -> Self {
        self.witness = Some(witness);
        self
    }

    /// Proposes a change.
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }

    /// Marks the analysis as incomplete because of this.
    pub fn incomplete(mut self) -> Self {
        self.incomplete = true;
        self
    }

    /// Where the finding's first location is.
    pub fn span(&self) -> Option<Span> {
        self.locations.first().map(|location| location.span)
    }

    /// An identifier that survives moved lines, renamed files and reordered lists: 16 hexadecimal digits
    /// of a fixed hash over rule, object and key.
    pub fn fingerprint(&self) -> String {
        // FNV-1a: stable across versions and platforms, and nobody attacks a fingerprint.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        let key = without_indices(&self.key);
        let parts = [self.rule, self.object.as_deref().unwrap_or_default(), &key];
        for byte in parts.iter().flat_map(|part| part.bytes().chain(std::iter::once(0xFF))) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        format!("{hash:016x}")
    }
}
