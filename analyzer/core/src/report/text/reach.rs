//! `npv reach` as a table, grouped by the namespace of the source.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use npv_models::space::{IpSet, Traffic};
use unicode_width::UnicodeWidthStr;

use super::{count, incomplete};
use crate::query::reach::{Link, Party, PartyKind, Reach};
use crate::query::text;
use crate::report::visible::visible;
use crate::report::{Ink, Page, ReachReport};

/// Columns are no wider than this; what is longer gets a line of its own.
const WIDEST: usize = 46;
/// Addresses longer than this are listed under the table.
const LONGEST_ADDRESSES: usize = 40;
/// So many endpoints of a namespace are worth a row that speaks of all of them.
const WORTH_FOLDING: usize = 3;

pub(super) fn write(report: &ReachReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    let mut table = Table::new(report.reach);
    let mut connections = 0_usize;
    let mut outside: Vec<Link<'static>> = Vec::new();
    let mut row: Vec<Link<'static>> = Vec::new();
    report.reach.each(|link| {
        connections += 1;
        let Some(src) = report.reach.parties.get(link.src) else { return Ok(()) };
        if matches!(src.kind, PartyKind::External(_)) {
            outside.push(link.into_owned());
            return Ok(());
        }
        if row.first().is_some_and(|first| first.src != link.src) {
            table.source(&std::mem::take(&mut row), page)?;
        }
        row.push(link.into_owned());
        Ok::<(), io::Error>(())
    })?;
    table.source(&row, page)?;
    table.outside(&outside, page)?;
    if connections > 0 {
        writeln!(page)?;
    }
    table.legend(page)?;
    let endpoints = everybody(report.reach);
    let none = connections == 0;
    let connections = match connections {
        0 => "no connections".to_owned(),
        number => count(number, "connection"),
    };
    writeln!(page, "{}", page.ink(Ink::Heading, format!("{endpoints}, {connections}")))?;
    for line in report.why_nobody.iter().filter(|_| none) {
        writeln!(page, "{}", visible(line))?;
    }
    unsettled(report, page)?;
    report.plugin.write(report.sources, page)?;
    if !report.complete {
        writeln!(page, "{}", page.ink(Ink::Caution, incomplete(report.findings)))?;
    }
    Ok(())
}

/// What may be besides, folded by what it depends on.
fn unsettled(report: &ReachReport<'_>, page: &mut Page<'_>) -> io::Result<()> {
    for folded in report.depends.folded(report.reach) {
        let on = visible(&folded.cause.unknown.to_string()).into_owned();
        let at = report
            .sources
            .locate(folded.cause.span)
            .map_or_else(String::new, |at| format!(", asked for at {at}"));
        let settles =
            folded.settles.map_or_else(String::new, |settles| format!("; what settles it: {settles}"));
        let connections = count(folded.connections, "more connection");
        let text = format!("unknown: {connections} may be, depending on {on}{at}{settles}");
        writeln!(page, "{}", page.ink(Ink::Caution, text))?;
    }
    Ok(())
}

/// How many there are, by what the answer speaks of.
fn everybody(reach: &Reach<'_>) -> String {
    let namespaces = reach.parties.iter().filter(|party| party.kind == PartyKind::Namespace).count();
    if namespaces == 0 { count(reach.parties.len(), "endpoint") } else { count(namespaces, "namespace") }
}

/// Under which heading a source stands.
fn section(party: &Party) -> &str {
    match &party.kind {
        PartyKind::Workload { namespace, .. } => namespace,
        PartyKind::Namespace => "namespaces",
        PartyKind::Node => "nodes",
        PartyKind::External(_) => "outside the cluster",
        PartyKind::Assumed => "assumed",
    }
}

struct Table<'r> {
    reach: &'r Reach<'r>,
    /// The workloads of each namespace, as indices into the parties.
    namespaces: BTreeMap<&'r str, Vec<usize>>,
    heading: Option<&'r str>,
    /// The blocks of addresses that the table has called by their names.
    named: RefCell<BTreeSet<usize>>,
    from: usize,
    to: usize,
}

impl<'r> Table<'r> {
    fn new(reach: &'r Reach<'r>) -> Self {
        let mut namespaces: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let (mut from, mut to) = (0, 0);
        for (index, party) in reach.parties.iter().enumerate() {
            if let PartyKind::Workload { namespace, .. } = &party.kind {
                namespaces.entry(namespace).or_default().push(index);
            }
            from = from.max(local(party).width());
            to = to.max(name(party).width());
        }
        let named = RefCell::default();
        Self { reach, namespaces, heading: None, named, from: from.min(WIDEST), to: to.min(WIDEST) }
    }

