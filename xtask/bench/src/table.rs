//! Runs as tables.

use crate::measure::{Run, Time};
use crate::proofs::Proofs;

/// A column: its heading, its width and its cells.
type Column = (&'static str, usize, fn(&Run) -> String);

const COLUMNS: &[Column] = &[
    ("input", 6, |run| run.format.clone()),
    ("pods", 9, |run| run.pods.to_string()),
    ("policies", 9, |run| run.policies.to_string()),
    ("MB", 6, |run| (run.bytes / 1_000_000).to_string()),
    ("read", 9, |run| time(run.read)),
    ("parse", 9, |run| time(run.parse)),
    ("resolve", 9, |run| time(run.resolve)),
    ("compile", 9, |run| time(run.compile)),
    ("solve", 9, |run| time(run.solve)),
    ("total", 9, |run| time(run.total)),
    ("processor", 10, |run| run.total.processor.map_or_else(|| "?".to_owned(), duration)),
    ("peak", 9, |run| run.peak_bytes.map_or_else(|| "?".to_owned(), |bytes| format!("{} MiB", bytes >> 20))),
    ("classes", 8, |run| run.classes.to_string()),
    ("endpoints", 10, |run| run.endpoints.to_string()),
    ("connections", 12, |run| run.connections.to_string()),
];

/// The table of some runs.
pub fn table(runs: &[Run]) -> String {
    let heading = line(COLUMNS.iter().map(|(heading, width, _)| ((*heading).to_owned(), *width)));
    let rows = runs.iter().map(|run| line(COLUMNS.iter().map(|(_, width, cell)| (cell(run), *width))));
    [heading].into_iter().chain(rows).collect()
}

/// The table of what proofs took.
pub fn proofs(runs: &[Proofs]) -> String {
    let headings = [
        "policies",
        "rules",
        "check",
        "processor",
        "proofs",
        "folded",
        "tried",
        "asked",
        "findings",
        "queries/s",
    ];
    let row = |cells: [String; 10]| line(cells.into_iter().map(|cell| (cell, 11)));
    let rows = runs.iter().map(|run| {
        row([
            run.policies.to_string(),
            run.rules.to_string(),
            time(run.check),
            run.check.processor.map_or_else(|| "?".to_owned(), duration),
            time(run.prove),
            run.folded.to_string(),
            run.tried.to_string(),
            run.asked.to_string(),
            run.findings.to_string(),
            format!("{:.0}", run.queries_per_second),
        ])
    });
    [row(headings.map(str::to_owned))].into_iter().chain(rows).collect()
}

/// Cells, to the right of their columns.
fn line(cells: impl Iterator<Item = (String, usize)>) -> String {
    let cells: Vec<String> = cells.map(|(cell, width)| format!("{cell:>width$}")).collect();
    cells.concat() + "\n"
}

fn time(time: Time) -> String {
    duration(time.wall)
}

fn duration(milliseconds: f64) -> String {
    if milliseconds < 1000.0 {
        format!("{milliseconds:.1} ms")
    } else {
        format!("{:.2} s", milliseconds / 1e3)
    }
}

/// What grows: its name, and how much there is of it.
type Growth = (&'static str, fn(&Run) -> f64);

#[expect(clippy::cast_precision_loss, reason = "factors with two digits")]
const GROWTH: &[Growth] = &[
    ("parse", |run| run.parse.wall),
    ("resolve", |run| run.resolve.wall),
    ("compile", |run| run.compile.wall),
    ("solve", |run| run.solve.wall),
    ("total", |run| run.total.wall),
    ("peak", |run| run.peak_bytes.unwrap_or(1) as f64),
    ("classes", |run| run.classes as f64),
    ("connections", |run| run.connections as f64),
];

/// By what factor everything grows when the number of pods doubles, between neighbouring runs of a format.
#[expect(clippy::cast_precision_loss, reason = "factors with two digits")]
pub fn doublings(runs: &[Run]) -> String {
    let names = GROWTH.iter().map(|(name, _)| ((*name).to_owned(), 12));
    let mut text = line([("input".to_owned(), 6), ("pods".to_owned(), 20)].into_iter().chain(names));
    for pair in runs.windows(2) {
        let [small, large] = pair else { continue };
        if small.format != large.format || small.pods >= large.pods {
            continue;
        }
        let steps = (large.pods as f64 / small.pods as f64).log2();
        let sizes = format!("{} to {}", small.pods, large.pods);
        let factors = GROWTH.iter().map(|(_, amount)| {
            let factor = (amount(large) / amount(small)).powf(1.0 / steps);
            (format!("{factor:.2}"), 12)
        });
        text += &line([(large.format.clone(), 6), (sizes, 20)].into_iter().chain(factors));
    }
    text
}
