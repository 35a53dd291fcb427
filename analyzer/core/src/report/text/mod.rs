//! Text for people, with colour where it is a terminal's.

mod findings;
mod fixes;
mod reach;
mod rules;
mod snippet;
mod trace;
mod walk;

pub use findings::findings;
pub use fixes::fixes;

use npv_models::diagnostic::Finding;

use super::Format;

pub(super) const FORMAT: Format = Format {
    name: "text",
    doc: "for people; coloured on a terminal",
    check: Some(findings::check),
    reach: Some(reach::write),
    trace: Some(trace::write),
    radius: Some(walk::radius),
    chains: Some(walk::chains),
    rules: Some(rules::write),
};

/// `1 pod`, `3 pods`; `2 policies`.
fn count(number: usize, what: &str) -> String {
    match (number, what.strip_suffix('y')) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        (_, _) => format!("{number} {what}s"),
    }
}

/// The line that says that an answer leaves something out.
fn incomplete(findings: &[Finding]) -> String {
    let left_out = findings.iter().filter(|finding| finding.incomplete).count();
    let say = if left_out == 1 { "says" } else { "say" };
    format!("incomplete: {} {say} what npv could not read or does not model", count(left_out, "finding"))
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn counts_read_as_people_write_them() {
        let texts = [count(0, "pod"), count(1, "policy"), count(2, "policy"), count(7, "namespace")];
        assert_eq!(texts, ["0 pods", "1 policy", "2 policies", "7 namespaces"]);
    }
}
