//! `npv prove --equivalent` and `npv diff --world any`: a flow for each direction in which two sides differ.

use std::io::{self, Write};

use super::{incomplete, prove, trace};
use crate::query::equivalence::Change;
use crate::report::visible::visible;
use crate::report::{EquivalenceReport, Ink, Page, SideReport};

pub(super) fn write(report: &EquivalenceReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let (base, head) = (&report.base, &report.head);
    let sides = format!("{} and {}", visible(base.name), visible(head.name));
    match report.answer.holds() {
        Some(true) => writeln!(
            page,
            "{}: {sides} allow the same flows in every cluster",
            page.ink(Ink::Allowed, "equivalent")
        )?,
        Some(false) => writeln!(
            page,
            "{}: {sides} do not allow the same flows in every cluster",
            page.ink(Ink::Denied, "not equivalent")
        )?,
        None => writeln!(page, "{}: {sides} may differ", page.ink(Ink::Caution, "unknown"))?,
    }
    for (name, change, allowing, denying, replay) in [
        ("opened", &report.answer.opened, head, base, &report.replay.1),
        ("closed", &report.answer.closed, base, head, &report.replay.0),
    ] {
        self::change((name, change), [allowing, denying], replay, page)?;
    }
    if report.answer.holds() != Some(false) {
        writeln!(page)?;
    }
    prove::assumptions(&report.answer.assumptions, page)?;
    for side in [base, head] {
        if !side.complete {
            let text = format!("{}: {}", visible(side.name), incomplete(side.findings));
            writeln!(page, "{}", page.ink(Ink::Caution, text))?;
        }
    }
    Ok(())
}

fn change(
    (name, change): (&str, &Change),
    [allowing, denying]: [&SideReport<'_>; 2],
    replay: &crate::report::Replay,
    page: &mut Page<'_>,
) -> io::Result<()> {
    match change {
        Change::Nothing => Ok(()),
        Change::Unknown(why) => {
            let text = format!("{name}: not decided: {}", visible(why));
            writeln!(page, "{}", page.ink(Ink::Caution, text))
        }
        Change::Flow { allowed, denied } => {
            let heading = |page: &mut Page<'_>, text: String| {
                let text = page.ink(Ink::Heading, text).to_string();
                writeln!(page, "{text}\n")
            };
            writeln!(page)?;
            let (allows, denies) = (visible(allowing.name), visible(denying.name));
            heading(page, format!("{name}: {allows} allows what {denies} denies"))?;
            trace::flow(&allowed.part, page)?;
            heading(page, format!("in {denies}: denied"))?;
            trace::sides(denied, denying.sources, page)?;
            heading(page, format!("in {allows}: allowed"))?;
            trace::sides(&allowed.part, allowing.sources, page)?;
            let file = replay.files.first().and_then(Option::as_deref);
            prove::how_to_see(allowed, replay, file, page)
        }
    }
}
