//! `npv trace`: the verdict first, then each side with the lines that decided.

use std::borrow::Cow;
use std::io::{self, Write};

use annotate_snippets::{Element, Group, Level};
use npv_models::decide::{Verdict, Which};
use npv_models::policy::Direction;
use npv_models::source::SourceMap;
use unicode_width::UnicodeWidthStr;

use super::snippet::{self, Mark};
use super::{aside, columns, count, incomplete, wrap};
use crate::query::trace::{Decided, Near, Overall, Part, Party, Step};
use crate::report::reason::{explain, said};
use crate::report::visible::visible;
use crate::report::{Ink, Look, Page, TraceReport};

/// Where the text of a step of a path begins, and where its further lines do.
const HOP_INDENT: usize = 5;
/// Where further lines of what policies see of an end begin.
const SEEN_INDENT: usize = 4;
/// How many rules that come equally near to allowing a flow are shown; JSON has some more.
const NEAREST_SHOWN: usize = 2;

pub(super) fn write(report: &TraceReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    path(report, page)?;
    for (index, part) in report.trace.parts.iter().enumerate() {
        if index > 0 {
            writeln!(page, "{}\n", page.ink(Ink::Faint, "─".repeat(60)))?;
        }
        headline(part, page)?;
        sides(part, report.sources, page)?;
    }
    for note in &report.trace.notes {
        let lines = wrap(&visible(note), page.look(), "note: ".len());
        writeln!(page, "{} {}", page.ink(Ink::Caution, "note:"), lines.join("\n      "))?;
    }
    report.plugin.write(report.sources, page)?;
    if !report.complete {
        writeln!(page, "{}", page.ink(Ink::Caution, incomplete(report.findings)))?;
    }
    Ok(())
}

/// What each side of a part says, with the lines that decided.
pub(super) fn sides(part: &Part, sources: &SourceMap, page: &mut Page<'_>) -> io::Result<()> {
    for (direction, side) in [(Direction::Egress, &part.egress), (Direction::Ingress, &part.ingress)] {
        for (index, decided) in side.iter().enumerate() {
            let over = if side.len() == 1 {
                String::new()
            } else if index + 1 == side.len() {
                " on everything else".to_owned()
            } else {
                format!(" on {}", decided.traffic)
            };
            decision(part, direction, decided, &over, sources, page)?;
        }
    }
    Ok(())
}

/// How the flow gets from the name that was asked for to pods, and how that ends.
fn path(report: &TraceReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let Some(overall) = report.trace.overall else { return Ok(()) };
    let over = match report.over {
        // A URL says it already.
        Some((protocol, port)) if !report.dst.contains("://") => format!(" on {protocol} {port}"),
        _ => String::new(),
    };
    let flow = format!("{} → {}{over}", visible(report.src), visible(report.dst));
    let verdict = match overall {
        Overall::Allow => page.ink(Ink::Allowed, "allowed".to_owned()),
        Overall::Deny => page.ink(Ink::Denied, "denied".to_owned()),
        Overall::Mixed => page.ink(Ink::Caution, "allowed to some".to_owned()),
    };
    writeln!(page, "{}: {verdict}", page.ink(Ink::Heading, flow))?;
    for (number, hop) in (1..).zip(&report.trace.hops) {
        write!(page, "  {number}. ")?;
        let lines = wrap(&visible(&hop.text), page.look(), HOP_INDENT);
        let text = lines.join(&format!("\n{:HOP_INDENT$}", ""));
        if hop.stops {
            write!(page, "{}", page.ink(Ink::Denied, text))?;
        } else {
            write!(page, "{text}")?;
        }
        if let Some(at) = hop.span.and_then(|span| report.sources.locate(span)) {
            let at = at.to_string();
            let used = HOP_INDENT + lines.last().map_or(0, |line| line.width()) + 2 + at.width();
            let separator = match columns(page.look()) {
                Some(columns) if used > columns => format!("\n{:HOP_INDENT$}", ""),
                _ => "  ".to_owned(),
            };
            write!(page, "{separator}{}", page.ink(Ink::Place, visible(&at)))?;
        }
        writeln!(page)?;
    }
    writeln!(page)
}

/// The flow with its verdict, and what policies see of its ends.
pub(super) fn headline(part: &Part, page: &mut Page<'_>) -> io::Result<()> {
    let verdict = match part.verdict() {
        Some(Verdict::Deny) => page.ink(Ink::Denied, "denied".to_owned()),
        Some(Verdict::Allow) => page.ink(Ink::Allowed, "allowed".to_owned()),
        Some(Verdict::Unknown) => {
            page.ink(Ink::Caution, "unknown: it depends on what no manifest shows".to_owned())
        }
        Some(Verdict::Partial) | None if part.allowed.is_empty() => {
            page.ink(Ink::Caution, format!("unknown on {}", part.possible))
        }
        Some(Verdict::Partial) | None => {
            let open = part.possible.difference(&part.allowed);
            let unknown = if open.is_empty() { String::new() } else { format!(", unknown on {open}") };
            page.ink(Ink::Caution, format!("allowed on {}{unknown}", part.allowed))
        }
    };
    writeln!(page, "{}: {verdict}", page.ink(Ink::Heading, arrow(part)))?;
    ends(part, page)
}

