//! Prometheus Operator: the pods that it makes for a Prometheus, an Alertmanager and their like.
//!
//! The manifests hold the custom resource. What the operator makes of it in the cluster is a StatefulSet whose name,
//! labels and ports are known.

use std::sync::Arc;

use super::meta::Root;
use super::pod::{ContainerPort, PodShape, spec_shape, template_labels};
use super::read::{Path, Reader, Unknown};
use super::{Needs, Object, Replicas, Spanned, Workload, workload};
use crate::space::{Labels, Protocol};
use crate::yaml::Node;

/// What the operator makes of one kind.
struct Made {
    /// How the StatefulSet's name begins.
    prefix: &'static str,
    /// What `app.kubernetes.io/name` says.
    name: &'static str,
    /// The label that says the custom resource's name.
    label: &'static str,
    /// The port that is called `web`, unless `spec.portName` calls it otherwise.
    web: u16,
    /// The others.
    ports: &'static [(&'static str, Protocol, u16)],
}

/// The port of the container that reloads the configuration.
const RELOADER: (&str, Protocol, u16) = ("reloader-web", Protocol::Tcp, 8080);

const PROMETHEUS: Made =
    Made { prefix: "prometheus", name: "prometheus", label: "prometheus", web: 9090, ports: &[RELOADER] };
const AGENT: Made = Made {
    prefix: "prom-agent",
    name: "prometheus-agent",
    label: "operator.prometheus.io/name",
    web: 9090,
    ports: &[RELOADER],
};
const ALERTMANAGER: Made = Made {
    prefix: "alertmanager",
    name: "alertmanager",
    label: "alertmanager",
    web: 9093,
    ports: &[("mesh-tcp", Protocol::Tcp, 9094), ("mesh-udp", Protocol::Udp, 9094), RELOADER],
};
const THANOS_RULER: Made = Made {
    prefix: "thanos-ruler",
    name: "thanos-ruler",
    label: "thanos-ruler",
    web: 10902,
    ports: &[("grpc", Protocol::Tcp, 10901), RELOADER],
};
/// The ports of a Thanos sidecar.
const SIDECAR: [(&str, Protocol, u16); 2] = [("grpc", Protocol::Tcp, 10901), ("http", Protocol::Tcp, 10902)];

/// Decodes a Prometheus.
pub(super) fn prometheus(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    decode(reader, root, &PROMETHEUS)
}

/// Decodes a PrometheusAgent. One that runs on every node makes a DaemonSet, and is left to whoever shows that.
pub(super) fn agent(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let mode = root.spec.and_then(|spec| spec.value.get("mode")).and_then(Node::as_str);
    if mode == Some("DaemonSet") { None } else { decode(reader, root, &AGENT) }
}

/// Decodes an Alertmanager.
pub(super) fn alertmanager(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    decode(reader, root, &ALERTMANAGER)
}

/// Decodes a ThanosRuler.
pub(super) fn thanos_ruler(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    decode(reader, root, &THANOS_RULER)
}

fn decode(reader: &mut Reader<'_>, root: Root<'_>, made: &Made) -> Option<Object> {
    let path = Path::Root.field("spec");
    let spec = &root.spec?.value;
    let [metadata, replicas, shards, version, port_name, listen_local, thanos] = reader.fields(
        &path,
        spec,
        ["podMetadata", "replicas", "shards", "version", "portName", "listenLocal", "thanos"],
        Unknown::Allowed,
    );
    let name = root.meta.name.value.clone();
    let written = template_labels(reader, &path.field("podMetadata"), metadata, &[]);
    let span = written.as_ref().map_or(root.meta.name.span, |labels| labels.span);
    let mut labels = Labels::default();
    if let Some(version) = reader.string(&path.field("version"), version) {
        labels.insert("app.kubernetes.io/version", version.trim_start_matches('v'));
    }
    for (key, value) in written.iter().flat_map(|labels| labels.value.iter()) {
        labels.insert(key, value);
    }
    let own = [
        ("app.kubernetes.io/name", made.name),
        ("app.kubernetes.io/instance", &*name),
        ("app.kubernetes.io/managed-by", "prometheus-operator"),
        (made.label, &*name),
    ];
    for (key, value) in own {
        labels.insert(key, value);
    }
    let count = |reader: &mut Reader<'_>, field, entry| {
        workload::count(reader, &path.field(field), entry, Replicas::Exactly(1))
    };
    let (each, shards) = (count(reader, "replicas", replicas), count(reader, "shards", shards));
    if made.name.starts_with("prometheus") {
        labels.insert("operator.prometheus.io/name", &*name);
        if shards == Replicas::Exactly(1) {
            labels.insert("operator.prometheus.io/shard", "0");
        }
    }
    let shape = spec_shape(reader, &path, spec, Arc::new(labels));
    let mut ports = shape.ports.to_vec();
    let mut port = |name: &str, protocol, number| {
        ports.push(ContainerPort { name: Some(name.into()), protocol, number });
    };
    if !reader.flag(&path.field("listenLocal"), listen_local) {
        port(reader.string(&path.field("portName"), port_name).unwrap_or("web"), Protocol::Tcp, made.web);
    }
    let sidecar = if thanos.is_some_and(|entry| !entry.value.is_null()) { &SIDECAR[..] } else { &[] };
    for &(name, protocol, number) in made.ports.iter().chain(sidecar) {
        port(name, protocol, number);
    }
    ports.sort_unstable();
    ports.dedup();
    let replicas = match (each, shards) {
        (Replicas::Exactly(each), Replicas::Exactly(shards)) => {
            Replicas::Exactly(each.saturating_mul(shards))
        }
        _ => each,
    };
    let mut meta = root.meta;
    meta.name.value = format!("{}-{name}", made.prefix).into();
    Some(Object::Operated(Box::new(Workload {
        kind: "StatefulSet",
        labels: None,
        needs: Needs::default(),
        meta,
        shape: Spanned::new(reader.decoder.share(PodShape { ports: ports.into(), ..shape }), span),
        replicas,
        first_ordinal: 0,
        finished: false,
    })))
}