    fn heading(&mut self, heading: &'r str, page: &mut Page<'_>) -> io::Result<()> {
        if self.heading == Some(heading) {
            return Ok(());
        }
        if self.heading.is_some() {
            writeln!(page)?;
        }
        self.heading = Some(heading);
        writeln!(page, "{}", page.ink(Ink::Heading, visible(heading)))
    }

    /// All connections of one source inside the cluster.
    fn source(&mut self, links: &[Link<'_>], page: &mut Page<'_>) -> io::Result<()> {
        let reach = self.reach;
        let Some(src) = links.first().and_then(|link| reach.parties.get(link.src)) else { return Ok(()) };
        self.heading(section(src), page)?;
        self.rows(&local(src), self.fold(src, links), page)
    }

    /// All connections from outside the cluster: addresses that reach the same over the same traffic are one
    /// source.
    fn outside(&mut self, links: &[Link<'_>], page: &mut Page<'_>) -> io::Result<()> {
        let mut sources: BTreeMap<(usize, &Traffic), Vec<usize>> = BTreeMap::new();
        for link in links {
            sources.entry((link.dst, &*link.traffic)).or_default().push(link.src);
        }
        let mut rows: BTreeMap<Vec<usize>, Vec<Link<'_>>> = BTreeMap::new();
        for ((dst, traffic), from) in sources {
            let Some(src) = from.first().copied() else { continue };
            rows.entry(from).or_default().push(Link { src, dst, traffic: Cow::Borrowed(traffic) });
        }
        let rows: Vec<(String, _)> =
            rows.into_iter().map(|(from, links)| (self.blocks(&from), links)).collect();
        let widest = rows.iter().map(|(from, _)| from.width()).max().unwrap_or(0);
        self.from = self.from.max(widest.min(WIDEST));
        for (from, links) in rows {
            let Some(src) = links.first().and_then(|link| self.reach.parties.get(link.src)) else { continue };
            self.heading("outside the cluster", page)?;
            self.rows(&from, self.fold(src, &links), page)?;
        }
        Ok(())
    }

    /// The rows of one source.
    fn rows(&self, from: &str, rows: Vec<(String, &Traffic)>, page: &mut Page<'_>) -> io::Result<()> {
        let mut from = from.to_owned();
        for (to, traffic) in rows {
            let mut indent = format!("  {}", pad(&from, self.from));
            if from.width() > self.from {
                writeln!(page, "  {from}")?;
                indent = format!("  {}", pad("", self.from));
            }
            let arrow = page.ink(Ink::Faint, "→").to_string();
            let mut line = format!("{indent} {arrow} {}", pad(&to, self.to));
            if to.width() > self.to {
                writeln!(page, "{indent} {arrow} {to}")?;
                line = format!("{}   {}", pad("", self.from + 2), pad("", self.to));
            }
            let start = self.from + self.to + 7;
            let room = page.look().width.map(|width| width.saturating_sub(start).max(20));
            let text = if traffic.is_all() { "all traffic".to_owned() } else { traffic.to_string() };
            for (index, piece) in wrap(&text, room).into_iter().enumerate() {
                if index > 0 {
                    line = pad("", start - 2);
                }
                writeln!(page, "{line}  {}", page.ink(Ink::Allowed, piece))?;
            }
            from = String::new();
        }
        Ok(())
    }

    /// Blocks of addresses, by their addresses where these are short, else by the blocks' names.
    fn blocks(&self, parties: &[usize]) -> String {
        let mut all = IpSet::EMPTY;
        let mut names: Vec<&str> = Vec::new();
        for party in parties.iter().filter_map(|index| self.reach.parties.get(*index)) {
            if let PartyKind::External(addresses) = &party.kind {
                all = all.union(addresses);
                // `external-1,2,5` says as much as three times the word.
                let number = party.id.strip_prefix("external-").filter(|_| !names.is_empty());
                names.push(number.unwrap_or(&party.id));
            }
        }
        let text = text::addresses(&all);
        if text.len() <= LONGEST_ADDRESSES {
            return text;
        }
        self.named.borrow_mut().extend(parties);
        names.join(",")
    }

    /// What a source reaches, with one row for a whole namespace where all of it is reached alike, and one
    /// for all addresses that are.
    fn fold<'l>(&self, src: &Party, links: &'l [Link<'_>]) -> Vec<(String, &'l Traffic)> {
        let reached: BTreeMap<usize, &Traffic> =
            links.iter().map(|link| (link.dst, &*link.traffic)).collect();
        let everybody = self.namespaces.len() > 1;
        let all = everybody
            .then(|| self.alike(&reached, src, &mut self.namespaces.values().flatten().copied()))
            .flatten();
        let mut rows = Vec::new();
        if let Some(traffic) = all {
            rows.push(("*/*".to_owned(), traffic));
        }
        let mut folded: Vec<&str> = Vec::new();
        let mut outside: Vec<(&Traffic, Vec<usize>)> = Vec::new();
        for link in links {
            let Some(party) = self.reach.parties.get(link.dst) else { continue };
            match &party.kind {
                PartyKind::Workload { namespace, .. } => {
                    if all.is_some() || folded.contains(&&**namespace) {
                        continue;
                    }
                    let members = self.namespaces.get(&**namespace).into_iter().flatten();
                    if let Some(traffic) = self.alike(&reached, src, &mut members.copied()) {
                        folded.push(namespace);
                        rows.push((format!("{}/*", visible(namespace)), traffic));
                    } else {
                        let own = src.namespace() == Some(namespace);
                        rows.push((if own { local(party) } else { name(party) }, &*link.traffic));
                    }
                }
                PartyKind::External(_) => {
                    match outside.iter_mut().find(|(traffic, _)| **traffic == *link.traffic) {
                        Some((_, blocks)) => blocks.push(link.dst),
                        None => outside.push((&*link.traffic, vec![link.dst])),
                    }
                }
                _ => rows.push((name(party), &*link.traffic)),
            }
        }
        rows.extend(outside.into_iter().map(|(traffic, blocks)| (self.blocks(&blocks), traffic)));
        rows
    }

    /// The traffic over which a source reaches each of these, where it is the same and there are enough.
    fn alike<'l>(
        &self,
        reached: &BTreeMap<usize, &'l Traffic>,
        src: &Party,
        members: &mut dyn Iterator<Item = usize>,
    ) -> Option<&'l Traffic> {
        let mut common: Option<&Traffic> = None;
        let mut size = 0;
        for member in members {
            let party = self.reach.parties.get(member)?;
            // One pod does not connect to itself, so it does not count.
            if party.id == src.id && !party.several {
                continue;
            }
            let traffic = *reached.get(&member)?;
            if *common.get_or_insert(traffic) != traffic {
                return None;
            }
            size += 1;
        }
        common.filter(|_| size >= WORTH_FOLDING)
    }

