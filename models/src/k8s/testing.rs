//! What tests of decoding, of the inventory and of dialects share.

use super::{Decoded, Decoder};
use crate::cluster::{Builder, Inventory};
use crate::diagnostic::Finding;
use crate::source::{Origin, SourceId, Span};
use crate::yaml;

/// Decodes every document of a text; objects without a namespace are in `default`.
pub(crate) fn decode_all(text: &str) -> Vec<Decoded> {
    let mut map = crate::source::SourceMap::default();
    let id = map.add("test.yaml", text, Origin::File).unwrap();
    let documents = yaml::read(id, text, 0);
    assert_eq!(documents.problems, [], "the test's YAML");
    let decoder = Decoder::new("default");
    documents.roots.iter().map(|root| decoder.decode(root)).collect()
}

/// The inventory of a text without any error.
pub(crate) fn inventory(text: &str) -> Inventory {
    let mut builder = Builder::new();
    for decoded in decode_all(text) {
        assert_eq!(decoded.findings, []);
        builder.add(decoded.object.expect("an object that npv reads"));
    }
    builder.finish()
}

/// Rule and text at the primary location of every finding, the first line of it.
pub(crate) fn summary<'t>(text: &'t str, findings: &[Finding]) -> Vec<(&'static str, &'t str)> {
    findings.iter().map(|finding| (finding.rule, slice(text, finding.span().unwrap()))).collect()
}

/// The first line of what a span covers.
pub(crate) fn slice(text: &str, span: Span) -> &str {
    assert_eq!(span.source, SourceId(0));
    text[span.start as usize..span.end as usize].lines().next().unwrap_or_default()
}

/// The span of a text that occurs once.
pub(crate) fn span_of(text: &str, needle: &str) -> Span {
    assert_eq!(text.matches(needle).count(), 1, "`{needle}` must occur once");
    let start = text.find(needle).unwrap();
    Span::new(SourceId(0), start as u32, (start + needle.len()) as u32)
}
