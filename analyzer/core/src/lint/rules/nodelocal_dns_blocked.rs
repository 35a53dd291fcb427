//! `nodelocal-dns-blocked`.

use std::collections::BTreeMap;

use npv_models::cluster::GroupId;
use npv_models::decide::{End, Flow};
use npv_models::diagnostic::{Applicability, Finding, Fix, Witness};
use npv_models::policy::{Direction, Rule};
use npv_models::space::Protocol;

use crate::engine::EndpointId;
use crate::lint::blame::{Culprit, culprit, isolation};
use crate::lint::callers::end_at;
use crate::lint::context::Placed;
use crate::lint::dns::{self, NODE_LOCAL, PORT, PROTOCOLS};
use crate::lint::rule::lint_rule;
use crate::lint::words;
use crate::lint::{Check, Context, example};

lint_rule! {
    /// NodeLocal DNSCache is deployed, and a pod's egress policies do not admit its address.
    ///
    /// ## What it finds
    ///
    /// A pod that may reach something, but not 169.254.20.10 on UDP and TCP 53, where the manifests deploy NodeLocal
    /// DNSCache.
    ///
    /// ## Why it matters
    ///
    /// With NodeLocal DNSCache pods ask an address of their own node. The cache is on the host network, so a
    /// `podSelector` for the DNS pods does not admit it.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: apps/v1
    /// kind: DaemonSet
    /// metadata: {name: node-local-dns, namespace: kube-system}
    /// spec:
    ///   selector: {matchLabels: {k8s-app: node-local-dns}}
    ///   template:
    ///     metadata: {labels: {k8s-app: node-local-dns}}
    ///     spec: {hostNetwork: true, containers: [{name: cache}]}
    /// ---
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web, namespace: shop, labels: {app: web}}
    /// spec: {containers: [{name: web}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: dns, namespace: shop}
    /// spec:
    ///   podSelector: {}
    ///   policyTypes: [Egress]
    ///   egress:
    ///     - to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
    ///       ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit the address of the cache beside the DNS pods.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: dns, namespace: shop}
    /// spec:
    ///   podSelector: {}
    ///   policyTypes: [Egress]
    ///   egress:
    ///     - to:
    ///         - {namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}
    ///         - {ipBlock: {cidr: 169.254.20.10/32}}
    ///       ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where no manifest deploys NodeLocal DNSCache; for a pod that no rule lets reach anything; for the DNS
    /// pods themselves.
    pub(in crate::lint) static NODELOCAL_DNS_BLOCKED = {
        name: "nodelocal-dns-blocked",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Some(cache) = context.node_local_dns() else { return };
    let mut stops: BTreeMap<u32, (Culprit<'_>, Vec<EndpointId>)> = BTreeMap::new();
    for (index, pods) in (0_u32..).zip(&context.cluster().groups) {
        let group = GroupId(index);
        let meant_to_reach = context
            .selecting(group)
            .any(|placed| placed.policy.rules(Direction::Egress).is_some_and(|rules| !rules.is_empty()));
        if !context.pods.visible(pods)
            || !meant_to_reach
            || context.dns().iter().any(|server| server.group == group)
        {
            continue;
        }
        for &src in context.endpoints_of(group) {
            let egress = context.engine.traffic(context.engine.between(src, cache).egress);
            if PROTOCOLS.iter().all(|&protocol| egress.touches(protocol, PORT)) {
                continue;
            }
            let speaks =
                |_: Placed<'_>, rule: &Rule| PROTOCOLS.iter().any(|&protocol| dns::names_dns(rule, protocol));
            let denied = PROTOCOLS.into_iter().find(|&protocol| !egress.touches(protocol, PORT));
            let flow = end_at(context, src, group).zip(denied).map(|(src, protocol)| Flow {
                src,
                dst: End::Address(NODE_LOCAL),
                protocol,
                port: PORT,
            });
            let culprit = culprit(context, (group, Direction::Egress), flow.as_ref(), speaks);
            if let Some(culprit) = culprit {
                let index = culprit.placed.index;
                stops.entry(index).or_insert_with(|| (culprit, Vec::new())).1.push(src);
            }
        }
    }
    for (culprit, pods) in stops.into_values() {
        let policy = culprit.placed.policy;
        let rules = policy.rules(Direction::Egress).unwrap_or_default();
        let by_port = culprit.rule.or_else(|| {
            rules.iter().find(|rule| PROTOCOLS.iter().any(|&protocol| dns::names_dns(rule, protocol)))
        });
        let span = by_port
            .map_or_else(|| isolation(context, policy, Direction::Egress), |rule| rule.provenance.span);
        let name = |id: &EndpointId| context.engine.endpoint(*id).map_or("", |end| end.id.as_str());
        let named = words::some(pods.iter().map(name), 4);
        let ports: Vec<String> =
            PROTOCOLS.iter().map(|&protocol| example::port(protocol, PORT, PORT)).collect();
        let peers = vec![format!("{{ipBlock: {{cidr: {NODE_LOCAL}/32}}}}")];
        let finding = NODELOCAL_DNS_BLOCKED
            .finding(
                span,
                format!(
                    "{culprit} keeps {named} from NodeLocal DNSCache at {NODE_LOCAL} on UDP 53 and TCP 53"
                ),
            )
            .label("does not admit the cache")
            .object(policy.object.to_string())
            .key("node-local-dns")
            .witness(Witness {
                src: pods.first().map_or_else(String::new, |id| name(id).to_owned()),
                dst: NODE_LOCAL.to_string(),
                protocol: Protocol::Udp.name(),
                port: PORT,
            })
            .help("the cache is on the host network: a podSelector for the DNS pods does not admit it");
        findings.push(match culprit.remedy() {
            Some(remedy) => finding.help(remedy),
            None => finding.fix(Fix {
                description: format!("admit {NODE_LOCAL}"),
                applicability: Applicability::DisplayOnly,
                edits: Vec::new(),
                example: Some(example::rule_of(&policy.object, Direction::Egress, &peers, &ports, 0)),
            }),
        });
    }
}
