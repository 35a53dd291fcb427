//! NetworkSets and GlobalNetworkSets: addresses under labels (C-44).

use std::sync::Arc;

use ipnet::IpNet;

use super::super::meta::Root;
use super::super::read::{Path, Reader, Unknown, fault};
use super::super::{Meta, Object, Spanned};
use super::entity::net;
use super::{CalicoObject, Form};
use crate::space::Labels;

/// The label of a namespace's objects, which Calico sets by itself (C-34).
pub(super) const NAMESPACE_LABEL: &str = "projectcalico.org/namespace";

/// A NetworkSet, or a GlobalNetworkSet, which is in no namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkSet {
    /// Its name and place.
    pub meta: Meta,
    /// Its own labels.
    pub labels: Spanned<Arc<Labels>>,
    /// Its blocks, host bits cleared.
    pub nets: Vec<Spanned<IpNet>>,
}

pub(super) fn decode(reader: &mut Reader<'_>, root: Root<'_>, form: Form) -> Object {
    let labels = root.labels();
    let written = root
        .metadata
        .and_then(|metadata| metadata.value.get("labels"))
        .map_or(&[][..], |labels| labels.entries());
    if let (Some(entry), Form::Api) = (written.iter().find(|entry| &*entry.key == NAMESPACE_LABEL), form) {
        let message = format!("`{NAMESPACE_LABEL}` is set by Calico itself");
        // The set would be another one without it, so that this is no matter of its name alone.
        let path = Path::Root.field("labels");
        reader.report(fault("invalid-policy", &path, entry.key_span, message).help("remove the label"));
    }
    let path = Path::Root.field("spec");
    let [list] =
        root.spec.map_or([None], |spec| reader.fields(&path, &spec.value, ["nets"], Unknown::Refused(&[])));
    let path = path.field("nets");
    let mut nets = Vec::new();
    for (index, item) in reader.list(&path, list).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty block, which is invalid");
        } else {
            nets.extend(net(reader, &path, item, false).map(|net| Spanned::new(net, item.span)));
        }
    }
    let set = NetworkSet { meta: root.meta, labels, nets };
    Object::Calico(Box::new(CalicoObject::NetworkSet(set)))
}
