//! What reading finds: the API server would refuse it, or reads it other than it looks.

use crate::lint::Check;
use crate::lint::rule::lint_rule;

lint_rule! {
    /// A policy that the API server would refuse, or that its own rules forbid.
    ///
    /// ## What it finds
    ///
    /// What the API server's validation refuses, every violation at its own line: an empty peer
    /// `- {}`, `ipBlock` beside a selector, an `except` outside its `cidr`, a port number beyond 65535,
    /// `port: "80"` (a string is a port *name*), `endPort` without a numeric port or below it, `In`
    /// without values, a label that cannot be one, two ways to say one thing in an admin policy.
    ///
    /// ## Why it matters
    ///
    /// A refused policy protects nothing: the pods stay as open as they were, and the failed apply is
    /// easily overlooked. The policy takes no part in the rest of the analysis, and `npv check` fails
    /// even with `--allow-incomplete`.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {}
    ///   ingress:
    ///     - ports:
    ///         - port: "80"
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write what was meant; the message says what is allowed at that place.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {}
    ///   ingress:
    ///     - ports:
    ///         - port: 80
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On whatever the API server accepts, however odd: other rules speak of what is valid and has no
    /// effect.
    pub(in crate::lint) static INVALID_POLICY = {
        name: "invalid-policy",
        category: Validity,
        severity: Error,
        check: Check::Reading,
    };
}

lint_rule! {
    /// A field that the policy's kind does not have.
    ///
    /// ## What it finds
    ///
    /// A key in a policy that its type does not know, most often a misspelt one or one that is indented
    /// one level too far.
    ///
    /// ## Why it matters
    ///
    /// A field that is dropped is how a policy silently opens: `from` written as `form` leaves a rule
    /// without peers, and a rule without peers admits everybody.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   ingress:
    ///     - form:
    ///         - podSelector: {matchLabels: {app: web}}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Spell the field as the API does, or remove it.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   ingress:
    ///     - from:
    ///         - podSelector: {matchLabels: {app: web}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On objects other than policies, on `status`, and on metadata that only the server writes.
    pub(in crate::lint) static UNKNOWN_FIELD = {
        name: "unknown-field",
        category: Validity,
        severity: Error,
        check: Check::Reading,
    };
}

lint_rule! {
    /// A key that one mapping holds twice.
    ///
    /// ## What it finds
    ///
    /// The same key twice in one YAML or JSON mapping of an object that npv reads.
    ///
    /// ## Why it matters
    ///
    /// kubectl keeps the last one without a word. In a policy the first half of what was written is
    /// then gone: two `ingress:` keys are one rule list, not two.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {}
    ///   ingress:
    ///     - ports: [{port: 80}]
    ///   ingress:
    ///     - ports: [{port: 443}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Keep one key and put both parts under it.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {}
    ///   ingress:
    ///     - ports: [{port: 80}]
    ///     - ports: [{port: 443}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where a merge key (`<<`) brings in a key that the mapping also writes: that is how overriding works.
    pub(in crate::lint) static DUPLICATE_KEY = {
        name: "duplicate-key",
        category: Validity,
        severity: Error,
        check: Check::Reading,
    };
}

lint_rule! {
    /// A value of the wrong type: text where a number must be, a mapping where a list must be.
    ///
    /// ## What it finds
    ///
    /// A field that npv reads whose value the API server cannot decode: `containerPort: "80"`, an
    /// unquoted `on`, `123` or `1.10` as a label value, `from:` with a mapping under it instead of a list.
    ///
    /// ## Why it matters
    ///
    /// The API server refuses the object; until then nobody knows what it would have meant.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {version: 1.10}}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write the type that the message names; quote text that YAML takes for a number or a boolean.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {version: "1.10"}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where kubectl converts the value on its own, as it does for `80.0` or `0x50` as a number.
    pub(in crate::lint) static WRONG_TYPE = {
        name: "wrong-type",
        category: Validity,
        severity: Error,
        check: Check::Reading,
    };
}

lint_rule! {
    /// A rule that is `null`, which the API server reads as a rule that admits everything.
    ///
    /// ## What it finds
    ///
    /// An entry of `ingress` or `egress` with nothing in it, as a stray dash or an empty template loop
    /// leaves it.
    ///
    /// ## Why it matters
    ///
    /// `ingress: [null]` decodes to one empty rule, and an empty rule has no peers and no ports: it
    /// admits everybody on every port. It looks like nothing and is everything.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   ingress:
    ///     -
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write `ingress: []` to admit nobody, or `- {}` to admit everybody on purpose.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   ingress: []
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On `ingress:` or `ingress: null` as a whole, which is the same as leaving it out.
    pub(in crate::lint) static NULL_RULE = {
        name: "null-rule",
        category: Validity,
        severity: Error,
        check: Check::Reading,
    };
}

