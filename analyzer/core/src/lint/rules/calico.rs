//! What reading finds in Calico's policies: `staged-policy`, `policy-for-hosts-only`, `negation-reaches-hosts`,
//! `service-without-namespace` and `not-nets-of-other-family`.

use crate::lint::Check;
use crate::lint::rule::lint_rule;

lint_rule! {
    /// A policy that is staged, so that nothing enforces it.
    ///
    /// ## What it finds
    ///
    /// Every StagedNetworkPolicy, StagedGlobalNetworkPolicy and StagedKubernetesNetworkPolicy.
    ///
    /// ## Why it matters
    ///
    /// A staged policy is there to look at what it would do. It changes no verdict, and whoever counts on it is mistaken.
    /// `npv diff --staged` compares the cluster as it is with the cluster in which all of them are enforced: who could no
    /// longer reach whom, and who could then.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: projectcalico.org/v3
    /// kind: StagedGlobalNetworkPolicy
    /// metadata: {name: default-deny}
    /// spec:
    ///   namespaceSelector: team == 'payments'
    ///   types: [Ingress]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// When it does what it is to do, commit it.
    ///
    /// ```yaml
    /// apiVersion: projectcalico.org/v3
    /// kind: GlobalNetworkPolicy
    /// metadata: {name: default-deny}
    /// spec:
    ///   namespaceSelector: team == 'payments'
    ///   types: [Ingress]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On policies that are enforced.
    pub(in crate::lint) static STAGED_POLICY = {
        name: "staged-policy",
        category: Hygiene,
        severity: Note,
        check: Check::Reading,
    };
}

lint_rule! {
    /// A GlobalNetworkPolicy that no pod ever meets, because it is one for hosts.
    ///
    /// ## What it finds
    ///
    /// A GlobalNetworkPolicy with `doNotTrack` or `preDNAT`, and which HostEndpoints of the manifests meet it.
    ///
    /// ## Why it matters
    ///
    /// Such a policy is asked before connections are tracked, or before the address of a Service is translated, and at host
    /// endpoints alone. Its selector may match the labels of pods, and still it protects none of them.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: projectcalico.org/v3
    /// kind: GlobalNetworkPolicy
    /// metadata: {name: no-node-ports}
    /// spec:
    ///   selector: role == 'worker'
    ///   preDNAT: true
    ///   applyOnForward: true
    ///   types: [Ingress]
    ///   ingress:
    ///     - action: Deny
    ///       protocol: TCP
    ///       destination: {ports: ["30000:32767"]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Where pods are meant, leave these fields out; where hosts are meant, there is nothing to fix.
    ///
    /// ```yaml
    /// apiVersion: projectcalico.org/v3
    /// kind: GlobalNetworkPolicy
    /// metadata: {name: no-node-ports}
    /// spec:
    ///   selector: role == 'worker'
    ///   types: [Ingress]
    ///   ingress:
    ///     - action: Deny
    ///       protocol: TCP
    ///       destination: {ports: ["30000:32767"]}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On policies that apply to pods, whether they apply to hosts too or not.
    pub(in crate::lint) static POLICY_FOR_HOSTS_ONLY = {
        name: "policy-for-hosts-only",
        category: Dead,
        severity: Note,
        check: Check::Reading,
    };
}

