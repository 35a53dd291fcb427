//! Who is at the other end: one kind of peer for each entry (K-13).

use super::super::read::{Path, Reader, clip, closest, fault, listing, replace};
use super::super::{Place, Spanned};
use super::{
    CiliumBlock, CiliumBlockSource, CiliumSelector, DomainPattern, STRICT, addresses, names,
    refused_by_agent, selector,
};
use crate::space::Selector;
use crate::yaml::{Entry, Node, Value};

/// The other end of an entry's flows.
#[derive(Clone, Debug, PartialEq)]
pub enum CiliumPeers {
    /// No kind of peer is there: everybody, if there are ports or ICMP types, and nobody otherwise (K-14, K-15).
    Everyone,
    /// An empty list, such as `fromEndpoints: []` (K-14).
    Nobody(Place),
    /// Whoever any of these matches.
    Listed {
        /// The field: `fromEndpoints`.
        field: Spanned<&'static str>,
        /// Its items; never empty, but for services, of which none may be there.
        peers: Vec<Spanned<CiliumPeer>>,
    },
}

/// An item of a list of peers.
#[derive(Clone, Debug, PartialEq)]
pub enum CiliumPeer {
    /// Endpoints by their labels (K-12).
    Endpoints(CiliumSelector),
    /// An entity (K-24).
    Entity(CiliumEntity),
    /// Addresses outside the cluster (K-21).
    Block(CiliumBlock),
    /// What Services lead to (K-40).
    Service(CiliumService),
    /// Addresses that a name resolves to (K-41).
    Domain(DomainPattern),
    /// Nodes by their labels (K-27).
    Nodes(CiliumSelector),
    /// Addresses that a cloud's API gives for a group (K-28): `aws` and what describes it.
    CloudGroup(Box<str>),
}

/// Services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CiliumService {
    /// By name.
    Named {
        /// Its name.
        name: Box<str>,
        /// Its namespace; any where it is left out.
        namespace: Option<Box<str>>,
    },
    /// By labels.
    Selected {
        /// The labels of the Services.
        selector: Selector,
        /// Their namespace; any where it is left out.
        namespace: Option<Box<str>>,
    },
    /// Neither is there: none.
    None,
}

/// What is known by a name of its own (K-24).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CiliumEntity {
    /// Everything.
    All,
    /// Whatever is outside the cluster.
    World,
    /// Whatever is inside it.
    Cluster,
    /// Whatever is inside any cluster of the mesh; since 1.20.
    ClusterMesh,
    /// The node that the pod is on.
    Host,
    /// Pods that have no labels yet.
    Init,
    /// Cilium's own proxy, from which Ingress and Gateway traffic comes (K-64).
    Ingress,
    /// Pods that Cilium does not manage.
    Unmanaged,
    /// Every other node.
    RemoteNode,
    /// Cilium's own probe endpoints.
    Health,
    /// Nothing.
    None,
    /// The API server.
    KubeApiServer,
}

impl CiliumEntity {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::All,
        Self::World,
        Self::Cluster,
        Self::ClusterMesh,
        Self::Host,
        Self::Init,
        Self::Ingress,
        Self::Unmanaged,
        Self::RemoteNode,
        Self::Health,
        Self::None,
        Self::KubeApiServer,
    ];

    /// As policies write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::World => "world",
            Self::Cluster => "cluster",
            Self::ClusterMesh => "cluster-mesh",
            Self::Host => "host",
            Self::Init => "init",
            Self::Ingress => "ingress",
            Self::Unmanaged => "unmanaged",
            Self::RemoteNode => "remote-node",
            Self::Health => "health",
            Self::None => "none",
            Self::KubeApiServer => "kube-apiserver",
        }
    }
}

/// Kinds of peers, by what follows `from` or `to` in their fields.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PeerKind {
    Endpoints,
    Cidr,
    CidrSet,
    Entities,
    Nodes,
    Groups,
    Services,
    Domains,
}

