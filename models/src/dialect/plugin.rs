//! What a network plugin does by itself, whatever the manifests ask for.

use std::sync::Arc;

use super::admin::NETWORK_POLICY;
use super::{Context, Lowered, Stage, network_policy};
use crate::k8s;
use crate::policy::{
    Action, Entity, Isolation, NamespaceSelector, ObjectRef, Peer, PeerMatch, Peers, PodSelector, Policy,
    Priority, Provenance, Rule,
};
use crate::source::{SourceId, Span};
use crate::space::Selector;

/// The policies that a plugin adds to those of the manifests.
pub(super) fn implied(policies: &[k8s::Policy], context: &Context<'_>) -> Lowered {
    let cni = context.cni;
    let mut lowered = Lowered::new();
    // P-23: behind cluster-wide denials, before NetworkPolicies.
    if cni.traits.own_node_open && !policies.is_empty() {
        let (object, span) = match &cni.shown {
            Some(shown) => (shown.0.clone(), shown.1),
            None => (by_name(cni.name), Span::new(SourceId(u32::MAX), 0, 0)),
        };
        let stage = Stage::ordered("own node", Priority::number(NETWORK_POLICY - 1));
        let at = || Provenance { path: "own node".into(), span };
        let peer = Peer { matches: PeerMatch::Entity(Entity::OwnNode), provenance: at() };
        let rule = Rule { peers: Peers::Listed(vec![peer]), ..Rule::new(Action::Allow, at()) };
        let policy = of_everybody(object, span, Isolation::NONE);
        lowered.push((stage, Policy { egress: Some(vec![rule]), ..policy }));
    }
    // P-2, P-28: pods are closed, policies or not.
    if let Some(evidence) = &cni.isolates
        && cni.traits.enforces()
    {
        let policy = of_everybody(evidence.object.clone(), evidence.span, Isolation::BOTH);
        let policy = Policy { ingress: Some(Vec::new()), egress: Some(Vec::new()), ..policy };
        lowered.push((network_policy::stage(context), policy));
    }
    lowered
}

fn by_name(name: &str) -> ObjectRef {
    ObjectRef { group: ObjectRef::PLUGIN, kind: "CNI", namespace: None, name: name.into() }
}

/// A policy of the plugin's own for all pods.
fn of_everybody(object: ObjectRef, span: Span, isolation: Isolation) -> Policy {
    let everybody = NamespaceSelector::Labels(Selector::EVERYTHING);
    Policy {
        object: Arc::new(ObjectRef { group: ObjectRef::PLUGIN, ..object }),
        name_span: span,
        priority: Priority::default(),
        subject: PodSelector { namespaces: everybody, pods: Selector::EVERYTHING },
        also: Vec::new(),
        subject_span: span,
        ingress: None,
        egress: None,
        isolation,
        inert: Vec::new(),
    }
}