lint_rule! {
    /// A negated selector of Calico's that is true of hosts or sets of addresses, which have no such label.
    ///
    /// ## What it finds
    ///
    /// A GlobalNetworkPolicy that applies to a HostEndpoint, or a rule that allows a GlobalNetworkSet or a HostEndpoint,
    /// because its selector is true of everything that lacks a label: `team != 'x'`, `env not in {'dev'}`, `!has(team)`.
    ///
    /// ## Why it matters
    ///
    /// What is in no namespace has none of a namespace's labels, so that `team != 'x'` as a `namespaceSelector` is true of
    /// it. Who meant the other teams' namespaces lets in whatever addresses somebody puts into a set, or shuts hosts off.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: projectcalico.org/v3
    /// kind: GlobalNetworkSet
    /// metadata: {name: partners, labels: {kind: partner}}
    /// spec: {nets: [198.51.100.0/24]}
    /// ---
    /// apiVersion: projectcalico.org/v3
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   selector: app == 'api'
    ///   types: [Ingress]
    ///   ingress:
    ///     - action: Allow
    ///       source: {namespaceSelector: "team != 'guests'"}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Ask for a label that only what is meant has: everything in a namespace has `projectcalico.org/name` there.
    ///
    /// ```yaml
    /// apiVersion: projectcalico.org/v3
    /// kind: GlobalNetworkSet
    /// metadata: {name: partners, labels: {kind: partner}}
    /// spec: {nets: [198.51.100.0/24]}
    /// ---
    /// apiVersion: projectcalico.org/v3
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   selector: app == 'api'
    ///   types: [Ingress]
    ///   ingress:
    ///     - action: Allow
    ///       source: {namespaceSelector: "has(projectcalico.org/name) && team != 'guests'"}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the manifests show nothing outside of namespaces that the selector is true of. On `all()` and `global()`, which
    /// say what they mean, and on rules that deny.
    pub(in crate::lint) static NEGATION_REACHES_HOSTS = {
        name: "negation-reaches-hosts",
        category: Exposure,
        severity: Warning,
        check: Check::Reading,
    };
}

lint_rule! {
    /// A rule of Calico's that names a Service without its namespace, which is no Service.
    ///
    /// ## What it finds
    ///
    /// `services` in a rule of a NetworkPolicy of Calico's with a `name` and no `namespace`.
    ///
    /// ## Why it matters
    ///
    /// The reference says that the policy's own namespace is meant. What enforces the policy looks for the Service in no
    /// namespace, finds none, and the rule matches nothing.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: projectcalico.org/v3
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   selector: app == 'web'
    ///   types: [Egress]
    ///   egress:
    ///     - action: Allow
    ///       destination: {services: {name: api}}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write the namespace, also where it is the policy's own.
    ///
    /// ```yaml
    /// apiVersion: projectcalico.org/v3
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   selector: app == 'web'
    ///   types: [Egress]
    ///   egress:
    ///     - action: Allow
    ///       destination: {services: {name: api, namespace: shop}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On a GlobalNetworkPolicy, where the API refuses it.
    pub(in crate::lint) static SERVICE_WITHOUT_NAMESPACE = {
        name: "service-without-namespace",
        category: Dead,
        severity: Warning,
        check: Check::Reading,
    };
}

lint_rule! {
    /// A rule of Calico's whose `notNets` are all of one family, so that it matches nothing of the other.
    ///
    /// ## What it finds
    ///
    /// `notNets` of IPv6 alone in a rule that is also about IPv4, or the other way round where the manifests show addresses
    /// of both.
    ///
    /// ## Why it matters
    ///
    /// An exception of the one family looks as if it had nothing to say of the other. But a rule with such exceptions alone
    /// is written for their family only: what it allows over the other one is not allowed, and what it denies is not denied.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: projectcalico.org/v3
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   selector: app == 'web'
    ///   types: [Egress]
    ///   egress:
    ///     - action: Allow
    ///       destination: {notNets: ["fd00::/8"]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Write a rule for each family.
    ///
    /// ```yaml
    /// apiVersion: projectcalico.org/v3
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   selector: app == 'web'
    ///   types: [Egress]
    ///   egress:
    ///     - action: Allow
    ///       ipVersion: 6
    ///       destination: {notNets: ["fd00::/8"]}
    ///     - action: Allow
    ///       ipVersion: 4
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the rule says with `ipVersion` or `nets` that it is about that family alone.
    pub(in crate::lint) static NOT_NETS_OF_OTHER_FAMILY = {
        name: "not-nets-of-other-family",
        category: Dead,
        severity: Warning,
        check: Check::Reading,
    };
}
