//! `acme-solver-blocked`.

use std::collections::BTreeSet;

use npv_models::cluster::GroupId;
use npv_models::decide::{End, Flow, PodEnd, Verdict, decide};
use npv_models::diagnostic::{Applicability, Finding, Fix, Witness};
use npv_models::k8s::Route;
use npv_models::policy::{Action, Direction, NamespaceSelector, PodSelector, Rule};
use npv_models::space::{Labels, Protocol, Selector};

use super::ingress_backend_blocked::party;
use crate::lint::blame::{Culprit, denial};
use crate::lint::blocked::Party;
use crate::lint::callers::{Caller, end, may_match_unseen, unknown};
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
            if let Some(culprit) = stop(context, &party, namespace)
                && said.insert(culprit.placed.index)
            {
                findings.push(finding(route, &party, &culprit));
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

/// What keeps the party from solver pods of a namespace.
fn stop<'a>(context: &Context<'a>, party: &Party, namespace: &str) -> Option<Culprit<'a>> {
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
    let of_ingress = |placed: &Placed<'a>| placed.policy.ingress.is_some() && selects(&placed.policy.subject);
    let applying: Vec<Placed<'a>> = context.policies().iter().copied().filter(of_ingress).collect();
    let solver = End::Pod(PodEnd {
        namespace: Some(namespace),
        namespace_labels,
        labels: &labels,
        ..PodEnd::default()
    });
    let flow = |src| Flow { src, dst: solver, protocol: Protocol::Tcp, port: SOLVER_PORT };
    let isolating = || applying.iter().copied().filter(|placed| placed.isolates(Direction::Ingress));
    let denied = match &party.caller {
        Caller::Pods(groups) => {
            let pods = groups.iter().map(|&id: &GroupId| end(context, context.pods.group(id)?));
            // Pods of which nothing is known may be admitted.
            let sources: Vec<End<'a>> = pods.collect::<Option<_>>()?;
            let admitted = |src: End<'a>| {
                let decision = decide(&context.snapshot.policies, context.snapshot.profile, &flow(src));
                decision.ingress == Verdict::Allow
            };
            if sources.iter().copied().any(admitted) {
                return None;
            }
            sources.first().and_then(|src| denial(context, &flow(*src), Direction::Ingress))
        }
        Caller::Unseen | Caller::ApiServer(_) | Caller::Balancer => {
            let denied = denial(context, &flow(unknown()), Direction::Ingress);
            let may_admit = |rule: &Rule| {
                matches!(rule.action, Action::Allow | Action::Pass)
                    && toward(&rule.ports, None).touches(Protocol::Tcp, SOLVER_PORT)
                    && may_match_unseen(context, rule, namespace)
            };
            let rules = |placed: &Placed<'a>| placed.policy.rules(Direction::Ingress).unwrap_or_default();
            let asked_first = applying.iter().flat_map(rules).take_while(|rule| {
                let deciding = denied.and_then(|culprit| culprit.rule);
                !deciding.is_some_and(|deciding| std::ptr::eq(deciding, *rule))
            });
            let known = match denied {
                Some(_) => asked_first.into_iter().any(may_admit),
                None => {
                    isolating().next().is_none()
                        || isolating().flat_map(|placed| rules(&placed).iter()).any(may_admit)
                }
            };
            if known {
                return None;
            }
            denied
        }
    };
    let isolates = || {
        isolating().max_by_key(|placed| {
            context.selected(placed.tier, &placed.policy.subject).map_or(0, |found| found.pods.len())
        })
    };
    denied.or_else(|| Some(Culprit { placed: isolates()?, rule: None }))
}

fn finding(route: &Route, party: &Party, culprit: &Culprit<'_>) -> Finding {
    let policy = culprit.placed.policy;
    let namespace = route.object.namespace.as_deref().unwrap_or_default();
    let message = format!(
        "{culprit} keeps {} from cert-manager's solver pods in namespace `{namespace}` on TCP {SOLVER_PORT}",
        party.name
    );
    let grant = example::Grant {
        name: "allow-acme-solver".to_owned(),
        namespace: namespace.to_owned(),
        subject: Selector::label(SOLVER_LABEL, "true"),
        direction: Direction::Ingress,
        peers: vec!["{namespaceSelector: {}} # better: the namespace of the controller".to_owned()],
        ports: vec![example::port(Protocol::Tcp, SOLVER_PORT, SOLVER_PORT)],
    };
    let finding = ACME_SOLVER_BLOCKED
        .finding(culprit.span(), message)
        .label(format!("TCP {SOLVER_PORT} is denied"))
        .object(policy.object.to_string())
        .key(namespace)
        .related(route.meta.name.span, "asks for a certificate that is proved over HTTP")
        .witness(Witness {
            src: party.id.clone(),
            dst: format!("{{acme-solver {namespace}}}"),
            protocol: Protocol::Tcp.name(),
            port: SOLVER_PORT,
        });
    match culprit.remedy() {
        Some(remedy) => finding.help(remedy),
        None => finding.fix(Fix {
            description: "let the controller reach the solver pods".to_owned(),
            applicability: Applicability::DisplayOnly,
            edits: Vec::new(),
            example: Some(grant.yaml()),
        }),
    }
}
