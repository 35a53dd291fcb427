//! Label selectors whose keys may say where a label comes from (K-7).

use std::fmt;

use super::super::read::{Path, Reader};
use super::super::{selector, syntax};
use super::NOT_ENFORCED;
use crate::source::Span;
use crate::space::{Requirement, Selector};
use crate::yaml::Node;

/// Where a label comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LabelSource {
    /// `any:`, or no source at all: wherever it comes from.
    Any,
    /// `k8s:`: of the pod, its namespace or its account.
    Kubernetes,
    /// `reserved:`: what Cilium calls an identity that is no pod.
    Reserved,
    /// Any other; no pod has a label of it.
    Other(Box<str>),
}

impl LabelSource {
    fn of(text: &str) -> Self {
        match text {
            // The parser takes the source that stands for none to mean any.
            "any" | "unspec" => Self::Any,
            "k8s" => Self::Kubernetes,
            "reserved" => Self::Reserved,
            other => Self::Other(other.into()),
        }
    }
}

/// One condition on one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CiliumRequirement {
    /// Where the label must come from.
    pub source: LabelSource,
    /// The condition; its key is without the source.
    pub requirement: Requirement,
}

/// `app=web`, `reserved:host`: the source stands before the key where one is asked for.
impl fmt::Display for CiliumRequirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match &self.source {
            LabelSource::Any => "",
            LabelSource::Kubernetes => "k8s:",
            LabelSource::Reserved => "reserved:",
            LabelSource::Other(source) => return write!(f, "{source}:{}", self.requirement),
        };
        write!(f, "{source}{}", self.requirement)
    }
}

/// A label selector of Cilium: all requirements must hold (K-9); none at all asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CiliumSelector {
    requirements: Vec<CiliumRequirement>,
}

impl CiliumSelector {
    /// The conjunction of requirements.
    pub fn new(requirements: impl IntoIterator<Item = CiliumRequirement>) -> Self {
        let mut requirements: Vec<_> = requirements.into_iter().collect();
        requirements.sort_unstable();
        requirements.dedup();
        Self { requirements }
    }

    /// The selector without a requirement.
    #[must_use]
    pub(super) fn without(mut self, requirement: &CiliumRequirement) -> Self {
        self.requirements.retain(|one| one != requirement);
        self
    }

    /// The requirements, sorted.
    pub fn requirements(&self) -> &[CiliumRequirement] {
        &self.requirements
    }

    /// Whether the selector asks nothing.
    pub fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }

    /// Whether a requirement is about a label with this key, as pods have it.
    pub fn asks_for(&self, key: &str) -> bool {
        self.requirements.iter().any(|one| {
            matches!(one.source, LabelSource::Any | LabelSource::Kubernetes) && &*one.requirement.key == key
        })
    }

    /// Whether a requirement is about a label of `reserved:`; such a selector is taken as it is written (K-12).
    pub fn is_reserved(&self) -> bool {
        self.requirements.iter().any(|one| one.source == LabelSource::Reserved)
    }
}

/// `k8s:app=web,tier in (a, b)`, or `{}` for the selector of everything.
impl fmt::Display for CiliumSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_everything() {
            return f.write_str("{}");
        }
        for (index, requirement) in self.requirements.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{requirement}")?;
        }
        Ok(())
    }
}

/// Reads a selector of endpoints or of nodes. What is wrong with it is reported and left out of the result.
pub(super) fn read(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> CiliumSelector {
    let before = reader.findings.len();
    let selector = selector::read_with(reader, path, node, key);
    let keys: Vec<Span> =
        node.get("matchLabels").map_or(&[][..], Node::entries).iter().map(|entry| entry.key_span).collect();
    for finding in reader.findings.iter_mut().skip(before) {
        // The schema knows operators and the values of `matchLabels`; all else is left to the agent.
        let of_labels = finding.span().is_some_and(|span| keys.contains(&span));
        let of_expression = finding.key.contains(".values") || finding.key.rsplit('.').next() == Some("key");
        let missing = finding.message.contains("has no");
        if finding.rule == "invalid-policy" && (of_labels || of_expression) && !missing {
            finding.help.push(NOT_ENFORCED.into());
        }
    }
    of(&selector)
}

/// Reads a selector of objects other than endpoints, whose labels have no source.
pub(super) fn read_plain(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Selector {
    let selector = read(reader, path, node);
    Selector::new(selector.requirements.into_iter().map(|one| one.requirement))
}

fn of(selector: &Selector) -> CiliumSelector {
    CiliumSelector::new(selector.requirements().iter().map(|requirement| {
        let (source, key) = match requirement.key.split_once(':') {
            Some((source, key)) => (LabelSource::of(source), key),
            None => (LabelSource::Any, &*requirement.key),
        };
        CiliumRequirement { source, requirement: Requirement { key: key.into(), ..requirement.clone() } }
    }))
}

/// The key of a label, after an optional source and a colon.
fn key(text: &str) -> syntax::Checked {
    let Some((source, key)) = text.split_once(':') else { return syntax::label_key(text) };
    if source.is_empty() || !source.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(syntax::Malformed::new("has a source that must be letters and digits, as in `k8s:app`"));
    }
    if key.contains(':') {
        return Err(syntax::Malformed::new("must be a key after at most one source and `:`"));
    }
    syntax::label_key(key)
}
