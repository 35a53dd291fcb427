//! What a finding says besides its message, for formats that have no room for excerpts.

use npv_models::diagnostic::{Finding, Fix};
use npv_models::source::{Origin, SourceMap};

/// Where the place is in no file, the flow that shows the finding, and the next steps, one sentence each. Names in
/// them are as they are in the manifests.
pub(super) fn details(finding: &Finding, sources: &SourceMap) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(command) = rendered_by(finding, sources) {
        lines.push(format!("the place is in the output of `{command}`"));
    }
    if let Some(witness) = &finding.witness {
        let (src, dst) = (&witness.src, &witness.dst);
        lines.push(format!("for example `{src}` -> `{dst}` on {} {}", witness.protocol, witness.port));
    }
    lines.extend(finding.help.iter().map(|help| format!("help: {help}")));
    if let Some(fix) = finding.fix.as_ref().filter(|fix| says_more(fix, finding)) {
        lines.push(format!("help: {}", fix.description));
    }
    lines
}

/// The lines that a fix would have somebody write.
pub(super) fn example(finding: &Finding) -> impl Iterator<Item = &str> {
    let example = finding.fix.as_ref().and_then(|fix| fix.example.as_deref());
    example.unwrap_or_default().trim_end().lines()
}

/// Whether a fix says more than the help does.
pub(super) fn says_more(fix: &Fix, finding: &Finding) -> bool {
    fix.example.is_some() || !finding.help.contains(&fix.description)
}

/// The command that printed the text a finding is in, where a command did.
pub(super) fn rendered_by<'a>(finding: &Finding, sources: &'a SourceMap) -> Option<&'a str> {
    match sources.get(finding.span()?.source)?.origin() {
        Origin::Rendered { command } => Some(command),
        Origin::File | Origin::Stdin => None,
    }
}
