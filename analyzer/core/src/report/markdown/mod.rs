//! Markdown for comments and documents.

mod check;
mod diff;

use std::fmt::Write as _;
use std::io::{self, Write};

use super::visible::visible;
use super::{ExposureReport, Format, Page, ReachReport};
use crate::query::exposure::words;
use crate::query::reach::{Party, PartyKind};
use crate::query::text;

pub(super) const FORMAT: Format = Format {
    name: "markdown",
    doc: "for comments, documents and the summary of a job",
    check: Some(check::write),
    reach: Some(reach),
    exposure: Some(exposure),
    diff: Some(diff::write),
    ..Format::NONE
};

fn reach(report: &ReachReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let mut connections = 0_usize;
    report.reach.each(|link| {
        let (Some(src), Some(dst)) = (report.reach.parties.get(link.src), report.reach.parties.get(link.dst))
        else {
            return Ok(());
        };
        if connections == 0 {
            writeln!(page, "| From | To | Traffic |\n| --- | --- | --- |")?;
        }
        connections += 1;
        writeln!(page, "| {} | {} | {} |", name(src), name(dst), link.traffic)
    })?;
    if connections == 0 {
        writeln!(page, "No connections.")?;
    }
    if !report.complete {
        writeln!(page, "\n**Incomplete**: some input could not be read or is not modelled.")?;
    }
    Ok(())
}

fn exposure(report: &ExposureReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    if report.exposures.rows.is_empty() {
        writeln!(page, "No workloads.")?;
    } else {
        writeln!(page, "| Workload | Direction | Peer | Traffic |\n| --- | --- | --- | --- |")?;
    }
    for row in &report.exposures.rows {
        let id = code(&row.party.id);
        for side in &row.sides {
            let direction = side.direction.name();
            if let Some(why) = &side.unknown {
                writeln!(page, "| {id} | {direction} | and maybe more: {} | |", plain(why))?;
            } else if side.open.is_empty() {
                writeln!(page, "| {id} | {direction} | nobody | |")?;
            }
            for exposed in &side.open {
                for peer in words(&exposed.peers) {
                    writeln!(page, "| {id} | {direction} | {} | {} |", code(&peer), exposed.traffic)?;
                }
            }
        }
    }
    if !report.complete {
        writeln!(page, "\n**Incomplete**: some input could not be read or is not modelled.")?;
    }
    Ok(())
}

fn name(party: &Party) -> String {
    match &party.kind {
        PartyKind::External(addresses) => code(&text::addresses(addresses)),
        _ => code(&party.id),
    }
}

/// Text as a code span, in which nothing is markup: neither HTML nor links, nor the end of a table's cell.
fn code(text: &str) -> String {
    let text = visible(text).replace('|', "\\|");
    // The fence is longer than any run of backticks inside.
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{text}{space}{fence}")
}

/// A sentence: what is in backticks is code, and nothing else is markup. Names are data on either side, so that it
/// does not matter which backticks are theirs.
fn prose(text: &str) -> String {
    let mut prose = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, tail)) = rest.split_once('`') {
        let Some((inside, after)) = tail.split_once('`') else { break };
        prose.push_str(&plain(before));
        // An empty code span is none.
        prose.push_str(&if inside.is_empty() { plain("``") } else { code(inside) });
        rest = after;
    }
    prose.push_str(&plain(rest));
    prose
}

/// Text in which nothing is markup: characters that could be are written by number.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in visible(text).chars() {
        match character {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '#' | '!' | '|' | '~' | '@'
            | '&' | '$' | '^' => {
                // Writing to a string does not fail.
                let _ = write!(plain, "&#{};", u32::from(character));
            }
            character => plain.push(character),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(code("shop/web[Deployment]"), "`shop/web[Deployment]`");
        assert_eq!(code("a|b\n<script>"), "`a\\|b\\n<script>`");
        assert_eq!(code("a``b"), "``` a``b ```");
    }

    #[test]
    fn what_is_in_backticks_is_code_and_nothing_else_is_markup() {
        assert_eq!(prose("`shop/web[Deployment]` is open"), "`shop/web[Deployment]` is open");
        assert_eq!(prose("a **b** <c>"), "a &#42;&#42;b&#42;&#42; &#60;c&#62;");
        assert_eq!(prose("`a` [x](y) `"), "`a` &#91;x&#93;(y) &#96;");
        assert_eq!(prose("`` ` a|b\n@all"), "&#96;&#96; &#96; a&#124;b&#92;n&#64;all");
    }
}
