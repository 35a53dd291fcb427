//! What Istio's objects say of who may talk to whom: AuthorizationPolicy, PeerAuthentication, RequestAuthentication,
//! DestinationRule. MESH.md's numbers (M-1 ..) are cited where they mean something.

mod authentication;
mod authorization;
mod destination;
mod pods;

pub use authentication::{MutualTls, PeerAuthentication, RequestAuthentication};
pub(super) use authentication::{PEER, REQUEST};
pub(super) use authorization::AUTHORIZATION;
pub use authorization::{
    AuthorizationAction, AuthorizationPolicy, AuthorizationRule, Condition, Operation, Source, TargetRef,
};
pub(super) use destination::DESTINATION;
pub use destination::{ClientTls, DestinationRule, Subset, TrafficTls};
pub use pods::MeshNotes;
pub(super) use pods::notes;

use super::read::{Path, Reader, Unknown};
use super::{Meta, Spanned};
use crate::space::{Operator, Requirement, Selector};
use crate::yaml::{Entry, Node};

/// An object of Istio that decides about traffic.
#[derive(Clone, Debug, PartialEq)]
pub enum IstioObject {
    /// Who may send what to a workload (M-20).
    Authorization(AuthorizationPolicy),
    /// Whether a workload takes plaintext (M-10).
    PeerAuthentication(PeerAuthentication),
    /// Which tokens a workload takes (M-34).
    RequestAuthentication(RequestAuthentication),
    /// How clients connect to a host (M-12).
    DestinationRule(DestinationRule),
}

impl IstioObject {
    /// Its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Authorization(_) => "AuthorizationPolicy",
            Self::PeerAuthentication(_) => "PeerAuthentication",
            Self::RequestAuthentication(_) => "RequestAuthentication",
            Self::DestinationRule(_) => "DestinationRule",
        }
    }

    /// Its API group.
    pub const fn group(&self) -> &'static str {
        match self {
            Self::DestinationRule(_) => "networking.istio.io",
            _ => "security.istio.io",
        }
    }

    /// Its name and place.
    pub const fn meta(&self) -> &Meta {
        match self {
            Self::Authorization(object) => &object.meta,
            Self::PeerAuthentication(object) => &object.meta,
            Self::RequestAuthentication(object) => &object.meta,
            Self::DestinationRule(object) => &object.meta,
        }
    }

    /// Its selector of workloads, if it has one.
    pub const fn selector(&self) -> Option<&Spanned<Selector>> {
        match self {
            Self::Authorization(object) => object.selector.as_ref(),
            Self::PeerAuthentication(object) => object.selector.as_ref(),
            Self::RequestAuthentication(object) => object.selector.as_ref(),
            Self::DestinationRule(_) => None,
        }
    }
}

/// A selector of workloads: exact labels only. One that is there and empty selects every workload.
fn selector(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) -> Option<Spanned<Selector>> {
    let entry = entry?;
    let [labels] = reader.fields(path, &entry.value, ["matchLabels"], Unknown::Refused(&[]));
    Some(Spanned::new(exact(reader, &path.field("matchLabels"), labels), entry.value.span))
}

/// Exact labels.
fn exact(reader: &mut Reader<'_>, path: &Path<'_>, labels: Option<&Entry>) -> Selector {
    let entries = labels.map_or(&[][..], |labels| reader.entries(path, &labels.value));
    let requirements = entries.iter().filter_map(|entry| {
        let value = reader.text(&path.field(&entry.key), &entry.value)?;
        Some(Requirement::new(&*entry.key, Operator::In, [value]))
    });
    Selector::new(requirements.collect::<Vec<_>>())
}

/// A list of texts, each with its place.
fn texts(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) -> Vec<Spanned<Box<str>>> {
    let items = reader.list(path, entry).iter().enumerate();
    items
        .filter_map(|(index, item): (usize, &Node)| {
            Some(Spanned::new(reader.text(&path.item(index), item)?.into(), item.span))
        })
        .collect()
}
