//! What was fixed, what was not, and what that does to the verdicts.

use std::collections::BTreeSet;
use std::io::{self, Write};

use npv_models::diagnostic::Applicability;

use super::count;
use crate::fix::{Change, Effect, Outcome};
use crate::report::visible::visible;
use crate::report::{Ink, Page};

/// Changes of verdicts that are listed.
const LISTED: usize = 10;

/// The account of a run that fixes; `written` tells whether the files were changed.
///
/// # Errors
/// What the page's stream returns.
pub fn fixes(outcome: &Outcome, written: bool, page: &mut Page<'_>) -> io::Result<()> {
    for fixed in &outcome.fixes {
        let done = if written { "fixed" } else { "would fix" };
        let (head, ink) = match fixed.refused {
            None => (done, Ink::Allowed),
            Some(_) => ("not fixed", Ink::Caution),
        };
        let (at, what) = (page.ink(Ink::Place, visible(&fixed.at)), visible(&fixed.description));
        writeln!(page, "{} {at}: {what} [{}]", page.ink(ink, head), fixed.rule)?;
        if let Some(why) = &fixed.refused {
            writeln!(page, "  because {}", visible(why))?;
        }
    }
    let applied = outcome.applied().count();
    let files = format!("{} in {}", fixes_count(applied), count(outcome.texts.len(), "file"));
    match &outcome.effect {
        _ if applied == 0 => writeln!(page, "{}", if written { "nothing fixed" } else { "nothing to fix" })?,
        // What those together would have changed is not what these have changed.
        _ if outcome.unwritten > 0 => {
            writeln!(page, "{files}; {} left alone", count(outcome.unwritten, "file"))?;
        }
        None => writeln!(page, "{files}; who is there changes, too")?,
        Some(effect) if effect.is_none() => {
            // Only a safe one is proved for the pods that are not here.
            let all_safe = outcome.applied().all(|fixed| fixed.applicability == Applicability::Safe);
            let here = if all_safe { "" } else { "in these manifests, " };
            writeln!(page, "{files}; {here}every verdict stays as it was")?;
        }
        Some(effect) => {
            let Effect { opened, closed, more } = effect;
            let would = if written { "" } else { "would " };
            let verbs = if written { ["opened", "closed"] } else { ["open", "close"] };
            let parts: Vec<String> = [opened, closed]
                .into_iter()
                .zip(verbs)
                .filter(|(list, _)| !list.is_empty())
                .map(|(list, verb)| format!("{} {would}{verb}", count(list.len(), "connection")))
                .collect();
            let least = if *more { ", and more" } else { "" };
            writeln!(page, "{files}; {}{least}", parts.join(", "))?;
            changes("+", Ink::Allowed, opened, page)?;
            changes("-", Ink::Denied, closed, page)?;
        }
    }
    if outcome.unsafe_left > 0 {
        let (number, change) =
            (fixes_count(outcome.unsafe_left), if outcome.unsafe_left == 1 { "changes" } else { "change" });
        writeln!(page, "{number} that {change} what is allowed: see `npv check --diff --unsafe`")?;
    }
    if outcome.elsewhere > 0 {
        let (number, is) =
            (fixes_count(outcome.elsewhere), if outcome.elsewhere == 1 { "is" } else { "are" });
        writeln!(page, "{number} {is} for text that is in no file: mend what it is made from")?;
    }
    Ok(())
}

fn fixes_count(number: usize) -> String {
    if number == 1 { "1 fix".to_owned() } else { format!("{number} fixes") }
}

fn changes(mark: &str, ink: Ink, changes: &BTreeSet<Change>, page: &mut Page<'_>) -> io::Result<()> {
    for Change { src, dst, traffic } in changes.iter().take(LISTED) {
        let (src, dst) = (visible(src), visible(dst));
        writeln!(page, "  {} {src} -> {dst} on {traffic}", page.ink(ink, mark))?;
    }
    let more = changes.len().saturating_sub(LISTED);
    if more > 0 {
        writeln!(page, "  {} {more} more", page.ink(ink, mark))?;
    }
    Ok(())
}
