//! The HTML report: one file that needs nothing else, with all its data in it.
//!
//! The front end is built in `web-report/`; its build is the template that is embedded here. Names from
//! manifests are data in it, never markup: the document is JSON with everything escaped that could end
//! or begin an element, and the page for readers without JavaScript is escaped text.

mod account;
mod difference;
mod document;
mod excerpt;
mod inventory;
mod markup;
mod proof;
mod still;
mod wrong;

use std::io::{self, Write};

use super::{CheckReport, DiffReport, Format, FullReport, Page};
use crate::query::reach::Party;

pub(super) use difference::{Difference, gone};
pub(super) use document::Document;
pub(super) use wrong::{Wrong, WrongEnd};

pub(super) const FORMAT: Format = Format {
    name: "html",
    doc: "one file to open in a browser: the page of `npv report`, or of `npv diff`",
    check: Some(write_check),
    diff: Some(write_diff),
    report: Some(write),
    ..Format::NONE
};

/// The page around the data.
const TEMPLATE: &str = include_str!("../../../../../web-report/dist/template.html");
/// Where the data goes.
const DATA: &str = "{\"npv\":\"data\"}";
/// Where the page for readers without JavaScript goes.
const STILL: &str = "<p>npv:still</p>";

fn write(report: &FullReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    whole(&Document::of(report), report, page)
}

/// The same page as of `npv report`, with the findings that the check has selected.
fn write_check(report: &CheckReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let scene = report.scene;
    let cluster = &scene.snapshot.cluster;
    let parties: Vec<Party> =
        scene.engine.endpoints().iter().map(|endpoint| Party::of(endpoint, cluster)).collect();
    let full = FullReport {
        snapshot: scene.snapshot,
        engine: scene.engine,
        parties: &parties,
        findings: report.findings,
        suppressed: report.run.suppressed,
        known: scene.known,
        proofs: report.proofs,
        replay: report.replay,
        complete: report.complete,
        inventory: report.inventory,
        inputs: scene.inputs,
        flags: scene.flags,
    };
    write(&full, page)
}

/// The report on the head, with what differs from the base.
fn write_diff(report: &DiffReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let gone = gone(report);
    let mut document = Document::of(&report.full);
    document.diff = Some(Difference::of(report, &gone)?);
    whole(&document, &report.full, page)
}

fn whole(document: &Document<'_>, report: &FullReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let broken = || io::Error::other("the template of the report has no place for its data");
    let (head, rest) = TEMPLATE.split_once(STILL).ok_or_else(broken)?;
    let (middle, tail) = rest.split_once(DATA).ok_or_else(broken)?;
    page.write_all(head.as_bytes())?;
    still::write(document, report, page)?;
    page.write_all(middle.as_bytes())?;
    markup::json(page, document)?;
    page.write_all(tail.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_has_a_place_for_everything_once() {
        for place in [DATA, STILL] {
            assert_eq!(TEMPLATE.matches(place).count(), 1, "{place}");
        }
        assert!(TEMPLATE.find(STILL) < TEMPLATE.find(DATA));
        assert!(TEMPLATE.contains("Content-Security-Policy"));
    }
}
