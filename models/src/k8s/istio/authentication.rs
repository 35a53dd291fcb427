//! PeerAuthentication and RequestAuthentication.

use std::collections::BTreeMap;

use super::super::meta::Root;
use super::super::read::{Path, Reader, Unknown, clip, fault};
use super::super::registry::Kind;
use super::super::{Meta, Object, Policy, Spanned};
use super::{IstioObject, selector};
use crate::space::Selector;
use crate::yaml::Entry;

pub(in crate::k8s) const PEER: Kind =
    Kind { policy: true, ..Kind::new("security.istio.io", "PeerAuthentication", peer) };
pub(in crate::k8s) const REQUEST: Kind =
    Kind { policy: true, ..Kind::new("security.istio.io", "RequestAuthentication", request) };

/// Which connections a server takes (M-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MutualTls {
    /// Mutual TLS only.
    Strict,
    /// Both.
    Permissive,
    /// Plaintext only.
    Disable,
}

/// A PeerAuthentication (M-10).
#[derive(Clone, Debug, PartialEq)]
pub struct PeerAuthentication {
    /// Its name and place.
    pub meta: Meta,
    /// The workloads that it is for; all of its namespace where `None`.
    pub selector: Option<Spanned<Selector>>,
    /// The mode; inherited where `None`.
    pub mode: Option<Spanned<MutualTls>>,
    /// Modes of ports of the pod.
    pub ports: BTreeMap<u16, Spanned<Option<MutualTls>>>,
}

/// A RequestAuthentication (M-34).
#[derive(Clone, Debug, PartialEq)]
pub struct RequestAuthentication {
    /// Its name and place.
    pub meta: Meta,
    /// The workloads that it is for.
    pub selector: Option<Spanned<Selector>>,
}

#[expect(clippy::unnecessary_wraps, reason = "how every kind is read")]
fn peer(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let mut object =
        PeerAuthentication { meta: root.meta, selector: None, mode: None, ports: BTreeMap::new() };
    if let Some(spec) = root.spec {
        let [own, mtls, ports] =
            reader.fields(&path, &spec.value, ["selector", "mtls", "portLevelMtls"], Unknown::Refused(&[]));
        object.selector = selector(reader, &path.field("selector"), own);
        object.mode = mtls
            .and_then(|mtls| mode(reader, &path.field("mtls"), mtls))
            .and_then(|mode| Some(Spanned::new(mode.value?, mode.span)));
        let ports_path = path.field("portLevelMtls");
        for entry in ports.map_or(&[][..], |ports| reader.entries(&ports_path, &ports.value)) {
            let path = ports_path.field(&entry.key);
            let Some(port) = entry.key.parse::<u16>().ok().filter(|port| *port > 0) else {
                let message = format!("`{}` is no port: ports go from 1 to 65535", clip(&entry.key));
                reader.report(fault(reader.invalid(), &path, entry.key_span, message));
                continue;
            };
            if let Some(mode) = mode(reader, &path, entry) {
                object.ports.insert(port, mode);
            }
        }
        if let (Some(ports), None) = (ports, own)
            && !object.ports.is_empty()
        {
            let message = "`portLevelMtls` needs a `selector`";
            reader.report(
                fault(reader.invalid(), &ports_path, ports.key_span, message)
                    .help("say whose ports they are, or leave them out"),
            );
        }
    }
    Some(Object::Policy(Policy::Istio(Box::new(IstioObject::PeerAuthentication(object)))))
}

/// `{mode: STRICT}`; `None` within where it is unset.
fn mode(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry) -> Option<Spanned<Option<MutualTls>>> {
    let [mode] = reader.fields(path, &entry.value, ["mode"], Unknown::Refused(&[]));
    let Some(entry) = mode else { return Some(Spanned::new(None, entry.value.span)) };
    let text = reader.text(&path.field("mode"), &entry.value)?;
    let mode = match text {
        "STRICT" => Some(MutualTls::Strict),
        "PERMISSIVE" => Some(MutualTls::Permissive),
        "DISABLE" => Some(MutualTls::Disable),
        "UNSET" | "" => None,
        other => {
            let message =
                format!("`{}` is none of the modes STRICT, PERMISSIVE, DISABLE and UNSET", clip(other));
            reader.report(fault(reader.invalid(), &path.field("mode"), entry.value.span, message));
            return None;
        }
    };
    Some(Spanned::new(mode, entry.value.span))
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
fn request(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let mut object = RequestAuthentication { meta: root.meta, selector: None };
    if let Some(spec) = root.spec {
        let [own, _, _, _] = reader.fields(
            &path,
            &spec.value,
            ["selector", "targetRef", "targetRefs", "jwtRules"],
            Unknown::Refused(&[]),
        );
        object.selector = selector(reader, &path.field("selector"), own);
    }
    Some(Object::Policy(Policy::Istio(Box::new(IstioObject::RequestAuthentication(object)))))
}
