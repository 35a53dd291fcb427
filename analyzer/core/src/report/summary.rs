//! Findings and inventory in numbers, and in order of importance.

use npv_models::diagnostic::{Finding, Severity};

use super::CheckReport;
use crate::query::inventory::Inventory;

/// `1 pod`, `3 pods`; `2 policies`.
pub(super) fn count(number: usize, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, _) => format!("{number} {what}s"),
    }
}

/// `error`, `warning` or `note`.
pub(super) fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// `2 errors, 1 warning`; `no findings`.
pub(super) fn levels(report: &CheckReport<'_>) -> String {
    let counts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .map(|severity| (report.count(severity), severity))
        .filter(|(number, _)| *number > 0)
        .map(|(number, severity)| count(number, level(severity)))
        .collect();
    if counts.is_empty() { "no findings".to_owned() } else { counts.join(", ") }
}

/// How much was looked at.
pub(super) fn scope(inventory: Inventory) -> String {
    format!(
        "{}: {}, {}, {}",
        count(inventory.files, "file"),
        count(inventory.namespaces, "namespace"),
        count(inventory.workloads, "workload"),
        count(inventory.policies, "policy"),
    )
}

/// That an answer leaves something out.
pub(super) fn left_out(findings: &[Finding]) -> String {
    let left_out = findings.iter().filter(|finding| finding.incomplete).count();
    let say = if left_out == 1 { "says" } else { "say" };
    format!("{} {say} what npv could not read or does not model", count(left_out, "finding"))
}

/// The findings for readers who may not get to the end: the worst first, else in the order that they have.
pub(super) fn worst_first(findings: &[Finding]) -> Vec<&Finding> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse((finding.incomplete, finding.severity)));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_as_people_write_them() {
        let texts = [count(0, "pod"), count(1, "policy"), count(2, "policy"), count(7, "namespace")];
        assert_eq!(texts, ["0 pods", "1 policy", "2 policies", "7 namespaces"]);
    }
}
