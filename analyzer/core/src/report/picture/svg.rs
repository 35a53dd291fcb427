//! A picture as SVG.

use std::fmt::Write as _;

use npv_map::{LABEL, Line, NAME, NOTE, Node, NodeKind, Picture, Point, Rect, width};
use npv_models::diagnostic::Severity;

use super::super::xml::escape;
use super::scene::Drawn;

/// The colours of the page in daylight.
const PAPER: &str = "#ffffff";
const SUNKEN: &str = "#f4f6f9";
const INK: &str = "#1b2330";
const SOFT: &str = "#57606f";
const EDGE: &str = "#7b8696";
const OUTLINE: &str = "#c3cad5";
const ACCENT: &str = "#2456c4";
const GREEN: &str = "#14693f";
const RED: &str = "#b3202c";
const AMBER: &str = "#8a5300";
const AMBER_SOFT: &str = "#fdf0d8";

/// The radius of a line's corners.
const CORNER: f64 = 6.0;
/// What the title and the legend take.
const TOP: f64 = 34.0;
const BOTTOM: f64 = 34.0;

/// How lines look, and what that means.
fn look(line: Line) -> (&'static str, f64, &'static str, &'static str) {
    match line {
        Line::Allowed => (EDGE, 1.3, "", "allowed"),
        Line::Partial => (EDGE, 1.8, "9 3 3 3", "some requests"),
        Line::Unknown => (EDGE, 1.6, "2 4", "not known"),
        Line::Blocked => (RED, 1.8, "6 4", "meant, and blocked"),
        Line::Dangerous => (RED, 2.2, "", "dangerous"),
        Line::Opened => (GREEN, 2.0, "", "opened"),
        Line::Closed => (RED, 1.8, "6 4", "closed"),
    }
}

/// The whole picture.
pub(super) fn text(drawn: &Drawn, picture: &Picture) -> String {
    let title = clipped(&drawn.title, 90);
    let room = picture.width.max(width(&title, NAME) + 40.0).max(560.0);
    let (wide, high) = (room, picture.height.max(20.0) + TOP + BOTTOM);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{wide:.0}\" height=\"{high:.0}\" viewBox=\"0 0 {wide:.0} {high:.0}\" \
         font-family=\"'DejaVu Sans Mono', ui-monospace, Menlo, Consolas, monospace\">\n<title>{0}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"{PAPER}\"/>\n",
        escape(&title)
    );
    words(&mut out, 18.0, 22.0, NAME, INK, "start", &title);
    let _ = writeln!(out, "<g transform=\"translate(0 {TOP})\">");
    for group in &picture.groups {
        rect(&mut out, &group.rect, 10.0, SUNKEN, OUTLINE, 1.0, "");
    }
    // What is wrong is above what is not.
    let mut order: Vec<usize> = (0..picture.ways.len()).collect();
    let rank = |line: Line| usize::from(line != Line::Allowed);
    order.sort_by_key(|edge| picture.graph.edges.get(*edge).map_or(0, |edge| rank(edge.line)));
    for index in &order {
        if let (Some(edge), Some(way)) = (picture.graph.edges.get(*index), picture.ways.get(*index)) {
            let (colour, thick, dash, _) = look(edge.line);
            line(&mut out, &way.points, colour, thick, dash);
        }
    }
    let mut written: Vec<(&Rect, &str)> = Vec::new();
    for index in &order {
        if let (Some(edge), Some(way)) = (picture.graph.edges.get(*index), picture.ways.get(*index)) {
            if written.contains(&(&way.label, &*edge.label)) {
                continue;
            }
            written.push((&way.label, &edge.label));
            rect(&mut out, &way.label, 3.0, PAPER, "none", 0.0, "");
            let colour = if edge.line == Line::Allowed { INK } else { look(edge.line).0 };
            words(&mut out, centre(&way.label), way.label.y + 11.0, LABEL, colour, "middle", &edge.label);
        }
    }
    for group in &picture.groups {
        words(&mut out, group.rect.x + 12.0, group.rect.y + 17.0, LABEL, SOFT, "start", &group.title);
    }
    for (node, place) in picture.graph.nodes.iter().zip(&picture.nodes) {
        box_of(&mut out, node, place);
        badge(&mut out, drawn, node, place);
    }
    if picture.ways.len() < picture.graph.edges.len() {
        let count = picture.graph.edges.len();
        words(
            &mut out,
            18.0,
            picture.height,
            NOTE,
            SOFT,
            "start",
            &format!("{count} connections are too many to draw: open the report"),
        );
    }
    let _ = writeln!(out, "</g>");
    legend(&mut out, picture, high - 14.0);
    out.push_str("</svg>\n");
    out
}

fn centre(rect: &Rect) -> f64 {
    rect.x + rect.width / 2.0
}

fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        text.to_owned()
    } else {
        text.chars().take(most - 1).chain(['…']).collect()
    }
}

fn words(out: &mut String, x: f64, y: f64, size: f64, colour: &str, anchor: &str, text: &str) {
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{colour}\" text-anchor=\"{anchor}\">{}</text>",
        escape(text)
    );
}

