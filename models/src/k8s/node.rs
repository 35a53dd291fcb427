//! Nodes.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::meta::Root;
use super::pod::address;
use super::read::{Path, Reader, Unknown};
use super::{Meta, Object, Spanned};
use crate::space::Labels;

/// A Node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name.
    pub meta: Meta,
    /// Its labels.
    pub labels: Spanned<Arc<Labels>>,
    /// Its internal and external addresses.
    pub addresses: Box<[IpAddr]>,
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
pub(super) fn decode(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("status");
    let [list] = root
        .status
        .map_or([None], |status| reader.fields(&path, &status.value, ["addresses"], Unknown::Allowed));
    let path = path.field("addresses");
    let mut addresses = Vec::new();
    for (index, item) in reader.list(&path, list).iter().enumerate() {
        let path = path.item(index);
        let [kind, text] = reader.fields(&path, item, ["type", "address"], Unknown::Allowed);
        // The others are host names.
        if let Some("InternalIP" | "ExternalIP") = reader.string(&path.field("type"), kind)
            && let Some(address) = text.and_then(|text| address(reader, &path.field("address"), &text.value))
        {
            addresses.push(address);
        }
    }
    let mut seen = HashSet::new();
    addresses.retain(|address| seen.insert(*address));
    let labels = root.labels();
    Some(Object::Node(Box::new(Node { labels, addresses: addresses.into(), meta: root.meta })))
}