lint_rule! {
    /// A document that is not YAML or JSON, or not a Kubernetes object.
    ///
    /// ## What it finds
    ///
    /// Broken syntax, text that is not UTF-8 or UTF-16, a document without `apiVersion` and `kind`, a Helm template that
    /// was not rendered, placeholders that nobody has filled in (`${APP}`, `{{ app }}`, `<app>`), a missing `---` between two
    /// objects, kustomizations and charts that were not rendered (one finding for all), nesting or aliases beyond every
    /// reasonable bound, a document that kubectl would silently drop.
    ///
    /// ## Why it matters
    ///
    /// What could not be read may hold a policy or a workload, so every answer without it is a guess.
    /// The run is incomplete and ends with status 3 unless `--allow-incomplete` is given. The other
    /// documents are read as usual.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop
    /// spec: {podSelector: {}}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Mend the syntax at the position that is shown, render templates first (`--render`), or exclude
    /// files that are no manifests.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec: {podSelector: {}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On kinds that npv does not use: they are counted. On empty documents. On files that npv comes upon in a directory
    /// and that are something else, such as compose files, workflows and values: they are skipped and counted, and
    /// `-v` lists them.
    pub(in crate::lint) static UNREADABLE_DOCUMENT = {
        name: "unreadable-document",
        category: Validity,
        severity: Error,
        check: Check::Reading,
    };
}

lint_rule! {
    /// A policy kind or field that npv does not model.
    ///
    /// ## What it finds
    ///
    /// A policy of a dialect, a version or with a field whose meaning npv does not know, such as a
    /// `NetworkPolicy` of another API group than Kubernetes' own.
    ///
    /// ## Why it matters
    ///
    /// Such a policy changes who can reach whom. To ignore it would make every answer wrong without a
    /// sign, so the run is incomplete and ends with status 3 unless `--allow-incomplete` is given.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: policy.example.com/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec: {}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Express the policy in a dialect that npv knows, or accept the gap with `--allow-incomplete`.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec: {podSelector: {}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On kinds that do not decide about traffic.
    pub(in crate::lint) static UNSUPPORTED_POLICY = {
        name: "unsupported-policy",
        category: Validity,
        severity: Error,
        check: Check::Reading,
    };
}

lint_rule! {
    /// Objects that have others deployed which npv has not seen: releases, applications, charts.
    ///
    /// ## What it finds
    ///
    /// A `HelmRelease` or `Kustomization` of Flux, an `Application` or `ApplicationSet` of Argo CD, a `HelmChart` of K3s: one
    /// finding for each kind, with what is deployed and into which namespaces. A path in the repository that npv reads
    /// is followed, and not reported.
    ///
    /// ## Why it matters
    ///
    /// Pods, Services and policies that no manifest shows decide about traffic too. Rules that would call something missing
    /// or dead there stay silent. Where the manifests show no workload of such a namespace, the run is incomplete and ends
    /// with status 3 unless `--allow-incomplete` is given.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: helm.toolkit.fluxcd.io/v2
    /// kind: HelmRelease
    /// metadata: {name: redis, namespace: shop}
    /// spec: {chart: {spec: {chart: redis}}}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Give npv what is deployed as well: render the chart, or read the cluster itself.
    ///
    /// ```yaml
    /// apiVersion: apps/v1
    /// kind: StatefulSet
    /// metadata: {name: redis, namespace: shop}
    /// spec:
    ///   template:
    ///     metadata: {labels: {app: redis}}
    ///     spec: {containers: [{name: redis, image: redis}]}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On what goes to another cluster, and on a path that is among the files that npv reads.
    pub(in crate::lint) static DEPLOYED_ELSEWHERE = {
        name: "deployed-elsewhere",
        category: Validity,
        severity: Note,
        check: Check::Reading,
    };
}

lint_rule! {
    /// Two objects of one kind, namespace and name.
    ///
    /// ## What it finds
    ///
    /// An object that the same input defines a second time.
    ///
    /// ## Why it matters
    ///
    /// A cluster holds only one of them, and which one depends on the order of applying. Most often two
    /// variants were read together that are never applied together, such as a base and its overlay.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec: {podSelector: {matchLabels: {app: web}}}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec: {podSelector: {}}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Rename one, remove one, or give npv only the variant that is applied.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec: {podSelector: {matchLabels: {app: web}}}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: everybody, namespace: shop}
    /// spec: {podSelector: {}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the two mean exactly the same.
    pub(in crate::lint) static DUPLICATE_OBJECT = {
        name: "duplicate-object",
        category: Validity,
        severity: Warning,
        check: Check::Reading,
    };
}
