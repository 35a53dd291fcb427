//! What all objects have in common: `metadata`.

use std::borrow::Cow;
use std::sync::Arc;

use super::read::{Path, Reader, Unknown, fault};
use super::registry::Kind;
use super::{Spanned, note, syntax};
use crate::source::{SourceId, Span};
use crate::space::Labels;
use crate::yaml::{Entry, Node, Value};

/// An object's name and place in the cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// Its name. Where only `generateName` is there, that prefix.
    pub name: Spanned<Box<str>>,
    /// The name is a prefix, so that each such object is a new one.
    pub generated: bool,
    /// Its namespace; empty for a cluster-scoped object.
    pub namespace: Box<str>,
    /// The object that controls it.
    pub owner: Option<Box<Owner>>,
    /// A deployment tool makes it for a moment, before or after everything else: a Helm or Argo CD hook.
    pub hook: bool,
}

/// Annotations that make an object a hook.
const HOOKS: [&str; 2] = ["helm.sh/hook", "argocd.argoproj.io/hook"];

impl Default for Meta {
    fn default() -> Self {
        let nowhere = Span::new(SourceId(0), 0, 0);
        let name = Spanned::new(Box::default(), nowhere);
        Self { name, generated: false, namespace: Box::default(), owner: None, hook: false }
    }
}

/// The object that controls another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner {
    /// Its kind.
    pub kind: Box<str>,
    /// Its name, in the same namespace.
    pub name: Box<str>,
}

/// An object whose common fields have been read.
pub(super) struct Root<'n> {
    pub(super) kind: &'static Kind,
    pub(super) node: &'n Node,
    pub(super) metadata: Option<&'n Entry>,
    pub(super) spec: Option<&'n Entry>,
    pub(super) status: Option<&'n Entry>,
    pub(super) meta: Meta,
}

impl<'n> Root<'n> {
    /// A field of the object as it is written, be it null.
    pub(super) fn entry(&self, name: &str) -> Option<&'n Entry> {
        self.node.entries().iter().rev().find(|entry| &*entry.key == name)
    }

    /// A field of the object that is not null.
    pub(super) fn field(&self, name: &str) -> Option<&'n Entry> {
        self.entry(name).filter(|entry| !entry.value.is_null())
    }

    /// The labels of the object itself, and where they are written: the name where there are none.
    /// Their errors have been reported with `metadata`.
    pub(super) fn labels(&self) -> Spanned<Arc<Labels>> {
        let labels = self.metadata.and_then(|metadata| metadata.value.get("labels"));
        match labels.filter(|labels| !labels.is_null()) {
            Some(node) => Spanned::new(Arc::new(collect(node)), node.span),
            None => Spanned::new(Arc::default(), self.meta.name.span),
        }
    }
}

/// Fields of `metadata` that say nothing about traffic.
const IGNORED: &[&str] = &[
    "clusterName",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generation",
    "initializers",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// Reads `metadata` of an object; `None` where it has no name.
pub(super) fn read(
    reader: &mut Reader<'_>,
    kind: &Kind,
    node: &Node,
    metadata: Option<&Entry>,
) -> Option<Meta> {
    let path = Path::Root.field("metadata");
    let Some(metadata) = metadata else {
        reader.report(fault(
            reader.invalid(),
            &path,
            node.span,
            "the object has no `metadata`, and so no name",
        ));
        return None;
    };
    let [name, generated, namespace, labels, annotations, owners] = reader.fields(
        &path,
        &metadata.value,
        ["name", "generateName", "namespace", "labels", "annotations", "ownerReferences"],
        Unknown::Refused(IGNORED),
    );
    check_strings(reader, &path.field("labels"), labels);
    // What others fill in or make sense of in annotations is theirs.
    let known = reader.placeholders.len();
    check_strings(reader, &path.field("annotations"), annotations);
    reader.placeholders.truncate(known);
    note::read(reader, annotations);
    let hook = annotations.is_some_and(|annotations| {
        annotations.value.entries().iter().any(|entry| HOOKS.contains(&&*entry.key))
    });
    if reader.policy {
        check_label_syntax(reader, &path.field("labels"), labels);
    }
    let owner = owner(reader, &path.field("ownerReferences"), owners);
    let namespace = read_namespace(reader, kind, &path.field("namespace"), namespace);

    let name_path = path.field("name");
    let entry = name.or(generated);
    let Some(entry) = entry else {
        if matches!(metadata.value.value, Value::Map(_) | Value::Null) {
            let span = if metadata.value.is_null() { metadata.key_span } else { metadata.value.span };
            reader.report(fault(reader.invalid(), &name_path, span, "`metadata.name` is missing"));
        }
        return None;
    };
    let text = reader.text(&name_path, &entry.value).map(Cow::Borrowed).or_else(|| bare(&entry.value))?;
    let text = &*text;
    if text.is_empty() {
        reader.report(fault(reader.invalid(), &name_path, entry.value.span, "`metadata.name` is empty"));
        return None;
    }
    if reader.policy
        && name.is_some()
        && !reader.placeholder(text, entry.value.span)
        && let Err(wrong) = syntax::dns_subdomain(text)
    {
        reader.malformed(&name_path, entry.value.span, text, wrong);
    }
    let generated = name.is_none();
    Some(Meta { name: Spanned::new(text.into(), entry.value.span), generated, namespace, owner, hook })
}

/// The text that a name without its quotes was meant to be, where that is one word: `name: y` is a boolean.
fn bare(node: &Node) -> Option<Cow<'static, str>> {
    Some(match node.value {
        Value::Bool(value) => value.to_string().into(),
        Value::Int(value) => value.to_string().into(),
        _ => return None,
    })
}

