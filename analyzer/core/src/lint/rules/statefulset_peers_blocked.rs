//! `statefulset-peers-blocked`.

use std::collections::BTreeMap;

use npv_models::cluster::{GroupId, Target, Workload};
use npv_models::diagnostic::Finding;
use npv_models::space::Protocol;

use crate::lint::blocked::{Blocked, Party};
use crate::lint::callers::{Caller, stop};
use crate::lint::rule::lint_rule;
use crate::lint::words::Names;
use crate::lint::{Check, Context};

lint_rule! {
    /// The replicas of a StatefulSet may not reach each other, though a headless Service is there for it.
    ///
    /// ## What it finds
    ///
    /// A StatefulSet of more than one replica behind a headless Service, none of whose ports passes from one
    /// replica to another.
    ///
    /// ## Why it matters
    ///
    /// A headless Service in front of a StatefulSet is how replicas find each other: to elect a leader, to
    /// replicate, to form a cluster. Cut off, each of them waits for the others, or becomes a leader of its own.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: apps/v1
    /// kind: StatefulSet
    /// metadata: {name: db, namespace: data}
    /// spec:
    ///   replicas: 3
    ///   serviceName: db
    ///   selector: {matchLabels: {app: db}}
    ///   template:
    ///     metadata: {labels: {app: db}}
    ///     spec: {containers: [{name: db, ports: [{containerPort: 5432}]}]}
    /// ---
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: db, namespace: data}
    /// spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: default-deny, namespace: data}
    /// spec: {podSelector: {}, policyTypes: [Ingress]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit the replicas to each other, in both directions where both are isolated.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db-peers, namespace: data}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   ingress:
    ///     - from: [{podSelector: {matchLabels: {app: db}}}]
    ///       ports: [{port: 5432}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// For a single replica, without a headless Service, and where at least one of its ports passes.
    pub(in crate::lint) static STATEFULSET_PEERS_BLOCKED = {
        name: "statefulset-peers-blocked",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    let mut blocked = Blocked::new(context);
    for service in cluster.services.iter().filter(|service| service.headless) {
        let mut by_workload: BTreeMap<_, Vec<(GroupId, Protocol, u16)>> = BTreeMap::new();
        for port in &service.ports {
            for target in cluster.targets(service, port) {
                let Target::Pods { group, port: number } = target else { continue };
                let Some(pods) = context.pods.group(group) else { continue };
                by_workload.entry(pods.workload).or_default().push((group, port.protocol, number));
            }
        }
        for (id, targets) in by_workload {
            let Some(workload) = cluster.workload(id).filter(|workload| replicated(context, workload)) else {
                continue;
            };
            let name = format!("the replicas of `{}`", cluster.endpoint_name(id));
            let party = Party {
                name,
                id: cluster.endpoint_name(id),
                caller: Caller::Pods(workload.groups.clone()),
                short: "replicas",
            };
            let stopped = |&(group, protocol, port): &(GroupId, Protocol, u16)| {
                stop(context, &party.caller, group, protocol, port).is_some()
            };
            if targets.iter().all(stopped) {
                for (group, protocol, port) in targets {
                    blocked.ask(
                        &party,
                        group,
                        (protocol, port),
                        (service.span, "by which they find each other"),
                    );
                }
            }
        }
    }
    blocked.report(&STATEFULSET_PEERS_BLOCKED, findings);
}

fn replicated(context: &Context<'_>, workload: &Workload) -> bool {
    let pods = workload.groups.iter().filter_map(|&id| context.pods.group(id));
    &*workload.kind == "StatefulSet" && pods.map(|pods| pods.pods).sum::<u32>() > 1
}
