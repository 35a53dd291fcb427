//! `differs-by-cni`.

use std::collections::BTreeMap;

use npv_models::cni::{Cni, DeviationKind, SHEETS, deviations};
use npv_models::diagnostic::Finding;
use npv_models::policy::ObjectRef;
use npv_models::source::Span;

use crate::lint::rule::lint_rule;
use crate::lint::{Check, Context};

lint_rule! {
    /// A part of a policy that other network plugins read as something else.
    ///
    /// ## What it finds
    ///
    /// A place in a policy where some network plugin does not do what the API says, or does what the API leaves to it: a
    /// block that holds addresses of pods, a range of ports, a port by name, SCTP, an exception in a block. It says which
    /// plugin does what.
    ///
    /// ## Why it matters
    ///
    /// The same manifests mean something else when the cluster moves to another plugin, or when they are deployed to two
    /// clusters. `npv diff --cni calico..cilium DIR` says what that opens and closes.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: web}}
    ///   ingress:
    ///     - from:
    ///         - ipBlock: {cidr: 10.0.0.0/8}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Select pods by their labels, and keep blocks for what is outside of the cluster.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: web}}
    ///   ingress:
    ///     - from:
    ///         - namespaceSelector: {}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// On what the cluster's own plugin makes something else of: `unsupported-by-cni` speaks of that. On kinds of policies
    /// that other plugins do not watch.
    pub(in crate::lint) static DIFFERS_BY_CNI = {
        name: "differs-by-cni",
        category: Hygiene,
        severity: Note,
        pedantic: true,
        check: Check::Snapshot(check),
    };
}

/// What plugins do at one place: who does what.
#[derive(Default)]
struct Place {
    object: Option<ObjectRef>,
    what: String,
    who: BTreeMap<String, Vec<&'static str>>,
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let snapshot = context.snapshot;
    let mut places: BTreeMap<(Span, DeviationKind), Place> = BTreeMap::new();
    for sheet in SHEETS {
        let cni = if sheet.name == snapshot.cni.name { snapshot.cni.clone() } else { Cni::as_in(sheet) };
        for deviation in deviations(&snapshot.written, &snapshot.cluster, &cni) {
            if matches!(deviation.kind, DeviationKind::NotEnforced | DeviationKind::MaybeEnforced) {
                continue;
            }
            let place = places.entry((deviation.span, deviation.kind)).or_default();
            place.object.get_or_insert(deviation.object);
            place.what = deviation.what;
            place.who.entry(deviation.instead).or_default().push(sheet.name);
        }
    }
    let own = |span: Span, kind: DeviationKind| {
        let mut own = snapshot.deviations.iter();
        kind.is_unsupported() && own.any(|own| (own.span, own.kind) == (span, kind))
    };
    for ((span, kind), Place { object, what, who }) in places {
        let Some(object) = object.filter(|_| !own(span, kind)) else { continue };
        let mut finding = DIFFERS_BY_CNI
            .finding(span, format!("{what} means something else to other network plugins"))
            .object(object.to_string())
            .key(format!("{} {what}", kind.name()));
        for (instead, plugins) in who {
            finding = finding.help(format!("{} {instead}", plugins.join(", ")));
        }
        findings.push(finding);
    }
}
