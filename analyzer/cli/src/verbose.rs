//! What `--verbose` says on standard error.

use std::collections::BTreeSet;
use std::io::Write;
use std::time::Duration;

use npv_analyzer::config::Configured;
use npv_analyzer::engine::Engine;
use npv_analyzer::query::inventory::Inventory;
use npv_analyzer::report::visible;
use npv_analyzer::snapshot::Snapshot;
use npv_analyzer::suppress::Suppressed;
use npv_models::source::{SourceId, SourceMap};

use crate::args::LookArgs;
use crate::output::to_stderr;

/// Where the configuration comes from.
pub(crate) fn configured(configured: &Configured, look: LookArgs) {
    if let (true, Some(file)) = (look.verbose, &configured.file) {
        to_stderr(look, |page| writeln!(page, "configured by {}", visible(&file.display().to_string())));
    }
}

/// What was read.
pub(crate) fn read(snapshot: &Snapshot, took: Duration, look: LookArgs) {
    if !look.verbose {
        return;
    }
    let Inventory { files, namespaces, workloads, pods, services, policies } = Inventory::of(snapshot);
    to_stderr(look, |page| {
        writeln!(page, "read {} in {took:.1?}:", count(files, "text", "texts"))?;
        for (kind, count) in &snapshot.kinds {
            writeln!(page, "  {count:>7} {}", visible(kind))?;
        }
        writeln!(
            page,
            "they define {}, {}, {}, {} and {}",
            count(namespaces, "namespace", "namespaces"),
            count(workloads, "workload", "workloads"),
            count(pods, "pod", "pods"),
            count(services, "Service", "Services"),
            count(policies, "policy", "policies")
        )
    });
}

/// What was come upon and is something else than manifests: one line, or with `--verbose` all of it.
pub(crate) fn skipped(snapshot: &Snapshot, look: LookArgs) {
    skipped_files(snapshot.skipped.iter().copied(), Some(&snapshot.sources), look);
}

/// The same of several environments, which may have files in common.
pub(crate) fn skipped_files(
    skipped: impl Iterator<Item = SourceId>,
    sources: Option<&SourceMap>,
    look: LookArgs,
) {
    let names: BTreeSet<&str> =
        skipped.filter_map(|id| sources?.get(id)).map(npv_models::source::Source::name).collect();
    if names.is_empty() || look.quiet {
        return;
    }
    let what = match names.len() {
        1 => "1 file that holds no Kubernetes objects".to_owned(),
        files => format!("{files} files that hold no Kubernetes objects"),
    };
    to_stderr(look, |page| {
        if !look.verbose {
            return writeln!(page, "skipped {what}; `-v` lists them");
        }
        writeln!(page, "skipped {what}:")?;
        names.iter().try_for_each(|name| writeln!(page, "  {}", visible(name)))
    });
}

/// What there was to tell apart.
pub(crate) fn engine(engine: &Engine, took: Duration, look: LookArgs) {
    if !look.verbose {
        return;
    }
    let stats = engine.stats();
    to_stderr(look, |page| {
        writeln!(
            page,
            "compiled the policies in {took:.1?}: {} in {}, {} to tell apart",
            count(stats.endpoints, "endpoint", "endpoints"),
            count(stats.classes, "class", "classes"),
            count(stats.pairs(), "pair", "pairs")
        )
    });
}

/// What is as it should be.
pub(crate) fn suppressed(suppressed: &[Suppressed], sources: &SourceMap, look: LookArgs) {
    if !look.verbose || suppressed.is_empty() {
        return;
    }
    to_stderr(look, |page| {
        writeln!(page, "suppressed:")?;
        for Suppressed { finding, reason, at, .. } in suppressed {
            let place = |span| sources.locate(span).map_or_else(String::new, |place| place.to_string());
            let found = finding.span().map(place).unwrap_or_default();
            writeln!(
                page,
                "  {} at {}: {} ({})",
                finding.rule,
                visible(&found),
                visible(reason),
                visible(&place(*at))
            )?;
        }
        Ok(())
    });
}

/// How long the answer took.
pub(crate) fn answered(took: Duration, look: LookArgs) {
    if look.verbose {
        to_stderr(look, |page| writeln!(page, "answered in {took:.1?}"));
    }
}

fn count<N: Copy + std::fmt::Display + PartialEq + From<u8>>(number: N, one: &str, many: &str) -> String {
    let what = if number == N::from(1) { one } else { many };
    format!("{number} {what}")
}
