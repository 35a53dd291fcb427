//! `service-selects-job`.

use npv_models::cluster::{PodGroup, Service, Workload};
use npv_models::diagnostic::Finding;

use crate::lint::rule::lint_rule;
use crate::lint::services::target;
use crate::lint::words::Names;
use crate::lint::{Check, Context};

lint_rule! {
    /// A Service that also selects the pods of a Job, which do not serve.
    ///
    /// ## What it finds
    ///
    /// A Service in front of pods that serve, whose selector the pods of a Job or CronJob match too, although they
    /// declare none of the ports that the Service leads to.
    ///
    /// ## Why it matters
    ///
    /// As long as the Job runs, a part of the requests goes to its pods and is refused: a migration that Helm runs as a
    /// hook takes some of the traffic with every upgrade.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: api, namespace: shop, labels: {app: api}}
    /// spec: {containers: [{name: api, ports: [{containerPort: 8080}]}]}
    /// ---
    /// apiVersion: batch/v1
    /// kind: Job
    /// metadata: {name: migrate, namespace: shop}
    /// spec:
    ///   template:
    ///     metadata: {labels: {app: api}}
    ///     spec: {restartPolicy: Never, containers: [{name: migrate}]}
    /// ---
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: api, namespace: shop}
    /// spec: {selector: {app: api}, ports: [{port: 80, targetPort: 8080}]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Select by a label that the Job's pods do not have, or give these a label of their own in its place.
    ///
    /// ```yaml
    /// apiVersion: batch/v1
    /// kind: Job
    /// metadata: {name: migrate, namespace: shop}
    /// spec:
    ///   template:
    ///     metadata: {labels: {app: api-migrate}}
    ///     spec: {restartPolicy: Never, containers: [{name: migrate}]}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the Job's containers declare a port that the Service leads to, and where the Service selects nobody else: it
    /// is there for the Job.
    pub(in crate::lint) static SERVICE_SELECTS_JOB = {
        name: "service-selects-job",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    for (service, backends) in context.services().iter() {
        let pods = || backends.iter().filter_map(|&id| context.pods.group(id));
        let workload = |pods: &PodGroup| cluster.workload(pods.workload);
        let is_job = |pods: &PodGroup| {
            workload(pods).is_some_and(|one: &Workload| matches!(&*one.kind, "Job" | "CronJob"))
        };
        if !pods().any(|pods| !is_job(pods)) {
            continue;
        }
        for pods in pods().filter(|pods| is_job(pods) && !serves(service, pods)) {
            let Some(job) = workload(pods) else { continue };
            let object = cluster.service_object(service);
            let name = cluster.workload_object(pods.workload);
            let when = if job.hook { "with every upgrade" } else { "as long as it runs" };
            let message = format!(
                "`{object}` also selects the pods of `{name}`, which declare no port that it leads to: {when}, a part of the \
                 requests goes there and is refused"
            );
            findings.push(
                SERVICE_SELECTS_JOB
                    .finding(service.selector_span.unwrap_or(service.span), message)
                    .label("matches the Job's pods too")
                    .object(object)
                    .key(name)
                    .related(pods.span, "the labels of the Job's pods")
                    .help("give the Job's pods a label of their own, or select by one that they do not have"),
            );
        }
    }
}

/// Whether the pods declare a port that the Service leads to.
fn serves(service: &Service, pods: &PodGroup) -> bool {
    service.ports.iter().any(|port| {
        target(port, pods).is_some_and(|number| {
            pods.ports.iter().any(|declared| declared.protocol == port.protocol && declared.number == number)
        })
    })
}
