//! What a pod's annotations and containers say of its place in a mesh.

use crate::yaml::Node;

/// What a mesh can see of a pod besides its labels; nothing for most pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MeshNotes {
    /// A container or init container is the mesh's proxy (M-3).
    pub proxy: bool,
    /// The annotation `sidecar.istio.io/inject` (M-2), or `linkerd.io/inject`.
    pub inject: Option<Box<str>>,
    /// Ports that go past the proxy (M-6).
    pub exclude_inbound: Vec<u16>,
    /// The only ports that do not; all where `None`.
    pub include_inbound: Option<Vec<u16>>,
    /// All connections go past ztunnel (M-6).
    pub bypass: bool,
}

/// What the metadata and the spec of a pod say; `None` where they say nothing.
pub(in crate::k8s) fn notes(metadata: Option<&Node>, spec: Option<&Node>) -> Option<MeshNotes> {
    let annotation = |key: &str| metadata?.get("annotations")?.get(key)?.as_str();
    let ports = |key: &str| -> Option<Vec<u16>> {
        let text = annotation(key)?;
        (text != "*").then(|| text.split(',').filter_map(|port| port.trim().parse().ok()).collect())
    };
    let named = |list: &str| {
        let containers = spec.and_then(|spec| spec.get(list)).map_or(&[][..], Node::items);
        containers.iter().any(|container| {
            container.get("name").and_then(Node::as_str).is_some_and(|name| name == "istio-proxy")
        })
    };
    let notes = MeshNotes {
        proxy: named("containers") || named("initContainers"),
        inject: annotation("sidecar.istio.io/inject").map(Into::into),
        exclude_inbound: ports("traffic.sidecar.istio.io/excludeInboundPorts").unwrap_or_default(),
        include_inbound: ports("traffic.sidecar.istio.io/includeInboundPorts"),
        bypass: annotation("ambient.istio.io/bypass-inbound-capture") == Some("true"),
    };
    (notes != MeshNotes::default()).then_some(notes)
}
