//! What is wrong with the configuration and with exceptions.

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

lint_rule! {
    /// An exception that npv does not understand, or that nobody gives a reason for.
    ///
    /// ## What it finds
    ///
    /// A comment `# npv: ..` or an annotation `npv.dev/..` that names no rule, a rule that there is not, or
    /// one that has no exceptions; and one without a reason. None of them is in force.
    ///
    /// ## Why it matters
    ///
    /// Somebody believes that a finding is dealt with. And in a year nobody knows why it was, unless the
    /// reason stands beside it.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: apps/v1
    /// kind: Deployment
    /// metadata:
    ///   name: web # npv: ignore[no-polcy] the mesh sees to it
    ///   namespace: shop
    /// spec:
    ///   selector: {matchLabels: {app: web}}
    ///   template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web}]}}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write `# npv: ignore[RULE] REASON` on the line or above it, or the annotation
    /// `npv.dev/ignore.RULE: REASON` on the object.
    ///
    /// ```yaml
    /// apiVersion: apps/v1
    /// kind: Deployment
    /// metadata:
    ///   name: web # npv: ignore[no-policy] the mesh sees to it
    ///   namespace: shop
    /// spec:
    ///   selector: {matchLabels: {app: web}}
    ///   template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web}]}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On comments that mention npv but do not begin with `npv:`. Exceptions in `npv.yaml` that are wrong
    /// are errors of the configuration.
    pub(crate) static INVALID_SUPPRESSION = {
        name: "invalid-suppression",
        category: Hygiene,
        severity: Warning,
        check: Check::Exceptions,
    };
}

lint_rule! {
    /// An exception that has nothing to ignore.
    ///
    /// ## What it finds
    ///
    /// A comment, an annotation or an entry under `ignore` in `npv.yaml` whose rule finds nothing on that
    /// line, on that object or where the entry says.
    ///
    /// ## Why it matters
    ///
    /// What it excepted has been corrected, or the exception stands at the wrong place. Left there, it
    /// hides the next mistake, which nobody has thought about.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// # npv: ignore[selects-no-pods] the pods come with the next release
    /// metadata: {name: web, namespace: shop, annotations: {description: the front end}}
    /// spec:
    ///   podSelector: {}
    ///   policyTypes: [Ingress]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Remove it.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop, annotations: {description: the front end}}
    /// spec:
    ///   podSelector: {}
    ///   policyTypes: [Ingress]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the rule does not run. For an entry of `npv.yaml` where only a part of what the
    /// configuration names is looked at. For one that has expired, of which `expired-suppression` speaks.
    pub(crate) static UNUSED_SUPPRESSION = {
        name: "unused-suppression",
        category: Hygiene,
        severity: Warning,
        check: Check::Exceptions,
    };
}

lint_rule! {
    /// An exception of the configuration whose last day is over.
    ///
    /// ## What it finds
    ///
    /// An entry under `ignore` in `npv.yaml` with a day in `expires` that has passed. What it excepted is
    /// reported again. Today is the system's day in UTC, or that of `SOURCE_DATE_EPOCH`.
    ///
    /// ## Why it matters
    ///
    /// An exception with an end is a promise. The finding is back so that somebody keeps it.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// ignore:
    ///   - rule: no-policy
    ///     object: Deployment/shop/web
    ///     reason: the policy comes with the next release
    ///     expires: 2020-06-30
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Correct what it excepts and remove the entry; or give it a new day, and its reason a second thought.
    ///
    /// ```yaml
    /// ignore:
    ///   - rule: no-policy
    ///     object: Deployment/shop/web
    ///     reason: the policy comes with the next release
    ///     expires: 2999-12-31
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On the last day itself.
    pub(crate) static EXPIRED_SUPPRESSION = {
        name: "expired-suppression",
        category: Hygiene,
        severity: Warning,
        check: Check::Exceptions,
    };
}

lint_rule! {
    /// An entry of the baseline that is no longer found.
    ///
    /// ## What it finds
    ///
    /// In `npv-baseline.json`: findings that have been corrected since `npv baseline write`, or that were
    /// there more often than they are now.
    ///
    /// ## Why it matters
    ///
    /// It is good news, and a gap: should the same mistake come back, the baseline would hide it.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// schemaVersion: 1
    /// findings:
    ///   - {rule: no-policy, object: Pod/shop/gone, file: shop.yaml, fingerprint: 0123456789abcdef}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Run `npv baseline prune`, which removes such entries and adds none.
    ///
    /// ```yaml
    /// schemaVersion: 1
    /// findings: []
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the rule does not run, or the entry's file is not among what is looked at.
    pub(crate) static STALE_BASELINE = {
        name: "stale-baseline",
        category: Hygiene,
        severity: Note,
        check: Check::Exceptions,
    };
}
