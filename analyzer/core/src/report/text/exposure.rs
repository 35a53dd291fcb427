//! `npv reach --world any`: for each workload and direction, who could be at the other end.

use std::io::{self, Write};

use super::{incomplete, prove};
use crate::query::exposure::{Side, words};
use crate::report::visible::visible;
use crate::report::{ExposureReport, Ink, Page};

/// Traffic that is longer has a line of its own.
const WIDEST: usize = 28;

pub(super) fn write(report: &ExposureReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let sides = || report.exposures.rows.iter().flat_map(|row| &row.sides);
    let widths = sides().flat_map(|side| &side.open).map(|exposed| traffic(exposed).len());
    let width = widths.filter(|width| *width <= WIDEST).max().unwrap_or(0);
    for row in &report.exposures.rows {
        writeln!(page, "{}", page.ink(Ink::Heading, visible(&row.party.id)))?;
        for side in &row.sides {
            self::side(side, width, page)?;
        }
        writeln!(page)?;
    }
    if report.exposures.rows.is_empty() {
        writeln!(page, "no workloads\n")?;
    }
    prove::assumptions(&report.exposures.assumptions, page)?;
    if !report.complete {
        writeln!(page, "{}", page.ink(Ink::Caution, incomplete(report.findings)))?;
    }
    Ok(())
}

fn traffic(exposed: &npv_symbolic::exposure::Exposed) -> String {
    if exposed.traffic.is_all() { "all traffic".to_owned() } else { exposed.traffic.to_string() }
}

fn side(side: &Side, width: usize, page: &mut Page<'_>) -> io::Result<()> {
    let mut label = format!("  {:<8}", side.direction.name());
    if side.open.is_empty() && side.unknown.is_none() {
        writeln!(page, "{label}{}", page.ink(Ink::Denied, "nobody"))?;
    }
    for exposed in &side.open {
        let mut over = traffic(exposed);
        for peer in words(&exposed.peers) {
            if over.len() > width {
                writeln!(page, "{label}{}", page.ink(Ink::Allowed, &over))?;
                label = " ".repeat(10);
                over = String::new();
            }
            let padded = format!("{over:<width$}");
            write!(page, "{label}{}  {}", page.ink(Ink::Allowed, padded), visible(&peer))?;
            let free = if side.governed { "" } else { ": no policy selects it" };
            writeln!(page, "{}", page.ink(Ink::Faint, free))?;
            label = " ".repeat(10);
            over = String::new();
        }
    }
    if let Some(why) = &side.unknown {
        let also = if side.open.is_empty() { "" } else { "and maybe more: " };
        let text = format!("{also}not decided: {}", visible(why));
        writeln!(page, "{label}{}", page.ink(Ink::Caution, text))?;
    }
    Ok(())
}