fn read_namespace(
    reader: &mut Reader<'_>,
    kind: &Kind,
    path: &Path<'_>,
    namespace: Option<&Entry>,
) -> Box<str> {
    if !kind.namespaced {
        return Box::default();
    }
    let text = reader.string(path, namespace).filter(|text| !text.is_empty());
    let (Some(text), Some(entry)) = (text, namespace) else {
        return reader.decoder.default_namespace.clone();
    };
    if reader.policy
        && !reader.placeholder(text, entry.value.span)
        && let Err(wrong) = syntax::dns_label(text)
    {
        reader.malformed(path, entry.value.span, text, wrong);
    }
    text.into()
}

/// Reports values of a map that must be strings and are none.
fn check_strings(reader: &mut Reader<'_>, path: &Path<'_>, map: Option<&Entry>) {
    if let Some(map) = map {
        for entry in reader.entries(path, &map.value) {
            reader.text(&path.field(&entry.key), &entry.value);
        }
    }
}

fn check_label_syntax(reader: &mut Reader<'_>, path: &Path<'_>, map: Option<&Entry>) {
    for entry in map.map_or(&[][..], |map| map.value.entries()) {
        let path = path.field(&entry.key);
        if let Err(wrong) = syntax::label_key(&entry.key) {
            reader.malformed(&path, entry.key_span, &entry.key, wrong);
        }
        if let Some(text) = entry.value.as_str()
            && !reader.placeholder(text, entry.value.span)
            && let Err(wrong) = syntax::label_value(text)
        {
            reader.malformed(&path, entry.value.span, text, wrong);
        }
    }
}

/// Reads a map of labels and reports its errors. A null value is the empty text.
pub(super) fn labels(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Labels {
    for entry in reader.entries(path, node) {
        reader.text(&path.field(&entry.key), &entry.value);
    }
    collect(node)
}

/// The labels of a map whose errors have been reported.
fn collect(node: &Node) -> Labels {
    let mut labels = Labels::default();
    for entry in node.entries() {
        if let Some(text) = entry.value.as_str().or(entry.value.is_null().then_some("")) {
            labels.insert(entry.key.clone(), text);
        }
    }
    labels
}

/// The owner that controls an object. A list written by hand may leave `controller` out.
fn owner(reader: &mut Reader<'_>, path: &Path<'_>, owners: Option<&Entry>) -> Option<Box<Owner>> {
    let mut best: Option<(bool, Box<Owner>)> = None;
    for (index, item) in reader.list(path, owners).iter().enumerate() {
        let path = path.item(index);
        let [kind, name, controller] =
            reader.fields(&path, item, ["kind", "name", "controller"], Unknown::Allowed);
        let kind = reader.string(&path.field("kind"), kind);
        let name = reader.string(&path.field("name"), name);
        let controls = reader.flag(&path.field("controller"), controller);
        let Some(name) = name else { continue };
        // Who says that pods belong together, but not to what, gets them together.
        let kind = kind.filter(|kind| !kind.is_empty()).unwrap_or("Pod");
        let denies = controller.is_some() && !controls;
        // The kubelet's own pods name their node, which controls nothing.
        if denies || kind == "Node" || name.is_empty() {
            continue;
        }
        if best.as_ref().is_none_or(|(certain, _)| controls && !certain) {
            best = Some((controls, Box::new(Owner { kind: kind.into(), name: name.into() })));
        }
    }
    best.map(|(_, owner)| owner)
}
