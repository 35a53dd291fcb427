//! `webhook-blocked` and `aggregated-api-blocked`.

use std::collections::BTreeSet;

use npv_models::cluster::{GroupId, Target};
use npv_models::decide::Flow;
use npv_models::diagnostic::{Applicability, Finding, Fix};
use npv_models::policy::{Direction, Rule as PolicyRule};
use npv_models::space::{Labels, Protocol};

use crate::lint::blame::culprit;
use crate::lint::blocked::{Blocked, Party};
use crate::lint::callers::{api_server, end_at, outside_end};
use crate::lint::context::Placed;
use crate::lint::rule::{Rule, lint_rule};
use crate::lint::traffic::toward;
use crate::lint::{Check, Context, example};

lint_rule! {
    /// A policy keeps the API server from the pods of an admission or conversion webhook.
    ///
    /// ## What it finds
    ///
    /// A webhook whose Service leads to pods that admit no address on the port that the Service
    /// translates to, so that the API server, wherever it is, cannot call them.
    ///
    /// ## Why it matters
    ///
    /// With `failurePolicy: Fail`, which is the default, nobody can create or change the objects that
    /// the webhook watches: deployments stop, in the whole cluster.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: hook, namespace: guard, labels: {app: hook}}
    /// spec: {containers: [{name: hook, ports: [{containerPort: 9443}]}]}
    /// ---
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: hook, namespace: guard}
    /// spec: {selector: {app: hook}, ports: [{port: 443, targetPort: 9443}]}
    /// ---
    /// apiVersion: admissionregistration.k8s.io/v1
    /// kind: ValidatingWebhookConfiguration
    /// metadata: {name: guard}
    /// webhooks:
    ///   - {name: guard.example.com, clientConfig: {service: {namespace: guard, name: hook}}}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: default-deny, namespace: guard}
    /// spec: {podSelector: {}, policyTypes: [Ingress]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit the port from everywhere, or from the API server's network. It is no pod: selectors do
    /// not match it.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: hook, namespace: guard}
    /// spec:
    ///   podSelector: {matchLabels: {app: hook}}
    ///   ingress:
    ///     - ports:
    ///         - port: 9443
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where any address is admitted on that port: the API server's is not in the manifests, unless the
    /// Endpoints of the Service `kubernetes` give it. For pods on the host network.
    pub(in crate::lint) static WEBHOOK_BLOCKED = {
        name: "webhook-blocked",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check_webhooks),
    };
}

lint_rule! {
    /// A policy keeps the API server from the pods that serve an aggregated API, such as metrics-server.
    ///
    /// ## What it finds
    ///
    /// An APIService whose Service leads to pods that admit no address on the port that the Service
    /// translates to. Also metrics-server where it may not ask the kubelets, on 10250 of the nodes.
    ///
    /// ## Why it matters
    ///
    /// The API server forwards requests for that API group to these pods. When it cannot,
    /// `kubectl top` and the autoscalers fail, and deleting a namespace hangs.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: metrics, namespace: metrics, labels: {app: metrics}}
    /// spec: {containers: [{name: metrics, ports: [{containerPort: 10250}]}]}
    /// ---
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: metrics, namespace: metrics}
    /// spec: {selector: {app: metrics}, ports: [{port: 443, targetPort: 10250}]}
    /// ---
    /// apiVersion: apiregistration.k8s.io/v1
    /// kind: APIService
    /// metadata: {name: v1beta1.metrics.k8s.io}
    /// spec: {service: {namespace: metrics, name: metrics}}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: default-deny, namespace: metrics}
    /// spec: {podSelector: {}, policyTypes: [Ingress]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit the port from everywhere, or from the API server's network.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: metrics, namespace: metrics}
    /// spec:
    ///   podSelector: {matchLabels: {app: metrics}}
    ///   ingress:
    ///     - ports:
    ///         - port: 10250
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where any address is admitted on that port: the API server's is not in the manifests, unless the
    /// Endpoints of the Service `kubernetes` give it. For pods on the host network.
    pub(in crate::lint) static AGGREGATED_API_BLOCKED = {
        name: "aggregated-api-blocked",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check_aggregated),
    };
}

