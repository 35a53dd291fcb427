//! `acme-solver-blocked`.

use std::collections::BTreeSet;

use npv_models::cluster::GroupId;
use npv_models::decide::{End, Flow, PodEnd, Verdict, decide};
use npv_models::diagnostic::{Applicability, Finding, Fix, Witness};
use npv_models::k8s::Route;
use npv_models::policy::{Direction, NamespaceSelector, Participation, PodSelector};
use npv_models::space::{Labels, Protocol, Selector};

use super::ingress_backend_blocked::party;
use crate::lint::blocked::Party;
use crate::lint::callers::{Caller, end, may_match_unseen};
use crate::lint::context::Placed;
use crate::lint::rule::lint_rule;
use crate::lint::traffic::toward;
use crate::lint::{Check, Context, example};

lint_rule! {
    /// A policy keeps the ingress controller from the pods by which cert-manager proves a domain.
    ///
    /// ## What it finds
    ///
    /// An Ingress whose certificate comes from an issuer with an HTTP01 solver, in a namespace whose
    /// policies shut TCP 8089 of cert-manager's solver pods to the controller.
    ///
    /// ## Why it matters
    ///
    /// cert-manager starts a pod for each proof and takes it away again, so nobody sees that a
    /// default deny holds for it too. The first certificate never arrives, or the renewal fails
    /// weeks later.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: cert-manager.io/v1
    /// kind: ClusterIssuer
    /// metadata: {name: public}
    /// spec: {acme: {solvers: [{http01: {ingress: {ingressClassName: nginx}}}]}}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: Ingress
    /// metadata: {name: web, namespace: shop, annotations: {cert-manager.io/cluster-issuer: public}}
    /// spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: default-deny, namespace: shop}
    /// spec: {podSelector: {}, policyTypes: [Ingress]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit the controller to the solver pods on TCP 8089.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: acme-solver, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {acme.cert-manager.io/http01-solver: "true"}}
    ///   ingress:
    ///     - from:
    ///         - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress-nginx}}
    ///       ports:
    ///         - port: 8089
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the manifests do not hold the issuer, or it has no HTTP01 solver. Where they do not hold the
    /// controller's pods: as soon as a rule for that port names another namespace or addresses.
    pub(in crate::lint) static ACME_SOLVER_BLOCKED = {
        name: "acme-solver-blocked",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

/// The label of solver pods, and the port that they listen on.
const SOLVER_LABEL: &str = "acme.cert-manager.io/http01-solver";
const SOLVER_PORT: u16 = 8089;

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    let mut said = BTreeSet::new();
    for route in cluster.routing.routes.iter().filter(|route| proved_over_http(context, route)) {
        for attachment in cluster.attachments(route) {
            let party = party(context, &attachment.entry);
            let namespace = route.object.namespace.as_deref().unwrap_or_default();
            if let Some(placed) = stop(context, &party, namespace)
                && said.insert(placed.index)
            {
                findings.push(finding(route, &party, placed));
            }
        }
    }
}

fn proved_over_http(context: &Context<'_>, route: &Route) -> bool {
    let Some((kind, name)) = &route.issuer else { return false };
    context.cluster().demands.issuers.iter().any(|issuer| {
        issuer.kind == *kind
            && issuer.meta.name.value == *name
            && (*kind == "ClusterIssuer" || route.object.namespace.as_ref() == Some(&issuer.meta.namespace))
    })
}

/// The policy that keeps the party from solver pods of a namespace.
fn stop<'a>(context: &Context<'a>, party: &Party, namespace: &str) -> Option<Placed<'a>> {
    let cluster = context.cluster();
    let namespace_labels = &cluster.namespaces.get(cluster.namespace_id(namespace)?.0 as usize)?.labels;
    let labels = Labels::from_iter([(SOLVER_LABEL, "true")]);
    let selects = |subject: &PodSelector| {
        subject.pods.matches(&labels)
            && match &subject.namespaces {
                NamespaceSelector::Named(name) => **name == *namespace,
                NamespaceSelector::Labels(selector) => selector.matches(namespace_labels),
            }
    };
    let isolating: Vec<Placed<'a>> = context
        .policies()
        .iter()
        .copied()
        .filter(|placed| placed.tier.participation == Participation::Selected)
        .filter(|placed| placed.policy.ingress.is_some() && selects(&placed.policy.subject))
        .collect();
    let admitted = match &party.caller {
        Caller::Pods(groups) => groups.iter().any(|&id: &GroupId| {
            let solver = PodEnd {
                name: None,
                namespace: Some(namespace),
                namespace_labels,
                labels: &labels,
                ports: &[],
                host_network: false,
                addresses: &[],
                node: None,
            };
            context.pods.group(id).and_then(|pods| end(context, pods)).is_none_or(|src| {
                let flow = Flow { src, dst: End::Pod(solver), protocol: Protocol::Tcp, port: SOLVER_PORT };
                decide(&context.snapshot.policies, context.snapshot.profile, &flow).ingress == Verdict::Allow
            })
        }),
        Caller::Unseen | Caller::ApiServer(_) => {
            isolating.is_empty()
                || isolating
                    .iter()
                    .filter_map(|placed| placed.policy.rules(Direction::Ingress))
                    .flatten()
                    .any(|rule| {
                        toward(&rule.ports, None).contains(Protocol::Tcp, SOLVER_PORT)
                            && may_match_unseen(rule, namespace)
                    })
        }
    };
    if admitted {
        return None;
    }
    isolating
        .into_iter()
        .max_by_key(|placed| context.selected(&placed.policy.subject).map_or(0, |found| found.pods.len()))
}

fn finding(route: &Route, party: &Party, placed: Placed<'_>) -> Finding {
    let policy = placed.policy;
    let namespace = route.object.namespace.as_deref().unwrap_or_default();
    let message = format!(
        "`{}` keeps {} from cert-manager's solver pods in namespace `{namespace}` on TCP {SOLVER_PORT}",
        policy.object, party.name
    );
    let grant = example::Grant {
        name: "allow-acme-solver".to_owned(),
        namespace: namespace.to_owned(),
        subject: Selector::label(SOLVER_LABEL, "true"),
        direction: Direction::Ingress,
        peers: vec!["{namespaceSelector: {}} # better: the namespace of the controller".to_owned()],
        ports: vec![example::port(Protocol::Tcp, SOLVER_PORT, SOLVER_PORT)],
    };
    ACME_SOLVER_BLOCKED
        .finding(policy.name_span, message)
        .label(format!("TCP {SOLVER_PORT} is denied"))
        .object(policy.object.to_string())
        .key(namespace)
        .related(route.meta.name.span, "asks for a certificate that is proved over HTTP")
        .witness(Witness {
            src: party.id.clone(),
            dst: format!("{{acme-solver {namespace}}}"),
            protocol: Protocol::Tcp.name(),
            port: SOLVER_PORT,
        })
        .fix(Fix {
            description: "let the controller reach the solver pods".to_owned(),
            applicability: Applicability::DisplayOnly,
            edits: Vec::new(),
            example: Some(grant.yaml()),
        })
}
