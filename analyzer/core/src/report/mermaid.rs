//! A Mermaid flowchart, as GitHub and GitLab draw it in Markdown.
//!
//! What many share is drawn once, as in the map of the HTML report.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{self, Write};

use npv_map::{Fold, Graph, Line, Node, NodeKind, bundle};

use super::sketch::Sketch;
use super::visible::visible;
use super::{Format, Page, ReachReport};

/// What Mermaid draws unless it is told otherwise.
const MOST_EDGES: usize = 500;

pub(super) const FORMAT: Format = Format {
    name: "mermaid",
    doc: "a flowchart that GitHub and GitLab draw in Markdown",
    reach: Some(reach),
    ..Format::NONE
};

fn reach(report: &ReachReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let mut sketch = Sketch::of(&report.reach.parties, true);
    report.reach.each(|link| {
        sketch.link(link.src as u32, link.dst as u32, &link.traffic, Line::Allowed, "");
        Ok::<(), io::Error>(())
    })?;
    let scene = sketch.scene;
    let all: BTreeSet<u32> = (0..scene.groups.len() as u32).collect();
    let mut graph = bundle(&scene, &Fold::AllBut(all));
    if graph.edges.len() > MOST_EDGES {
        graph = bundle(&scene, &Fold::Auto);
    }
    writeln!(page, "flowchart LR")?;
    for (group, name) in scene.groups.iter().enumerate() {
        let group = group as u32;
        let mut members =
            graph.nodes.iter().enumerate().filter(|(_, node)| node.group == Some(group)).peekable();
        if members.peek().is_some() {
            let among = graph.among.iter().find(|(of, _)| *of == group);
            let title =
                among.map_or_else(|| name.clone(), |(_, ports)| format!("{name}: {ports} among themselves"));
            writeln!(page, "  subgraph s{group}[{}]", quoted(&title))?;
            for (index, node) in members {
                write_node(page, "    ", index, node)?;
            }
            writeln!(page, "  end")?;
        }
    }
    for (index, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.group.is_none()) {
        write_node(page, "  ", index, node)?;
    }
    for edge in &graph.edges {
        writeln!(page, "  n{} -->|{}| n{}", edge.from, quoted(&edge.label), edge.to)?;
    }
    notes(&graph, page)
}

fn write_node(page: &mut Page<'_>, indent: &str, index: usize, node: &Node) -> io::Result<()> {
    let mut text = node.label.clone();
    let mut add = |more: &str, before: &str| {
        if !more.is_empty() {
            text.push_str(before);
            text.push_str(more);
        }
    };
    if node.kind != NodeKind::Pods {
        add(&node.note, ", ");
    }
    add(&node.within, ": inside ");
    if !node.leaves.is_empty() {
        add("all traffic to anywhere outside", ", ");
    }
    let label = quoted(&text);
    match node.kind {
        NodeKind::Outside => writeln!(page, "{indent}n{index}([{label}])"),
        NodeKind::Other => writeln!(page, "{indent}n{index}{{{{{label}}}}}"),
        NodeKind::Hub => writeln!(page, "{indent}n{index}(({label}))"),
        NodeKind::Group => writeln!(page, "{indent}n{index}[[{label}]]"),
        NodeKind::Pods => writeln!(page, "{indent}n{index}[{label}]"),
    }
}

/// What no line says.
fn notes(graph: &Graph, page: &mut Page<'_>) -> io::Result<()> {
    if let Some(ports) = &graph.between {
        writeln!(page, "  between[{}]", quoted(&format!("every namespace reaches every other: {ports}")))?;
    }
    if graph.edges.len() > MOST_EDGES {
        writeln!(page, "%% {} connections: raise `maxEdges`, or ask for less", graph.edges.len())?;
    }
    Ok(())
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
