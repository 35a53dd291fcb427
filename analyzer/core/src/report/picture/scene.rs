//! What a picture shows: the connections, what is wrong with them, and what changes.

use std::collections::BTreeMap;

use npv_map::{Line, Scene};
use npv_models::diagnostic::Severity;
use npv_models::space::Traffic;

use super::super::html::{Difference, Document, Wrong, WrongEnd};
use super::super::sketch::Sketch;
use super::super::visible::visible;
use super::super::{DiffReport, FullReport};
use crate::query::reach::Party;

/// A scene, and what else a picture says.
pub(super) struct Drawn {
    pub(super) scene: Scene,
    /// What is at the top.
    pub(super) title: String,
    /// For each end the worst that is found about it, and how much that is.
    pub(super) badges: Vec<Option<(Severity, usize)>>,
}

impl Drawn {
    /// Everything of a report.
    pub(super) fn whole(document: &Document<'_>, report: &FullReport<'_>) -> Self {
        let mut sketch = Sketch::of(report.parties, true);
        let mut dangerous: BTreeMap<(u32, u32), Traffic> = BTreeMap::new();
        for flow in &document.map.wrong {
            let Some(traffic) = document.traffic.get(flow.traffic as usize) else { continue };
            let mut end = |end: &WrongEnd| match end {
                WrongEnd::End(end) => *end,
                WrongEnd::Stranger(name) => sketch.stranger(name),
            };
            let (src, dst) = (end(&flow.src), end(&flow.dst));
            match flow.line {
                Wrong::Blocked => sketch.link(src, dst, traffic, Line::Blocked, ""),
                Wrong::Dangerous => {
                    let known = dangerous.entry((src, dst)).or_default();
                    *known = known.union(traffic);
                }
            }
        }
        for ((src, dst), traffic) in &dangerous {
            sketch.link(*src, *dst, traffic, Line::Dangerous, "");
        }
        for (src, row) in document.row_of.iter().enumerate() {
            let row = document.rows.get(*row as usize).map_or(&[][..], Vec::as_slice);
            for run in row.chunks_exact(3) {
                let [first, count, number] = *run else { continue };
                let Some(traffic) = document.traffic.get(number as usize) else { continue };
                for dst in first..first + count {
                    let src = src as u32;
                    let left = dangerous.get(&(src, dst)).map(|dangerous| traffic.difference(dangerous));
                    let traffic = left.as_ref().unwrap_or(traffic);
                    if src != dst && !traffic.is_empty() {
                        sketch.link(src, dst, traffic, Line::Allowed, "");
                    }
                }
            }
        }
        let mut badges = vec![None; sketch.scene.ends.len()];
        for (finding, about) in report.findings.iter().zip(&document.map.about) {
            for end in about {
                if let Some(badge) = badges.get_mut(*end as usize) {
                    let (worst, count) = badge.unwrap_or((finding.severity, 0));
                    *badge = Some((worst.max(finding.severity), count + 1));
                }
            }
        }
        Self { scene: sketch.scene, title: report.inputs.join(", "), badges }
    }

    /// What opens and closes.
    pub(super) fn changed(diff: &Difference<'_>, gone: &[Party], report: &DiffReport<'_>) -> Self {
        let mut sketch = Sketch::of(report.full.parties.iter().chain(gone), false);
        for (bundles, line, sign) in [(&diff.opened, Line::Opened, "+"), (&diff.closed, Line::Closed, "−")]
        {
            for bundle in bundles {
                let line =
                    if bundle.danger.is_some() && line == Line::Opened { Line::Dangerous } else { line };
                for (src, dst) in diff.pairs(bundle) {
                    sketch.link(src, dst, &bundle.traffic, line, sign);
                }
            }
        }
        sketch.scene.links.sort_unstable();
        sketch.scene.links.dedup();
        let title = format!("{} compared with {}", visible(report.head.name), visible(report.base.name));
        Self { badges: vec![None; sketch.scene.ends.len()], scene: sketch.scene, title }
    }
}
