//! `intended-flow-blocked`.

use npv_models::cluster::Intended;
use npv_models::diagnostic::{Applicability, Finding, Fix};
use npv_models::policy::Direction;
use npv_models::space::{PortSet, Traffic};

use crate::lint::blocked::{Party, grant, written};
use crate::lint::intended::{by, caller, place, stopped, targets};
use crate::lint::rule::lint_rule;
use crate::lint::words::Names;
use crate::lint::{Check, Context};

lint_rule! {
    /// A workload names a Service that it needs, and a policy keeps it from there.
    ///
    /// ## What it finds
    ///
    /// A URL, a `host:port` or a DNS name in the environment, the arguments or a probe's command of a workload, or in a
    /// ConfigMap or Secret that it reads, which is a defined Service with that port - and policies that let none of the
    /// workload's pods through to the pods behind it.
    ///
    /// ## Why it matters
    ///
    /// The workload says itself what it needs. Nobody else may have thought of the path when the policies were written.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: db, namespace: shop, labels: {app: db}}
    /// spec: {containers: [{name: db, ports: [{containerPort: 5432}]}]}
    /// ---
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: db, namespace: shop}
    /// spec: {selector: {app: db}, ports: [{port: 5432}]}
    /// ---
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: api, namespace: shop, labels: {app: api}}
    /// spec:
    ///   containers:
    ///     - name: api
    ///       env: [{name: DATABASE_URL, value: "postgres://db:5432/shop"}]
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   ingress: []
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit the workload, or take out what it no longer needs.
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
    /// On a word that happens to be the name of a Service: only URLs, `host:port`, DNS names and the values of variables
    /// that are called after a host count. Where the Service has no such port, or no pods behind it. Where some of the
    /// workload's pods get through. On a Service that the workload is behind itself. Where a rule has the Service's port
    /// in place of the pods', which `service-port-confusion` says.
    pub(in crate::lint) static INTENDED_FLOW_BLOCKED = {
        name: "intended-flow-blocked",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for intended in context.cluster().intended() {
        findings.extend(finding(context, &intended));
    }
}

fn finding(context: &Context<'_>, intended: &Intended<'_>) -> Option<Finding> {
    let cluster = context.cluster();
    let port = intended.service.ports.get(intended.port)?;
    let caller = caller(context, intended);
    let targets = targets(context, intended.service, port)?;
    let stop = stopped(context, &caller, &targets)?;
    let workload = cluster.workload(intended.workload)?;
    // The rule that has the wrong port is what a person would edit.
    let confused = targets.iter().any(|&(group, protocol, number)| {
        let mut all = context
            .confusions_of(group)
            .chain(workload.groups.iter().flat_map(|&group| context.confusions_of(group)));
        all.any(|confusion| confusion.meant().touches(protocol, number))
    });
    if confused {
        return None;
    }
    let name = cluster.endpoint_name(intended.workload);
    let service = cluster.service_object(intended.service);
    let culprit = &stop.culprit;
    let denies = match (stop.direction, culprit.rule) {
        (_, Some(_)) => format!("{culprit} denies it"),
        (Direction::Ingress, None) => format!("{culprit} does not admit it"),
        (Direction::Egress, None) => format!("{culprit} does not let it leave"),
    };
    let message = format!(
        "`{name}` needs `{service}` on {} {}, as {} says, and {denies}",
        port.protocol,
        port.port,
        by(intended)
    );
    let (_, protocol, number) = targets.first().copied()?;
    let at = place(context, intended);
    let mut finding = INTENDED_FLOW_BLOCKED
        .finding(at, message)
        .label("names a Service that it may not reach")
        .object(cluster.workload_object(intended.workload))
        .key(format!("{service} {} {}", port.protocol, port.port))
        .related(
            culprit.span(),
            if culprit.rule.is_some() { "denies it" } else { "nothing in it admits the flow" },
        )
        .witness(stop.witness(context, &name, protocol, number));
    // The value may stand in another object than the workload, where an exception may be written.
    if at.source != workload.span.source || at.start < workload.span.start {
        finding = finding.hidden(workload.span);
    }
    if let Some(remedy) = culprit.remedy() {
        return Some(finding.help(remedy));
    }
    let party = Party { name, id: String::new(), caller, short: "client" };
    let mut grants = Vec::new();
    for direction in Direction::ALL {
        let Some(&(group, protocol, number)) = targets.first() else { continue };
        if direction == stop.direction || shut(context, intended, (group, protocol, number), direction) {
            let traffic = Traffic::of(protocol, PortSet::single(number));
            grants.extend(grant(context, direction, &party, group, &traffic).map(|grant| {
                let name = match direction {
                    Direction::Ingress => format!("allow-{}-to-{}", workload.name, intended.service.name),
                    Direction::Egress => format!("allow-{}-out-to-{}", workload.name, intended.service.name),
                };
                crate::lint::example::Grant { name, ..grant }
            }));
        }
    }
    Some(match written(context, grants) {
        Some(example) => finding.fix(Fix {
            description: format!("let `{}` reach `{service}`", party.name),
            applicability: Applicability::DisplayOnly,
            edits: Vec::new(),
            example: Some(example),
        }),
        None => finding,
    })
}

/// Whether one side of the connection shuts it, whatever the other one says.
fn shut(
    context: &Context<'_>,
    intended: &Intended<'_>,
    (group, protocol, number): (npv_models::cluster::GroupId, npv_models::space::Protocol, u16),
    direction: Direction,
) -> bool {
    let Some(workload) = context.cluster().workload(intended.workload) else { return false };
    let sources = || workload.groups.iter().flat_map(|&id| context.endpoints_of(id));
    context.endpoints_of(group).iter().any(|&dst| {
        sources().all(|&src| {
            let side = context.engine.possible_side(src, dst, direction);
            !context.engine.traffic(side).touches(protocol, number)
        })
    })
}
