//! `sensitive-port-open-to-world`.

use std::collections::BTreeSet;

use npv_models::cluster::{GroupId, ServiceType};
use npv_models::diagnostic::{Finding, Severity};
use npv_models::policy::{Action, Direction};

use crate::lint::context::PlacedRule;
use crate::lint::exposed::{SENSITIVE, SensitivePort, World, declares, names, world};
use crate::lint::rule::lint_rule;
use crate::lint::traffic::toward;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context, services, text};

lint_rule! {
    /// A rule that admits the whole world to a port of a database or of administrators.
    ///
    /// ## What it finds
    ///
    /// An ingress rule for everybody, or for an `ipBlock` of nearly all addresses, that admits a port which the pods
    /// declare, or which the rule itself names, and which is known for databases (PostgreSQL 5432, MySQL 3306, SQL
    /// Server 1433, Oracle 1521, MongoDB 27017-27019, Redis 6379, Memcached 11211, Elasticsearch 9200 and 9300, Cassandra
    /// 9042, CouchDB 5984, Neo4j 7687, CockroachDB 26257, RethinkDB 28015, etcd 2379 and 2380,
    /// ZooKeeper 2181, NFS 2049) or for administration (SSH 22, Telnet 23, SMB 445, RDP 3389, VNC 5900,
    /// Docker 2375 and 2376).
    ///
    /// ## Why it matters
    ///
    /// These ports give away data or the machine to whoever guesses a password or knows an exploit, and most
    /// of them are searched for all over the internet within the hour. Who should use them can be
    /// named. A rule for everybody is a note, unless a Service of type `NodePort` or `LoadBalancer` leads there
    /// from outside; a block of all addresses is a warning.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: db, namespace: shop, labels: {app: db}}
    /// spec: {containers: [{name: db, ports: [{containerPort: 5432}]}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   ingress:
    ///     - from: [{ipBlock: {cidr: 0.0.0.0/0}}]
    ///       ports: [{port: 5432}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Name the clients: by labels, or, where they are outside the cluster, by their addresses.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   ingress:
    ///     - from: [{podSelector: {matchLabels: {app: api}}}]
    ///       ports: [{port: 5432}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On pods that no policy isolates: `no-policy` speaks of those. On a port that the pods do not declare, where they
    /// declare others, or that only a long range of ports contains. On blocks that are not nearly
    /// all addresses, however large. On the kubelet's 10250: no policy selects a kubelet, and the webhooks and metrics
    /// servers that use its number are meant to be found by the API server, wherever that is.
    pub(in crate::lint) static SENSITIVE_PORT_OPEN_TO_WORLD = {
        name: "sensitive-port-open-to-world",
        category: Exposure,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.rules() {
        if placed.direction == Direction::Ingress && placed.rule.action == Action::Allow {
            findings.extend(finding(context, placed));
        }
    }
}

fn finding(context: &Context<'_>, placed: PlacedRule<'_>) -> Option<Finding> {
    let world = world(placed.rule)?;
    let mut open: BTreeSet<(u16, &str, &str)> = BTreeSet::new();
    let mut pods: Vec<GroupId> = Vec::new();
    let mut from_outside = None;
    for id in context.selected(placed.at.tier, &placed.at.policy.subject)?.pods.iter() {
        let Some(group) = context.pods.group(id) else { continue };
        let admitted = toward(&placed.rule.ports, Some(group));
        let is_open = |port: &&SensitivePort| {
            admitted.touches(port.protocol, port.number)
                && (declares(group, port) || (group.ports.is_empty() && names(&placed.rule.ports, port)))
        };
        let mut any = false;
        for port in SENSITIVE.iter().filter(is_open) {
            open.insert((port.number, port.protocol.name(), port.name));
            any = true;
            from_outside = from_outside.or_else(|| leads_there(context, id, port));
        }
        if any {
            pods.push(id);
        }
    }
    let ports =
        words::some(open.iter().map(|(number, protocol, name)| format!("{protocol} {number} ({name})")), 4);
    let ports = ports.replace('`', "");
    let names = words::some(context.cluster().endpoint_names(pods.iter().copied()), 3);
    if open.is_empty() {
        return None;
    }
    let object = placed.at.policy.object.to_string();
    let (span, who, label, severity) = match world {
        World::Anyone(span) => {
            let severity = if from_outside.is_some() { Severity::Warning } else { Severity::Note };
            (span, "everybody, addresses outside the cluster included,", "admits everybody", severity)
        }
        World::Block(peer, cidr) => {
            let span = text::value(context.sources(), peer.provenance.span, "cidr");
            let label = if cidr.prefix_len() == 0 { "every address" } else { "nearly every address" };
            (span.unwrap_or(peer.provenance.span), "the whole world", label, Severity::Warning)
        }
    };
    let message = format!("`{object}` lets {who} reach {names} on {ports}");
    let mut finding =
        SENSITIVE_PORT_OPEN_TO_WORLD.finding(span, message).label(label).object(object).key(ports);
    finding.severity = severity;
    if let Some((service, span)) = from_outside {
        finding = finding.related(span, format!("`{service}` leads there from outside"));
    }
    Some(
        finding
            .help("name the clients: by labels, or, where they are outside the cluster, by their addresses"),
    )
}

/// A Service that takes connections from outside the cluster to this port of the pods.
fn leads_there(
    context: &Context<'_>,
    group: GroupId,
    port: &SensitivePort,
) -> Option<(String, npv_models::source::Span)> {
    let pods = context.pods.group(group)?;
    let service = context.services().in_front_of(group).find(|service| {
        matches!(service.kind, ServiceType::NodePort | ServiceType::LoadBalancer)
            && service
                .ports
                .iter()
                .any(|one| one.protocol == port.protocol && services::target(one, pods) == Some(port.number))
    })?;
    Some((context.cluster().service_object(service), service.span))
}
