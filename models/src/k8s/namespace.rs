//! Namespaces.

use std::sync::Arc;

use super::meta::Root;
use super::read::Reader;
use super::{Meta, Object, Spanned};
use crate::space::Labels;

/// A Namespace.
#[derive(Clone, Debug, PartialEq)]
pub struct Namespace {
    /// Its name.
    pub meta: Meta,
    /// Its labels as written; the label of its name is added where the inventory is made (S-41).
    pub labels: Spanned<Arc<Labels>>,
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
pub(super) fn decode(_reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let labels = root.labels();
    Some(Object::Namespace(Box::new(Namespace { labels, meta: root.meta })))
}
