//! `data-store-egress-to-world`.

use npv_models::cluster::GroupId;
use npv_models::diagnostic::Finding;
use npv_models::policy::{Action, Direction};
use npv_models::space::{PortSet, Protocol, Traffic};

use crate::engine::EndpointKind;
use crate::lint::context::PlacedRule;
use crate::lint::exposed::{SENSITIVE, World, declares, world};
use crate::lint::rule::lint_rule;
use crate::lint::traffic::toward;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context, text};

lint_rule! {
    /// A rule that lets a data store connect to the whole world.
    ///
    /// ## What it finds
    ///
    /// An egress rule for everybody, or for an `ipBlock` of nearly all addresses, that applies to pods which declare the port of
    /// a database: a `containerPort` such as 5432, 3306, 6379 or 27017 is how npv knows a data store (the
    /// list is that of `sensitive-port-open-to-world`).
    ///
    /// ## Why it matters
    ///
    /// A data store answers; it seldom has anything to ask the internet. Whoever gets a query to run in it
    /// can carry the data out by such a rule.
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
    ///   policyTypes: [Egress]
    ///   egress:
    ///     - to: [{ipBlock: {cidr: 0.0.0.0/0}}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Name what it needs: the addresses of the backup, the replicas, DNS.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   policyTypes: [Egress]
    ///   egress:
    ///     - to: [{ipBlock: {cidr: 198.51.100.0/24}}]
    ///       ports: [{port: 443}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On pods that declare no port, or none of a database; on pods that no policy isolates for egress; on a rule that
    /// admits nothing but DNS and NTP; where a policy of an earlier tier denies what the rule allows.
    pub(in crate::lint) static DATA_STORE_EGRESS_TO_WORLD = {
        name: "data-store-egress-to-world",
        category: Exposure,
        severity: Note,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for placed in context.rules() {
        if placed.direction == Direction::Egress && placed.rule.action == Action::Allow {
            findings.extend(finding(context, placed));
        }
    }
}

/// What no data can be carried out by, or hardly.
fn harmless() -> Traffic {
    let udp = Traffic::of(Protocol::Udp, PortSet::single(53))
        .union(&Traffic::of(Protocol::Udp, PortSet::single(123)));
    udp.union(&Traffic::of(Protocol::Tcp, PortSet::single(53)))
}

fn finding(context: &Context<'_>, placed: PlacedRule<'_>) -> Option<Finding> {
    let world = world(placed.rule)?;
    let admitted = toward(&placed.rule.ports, None).difference(&harmless());
    if admitted.is_empty() {
        return None;
    }
    let stores: Vec<(GroupId, &str)> = context
        .selected(placed.at.tier, &placed.at.policy.subject)?
        .pods
        .iter()
        .filter_map(|id| {
            let group = context.pods.group(id)?;
            let port = SENSITIVE.iter().find(|port| port.stores && declares(group, port))?;
            gets_out(context, id, &admitted).then_some((id, port.name))
        })
        .collect();
    let &(first, kind) = stores.first()?;
    let names = words::some(context.cluster().endpoint_names(stores.iter().map(|(id, _)| *id)), 3);
    let object = placed.at.policy.object.to_string();
    let (span, label) = match world {
        World::Anyone(span) => (span, "admits everybody"),
        World::Block(peer, cidr) => {
            let span = text::value(context.sources(), peer.provenance.span, "cidr");
            (
                span.unwrap_or(peer.provenance.span),
                if cidr.prefix_len() == 0 { "every address" } else { "nearly every address" },
            )
        }
    };
    let message =
        format!("`{object}` lets {names}, a data store by its port ({kind}), connect to the whole world");
    let mut finding = DATA_STORE_EGRESS_TO_WORLD
        .finding(span, message)
        .label(label)
        .object(object)
        .key("egress")
        .help("name what it needs: the addresses of backups, replicas, DNS");
    if let Some(pods) = context.pods.group(first) {
        finding = finding.related(pods.span, "the data store");
    }
    Some(finding)
}

/// Whether some of the traffic really leaves the cluster.
fn gets_out(context: &Context<'_>, group: GroupId, admitted: &Traffic) -> bool {
    let out = |(id, end): (_, &crate::engine::Endpoint)| {
        matches!(end.kind, EndpointKind::External(_))
            && context.endpoints_of(group).iter().any(|&own| {
                let side = context.engine.side(own, id, Direction::Egress);
                context.engine.traffic(side).intersects(admitted)
            })
    };
    context.outside().any(out)
}