/// A field of an entry that names peers.
pub(super) struct PeerField<'n> {
    pub(super) name: &'static str,
    pub(super) kind: PeerKind,
    pub(super) entry: Option<&'n Entry>,
}

/// Reads the peers of an entry at a path.
pub(super) fn read(reader: &mut Reader<'_>, path: &Path<'_>, fields: &[PeerField<'_>]) -> CiliumPeers {
    let mut listed: Option<(Spanned<&'static str>, Vec<Spanned<CiliumPeer>>)> = None;
    let mut nobody = None;
    let mut present: Vec<&PeerField<'_>> = fields.iter().filter(|field| field.entry.is_some()).collect();
    present.sort_by_key(|field| field.entry.map(|entry| entry.key_span.start));
    for field in present {
        let Some(entry) = field.entry else { continue };
        let path = path.field(field.name);
        let items = reader.list(&path, Some(entry));
        if items.is_empty() {
            // Of these an empty list says nothing at all.
            let silent = matches!(field.kind, PeerKind::Domains | PeerKind::Services | PeerKind::Groups);
            if !silent && matches!(entry.value.value, Value::Seq(_)) {
                nobody = nobody.or(Some(Spanned::new((), entry.key_span)));
            }
            continue;
        }
        if let Some((first, _)) = &listed {
            let message = format!("`{}` and `{}` must not be in one entry", first.value, field.name);
            reader.report(
                refused_by_agent(&path, entry.key_span, message)
                    .related(first.span, "the other one")
                    .help("write an entry for each: then either may match"),
            );
        }
        if field.kind == PeerKind::Nodes {
            let message = format!("`{}` needs the agent's option `enable-node-selector-labels`", field.name);
            reader.report(
                refused_by_agent(&path, entry.key_span, message)
                    .help("without it, name nodes as `remote-node` or `host` in the entities"),
            );
        }
        let mut peers = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = path.item(index);
            if item.is_null() {
                reader.null_item(&path, item, "an empty peer, which the API server refuses");
            } else {
                let peer = read_one(reader, &path, item, field.kind);
                peers.extend(peer.map(|peer| Spanned::new(peer, item.span)));
            }
        }
        listed = listed.or(Some((Spanned::new(field.name, entry.key_span), peers)));
    }
    match (nobody, listed) {
        (Some(place), _) => CiliumPeers::Nobody(place),
        (None, Some((field, peers))) => CiliumPeers::Listed { field, peers },
        (None, None) => CiliumPeers::Everyone,
    }
}

fn read_one(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node, kind: PeerKind) -> Option<CiliumPeer> {
    match kind {
        PeerKind::Endpoints => Some(CiliumPeer::Endpoints(selector::read(reader, path, item))),
        PeerKind::Nodes => Some(CiliumPeer::Nodes(selector::read(reader, path, item))),
        PeerKind::Cidr => {
            let block = addresses::read_block(reader, path, item)?;
            let source = CiliumBlockSource::Block(block);
            Some(CiliumPeer::Block(CiliumBlock { source, except: Vec::new() }))
        }
        PeerKind::CidrSet => addresses::read_set(reader, path, item).map(CiliumPeer::Block),
        PeerKind::Entities => read_entity(reader, path, item).map(CiliumPeer::Entity),
        PeerKind::Services => Some(CiliumPeer::Service(read_service(reader, path, item))),
        PeerKind::Domains => names::read_one(reader, path, item).map(CiliumPeer::Domain),
        PeerKind::Groups => Some(CiliumPeer::CloudGroup(read_group(reader, path, item))),
    }
}

fn read_entity(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node) -> Option<CiliumEntity> {
    let text = reader.text(path, item)?;
    let known = CiliumEntity::ALL.into_iter().find(|entity| entity.name() == text);
    if known.is_none() {
        let names = CiliumEntity::ALL.map(CiliumEntity::name);
        let message = format!("`{}` is no entity", clip(text));
        let finding = fault("invalid-policy", path, item.span, message);
        let meant = match text {
            "world-ipv4" | "world-ipv6" => Some("world"),
            "node" | "nodes" => Some("remote-node"),
            "apiserver" | "api-server" => Some("kube-apiserver"),
            _ => closest(text, &names),
        };
        reader.report(match meant {
            Some(name) => finding.help(format!("did you mean `{name}`?")).fix(replace(
                item.span,
                text,
                name,
                format!("write `{name}`"),
            )),
            None => finding.help(format!("entities are {}", listing(&names))),
        });
    }
    known
}

fn read_service(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node) -> CiliumService {
    let [named, selected] = reader.fields(path, item, ["k8sService", "k8sServiceSelector"], STRICT);
    let mut namespace = None;
    let name = named.and_then(|entry| {
        let path = path.field("k8sService");
        let [name, place] = reader.fields(&path, &entry.value, ["serviceName", "namespace"], STRICT);
        namespace = filled(reader.string(&path.field("namespace"), place));
        reader.string(&path.field("serviceName"), name)
    });
    if let Some(entry) = selected {
        let path = path.field("k8sServiceSelector");
        let before = reader.count();
        let [labels, place] = reader.fields(&path, &entry.value, ["selector", "namespace"], STRICT);
        let namespace = filled(reader.string(&path.field("namespace"), place));
        if labels.is_none() && reader.count() == before {
            super::missing(reader, &path, "selector", entry.key_span);
        }
        let labels =
            labels.map(|labels| selector::read_plain(reader, &path.field("selector"), &labels.value));
        // Where both are there, this one counts.
        return CiliumService::Selected { selector: labels.unwrap_or_default(), namespace };
    }
    match name {
        Some(name) => CiliumService::Named { name: name.into(), namespace },
        None => CiliumService::None,
    }
}

/// A text that is there and not empty.
pub(super) fn filled(text: Option<&str>) -> Option<Box<str>> {
    text.filter(|text| !text.is_empty()).map(Into::into)
}

/// What describes a group, in words.
fn read_group(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node) -> Box<str> {
    let [aws] = reader.fields(path, item, ["aws"], STRICT);
    let Some(aws) = aws else { return "aws".into() };
    let path = path.field("aws");
    let names = ["labels", "region", "securityGroupsIds", "securityGroupsNames"];
    let [labels, region, ids, names] = reader.fields(&path, &aws.value, names, STRICT);
    let mut words = vec!["aws".to_owned()];
    words.extend(reader.string(&path.field("region"), region).map(str::to_owned));
    for (name, list) in [("securityGroupsIds", ids), ("securityGroupsNames", names)] {
        let path = path.field(name);
        for (index, item) in reader.list(&path, list).iter().enumerate() {
            words.extend(reader.text(&path.item(index), item).map(str::to_owned));
        }
    }
    let labels_path = path.field("labels");
    for entry in labels.map_or(&[][..], |labels| reader.entries(&labels_path, &labels.value)) {
        if let Some(value) = reader.text(&labels_path.field(&entry.key), &entry.value) {
            words.push(format!("{}={value}", entry.key));
        }
    }
    words.join(" ").into()
}

/// Reports demands of peers, which no version takes any more that npv models (K-17).
pub(super) fn former(reader: &mut Reader<'_>, path: &Path<'_>, name: &'static str, entry: Option<&Entry>) {
    let path = path.field(name);
    let items = reader.list(&path, entry);
    if let (Some(entry), false) = (entry, items.is_empty()) {
        let endpoints = if name == "fromRequires" { "fromEndpoints" } else { "toEndpoints" };
        let message = format!("`{name}` is gone since Cilium 1.19");
        reader.report(
            fault("invalid-policy", &path, entry.key_span, message)
                .help(format!("write its labels into every selector of `{endpoints}`")),
        );
    }
}
