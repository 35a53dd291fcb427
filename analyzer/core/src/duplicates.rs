//! Objects that are defined twice: one finding for two directories, however many objects they both define.

use std::collections::BTreeMap;

use npv_models::diagnostic::Finding;
use npv_models::source::{SourceMap, Span};

/// The rule of these findings.
const RULE: &str = "duplicate-object";

/// Puts together the findings about objects that the same two directories, or the same two files of one, define.
pub(crate) fn by_directory(findings: Vec<Finding>, sources: &SourceMap) -> Vec<Finding> {
    let name = |span: Option<Span>| {
        span.and_then(|span| sources.get(span.source)).map_or("", |source| source.name())
    };
    let directory = |file: &str| file.rsplit_once('/').map_or(".", |(directory, _)| directory).to_owned();
    let mut pairs: BTreeMap<(String, String), Vec<Finding>> = BTreeMap::new();
    let mut kept = Vec::new();
    for finding in findings {
        if finding.rule != RULE {
            kept.push(finding);
            continue;
        }
        let mut spans = finding.locations.iter().map(|location| location.span);
        let (here, there) = (name(spans.next()), name(spans.next()));
        let pair = (directory(here), directory(there));
        let pair = if pair.0 == pair.1 { (here.to_owned(), there.to_owned()) } else { pair };
        pairs.entry(pair).or_default().push(finding);
    }
    for ((here, there), mut all) in pairs {
        all.sort_by_key(Finding::span);
        let more = all.len().saturating_sub(1);
        let Some(mut first) = all.into_iter().next() else { continue };
        if more > 0 && here == there {
            first.message = format!("{}; so are {more} more objects of `{here}`", first.message);
        } else if more > 0 {
            first.message =
                format!("{}; so are {more} more objects, in `{there}` as well as in `{here}`", first.message);
            first.help = vec![
                "if these are variants for different clusters, name them as `environments` in `npv.yaml` (`npv init` \
                 proposes them), or check one of them at a time"
                    .to_owned(),
            ];
        }
        kept.push(first);
    }
    kept
}