/// The flow without a verdict, and what policies see of its ends.
pub(super) fn flow(part: &Part, page: &mut Page<'_>) -> io::Result<()> {
    writeln!(page, "{}", page.ink(Ink::Heading, arrow(part)))?;
    ends(part, page)
}

fn arrow(part: &Part) -> String {
    let (src, dst) = (visible(&part.src.id), visible(&part.dst.id));
    match part.asked.first().filter(|_| !part.asked.is_all()) {
        Some((protocol, port)) => format!("{src} → {dst} on {protocol} {port}"),
        None => format!("{src} → {dst}"),
    }
}

fn ends(part: &Part, page: &mut Page<'_>) -> io::Result<()> {
    for party in [&part.src, &part.dst] {
        if !party.seen.is_empty() {
            let lines = wrap(&seen(party), page.look(), SEEN_INDENT).join(&format!("\n{:SEEN_INDENT$}", ""));
            writeln!(page, "{}", page.ink(Ink::Faint, lines))?;
        }
    }
    writeln!(page)
}

fn seen(party: &Party) -> String {
    let pods =
        if party.pods > 1 { format!(" ({})", count(party.pods as usize, "pod")) } else { String::new() };
    format!("  {}{pods}: {}", visible(&party.id), visible(&party.seen))
}

/// One side's verdict on some traffic.
fn decision(
    part: &Part,
    direction: Direction,
    decided: &Decided,
    over: &str,
    sources: &SourceMap,
    page: &mut Page<'_>,
) -> io::Result<()> {
    let (subject, level) = match direction {
        Direction::Egress => (&part.src, "egress"),
        Direction::Ingress => (&part.dst, "ingress"),
    };
    let of = visible(&subject.id);
    let (level, word) = match decided.verdict {
        Verdict::Allow => (Level::INFO.with_name(Some(level)), "allowed"),
        Verdict::Deny => (Level::ERROR.with_name(Some(level)), "denied"),
        Verdict::Partial => (Level::WARNING.with_name(Some(level)), "allowed for some requests"),
        Verdict::Unknown => (Level::WARNING.with_name(Some(level)), "unknown"),
    };
    let title = level.primary_title(format!("{word}{over} by {}", reason(decided, direction, &of)));
    let mut group = Group::with_title(title);
    for step in &decided.steps {
        group = group.elements(snippet::elements(&marks(step), sources));
        if !step.also.is_empty() {
            let also: Vec<String> =
                step.also.iter().map(|(object, _)| format!("`{}`", visible(object))).collect();
            let text = format!("isolated by {} too", also.join(", "));
            group = group.element(Level::NOTE.message(aside(&text, page.look())));
        }
    }
    for cause in &decided.depends {
        let of = match cause.end {
            Some(Which::Src) => format!("{}: ", visible(&part.src.id)),
            Some(Which::Dst) => format!("{}: ", visible(&part.dst.id)),
            None => String::new(),
        };
        let at = sources.locate(cause.span).map_or_else(String::new, |at| format!(" (asked for at {at})"));
        let text = format!("it depends on {of}{}{at}", visible(&cause.unknown.to_string()));
        group = group.element(Level::NOTE.message(aside(&text, page.look())));
    }
    if let (Some(default), false) = (decided.default, decided.steps.is_empty()) {
        group = group.element(Level::NOTE.message(explain(default, direction, &of)));
    }
    let look = page.look();
    let rendered = snippet::renderer(look).render(&[group]);
    snippet::write(page, &rendered)?;
    let fewest = decided.near.first().map_or(0, |near| near.unmet.len());
    let as_near = decided.near.iter().take_while(|near| near.unmet.len() == fewest);
    for near in as_near.take(NEAREST_SHOWN) {
        writeln!(page)?;
        let rendered = snippet::renderer(look).render(&[nearest(near, sources, look)]);
        snippet::write(page, &rendered)?;
    }
    writeln!(page)
}

/// What decided, in the words of a headline.
fn reason(decided: &Decided, direction: Direction, of: &str) -> String {
    match (decided.default, decided.steps.last()) {
        (Some(default), _) => format!("default: {}", explain(default, direction, of)),
        (None, Some(step)) => match &step.rule {
            Some(_) => format!("`{}`", visible(&step.object)),
            None => format!("`{}`, which isolates {of}", visible(&step.object)),
        },
        (None, None) => "default".to_owned(),
    }
}

fn marks(step: &Step) -> Vec<Mark<'_>> {
    let mut marks = vec![Mark { span: step.span, primary: true, label: Cow::Owned(said(step)) }];
    if let Some(peer) = step.peer {
        marks.push(Mark { span: peer, primary: false, label: Cow::Borrowed("matches the other end") });
    }
    marks
}

fn nearest<'a>(near: &'a Near, sources: &'a SourceMap, look: Look) -> Group<'a> {
    let title = Level::HELP.with_name(Some("nearest to allowing it")).secondary_title(format!(
        "`{}` {}",
        visible(&near.object),
        visible(&near.rule)
    ));
    let mut unmet = near.unmet.iter();
    let label = Cow::Borrowed(unmet.next().map_or("", String::as_str));
    let mark = [Mark { span: near.span, primary: true, label }];
    let more = unmet
        .map(|unmet| Element::from(Level::NOTE.message(aside(&format!("and {}", visible(unmet)), look))));
    Group::with_title(title).elements(snippet::elements(&mark, sources)).elements(more)
}
