//! What reading the configuration finds.

use crate::lint::Check;
use crate::lint::rule::lint_rule;

lint_rule! {
    /// A configuration that says what npv does not understand.
    ///
    /// ## What it finds
    ///
    /// In `npv.yaml`: a key that there is not, often a misspelt one; a value of the wrong type; a rule,
    /// category, format or level that does not exist; a block of addresses or a date that is none; an
    /// exception without a rule or a reason; a key that is there twice. All of them at once, each at its
    /// own place.
    ///
    /// ## Why it matters
    ///
    /// A key that is passed over in silence is a setting that somebody relies on and that does nothing.
    /// So npv exits with 2 and looks at nothing until the configuration is right.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// paths: [deploy/]
    /// cluster:
    ///   podCidr: [10.244.0.0/16]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write what the message names. `npv config show` prints what is in force, and editors complete and
    /// check the file by its schema, `docs/schema/config.json`.
    ///
    /// ```yaml
    /// paths: [deploy/]
    /// cluster:
    ///   podCidrs: [10.244.0.0/16]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On a key without a value, which says nothing and sets nothing.
    pub(in crate::lint) static INVALID_CONFIGURATION = {
        name: "invalid-configuration",
        category: Validity,
        severity: Error,
        check: Check::Configuration,
    };
}
