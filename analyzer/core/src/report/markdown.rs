//! Markdown for comments and documents.

use std::io::{self, Write};

use super::visible::visible;
use super::{Format, Page, ReachReport};
use crate::query::reach::{Party, PartyKind};
use crate::query::text;

pub(super) const FORMAT: Format =
    Format { name: "markdown", doc: "for comments and documents", reach: Some(reach), ..Format::NONE };

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(code("shop/web[Deployment]"), "`shop/web[Deployment]`");
        assert_eq!(code("a|b\n<script>"), "`a\\|b\\n<script>`");
        assert_eq!(code("a``b"), "``` a``b ```");
    }
}
