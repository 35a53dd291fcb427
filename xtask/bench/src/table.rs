//! Runs as a table.

use std::fmt::Write as _;

use crate::measure::Run;

/// The table of some runs, which come by format and ascending size.
pub fn table(runs: &[Run]) -> String {
    let mut text = format!(
        "{:<6}{:>9}{:>10}{:>8}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}{:>10}{:>12}\n",
        "input",
        "pods",
        "policies",
        "MB",
        "read",
        "parse",
        "resolve",
        "compile",
        "solve",
        "total",
        "cpu",
        "peak MiB",
        "classes",
        "connections"
    );
    for run in runs {
        let peak = run.peak_bytes.map_or_else(|| "?".to_owned(), |bytes| (bytes >> 20).to_string());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:<6}{:>9}{:>10}{:>8}{}{}{}{}{}{}{}{peak:>10}{:>10}{:>12}",
            run.format,
            run.pods,
            run.policies,
            run.bytes / 1_000_000,
            time(run.read),
            time(run.parse),
            time(run.resolve),
            time(run.compile),
            time(run.solve),
            time(run.total),
            run.processor.map_or_else(|| format!("{:>9}", '?'), time),
            run.classes,
            run.connections,
        );
    }
    text
}

/// Milliseconds in nine columns.
fn time(milliseconds: f64) -> String {
    if milliseconds < 1000.0 {
        format!("{milliseconds:>7.1}ms")
    } else {
        format!("{:>8.2}s", milliseconds / 1e3)
    }
}

/// By what factor each stage grows when the number of pods doubles, between neighbouring runs of a format.
pub fn doublings(runs: &[Run]) -> String {
    let mut text = format!(
        "{:<6}{:>20}{:>9}{:>9}{:>9}{:>9}{:>9}{:>10}{:>10}\n",
        "input", "pods", "parse", "resolve", "compile", "solve", "total", "peak", "classes"
    );
    for pair in runs.windows(2) {
        let [small, large] = pair else { continue };
        if small.format != large.format || small.pods >= large.pods {
            continue;
        }
        #[expect(clippy::cast_precision_loss, reason = "a factor with two digits")]
        let per_doubling = |from: u64, to: u64| {
            let steps = (large.pods as f64 / small.pods as f64).log2();
            (to as f64 / from as f64).powf(1.0 / steps)
        };
        #[expect(clippy::cast_sign_loss, reason = "times are positive")]
        let times = |from: f64, to: f64| per_doubling((from * 1e3) as u64, (to * 1e3) as u64);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:<6}{:>20}{:>9.2}{:>9.2}{:>9.2}{:>9.2}{:>9.2}{:>10.2}{:>10.2}",
            large.format,
            format!("{} to {}", small.pods, large.pods),
            times(small.parse, large.parse),
            times(small.resolve, large.resolve),
            times(small.compile, large.compile),
            times(small.solve, large.solve),
            times(small.total, large.total),
            per_doubling(small.peak_bytes.unwrap_or(1), large.peak_bytes.unwrap_or(1)),
            per_doubling(small.classes as u64, large.classes as u64),
        );
    }
    text
}
