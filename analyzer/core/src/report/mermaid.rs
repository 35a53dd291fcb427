//! A Mermaid flowchart, as GitHub and GitLab draw it in Markdown.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::visible::visible;
use super::{Format, Page, ReachReport};
use crate::query::reach::{Party, PartyKind};
use crate::query::text;

/// What Mermaid draws unless it is told otherwise.
const MOST_EDGES: usize = 500;

pub(super) const FORMAT: Format = Format {
    name: "mermaid",
    doc: "a flowchart that GitHub and GitLab draw in Markdown",
    reach: Some(reach),
    ..Format::NONE
};

fn reach(report: &ReachReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    writeln!(page, "flowchart LR")?;
    let mut open: Option<&str> = None;
    for (index, party) in report.reach.parties.iter().enumerate() {
        let namespace = match &party.kind {
            PartyKind::Workload { namespace, .. } => Some(&**namespace),
            _ => None,
        };
        if open != namespace {
            if open.is_some() {
                writeln!(page, "  end")?;
            }
            if let Some(namespace) = namespace {
                writeln!(page, "  subgraph s{index}[{}]", quoted(namespace))?;
            }
            open = namespace;
        }
        let indent = if namespace.is_some() { "    " } else { "  " };
        let label = quoted(&label(party));
        match party.kind {
            PartyKind::External(_) => writeln!(page, "{indent}n{index}([{label}])")?,
            PartyKind::Assumed => writeln!(page, "{indent}n{index}{{{{{label}}}}}")?,
            _ => writeln!(page, "{indent}n{index}[{label}]")?,
        }
    }
    if open.is_some() {
        writeln!(page, "  end")?;
    }
    let mut edges = 0;
    report.reach.each(|link| {
        edges += 1;
        writeln!(page, "  n{} -->|{}| n{}", link.src, quoted(&link.traffic.to_string()), link.dst)
    })?;
    if edges > MOST_EDGES {
        writeln!(page, "%% {edges} connections: raise `maxEdges`, or ask for less")?;
    }
    Ok(())
}

fn label(party: &Party) -> String {
    match &party.kind {
        PartyKind::External(addresses) => text::addresses(addresses),
        _ => party.id.clone(),
    }
}

/// A quoted label. All but plain characters are written by number: Mermaid reads labels as Markdown and
/// as HTML.
fn quoted(text: &str) -> String {
    let mut label = String::from("\"");
    for character in visible(text).chars() {
        if character.is_alphanumeric() || " /[]()-.,:_={}".contains(character) {
            label.push(character);
        } else {
            // Writing to a string does not fail.
            let _ = write!(label, "#{};", u32::from(character));
        }
    }
    label.push('"');
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_neither_markdown_nor_html() {
        assert_eq!(quoted("shop/web[Deployment]"), "\"shop/web[Deployment]\"");
        assert_eq!(quoted("\"<b>`"), "\"#34;#60;b#62;#96;\"");
    }
}
