//! Autoscalers: who may have more pods than its manifest says.

use super::meta::Root;
use super::read::{Path, Reader, Unknown};
use super::{Meta, Object, Owner};

/// A HorizontalPodAutoscaler or a KEDA ScaledObject.
#[derive(Clone, Debug, PartialEq)]
pub struct Autoscaler {
    /// Its kind.
    pub kind: &'static str,
    /// Its name and place.
    pub meta: Meta,
    /// The controller that it scales, in the same namespace.
    pub target: Owner,
    /// The most pods that it asks for.
    pub most: u32,
}

/// A HorizontalPodAutoscaler, of any version.
pub(super) fn horizontal(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    read(reader, root, "maxReplicas", 1)
}

/// A KEDA ScaledObject, which scales a Deployment to 100 pods where it does not say otherwise.
pub(super) fn keda(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    read(reader, root, "maxReplicaCount", 100)
}

fn read(reader: &mut Reader<'_>, root: Root<'_>, most: &'static str, unsaid: u32) -> Option<Object> {
    let path = Path::Root.field("spec");
    let [target, limit] = reader.fields(&path, &root.spec?.value, ["scaleTargetRef", most], Unknown::Allowed);
    let most = match reader.integer(&path.field(most), limit) {
        Some(limit) => u32::try_from(limit.max(0)).unwrap_or(u32::MAX),
        None => unsaid,
    };
    let path = path.field("scaleTargetRef");
    let [kind, name] = reader.fields(&path, &target?.value, ["kind", "name"], Unknown::Allowed);
    let kind = reader.string(&path.field("kind"), kind).filter(|kind| !kind.is_empty());
    let name = reader.string(&path.field("name"), name)?;
    let target = Owner { kind: kind.unwrap_or("Deployment").into(), name: name.into() };
    Some(Object::Autoscaler(Box::new(Autoscaler { kind: root.kind.name, meta: root.meta, target, most })))
}
