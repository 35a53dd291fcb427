//! ClusterGroup and Group: members under a name.

use ipnet::IpNet;

use super::super::meta::Root;
use super::super::read::{Path, Reader, Unknown, fault};
use super::super::{Meta, Object, selector};
use super::peer::{read_block, read_selectors};
use super::{AntreaObject, unmodelled};
use crate::space::Selector;
use crate::yaml::Entry;

/// A ClusterGroup or a Group.
#[derive(Clone, Debug, PartialEq)]
pub struct AntreaGroup {
    /// Its name and place.
    pub meta: Meta,
    /// It is a ClusterGroup.
    pub clusterwide: bool,
    /// Who is in it.
    pub members: AntreaMembers,
}

/// Who is in a group: by exactly one of these.
#[derive(Clone, Debug, PartialEq)]
pub enum AntreaMembers {
    /// Pods by namespace and labels.
    Pods {
        /// `namespaceSelector`; `None` is every namespace in a ClusterGroup, else the group's own.
        namespaces: Option<Selector>,
        /// `podSelector`; `None` is every pod there.
        pods: Option<Selector>,
    },
    /// Addresses, each block with what is taken out of it.
    Blocks(Vec<(IpNet, Vec<IpNet>)>),
    /// Nodes by their labels.
    Nodes(Selector),
    /// The pods behind a Service, over any port.
    Service {
        /// The Service's namespace.
        namespace: Box<str>,
        /// Its name.
        name: Box<str>,
    },
    /// The members of other groups, which have none of this sort.
    Groups(Vec<Box<str>>),
    /// Machines outside the cluster, which npv does not model, or nothing.
    Nobody,
}

/// Decodes a ClusterGroup.
pub(super) fn clusterwide(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    decode(reader, root, true)
}

/// Decodes a Group.
pub(super) fn namespaced(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    decode(reader, root, false)
}

fn decode(reader: &mut Reader<'_>, root: Root<'_>, clusterwide: bool) -> Option<Object> {
    let path = Path::Root.field("spec");
    let Some(spec) = root.spec else {
        reader.report(fault("invalid-policy", &path, root.meta.name.span, "the group has no `spec`"));
        return None;
    };
    let names = [
        "podSelector",
        "namespaceSelector",
        "ipBlocks",
        "ipBlock",
        "nodeSelector",
        "serviceReference",
        "childGroups",
        "externalEntitySelector",
    ];
    let fields = reader.fields(&path, &spec.value, names, Unknown::Refused(&[]));
    let [pods, namespaces, blocks, block, nodes, service, children, entities] = fields;
    let sorts = [pods.or(namespaces), blocks.or(block), nodes, service, children, entities];
    let mut there = sorts.iter().flatten();
    if let (Some(first), Some(second)) = (there.next(), there.next()) {
        let message = format!("a group must not have both `{}` and `{}`", first.key, second.key);
        let finding = fault("invalid-policy", &path.field(&second.key), second.key_span, message);
        reader.report(finding.related(first.key_span, "the other one"));
    }
    let members = if let Some(entry) = blocks {
        let path = path.field("ipBlocks");
        let mut all = Vec::new();
        for (index, item) in reader.items(&path, &entry.value).iter().enumerate() {
            all.extend(read_block(reader, &path.item(index), item));
        }
        AntreaMembers::Blocks(all)
    } else if let Some(entry) = block {
        AntreaMembers::Blocks(read_block(reader, &path.field("ipBlock"), &entry.value).into_iter().collect())
    } else if let Some(entry) = nodes {
        AntreaMembers::Nodes(selector::read(reader, &path.field("nodeSelector"), &entry.value))
    } else if let Some(entry) = service {
        let path = path.field("serviceReference");
        let [namespace, name] =
            reader.fields(&path, &entry.value, ["namespace", "name"], Unknown::Refused(&[]));
        let own = root.meta.namespace.clone();
        let namespace = reader.string(&path.field("namespace"), namespace).map_or(own, Box::from);
        let name = reader.string(&path.field("name"), name).unwrap_or_default().into();
        AntreaMembers::Service { namespace, name }
    } else if let Some(entry) = children {
        AntreaMembers::Groups(read_children(reader, &path.field("childGroups"), entry))
    } else if let Some(entry) = entities {
        let path = path.field("externalEntitySelector");
        reader.report(unmodelled(&path, entry.key_span, "`externalEntitySelector`"));
        AntreaMembers::Nobody
    } else {
        match read_selectors(reader, &path, namespaces, pods) {
            (None, None) => AntreaMembers::Nobody,
            (namespaces, pods) => AntreaMembers::Pods { namespaces, pods },
        }
    };
    let group = AntreaGroup { meta: root.meta, clusterwide, members };
    Some(Object::Antrea(Box::new(AntreaObject::Group(group))))
}

fn read_children(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry) -> Vec<Box<str>> {
    let mut names = Vec::new();
    for (index, item) in reader.items(path, &entry.value).iter().enumerate() {
        names.extend(reader.text(&path.item(index), item).map(Box::from));
    }
    names
}
