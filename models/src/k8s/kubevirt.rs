//! KubeVirt machines, whose pods carry the labels of the machine's instance.

use std::sync::Arc;

use super::meta::Root;
use super::pod::{ContainerPort, PodShape, port_number, template_labels, transport};
use super::read::{Path, Reader, Unknown, fault};
use super::{Needs, Object, Replicas, Spanned, Workload, workload};
use crate::yaml::Node;

/// A VirtualMachine: `spec.template` of one instance.
pub(super) fn machine(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    from_template(reader, root, Some(Replicas::Exactly(1)))
}

/// A VirtualMachineInstanceReplicaSet.
pub(super) fn replica_set(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    from_template(reader, root, None)
}

fn from_template(reader: &mut Reader<'_>, root: Root<'_>, replicas: Option<Replicas>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let [template, count] = root.spec.map_or([None; 2], |spec| {
        reader.fields(&path, &spec.value, ["template", "replicas"], Unknown::Allowed)
    });
    let replicas = match replicas {
        Some(replicas) => replicas,
        None => workload::count(reader, &path.field("replicas"), count, Replicas::Exactly(1)),
    };
    let path = path.field("template");
    let Some(template) = template else {
        let message = format!("the {} has no `{path}`", root.kind.name);
        reader.report(fault("wrong-type", &path, root.meta.name.span, message));
        return None;
    };
    let [metadata, spec] = reader.fields(&path, &template.value, ["metadata", "spec"], Unknown::Allowed);
    let labels = template_labels(reader, &path, metadata, &[]);
    let span = labels.as_ref().map_or(template.key_span, |labels| labels.span);
    let ports = ports(reader, &path.field("spec"), spec.map(|spec| &spec.value));
    let shape = PodShape {
        labels: Arc::new(labels.map(|labels| labels.value).unwrap_or_default()),
        undeclared: ports.is_empty(),
        ports,
        ..PodShape::default()
    };
    Some(finish(reader, root, Spanned::new(shape, span), replicas, false))
}

/// A VirtualMachineInstance: one running machine.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
pub(super) fn instance(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let labels = root.labels();
    let ports = ports(reader, &path, root.spec.map(|spec| &spec.value));
    let undeclared = ports.is_empty();
    let shape = PodShape { labels: labels.value, ports, undeclared, ..PodShape::default() };
    let phase = root.status.and_then(|status| status.value.get("phase")).and_then(Node::as_str);
    let finished = matches!(phase, Some("Succeeded" | "Failed"));
    Some(finish(reader, root, Spanned::new(shape, labels.span), Replicas::Exactly(1), finished))
}

fn finish(
    reader: &mut Reader<'_>,
    root: Root<'_>,
    shape: Spanned<PodShape>,
    replicas: Replicas,
    finished: bool,
) -> Object {
    Object::Workload(Box::new(Workload {
        kind: root.kind.name,
        labels: None,
        needs: Needs::default(),
        meta: root.meta,
        shape: Spanned::new(reader.decoder.share(shape.value), shape.span),
        replicas,
        first_ordinal: 0,
        finished,
    }))
}

/// The ports that the interfaces of a machine declare.
fn ports(reader: &mut Reader<'_>, path: &Path<'_>, spec: Option<&Node>) -> Arc<[ContainerPort]> {
    let mut ports = Vec::new();
    let domain = child(reader, path, spec, "domain");
    let path = path.field("domain");
    let devices = child(reader, &path, domain, "devices");
    let path = path.field("devices");
    let interfaces = child(reader, &path, devices, "interfaces");
    let path = path.field("interfaces");
    for (index, interface) in interfaces.map_or(&[][..], |node| reader.items(&path, node)).iter().enumerate()
    {
        let path = path.item(index);
        let list = child(reader, &path, Some(interface), "ports");
        let path = path.field("ports");
        for (index, item) in list.map_or(&[][..], |node| reader.items(&path, node)).iter().enumerate() {
            let path = path.item(index);
            let [name, number, protocol] =
                reader.fields(&path, item, ["name", "port", "protocol"], Unknown::Allowed);
            let name = reader.string(&path.field("name"), name).filter(|name| !name.is_empty());
            let protocol = transport(reader, &path.field("protocol"), protocol);
            let number = port_number(reader, &path.field("port"), number);
            if let (Some(number), Some(protocol)) = (number, protocol) {
                ports.push(ContainerPort { name: name.map(Into::into), protocol, number });
            }
        }
    }
    ports.sort_unstable();
    ports.dedup();
    ports.into()
}

fn child<'n>(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: Option<&'n Node>,
    name: &'static str,
) -> Option<&'n Node> {
    let [child] = reader.fields(path, node?, [name], Unknown::Allowed);
    child.map(|entry| &entry.value)
}