fn rect(out: &mut String, at: &Rect, radius: f64, fill: &str, stroke: &str, thick: f64, dash: &str) {
    let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
    let _ = writeln!(
        out,
        "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"{radius:.1}\" fill=\"{fill}\" stroke=\"{stroke}\" stroke-width=\"{thick}\"{dash}/>",
        at.x, at.y, at.width, at.height
    );
}

/// A line with round corners and a tip.
fn line(out: &mut String, points: &[Point], colour: &str, thick: f64, dash: &str) {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
    let mut way = format!("M{:.1} {:.1}", first.0, first.1);
    for three in points.windows(3) {
        if let [a, corner, b] = three {
            let near = |other: &Point| {
                let (dx, dy) = (other.0 - corner.0, other.1 - corner.1);
                let length = (dx * dx + dy * dy).sqrt().max(0.01);
                let part = CORNER.min(length / 2.0) / length;
                (corner.0 + dx * part, corner.1 + dy * part)
            };
            let (from, to) = (near(a), near(b));
            let _ = write!(
                way,
                "L{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}",
                from.0, from.1, corner.0, corner.1, to.0, to.1
            );
        }
    }
    let _ = write!(way, "L{:.1} {:.1}", last.0, last.1);
    let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
    let _ =
        writeln!(out, "<path d=\"{way}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{thick}\"{dash}/>");
    let before = points.iter().rev().nth(1).unwrap_or(first);
    let back = if before.0 <= last.0 { -8.0 } else { 8.0 };
    let _ = writeln!(
        out,
        "<path d=\"M{0:.1} {1:.1}L{2:.1} {3:.1}L{2:.1} {4:.1}Z\" fill=\"{colour}\"/>",
        last.0,
        last.1,
        last.0 + back,
        last.1 - 4.0,
        last.1 + 4.0
    );
}

fn box_of(out: &mut String, node: &Node, at: &Rect) {
    let (fill, stroke, radius, dash) = match node.kind {
        NodeKind::Pods => (PAPER, OUTLINE, 6.0, ""),
        NodeKind::Group => ("#e8eefc", ACCENT, 6.0, ""),
        NodeKind::Hub => (SUNKEN, SOFT, at.height / 2.0, ""),
        NodeKind::Outside => (AMBER_SOFT, AMBER, at.height.min(42.0) / 2.0, ""),
        NodeKind::Other => (PAPER, SOFT, 6.0, "5 4"),
    };
    rect(out, at, radius, fill, stroke, 1.2, dash);
    let middle = at.y + at.height / 2.0;
    let note =
        if node.within.is_empty() { &node.note } else { &format!("{}, {} inside", node.note, node.within) };
    let mark = if node.leaves.is_empty() { 0.0 } else { 7.0 };
    words(
        out,
        centre(at) - mark,
        if note.is_empty() { middle + 4.5 } else { middle - 2.5 },
        NAME,
        INK,
        "middle",
        &node.label,
    );
    if !note.is_empty() {
        words(out, centre(at) - mark, middle + 13.0, NOTE, SOFT, "middle", note);
    }
    if !node.leaves.is_empty() {
        words(out, at.x + at.width - 9.0, middle + 5.0, NAME, AMBER, "end", "↗");
    }
}

/// How many findings are about a node, in the colour of the worst.
fn badge(out: &mut String, drawn: &Drawn, node: &Node, at: &Rect) {
    if !matches!(node.kind, NodeKind::Pods | NodeKind::Group) {
        return;
    }
    let all = node.ends.iter().filter_map(|end| drawn.badges.get(*end as usize).copied().flatten());
    let Some((worst, count)) = all.reduce(|one, other| (one.0.max(other.0), one.1 + other.1)) else { return };
    let colour = match worst {
        Severity::Error => RED,
        Severity::Warning => AMBER,
        Severity::Note => ACCENT,
    };
    let text = count.to_string();
    let wide = (width(&text, 10.0) + 9.0).max(16.0);
    let place = Rect { x: at.x + at.width - wide / 2.0 - 4.0, y: at.y - 8.0, width: wide, height: 16.0 };
    rect(out, &place, 8.0, colour, PAPER, 1.5, "");
    words(out, centre(&place), place.y + 11.5, 10.0, PAPER, "middle", &text);
}

/// What lines and marks mean, as far as they are there.
fn legend(out: &mut String, picture: &Picture, y: f64) {
    let mut x = 18.0;
    for of in Line::ALL {
        if !picture.graph.edges.iter().any(|edge| edge.line == of) {
            continue;
        }
        let (colour, thick, dash, meaning) = look(of);
        let dash = if dash.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{dash}\"") };
        let _ = writeln!(
            out,
            "<path d=\"M{x:.1} {0:.1}h26\" stroke=\"{colour}\" stroke-width=\"{thick}\"{dash}/>",
            y - 4.0
        );
        words(out, x + 32.0, y, NOTE, SOFT, "start", meaning);
        x += 32.0 + width(meaning, NOTE) + 18.0;
    }
    if picture.graph.nodes.iter().any(|node| !node.leaves.is_empty()) {
        words(out, x, y, NOTE, SOFT, "start", "↗ may send everything anywhere outside");
    }
}
