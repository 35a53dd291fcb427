//! CiliumCIDRGroup: addresses under a name (K-23).

use std::sync::Arc;

use ipnet::IpNet;

use super::super::meta::Root;
use super::super::read::{Path, Reader, fault};
use super::super::registry::Kind;
use super::super::{Meta, Object, Spanned};
use super::{API_GROUP, STRICT, addresses, missing};
use crate::space::Labels;

pub(in super::super) const KIND: Kind = Kind {
    policy: true,
    namespaced: false,
    versions: &["v2"],
    ..Kind::new(API_GROUP, "CiliumCIDRGroup", decode)
};

/// The version in which it began; the same shape.
pub(in super::super) const KIND_ALPHA: Kind = Kind { versions: &["v2alpha1"], ..KIND };

/// A CiliumCIDRGroup.
#[derive(Clone, Debug, PartialEq)]
pub struct CiliumCidrGroup {
    /// Its name; it is in no namespace.
    pub meta: Meta,
    /// Its labels, by which `cidrGroupSelector` finds it.
    pub labels: Spanned<Arc<Labels>>,
    /// `externalCIDRs`, host bits cleared.
    pub blocks: Vec<Spanned<IpNet>>,
}

fn decode(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let labels = root.labels();
    let path = Path::Root.field("spec");
    let Some(spec) = root.spec else {
        let span = root.entry("spec").map_or(root.meta.name.span, |entry| entry.key_span);
        reader.report(fault("invalid-policy", &path, span, "the group has no `spec`"));
        return None;
    };
    let before = reader.count();
    let [list] = reader.fields(&path, &spec.value, ["externalCIDRs"], STRICT);
    if list.is_none() && reader.count() == before {
        missing(reader, &path, "externalCIDRs", spec.key_span);
    }
    let blocks = addresses::read_list(reader, &path.field("externalCIDRs"), list);
    Some(Object::CidrGroup(Box::new(CiliumCidrGroup { meta: root.meta, labels, blocks })))
}