    /// The addresses of the blocks that the table calls by their names.
    fn legend(&self, page: &mut Page<'_>) -> io::Result<()> {
        let named = self.named.borrow();
        legend(named.iter().filter_map(|index| self.reach.parties.get(*index)), page)
    }
}

/// The addresses of blocks that are called by their names.
pub(super) fn legend<'p>(blocks: impl Iterator<Item = &'p Party>, page: &mut Page<'_>) -> io::Result<()> {
    let mut any = false;
    for party in blocks {
        let PartyKind::External(addresses) = &party.kind else { continue };
        any = true;
        let room = page.look().width.map(|width| width.saturating_sub(party.id.len() + 4).max(20));
        let mut label = format!("  {}", party.id);
        for piece in wrap(&text::addresses(addresses), room) {
            writeln!(page, "{label}  {}", page.ink(Ink::Faint, piece))?;
            label = pad("", label.width());
        }
    }
    if any { writeln!(page) } else { Ok(()) }
}

/// A party's name under the heading of its namespace.
fn local(party: &Party) -> String {
    let short = match &party.kind {
        PartyKind::Workload { namespace, .. } => {
            party.id.strip_prefix(&**namespace).and_then(|rest| rest.strip_prefix('/'))
        }
        _ => None,
    };
    short.map_or_else(|| name(party), |short| visible(short).into_owned())
}

/// A party's name: addresses where they are short.
pub(super) fn name(party: &Party) -> String {
    if let PartyKind::External(addresses) = &party.kind {
        let text = text::addresses(addresses);
        if text.len() <= LONGEST_ADDRESSES {
            return text;
        }
    }
    visible(&party.id).into_owned()
}

fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// Breaks a list after its commas and semicolons.
fn wrap(text: &str, room: Option<usize>) -> Vec<String> {
    let Some(room) = room else { return vec![text.to_owned()] };
    let mut lines = vec![String::new()];
    for piece in text.split_inclusive([',', ';']) {
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() && line.width() + piece.trim_end().width() > room {
                lines.push(piece.trim_start().to_owned());
            } else {
                line.push_str(piece);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_break_after_commas() {
        assert_eq!(wrap("TCP 80,443; UDP 53", None), ["TCP 80,443; UDP 53"]);
        assert_eq!(wrap("TCP 80,443; UDP 53", Some(10)), ["TCP 80,", "443;", "UDP 53"].map(String::from));
    }
}
