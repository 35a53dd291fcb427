//! A Graphviz graph: `npv reach --format dot | dot -Tsvg`.

use std::io::{self, Write};

use super::visible::visible;
use super::{Format, Page, ReachReport};
use crate::query::reach::{Party, PartyKind};
use crate::query::text;

pub(super) const FORMAT: Format =
    Format { name: "dot", doc: "a graph for Graphviz", reach: Some(reach), ..Format::NONE };

fn reach(report: &ReachReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    writeln!(
        page,
        "digraph reach {{\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];"
    )?;
    writeln!(page, "  edge [fontname=\"sans-serif\", fontsize=10];")?;
    let mut open: Option<&str> = None;
    for (index, party) in report.reach.parties.iter().enumerate() {
        let namespace = match &party.kind {
            PartyKind::Workload { namespace, .. } => Some(&**namespace),
            _ => None,
        };
        if open != namespace {
            if open.is_some() {
                writeln!(page, "  }}")?;
            }
            if let Some(namespace) = namespace {
                writeln!(page, "  subgraph cluster_{index} {{\n    label={};", quoted(namespace))?;
            }
            open = namespace;
        }
        let indent = if namespace.is_some() { "    " } else { "  " };
        let shape = match party.kind {
            PartyKind::External(_) => ", shape=ellipse",
            PartyKind::Assumed => ", style=\"rounded,dashed\"",
            _ => "",
        };
        writeln!(page, "{indent}n{index} [label={}{shape}];", quoted(&label(party)))?;
    }
    if open.is_some() {
        writeln!(page, "  }}")?;
    }
    report.reach.each(|link| {
        writeln!(page, "  n{} -> n{} [label={}];", link.src, link.dst, quoted(&link.traffic.to_string()))
    })?;
    writeln!(page, "}}")
}

fn label(party: &Party) -> String {
    match &party.kind {
        PartyKind::External(addresses) => text::addresses(addresses),
        _ => party.id.clone(),
    }
}

/// A double-quoted string, in which Graphviz knows only the escapes of quotes and backslashes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", visible(text).replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside_their_quotes() {
        assert_eq!(quoted("a\"]; x -> \\"), r#""a\"]; x -> \\""#);
        assert_eq!(quoted("a\nb"), r#""a\\nb""#);
    }
}
