//! Words of other versions of the API, and of NetworkPolicy, that have no meaning here.

use super::super::read::Reader;

/// A field that is not there, and what to write in its place.
type Former = (&'static str, &'static str);

/// In `spec`.
pub(super) const SPEC: &[Former] = &[
    ("podSelector", "the pods are `subject: {pods: {namespaceSelector: .., podSelector: ..}}`"),
    ("policyTypes", "without rules for a direction the policy does not affect it: leave it out"),
    ("tier", "only ClusterNetworkPolicy has a tier; the kind of this policy says it"),
    ("priority", "a BaselineAdminNetworkPolicy has no priority: there is only one"),
];

/// In a subject or peer.
pub(super) const PODS: &[Former] = &[
    (
        "namespaceSelector",
        "write `namespaces:` with this selector, or `pods: {namespaceSelector: .., podSelector: ..}`",
    ),
    ("podSelector", "write `pods: {namespaceSelector: .., podSelector: ..}`"),
    ("namespaceAndPodSelector", "it became `pods: {namespaceSelector: .., podSelector: ..}`"),
    ("namespacedPods", "it became `pods: {namespaceSelector: .., podSelector: ..}`"),
    ("ipBlock", "write `networks:` with a list of blocks, in an egress rule"),
    ("networks", "only the peers of egress rules can be networks"),
    ("nodes", "only the peers of egress rules can be nodes"),
    ("domainNames", "only egress rules of ClusterNetworkPolicy and AdminNetworkPolicy can name domains"),
    ("domains", "it became `domainNames`, in egress rules"),
    ("fqdns", "it became `domainNames`, in egress rules"),
];

/// In `namespaces`, which is a selector now.
pub(super) const NAMESPACES: &[Former] = &[
    ("namespaceSelector", "`namespaces` is the selector itself: write `matchLabels` right below it"),
    ("self", RELATIVE),
    ("notSelf", RELATIVE),
    ("related", RELATIVE),
    ("sameLabels", RELATIVE),
    ("notSameLabels", RELATIVE),
];

const RELATIVE: &str = "there is no selection relative to the subject any more: write a policy for each group \
                        of namespaces, with `matchLabels` or `matchExpressions`";

/// In `pods`.
pub(super) const POD_SETS: &[Former] = &[
    ("namespaces", "it became `namespaceSelector`"),
    ("pods", "it became `podSelector`"),
    ("matchLabels", "write `podSelector:` with this selector, and `namespaceSelector:` beside it"),
    ("matchExpressions", "write `podSelector:` with this selector, and `namespaceSelector:` beside it"),
];

/// In a rule.
pub(super) const RULE: &[Former] = &[
    ("ports", "ClusterNetworkPolicy has `protocols`: `- tcp: {destinationPort: {number: 80}}`"),
    ("protocols", "this kind has `ports`: `- portNumber: {protocol: TCP, port: 80}`"),
    ("from", "the peers of egress rules are in `to`"),
    ("to", "the peers of ingress rules are in `from`"),
];

/// In an entry of `protocols`.
pub(super) const PROTOCOL: &[Former] = &[
    ("portNumber", "it became `tcp: {destinationPort: {number: ..}}`, or `udp`, or `sctp`"),
    ("portRange", "it became `tcp: {destinationPort: {range: {start: .., end: ..}}}`, or `udp`, or `sctp`"),
    ("namedPort", "it became `destinationNamedPort`"),
    ("protocol", "write `tcp`, `udp` or `sctp` with the port below it"),
    ("port", "write `tcp: {destinationPort: {number: ..}}`, or `udp`, or `sctp`"),
    ("icmp", "npv and the API know `tcp`, `udp` and `sctp`"),
];

/// In an entry of `ports`.
pub(super) const PORT: &[Former] = &[
    ("port", "write `portNumber: {protocol: .., port: ..}`, or `namedPort:` for a name"),
    ("endPort", "write `portRange: {protocol: .., start: .., end: ..}`"),
    ("protocol", "it belongs into `portNumber` or `portRange`"),
    ("allPorts", "leave `ports` out: then all traffic matches"),
    ("tcp", "write `portNumber: {protocol: TCP, port: ..}`"),
    ("udp", "write `portNumber: {protocol: UDP, port: ..}`"),
    ("sctp", "write `portNumber: {protocol: SCTP, port: ..}`"),
    ("destinationNamedPort", "this kind has `namedPort`"),
];

/// Tells what became of a field, in the findings since `before` that say it is unknown.
pub(super) fn explain(reader: &mut Reader<'_>, before: usize, former: &[Former]) {
    for finding in reader.findings.iter_mut().skip(before).filter(|finding| finding.rule == "unknown-field") {
        let name = finding.key.rsplit('.').next().unwrap_or_default();
        if let Some((_, help)) = former.iter().find(|(former, _)| *former == name) {
            finding.help.insert(0, (*help).to_owned());
            // What is told is not what the spelling suggests.
            finding.fix = None;
            finding.help.truncate(1);
        }
    }
}

/// The name that another version of the API has for the same choice.
pub(super) fn choice(text: &str, names: &[&'static str]) -> Option<&'static str> {
    let other = match text.to_ascii_lowercase().as_str() {
        "allow" => "Accept",
        "accept" => "Allow",
        "drop" | "reject" => "Deny",
        _ => return None,
    };
    names.iter().copied().find(|name| *name == other)
}
