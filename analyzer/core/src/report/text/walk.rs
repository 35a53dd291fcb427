//! `npv reach --transitive` and `npv trace --through`.

use std::io::{self, Write};

use npv_models::space::Traffic;
use unicode_width::UnicodeWidthStr;

use super::reach::{legend, name};
use super::{count, incomplete};
use crate::query::walk::{Chains, Radius};
use crate::report::visible::visible;
use crate::report::{Ink, Page, WalkReport};

pub(super) fn radius(report: &WalkReport<'_, Radius>, page: &mut Page<'_>) -> io::Result<()> {
    for (index, radius) in report.answers.iter().enumerate() {
        if index > 0 {
            writeln!(page)?;
        }
        writeln!(page, "from {}", page.ink(Ink::Heading, visible(&radius.start.id)))?;
        let width = radius.reached.iter().map(|reached| name(&reached.party).width()).max().unwrap_or(0);
        let mut hops = 0;
        for reached in &radius.reached {
            if reached.hops != hops {
                hops = reached.hops;
                writeln!(page, "\n  {}", page.ink(Ink::Heading, count(hops as usize, "hop")))?;
            }
            let to = name(&reached.party);
            let space = " ".repeat(width.saturating_sub(to.width()));
            let via = if hops > 1 { format!("  from {}", visible(&reached.via)) } else { String::new() };
            let traffic = page.ink(Ink::Allowed, traffic(&reached.traffic));
            writeln!(page, "    {to}{space}  {traffic}{}", page.ink(Ink::Faint, via))?;
        }
        let summary =
            format!("{} of {} can be reached", radius.reached.len(), count(radius.others, "endpoint"));
        writeln!(page)?;
        let long = radius.reached.iter().map(|reached| &reached.party);
        legend(long.filter(|party| name(party) == party.id), page)?;
        writeln!(page, "{}", page.ink(Ink::Heading, summary))?;
    }
    end(report.complete, report.findings, page)
}

pub(super) fn chains(report: &WalkReport<'_, Chains>, page: &mut Page<'_>) -> io::Result<()> {
    for (index, answer) in report.answers.iter().enumerate() {
        if index > 0 {
            writeln!(page)?;
        }
        let (src, dst) = (visible(&answer.src.id), name(&answer.dst));
        let Some(hops) = answer.chains.first().map(Vec::len) else {
            let text = format!("no chain of allowed hops leads from {src} to {dst}");
            writeln!(page, "{}", page.ink(Ink::Heading, text))?;
            continue;
        };
        let more = if answer.more { " at least" } else { "" };
        let chains = count(answer.chains.len(), "shortest chain");
        let text = format!("{src} → {dst}:{more} {chains}, {}", count(hops, "hop"));
        writeln!(page, "{}", page.ink(Ink::Heading, text))?;
        let all = answer.chains.iter().flatten();
        let width = all.map(|hop| visible(&hop.dst).width()).max().unwrap_or(0);
        for chain in &answer.chains {
            writeln!(page, "\n  {src}")?;
            for hop in chain {
                let to = visible(&hop.dst);
                let space = " ".repeat(width.saturating_sub(to.width()));
                let arrow = page.ink(Ink::Faint, "→");
                writeln!(page, "    {arrow} {to}{space}  {}", page.ink(Ink::Allowed, traffic(&hop.traffic)))?;
            }
        }
        if !answer.chokepoints.is_empty() {
            let points: Vec<_> = answer.chokepoints.iter().map(|id| visible(id)).collect();
            writeln!(page, "\nevery chain, the longer ones too, passes {}", points.join(" and "))?;
        }
    }
    end(report.complete, report.findings, page)
}

fn end(complete: bool, findings: &[npv_models::diagnostic::Finding], page: &mut Page<'_>) -> io::Result<()> {
    if complete { Ok(()) } else { writeln!(page, "{}", page.ink(Ink::Caution, incomplete(findings))) }
}

fn traffic(traffic: &Traffic) -> String {
    if traffic.is_all() { "all traffic".to_owned() } else { traffic.to_string() }
}
