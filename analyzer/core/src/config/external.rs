//! Pods that others make: what the configuration says of them, and what `npv init` proposes.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use npv_models::cluster::Cluster;
use npv_models::k8s::{
    self, ContainerPort, Decoder, Meta, NetworkPolicyPeer, Object, PodShape, Policy, Replicas, Spanned,
};
use npv_models::source::{SourceId, Span};
use npv_models::space::{Labels, Operator, Protocol, Selector};
use npv_models::yaml::{self, Node};
use serde_json::{Value as Json, json};

use super::ExternalPods;
use super::define::Value;
use super::read::Reader;
use super::show::scalar;
use crate::assertion::NAME_LABEL;
use crate::snapshot::Snapshot;

/// A port of a pod: `6379`, `53/udp`, `metrics:9121/tcp`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodPort(pub ContainerPort);

const PORT_HELP: &str = "write a number from 1 to 65535: `6379`, `53/udp`, with a name `metrics:9121`";

impl Value for PodPort {
    fn schema() -> Json {
        json!({
            "type": ["integer", "string"], "minimum": 1, "maximum": 65535,
            "pattern": "^([a-z0-9-]+:)?[0-9]+(/(tcp|udp|sctp))?$"
        })
    }

    fn read(reader: &mut Reader, path: &str, node: &Node) -> Option<Self> {
        let text = match node.as_int() {
            Some(number) => number.to_string(),
            None => reader.text(path, node)?.to_owned(),
        };
        let (rest, protocol) = text.split_once('/').unwrap_or((&text, "tcp"));
        let (name, number) = match rest.split_once(':') {
            Some((name, number)) => (Some(name), number),
            None => (None, rest),
        };
        let protocol = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp]
            .into_iter()
            .find(|known| known.to_string().eq_ignore_ascii_case(protocol));
        let number = number.parse::<u16>().ok().filter(|number| *number > 0);
        let named = name.is_none_or(|name| k8s::syntax::port_name(name).is_ok());
        match (protocol, number) {
            (Some(protocol), Some(number)) if named => {
                Some(Self(ContainerPort { name: name.map(Into::into), protocol, number }))
            }
            _ => {
                reader.wrong(path, node.span, format!("`{text}` is no port of a pod"), PORT_HELP);
                None
            }
        }
    }

    fn json(&self) -> Json {
        let ContainerPort { name, protocol, number } = &self.0;
        let name = name.as_ref().map_or_else(String::new, |name| format!("{name}:"));
        json!(format!("{name}{number}/{}", protocol.to_string().to_lowercase()))
    }
}

impl ExternalPods {
    /// The pods as a workload, at the place where they are configured.
    pub(super) fn workload(&self, index: usize) -> Option<k8s::Workload> {
        let labels = self.labels.value.as_ref()?.labels();
        let nowhere = Span::new(SourceId(0), 0, 0);
        let span = self.labels.span().unwrap_or(nowhere);
        let called = labels.iter().next().map(|(_, value)| value.to_owned());
        let name = self.name.value.clone().or(called).unwrap_or_else(|| format!("external-{index}"));
        let mut ports: Vec<ContainerPort> = self.ports.iter().map(|port| port.0.clone()).collect();
        ports.sort_unstable();
        let shape = PodShape { labels: Arc::new(labels), ports: ports.into(), ..PodShape::default() };
        Some(k8s::Workload {
            kind: "ExternalPods",
            meta: Meta {
                name: Spanned::new(name.into(), self.name.span().unwrap_or(span)),
                namespace: self.namespace.0.as_str().into(),
                ..Meta::default()
            },
            shape: Spanned::new(Arc::new(shape), span),
            // How many there are nobody says: any may talk to any other.
            replicas: Replicas::Unsaid,
            first_ordinal: 0,
            finished: false,
            labels: None,
            needs: k8s::Needs::default(),
        })
    }
}

/// Pods that policies name and that no manifest shows: lines of `externalPods`, all of them comments. Empty where there are
/// none.
pub(super) fn proposals(snapshot: &Snapshot) -> String {
    let mut text = String::new();
    for (namespace, labels) in missing(snapshot).into_iter().take(MOST) {
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{}: {}", scalar(key), scalar(value))).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "# - {{namespace: {}, labels: {{{}}}, ports: []}}",
            scalar(&namespace),
            labels.join(", ")
        );
    }
    text
}

/// So many proposals are read.
const MOST: usize = 12;

/// Namespace and labels of the pods that NetworkPolicies name outright, in namespaces that the manifests show, and that
/// are not there.
fn missing(snapshot: &Snapshot) -> BTreeSet<(String, Vec<(String, String)>)> {
    let cluster = &snapshot.cluster;
    let mut found = BTreeSet::new();
    let mut note = |namespace: &str, selector: &Selector| {
        let Some(labels) = outright(selector).filter(|labels| !labels.is_empty()) else { return };
        if !is_there(cluster, namespace, selector) {
            let labels = labels.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
            found.insert((namespace.to_owned(), labels));
        }
    };
    for policy in policies(snapshot) {
        let own = &*policy.meta.namespace;
        if let Some(selector) = &policy.pod_selector {
            note(own, &selector.value);
        }
        let rules = [&policy.ingress, &policy.egress].into_iter().flatten().flat_map(|rules| &rules.value);
        for peer in rules.flat_map(|rule| &rule.peers) {
            let NetworkPolicyPeer::Pods { namespaces, pods: Some(pods) } = &peer.value else { continue };
            match namespaces {
                None => note(own, pods),
                Some(selector) => {
                    let named = outright(selector);
                    if let Some(name) = named.as_ref().and_then(|labels| labels.get(NAME_LABEL)) {
                        note(name, pods);
                    }
                }
            }
        }
    }
    found
}

/// The labels of a selector that asks for nothing else.
fn outright(selector: &Selector) -> Option<Labels> {
    let label = |requirement: &npv_models::space::Requirement| match (
        requirement.operator,
        requirement.values.iter().as_slice(),
    ) {
        (Operator::In, [value]) => Some((requirement.key.clone(), value.clone())),
        _ => None,
    };
    selector.requirements().iter().map(label).collect()
}

fn is_there(cluster: &Cluster, namespace: &str, selector: &Selector) -> bool {
    let Some(id) = cluster.namespace_id(namespace) else { return true };
    let mut pods = cluster.groups.iter().filter(|group| group.namespace == id).peekable();
    pods.any(|group| selector.matches(&group.labels))
}

/// The NetworkPolicies of a snapshot, as they are written.
fn policies(snapshot: &Snapshot) -> Vec<k8s::NetworkPolicy> {
    let decoder = Decoder::new("default");
    let mut policies = Vec::new();
    for source in &snapshot.manifests {
        let Some(text) = snapshot.sources.get(*source).map(|source| source.text()) else { continue };
        if memchr::memmem::find(text.as_bytes(), b"NetworkPolicy").is_none() {
            continue;
        }
        for root in yaml::read(*source, text, 0).roots {
            let nested = root.get("items").map_or(&[][..], Node::items);
            for object in std::iter::once(&root).chain(nested) {
                if let Some(Object::Policy(Policy::NetworkPolicy(policy))) = decoder.decode(object).object {
                    policies.push(*policy);
                }
            }
        }
    }
    policies
}