fn check_webhooks(context: &Context<'_>, findings: &mut Vec<Finding>) {
    check(context, false, "this webhook", &WEBHOOK_BLOCKED, findings);
}

fn check_aggregated(context: &Context<'_>, findings: &mut Vec<Finding>) {
    check(context, true, "this API", &AGGREGATED_API_BLOCKED, findings);
    kubelets(context, findings);
}

/// The port of the kubelets, which metrics-server asks for what it serves.
const KUBELET: u16 = 10250;

/// metrics-server serves what the kubelets of all nodes tell it: where it may not ask any, it has nothing to serve.
fn kubelets(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let is_metrics_server = |labels: &Labels| {
        ["k8s-app", "app.kubernetes.io/name", "app"]
            .iter()
            .any(|key| labels.get(key) == Some("metrics-server"))
    };
    let mut said = BTreeSet::new();
    for (index, pods) in (0_u32..).zip(&context.cluster().groups) {
        let group = GroupId(index);
        if !is_metrics_server(&pods.labels) || !context.pods.visible(pods) {
            continue;
        }
        for &src in context.endpoints_of(group) {
            let asks = |id| {
                let egress = context.engine.possible_side(src, id, Direction::Egress);
                context.engine.traffic(egress).touches(Protocol::Tcp, KUBELET)
            };
            if context.outside().any(|(id, _)| asks(id)) {
                continue;
            }
            let node = context.outside().find_map(|(_, end)| outside_end(context, &end.kind, &[]));
            let flow = end_at(context, src, group).zip(node).map(|(src, dst)| Flow {
                src,
                dst,
                protocol: Protocol::Tcp,
                port: KUBELET,
            });
            let speaks =
                |_: Placed<'_>, rule: &PolicyRule| toward(&rule.ports, None).touches(Protocol::Tcp, KUBELET);
            let Some(culprit) = culprit(context, (group, Direction::Egress), flow.as_ref(), speaks) else {
                continue;
            };
            if !said.insert(culprit.placed.index) {
                continue;
            }
            let name = context.engine.endpoint(src).map_or("", |end| end.id.as_str());
            let finding = AGGREGATED_API_BLOCKED
                .finding(culprit.span(), format!("{culprit} does not let `{name}` leave for the kubelets on TCP {KUBELET}"))
                .label(format!("TCP {KUBELET} to nodes is denied"))
                .object(culprit.placed.policy.object.to_string())
                .key("kubelets")
                .related(pods.span, "serves what the kubelets tell it")
                .help("a kubelet is a node: only an `ipBlock` of the nodes' addresses, or a rule for everybody, allows it");
            let peers = ["{ipBlock: {cidr: 0.0.0.0/0}} # better: the nodes' addresses".to_owned()];
            let ports = [example::port(Protocol::Tcp, KUBELET, KUBELET)];
            findings.push(match culprit.remedy() {
                Some(remedy) => finding.help(remedy),
                None => finding.fix(Fix {
                    description: "let it ask the kubelets".to_owned(),
                    applicability: Applicability::DisplayOnly,
                    edits: Vec::new(),
                    example: Some(example::rule_of(
                        &culprit.placed.policy.object,
                        Direction::Egress,
                        &peers,
                        &ports,
                        0,
                    )),
                }),
            });
        }
    }
}

fn check(context: &Context<'_>, aggregated: bool, because: &str, rule: &Rule, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    let party = Party {
        name: "the API server".to_owned(),
        id: "{api-server}".to_owned(),
        caller: api_server(context),
        short: "api-server",
    };
    let mut blocked = Blocked::new(context);
    let calls = cluster
        .demands
        .callbacks
        .iter()
        .filter(|callbacks| callbacks.aggregated == aggregated)
        .flat_map(|callbacks| &callbacks.calls);
    for call in calls {
        let Some(service) = cluster.service(&call.namespace, &call.name) else { continue };
        for port in service.ports.iter().filter(|port| port.port == call.port) {
            for target in cluster.targets(service, port) {
                if let Target::Pods { group, port: number } = target {
                    blocked.ask(&party, group, (port.protocol, number), (call.at.span, because));
                }
            }
        }
    }
    blocked.report(rule, findings);
}
